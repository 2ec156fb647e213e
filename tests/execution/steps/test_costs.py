"""What steps cost a run that has none: nothing, counted."""

from __future__ import annotations

import dataclasses
import pathlib
import random
from collections.abc import Callable
from typing import Any, TypeVar, cast

import pytest

from bot.execution import poll_schedule
from bot.power import plan, ports
from bot.power.request import Action
from bot.sandbox import data_centre
from tests.execution import world
from tests.support import virtual

T = TypeVar("T")
PACED = plan.Terms(ramp=(1,), batch=2, max_per_rack=10_000, max_failures=10)
# Transactions, statements, power calls, reads and messages of a reboot of three servers in two
# waves: 177, 299 and 185 statements at the version before there were steps. They grow only on
# purpose: since then a run has the cards of other requests for its servers shown anew, when it
# begins and when it ends, and a transaction asks for its fence and for the audit's head once.
BEFORE = {
    Action.REBOOT: (18, 173, 2, 6, 4),
    Action.CYCLE: (33, 291, 4, 12, 4),
    Action.ON: (20, 181, 2, 6, 4),
}


@dataclasses.dataclass
class Counting:
    """A store that counts its transactions and their statements."""

    store: Any
    transactions: int = 0
    statements: int = 0

    async def write(self, work: Callable[[ports.Tx], T]) -> T:
        """Count a transaction that writes."""
        return await self._counted(self.store.write, work)

    async def read(self, work: Callable[[ports.Tx], T]) -> T:
        """Count a transaction that reads."""
        return await self._counted(self.store.read, work)

    async def _counted(self, ask: Any, work: Callable[[ports.Tx], T]) -> T:
        self.transactions += 1

        def counted(tx: Any) -> T:
            connection = tx.connection
            names = ("rows", "each", "value", "execute", "execute_each")
            kept = {name: getattr(connection, name) for name in names}

            def counter(name: str) -> Any:
                def count(*args: Any, **values: Any) -> Any:
                    self.statements += 1
                    return kept[name](*args, **values)

                return count

            for name in names:
                setattr(connection, name, counter(name))
            try:
                return work(tx)
            finally:
                for name in names:
                    delattr(connection, name)

        found: T = await ask(counted)
        return found


async def cost(folder: pathlib.Path, action: Action) -> tuple[int, int, int, int, int]:
    """Return what a run without steps costs."""
    resting = data_centre.Power.OFF if action is Action.ON else data_centre.Power.ON
    async with world.opened(folder, 40, resting=resting) as here:
        kept = Counting(here.store)
        pace = poll_schedule.Backoff(2.0, 15.0, random.Random(1))
        pacing = dataclasses.replace(here.context.pacing, schedule=poll_schedule.Schedule(pace))
        here.context = dataclasses.replace(here.context, store=cast("Any", kept), pacing=pacing)
        await here.carried_out(action, here.ready(3, resting), PACED)
        said = await here.store.read(lambda tx: tx.value("SELECT count(*) FROM outbox"))  # type: ignore[attr-defined]
        return kept.transactions, kept.statements, len(here.calls()), here.reads(), said


@pytest.mark.parametrize("action", BEFORE, ids=[one.value for one in BEFORE])
def test_a_run_without_steps_costs_nothing_more(tmp_path: pathlib.Path, action: Action) -> None:
    """Not one transaction, statement, call, read or message."""
    assert virtual.run(lambda: cost(tmp_path, action)) == BEFORE[action]

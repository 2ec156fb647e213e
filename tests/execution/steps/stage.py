"""A world whose runs have steps around their waves, and what must be true of it at any moment."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, cast

from bot.execution import executor
from bot.execution.steps import still_out
from bot.power import plan, ports
from bot.power.policy import policy, policy_file
from bot.power.request import Action
from bot.power.steps import definition, kinds
from bot.power.steps.states import StepState
from bot.power.steps.wave_parts import Part
from bot.sandbox import data_centre
from tests.execution import world
from tests.execution.steps import outside as outside_

STEPS = """
[[step]]
name = "quiet"
kind = "flag"
url = "http://am"
lasts = "2h"
[[step]]
name = "drain"
kind = "note"
url = "http://k8s"
within = "60s"
[[step]]
name = "answering"
kind = "probe"
tcp = "{name}:22"
within = "60s"
settle = "10s"
every = "5s"
"""
HEAD = """
version = 1
[channels]
allow = ["C0OPS"]
[people]
sre = ["U0DANA"]
[defaults]
max_failures = 10
ramp = []
batch = 10000
max_per_rack = 10000
"""
RULE = """
[[rule]]
name = "all"
servers = "*"
actions = ["on", "off", "reboot", "cycle"]
requesters = ["sre"]
approvers = { sre = 1 }
steps = ["quiet", "drain", "answering"]
"""
PACED = plan.Terms(ramp=(1,), batch=2, max_per_rack=10_000, max_failures=10)


@contextlib.contextmanager
def known() -> Iterator[None]:
    """Make the kinds of these tests known while the block lasts."""
    kinds.add(outside_.NOTE)
    kinds.add(outside_.FLAG)
    try:
        yield
    finally:
        kinds.forget("note")
        kinds.forget("flag")


def rules(*changes: tuple[str, str], text: str = HEAD + RULE + STEPS) -> policy.Policy:
    """Read the policy with some of its text replaced."""
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    return policy_file.read(text)


@dataclasses.dataclass
class Stage:
    """A world and its outside."""

    here: world.World
    outside: outside_.Outside

    async def run(
        self, action: Action, names: Sequence[str], terms: plan.Terms = PACED, **more: object
    ) -> tuple[ports.Request, dict[str, ports.RunServer]]:
        """Carry a request out."""
        return await self.here.carried_out(action, names, terms, **more)

    async def parts(self, id_: str) -> list[Part]:
        """Return what the store has of a request's steps."""
        return await self.here.store.read(lambda tx: tx.parts(id_))

    async def states(self, id_: str) -> dict[tuple[str, str], StepState]:
        """Return the newest state by step and server."""
        return {
            (part.step.name, one.subject.name): one.state
            for part in await self.parts(id_)
            for one in part.servers
        }

    async def audited(self, id_: str) -> list[str]:
        """Return the events of steps in the audit, oldest first."""
        found = await self.here.store.read(lambda tx: tx.audit_rows(request_id=id_, limit=1000))
        return [row["event"] for row in reversed(found) if row["event"].startswith("step.")]

    async def replies(self) -> list[dict[str, Any]]:
        """Return the bodies of what the threads are told of steps."""
        asked = "SELECT body FROM outbox WHERE kind = 'reply' ORDER BY id"
        found = await self.here.store.read(lambda tx: cast("Any", tx).query(asked))
        bodies = [json.loads(row.body) for row in found]
        return [one for one in bodies if one["event"] in ("wave_over", "put_back")]

    async def keep(self) -> int:
        """Look after what stands, once."""
        return await still_out.look(self.here.context)

    async def promised(self, *, unsure: bool = False) -> None:
        """Hold what stands outside against what the store says stands.

        `unsure` lets something be owed that is back already, since every answer was lost.

        Raises:
            AssertionError: one has what the other hasn't.
        """
        await self.outside.quiet()
        found = await self.here.store.read(lambda tx: tx.standing_parts())
        stored = {
            (part.step.kind, one.subject.name)
            for part in found
            for one in part.standing
            if one.stands
        }
        stands = self.outside.standing()
        assert not stands - stored, f"orphaned outside: {sorted(stands - stored)}"
        owed = {
            (part.step.kind, one.subject.name) for part in found for one in part.of(StepState.OWED)
        }
        gone = stored - stands - (owed if unsure else set())
        assert not gone, f"stored and gone: {sorted(gone)}"
        assert not self.outside.broken, self.outside.broken

    def restarted(self) -> Stage:
        """Return the stage after a kill and a start."""
        new = self.here.restarted()
        context = dataclasses.replace(new.context, step_clients=self.outside.kinds())
        return Stage(dataclasses.replace(new, context=context), self.outside)

    async def drive(self) -> None:
        """Claim and drive the request that is due."""
        await executor.carry_out(self.here.context, await self.here.claimed())


@contextlib.asynccontextmanager
async def opened(
    folder: pathlib.Path,
    *changes: tuple[str, str],
    servers: int = 40,
    resting: data_centre.Power | None = None,
) -> AsyncIterator[Stage]:
    """Open a stage while the block lasts; on a virtual loop."""
    with known():
        async with world.opened(folder, servers, resting=resting) as here:
            out = outside_.Outside(here.clock.now)
            given = rules(*changes)
            here.rule(policy=lambda: given)
            here.context = dataclasses.replace(here.context, step_clients=out.kinds())
            yield Stage(here, out)


def step(found: policy.Policy, name: str) -> definition.Step:
    """Return a step of a policy that has it."""
    made = found.step(name)
    assert made is not None
    return made

"""While a step waits, Stop is heard and nothing that would end by itself does."""

from __future__ import annotations

import asyncio
import dataclasses
import pathlib

from bot.power import lifecycle
from bot.power.request import Action
from bot.power.steps import protocol
from bot.power.steps.states import StepState
from bot.sandbox import data_centre
from tests.execution.steps import stage
from tests.support import leases, virtual

ON = data_centre.Power.ON
QUORUM = (
    '[[step]]\nname = "quorum"\nkind = "probe"\ntcp = "db:1"\nwhen = "before"\n'
    'within = "10m"\nevery = "2m"\n'
)
QUIET = '[[step]]\nname = "quiet"'


@dataclasses.dataclass
class Unsure:
    """A kind of step that can't say what was left of a try."""

    kind: object

    def __getattr__(self, name: str) -> object:
        """Return a question, as it is."""
        return getattr(self.kind, name)

    async def find(self, asked: protocol.Try) -> protocol.Answer:
        """Find nothing out."""
        return protocol.again(asked.servers, "no answer", stands=True)


@virtual.on_given_time
async def test_stop_is_heard_while_a_probe_rests(tmp_path: pathlib.Path) -> None:
    """A probe that looks every two minutes doesn't keep a person waiting for so long."""
    changes = (('steps = ["quiet"', 'steps = ["quorum", "quiet"'), (QUIET, QUORUM + QUIET))
    async with stage.opened(tmp_path, *changes, resting=ON) as play:
        [name] = play.here.ready(1)
        play.outside.answers = lambda one, now: "" if one else "value 0"
        id_ = await play.here.approved(Action.REBOOT, [name], stage.PACED)
        driving = asyncio.create_task(play.here.drive(await play.here.claimed()))
        await play.here.clock.sleep(10.0)
        now = play.here.clock.now()
        await play.here.store.write(
            lambda tx: tx.request_stop(id_, user_id="U0SAM", reason="", at=now)
        )
        await driving
        assert play.here.clock.now() - now < 8.0
        assert (await play.here.ended(id_))[0].state is lifecycle.State.STOPPED


@virtual.on_given_time
async def test_a_flag_is_lengthened_while_a_probe_rests(tmp_path: pathlib.Path) -> None:
    """A probe that looks every two minutes, and a flag that ends after one."""
    changes = (
        ('lasts = "2h"', 'lasts = "1m"'),
        ('settle = "10s"\nevery = "5s"', 'settle = "5m"\nevery = "2m"'),
    )
    async with stage.opened(tmp_path, *changes, resting=ON) as play:
        [name] = play.here.ready(1)
        id_ = await play.here.approved(Action.REBOOT, [name], stage.PACED)
        driving = asyncio.create_task(play.here.drive(await play.here.claimed()))
        while not play.here.calls():
            await play.here.clock.sleep(0.5)
        for _ in range(55):
            await play.here.clock.sleep(5.0)
            assert ("flag", name) in play.outside.standing()
        await driving
        assert (await play.here.ended(id_))[0].state is lifecycle.State.SUCCEEDED
        await play.promised()


@virtual.on_given_time
async def test_a_flag_is_lengthened_while_what_was_left_is_looked_for(
    tmp_path: pathlib.Path,
) -> None:
    """A process died in the second wave; the first wave's server isn't well and stays flagged."""
    changes = (('lasts = "2h"', 'lasts = "1m"\nwithin = "5m"'),)
    async with stage.opened(tmp_path, *changes, resting=ON) as play:
        first, second = play.here.ready(2)
        play.outside.answers = lambda one, now: "HTTP 503" if one == first else ""
        id_ = await play.here.approved(Action.REBOOT, [first, second], stage.PACED)
        driving = asyncio.create_task(play.here.drive(await play.here.claimed()))
        states: dict[tuple[str, str], StepState] = {}
        while states.get(("quiet", second)) is not StepState.INTENDED:
            await play.here.clock.sleep(0.01)
            states = await play.states(id_)
        assert states["quiet", first] is StepState.OWED
        driving.cancel()
        await asyncio.gather(driving, return_exceptions=True)
        await leases.end_all(play.here.store)

        after = play.restarted()
        kinds = {name: Unsure(one) for name, one in play.outside.kinds().items()}
        context = dataclasses.replace(after.here.context, step_clients=kinds)  # type: ignore[arg-type]
        after = stage.Stage(dataclasses.replace(after.here, context=context), play.outside)
        driving = asyncio.create_task(after.drive())
        for _ in range(50):
            await play.here.clock.sleep(5.0)
            assert ("flag", first) in play.outside.standing()
        await driving
        await play.promised()

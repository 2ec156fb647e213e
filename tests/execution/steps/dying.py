"""A process whose steps around waves may be the last thing that it does."""

from __future__ import annotations

import dataclasses

from tests.execution import crashing, world
from tests.execution.steps import stage


@dataclasses.dataclass
class DoomedKind:
    """A kind of step whose caller may die at it."""

    kind: object
    doom: crashing.Doom

    def __getattr__(self, name: str) -> object:
        """Return a question, or death."""
        ask = getattr(self.kind, name)

        async def asked(*args: object) -> object:
            return await self.doom.meet(ask(*args))

        return asked


def doomed(play: stage.Stage, doom: crashing.Doom) -> stage.Stage:
    """Return a process that may die at each of its awaits."""
    here = play.here
    kinds = {name: DoomedKind(one, doom) for name, one in play.outside.kinds().items()}
    context = world.acting(
        crashing.DoomedStore(here.store, doom),
        crashing.DoomedPower(here.power, doom),
        crashing.DoomedClock(here.clock, doom),
        like=here.context,
    )
    context = dataclasses.replace(context, step_clients=kinds)  # type: ignore[arg-type]
    return stage.Stage(dataclasses.replace(here, context=context), play.outside)

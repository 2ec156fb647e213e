"""What was taken out around a wave, as the store has it: one part of one step, with its servers."""

from __future__ import annotations

import dataclasses

from bot.power.steps import definition, kinds, protocol, states
from bot.power.steps.states import Shown, StepState


@dataclasses.dataclass(frozen=True, slots=True)
class Taken:
    """One server of a part; `since` is when it came to this state (epoch seconds).

    `owed_since` is since when it is owed, however often it was tried since (0: it isn't). `missed`
    is why its half before wasn't done, empty where it was; something of it may stand even so.

    `stands`: something of ours stands outside for it, or may. `due`: it is to be put back as soon
    as that can be done, for it is proven and well, or a person has asked for it. `detail` is what
    the outside said, or why it is owed.
    """

    subject: protocol.Subject
    state: StepState = StepState.INTENDED
    stands: bool = True
    due: bool = False
    since: float = 0.0
    detail: str = ""
    owed_since: float = 0.0
    missed: str = ""

    @property
    def shown(self) -> Shown | None:
        """Whether it is out, or owed, or neither."""
        return states.shown(self.state, stands=self.stands, owed=bool(self.owed_since))

    @property
    def shown_since(self) -> float:
        """Since when it is out, or owed (epoch seconds)."""
        is_owed = self.shown is Shown.OWED
        return (is_owed and self.owed_since) or self.since


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One part of one step of one wave; `wave` and `number` count from 1, of `parts` in all.

    `key` is the store's own and names no other part. `halves` counts the times that some of it
    began to be put back. `until` is when it ends outside by itself, 0 for never. `says` is what
    the card shows while it is under way.
    """

    key: str  # Request, wave, take, place and step, with underscores between.
    request_id: str
    wave: int
    step: definition.Step
    number: int = 1
    parts: int = 1
    servers: tuple[Taken, ...] = ()
    outside_id: str = ""
    until: float = 0.0
    halves: int = 0  # Part of each put back's own key.
    says: str = ""
    since: float = 0.0

    @property
    def kind(self) -> kinds.StepKind:
        """What is known of its kind."""
        return kinds.named(self.step.kind)

    @property
    def owed(self) -> tuple[Taken, ...]:
        """Return the servers that should be back and aren't, or can't be known."""
        return tuple(one for one in self.servers if one.shown is Shown.OWED)

    def of(self, *wanted: StepState) -> tuple[Taken, ...]:
        """Return the servers in one of these states."""
        return tuple(one for one in self.servers if one.state in wanted)

    @property
    def standing(self) -> tuple[Taken, ...]:
        """Return the servers for which something stands outside, or may."""
        return tuple(one for one in self.servers if one.shown)

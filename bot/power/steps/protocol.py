"""What a kind is asked, and what it answers, for the servers of one part of a wave."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Mapping
from typing import Protocol

from bot.power import request, server
from bot.power.steps import definition
from bot.power.text import folding

# The pseudo server of a probe that asks about the world, before a wave.
WORLD = ""


class Subject(request.Frozen):
    """A server as it was when a step was done for it; the store keeps it to put it back.

    `tags` are (key, value) pairs, `apart` is what tells it from others of its name. A name that
    changes later doesn't change what was taken out.
    """

    id: str
    name: str = ""
    sn: str = ""
    rack: str = ""
    dc: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    apart: str = ""

    @property
    def label(self) -> folding.Named:
        """The name that people read."""
        return folding.Apart(self.name, self.apart) if self.apart else self.name


def subject(record: server.Server, apart: str = "") -> Subject:
    """Return what a step may need of a server's record."""
    return Subject(
        id=record.id,
        name=record.name,
        sn=record.sn,
        rack=record.rack,
        dc=record.dc,
        tags=record.tags,
        apart=apart,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Try:
    """One try of one half of one step.

    `wave` and `part` count from 1, as people read them; `parts` is how many parts the step has in
    this wave. `servers` are those to do, or to put back now; `staying` (after only) are those of
    the same part that stay out; `well` those of `servers` that are proven and well. `key` is the
    same for each try of one half and no other. `outside_id` is what the outside calls it, empty
    while that isn't known; `others` are the ids of our other parts. `tried` counts the tries
    before this one. `within_s` is how long this try may take; `now` the wall clock.
    """

    step: definition.Step
    request_id: str
    wave: int
    action: str
    reason: str
    requester: str
    servers: tuple[Subject, ...]
    key: str
    within_s: float
    now: float
    part: int = 1
    parts: int = 1
    well: tuple[Subject, ...] = ()
    staying: tuple[Subject, ...] = ()
    outside_id: str = ""
    others: frozenset[str] = frozenset()
    tried: int = 0


class TryResult(enum.StrEnum):
    """What came of a try for one server."""

    DONE = "done"  # Decided; `stands` says what is left outside.
    REFUSED = "refused"  # Decided: trying again wouldn't help.
    AGAIN = "again"  # Not decided: a later try may do it.


@dataclasses.dataclass(frozen=True, slots=True)
class Each:
    """What came of a try for one server; `detail` is shown as it is, and no secret is in it.

    `stands`: something of ours stands outside for it now, or may. Of `done` and `refused` that is
    the last word; of tries that are to be made again, one that may have acted is enough.
    """

    word: TryResult
    detail: str = ""
    stands: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What came of a try, by server id; a server that isn't named is tried again.

    `outside_id` is what the outside calls it from now on (empty: unchanged), `until` when it ends
    there by itself (epoch seconds, 0 for never). `again_s` is how long to wait before the next
    try, at least (a Retry-After).
    """

    each: Mapping[str, Each]
    outside_id: str = ""
    until: float = 0.0
    again_s: float = 0.0


def done(
    servers: Iterable[Subject],
    *,
    outside_id: str = "",
    until: float = 0.0,
    stands: bool = False,
    detail: str = "",
) -> Answer:
    """Return that it is done for all; of a `before`, `stands` says that it must be put back."""
    each = Each(TryResult.DONE, detail, stands)
    return Answer({one.id: each for one in servers}, outside_id=outside_id, until=until)


def refused(servers: Iterable[Subject], detail: str, *, stands: bool = False) -> Answer:
    """Return that it can't be done, in words; trying again wouldn't help."""
    each = Each(TryResult.REFUSED, detail, stands)
    return Answer({one.id: each for one in servers})


def again(servers: Iterable[Subject], detail: str, *, stands: bool, again_s: float = 0.0) -> Answer:
    """Return that nothing is certain yet; `stands` when it may have happened."""
    each = Each(TryResult.AGAIN, detail, stands)
    return Answer({one.id: each for one in servers}, again_s=again_s)


class StepClient(Protocol):
    """A kind of step: one file under `bot.steps`. Each call is one try; it raises nothing.

    Who waits between tries, and until when, is the run's business: `within`, `every` and `settle`
    are kept there.
    """

    async def before(self, asked: Try) -> Answer:
        """Take the servers out; a probe looks once."""

    async def after(self, asked: Try) -> Answer:
        """Put the servers back; a probe looks once.

        It may have happened already: what isn't there any more, or isn't ours any more, is done.
        `staying` stay out under a new `outside_id` if need be.
        """

    async def find(self, asked: Try) -> Answer | None:
        """Look for what a `before` whose answer was lost has left, and take it as ours.

        `refused` says that nothing is there. None: it can't be looked for, and a second `before`
        with the same `key` does no harm.
        """

    async def lengthen(self, asked: Try, until: float) -> Answer:
        """Let what stands outside stand until then; only of kinds that `lengthens`."""

    async def check(self, step: definition.Step) -> str | None:
        """Ask the address whether the step could be done; what is wrong in words, else nothing.

        None where it has no address that could be asked without a server.
        """

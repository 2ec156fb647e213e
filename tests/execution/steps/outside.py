"""The outside that steps change, and kinds of steps that change it over a line with faults.

What stands outside is kept server by server, apart from the store: it is what promises are held
against.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import Callable, Iterable

from bot.power.steps import definition, kinds, protocol
from bot.power.steps.protocol import Answer, Each, Try, TryResult

NOTE = kinds.StepKind("note", needs=("url",), may=("node",), within_s=30.0, doing="noting",
                  done="noted", undoing="taking the note off")  # fmt: skip
FLAG = kinds.StepKind("flag", needs=("url", "lasts"), within_s=30.0, lengthens=True, most=2,
                  doing="flagging", done="flagged", undoing="lowering the flag of")  # fmt: skip


@dataclasses.dataclass
class Flag:
    """One thing that stands outside for several servers, as a silence does."""

    id: str
    comment: str
    servers: frozenset[str]
    until: float


@dataclasses.dataclass
class Outside:
    """What stands outside, and how it is to behave.

    `lost` has how many of the next answers are lost after they took effect, `dropped` how many of
    the next questions never arrive, `refuses` the words for single servers. While `silent`, no
    note is taken off; while `deaf`, no note is answered, though it is made. `answers` decides by
    server and time what a probe hears, empty for well. `again_s` is how long a note that isn't
    done yet asks to be left alone.
    """

    clock: Callable[[], float]
    half_s: float = 0.05
    notes: dict[str, str] = dataclasses.field(default_factory=dict)
    flags: dict[str, Flag] = dataclasses.field(default_factory=dict)
    foreign: set[str] = dataclasses.field(default_factory=set)
    lost: int = 0
    dropped: int = 0
    refuses: dict[str, str] = dataclasses.field(default_factory=dict)
    silent: bool = False
    deaf: bool = False
    stuck: set[str] = dataclasses.field(default_factory=set)
    again_s: float = 0.0
    answers: Callable[[str, float], str] = lambda name, now: ""
    heard: list[tuple[str, str, tuple[str, ...], float]] = dataclasses.field(default_factory=list)
    asked: list[Try] = dataclasses.field(default_factory=list)
    broken: list[str] = dataclasses.field(default_factory=list)
    under_way: set[asyncio.Task[Answer]] = dataclasses.field(default_factory=set)
    numbers: Iterable[int] = dataclasses.field(default_factory=itertools.count)

    def kinds(self) -> dict[str, protocol.StepClient]:
        """Return the kinds of steps that act on it."""
        return {"note": Note(self), "flag": Flags(self), "probe": Probe(self)}

    def standing(self) -> set[tuple[str, str]]:
        """Return what of ours stands: (kind, server's name)."""
        now = self.clock()
        flags = {
            ("flag", name)
            for flag in self.flags.values()
            if flag.until > now
            for name in flag.servers
        }
        return flags | {("note", name) for name, whose in self.notes.items() if whose}

    async def carry(self, what: str, asked: Try, work: Callable[[], Answer]) -> Answer:
        """Carry one question there and its answer back; what is on the line arrives."""
        self.asked.append(asked)
        task = asyncio.create_task(self._carry(what, asked, work))
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)
        return await asyncio.shield(task)

    async def _carry(self, what: str, asked: Try, work: Callable[[], Answer]) -> Answer:
        await asyncio.sleep(self.half_s)
        if self.dropped:
            self.dropped -= 1
            return protocol.again(asked.servers, "connection refused", stands=False)
        names = tuple(one.name for one in asked.servers)
        self.heard.append((what, asked.step.name, names, self.clock()))
        answer = work()
        await asyncio.sleep(self.half_s)
        if self.lost:
            self.lost -= 1
            return protocol.again(asked.servers, "no answer", stands=what != "after")
        return answer

    async def quiet(self) -> None:
        """Wait until nothing is on the way any more."""
        while self.under_way:
            await asyncio.wait(self.under_way)


@dataclasses.dataclass
class Note:
    """A kind that notes each server by itself, as a cordon does."""

    outside: Outside

    async def before(self, asked: Try) -> Answer:
        """Note servers, but for those that refuse, are stuck, or that somebody else has noted."""
        return await self.outside.carry("before", asked, lambda: self._before(asked))

    def _before(self, asked: Try) -> Answer:
        out, each = self.outside, {}
        for one in asked.servers:
            if said := out.refuses.get(one.name):
                each[one.id] = Each(TryResult.REFUSED, said)
                continue
            if one.name in out.foreign:
                each[one.id] = Each(TryResult.DONE, "somebody else's")
                continue
            if out.notes.get(one.name, "") not in ("", asked.request_id):
                out.broken.append(f"{one.name} noted twice")
            out.notes[one.name] = asked.request_id
            if out.deaf:
                each[one.id] = Each(TryResult.AGAIN, "", stands=True)
                continue
            stuck = one.name in out.stuck
            each[one.id] = Each(
                TryResult.AGAIN if stuck else TryResult.DONE, "3 pods left" * stuck, True
            )
        return Answer(each, again_s=out.again_s)

    async def after(self, asked: Try) -> Answer:
        """Take notes off, only where they are ours."""
        return await self.outside.carry("after", asked, lambda: self._after(asked))

    def _after(self, asked: Try) -> Answer:
        if self.outside.silent:
            return protocol.again(asked.servers, "no answer", stands=True)
        for one in asked.servers:
            if said := self.outside.refuses.get(f"back {one.name}"):
                return protocol.refused(asked.servers, said)
        for one in asked.servers:
            if self.outside.notes.get(one.name) == asked.request_id:
                self.outside.notes[one.name] = ""
        return protocol.done(asked.servers)

    async def find(self, asked: Try) -> Answer | None:
        """Say that noting again does no harm."""
        return None

    async def lengthen(self, asked: Try, until: float) -> Answer:
        """Do nothing: a note doesn't end."""
        return protocol.done(asked.servers)

    async def check(self, step: definition.Step) -> str:
        """Find nothing wrong."""
        return ""


@dataclasses.dataclass
class Flags:
    """A kind of which one stands for many servers and ends by itself, as a silence does."""

    outside: Outside

    def comment(self, asked: Try) -> str:
        """Return by which words a flag is found again."""
        part = f" {asked.part}/{asked.parts}" if asked.parts > 1 else ""
        return f"{asked.request_id} wave {asked.wave} {asked.step.name}{part}"

    async def before(self, asked: Try) -> Answer:
        """Raise a flag for all of them, unless one of them refuses."""
        return await self.outside.carry("before", asked, lambda: self._raise(asked, asked.servers))

    def _raise(self, asked: Try, servers: tuple[protocol.Subject, ...]) -> Answer:
        out, comment, now = self.outside, self.comment(asked), self.outside.clock()
        if any(one.name in out.refuses for one in servers):
            return protocol.refused(servers, "403 forbidden")
        live = [f for f in out.flags.values() if f.comment == comment and f.until > now]
        if [f for f in live if f.id not in asked.others]:
            out.broken.append(f"a second {comment}")
        made = Flag(f"f{next(iter(out.numbers))}", comment, frozenset(o.name for o in servers),
                    asked.now + asked.step.lasts_s)  # fmt: skip
        out.flags[made.id] = made
        return protocol.done(asked.servers, outside_id=made.id, until=made.until, stands=True)

    async def after(self, asked: Try) -> Answer:
        """Lower the flag, or exchange it for one of those that stay."""
        return await self.outside.carry("after", asked, lambda: self._lower(asked))

    def _lower(self, asked: Try) -> Answer:
        out, now = self.outside, self.outside.clock()
        if any(f"lower {one.name}" in out.refuses for one in asked.servers):
            return protocol.refused(asked.servers, "403 forbidden", stands=True)
        mine = [f for f in out.flags.values() if f.comment == self.comment(asked) and f.until > now
                and f.id not in asked.others]  # fmt: skip
        for flag in mine:
            flag.until = now
        if not asked.staying:
            return protocol.done(asked.servers)
        until = asked.now + asked.step.lasts_s
        made = Flag(f"f{next(iter(out.numbers))}", self.comment(asked),
                    frozenset(one.name for one in asked.staying), until)  # fmt: skip
        out.flags[made.id] = made
        return protocol.done(asked.servers, outside_id=made.id, until=until)

    async def find(self, asked: Try) -> Answer | None:
        """Look for a flag by its comment."""
        return await self.outside.carry("find", asked, lambda: self._find(asked))

    def _find(self, asked: Try) -> Answer:
        now = self.outside.clock()
        for flag in self.outside.flags.values():
            mine = flag.comment == self.comment(asked) and flag.until > now
            if mine and flag.id not in asked.others:
                return protocol.done(
                    asked.servers, outside_id=flag.id, until=flag.until, stands=True
                )
        return protocol.refused(asked.servers, "nothing is there")

    async def lengthen(self, asked: Try, until: float) -> Answer:
        """Let a flag stand for longer, where it still stands."""
        return await self.outside.carry("lengthen", asked, lambda: self._lengthen(asked, until))

    def _lengthen(self, asked: Try, until: float) -> Answer:
        flag = self.outside.flags.get(asked.outside_id)
        if flag is None or flag.until <= self.outside.clock():
            return protocol.refused(asked.servers, "it has ended")
        flag.until = until
        return protocol.done(asked.servers, until=until)

    async def check(self, step: definition.Step) -> str:
        """Find nothing wrong."""
        return ""


@dataclasses.dataclass
class Probe:
    """A probe whose answers the outside makes up."""

    outside: Outside

    async def before(self, asked: Try) -> Answer:
        """Look once at the world."""
        return await self.outside.carry("probe", asked, lambda: self._look(asked))

    async def after(self, asked: Try) -> Answer:
        """Look once at each server."""
        return await self.outside.carry("probe", asked, lambda: self._look(asked))

    def _look(self, asked: Try) -> Answer:
        now, each = self.outside.clock(), {}
        for one in asked.servers:
            said = self.outside.answers(one.name, now)
            each[one.id] = Each(TryResult.AGAIN, said) if said else Each(TryResult.DONE)
        return Answer(each)

    async def find(self, asked: Try) -> Answer | None:
        """Say that looking again does no harm."""
        return None

    async def lengthen(self, asked: Try, until: float) -> Answer:
        """Do nothing: a look doesn't last."""
        return protocol.done(asked.servers)

    async def check(self, step: definition.Step) -> str:
        """Find nothing wrong."""
        return ""

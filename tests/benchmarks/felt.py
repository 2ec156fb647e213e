"""What a person feels, beside a bare Bolt app that answers at once and stores nothing.

From a typed command to the plan on the screen, from Approve to the call at CloudDC, and from the
end of the last server to the card's word, as Slack's stand-in and the data centre see them.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import statistics
import time
from collections.abc import AsyncGenerator, Callable, Sequence

from bot.sandbox import workspace
from tests.benchmarks import load, stage
from tests.benchmarks.ingress import PEER
from tests.benchmarks.rows import Profile, Row

ANSWERING = "tests.benchmarks.peers.answering"
SAM = "U0SAM"
POLICY = stage.POLICY.replace('sre = ["U0DANA"]', 'sre = ["U0DANA", "U0SAM"]').replace(
    "approvers = {}", "approvers = { sre = 1 }"
)
FLEETS = (200, 10_000)
SERVERS = 5
DEVICE_S, SPREAD = 0.8, 0.2
POLL = "200ms"
# An approver reads before pressing; the card's own pace is three seconds.
READS_S = 1.5
# The data centre is looked at this often for the end of a server.
LOOK_S = 0.001
MS = 1000.0
MEGA = 1024 * 1024
PATIENCE_S = 30.0
# What was measured from outside, and a tenth: a ratio of medians, or milliseconds.
PLAN, CALL, WORD_MS = 1.1, 13.2, 122.0


@dataclasses.dataclass
class Felt:
    """Seconds of each operation: to its plan, from Approve to its call, from its end to the word.

    `memory_bytes` is what the program held after the first one.
    """

    plan: list[float] = dataclasses.field(default_factory=list)
    call: list[float] = dataclasses.field(default_factory=list)
    word: list[float] = dataclasses.field(default_factory=list)
    memory_bytes: int = 0


class Contender:
    """A program on a stage of its own, and what a person has felt of it."""

    def __init__(self, playing: stage.Stage, *, by_id: bool) -> None:
        """`by_id` is for a program that can't find servers by their names."""
        self._playing = playing
        self._by_id = by_id
        self.felt = Felt()

    async def warm(self) -> None:
        """Carry one operation out that doesn't count, and note the memory after it."""
        await self.operate(0)
        self.felt = Felt(memory_bytes=self._playing.child.memory_bytes())

    async def operate(self, number: int) -> None:
        """Let Dana ask for the five servers of this number, and Sam approve, until all are off."""
        slack, centre = self._playing.slack, self._playing.centre
        places = range(number * SERVERS, (number + 1) * SERVERS)
        machines = [centre.inventory.machines[place] for place in places]
        terms = [one.server.id if self._by_id else one.server.name for one in machines]
        plan = await self._plan(f"/power off {','.join(terms)} because benchmark")
        before = len(_cards(slack))
        await slack.click(stage.DANA, plan, "Request")
        card = (await slack.wait_for(lambda: _cards(slack)[before:], PATIENCE_S))[-1]
        await asyncio.sleep(READS_S)
        calls = len(centre.power_calls())
        pressed_at = time.monotonic()
        pressing = asyncio.create_task(slack.click(SAM, card, "Approve"))
        await _until(lambda: len(centre.power_calls()) > calls)
        self.felt.call.append(centre.power_calls()[-1].at - pressed_at)
        await _until(lambda: not any(one.look(centre.now()).busy for one in machines))
        ended_at = time.monotonic()
        await slack.wait_for(lambda: _says_end(card), PATIENCE_S)
        self.felt.word.append(time.monotonic() - ended_at)
        await pressing

    async def _plan(self, line: str) -> workspace.Message:
        """Type a command, note how long its plan took, and return it."""
        slack = self._playing.slack
        seen = len(slack.ephemerals(stage.DANA))
        began = time.monotonic()
        asking = asyncio.create_task(slack.command(stage.DANA, stage.OPS, line))
        shown = await slack.wait_for(lambda: slack.ephemerals(stage.DANA)[seen:], PATIENCE_S)
        self.felt.plan.append(time.monotonic() - began)
        await asking
        return shown[-1]

    def check(self) -> None:
        """Look whether Slack's stand-in has slowed it down: that isn't what is measured.

        Raises:
            RuntimeError: it has.
        """
        if refused := sum(call.status == 429 for call in self._playing.slack.calls()):
            raise RuntimeError(f"{refused} calls were refused by the limits of Slack")


def _cards(slack: workspace.Workspace) -> list[workspace.Message]:
    """Return what stands in the channel for everybody, outside of threads."""
    found = slack.messages(stage.OPS)
    return [one for one in found if one.bot and not one.thread_ts and one.only_for is None]


def _says_end(card: workspace.Message) -> bool:
    """Whether a card offers neither what comes before a run nor what ends one."""
    return not any(f"pb:{word}" in str(card.blocks) for word in ("approve", "stop"))


async def _until(look: Callable[[], bool]) -> None:
    """Wait until something is so in the data centre."""
    async with asyncio.timeout(PATIENCE_S):
        while not look():  # noqa: ASYNC110 -- the data centre has no event for it
            await asyncio.sleep(LOOK_S)


async def rows(profile: Profile) -> AsyncGenerator[Row]:
    """Let both carry out operations in turns, in a small fleet and in a large one."""
    for count in FLEETS if profile.full else FLEETS[:1]:
        ours, peer = await _felt(count, 24 if profile.full else 8)
        for row in _rows(count, ours, peer):
            yield row


async def _felt(count: int, times: int) -> tuple[Felt, Felt]:
    """Return what was felt of ours and of the peer, in so many operations of each."""

    def playing(module: str) -> contextlib.AbstractAsyncContextManager[stage.Stage]:
        return stage.playing(
            count, duration_s=DEVICE_S, spread=SPREAD, module=module, poll=POLL, policy=POLICY
        )

    async with playing("bot") as first, playing(ANSWERING) as second:
        ours, peer = Contender(first, by_id=False), Contender(second, by_id=True)
        for one in (ours, peer):
            await one.warm()
        for number in range(1, times + 1):
            for one in (ours, peer) if number % 2 else (peer, ours):
                await one.operate(number)
        ours.check()
    return ours.felt, peer.felt


def _rows(count: int, ours: Felt, peer: Felt) -> list[Row]:
    """Return the rows of one fleet."""
    where = f"in a fleet of {count:,}"
    word_ms = tuple(one * MS for one in ours.word)
    return [
        *_ratio_rows(f"typed command to plan on the screen, {where}", ours.plan, peer.plan, PLAN),
        *_ratio_rows(f"Approve to the call at CloudDC, {where}", ours.call, peer.call, CALL),
        *_ratio_rows(f"a server's end to the card's word, {where}", ours.word, peer.word, None),
        Row(
            f"a server's end to the card's word, {where}",
            f"a poll each {POLL}",
            word_ms,
            unit=" ms",
            bar=WORD_MS,
        ),
        Row(
            f"memory after the first request, {where}",
            PEER,
            (ours.memory_bytes / peer.memory_bytes,),
            note=f"{ours.memory_bytes / MEGA:.1f} beside {peer.memory_bytes / MEGA:.1f} MiB",
        ),
    ]


def _p95(seconds: Sequence[float]) -> float:
    """Return what one in twenty exceeds."""
    return load.percentile(list(seconds), 95)


def _ratio_rows(
    what: str, ours: Sequence[float], peer: Sequence[float], bar: float | None
) -> list[Row]:
    """Return the ratios of the medians and of the p95."""
    control = statistics.median(peer[::2]) / statistics.median(peer[1::2])
    found = []
    for name, figure, wanted in (("median", statistics.median, bar), ("p95", _p95, None)):
        mine, theirs = figure(ours), figure(peer)
        note = f"{mine * MS:.1f} beside {theirs * MS:.1f} ms"
        row = Row(f"{what}: {name}", PEER, (mine / theirs,), bar=wanted, control=control, note=note)
        found.append(row)
    return found

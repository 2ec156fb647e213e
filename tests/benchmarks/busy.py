"""How quick the bot stays while it polls a large fleet, and how quickly it is back after a kill."""

from __future__ import annotations

import contextlib
import signal
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator

from tests.benchmarks import children, operation, slack_side, stage, start_up
from tests.benchmarks.ingress import OURS
from tests.benchmarks.rows import Profile, Row, ratios

ACK_RATE = 50.0
BUSY_MS, BUSY_TIMES = 25.0, 2.0
# Half of the servers take so long: some come to their end in each second that is measured.
CHANGING_S = 60.0


async def ack_rows(profile: Profile) -> AsyncGenerator[Row]:
    """Measure acks at a steady rate, idle and while a fleet is polled each second and folded."""
    idle, busy, again = [], [], []
    for _ in range(3 if profile.full else 1):
        # One after the other: two bots at once would be in each other's way.
        async with _fleet_of_10_000() as playing:
            idle.append(await _p99_s(playing))
            again.append(await _p99_s(playing))
        async with _fleet_of_10_000() as playing:
            plan, _ = await playing.plan(operation.OFF)
            await playing.request(plan)
            await playing.until(lambda: playing.puts >= 10_000 // stage.IDS_PER_CALL or None)
            busy.append(await _p99_s(playing))
    idle_ms = statistics.median(idle) * operation.MS
    yield Row(
        "ack p99 while 10,000 servers are polled each second and folded",
        f"{BUSY_MS:.0f} ms, or {BUSY_TIMES:.0f}x idle where that is more",
        tuple(one * operation.MS for one in busy),
        unit=" ms",
        bar=max(BUSY_MS, BUSY_TIMES * idle_ms),
        control=statistics.median(ratios(again, idle)),
        note=f"{statistics.median(ratios(busy, idle)):.2f}x idle; "
        f"idle {idle_ms:.1f} ms, {ACK_RATE:.0f} a second",
    )


def _fleet_of_10_000() -> contextlib.AbstractAsyncContextManager[stage.Stage]:
    """Run the bot on a fleet of which, once it is switched, some servers end in each second."""
    return stage.playing(
        10_000, duration_s=CHANGING_S, spread=1.0, module=operation.WATCHED, http=True
    )


async def _p99_s(playing: stage.Stage) -> float:
    """Send clicks at planned times from a process of their own and return the p99 of their acks."""
    arguments = (
        "-m",
        "tests.benchmarks.peers.clicker",
        playing.environment["PORT"],
        playing.slack.url,
    )
    env = children.environment()
    async with children.running(*arguments, env=env, measured=False) as clicker:
        return float(await clicker.said())


async def restart_rows(profile: Profile) -> AsyncGenerator[Row]:
    """Kill the bot in a 10,000-server operation, and time it from its start to its first poll."""
    count = 10_000 if profile.full else 1_000
    polls, acks = [], []
    async with stage.playing(count, duration_s=600.0) as playing:
        plan, _ = await playing.plan(operation.OFF)
        await playing.request(plan)
        await playing.until(lambda: playing.puts >= count // stage.IDS_PER_CALL or None)
        for _ in range(3 if profile.full else 1):
            polls.append(await _start_to_poll(playing))
            acks.append(await _start_to_ack())
    yield Row(
        f"killed with a {count:,}-server operation running: start to first poll",
        "start to first ack, idle",
        ratios(polls, acks),
        bar=1.5,
        note=f"{min(polls):.2f} beside {min(acks):.2f} s",
    )


async def _start_to_poll(playing: stage.Stage) -> float:
    """Kill the bot, start it again, and return the seconds to its first list call."""
    with contextlib.suppress(ProcessLookupError):  # In the first round alone is it still there.
        playing.child.process.send_signal(signal.SIGKILL)
    await playing.child.process.wait()
    before = playing.reads
    module, folder = "bot", playing.database.parent
    async with stage.running_bot(playing.environment, module, folder) as child:
        await playing.until(lambda: playing.reads > before or None)
        polled_s = time.monotonic() - child.started_at
        child.process.send_signal(signal.SIGKILL)
    return polled_s


async def _start_to_ack() -> float:
    """Start an idle bot and return the seconds to its first ack."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        env = {"DATABASE_URL": f"sqlite:///{folder}/a.db"}
        async with slack_side.serving() as side:
            async with start_up.started(OURS, side, env=env):
                pass
            async with start_up.started(OURS, side, env=env) as one:
                return one.first_ack_s

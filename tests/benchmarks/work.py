"""What the processor does beside the peers that do the same: folding names, reading a page."""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import random
import time
from collections.abc import AsyncGenerator, Callable, Iterator

from ClusterShell import NodeSet

from bot.clouddc import rows, wire
from bot.power import server
from bot.power.text import folding
from bot.sandbox.data_centre.api import exchange
from tests.benchmarks import stage
from tests.benchmarks.rows import Profile, Row, ratios

# One server in so many is missing from the names that are folded, as it is in real life.
HOLE = 10
SIZES = (1_000, 10_000)
PAGE_PATH = "physicalservers?limit=1000"
# A round lasts at least this long, so that the clock's own steps don't count.
ROUND_S = 0.05


def names(count: int) -> list[str]:
    """Return names with two numbers in them, some missing, in no order."""
    every = [f"srv-{number // 40 + 1:03}-{number % 40 + 1:02}" for number in range(count * 10 // 9)]
    rng = random.Random(1)
    kept = rng.sample(every, count)
    return kept


def cpu_s(work: Callable[[], object]) -> float:
    """Return the seconds of processor time that one piece of work takes."""
    began, times = time.process_time(), 0
    while times == 0 or time.process_time() - began < ROUND_S:
        work()
        times += 1
    return (time.process_time() - began) / times


def _paired(
    profile: Profile, ours: Callable[[], object], peer: Callable[[], object]
) -> tuple[list[float], list[float], float]:
    """Return the seconds of ours and of the peer's, and how far ours strays from itself."""
    mine, theirs, again = [], [], []
    for _ in range(profile.rounds):
        mine.append(cpu_s(ours))
        theirs.append(cpu_s(peer))
        again.append(cpu_s(ours))
    return mine, theirs, sorted(ratios(again, mine))[profile.rounds // 2]


async def fold_rows(profile: Profile) -> AsyncGenerator[Row]:
    """Fold the same names by ours and by ClusterShell, and check that the sets are the same."""
    for count in SIZES:
        given = names(count)
        folded = folding.fold(given)
        if set(NodeSet.NodeSet(folded)) != set(given):
            raise RuntimeError("the folded names aren't those that were given")
        mine, theirs, control = _paired(
            profile,
            functools.partial(folding.fold, given),
            functools.partial(_cluster_shell, given),
        )
        yield Row(
            f"fold of {count:,} names, identical set: CPU",
            "ClusterShell",
            ratios(mine, theirs),
            bar=1 / 20,
            goal=1 / 60,
            control=control,
            note=f"{min(mine) * 1000:.1f} ms beside {min(theirs) * 1000:.0f} ms",
        )


def _cluster_shell(given: list[str]) -> str:
    return str(NodeSet.NodeSet.fromlist(given))


async def page_rows(profile: Profile) -> AsyncGenerator[Row]:
    """Read a page of 1,000 servers into validated records, and into plain values by `json`."""
    for row in await asyncio.to_thread(_page_rows, profile):
        yield row


def _page_rows(profile: Profile) -> list[Row]:
    """Measure in a thread that may have an event loop of its own, in which the bot reads."""
    with asyncio.Runner() as loop:
        return _page_rows_in(loop, profile)


def _page_rows_in(loop: asyncio.Runner, profile: Profile) -> list[Row]:
    body = page(1_000)
    polled = _polled(body)
    # The inventory holds one sweep while it reads the next.
    fleet: dict[str, server.Server] = {}

    def poll() -> None:
        nonlocal fleet
        read = loop.run(wire.page_in_turns(next(polled)))
        fleet = dict(rows.kept(read.servers, fleet))

    def first() -> None:
        dict(rows.kept(wire.page(body).servers, {}))

    poll()
    peer = functools.partial(json.loads, body)
    what = f"list page of 1,000 rows ({len(body) // 1000} KB), validated: CPU"
    found = []
    for how, work, bar, goal in (
        ("as a poll reads it, one row in twenty changed", poll, 0.6, 0.5),
        ("seen for the first time", first, 0.7, 0.5),
    ):
        mine, theirs, control = _paired(profile, work, peer)
        note = f"{min(mine) * 1000:.1f} ms beside {min(theirs) * 1000:.1f} ms"
        ratio = ratios(mine, theirs)
        peers = "json.loads of it"
        found.append(
            Row(f"{what}, {how}", peers, ratio, bar=bar, goal=goal, control=control, note=note)
        )
    return found


def _polled(body: bytes) -> Iterator[bytes]:
    """Yield the page as one sweep after another finds it: of twenty rows one has changed."""
    before = json.loads(body)
    after = json.loads(body)
    for record in after["servers"][::20]:
        record["operation_state"] = "power-off-processing"
    texts = [json.dumps(one, separators=(",", ":")).encode() for one in (before, after)]
    return itertools.cycle(texts)


def page(count: int) -> bytes:
    """Return a page of the list as the simulated centre sends it."""
    centre = stage.centre(count, duration_s=1.0, token="t")
    path = f"/v1/{centre.iam.account.project_id}/{PAGE_PATH}"
    answer = centre.handle(exchange.HttpRequest("GET", path, (("X-Auth-Token", "t"),)))
    if not isinstance(answer, exchange.HttpResponse) or answer.status != 200:
        raise RuntimeError(f"the centre refused: {answer}")
    return answer.body


def snapshot(count: int) -> server.Snapshot:
    """Return a fleet as the bot has read it."""
    read = [
        server.Server(
            one.id,
            one.name,
            "on",
            sn=one.sn,
            dc=one.dc,
            rack=one.rack,
            unit=one.unit,
            tags=one.tags,
        )
        for one in stage.servers(count)
    ]
    return server.Snapshot({one.id: one for one in read}, 1_800_000_000.0)

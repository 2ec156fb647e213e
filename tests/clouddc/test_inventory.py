"""Sweeps read the whole list, are shared, and are never taken for younger than they are."""

from __future__ import annotations

import asyncio

import pytest

from bot.clouddc import inventory
from bot.power import errors, server
from bot.runtime import single_flight
from tests.support import ticks

from .builders import START, Service, answer, cloud_for, ids as some_ids, page, server_id
from .fleet import Bench, Cloud


async def swept(*pages: object) -> tuple[server.Snapshot, list[str]]:
    """The snapshot that pages add up to, and the queries that they were asked for with."""
    clock, service = ticks.GivenClock(), Service(*(answer(one) for one in pages))
    stock = inventory.Inventory(cloud_for(service, clock), clock)
    snapshot = await stock.snapshot(not_before=clock.now())
    return snapshot, [request.url.params.get("marker", "") for request in service.requests]


async def test_sweep_follows_markers_to_the_end() -> None:
    """An id is followed, an address only for the id in it, and an empty marker ends the list."""
    url = f"https://elsewhere.invalid/?marker={server_id(4)}"
    pages = page(1, 2, next_marker=server_id(2)), page(3, 4, next_marker=url), page(5)

    snapshot, markers = await swept(*pages)

    assert set(snapshot.servers) == set(some_ids(5, first=1))
    assert markers == ["", server_id(2), server_id(4)]


async def test_sweep_goes_on_from_the_last_row_of_a_full_page() -> None:
    """A page without a marker that is as long as asked for isn't the last, unless it is all."""
    first = page(*range(1000))
    snapshot, markers = await swept({**first, "count": 1001}, page(1000))
    whole, once = await swept(first)
    uncounted, twice = await swept({**first, "count": None}, page())

    assert len(snapshot.servers) == 1001
    assert markers == ["", server_id(999)]
    assert (len(whole.servers), once) == (1000, [""])
    assert (len(uncounted.servers), twice) == (1000, ["", server_id(999)])


async def test_ten_servers_counted_as_ten_are_looked_behind_once() -> None:
    """A service that heeds no limit and counts its page looks like one with ten servers."""
    ten, more = page(*range(10)), page(*range(10, 20))
    alone, twice = await swept(ten, {**page(), "count": 10})
    cut, thrice = await swept({**ten, "count": 10}, {**more, "count": 10}, page(20), page())
    eleven, once = await swept(page(*range(11)))

    assert (len(alone.servers), twice) == (10, ["", server_id(9)])
    assert alone.shortfall is None
    assert (len(cut.servers), thrice) == (21, ["", server_id(9), server_id(19), server_id(20)])
    assert cut.shortfall is None
    assert (len(eleven.servers), once) == (11, [""])


async def test_sweep_ends_at_a_marker_that_repeats() -> None:
    """A service that serves the same page for ever is left."""
    snapshot, markers = await swept(page(1, 2, next_marker=server_id(2)))

    assert len(snapshot.servers) == 2
    assert len(markers) == 2


async def test_sweep_reads_short_pages_without_a_marker_to_the_service_s_own_count() -> None:
    """A page shorter than asked for is the last only when all are there that the service counts."""
    counted = [{**page(*rows), "count": 5} for rows in ((1, 2), (3, 4), (5,))]
    uncounted = [{**page(*rows), "count": None} for rows in ((1, 2), (3, 4))]

    snapshot, markers = await swept(*counted)
    guessed, asked = await swept(*uncounted, page())

    assert len(snapshot.servers) == 5
    assert snapshot.shortfall is None
    assert markers == ["", server_id(2), server_id(4)]
    assert (len(guessed.servers), asked) == (4, ["", server_id(2), server_id(4)])


async def test_sweep_passes_pages_that_repeat_while_their_marker_moves() -> None:
    """A page that brings nothing new isn't the end of a list that has more."""
    again = {**page(1, 2, next_marker=server_id(3)), "count": 4}
    first, last = {**again, **page(1, 2, next_marker=server_id(2))}, {**again, **page(3, 4)}

    snapshot, markers = await swept({**first, "count": 4}, again, {**last, "count": 4})

    assert set(snapshot.servers) == set(some_ids(4, first=1))
    assert len(markers) == 3


async def test_sweep_leaves_a_list_whose_marker_moves_for_ever() -> None:
    """A few pages in a row without anything new, and what is missing is said."""
    pages = [{**page(1, next_marker=server_id(n)), "count": 9} for n in range(2, 40)]

    snapshot, markers = await swept(*pages)

    assert len(markers) == 2 + inventory.MOST_IDLE
    assert snapshot.shortfall == server.Shortfall(shown=1, total=9)


@pytest.mark.parametrize(
    "cloud",
    [Cloud(inventory.MOST_SERVERS + 1), Cloud(inventory.MOST_PAGES + 1, page_size=1)],
    ids=["servers", "pages"],
)
async def test_sweep_of_a_list_that_is_too_long_is_refused(cloud: Cloud) -> None:
    """Memory and time are bounded, and the error says why."""
    stock = inventory.Inventory(cloud, ticks.HandClock())

    with pytest.raises(errors.CloudError, match="20,000 servers or 2,000 pages"):
        await stock.snapshot(not_before=START)

    assert stock.latest() is None


async def test_sweep_that_misses_servers_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Rows that can't be read, and fewer rows than the service counts, are logged."""
    whole = page(1, 2)
    rows = [*(one for one in whole["servers"]), {"name": "no id"}]

    snapshot, _ = await swept(whole | {"servers": rows, "count": 4})

    assert snapshot.shortfall == server.Shortfall(shown=2, total=4)
    assert "servers=2 total=4 unreadable=1" in capsys.readouterr().out


@pytest.mark.parametrize(
    "pages",
    [
        [page(1, 2)],
        [page(1, 2, next_marker=server_id(2))],
        [page(1, 2, next_marker=server_id(2)), page(1, 2, next_marker=server_id(1))],
        [
            page(1, 2, next_marker=server_id(2)),
            *(page(1, next_marker=server_id(n)) for n in range(3, 9)),
        ],
    ],
    ids=["the same page", "with its marker", "a marker that loops", "a marker that moves"],
)
@pytest.mark.parametrize("count", [None, 0, "many"])
async def test_sweep_of_repeating_pages_without_a_count_isnt_taken_for_whole(
    pages: list[dict[str, object]], count: object
) -> None:
    """A service that doesn't heed the marker may hold any number of servers behind its page."""
    snapshot, _ = await swept(*({**one, "count": count} for one in pages))

    assert snapshot.shortfall == server.Shortfall(shown=2, total=0)
    assert "shows 2 servers, and there may be more" in snapshot.shortfall.sentence
    assert snapshot.shortfall.missing == 1


@pytest.mark.parametrize("count", [None, 10**400, -1])
async def test_empty_page_that_points_back_is_no_end(count: object) -> None:
    """It says that there is more, and a count that no fleet has says nothing against it."""
    first = {**page(1, 2, next_marker=server_id(2)), "count": count}
    back = {**page(next_marker=server_id(2)), "count": count}
    snapshot, _ = await swept(first, back)
    whole, _ = await swept(first, {**page(), "count": count})

    assert snapshot.shortfall == server.Shortfall(shown=2, total=0)
    assert whole.shortfall is None


async def test_sweep_takes_the_count_from_whichever_page_has_one() -> None:
    """What the first page counts isn't forgotten when the next leaves it out."""
    first = {**page(1, 2, next_marker=server_id(2)), "count": 5}
    snapshot, _ = await swept(first, {**page(3), "count": None}, {**page(), "count": None})

    assert snapshot.shortfall == server.Shortfall(shown=3, total=5)


async def test_closing_an_idle_inventory_does_nothing() -> None:
    """There is nothing to stop."""
    await Bench(1).inventory.aclose()


async def test_snapshot_that_is_late_enough_costs_no_call() -> None:
    """The newest snapshot serves everybody who asks for nothing newer."""
    bench = Bench(5)

    first = await bench.inventory.snapshot(not_before=START)
    await bench.clock.pass_s(10.0)
    again = await bench.inventory.snapshot(not_before=START)

    assert again is first is bench.inventory.latest()
    assert len(bench.cloud.lists) == 1
    assert first.started_at == START


async def test_sweep_under_way_is_shared_by_all_who_may() -> None:
    """Ten who ask for the same cost one sweep."""
    bench = Bench(5)
    bench.cloud.gate.clear()
    asking = [asyncio.create_task(bench.inventory.snapshot(not_before=START)) for _ in range(10)]
    await ticks.settle()

    bench.cloud.gate.set()
    found = await asyncio.gather(*asking)

    assert len({id(snapshot) for snapshot in found}) == 1
    assert len(bench.cloud.lists) == 1


async def test_sweep_that_began_too_early_is_awaited_and_a_new_one_shared() -> None:
    """Nobody gets what is older than he asked for, and the late ones share the next sweep."""
    bench = Bench(5)
    bench.cloud.gate.clear()
    early = asyncio.create_task(bench.inventory.snapshot(not_before=START))
    await bench.clock.pass_s(3.0)
    late = [
        asyncio.create_task(bench.inventory.snapshot(not_before=START + 3.0)) for _ in range(10)
    ]
    await ticks.settle()
    while_waiting = len(bench.cloud.lists)

    bench.cloud.gate.set()
    found = await asyncio.gather(*late)

    assert (await early).started_at == START
    assert {snapshot.started_at for snapshot in found} == {START + 3.0}
    assert (while_waiting, len(bench.cloud.lists)) == (1, 2)


async def test_sweep_goes_on_when_one_who_waits_gives_up() -> None:
    """A caller who is cancelled takes the sweep from nobody else."""
    bench = Bench(5)
    bench.cloud.gate.clear()
    gone = asyncio.create_task(bench.inventory.snapshot(not_before=START))
    stays = asyncio.create_task(bench.inventory.snapshot(not_before=START))
    await ticks.settle()

    gone.cancel()
    await asyncio.wait({gone})
    bench.cloud.gate.set()

    assert len((await stays).servers) == 5


async def test_failed_sweep_fails_all_who_share_it_and_keeps_the_snapshot() -> None:
    """The last good snapshot stays, with its age; the next who asks tries anew."""
    bench = Bench(5)
    kept = await bench.inventory.snapshot(not_before=START)
    await bench.clock.pass_s(60.0)
    bench.cloud.fails = errors.CloudError("away")

    found = await asyncio.gather(
        *(bench.inventory.snapshot(not_before=START + 60.0) for _ in range(3)),
        return_exceptions=True,
    )

    assert all(isinstance(error, errors.CloudError) for error in found)
    assert bench.inventory.latest() is kept
    assert len(bench.cloud.lists) == 2


async def test_snapshot_from_before_the_clock_was_set_back_is_not_fresh() -> None:
    """An old snapshot isn't young because the wall clock was set."""
    bench = Bench(5)
    await bench.clock.pass_s(1000.0)
    await bench.inventory.snapshot(not_before=0.0)
    await bench.clock.pass_s(300.0)
    bench.clock.set_s = -600.0

    found = await bench.inventory.snapshot(not_before=bench.clock.now() - 15.0)

    assert found.started_at == bench.clock.now()
    assert len(bench.cloud.lists) == 2


async def test_closed_inventory_stops_its_sweep() -> None:
    """Nothing is left running at the end, and who waited for it is told so."""
    bench = Bench(5)
    bench.cloud.gate.clear()
    asking = asyncio.create_task(bench.sight(1))
    await ticks.settle()

    await bench.poller.aclose()
    await bench.inventory.aclose()

    with pytest.raises(single_flight.FlightStopped):
        await asking

"""Many watch, few calls: rounds are shared, and fresh enough for all who share."""

from __future__ import annotations

import asyncio
import random
import sys

import pytest

from bot.clouddc import inventory, poller, single_reads
from bot.execution import poll_schedule
from bot.power import errors, ports, server
from tests.support import ticks

from .builders import START, Service, accepted, answer, cloud_for, ids as some_ids, page, server_id
from .fleet import Bench


async def test_twenty_watchers_cost_no_more_lists_than_one() -> None:
    """Those who look at the same time share a round."""
    bench = Bench(2500)
    await bench.inventory.snapshot(not_before=START)
    await bench.clock.pass_s(60.0)
    bench.cloud.lists.clear()

    seen = await asyncio.gather(*(bench.sight(*range(n * 50, n * 50 + 50)) for n in range(20)))

    assert len(bench.cloud.lists) == 3
    assert all(set(one.servers) >= set(some_ids(50, first=50 * n)) for n, one in enumerate(seen))
    assert {one.started_at for one in seen} == {START + 60.0}


async def test_watchers_out_of_step_share_what_they_have_not_seen() -> None:
    """Over ten minutes twenty who poll with jitter cost about as much as two, not as twenty."""
    alone, many = Bench(100), Bench(100)

    for bench, watchers in ((alone, 1), (many, 20)):
        polling = [asyncio.create_task(poll(bench, number)) for number in range(watchers)]
        await bench.clock.pass_s(600.0)
        for one in polling:
            one.cancel()

    assert 35 <= len(alone.cloud.lists) <= 50
    assert len(many.cloud.lists) <= 2.5 * len(alone.cloud.lists)


async def poll(bench: Bench, number: int) -> None:
    """Watch one server as a running request does."""
    delays = poll_schedule.Backoff(2.0, 15.0, random.Random(number))
    while True:
        await bench.clock.sleep(delays.next())
        await bench.sight(number)


async def test_few_servers_of_a_large_project_are_shown_one_by_one() -> None:
    """Two servers among 2,500 are two calls, not three pages."""
    bench = Bench(2500)
    whole = await bench.inventory.snapshot(not_before=START)
    await bench.clock.pass_s(60.0)
    bench.cloud.lists.clear()

    seen = await bench.sight(7, 9)

    assert sorted(bench.cloud.shows) == [server_id(7), server_id(9)]
    assert bench.cloud.lists == []
    assert set(seen.servers) == {server_id(7), server_id(9)}
    assert seen.started_at == START + 60.0
    assert bench.inventory.latest() is whole


async def test_as_many_servers_as_pages_are_listed() -> None:
    """Where it costs the same, the list is read: everybody else can share it."""
    bench = Bench(2500)
    await bench.inventory.snapshot(not_before=START)
    await bench.clock.pass_s(60.0)

    await bench.sight(7, 8, 9)

    assert bench.cloud.shows == []


async def test_watchers_of_single_servers_are_counted_together() -> None:
    """Twenty requests of one server each are one sweep, not twenty calls."""
    bench = Bench(2500)
    await bench.inventory.snapshot(not_before=START)
    await bench.clock.pass_s(60.0)
    bench.cloud.lists.clear()

    await asyncio.gather(*(bench.sight(number) for number in range(20)))

    assert bench.cloud.shows == []
    assert len(bench.cloud.lists) == 3


async def test_server_that_is_gone_is_missing_from_the_sighting() -> None:
    """Neither list nor show invents a server."""
    bench = Bench(2500)
    listed = await bench.sight(7, 4000)
    await bench.clock.pass_s(60.0)
    shown = await bench.sight(7, 4000)

    assert set(shown.servers) == {server_id(7)}
    assert server_id(7) in listed.servers
    assert server_id(4000) not in listed.servers
    assert len(bench.cloud.shows) == 2


async def test_watcher_never_sees_the_same_round_twice() -> None:
    """Asking again reads again, however old `not_before` is."""
    bench = Bench(100)

    first = await bench.sight(7)
    await bench.clock.pass_s(2.0)
    second = await bench.sight(7)

    assert (first.started_at, second.started_at) == (START, START + 2.0)
    assert len(bench.cloud.lists) == 2


async def test_watcher_is_not_shown_a_round_from_before_the_call() -> None:
    """A sweep that began before the power call says nothing about it."""
    bench = Bench(100)
    await bench.sight(8)
    await bench.clock.pass_s(1.0)
    sent_at = bench.clock.now()
    await bench.clock.pass_s(2.0)

    seen = await bench.sight(7, not_before=sent_at)

    assert seen.started_at == sent_at + 2.0


async def test_watcher_of_others_waits_for_shows_that_leave_him_out() -> None:
    """A round that shows some servers serves only their watchers."""
    bench = Bench(2500)
    await bench.inventory.snapshot(not_before=START)
    await bench.clock.pass_s(60.0)
    bench.cloud.gate.clear()
    first = asyncio.create_task(bench.sight(1))
    await ticks.settle()
    second = asyncio.create_task(bench.sight(2))
    await ticks.settle()

    bench.cloud.gate.set()

    assert set((await first).servers) == {server_id(1)}
    assert set((await second).servers) == {server_id(2)}
    assert bench.cloud.shows == [server_id(1), server_id(2)] or len(bench.cloud.shows) == 3


async def test_failed_show_fails_the_sighting() -> None:
    """What could not be read is never passed over in silence."""
    bench = Bench(2500)
    await bench.inventory.snapshot(not_before=START)
    await bench.clock.pass_s(60.0)
    bench.cloud.fails = errors.CloudError("away")

    with pytest.raises(errors.CloudError, match="away"):
        await bench.sight(7, 8)


async def large(hand: Bench) -> Bench:
    """Let the list of a large project have been read a minute ago."""
    await hand.inventory.snapshot(not_before=START)
    await hand.clock.pass_s(60.0)
    hand.cloud.lists.clear()
    return hand


async def test_server_whose_single_read_fails_hides_no_other() -> None:
    """The list shows it, and those who are read in the same round, to whomever they belong."""
    bench = await large(Bench(2500))
    bench.cloud.broken[server_id(7)] = errors.CloudError("its record can't be read")

    seen = await asyncio.gather(bench.sight(7), bench.sight(8))

    assert all({server_id(7), server_id(8)} <= set(one.servers) for one in seen)
    assert all(not one.unread for one in seen)
    assert len(bench.cloud.lists) == 3


async def test_single_read_that_hangs_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds come one after another, so that all would wait for it."""
    monkeypatch.setattr(poller, "ROUND_S", 0.01)
    bench = await large(Bench(2500))
    bench.cloud.show_hangs = True

    assert set((await bench.sight(7, 8)).servers) >= {server_id(7), server_id(8)}


async def test_server_whose_single_read_came_to_nothing_is_left_to_the_list_for_a_while() -> None:
    """Everybody would wait for it anew in each round."""
    bench = await large(Bench(2500))
    bench.cloud.broken[server_id(7)] = errors.CloudError("its record can't be read")
    await bench.sight(7)
    bench.cloud.broken.clear()
    bench.cloud.shows.clear()

    await bench.clock.pass_s(20.0)
    seen = await bench.sight(7, not_before=bench.clock.now())
    await bench.clock.pass_s(1.0)
    known = await bench.read(7)
    shown_meanwhile = [*bench.cloud.shows]
    await bench.clock.pass_s(single_reads.SPARED_S)
    await bench.sight(7, not_before=bench.clock.now())

    assert server_id(7) in seen.servers
    assert isinstance(known, server.Snapshot)
    assert shown_meanwhile == []
    assert bench.cloud.shows == [server_id(7)]


@pytest.mark.parametrize(
    "failure", [errors.NotSent("away"), errors.Throttled("less"), errors.KeyLocked("locked")]
)
async def test_no_list_is_read_where_nothing_is_answered(failure: errors.CloudError) -> None:
    """It would only be more of the same calls."""
    bench = await large(Bench(2500))
    bench.cloud.show_fails = failure

    with pytest.raises(type(failure)):
        await bench.sight(7, 8)
    assert bench.cloud.lists == []


async def test_server_that_neither_list_nor_single_read_shows_is_unread() -> None:
    """That a short list lacks it and its own record can't be read doesn't say that it is gone."""
    bench = Bench(3)
    lost, gone = some_ids(2, first=100)
    bench.cloud.counts_more = 60
    bench.cloud.broken[lost] = errors.CloudError("its record can't be read")

    seen = await bench.poller.next_sighting([lost, gone, server_id(1)], not_before=START)

    assert seen.unread == {lost}
    assert set(seen.servers) >= {server_id(1)}


async def test_nobody_to_watch_costs_no_call() -> None:
    """An empty look is an empty sighting."""
    bench = Bench(5)

    assert (await bench.sight()).servers == {}
    assert bench.cloud.lists == []


async def test_cloud_power_is_the_power_api_of_the_workflow() -> None:
    """Client, inventory and poller together are what the executor asks for."""
    clock = ticks.GivenClock()
    service = Service(answer(page(1)), accepted(1), answer(page(1)))
    cloud = cloud_for(service, clock)
    stock = inventory.Inventory(cloud, clock)
    whole = poller.CloudPower(cloud, stock, poller.Poller(cloud, stock, clock))
    api: ports.PowerApi = whole

    snapshot = await api.snapshot(not_before=clock.now())
    taken = await api.switch(ports.Method.ON, [server_id(1)], "attempt-1")
    seen = await api.sighting([server_id(1)], not_before=clock.now())
    await whole.aclose()

    assert api.latest() is not snapshot
    assert set(snapshot.servers) == set(taken.server_ids) == set(seen.servers) == {server_id(1)}


async def test_poll_tells_gone_servers_from_those_that_a_short_list_leaves_out() -> None:
    """So many are asked for one by one, and of the rest nothing is claimed."""
    bench = Bench(3)
    gone = some_ids(poller.MOST_SHOWN + 2, first=100)
    bench.cloud.counts_more = 60

    seen = await bench.poller.next_sighting([*gone, server_id(1)], not_before=START)

    assert set(bench.cloud.shows) == set(gone[: poller.MOST_SHOWN])
    assert seen.unread == frozenset(gone[poller.MOST_SHOWN :])
    assert server_id(1) in seen.servers


async def test_a_watcher_who_looks_again_costs_no_second_set_of_ids() -> None:
    """Ten thousand ids are held once, in two fifths of the room that a set takes."""
    bench = Bench(2500)
    wanted = some_ids(2500)

    for seconds in (0.0, 60.0, 120.0):
        await bench.clock.pass_s(seconds)
        await bench.poller.next_sighting(list(wanted), not_before=bench.clock.now())

    ((held, _),) = bench.poller._shown
    assert set(held) == set(wanted)
    assert type(held) is type({}.keys())
    assert sys.getsizeof(dict.fromkeys(wanted)) < sys.getsizeof(set(wanted)) / 2

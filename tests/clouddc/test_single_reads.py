"""Few servers of a large project are read one by one, and the list where it alone can tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.clouddc import poller, single_reads
from bot.power import errors, server
from bot.runtime import single_flight
from tests.support import ticks

from .builders import START, server_id
from .fleet import Bench

PAGES = 3
LATER_S = 60.0


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    """A project of three pages whose list was read a minute ago."""
    made = Bench(2500)
    await made.inventory.snapshot(not_before=START)
    await made.clock.pass_s(LATER_S)
    made.cloud.lists.clear()
    yield made
    await made.poller.aclose()


def whole(found: server.Records) -> server.Snapshot:
    """Return records that have to be all of the project's."""
    assert isinstance(found, server.Snapshot)
    return found


async def test_few_servers_are_read_one_by_one_and_nothing_is_said_of_others(
    bench: Bench,
) -> None:
    """They are as new as they are said to be, and no snapshot in which others could be counted."""
    bench.change(7, name="db99")

    found = await bench.read(7, 9)

    assert sorted(bench.cloud.shows) == [server_id(7), server_id(9)]
    assert bench.cloud.lists == []
    assert not isinstance(found, server.Snapshot)
    assert set(found.servers) == {server_id(7), server_id(9)}
    assert found.servers[server_id(7)].name == "db99"
    assert found.started_at == START + LATER_S


@pytest.mark.parametrize("count", [PAGES, PAGES + 1])
async def test_as_many_servers_as_pages_are_listed(bench: Bench, count: int) -> None:
    """The list costs no more, and has everybody."""
    found = whole(await bench.read(*range(count)))

    assert bench.cloud.shows == []
    assert len(bench.cloud.lists) == PAGES
    assert len(found.servers) == 2500


async def test_whoever_counts_others_gets_the_list(bench: Bench) -> None:
    """However few servers are asked for."""
    found = whole(await bench.read(7, whole=True))

    assert bench.cloud.shows == []
    assert found.started_at == START + LATER_S


async def test_a_whole_list_is_not_made_of_single_reads(bench: Bench) -> None:
    """They are fresh enough, and say nothing of others."""
    await bench.read(7)

    whole(await bench.read(7, whole=True))

    assert len(bench.cloud.lists) == PAGES


async def test_list_is_read_where_none_is_known() -> None:
    """How many pages there are isn't known either."""
    bench = Bench(2500)

    whole(await bench.read(7))

    assert bench.cloud.shows == []


async def test_list_that_falls_short_is_no_measure_of_its_pages(bench: Bench) -> None:
    """It is read again."""
    bench.cloud.counts_more = 60
    await bench.read(7, whole=True)
    await bench.clock.pass_s(LATER_S)

    whole(await bench.read(7))

    assert bench.cloud.shows == []


async def test_nobody_is_read_where_nobody_is_asked_for(bench: Bench) -> None:
    """No ids never mean all, nor a call for each."""
    whole(await bench.read())

    assert bench.cloud.shows == []


async def test_server_that_a_single_read_calls_gone_is_looked_for_in_the_list(
    bench: Bench,
) -> None:
    """Only the list shows that another server has its name now."""
    bench.exchange(7, 4000)

    found = whole(await bench.read(7, 9))

    assert server_id(7) not in found.servers
    assert [one.id for one in found.by_name["web7"]] == [server_id(4000)]
    assert found.started_at >= START + LATER_S


async def test_server_that_is_gone_costs_one_list(bench: Bench) -> None:
    """The list that told so is good for as long as any."""
    bench.exchange(7, 4000)
    found = await bench.read(7)
    await bench.clock.pass_s(5.0)

    assert await bench.read(7, not_before=START + LATER_S) is found
    assert len(bench.cloud.lists) == PAGES


async def test_single_reads_that_fail_give_way_to_the_list(bench: Bench) -> None:
    """One that is refused, such as for a right that the key lacks, is no answer."""
    bench.cloud.show_fails = errors.CloudError("refused")

    assert server_id(7) in whole(await bench.read(7)).servers


async def test_single_reads_that_hang_give_way_to_the_list(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While somebody waits for the answer to a click."""
    monkeypatch.setattr(poller, "SINGLY_S", 0.01)
    bench.cloud.show_hangs = True

    assert server_id(7) in whole(await bench.read(7)).servers


async def test_where_nothing_can_be_read_nothing_is_told(bench: Bench) -> None:
    """The list's failure is the whole's."""
    bench.cloud.fails = errors.CloudError("away")

    with pytest.raises(errors.CloudError, match="away"):
        await bench.read(7)


async def test_what_was_read_lately_is_shared(bench: Bench) -> None:
    """The check before a wave costs nothing after that of the approval."""
    first = await bench.read(7, 9)
    await bench.clock.pass_s(2.0)

    again = await bench.read(9, 7, not_before=bench.clock.now() - 14.0)

    assert again == first
    assert len(bench.cloud.shows) == 2


async def test_records_of_several_rounds_are_as_old_as_the_oldest(bench: Bench) -> None:
    """Whoever judges on them must know how much time is left."""
    await bench.read(7)
    await bench.clock.pass_s(2.0)
    await bench.read(9)

    both = await bench.read(7, 9, not_before=START + LATER_S)

    assert both.started_at == START + LATER_S
    assert len(bench.cloud.shows) == 2


async def test_what_a_poll_has_read_counts_as_well(bench: Bench) -> None:
    """The proof of a cycle's first call is what its second is checked on."""
    await bench.sight(7)
    await bench.clock.pass_s(2.0)

    await bench.read(7, not_before=START + LATER_S)

    assert len(bench.cloud.shows) == 1


async def test_record_that_is_too_old_is_read_again(bench: Bench) -> None:
    """Every one of them must be new enough."""
    await bench.read(7, 9)
    await bench.clock.pass_s(2.0)
    await bench.read(9)
    await bench.clock.pass_s(2.0)

    found = await bench.read(7, 9, not_before=bench.clock.now() - 3.0)

    assert found.started_at == bench.clock.now()
    assert len(bench.cloud.shows) == 5


async def test_those_who_ask_together_share_a_round(bench: Bench) -> None:
    """Two approvals at the same moment read both requests' servers at once."""
    one, other = await asyncio.gather(bench.read(7), bench.read(9))

    assert one.started_at == other.started_at
    assert sorted(bench.cloud.shows) == [server_id(7), server_id(9)]


async def test_so_many_who_ask_together_share_a_list(bench: Bench) -> None:
    """Together they want as many servers as there are pages."""
    found = await asyncio.gather(*(bench.read(number) for number in range(PAGES)))

    assert bench.cloud.shows == []
    assert len(bench.cloud.lists) == PAGES
    assert all(whole(one) for one in found)


async def test_newer_single_read_stands_over_a_list_that_would_do(bench: Bench) -> None:
    """What an approval has seen of a server is not forgotten for the older list of the plan."""
    await bench.read(0, whole=True)
    await bench.clock.pass_s(3.0)
    bench.change(7, name="db99")
    await bench.read(7)
    bench.cloud.lists.clear()

    for counts in (False, True):
        found = whole(await bench.read(7, 9, not_before=START + LATER_S, whole=counts))
        assert found.servers[server_id(7)].name == "db99"
        assert found.servers[server_id(9)].name == "web9"
        assert found.started_at == START + LATER_S
    assert bench.cloud.lists == []
    assert (listed := bench.inventory.latest()) is not None
    assert listed.servers[server_id(7)].name == "web7"


async def test_newer_list_stands_over_a_single_read(bench: Bench) -> None:
    """It goes both ways."""
    await bench.read(7)
    await bench.clock.pass_s(3.0)
    bench.change(7, name="db99")
    await bench.read(0, whole=True)

    found = await bench.read(7, not_before=START + LATER_S)

    assert found.servers[server_id(7)].name == "db99"


async def test_server_that_is_gone_since_the_list_is_looked_for_in_a_new_one(
    bench: Bench,
) -> None:
    """An older list would show it, as if it could be sent."""
    await bench.read(0, whole=True)
    await bench.clock.pass_s(3.0)
    bench.exchange(7, 4000)
    assert (await bench.sight(7, not_before=bench.clock.now())).servers == {}

    found = whole(await bench.read(7, not_before=START + LATER_S))

    assert server_id(7) not in found.servers
    assert server_id(4000) in found.servers


async def test_a_list_that_was_under_way_does_not_bring_back_who_is_gone(bench: Bench) -> None:
    """A single read that began after it knows better."""
    bench.cloud.gate.clear()
    listing = asyncio.create_task(bench.read(7, 8, 9))
    await ticks.settle()
    await bench.clock.pass_s(1.0)
    bench.cloud.rows = [one for one in bench.cloud.rows if one.id != server_id(7)]
    bench.poller._singles.note([server_id(7)], {}, single_flight.Began.now(bench.clock))
    bench.cloud.gate.set()

    assert server_id(7) not in whole(await listing).servers


async def test_what_is_too_old_for_anybody_is_forgotten(bench: Bench) -> None:
    """The memory doesn't grow with the servers that were ever read."""
    await bench.read(7)
    await bench.clock.pass_s(single_reads.FORGET_S + 1.0)

    await bench.read(9)

    assert set(bench.poller._singles._seen) == {server_id(9)}


async def test_a_wall_clock_that_was_set_back_makes_nothing_fresh(bench: Bench) -> None:
    """Both clocks must agree on how old a record is."""
    await bench.read(7)
    bench.clock.set_s = -30.0
    await bench.clock.pass_s(20.0)

    await bench.read(7, not_before=bench.clock.now() - 14.0)

    assert len(bench.cloud.shows) == 2

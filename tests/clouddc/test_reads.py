"""Reads try again within bounds, and say what could not be read."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from bot.clouddc import retries
from bot.power import errors

from .builders import (
    ENDPOINT,
    PROJECT,
    HandClock,
    LeapClock,
    Service,
    answer,
    cloud_for,
    page,
    refused,
    row,
    server_id,
)

POWER_URL = f"{ENDPOINT}/v1/{PROJECT}/physicalservers/power-state"
NAMED = f"These: [{server_id(1)}, {server_id(77)}]"


async def test_read_is_tried_again_ever_more_slowly() -> None:
    """Lost answers, refused connections and unreadable pages are worth another try."""
    clock = LeapClock()
    service = Service(
        httpx.ReadTimeout("slow"), httpx.ConnectError("no"), answer(b"{"), answer(page(1))
    )

    found = await cloud_for(service, clock).list_page()

    assert [one.id for one in found.servers] == [server_id(1)]
    bounds = [(0.25, 0.75), (0.5, 1.5), (1.0, 3.0)]
    waits = [wait_s for wait_s in clock.slept if wait_s > 0.1]
    assert all(low <= wait_s <= high for wait_s, (low, high) in zip(waits, bounds, strict=True))


async def test_read_gives_up_after_four_tries() -> None:
    """A service that stays broken is reported, without a word about power."""
    service = Service(refused(500, "iMetal.0099", "Oops"))

    with pytest.raises(errors.CloudError) as caught:
        await cloud_for(service, LeapClock()).show(server_id(1))

    assert type(caught.value) is errors.CloudError
    assert caught.value.code == "iMetal.0099"
    assert len(service.requests) == retries.READ_TRIES


async def test_read_honours_a_short_hint_and_gives_up_at_a_long_one() -> None:
    """`Retry-After` is waited for, but nobody is kept for minutes."""
    clock = LeapClock()
    service = Service(
        refused(429, "iMetal.0005", **{"Retry-After": "7"}),
        refused(429, "iMetal.0005", **{"Retry-After": "60"}),
    )

    with pytest.raises(errors.Throttled):
        await cloud_for(service, clock).status()

    assert len(service.requests) == 2
    assert clock.passed_s >= 7.0


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_read_that_is_refused_is_not_tried_again(status: int) -> None:
    """A refusal stays one."""
    service = Service(refused(status, "iMetal.0003"))

    with pytest.raises(errors.Refused):
        await cloud_for(service, LeapClock()).list_page()

    assert len(service.requests) == 1


async def test_list_page_asks_for_the_largest_page_behind_the_marker() -> None:
    """Limit and marker go into the query, sorted as they are signed."""
    service = Service(answer(page(1)))

    await cloud_for(service, HandClock()).list_page(server_id(7))

    assert service.requests[0].url.query.decode() == f"limit=1000&marker={server_id(7)}"


async def test_show_reads_one_record_and_knows_who_is_gone() -> None:
    """An id that doesn't exist is an error of its own, and something else is never asked for."""
    service = Service(answer(row(1)), refused(404, "iMetal.0100", NAMED))
    cloud = cloud_for(service, LeapClock())

    assert (await cloud.show(server_id(1))).name == "web01"
    with pytest.raises(errors.UnknownServers):
        await cloud.show(server_id(1))
    with pytest.raises(ValueError, match="ids"):
        await cloud.show("../status")


async def test_status_counts_the_fleet() -> None:
    """The counts come by the service's words."""
    service = Service(answer({"server_power_status": {"on": 3, "off": 1}}))

    assert (await cloud_for(service, HandClock()).status()).power == {"on": 3, "off": 1}


async def test_read_that_takes_too_long_in_all_is_given_up() -> None:
    """All tries together have a time limit."""

    async def hang(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    cloud = cloud_for(hang, LeapClock(), read_whole_s=0.01)

    with pytest.raises(errors.CloudError, match="in time"):
        await cloud.list_page()


async def test_status_without_counts_is_an_error() -> None:
    """Counts that can't be read aren't shown as zero."""
    service = Service(answer({"server_status": {}}))

    with pytest.raises(errors.CloudError, match="no counts"):
        await cloud_for(service, LeapClock()).status()

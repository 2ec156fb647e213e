"""Reads try again within bounds, and say what could not be read."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from bot.clouddc import retries
from bot.power import errors
from bot.power.ports import Method
from tests.support import ticks

from .builders import (
    ENDPOINT,
    PROJECT,
    Service,
    answer,
    cloud_for,
    ids,
    page,
    refused,
    row,
    server_id,
)

POWER_URL = f"{ENDPOINT}/v1/{PROJECT}/physicalservers/power-state"
NAMED = f"These: [{server_id(1)}, {server_id(77)}]"


async def test_read_is_tried_again_ever_more_slowly() -> None:
    """Lost answers, refused connections and unreadable pages are worth another try."""
    clock = ticks.GivenClock()
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
        await cloud_for(service, ticks.GivenClock()).show(server_id(1))

    assert type(caught.value) is errors.CloudError
    assert caught.value.code == "iMetal.0099"
    assert len(service.requests) == retries.READ_TRIES


async def test_read_honours_a_short_hint_and_gives_up_at_a_long_one() -> None:
    """`Retry-After` is waited for, but nobody is kept for minutes."""
    clock = ticks.GivenClock()
    service = Service(
        refused(429, "iMetal.0005", **{"Retry-After": "7"}),
        refused(429, "iMetal.0005", **{"Retry-After": "60"}),
    )

    with pytest.raises(errors.Throttled):
        await cloud_for(service, clock).status()

    assert len(service.requests) == 2
    assert clock.passed_s >= 7.0


@pytest.mark.parametrize("status", [400, 403, 404])
async def test_read_that_is_refused_is_not_tried_again(status: int) -> None:
    """A refusal stays one."""
    service = Service(refused(status, "iMetal.0003"))

    with pytest.raises(errors.Refused):
        await cloud_for(service, ticks.GivenClock()).list_page()

    assert len(service.requests) == 1


async def test_list_page_asks_for_the_largest_page_behind_the_marker() -> None:
    """Limit and marker go into the query, sorted as they are signed."""
    service = Service(answer(page(1)))

    await cloud_for(service, ticks.HandClock()).list_page(server_id(7))

    assert service.requests[0].url.query.decode() == f"limit=1000&marker={server_id(7)}"


async def test_show_reads_one_record_and_knows_who_is_gone() -> None:
    """An id that doesn't exist is an error of its own, and something else is never asked for."""
    service = Service(answer(row(1)), refused(404, "iMetal.0100", NAMED))
    cloud = cloud_for(service, ticks.GivenClock())

    assert (await cloud.show(server_id(1))).name == "web01"
    with pytest.raises(errors.UnknownServers):
        await cloud.show(server_id(1))
    with pytest.raises(ValueError, match="by id only"):
        await cloud.show("../status")


async def test_status_is_read_as_counts_of_the_fleet() -> None:
    """The counts come by the service's words."""
    service = Service(answer({"server_power_status": {"on": 3, "off": 1}}))

    assert (await cloud_for(service, ticks.HandClock()).status()).power == {"on": 3, "off": 1}


async def test_read_that_takes_too_long_in_all_is_given_up() -> None:
    """All tries together have a time limit."""

    async def hang(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    cloud = cloud_for(hang, ticks.GivenClock(), read_whole_s=0.01)

    with pytest.raises(errors.CloudError, match="in time"):
        await cloud.list_page()


async def test_status_without_counts_is_an_error() -> None:
    """Counts that can't be read aren't shown as zero."""
    service = Service(answer({"server_status": {}}))

    with pytest.raises(errors.CloudError, match="no counts"):
        await cloud_for(service, ticks.GivenClock()).status()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            refused(403, "iMetal.0004", "Insufficient permissions."),
            "The server list can't be read: the bot's key lacks clouddc:imetal:list "
            "(iMetal.0004: Insufficient permissions); a cloud administrator can grant it. "
            "Nothing was sent.",
        ),
        (
            refused(401, "APIGW.0301", "verify aksk signature fail"),
            "The server list can't be read: CloudDC refuses the bot's credentials "
            "(APIGW.0301: verify aksk signature fail); an operator must check them. "
            "Nothing was sent.",
        ),
        (
            refused(429, "iMetal.0005", **{"Retry-After": "60"}),
            "The server list can't be read: CloudDC asks for fewer calls (429); "
            "try again in 60 s. Nothing was sent.",
        ),
        (
            answer(b"<html><title>Bad gateway</title></html>", 502),
            "The server list can't be read: CloudDC answered 502: Bad gateway; "
            "try again in a moment. Nothing was sent.",
        ),
        (
            httpx.ReadTimeout("slow"),
            "The server list can't be read: CloudDC's answer was lost (ReadTimeout); "
            "try again in a moment. Nothing was sent.",
        ),
        (
            httpx.ConnectError("no route"),
            "The server list can't be read: CloudDC could not be reached (ConnectError); "
            "try again in a moment. Nothing was sent.",
        ),
    ],
    ids=["forbidden", "unauthorized", "throttled", "gateway", "lost", "unreachable"],
)
async def test_read_that_failed_says_what_failed_and_who_can_mend_it(
    given: httpx.Response | Exception, expected: str
) -> None:
    """A read is never told as a call that may have happened."""
    with pytest.raises(errors.CloudError) as caught:
        await cloud_for(Service(given), ticks.GivenClock()).list_page()

    assert caught.value.user_message == expected
    assert not isinstance(caught.value, errors.OutcomeUnknown)


async def test_power_call_without_the_permission_names_it() -> None:
    """Who grants permissions learns which one; the vendor's words stay."""
    service = Service(refused(403, "iMetal.0004", "Insufficient permissions"))

    with pytest.raises(errors.Refused, match="lacks clouddc:imetal:updatePowerStatus") as caught:
        await cloud_for(service, ticks.GivenClock()).switch(Method.ON, ids(1), "attempt-1")

    assert caught.value.code == "iMetal.0004"


async def test_a_reader_is_told_at_once_how_long_cloud_dc_wants_to_be_left_alone() -> None:
    """Nobody waits in silence for what can't be asked for yet; a power call keeps its turn."""
    clock = ticks.GivenClock()
    service = Service(refused(429, "iMetal.0005", **{"Retry-After": "60"}))
    cloud = cloud_for(service, clock)
    with pytest.raises(errors.CloudError, match="try again in 60 s"):
        await cloud.list_page()
    began = clock.passed_s

    with pytest.raises(errors.CloudError) as caught:
        await cloud.list_page()

    assert clock.passed_s - began < 1.0
    assert len(service.requests) == 1
    assert caught.value.user_message == (
        "The server list can't be read: CloudDC asks for fewer calls (429); try again in 60 s. "
        "Nothing was sent."
    )

"""Power calls leave once and never wide open, and every outcome has its word."""

from __future__ import annotations

import asyncio
import email.utils

import httpx
import pytest

from bot.clouddc import throttle
from bot.power import errors
from bot.power.ports import Method
from tests.support import ticks

from .builders import (
    ENDPOINT,
    PROJECT,
    START,
    TOKEN,
    Service,
    accepted,
    answer,
    cloud_for,
    ids,
    page,
    refused,
    server_id,
)

POWER_URL = f"{ENDPOINT}/v1/{PROJECT}/physicalservers/power-state"
NAMED = f"These: [{server_id(1)}, {server_id(77)}]"


async def switched(*script: httpx.Response | Exception) -> tuple[errors.CloudError, Service]:
    """The error of a power call for servers 0 to 2, and the service that it went to."""
    service = Service(*script)
    with pytest.raises(errors.CloudError) as caught:
        await cloud_for(service, ticks.GivenClock()).switch(Method.REBOOT, ids(3), "attempt-1")
    return caught.value, service


async def test_power_call_sends_action_and_ids_once() -> None:
    """The body has the vendor's word and all ids; the answer's ids come back."""
    service = Service(accepted(0, 1))

    taken = await cloud_for(service, ticks.HandClock()).switch(Method.OFF, ids(2), "attempt-1")

    (request,) = service.requests
    assert (request.method, str(request.url)) == ("PUT", POWER_URL)
    assert service.bodies == [{"action": "power off", "server_id_set": ids(2)}]
    assert request.headers["X-Auth-Token"] == TOKEN
    assert taken.server_ids == frozenset(ids(2))
    assert taken.request_id == "req-1"


@pytest.mark.parametrize(
    "bad",
    [
        [],
        ids(51),
        [*ids(2), server_id(0)],
        ["web01"],
        [server_id(1).upper()],
        [server_id(1) + "\n"],
        [""],
        [None],
        server_id(1),
    ],
    ids=[
        "none", "fifty-one", "doubled", "name", "upper-case", "newline", "empty", "null", "text",
    ],
)  # fmt: skip
async def test_power_call_that_must_not_leave_is_refused_here(bad: list[str]) -> None:
    """What isn't 1 to 50 distinct ids never reaches the network."""
    service = Service(accepted(0))

    with pytest.raises(ValueError, match="power call"):
        await cloud_for(service, ticks.HandClock()).switch(Method.ON, bad, "attempt-1")

    assert service.requests == []


async def test_power_call_takes_fifty_ids() -> None:
    """The limit itself is allowed."""
    service = Service(accepted(*range(50)))

    taken = await cloud_for(service, ticks.HandClock()).switch(Method.ON, ids(50), "attempt-1")

    assert len(taken.server_ids) == 50


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (refused(400, "iMetal.0001"), errors.Refused),
        (refused(400, "iMetal.0101", NAMED), errors.NotReady),
        (
            refused(401, "APIGW.0301", "AK access failed to reach the limit,forbidden"),
            errors.KeyLocked,
        ),
        (refused(403, "iMetal.0004"), errors.Refused),
        (refused(404, "iMetal.0100", NAMED), errors.UnknownServers),
        (refused(404, "APIGW.0101"), errors.Refused),
        (refused(405, "APIGW.0106"), errors.Refused),
        (refused(413, "APIGW.0201"), errors.Refused),
        (refused(429, "iMetal.0005"), errors.Throttled),
        (answer("Too many requests", 429), errors.Throttled),
        (answer(b"Too many requests", 429), errors.Throttled),
        (refused(500, "iMetal.0099"), errors.OutcomeUnknown),
        (answer(b"<html><title>502 Bad Gateway</title>", 502), errors.OutcomeUnknown),
        (answer(b"", 503), errors.OutcomeUnknown),
        (answer(b"", 504), errors.OutcomeUnknown),
        (answer(b"", 302, {"Location": "https://elsewhere.invalid/"}), errors.OutcomeUnknown),
        (answer(b"", 408), errors.OutcomeUnknown),
        (answer(b"", 409), errors.OutcomeUnknown),
        (answer(b"\x1f\x8b{", 200), errors.OutcomeUnknown),
        (answer({}, 200), errors.OutcomeUnknown),
        (answer(b"", 204), errors.OutcomeUnknown),
        (httpx.ConnectTimeout("slow"), errors.NotSent),
        (httpx.ReadTimeout("slow"), errors.OutcomeUnknown),
    ],
)
async def test_power_call_that_fails_has_one_meaning_and_is_not_repeated(
    given: httpx.Response | Exception, expected: type[errors.CloudError]
) -> None:
    """Each outcome maps to one error, after exactly one request."""
    error, service = await switched(given)

    assert type(error) is expected
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(-20, "20 minutes ahead of CloudDC's"), (20, "20 minutes behind CloudDC's"), (4, "")],
)
async def test_refused_signature_tells_of_a_clock_that_is_off(minutes: int, words: str) -> None:
    """The gateway's own date says so, and a wrong clock is mended elsewhere than a wrong key."""
    date = email.utils.formatdate(START + minutes * 60, usegmt=True)
    body = {"error_code": "APIGW.0301", "error_msg": "verify aksk signature fail"}

    error, _ = await switched(answer(body, 401, {"Date": date}))

    assert words in error.user_message
    assert bool(words) == ("clock" in error.user_message)


async def test_refusal_carries_code_request_id_and_named_ids() -> None:
    """What the vendor says goes on, as far as it is about our servers."""
    error, _ = await switched(refused(404, "iMetal.0100", NAMED))

    assert (error.status, error.code, error.request_id) == (404, "iMetal.0100", "req-1")
    assert error.server_ids == (server_id(1),)
    assert error.user_message == NAMED


@pytest.mark.parametrize("hint", [{}, {"Retry-After": "9"}], ids=["no-hint", "hint"])
@pytest.mark.parametrize(
    "body",
    [{"error_code": "iMetal.0005", "error_msg": "Slow."}, "Slow.", b"Slow."],
    ids=["object", "string", "text"],
)
async def test_throttled_call_carries_the_hint(body: object, hint: dict[str, str]) -> None:
    """All three forms of a 429 are understood, with and without `Retry-After`."""
    error, _ = await switched(answer(body, 429, hint))

    assert isinstance(error, errors.Throttled)
    assert error.retry_after_s == (9.0 if hint else None)
    assert error.user_message == "Slow."


async def test_answer_that_leaves_ids_out_is_given_back_as_it_is() -> None:
    """Missing and unreadable ids are for the caller to judge."""
    reference = {"id": {"$ref": "#/definitions/UUID"}}
    service = Service(answer({"physical_servers": [{"id": server_id(0)}, reference]}))

    taken = await cloud_for(service, ticks.HandClock()).switch(Method.ON, ids(3), "attempt-1")

    assert (taken.server_ids, taken.unidentified) == (frozenset([server_id(0)]), 1)


async def test_a_forbidden_power_call_says_which_right_is_missing_and_who_can_grant_it() -> None:
    """The requester can't mend it by trying again."""
    cloud = cloud_for(Service(refused(403, "iMetal.0004", "Not allowed.")), ticks.GivenClock())

    with pytest.raises(errors.Refused) as caught:
        await cloud.switch(Method.ON, ids(1), "attempt-1")

    assert caught.value.user_message == (
        "Not allowed; the bot's key lacks clouddc:imetal:updatePowerStatus; a cloud administrator "
        "can grant it"
    )


async def test_throttled_call_slows_down_the_next_ones() -> None:
    """A 429 with a hint holds the bucket for everybody."""
    clock = ticks.GivenClock()
    bucket = throttle.Bucket(8.0, clock)
    service = Service(refused(429, "iMetal.0005", **{"Retry-After": "5"}), accepted(0))
    cloud = cloud_for(service, clock, bucket=bucket)

    with pytest.raises(errors.Throttled):
        await cloud.switch(Method.ON, ids(1), "attempt-1")
    await cloud.switch(Method.ON, ids(1), "attempt-2")

    assert clock.passed_s > 5.0
    assert bucket.rate_per_s < 8.0


async def test_power_call_goes_out_while_reads_hang() -> None:
    """Reads leave a place among the calls under way."""
    release = asyncio.Event()

    async def respond(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            await release.wait()
            return answer(page(1))
        return accepted(0)

    cloud = cloud_for(respond, ticks.GivenClock())
    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(cloud.list_page())
        await asyncio.sleep(0)
        taken = await cloud.switch(Method.ON, ids(1), "attempt-1")
        release.set()

    assert taken.server_ids == frozenset(ids(1))


async def test_power_call_held_too_long_is_given_back_unsent() -> None:
    """Whoever waits in our own queue is told that nothing left, and when to come again."""
    service = Service(refused(429, "iMetal.0005", **{"Retry-After": "200"}))
    cloud = cloud_for(service, ticks.HandClock(), hold_s={throttle.Priority.POWER: 0.01})
    with pytest.raises(errors.Throttled):
        await cloud.switch(Method.ON, ids(1), "attempt-1")

    with pytest.raises(errors.NotSent) as caught:
        await cloud.switch(Method.ON, ids(1), "attempt-2")

    assert caught.value.retry_after_s == pytest.approx(200.0, abs=1.0)
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("endpoint", "project"),
    [
        ("clouddc.example", PROJECT),
        ("ftp://clouddc.example", PROJECT),
        ("https://user:pass@clouddc.example", PROJECT),
        ("https://clouddc.example/?a=b", PROJECT),
        (ENDPOINT, ""),
        (ENDPOINT, "../x"),
    ],
    ids=["no-scheme", "scheme", "password", "query", "no-project", "path"],
)
def test_client_refuses_an_address_that_could_lead_elsewhere(endpoint: str, project: str) -> None:
    """Endpoint and project are checked before anything is sent to them."""
    with pytest.raises(ValueError, match=r"must look like|can have"):
        cloud_for(Service(accepted(0)), ticks.HandClock(), endpoint=endpoint, project_id=project)


async def test_answer_that_names_strangers_is_logged_loudly(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A service that says it switched a server that nobody named must not go unseen."""
    service = Service(accepted(0, 66))

    await cloud_for(service, ticks.HandClock()).switch(Method.ON, ids(1), "attempt-1")

    assert "clouddc.foreign_ids" in capsys.readouterr().out

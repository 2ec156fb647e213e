"""Refused credentials stop every call before the gateway locks the key."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from bot.clouddc import auth, throttle
from bot.power import errors
from bot.power.ports import Method
from tests.support import ticks

from .builders import (
    PROJECT,
    Handler,
    Service,
    accepted,
    answer,
    cloud_for,
    http_for,
    ids,
    page,
    refused,
)

IAM = "https://iam.cn-east-3.myhuaweicloud.com/"
PASSWORD = "password-of-the-tests"
SECRET_KEY = "secret-key-of-the-tests"
USER = auth.IamUser("powerbot", PASSWORD, "our-domain", PROJECT)
SIGNATURE_FAILED = refused(401, "APIGW.0301", "verify aksk signature fail, canonicalRequest:X")
LIFE = {"issued_at": "2027-01-15T00:00:00.000000Z", "expires_at": "2027-01-16T00:00:00.000000Z"}
DAY_S = 86_400.0


def iam_auth(handler: Handler, clock: ticks.GivenClock) -> auth.IamAuth:
    """Credentials that are fetched from a handler."""
    return auth.IamAuth(http_for(handler), IAM, USER, clock=clock)


def signed(clock: ticks.GivenClock) -> auth.SignedAuth:
    """Signing credentials."""
    return auth.SignedAuth("AKOFTHETESTS", SECRET_KEY, PROJECT, clock=clock)


async def test_wrong_password_is_not_tried_again() -> None:
    """IAM locks users who log in wrongly: the next call doesn't even ask."""
    clock = ticks.GivenClock()
    iam = Service(answer({"error": {"code": 401, "title": "Unauthorized"}}, 401))
    cloud = cloud_for(Service(accepted(0)), clock, who=iam_auth(iam, clock))

    for _ in range(3):
        with pytest.raises(errors.Unauthorized):
            await cloud.list_page()

    assert len(iam.requests) == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (SIGNATURE_FAILED, errors.Unauthorized),
        (
            refused(401, "APIGW.0301", "AK access failed to reach the limit,forbidden"),
            errors.KeyLocked,
        ),
        (answer(b"", 401), errors.Unauthorized),
    ],
    ids=["wrong", "locked", "bare"],
)
async def test_refused_signature_pauses_every_call(
    given: httpx.Response, expected: type[errors.CloudError]
) -> None:
    """A second refusal in a row, or a locked key, stops all for five minutes."""
    clock = ticks.GivenClock()
    service = Service(given)
    cloud = cloud_for(service, clock, who=signed(clock))

    for _ in range(10):
        with pytest.raises(errors.Unauthorized) as caught:
            await cloud.list_page()
        assert type(caught.value) is expected

    assert len(service.requests) == (1 if expected is errors.KeyLocked else 2)
    assert cloud.paused_s == pytest.approx(throttle.PAUSE_S, abs=1.0)
    assert caught.value.retry_after_s == cloud.paused_s


@pytest.mark.parametrize(("passed_s", "left"), [(0.0, "5 minutes"), (290.0, "a minute")])
async def test_a_reader_learns_once_what_was_refused_and_for_how_long_nothing_is_sent(
    passed_s: float, left: str
) -> None:
    """The last minute is a minute, not none."""
    clock = ticks.GivenClock()
    cloud = cloud_for(Service(SIGNATURE_FAILED), clock, who=signed(clock))
    with pytest.raises(errors.Unauthorized):
        await cloud.list_page()
    clock.passed_s += passed_s

    with pytest.raises(errors.Unauthorized) as caught:
        await cloud.list_page()

    assert caught.value.user_message == (
        "The server list can't be read: CloudDC has refused the bot's credentials (APIGW.0301), "
        f"and nothing is sent for {left} so that the key isn't locked; an operator must check "
        "the credentials. Nothing was sent."
    )


async def test_pause_ends_by_itself() -> None:
    """After five minutes the next call is tried."""
    clock = ticks.GivenClock()
    service = Service(SIGNATURE_FAILED, SIGNATURE_FAILED, accepted(0))
    cloud = cloud_for(service, clock, who=signed(clock))
    with pytest.raises(errors.Unauthorized):
        await cloud.list_page()

    clock.passed_s += throttle.PAUSE_S
    taken = await cloud.switch(Method.ON, ids(1), "attempt-1")

    assert taken.server_ids == frozenset(ids(1))
    assert cloud.paused_s == 0.0


async def test_a_single_refusal_is_signed_anew_and_stops_nobody() -> None:
    """The call is asked once more, a reboot too: a 401 refuses before it acts."""
    clock = ticks.GivenClock()
    service = Service(SIGNATURE_FAILED, accepted(0), SIGNATURE_FAILED, accepted(0))
    cloud = cloud_for(service, clock, who=signed(clock))

    for attempt in ("attempt-1", "attempt-2"):
        taken = await cloud.switch(Method.REBOOT, ids(1), attempt)
        assert taken.server_ids == frozenset(ids(1))

    assert len(service.requests) == 4
    assert cloud.paused_s == 0.0


async def test_a_clock_that_is_off_signs_by_the_service_s_clock_until_it_is_right_again() -> None:
    """A refusal that shows another time is asked again with that time."""
    clock = ticks.GivenClock()
    right = {"Date": "Fri, 15 Jan 2027 08:00:00 GMT"}
    service = Service(
        refused(401, "APIGW.0301", "verify aksk signature fail", **right),
        answer(page(1), headers=right),
        answer(page(1), headers=right),
        answer(page(1), headers=right),
    )
    cloud = cloud_for(service, clock, who=signed(clock))

    clock.set_s = -3600.0
    await cloud.list_page()
    await cloud.list_page()
    clock.set_s = 0.0
    await cloud.list_page()
    await cloud.list_page()

    dates = [request.headers["X-Sdk-Date"][:11] for request in service.requests]
    hours = [date[9:] for date in dates]
    assert hours == ["07", "08", "08", "09", "08"]
    assert cloud.paused_s == 0.0


async def test_calls_that_wait_when_the_signature_is_refused_are_not_sent() -> None:
    """However many wait, no more than five wrong signatures reach the gateway: six lock the key."""
    clock, together, came = ticks.GivenClock(), asyncio.Event(), 0

    async def refusing(_request: httpx.Request) -> httpx.Response:
        nonlocal came
        came += 1
        await together.wait()
        return refused(401, "APIGW.0301", "verify aksk signature fail")

    cloud = cloud_for(refusing, clock, who=signed(clock))
    calls = [asyncio.create_task(cloud.switch(Method.ON, ids(1), "attempt-1")) for _ in range(30)]
    await ticks.settle()
    under_way = came
    together.set()
    found = await asyncio.gather(*calls, return_exceptions=True)

    assert all(isinstance(error, errors.Unauthorized) for error in found)
    assert (under_way, came) == (throttle.MOST_UNDER_WAY, 5)


async def test_services_own_401_pauses_nobody() -> None:
    """CloudDC's own code comes after the gateway has taken the signature."""
    clock = ticks.GivenClock()
    own = refused(401, "iMetal.0003")
    service = Service(own, own, answer(page(1)))
    cloud = cloud_for(service, clock, who=signed(clock))
    with pytest.raises(errors.Unauthorized):
        await cloud.list_page()

    assert len((await cloud.list_page()).servers) == 1

"""Tokens are fetched once, renewed in time, and fetched anew once when they are refused."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from bot.clouddc import auth
from bot.power import errors
from bot.power.ports import Method
from tests.support import ticks

from .builders import PROJECT, Handler, Service, accepted, answer, cloud_for, http_for, ids, refused

IAM = "https://iam.cn-east-3.myhuaweicloud.com/"
PASSWORD = "password-of-the-tests"
SECRET_KEY = "secret-key-of-the-tests"
USER = auth.IamUser("powerbot", PASSWORD, "our-domain", PROJECT)
SIGNATURE_FAILED = refused(401, "APIGW.0301", "verify aksk signature fail, canonicalRequest:X")
LIFE = {"issued_at": "2027-01-15T00:00:00.000000Z", "expires_at": "2027-01-16T00:00:00.000000Z"}
DAY_S = 86_400.0


def issued(token: str, body: object = None) -> httpx.Response:
    """IAM's answer with a token that lives for a day, by IAM's own clock."""
    return answer({"token": LIFE} if body is None else body, 201, {"X-Subject-Token": token})


def iam_auth(handler: Handler, clock: ticks.GivenClock) -> auth.IamAuth:
    """Credentials that are fetched from a handler."""
    return auth.IamAuth(http_for(handler), IAM, USER, clock=clock)


def tokens(service: Service) -> list[str]:
    """The tokens that a service was shown."""
    return [request.headers["X-Auth-Token"] for request in service.requests]


async def test_token_is_asked_for_by_password_and_project() -> None:
    """The log-in is the one of the token page, and the catalog isn't wanted."""
    iam = Service(issued("first"))

    await iam_auth(iam, ticks.GivenClock()).ready()

    (request,) = iam.requests
    assert str(request.url) == f"{IAM}v3/auth/tokens?nocatalog=true"
    assert iam.bodies[0]["auth"] == {
        "identity": {
            "methods": ["password"],
            "password": {
                "user": {"name": "powerbot", "password": PASSWORD, "domain": {"name": "our-domain"}}
            },
        },
        "scope": {"project": {"id": PROJECT}},
    }


async def test_token_is_fetched_once_for_all_who_wait() -> None:
    """Ten calls at the start cost one log-in."""
    clock, gate = ticks.GivenClock(), asyncio.Event()
    iam, service = Service(issued("first")), Service(accepted(0))

    async def slow_iam(request: httpx.Request) -> httpx.Response:
        await gate.wait()
        return await iam(request)

    cloud = cloud_for(service, clock, who=iam_auth(slow_iam, clock))
    async with asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task(cloud.switch(Method.ON, ids(1), f"attempt-{number}"))
        await ticks.settle()
        gate.set()

    assert len(iam.requests) == 1
    assert tokens(service) == ["first"] * 10


async def test_call_that_waits_for_a_log_in_outlives_its_exchange() -> None:
    """It is told as not sent, and isn't cancelled: its person would never hear of it."""
    clock, gate = ticks.GivenClock(), asyncio.Event()

    async def silent_iam(request: httpx.Request) -> httpx.Response:
        await gate.wait()
        return issued("never")

    cloud = cloud_for(Service(accepted(0)), clock, who=iam_auth(silent_iam, clock))
    call = asyncio.create_task(cloud.switch(Method.ON, ids(1), "attempt-1"))
    await ticks.settle()

    await cloud.change_auth(iam_auth(Service(issued("second")), clock))

    with pytest.raises(errors.NotSent, match="stopped on the way"):
        await call


async def test_token_is_renewed_before_it_expires() -> None:
    """At nine tenths of its life a token is replaced."""
    clock = ticks.GivenClock()
    iam = Service(issued("first"), issued("second"))
    who = iam_auth(iam, clock)
    await who.ready()

    clock.passed_s = 0.89 * DAY_S
    await who.ready()
    before = len(iam.requests)
    clock.passed_s = 0.91 * DAY_S
    await who.ready()

    assert (before, len(iam.requests)) == (1, 2)


async def test_token_that_is_still_good_serves_while_iam_is_away() -> None:
    """A failed renewal costs nothing until the token's end, and isn't tried at every call."""
    clock = ticks.GivenClock()
    iam, service = Service(issued("first"), httpx.ConnectError("away")), Service(accepted(0))
    cloud = cloud_for(service, clock, who=iam_auth(iam, clock))
    await cloud.switch(Method.ON, ids(1), "attempt-1")

    clock.passed_s = 0.95 * DAY_S
    await cloud.switch(Method.ON, ids(1), "attempt-2")
    await cloud.switch(Method.ON, ids(1), "attempt-3")
    clock.passed_s = 1.01 * DAY_S
    with pytest.raises(errors.NotSent):
        await cloud.switch(Method.ON, ids(1), "attempt-4")

    assert len(iam.requests) == 3
    assert tokens(service) == ["first"] * 3


async def test_refused_token_is_fetched_anew_and_the_power_call_sent_once_more() -> None:
    """A 401 comes before acting, so this one repetition is allowed."""
    clock = ticks.GivenClock()
    iam = Service(issued("first"), issued("second"))
    service = Service(refused(401, "APIGW.0301", "The token must be updated"), accepted(0))

    taken = await cloud_for(service, clock, who=iam_auth(iam, clock)).switch(
        Method.REBOOT, ids(1), "attempt-1"
    )

    assert taken.server_ids == frozenset(ids(1))
    assert tokens(service) == ["first", "second"]
    assert service.bodies[0] == service.bodies[1]


async def test_token_refused_twice_ends_the_call() -> None:
    """The second 401 is final, and pauses everything."""
    clock = ticks.GivenClock()
    iam = Service(issued("first"), issued("second"))
    service = Service(refused(401, "APIGW.0301", "decrypt token fail"))
    cloud = cloud_for(service, clock, who=iam_auth(iam, clock))

    for _ in range(3):
        with pytest.raises(errors.Unauthorized):
            await cloud.switch(Method.REBOOT, ids(1), "attempt-1")

    assert len(service.requests) == 2
    assert len(iam.requests) == 2


async def test_calls_refused_together_share_the_new_token() -> None:
    """Five 401s to the same old token cost one log-in."""
    clock = ticks.GivenClock()
    iam = Service(issued("first"), issued("second"), issued("third"))

    async def respond(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        old = request.headers["X-Auth-Token"] == "first"
        return refused(401, "APIGW.0301") if old else accepted(0)

    cloud = cloud_for(respond, clock, who=iam_auth(iam, clock))
    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(cloud.switch(Method.ON, ids(1), f"attempt-{number}"))

    assert len(iam.requests) == 2


async def test_late_refusal_of_the_old_token_uses_the_one_that_is_there() -> None:
    """A 401 that comes after another call has renewed the token costs no log-in."""
    clock, late = ticks.GivenClock(), asyncio.Event()
    iam = Service(issued("first"), issued("second"), issued("third"))

    async def respond(request: httpx.Request) -> httpx.Response:
        old = request.headers["X-Auth-Token"] == "first"
        if old and request.method == "PUT":
            await late.wait()
        return refused(401, "APIGW.0301") if old else accepted(0)

    cloud = cloud_for(respond, clock, who=iam_auth(iam, clock))
    switching = asyncio.create_task(cloud.switch(Method.ON, ids(1), "attempt-1"))
    await ticks.settle()
    with pytest.raises(errors.CloudError):
        await cloud.show(ids(1)[0])
    late.set()

    assert (await switching).server_ids == frozenset(ids(1))
    assert len(iam.requests) == 2


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (httpx.ConnectError("no"), errors.NotSent),
        (httpx.ReadTimeout("slow"), errors.NotSent),
        (answer(b"", 500), errors.NotSent),
        (answer(b"", 429, {"Retry-After": "4"}), errors.NotSent),
        (answer({"token": LIFE}, 201), errors.NotSent),
        (answer({"error": {"code": 401, "message": "Wrong."}}, 401), errors.Unauthorized),
        (answer({"error": {"code": 403, "message": "Locked."}}, 403), errors.Unauthorized),
    ],
    ids=["connect", "read", "500", "429", "no-token", "401", "403"],
)
async def test_failed_log_in_sends_no_power_call(
    given: httpx.Response | Exception, expected: type[errors.CloudError]
) -> None:
    """Whatever becomes of the log-in, the call behind it was not sent."""
    clock = ticks.GivenClock()
    iam, service = Service(given), Service(accepted(0))

    with pytest.raises(errors.CloudError) as caught:
        await cloud_for(service, clock, who=iam_auth(iam, clock)).switch(
            Method.ON, ids(1), "attempt-1"
        )

    assert type(caught.value) is expected
    assert service.requests == []


@pytest.mark.parametrize(
    "body", [b"", b"{}", {"token": {"expires_at": "soon"}}], ids=["empty", "object", "no-date"]
)
async def test_token_that_does_not_say_its_life_is_kept_for_minutes(body: object) -> None:
    """An unreadable body is no reason to refuse a token."""
    clock = ticks.GivenClock()
    iam = Service(issued("first", body), issued("second"))
    who = iam_auth(iam, clock)
    await who.ready()

    clock.passed_s = 0.91 * auth.UNSTATED_LIFE_S
    await who.ready()

    assert len(iam.requests) == 2


async def test_closed_credentials_stop_their_log_in() -> None:
    """Nothing is left running at the end."""

    async def hang(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    who = iam_auth(hang, ticks.GivenClock())
    asking = asyncio.create_task(who.ready())
    await ticks.settle()

    await who.aclose()

    with pytest.raises(errors.NotSent):
        await asking

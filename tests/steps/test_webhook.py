"""Webhooks: what is told, signed so that the receiver's own code takes it, and tried again."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from bot.power.steps import definition, protocol
from bot.sandbox import surroundings
from bot.steps.kinds import webhook
from tests.sandbox.surroundings import builders as stages
from tests.steps import builders

BALANCER = surroundings.Part.BALANCER


def step(url: str, **changed: Any) -> definition.Step:
    """Return a step that tells a balancer."""
    given: dict[str, Any] = {"secret": "LB_SECRET", "urls": (url,)}
    return definition.Step(name="balancer", kind="webhook", **(given | changed))


@contextlib.asynccontextmanager
async def balancer(
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[tuple[stages.Stage, webhook.Webhook, definition.Step]]:
    """Serve the stand-in; gives its stage, the kind and a step of its."""
    async with stages.staged() as stage, builders.http() as http:
        monkeypatch.setenv("LB_SECRET", stage.around.secrets.webhook)
        yield stage, webhook.Webhook(http), step(f"{stage.url}/balancer/power")


async def before(
    kind: webhook.Webhook, step: definition.Step, *names: str, **changed: Any
) -> protocol.Answer:
    """Tell that servers go out."""
    return await kind.before(builders.asked(step, *names, **changed))


async def after(
    kind: webhook.Webhook, step: definition.Step, *names: str, **changed: Any
) -> protocol.Answer:
    """Tell that servers are back."""
    asked = builders.asked(step, *names, **({"key": "key-2"} | changed))
    return await kind.after(asked)


async def test_both_halves_are_told_and_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiver checks the signature by its own code, and does each half."""
    async with balancer(monkeypatch) as (stage, kind, step):
        out = await before(kind, step, "web01", "web02")
        told = dict(stage.around.balancer.out)
        well = builders.subjects("web01")
        back = await after(kind, step, "web01", "web02", well=well)

    assert told == {"web01": "PR-7F3K", "web02": "PR-7F3K"}
    assert stage.around.balancer.out == {}
    assert builders.words(out)["web01"] == ("done", "", True)
    assert builders.words(back)["web02"] == ("done", "", False)
    first, second = stage.around.balancer.hooks
    data = {
        "request": "PR-7F3K",
        "wave": 2,
        "step": "balancer",
        "action": "reboot",
        "servers": [{"id": "id-web01", "name": "web01"}, {"id": "id-web02", "name": "web02"}],
        "reason": "kernel 6.8.5",
        "requester": "dana",
    }
    assert (first.id, first.type, first.data) == ("key-1", "powerbot.wave.before", data)
    assert (second.id, second.type) == ("key-2", "powerbot.wave.after")
    assert second.data == data | {"well": ["web01"]}


async def test_the_body_has_when_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As RFC 3339 has it, with type and data beside it."""
    bodies: list[bytes] = []

    def take(request: web.Request) -> web.Response:
        bodies.append(request._read_bytes or b"")
        return web.Response()

    monkeypatch.setenv("LB_SECRET", "whsec_c2VjcmV0c2VjcmV0")
    async with builders.answering(take) as url, builders.http() as http:
        await before(webhook.Webhook(http), step(url), "web01", now=1_795_968_000.25)

    assert json.loads(bodies[0]).keys() == {"type", "timestamp", "data"}
    assert json.loads(bodies[0])["timestamp"] == "2026-11-29T16:00:00.250Z"


@pytest.mark.parametrize("fault", ["lost", "garbled"])
async def test_a_half_that_was_told_twice_is_done_once(
    monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """By its id, which stays the same for each try."""
    async with balancer(monkeypatch) as (stage, kind, step):
        stage.around.faults.set(BALANCER, surroundings.Fault(fault))

        await before(kind, step, "web01")
        second = await before(kind, step, "web01", tried=1)

    assert builders.words(second)["web01"] == ("done", "", True)
    assert [hook.again for hook in stage.around.balancer.hooks] == [False, True]


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        ("409", "the pool would be left without a member"),
        ("412", "the pool is being changed"),
        ("423", "the pool is locked by the night's change"),
        ("425", "the last change was a moment ago"),
    ],
)
async def test_a_receiver_may_say_no(
    monkeypatch: pytest.MonkeyPatch, fault: str, detail: str
) -> None:
    """Its detail is shown. Of a first half nothing stands then, of a second one it still does."""
    async with balancer(monkeypatch) as (stage, kind, step):
        stage.around.faults.set(BALANCER, surroundings.Fault(fault), 2)

        assert builders.words(await before(kind, step, "web01"))["web01"] == (
            ("refused", detail, False)
        )
        assert builders.words(await after(kind, step, "web01"))["web01"] == (
            ("refused", detail, True)
        )


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        ("500", "HTTP 500: upstream error"),
        ("503", "HTTP 503: upstream error"),
        ("429", "HTTP 429: too many requests"),
        ("401", "HTTP 401: not for nobody"),
        ("403", "HTTP 403: not for nobody"),
        ("redirects", "HTTP 307: 307: Temporary Redirect"),
        ("dropped", "no answer"),
        ("hangs", "no answer"),
    ],
)
async def test_anything_else_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, fault: str, detail: str
) -> None:
    """It may have been taken all the same, so a second half follows."""
    async with balancer(monkeypatch) as (stage, kind, step):
        stage.around.faults.set(BALANCER, surroundings.Fault(fault))

        answer = await before(kind, step, "web01", within_s=0.5)

    assert builders.words(answer)["web01"] == ("again", detail, True)
    assert answer.again_s == (1.0 if fault == "429" else 0.0)


async def test_what_never_left_was_told_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No second half needs to follow."""
    monkeypatch.setenv("LB_SECRET", "whsec_c2VjcmV0c2VjcmV0")
    async with builders.http() as http:
        kind, closed = webhook.Webhook(http), step("http://127.0.0.1:9/power")

        out = await before(kind, closed, "web01")
        back = await after(kind, closed, "web01")

    assert builders.words(out)["web01"] == ("again", "connection refused", False)
    assert builders.words(back)["web01"] == ("again", "connection refused", True)


async def test_the_first_line_of_a_plain_answer_is_shown_without_our_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever part of it comes back."""
    monkeypatch.setenv("LB_SECRET", "whsec_c2VjcmV0c2VjcmV0")
    monkeypatch.setenv("LB_AUTH", "Bearer guarded-token")
    said = "\n  no: guarded-token, whsec_c2VjcmV0c2VjcmV0\nmore\n"

    async with (
        builders.answering(lambda _: web.Response(status=409, text=said)) as url,
        builders.http() as http,
    ):
        answer = await before(webhook.Webhook(http), step(url, auth="LB_AUTH"), "web01")

    assert builders.words(answer)["web01"] == ("refused", "no: ***, ***", False)


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        (None, "LB_SECRET isn't set"),
        ("whsec_", "LB_SECRET holds no secret of the form whsec_..."),
        ("whsec_x", "LB_SECRET holds no secret of the form whsec_..."),
    ],
)
async def test_a_secret_that_cannot_sign_is_named(
    monkeypatch: pytest.MonkeyPatch, secret: str | None, said: str
) -> None:
    """By its variable, and nothing is sent."""
    async with balancer(monkeypatch) as (stage, kind, step):
        monkeypatch.delenv("LB_SECRET")
        if secret is not None:
            monkeypatch.setenv("LB_SECRET", secret)

        answer = await before(kind, step, "web01")

        assert builders.words(answer)["web01"] == ("refused", said, False)
        assert await kind.check(step) == said
        assert stage.around.calls.noted() == []


async def test_check_tells_of_a_test_and_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that the receiver doesn't know is seen by it."""
    async with balancer(monkeypatch) as (stage, kind, step):
        good = await kind.check(step)
        monkeypatch.setenv("LB_SECRET", "whsec_c2VjcmV0c2VjcmV0")
        bad = await kind.check(step)

    assert (good, bad) == ("", "HTTP 401: no signature fits")
    assert [hook.type for hook in stage.around.balancer.hooks] == ["powerbot.test"]
    assert stage.around.balancer.out == {}


async def test_nothing_is_looked_for_and_nothing_ends_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A half is told again by its id instead."""
    async with balancer(monkeypatch) as (stage, kind, step):
        asked = builders.asked(step, "web01")

        assert await kind.find(asked) is None
        assert builders.words(await kind.lengthen(asked, 0.0))["web01"] == ("done", "", True)
        assert stage.around.calls.noted() == []

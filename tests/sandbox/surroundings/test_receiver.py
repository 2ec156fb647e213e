"""The load balancer's webhooks: signatures by its own code, each event done once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

import httpx
import pytest

from bot.sandbox.surroundings import receiver
from tests.sandbox.surroundings import builders

# The example of the specification's own test vectors (standard-webhooks, libraries/python tests).
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, SENT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def headers(**changed: str) -> dict[str, str]:
    """Return the example's headers."""
    named = {name.replace("_", "-"): value for name, value in changed.items()}
    return {
        "webhook-id": ID,
        "webhook-timestamp": str(SENT),
        "webhook-signature": SIGNATURE,
    } | named


def test_the_specifications_example_is_taken() -> None:
    """Among other signatures too."""
    assert receiver.check(BODY, headers(), [SECRET], SENT) == ID
    several = headers(webhook_signature=f"v1,AAAA {SIGNATURE}")
    assert receiver.check(BODY, several, ["whsec_AAAA", SECRET], SENT + 299) == ID


@pytest.mark.parametrize(
    ("changed", "body", "late"),
    [
        ({"webhook_id": "other"}, BODY, 0),
        ({"webhook_timestamp": "now"}, BODY, 0),
        ({}, BODY + b" ", 0),
        ({}, BODY, 301),
        ({}, BODY, -301),
        ({"webhook_signature": ""}, BODY, 0),
    ],
    ids=["id", "no time", "body", "too old", "too new", "unsigned"],
)
def test_what_was_changed_on_the_way_is_refused(
    changed: dict[str, str], body: bytes, late: float
) -> None:
    """Any part of it."""
    with pytest.raises(receiver.BadSignature):
        receiver.check(body, headers(**changed), [SECRET], SENT + late)


def signed(secret: str, hook_id: str, body: bytes) -> dict[str, str]:
    """Sign a body by the specification, beside the receiver's code."""
    key, sent = base64.b64decode(secret.removeprefix("whsec_")), str(int(time.time()))
    made = hmac.new(key, f"{hook_id}.{sent}.".encode() + body, hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(made).decode()
    return headers(webhook_id=hook_id, webhook_timestamp=sent, webhook_signature=signature)


def event(kind: str) -> bytes:
    """Return the body of one half."""
    data = {"request": "PR-1", "servers": [{"id": "1", "name": "web01"}], "well": ["web01"]}
    return json.dumps({"type": f"powerbot.wave.{kind}", "data": data}).encode()


async def test_a_server_is_out_between_its_halves_and_repeats_change_nothing() -> None:
    """The same id is one event, however often it comes."""
    async with builders.staged() as stage, httpx.AsyncClient(trust_env=False) as http:
        secret, told = stage.around.secrets.webhook, []
        for hook_id, kind in (("a", "before"), ("b", "after"), ("a", "before")):
            body = event(kind)
            url = f"{stage.url}/balancer/power"
            answer = await http.post(url, content=body, headers=signed(secret, hook_id, body))
            assert answer.status_code == 204
            told.append(dict(stage.around.balancer.out))

    assert told == [{"web01": "PR-1"}, {}, {}]
    assert [hook.again for hook in stage.around.balancer.hooks] == [False, False, True]


async def test_unsigned_events_and_odd_ones_are_refused() -> None:
    """And do nothing."""
    async with builders.staged() as stage, httpx.AsyncClient(trust_env=False) as http:
        url, secret = f"{stage.url}/balancer/power", stage.around.secrets.webhook
        unsigned = await http.post(url, content=event("before"))
        odd = await http.post(url, content=b"[]", headers=signed(secret, "a", b"[]"))

    assert (unsigned.status_code, odd.status_code) == (401, 422)
    assert stage.around.balancer.out == {}

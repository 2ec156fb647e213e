"""Tell somebody before and after a wave, by a POST that is signed (Standard Webhooks 1.0).

A half keeps its id whenever it is tried again, so that its receiver does it once.
"""

from __future__ import annotations

import binascii
import dataclasses
import datetime
import json
import secrets
import time
from collections.abc import Mapping

from standardwebhooks import webhooks

from bot.power.steps import definition, kinds, protocol
from bot.power.text import times
from bot.steps import credentials, http_calls, kind_file

# The types are part of what receivers rely on, as are the members of `_data`.
BEFORE, AFTER, TEST = "powerbot.wave.before", "powerbot.wave.after", "powerbot.test"
LONGEST_TRY_S = 15.0  # For the test of `powerbot check`; a wave's try ends sooner.
# Statuses by which a receiver says no; any other one is asked again.
REFUSED = frozenset({409, 412, 423, 425})


@dataclasses.dataclass(frozen=True, slots=True)
class Webhook:
    """Implements `protocol.StepClient`."""

    http: http_calls.Http

    async def before(self, asked: protocol.Try) -> protocol.Answer:
        """Tell that servers go out."""
        return await self._tell(asked, _body(BEFORE, asked, _data(asked)), is_after=False)

    async def after(self, asked: protocol.Try) -> protocol.Answer:
        """Tell that servers are back, and which of them are proven and well."""
        data = _data(asked) | {"well": [one.name for one in asked.well]}
        return await self._tell(asked, _body(AFTER, asked, data), is_after=True)

    async def find(self, asked: protocol.Try) -> protocol.Answer | None:
        """The receiver can't be asked, so the same half is sent again under the same id."""
        return None

    async def lengthen(self, asked: protocol.Try, until: float) -> protocol.Answer:
        """A webhook has no end of its own, so there is nothing to extend."""
        return protocol.done(asked.servers, stands=True)

    async def check(self, step: definition.Step) -> str:
        """Tell the address of a test."""
        try:
            body = json.dumps({"type": TEST, "timestamp": times.rfc3339(time.time()), "data": {}})
            # An id of its own each time: a receiver does nothing twice for one that it knows.
            call = _call(step, f"test_{secrets.token_hex(12)}", body.encode(), LONGEST_TRY_S)
            reply = await self.http.send(call)
        except (credentials.SecretMissing, http_calls.NoAnswer) as error:
            return str(error)
        return "" if reply.good else http_calls.status_words(reply)

    async def _tell(self, asked: protocol.Try, body: bytes, *, is_after: bool) -> protocol.Answer:
        """Send one half once; `is_after` means that it stands until this half is taken."""
        try:
            # The half's own key is its id, so that a receiver does a repeated one once.
            call = _call(asked.step, asked.key, body, min(asked.within_s, LONGEST_TRY_S))
        except credentials.SecretMissing as error:
            return protocol.refused(asked.servers, str(error), stands=is_after)
        try:
            reply = await self.http.send(call)
        except http_calls.NoAnswer as error:
            # A receiver that may have heard of the before half is told of the after half, too.
            return protocol.again(asked.servers, error.words, stands=is_after or error.left)
        if reply.good:
            return protocol.done(asked.servers, stands=not is_after)
        words = http_calls.status_words(reply)
        if reply.status in REFUSED:
            return protocol.refused(asked.servers, reply.words or words, stands=is_after)
        return protocol.again(asked.servers, words, stands=True, again_s=reply.again_s)


def _call(step: definition.Step, key: str, body: bytes, within_s: float) -> http_calls.HttpCall:
    """Return a signed request.

    Raises:
        SecretMissing: the secret can't be had, or is none that signs.
    """
    secret, now = credentials.read(step.secret), datetime.datetime.now(datetime.UTC)
    try:
        signature = webhooks.Webhook(secret).sign(key, now, body.decode())
    except (binascii.Error, ValueError, webhooks.EmptyWebhookSecretError):
        raise credentials.SecretMissing(
            f"{step.secret} holds no secret of the form whsec_..."
        ) from None
    headers = {
        "content-type": "application/json",
        "webhook-id": key,
        # In seconds; a receiver refuses what is minutes old (Standard Webhooks, verification).
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
        **credentials.header(step.auth),
    }
    return http_calls.HttpCall(
        "POST", step.urls[0], within_s, headers, body, ca=step.ca, secrets=(secret, signature)
    )


def _data(asked: protocol.Try) -> dict[str, object]:
    """Return what both halves tell."""
    return {
        "request": asked.request_id,
        "wave": asked.wave,
        "step": asked.step.name,
        "action": asked.action,
        "servers": [{"id": one.id, "name": one.name} for one in asked.servers],
        "reason": asked.reason,
        "requester": asked.requester,
    }


def _body(kind: str, asked: protocol.Try, data: Mapping[str, object]) -> bytes:
    """Return the body of one half."""
    return json.dumps({"type": kind, "timestamp": times.rfc3339(asked.now), "data": data}).encode()


BRINGS = kind_file.Brought(
    kinds.named(kinds.WEBHOOK),
    Webhook,
    mend="check url and secret; the receiver must answer powerbot.test with 2xx.",
)

"""The HTTP transport: payloads are POSTed to the app's request URL, with Slack's v0 signature."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlencode, urlsplit

import aiohttp

from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.transport.delivery import (
    EVENTS_API,
    SLASH_COMMANDS,
    Envelope,
    NotAcknowledgedError,
)

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Sign a body ("Verifying requests from Slack")."""
    signed = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


class RequestUrl:
    """Delivers envelopes as signed requests; the answer to a request is its ack."""

    def __init__(self, url: str, secret: str, clock: Callable[[], float]) -> None:
        if urlsplit(url).hostname not in LOOPBACK:
            raise ValueError(f"the request URL must be on this machine: {url}")
        self._url = url
        self._secret = secret
        self._clock = clock

    async def deliver(self, envelope: Envelope, copies: int, timeout_s: float) -> Json:
        """POST an envelope, and return the answer's JSON, or its text as `text`.

        Raises:
            NotAcknowledgedError: not_connected, timeout, http_error or no_retry.
        """
        body, content_type = _encoded(envelope)
        posts = [self._post(envelope, body, content_type) for _ in range(copies)]
        try:
            answers = await asyncio.wait_for(asyncio.gather(*posts), timeout_s)
        except TimeoutError:
            raise NotAcknowledgedError("timeout") from None
        return answers[0]

    async def _post(self, envelope: Envelope, body: bytes, content_type: str) -> Json:
        timestamp = str(int(self._clock()))
        headers = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(self._secret, timestamp, body),
        }
        if envelope.retry_attempt:
            headers["X-Slack-Retry-Num"] = str(envelope.retry_attempt)
            reason = envelope.retry_reason
            headers["X-Slack-Retry-Reason"] = "http_timeout" if reason == "timeout" else reason
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.post(self._url, data=body, headers=headers) as response,
            ):
                return _read(response.status, response.headers, await response.text())
        except aiohttp.ClientError:
            raise NotAcknowledgedError("not_connected") from None


def _read(status: int, headers: Mapping[str, str], text: str) -> Json:
    if status != 200:
        refused = "no_retry" if "X-Slack-No-Retry" in headers else "http_error"
        raise NotAcknowledgedError(refused)
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        return {"text": text}
    return value if isinstance(value, dict) else {"text": text}


def _encoded(envelope: Envelope) -> tuple[bytes, str]:
    if envelope.type == EVENTS_API:
        return json.dumps(envelope.payload).encode(), "application/json"
    fields = envelope.payload
    if envelope.type != SLASH_COMMANDS:
        fields = {"payload": json.dumps(envelope.payload)}
    return urlencode(fields).encode(), "application/x-www-form-urlencoded"

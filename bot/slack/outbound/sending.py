"""The one place that sends to Slack: sizes, fallbacks, no unfurling, errors in our own words.

A failed call is tried again here only when Slack asks for a short wait; longer ones are for
the caller, who knows what else there is to do.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import math
import re
from collections.abc import Awaitable, Iterable, Iterator, Mapping
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.power import ports
from bot.slack import api_errors
from bot.slack.blockkit import blocks, labels
from bot.slack.outbound import addresses

log = structlog.get_logger()

CALL_S = 15.0
# A shorter Retry-After is waited out here, once.
SHORT_WAIT_S = 3.0
DEFAULT_WAIT_S = 30.0
# How ids of people and of direct messages begin.
PEOPLE = frozenset("UWD")
# What may stand in a sentence of what Slack says a call needs.
SCOPES = re.compile(r"[a-z:.,_]{1,120}")


class TooLate(Exception):
    """It has not left, and no longer may: by now another process could say the same."""


class Undelivered(Exception):
    """Slack has not taken it; `code` is Slack's word, `retry_after_s` what a 429 asked for.

    `needed` is the scope that Slack names as missing.
    """

    def __init__(self, code: str, retry_after_s: float | None = None, needed: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.retry_after_s = retry_after_s
        self.needed = needed

    @property
    def gone(self) -> bool:
        """Whether the message can't be edited any more."""
        return self.code in api_errors.GONE

    @property
    def uneditable(self) -> bool:
        """Whether the message stands, and nobody may edit it."""
        return self.code in api_errors.UNEDITABLE

    @property
    def away(self) -> bool:
        """Whether it is Slack as a whole that doesn't answer, and not this message's fault."""
        return self.code in api_errors.AWAY or self.code.startswith("http_5")

    @property
    def closed(self) -> bool:
        """Whether nothing can be said in the channel."""
        return self.code in api_errors.CLOSED

    @property
    def threadless(self) -> bool:
        """Whether the thread takes nothing, and its channel may."""
        return self.code in api_errors.THREADLESS

    @property
    def may_be_its_words(self) -> bool:
        """Whether Slack may refuse what the message says, such as a call of a user group."""
        if self.code.startswith(api_errors.RESTRICTED):
            return True
        told = self.gone or self.uneditable or self.threadless or self.code in api_errors.OF_BLOCKS
        return self.for_good and not told and api_errors.why(self.code) is api_errors.Why.OTHER

    @property
    def for_good(self) -> bool:
        """Whether Slack will take this from nobody, until somebody changes a setting of Slack's."""
        if self.away or self.retry_after_s is not None or self.code.startswith("http_"):
            return False
        return self.code not in api_errors.OF_TOKEN


_leaves_by: contextvars.ContextVar[float] = contextvars.ContextVar("leaves_by", default=math.inf)


@contextlib.contextmanager
def leaving_by(until: float) -> Iterator[None]:
    """In the block no call leaves after this instant of the monotonic clock, but raises `TooLate`.

    That holds for each try of a call, however long Slack has asked to wait before it.
    """
    before = _leaves_by.set(until)
    try:
        yield
    finally:
        _leaves_by.reset(before)


class Sender:
    """Sends messages and forms."""

    def __init__(
        self,
        client: AsyncWebClient,
        clock: ports.Clock,
        label: str = "",
        without: Iterable[str] = (),
    ) -> None:
        """`label` stands before the title of whatever is shown.

        `without` are kinds of blocks that this workspace refuses; those that it refuses from now
        on are left out, too.
        """
        self._client = client
        self._label = label
        self._clock = clock
        self._without = set(without)

    async def post(self, channel: str, message: blocks.Message, thread_ts: str = "") -> str:
        """Post into a channel (or to a person, by user id) and return the message's ts.

        Raises:
            Undelivered: Slack has not taken it.
        """
        place = {"channel": channel, "thread_ts": thread_ts or None}
        try:
            answer = await self._send("chat.postMessage", place, message)
        except Undelivered as error:
            person = error.code == api_errors.INACTIVE and channel[:1] in PEOPLE
            if not (person and await self._token_stands()):
                raise
            raise Undelivered(api_errors.RECIPIENT_INACTIVE) from None
        return str(answer.get("ts") or "")

    async def _token_stands(self) -> bool:
        """Whether Slack still takes our token for other calls."""
        try:
            await self._call("auth.test", {})
        except Undelivered:
            return False
        return True

    async def update(self, channel: str, ts: str, message: blocks.Message) -> None:
        """Bring a message to a new state, text and blocks both.

        Raises:
            Undelivered: Slack has not taken it.
        """
        await self._send("chat.update", {"channel": channel, "ts": ts}, message)

    async def whisper(
        self, user: str, channel: str, message: blocks.Message, thread_ts: str = ""
    ) -> None:
        """Show a message to one person in a channel.

        Raises:
            Undelivered: Slack has not taken it.
        """
        place = {"channel": channel, "user": user, "thread_ts": thread_ts or None}
        await self._send("chat.postEphemeral", place, message)

    async def open_view(self, trigger_id: str, view: Mapping[str, Any]) -> None:
        """Open a form for the person whose click the trigger id is from.

        Raises:
            Undelivered: Slack has not taken it.
        """
        await self._call(
            "views.open", {"trigger_id": trigger_id, "view": labels.on_form(view, self._label)}
        )

    async def end_step(
        self, execution_id: str, outputs: Mapping[str, str] | None, why: str
    ) -> None:
        """Complete a step of a workflow with its outputs, or fail it for a reason.

        Raises:
            Undelivered: Slack has not taken it.
        """
        step = {"function_execution_id": execution_id}
        if outputs is not None:
            await self._call("functions.completeSuccess", {**step, "outputs": dict(outputs)})
        else:
            await self._call("functions.completeError", {**step, "error": why})

    async def publish_home(self, user: str, view: Mapping[str, Any], expected: str = "") -> str:
        """Set a person's Home tab and return its hash; `expected` is the hash that it has now.

        Raises:
            Undelivered: Slack has not taken it; `hash_conflict` when it has changed meanwhile.
        """
        shown = labels.on_home(view, self._label)
        given = {"user_id": user, "view": shown, "hash": expected or None}
        answer = await self._call("views.publish", given)
        return str((answer.get("view") or {}).get("hash") or "")

    async def update_view(self, external_id: str, view: Mapping[str, Any]) -> None:
        """Change a form that is open, by the id that we gave it.

        Raises:
            Undelivered: Slack has not taken it, most likely because the person has closed it.
        """
        shown = labels.on_form(view, self._label)
        await self._call("views.update", {"external_id": external_id, "view": shown})

    async def respond(self, url: str, message: blocks.Message, *, replace: bool = False) -> None:
        """Answer a command or a click through its response URL, to that person alone.

        Raises:
            Undelivered: Slack has not taken it, or the address isn't Slack's.
        """
        if not addresses.is_slacks(url, self._client.base_url):
            log.error("slack.foreign_address")
            raise Undelivered("foreign_address")
        labelled = labels.on_message(message, self._label)
        for way in blocks.ways(labelled, self._without):
            code = await self._respond(url, way, replace=replace)
            if code not in api_errors.OF_BLOCKS:
                break
            self._refused(way, "response_url", code)
        if code:
            raise Undelivered(code)

    async def _respond(self, url: str, message: blocks.Message, *, replace: bool) -> str:
        """Send once to a response URL; an empty answer means that it was taken."""
        client = AsyncWebhookClient(
            url, session=self._client.session, proxy=self._client.proxy, retry_handlers=[]
        )
        sent = client.send(
            text=message.text,
            blocks=message.blocks,
            response_type="ephemeral",
            replace_original=replace,
            unfurl_links=False,
            unfurl_media=False,
        )
        answer = await _within_time(sent)
        # Slack answers 404 with `expired_url` or `used_url` in words of its own.
        return "" if answer.status_code == 200 else answer.body.strip()[:60] or "no_response"

    async def _send(
        self, method: str, place: Mapping[str, Any], message: blocks.Message
    ) -> Mapping[str, Any]:
        """Send a message; where Slack lets nobody call a user group, without the call."""
        message = labels.on_message(message, self._label)
        try:
            return await self._send_any_way(method, place, message)
        except Undelivered as error:
            if not (error.may_be_its_words and blocks.calls_group(message)):
                raise
            log.warning("slack.call_refused", method=method, code=error.code)
        return await self._send_any_way(method, place, blocks.without_calls(message))

    async def _send_any_way(
        self, method: str, place: Mapping[str, Any], message: blocks.Message
    ) -> Mapping[str, Any]:
        """Send a message, with older blocks and then as plain text when Slack refuses it."""
        *ways, bare = blocks.ways(message, self._without)
        if blocks.fitted(message).blocks != message.blocks:
            log.error("slack.message_too_large", method=method, blocks=len(message.blocks))
        for way in ways:
            try:
                return await self._call(method, {**place, **_arguments(method, way)})
            except Undelivered as error:
                if error.code not in api_errors.OF_BLOCKS:
                    raise
                self._refused(way, method, error.code)
        return await self._call(method, {**place, **_arguments(method, bare)})

    def _refused(self, message: blocks.Message, method: str, code: str) -> None:
        """Note that Slack refuses blocks; newer kinds among them aren't tried again."""
        kinds = blocks.newer_kinds(message)
        log.error("slack.blocks_refused", method=method, code=code, kinds=sorted(kinds))
        if code in api_errors.OF_KINDS:
            self._without |= kinds

    async def _call(self, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call a method of the Web API, waiting out one short Retry-After."""
        given = {key: value for key, value in arguments.items() if value is not None}
        try:
            return await self._once(method, given)
        except Undelivered as error:
            if error.retry_after_s is None or error.retry_after_s > SHORT_WAIT_S:
                raise
            await self._clock.sleep(error.retry_after_s)
        return await self._once(method, given)

    async def _once(self, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call a method once and map what goes wrong."""
        if self._clock.monotonic() > _leaves_by.get():
            raise TooLate
        try:
            answer = await _within_time(self._client.api_call(method, json=dict(arguments)))
        except SlackApiError as error:
            raise undelivered(error) from None
        found: Mapping[str, Any] = answer.data if isinstance(answer.data, dict) else {}
        log.debug("slack.taken", method=method, ts=found.get("ts"))
        return found


async def _within_time(sent: Awaitable[Any]) -> Any:
    """Wait for Slack, not for ever.

    Raises:
        Undelivered: no answer came.
    """
    try:
        async with asyncio.timeout(CALL_S):
            return await sent
    except (TimeoutError, aiohttp.ClientError, OSError):
        # The error's own text may hold the address, which can be a secret.
        raise Undelivered("no_answer") from None


def undelivered(error: SlackApiError) -> Undelivered:
    """Return Slack's refusal as our own error."""
    answer = error.response
    status = getattr(answer, "status_code", 0)
    # A gateway's error page is no JSON, and then the answer's data is text.
    data = getattr(answer, "data", answer)
    code = str(data.get("error") or "") if isinstance(data, dict) else ""
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return Undelivered("ratelimited", _retry_after_s(answer))
    needed = SCOPES.fullmatch(str(data.get("needed") or "")) if isinstance(data, dict) else None
    return Undelivered(code or f"http_{status}", needed=needed.group() if needed else "")


def _retry_after_s(answer: Any) -> float:
    """Return how long a 429 asks to wait ("Rate limits": Retry-After, in seconds)."""
    headers = {key.lower(): value for key, value in (answer.headers or {}).items()}
    found = str(headers.get("retry-after", ""))
    return float(found) if found.isdecimal() else DEFAULT_WAIT_S


def _arguments(method: str, message: blocks.Message) -> dict[str, Any]:
    """Return what a message carries, as far as the method has an argument for it."""
    given: dict[str, Any] = {"text": message.text, "blocks": list(message.blocks)}
    if method == "chat.postMessage":
        given |= {"unfurl_links": False, "unfurl_media": False}
    if message.metadata and method != "chat.postEphemeral":
        given["metadata"] = dict(message.metadata)
    return given

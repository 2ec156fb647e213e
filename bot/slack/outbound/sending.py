"""The one place that sends to Slack: sizes, fallbacks, no unfurling, errors in our own words.

A failed call is tried again here only when Slack asks for a short wait; longer ones are for
the caller, who knows what else there is to do.
"""

from __future__ import annotations

import asyncio
import re
import urllib.parse
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.power import ports
from bot.slack import api_errors
from bot.slack.blockkit import blocks, labels
from bot.slack.outbound import response_urls, send_deadline

log = structlog.get_logger()

CALL_S = 15.0  # Seconds for Slack's answer.
# A shorter Retry-After is waited out here, once.
SHORT_WAIT_S = 3.0
# How ids of people and of direct messages begin.
PEOPLE = frozenset("UWD")
# Response URLs are on these hosts ("Handling user interaction", and GovSlack's own page). Only
# characters that every reader of addresses reads alike may stand in one.
_SLACKS = re.compile(r"https://hooks\.slack(?:-gov)?\.com/[A-Za-z0-9/_.~%-]+")
_PATH = re.compile(r"/[A-Za-z0-9/_.~%-]+")


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
        self._newest = response_urls.ResponseUrls(clock)

    async def post(self, channel: str, message: blocks.Message, thread_ts: str = "") -> str:
        """Post into a channel (or to a person, by user id) and return the message's ts.

        Raises:
            Undelivered: Slack has not taken it.
        """
        place = {"channel": channel, "thread_ts": thread_ts or None}
        try:
            answer = await self._send("chat.postMessage", place, message)
        except api_errors.Undelivered as error:
            # One word for a dead token and a person who has left, so another call decides.
            person = error.code == api_errors.INACTIVE and channel[:1] in PEOPLE
            if not (person and await self._token_stands()):
                raise
            raise api_errors.Undelivered(api_errors.RECIPIENT_INACTIVE) from None
        return str(answer.get("ts") or "")

    async def _token_stands(self) -> bool:
        """Whether Slack still takes our token for other calls."""
        try:
            await self._call("auth.test", {})
        except api_errors.Undelivered:
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

    async def respond_later(self, user: str, message: blocks.Message) -> bool:
        """Tell a person something beside what they typed or pressed last; False if that fails."""
        url = self._newest.of(user)
        if not url:
            return False
        try:
            await self.respond(url, message)
        except api_errors.Undelivered as error:
            log.warning("slack.call_refused", method="response_url", code=error.code)
            return False
        return True

    async def respond(
        self, url: str, message: blocks.Message, *, replace: bool = False, user: str = ""
    ) -> None:
        """Answer a command or a click through its response URL, to that person alone.

        With `user`, who it is from, the URL is kept for what is to be said later.

        Raises:
            Undelivered: Slack has not taken it, or the address isn't Slack's.
        """
        if not is_slacks(url, self._client.base_url):
            log.error("slack.foreign_address")
            raise api_errors.Undelivered("foreign_address")
        if user:
            self._newest.keep(user, url)
        labelled = labels.on_message(message, self._label)
        for way in blocks.ways(labelled, self._without):
            code = await self._respond(url, way, replace=replace)
            if code not in api_errors.OF_BLOCKS:
                break
            self._refused(way, "response_url", code)
        if code:
            raise api_errors.Undelivered(code)

    async def _respond(self, url: str, message: blocks.Message, *, replace: bool) -> str:
        """Send once to a response URL; an empty answer means that it was taken."""
        # No retries: a response URL is good for five uses.
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
        except api_errors.Undelivered as error:
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
            except api_errors.Undelivered as error:
                if error.code not in api_errors.OF_BLOCKS:
                    raise
                self._refused(way, method, error.code)
        return await self._call(method, {**place, **_arguments(method, bare)})

    def _refused(self, message: blocks.Message, method: str, code: str) -> None:
        """Note that Slack refuses blocks; newer kinds among them aren't tried again."""
        kinds = blocks.newer_kinds(message)
        log.error("slack.blocks_refused", method=method, code=code, kinds=sorted(kinds))
        # What is too large is no fault of its kind.
        if code in api_errors.OF_KINDS:
            self._without |= kinds

    async def _call(self, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call a method of the Web API, waiting out one short Retry-After."""
        given = {key: value for key, value in arguments.items() if value is not None}
        try:
            return await self._once(method, given)
        except api_errors.Undelivered as error:
            if error.retry_after_s is None or error.retry_after_s > SHORT_WAIT_S:
                raise
            await self._clock.sleep(error.retry_after_s)
        return await self._once(method, given)

    async def _once(self, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call a method once and map what goes wrong."""
        send_deadline.check()
        try:
            answer = await _within_time(self._client.api_call(method, json=dict(arguments)))
        except SlackApiError as error:
            raise api_errors.undelivered(error) from None
        except api_errors.Undelivered:
            # A write that is held back reads as a broken connection.
            if send_deadline.held():
                raise send_deadline.TooLate from None
            raise
        found: Mapping[str, Any] = answer.data if isinstance(answer.data, dict) else {}
        log.debug("slack.taken", method=method, ts=found.get("ts"))
        return found


async def _within_time(sent: Awaitable[Any]) -> Any:
    """Wait for Slack's answer, for a bounded time.

    Raises:
        Undelivered: no answer came.
    """
    try:
        async with asyncio.timeout(CALL_S):
            return await sent
    except (TimeoutError, aiohttp.ClientError, OSError):
        # The error's own text may hold the address, which can be a secret.
        raise api_errors.Undelivered("no_answer") from None


def _arguments(method: str, message: blocks.Message) -> dict[str, Any]:
    """Return what a message carries, as far as the method has an argument for it."""
    given: dict[str, Any] = {"text": message.text, "blocks": list(message.blocks)}
    if method == "chat.postMessage":
        # A preview of a foreign link would say more than we do.
        given |= {"unfurl_links": False, "unfurl_media": False}
    if message.metadata and method != "chat.postEphemeral":
        given["metadata"] = dict(message.metadata)
    return given


def is_slacks(url: str, api_url: str) -> bool:
    """Whether a response URL is Slack's, or on the very host and port that Slack's API is on."""
    if _SLACKS.fullmatch(url):
        return True
    base = urllib.parse.urlsplit(api_url)
    front = f"{base.scheme}://{base.netloc}"
    return url.startswith(front) and _PATH.fullmatch(url[len(front) :]) is not None

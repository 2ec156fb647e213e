"""Who people are and which groups they are in, asked of Slack at most five seconds ago.

An answer is never older than that: rights are read from it. All who ask for the same thing at
the same time share one call.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.power import errors, missing_access, ports
from bot.runtime import single_flight
from bot.slack import api_errors
from bot.slack.inbound import envelope

log = structlog.get_logger()
T = TypeVar("T")

FRESH_S = 5.0  # In seconds, as the next two.
LIMIT_S = 10.0  # Then a click is refused as not checked.
FIRST_WAIT_S = 0.5  # Doubled after every try.
MOST_KEPT = 1000  # Answers.
# Errors that say something about the one who is asked for; to ask again changes nothing.
UNKNOWN_PERSON = frozenset({"user_not_found", "user_not_visible", "users_not_found"})
# An answer that isn't what Slack's docs promise says nothing about anybody's rights.
MALFORMED = "malformed_answer"
UNKNOWN_CHANNEL = frozenset({"channel_not_found"})


class Directory:
    """Implements `ports.Directory` over Slack's Web API."""

    def __init__(
        self,
        client: AsyncWebClient,
        clock: ports.Clock,
        *,
        limit_s: float = LIMIT_S,
        most_kept: int = MOST_KEPT,
        home: envelope.Home | None = None,
    ) -> None:
        """`home` is the workspace; without it everybody has the team that Slack names."""
        self._home = home or envelope.Home("")
        self._client = client
        self._clock = clock
        self._limit_s = limit_s
        self._most_kept = most_kept
        self._known: dict[str, tuple[float, Any]] = {}
        self._asking: dict[str, single_flight.SingleFlight[Any]] = {}

    @property
    def team_id(self) -> str:
        """The workspace whose members count; empty where nobody has said which."""
        return self._home.team_id

    async def member(self, user_id: str) -> ports.Member:
        """Return a person; one whom Slack doesn't know is a stranger.

        Raises:
            SlackUnavailable: nobody could be asked within ten seconds.
        """
        return await self._shared(f"member:{user_id}", lambda: self._member(user_id))

    async def group(self, group_id: str) -> frozenset[str]:
        """Return the user ids in a user group.

        Raises:
            SlackUnavailable: the group could not be read.
        """
        return await self._shared(f"group:{group_id}", lambda: self._group(group_id))

    async def channel(self, channel_id: str) -> ports.Channel:
        """Return a channel; one that Slack hides from the bot is one that it isn't in.

        Raises:
            SlackUnavailable: the channel could not be read.
        """
        return await self._shared(f"channel:{channel_id}", lambda: self._channel(channel_id))

    # -- one answer for all who ask

    async def _shared(self, key: str, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return a fresh answer that is known, or join the call under way, or make it."""
        known = self._known.get(key)
        if known is not None and self._clock.monotonic() - known[0] < FRESH_S:
            found: T = known[1]
            return found
        if key not in self._asking:
            asked = functools.partial(self._ask_and_keep, key, ask)
            self._asking[key] = single_flight.SingleFlight(asked, self._clock)
        answer: T = await self._asking[key].result()
        return answer

    async def _ask_and_keep(
        self, key: str, ask: Callable[[], Coroutine[Any, Any, T]], _: single_flight.Began
    ) -> T:
        """Ask, and keep the answer with the time at which the last call began."""
        try:
            began, found = await self._persist(key, ask)
        finally:
            del self._asking[key]
        # Dated by the start of its call: Slack may have looked at any moment since.
        self._keep(key, began, found)
        return found

    async def _persist(
        self, key: str, ask: Callable[[], Coroutine[Any, Any, T]]
    ) -> tuple[float, T]:
        """Ask again while there is time, and return the answer with when its call began."""
        deadline = self._clock.monotonic() + self._limit_s
        wait_s = FIRST_WAIT_S
        while True:
            began = self._clock.monotonic()
            try:
                async with asyncio.timeout(max(0.01, deadline - began)):
                    return began, await ask()
            except (api_errors.Undelivered, TimeoutError, OSError) as error:
                wait_s = await self._wait(key, error, deadline, wait_s)

    async def _wait(self, key: str, error: Exception, deadline: float, wait_s: float) -> float:
        """Wait before the next try and return the wait after that.

        Raises:
            SlackUnavailable: there is no time for another try, or it would change nothing.
        """
        code = error.code if isinstance(error, api_errors.Undelivered) else type(error).__name__
        asked_s = error.retry_after_s if isinstance(error, api_errors.Undelivered) else None
        pause_s = max(wait_s, asked_s or 0.0)
        lacks = _missing(key, error)
        if lacks or self._clock.monotonic() + pause_s >= deadline:
            log.warning("slack.look_up_failed", what=key, why=code)
            raise errors.SlackUnavailable(missing=lacks) from error
        await self._clock.sleep(pause_s)
        return wait_s * 2

    def _keep(self, key: str, began: float, found: object) -> None:
        """Keep an answer, and let go of old ones."""
        if len(self._known) >= self._most_kept:
            fresh = {k: v for k, v in self._known.items() if began - v[0] < FRESH_S}
            self._known = fresh if len(fresh) < self._most_kept else {}
        self._known[key] = (began, found)

    # -- the three questions

    async def _member(self, user_id: str) -> ports.Member:
        try:
            user = _part(await self._get("users.info", user=user_id), "user", user_id)
        except api_errors.Undelivered as error:
            if error.code not in UNKNOWN_PERSON:
                raise
            return ports.Member(user_id, "", is_stranger=True)
        profile = user.get("profile") or {}
        return ports.Member(
            user_id=user_id,
            team_id=self._home.whose(user),
            name=str(profile.get("display_name") or user.get("real_name") or user.get("name", "")),
            deleted=bool(user.get("deleted")),
            # Slackbot isn't marked as a bot ("User object").
            is_bot=bool(user.get("is_bot")) or user_id == "USLACKBOT",
            is_restricted=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
            is_stranger=bool(user.get("is_stranger")),
            timezone=str(user.get("tz") or ""),
            utc_offset_s=_offset_s(user.get("tz_offset")),
        )

    async def _group(self, group_id: str) -> frozenset[str]:
        answer = await self._get("usergroups.users.list", usergroup=group_id)
        users = answer.get("users")
        if not isinstance(users, list) or not all(isinstance(one, str) for one in users):
            raise api_errors.Undelivered(MALFORMED)
        return frozenset(users)

    async def _channel(self, channel_id: str) -> ports.Channel:
        try:
            answer = await self._get("conversations.info", channel=channel_id)
            found = _part(answer, "channel", channel_id)
        except api_errors.Undelivered as error:
            if error.code not in UNKNOWN_CHANNEL:
                raise
            return ports.Channel(channel_id, is_member=False)
        # A company that was invited and hasn't joined yet counts as if it had.
        shared = ("is_ext_shared", "is_pending_ext_shared")
        invited = found.get("pending_shared")
        is_invited = isinstance(invited, list) and any(invited)
        return ports.Channel(
            channel_id=channel_id,
            name=str(found.get("name") or ""),
            # A direct message has no members to count; the bot is always in it.
            is_member=bool(found.get("is_member") or found.get("is_im")),
            is_shared=is_invited or any(bool(found.get(key)) for key in shared),
            is_archived=bool(found.get("is_archived")),
        )

    async def _get(self, method: str, **arguments: str) -> Mapping[str, Any]:
        """Ask one read method of the Web API."""
        try:
            answer = await self._client.api_call(method, http_verb="GET", params=arguments)
        except SlackApiError as error:
            raise api_errors.undelivered(error) from None
        found: Mapping[str, Any] = answer.data if isinstance(answer.data, dict) else {}
        return found


def _missing(key: str, error: Exception) -> tuple[missing_access.Missing, ...]:
    """Return what must be mended before this look-up can succeed; nothing where time may help."""
    if not isinstance(error, api_errors.Undelivered) or error.code not in api_errors.LACKS:
        return ()
    lack, (kind, _, id_) = api_errors.LACKS[error.code], key.partition(":")
    of_group = id_ if kind == "group" else ""
    what = error.needed if lack is missing_access.Lack.SCOPE else of_group
    return (missing_access.Missing(lack, error.code, what),)


def _offset_s(found: object) -> int:
    """Return a person's distance from UTC in seconds, 0 for what can't be one."""
    return found if isinstance(found, int) and abs(found) < 86400 else 0


def _part(answer: Mapping[str, Any], key: str, id_: str) -> Mapping[str, Any]:
    """Return the part of an answer that speaks of what was asked for.

    Raises:
        Undelivered: there is none, or it speaks of something else.
    """
    found = answer.get(key)
    if not isinstance(found, Mapping) or found.get("id", id_) != id_:
        raise api_errors.Undelivered(MALFORMED)
    return found

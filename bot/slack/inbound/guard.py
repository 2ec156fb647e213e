"""The one guard around every listener: nothing escapes it, and everything is acknowledged.

An exception that reached Bolt would cost the acknowledgement, and the person would see only a
warning sign. Payloads are never logged: they carry response URLs and what people typed.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import structlog

from bot.power import errors
from bot.slack import action_ids, api_errors
from bot.slack.blockkit import blocks
from bot.slack.door import turned_away
from bot.slack.inbound import envelope, payloads, rate_limit
from bot.slack.outbound import sending

log = structlog.get_logger()

WRONG_TEAM = "Powerbot serves another workspace; nothing was done here."
WRONG_APP = "This came from a Slack app other than Powerbot's; nothing was done here."
BROKEN = "Something went wrong inside Powerbot; nothing was done. Try again, or tell an operator."
UNREADABLE = "Powerbot could not read this, so nothing was done."
# Refusals of excess clicks that are answered, for all people together.
MOST_REFUSALS = 60
REFUSALS_WITHIN_S = 60.0  # In seconds.
# Their acknowledgement says nothing, so their person is told through the response URL.
OWN_CALL = frozenset({"block_actions", "message_action"})


class Ack(Protocol):
    """Bolt's acknowledgement; `response` is None until it was called."""

    response: Any

    async def __call__(self, text: Any = "", **rest: Any) -> Any:
        """Acknowledge, with a text or a form's errors."""


Listener = Callable[[Ack, Mapping[str, Any]], Awaitable[None]]


class Guard:
    """Wraps listeners for one workspace and one app."""

    def __init__(
        self,
        team_id: str,
        sender: sending.Sender,
        app_id: str = "",
        away: turned_away.TurnedAway | None = None,
        enterprise_id: str = "",
    ) -> None:
        """`app_id` is empty where it isn't known; `away` counts what another app has sent."""
        self._home = envelope.Home(team_id, enterprise_id)
        self._app_id = app_id
        self._away = away or turned_away.TurnedAway()
        self._sender = sender
        self._refusals = rate_limit.RateLimit(MOST_REFUSALS, REFUSALS_WITHIN_S)

    def around(self, listener: Listener) -> Callable[..., Awaitable[None]]:
        """Return a listener that never raises and always acknowledges."""

        # Bolt gives arguments by these names.
        async def guarded(ack: Ack, body: dict[str, Any]) -> None:
            try:
                origin = envelope.read(body)
                if self._app_id and origin.is_of_another_app(self._app_id):
                    self._away.note(turned_away.Check.APP_DIFFERS)
                    await self.tell(ack, body, WRONG_APP)
                elif not self._home.serves(origin):
                    await self.tell(ack, body, WRONG_TEAM)
                else:
                    await listener(ack, self._home.at_home(body))
            except payloads.Unreadable as error:
                log.warning("slack.unreadable", why=str(error))
                await self.tell(ack, body, UNREADABLE)
            except errors.TooMuch as error:
                self._away.note(turned_away.Check.TOO_MUCH)
                await self._tell_of_too_much(ack, body, error)
            except errors.PowerbotError as error:
                log.warning("slack.not_received", why=type(error).__name__)
                await self.tell(ack, body, error.user_message)
            except Exception as error:  # The outermost guard: a click must get an answer.
                log.error("slack.listener_failed", **_where(error))
                await self.tell(ack, body, BROKEN)
            finally:
                if ack.response is None:
                    await ack()

        # Bolt's log names a listener by it.
        guarded.__name__ = getattr(listener, "__name__", "guarded")
        return guarded

    async def _tell_of_too_much(
        self, ack: Ack, body: Mapping[str, Any], error: errors.TooMuch
    ) -> None:
        """Refuse in the acknowledgement; in a call of its own only so often."""
        own_call = envelope.read(body).type in OWN_CALL
        if not own_call or self._refusals.admits("", time.monotonic()):
            await self.tell(ack, body, error.user_message)

    async def tell(self, ack: Ack, body: Mapping[str, Any], words: str) -> None:
        """Acknowledge and say something to the person, in the way that this payload allows."""
        origin = envelope.read(body)
        if ack.response is not None or origin.type in OWN_CALL:
            if ack.response is None:
                await ack()
            await self._respond(origin.response_url, words)
        elif origin.type == "view_submission":
            field = envelope.first_input(body) or action_ids.Field.COUNT.value
            await ack(response_action="errors", errors={field: words})
        elif "command" in body:
            await ack(words)
        else:
            await ack()

    async def _respond(self, url: str, words: str) -> None:
        """Answer through the response URL, if there is one; a failure is only logged."""
        if not url:
            return
        try:
            await self._sender.respond(url, blocks.Message(words, (blocks.section(words),)))
        except api_errors.Undelivered as error:
            log.warning("slack.not_told", why=error.code)


def _where(error: Exception) -> dict[str, str]:
    """Return what may be logged of an error: its type and place, not its text."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    return {
        "error": type(error).__name__,
        "at": f"{last.name}:{last.lineno}" if last else "",
    }

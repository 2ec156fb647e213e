"""Short-lived keys that Slack gives out with each interaction: trigger ids and response URLs."""

import random
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox.workspace.base import limits
from bot.sandbox.workspace.base.refusal import RefusedError


@dataclass(slots=True)
class Trigger:
    """A trigger id's owner and age, and the channel that the person was in, if any."""

    user: str
    born_at: float
    channel: str = ""
    used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """Where a response URL leads: a channel, a person, and the message that was acted on."""

    user: str
    channel: str
    born_at: float
    message_ts: str | None = None
    thread_ts: str | None = None
    uses: int = 0


class Tickets:
    """Gives out trigger ids and response URLs, and says when one is used up."""

    def __init__(self, clock: Callable[[], float], rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._triggers: OrderedDict[str, Trigger] = OrderedDict()
        self._responses: OrderedDict[str, ResponseUrl] = OrderedDict()

    def new_trigger(self, user: str, channel: str = "") -> str:
        """Give out a trigger id for what this person has just done."""
        trigger_id = f"{self._rng.randrange(10**12)}.{self._rng.getrandbits(64):016x}"
        self._triggers[trigger_id] = Trigger(user, self._clock(), channel)
        if len(self._triggers) > limits.TRIGGERS:
            self._triggers.popitem(last=False)
        return trigger_id

    def exchange_trigger(self, trigger_id: str) -> Trigger:
        """Use a trigger id up.

        Raises:
            RefusedError: invalid_trigger_id, exchanged_trigger_id or expired_trigger_id.
        """
        trigger = self._triggers.get(trigger_id)
        if trigger is None:
            raise RefusedError("invalid_trigger_id")
        if trigger.used:
            raise RefusedError("exchanged_trigger_id")
        if self._clock() - trigger.born_at > limits.TRIGGER_S:
            raise RefusedError("expired_trigger_id")
        # The methods check their view before they come here: a bad view uses no trigger up.
        trigger.used = True
        return trigger

    def new_response_url(
        self,
        user: str,
        channel: str,
        message_ts: str | None = None,
        thread_ts: str | None = None,
    ) -> str:
        """Give out the secret last part of a response URL."""
        key = f"{self._rng.getrandbits(96):024x}"
        self._responses[key] = ResponseUrl(user, channel, self._clock(), message_ts, thread_ts)
        if len(self._responses) > limits.RESPONSE_URLS:
            self._responses.popitem(last=False)
        return key

    def has_response_url(self, key: str) -> bool:
        """Say whether this response URL was given out here."""
        return key in self._responses

    def use_response_url(self, key: str) -> ResponseUrl:
        """Count one use of a response URL.

        Raises:
            RefusedError: used_url for an unknown, too old or too often used one.
        """
        response = self._responses.get(key)
        if response is None:
            raise RefusedError("used_url")
        too_old = self._clock() - response.born_at > limits.RESPONSE_URL_S
        if too_old or response.uses >= limits.RESPONSE_URL_USES:
            raise RefusedError("used_url")
        response.uses += 1
        return response

"""Where a person's action meets the app: deliver, wait for the ack, and say so if none came."""

from typing import Final

from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.base.outcome import Outcome
from bot.sandbox.workspace.state.directory import Channel, Person, UnknownNameError
from bot.sandbox.workspace.state.state import WorkspaceState
from bot.sandbox.workspace.transport.delivery import SLASH_COMMANDS, Delivery, NotAcknowledgedError

_ERRORS: Final = {
    "not_connected": "dispatch_failed",
    "timeout": "operation_timeout",
    "http_error": "dispatch_failed",
    "no_retry": "dispatch_failed",
}


class Desk:
    """Delivers commands and interactions for people, and events in the background."""

    def __init__(self, state: WorkspaceState, delivery: Delivery) -> None:
        self._state = state
        self._delivery = delivery

    async def ask(self, person: Person, kind: str, payload: Json, what: str) -> Outcome:
        """Deliver, and wait for the ack; a missing one becomes a toast, as in Slack's client."""
        try:
            return Outcome(answer=await self._delivery.ask(kind, payload))
        except NotAcknowledgedError as missed:
            error = _ERRORS[missed.reason]
            if kind == SLASH_COMMANDS and missed.reason == "timeout":
                text = f"{what} failed because the app did not respond."
            elif kind == SLASH_COMMANDS:
                text = f'{what} failed with the error "{error}".'
            else:
                text = f"{what} didn't work: the app did not respond ({error}). Try again?"
            self._state.changes.toast(person.id, text)
            return Outcome(False, error)

    def announce(self, payload: Json) -> None:
        """Deliver an event in the background."""
        self._delivery.announce(payload)

    def refuse_answer(self, person: Person, where: str, problem: str) -> Outcome:
        """Write down that an ack's payload was bad, and tell the person that it didn't work."""
        self._state.violated("bad_answer", where, problem)
        self._state.changes.toast(person.id, "We had some trouble connecting. Try again?")
        return Outcome(False, "bad_answer", {"": problem})

    def person_in(self, user: str, channel: str) -> tuple[Person, Channel]:
        """Find a person in a channel.

        Raises:
            UnknownNameError: when one of them doesn't exist, or the person isn't in it.
        """
        person = self._state.directory.person(user)
        place = self._state.directory.channel(channel)
        if person.id not in place.members:
            raise UnknownNameError(f"{person.name} isn't in {place.name!r}")
        return person, place

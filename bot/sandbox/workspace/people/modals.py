"""What people do with a modal as a whole: submit it, or close it."""

from collections.abc import Mapping
from typing import Any

from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.base.outcome import Outcome
from bot.sandbox.workspace.base.refusal import RefusedError
from bot.sandbox.workspace.blockkit import elements
from bot.sandbox.workspace.people.clicks import Clicks
from bot.sandbox.workspace.people.desk import Desk
from bot.sandbox.workspace.state import forms
from bot.sandbox.workspace.state.directory import Person, UnknownNameError
from bot.sandbox.workspace.state.state import WorkspaceState
from bot.sandbox.workspace.state.view_book import View
from bot.sandbox.workspace.transport import payloads
from bot.sandbox.workspace.transport.delivery import INTERACTIVE


class Modals:
    """Submitting and closing, with everything an app may answer to it."""

    def __init__(self, state: WorkspaceState, desk: Desk, clicks: Clicks) -> None:
        self._state = state
        self._desk = desk
        self._clicks = clicks

    async def submit(
        self, user: str, view: View, values: Mapping[str, Mapping[str, Any]]
    ) -> Outcome:
        """Fill a modal in and submit it; `values` go by block id, then action id.

        Raises:
            UnknownNameError: when it isn't this person's top modal, or a field isn't in it.
        """
        person = self._person_at(user, view)
        self.fill(view, values)
        entered = forms.all_states(view.blocks, view.values, view.channel)
        view.errors = forms.missing(view.blocks, entered)
        self._state.changes.bump()
        if view.errors:
            return Outcome(False, "incomplete", dict(view.errors))
        payload = payloads.view_submission(self._state, person, view)
        outcome = await self._desk.ask(person, INTERACTIVE, payload, "Submitting")
        # The app may have closed the view by another call while we waited for the ack.
        if not outcome.ok or view.closed:
            return outcome
        try:
            return self._answered(view, outcome.answer)
        except RefusedError as refused:
            return self._desk.refuse_answer(person, "ack of view_submission", str(refused))

    def fill(self, view: View, values: Mapping[str, Mapping[str, Any]]) -> None:
        """Enter values into a modal without submitting it.

        Raises:
            UnknownNameError: when a field isn't in the view, or an option was not offered.
        """
        for block_id, fields in values.items():
            for action_id, value in fields.items():
                chosen = elements.find(view.blocks, action_id, block_id)
                if chosen is None or not forms.is_stateful(chosen.element):
                    raise UnknownNameError(f"the view has no field {block_id!r}, {action_id!r}")
                self._clicks.choose(view, chosen, value)

    async def close(self, user: str, view: View, *, clear_all: bool = False) -> Outcome:
        """Close a modal without submitting it, or all of the person's modals.

        Raises:
            UnknownNameError: when the modal isn't this person's, or is closed already.
        """
        person = self._person_at(user, view, top=False)
        is_cleared = clear_all or bool(view.content.get("clear_on_close"))
        payload = payloads.view_closed(self._state, person, view, is_cleared)
        if is_cleared:
            self._state.views.clear(person.id)
        else:
            self._state.views.close(view)
        self._state.changes.bump()
        if view.content.get("notify_on_close"):
            return await self._desk.ask(person, INTERACTIVE, payload, "Closing")
        return Outcome()

    def _person_at(self, user: str, view: View, *, top: bool = True) -> Person:
        person = self._state.directory.person(user)
        stack = self._state.views.stack(person.id)
        if view not in stack or (top and stack[-1] is not view):
            raise UnknownNameError(f"{person.name} doesn't have that modal in front")
        return person

    def _answered(self, view: View, answer: Json) -> Outcome:
        """Do what the app answered: close, show errors, change, push, or clear everything."""
        match answer.get("response_action"):
            case "errors":
                return self._show_errors(view, answer.get("errors"))
            case "update":
                content = self._state.checked_view("response_action", answer.get("view"), "modal")
                self._state.views.update(view, content)
            case "push":
                content = self._state.checked_view("response_action", answer.get("view"), "modal")
                self._state.views.push(view.user, content)
            case "clear":
                self._state.views.clear(view.user)
            case None if not answer:
                self._state.views.close(view)
            case other:
                raise RefusedError("invalid_response_action", [repr(other)])
        self._state.changes.bump()
        return Outcome(answer=answer)

    def _show_errors(self, view: View, errors: Any) -> Outcome:
        # Slack shows errors under input blocks only; any other id makes it show none at all.
        inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
        if not isinstance(errors, dict) or not errors:
            raise RefusedError("invalid_errors", ["errors must be a non-empty object"])
        for block_id, text in errors.items():
            if block_id not in inputs or not isinstance(text, str) or not text:
                raise RefusedError("invalid_errors", [f"no input block for: {block_id}"])
            self._state.check_text("response_action", {"title": {"text": text}})
        view.errors = dict(errors)
        self._state.changes.bump()
        return Outcome(False, "errors", dict(errors), {"response_action": "errors"})

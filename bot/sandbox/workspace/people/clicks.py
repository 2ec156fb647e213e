"""What people press and choose, in messages and views; and what a typeahead offers them."""

from collections import OrderedDict
from dataclasses import replace
from typing import Any

from bot.sandbox.workspace.base import limits
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.base.outcome import Outcome
from bot.sandbox.workspace.blockkit import blocks, elements
from bot.sandbox.workspace.blockkit.elements import Placed
from bot.sandbox.workspace.people.desk import Desk
from bot.sandbox.workspace.state import forms
from bot.sandbox.workspace.state.directory import Person, UnknownNameError
from bot.sandbox.workspace.state.state import WorkspaceState
from bot.sandbox.workspace.state.timeline import Message
from bot.sandbox.workspace.state.view_book import View
from bot.sandbox.workspace.transport import payloads
from bot.sandbox.workspace.transport.delivery import INTERACTIVE


class Clicks:
    """Buttons, menus and selects; remembers what each typeahead has offered."""

    def __init__(self, state: WorkspaceState, desk: Desk) -> None:
        self._state = state
        self._desk = desk
        self._offered: OrderedDict[tuple[str, str, str, str], list[Json]] = OrderedDict()

    async def click(
        self,
        user: str,
        place: Message | View,
        name: str,
        value: Any = None,
        *,
        block_id: str | None = None,
    ) -> Outcome:
        """Press a button (by its words or action id), or choose `value` in a select.

        A confirm dialog is answered with yes. A copy of a message that was taken before an edit
        may be passed: it is pressed as a client that has not yet heard of the edit would do.

        Raises:
            UnknownNameError: when the person can't see it, or it has no such element.
        """
        person = self._who_sees(user, place)
        chosen = self._element(place, name, block_id)
        if forms.is_stateful(chosen.element):
            details = self.choose(place, chosen, value)
        elif chosen.element["type"] == "overflow":
            details = {"selected_option": _menu_item(chosen.element, value)}
        else:
            details = {}
        # Inside of an input block a choice is only sent when the app has asked for it.
        is_quiet = chosen.block["type"] == "input" and not chosen.block.get("dispatch_action")
        if is_quiet:
            return Outcome()
        payload = payloads.block_action(self._state, person, place, chosen, details)
        return await self._desk.ask(person, INTERACTIVE, payload, "That")

    def choose(self, place: Message | View, chosen: Placed, value: Any) -> Json:
        """Remember what was entered, and return the keys that describe it.

        Raises:
            UnknownNameError: when the value names an option that nobody offered.
        """
        fields = place.values.setdefault(chosen.block_id, {})
        # What is chosen already stays choosable, though the search that found it is long over.
        offered = [
            *self._offered.get(self._key(place, chosen), []),
            *forms.options_in(fields.get(chosen.action_id, {})),
        ]
        entered = forms.state_of(chosen.element, value, offered)
        fields[chosen.action_id] = entered
        self._state.changes.bump()
        return {key: item for key, item in entered.items() if key != "type"}

    async def suggest(
        self,
        user: str,
        place: Message | View,
        name: str,
        query: str,
        *,
        block_id: str | None = None,
    ) -> Outcome:
        """Type into a typeahead select; the answer's `options` are what the app offers.

        Raises:
            UnknownNameError: when the person can't see it, or it has no such element.
        """
        person = self._who_sees(user, place)
        chosen = self._element(place, name, block_id)
        if len(query) < chosen.element.get("min_query_length", limits.SUGGESTION_MIN_QUERY):
            return Outcome(answer={"options": []})
        payload = payloads.block_suggestion(self._state, person, place, chosen, query)
        outcome = await self._desk.ask(person, INTERACTIVE, payload, "Loading the options")
        if not outcome.ok:
            return outcome
        problems = blocks.check_suggestions(outcome.answer)
        if problems:
            return self._desk.refuse_answer(person, "ack of block_suggestion", problems[0])
        options = elements.options(outcome.answer)
        self._remember(self._key(place, chosen), options)
        return replace(outcome, answer={**outcome.answer, "options": options})

    def _who_sees(self, user: str, place: Message | View) -> Person:
        person = self._state.directory.person(user)
        if isinstance(place, View):
            visible = place.user == person.id and not place.closed
        else:
            self._desk.person_in(user, place.channel)
            visible = place.seen_by(person.id) and not place.deleted
        if not visible:
            raise UnknownNameError(f"{person.name} doesn't see that")
        return person

    def _element(self, place: Message | View, name: str, block_id: str | None) -> Placed:
        chosen = elements.find(place.blocks, name, block_id)
        if chosen is None and block_id is not None and isinstance(place, Message):
            # A page names the block as well: what it shows may be older than the newest edit.
            found = (elements.find(blocks_, name, block_id) for blocks_ in place.before)
            chosen = next((one for one in found if one is not None), None)
        if chosen is None:
            raise UnknownNameError(f"there is no {name!r}; the buttons are {place.buttons}")
        return chosen

    def _key(self, place: Message | View, chosen: Placed) -> tuple[str, str, str, str]:
        where = (place.user, place.id) if isinstance(place, View) else (place.channel, place.ts)
        return (*where, chosen.block_id, chosen.action_id)

    def _remember(self, key: tuple[str, str, str, str], options: list[Json]) -> None:
        """Keep every option of this field that was ever offered, within bounds."""
        known = self._offered.setdefault(key, [])
        # Earlier offers stay valid: a person may choose from several searches.
        known += [option for option in options if option not in known]
        del known[: -limits.SUGGESTIONS]
        self._offered.move_to_end(key)
        if len(self._offered) > limits.SUGGESTIONS:
            self._offered.popitem(last=False)


def _menu_item(element: Json, named: Any) -> Json:
    for option in elements.options(element):
        if named == option or named in (option["value"], option["text"]["text"]):
            return option
    raise UnknownNameError(f"the menu has no {named!r}")

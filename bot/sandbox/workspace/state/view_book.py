"""Open modals and published Home tabs: stacks, versions (hashes), and what people entered.

A modal is one person's; each person has one stack of at most three.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.workspace.base import limits
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.base.refusal import RefusedError
from bot.sandbox.workspace.blockkit import elements
from bot.sandbox.workspace.state.directory import UnknownNameError


@dataclass(slots=True)
class View:
    """One modal or Home tab of one person; `content` is what the app sent, with ids filled in.

    `app` is the id of the app that showed it.
    """

    id: str
    user: str
    content: Json
    hash: str
    root_view_id: str
    channel: str = ""
    previous_view_id: str | None = None
    values: Json = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    closed: bool = False
    app: str = ""

    @property
    def blocks(self) -> list[Json]:
        """The blocks of the view, each with a block id."""
        blocks: list[Json] = self.content["blocks"]
        return blocks

    @property
    def title(self) -> str:
        """The words in the title bar; a Home tab has none."""
        return str(self.content.get("title", {}).get("text", ""))

    @property
    def callback_id(self) -> str:
        """The callback id that the app chose."""
        return str(self.content.get("callback_id", ""))

    @property
    def buttons(self) -> list[str]:
        """List the texts of the view's buttons, in reading order."""
        return elements.button_texts(self.blocks)

    @property
    def words(self) -> str:
        """Join everything a reader sees in the blocks."""
        return "\n".join(elements.strings(self.blocks))


class ViewBook:
    """Every open modal, by person, and every Home tab of one app; others' views are not found."""

    def __init__(self, clock: Callable[[], float], rng: random.Random, app: str) -> None:
        self._clock = clock
        self._rng = rng
        self._app = app
        self.stacks: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}

    def beside(self, app: str) -> "ViewBook":
        """Return the book of another app: a person has one stack for all of them."""
        other = ViewBook(self._clock, self._rng, app)
        other.stacks = self.stacks
        return other

    def stack(self, user: str) -> list[View]:
        """List a person's open modals, the top one last."""
        return list(self.stacks.get(user, []))

    def find(self, view_id: str) -> View:
        """Find an open modal or a Home tab by id.

        Raises:
            UnknownNameError: when it was never there or is closed.
        """
        for view in self._every():
            if view.id == view_id:
                return view
        raise UnknownNameError(f"there is no open view {view_id!r}")

    def find_external(self, external_id: str) -> View:
        """Find a view by the id that the app gave it.

        Raises:
            UnknownNameError: when no open view has it.
        """
        for view in self._every():
            if external_id and view.content.get("external_id") == external_id:
                return view
        raise UnknownNameError(f"there is no open view {external_id!r}")

    def open(self, user: str, content: Json, channel: str = "") -> View:
        """Show a person a modal in a channel; what was open before goes away."""
        self.clear(user)
        return self._put(user, content, channel)

    def push(self, user: str, content: Json) -> View:
        """Put a modal on top of a person's stack.

        Raises:
            RefusedError: push_limit_reached when three are open, not_found when none is.
        """
        stack = self.stacks.get(user, [])
        if not stack:
            raise RefusedError("not_found")
        if len(stack) >= limits.VIEW_STACK:
            raise RefusedError("push_limit_reached")
        return self._put(user, content, stack[-1].channel)

    def update(self, view: View, content: Json, expected_hash: str = "") -> None:
        """Give a view new content; what was entered stays where the ids are the same.

        Raises:
            RefusedError: hash_conflict when the caller knew another version.
        """
        if expected_hash and expected_hash != view.hash:
            raise RefusedError("hash_conflict")
        view.content = self._filled(content)
        view.hash = self._new_hash()
        view.errors = {}
        # Slack keeps what was typed when block id and action id stay the same.
        kept = {(one.block_id, one.action_id) for one in elements.placed(view.blocks)}
        view.values = {
            block_id: {key: value for key, value in chosen.items() if (block_id, key) in kept}
            for block_id, chosen in view.values.items()
        }

    def publish(self, user: str, content: Json, expected_hash: str = "") -> View:
        """Set a person's Home tab.

        Raises:
            RefusedError: hash_conflict when the caller knew another version.
        """
        if user in self.homes:
            self.update(self.homes[user], content, expected_hash)
        else:
            self.homes[user] = self._new(user, content)
        return self.homes[user]

    def close(self, view: View) -> None:
        """Close a modal and everything on top of it."""
        stack = self.stacks.get(view.user, [])
        if view in stack:
            at = stack.index(view)
            for gone in stack[at:]:
                gone.closed = True
            del stack[at:]

    def clear(self, user: str) -> None:
        """Close all modals of a person."""
        for view in self.stacks.pop(user, []):
            view.closed = True

    def _every(self) -> list[View]:
        """List the app's views."""
        open_ = [view for stack in self.stacks.values() for view in stack if view.app == self._app]
        return [*open_, *self.homes.values()]

    def _put(self, user: str, content: Json, channel: str) -> View:
        stack = self.stacks.setdefault(user, [])
        view = self._new(user, content)
        view.channel = channel
        if stack:
            view.root_view_id = stack[0].id
            view.previous_view_id = stack[-1].id
        stack.append(view)
        return view

    def _new(self, user: str, content: Json) -> View:
        view_id = f"V{self._rng.getrandbits(40):010X}"
        return View(view_id, user, self._filled(content), self._new_hash(), view_id, app=self._app)

    def _filled(self, content: Json) -> Json:
        return {**content, "blocks": elements.with_ids(content["blocks"], self._rng)}

    def _new_hash(self) -> str:
        return f"{int(self._clock())}.{self._rng.getrandbits(32):08x}"


def as_slack(view: View, values: Json, app: dict[str, Any]) -> Json:
    """Shape a view like the `view` of an answer or payload; `app` has the ids of app and team."""
    content = view.content
    shape: Json = {
        "id": view.id,
        "team_id": app["team_id"],
        "type": content["type"],
        "blocks": view.blocks,
        "private_metadata": content.get("private_metadata", ""),
        "callback_id": view.callback_id,
        "external_id": content.get("external_id", ""),
        "state": {"values": values},
        "hash": view.hash,
        "title": content.get("title", {"type": "plain_text", "text": "View Title", "emoji": True}),
        "clear_on_close": content.get("clear_on_close", False),
        "notify_on_close": content.get("notify_on_close", False),
        "submit": content.get("submit"),
        "close": content.get("close"),
        "previous_view_id": view.previous_view_id,
        "root_view_id": view.root_view_id,
        "app_id": app["app_id"],
        "app_installed_team_id": app["team_id"],
        "bot_id": app["bot_id"],
    }
    return shape

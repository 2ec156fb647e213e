"""Finding one's way in blocks that are already known to be valid: elements, ids, words."""

import copy
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bot.sandbox.workspace.base.json_types import Json


@dataclass(frozen=True, slots=True)
class Placed:
    """An interactive element and the block that holds it."""

    block: Json
    element: Json

    @property
    def block_id(self) -> str:
        """The id of the block."""
        return str(self.block["block_id"])

    @property
    def action_id(self) -> str:
        """The id of the element."""
        return str(self.element["action_id"])


def placed(blocks: Sequence[Json]) -> Iterator[Placed]:
    """Go through the interactive elements of blocks, in reading order."""
    for block in blocks:
        match block.get("type"):
            case "actions":
                candidates = block["elements"]
            case "section":
                candidates = [block["accessory"]] if "accessory" in block else []
            case "input":
                candidates = [block["element"]]
            case _:
                candidates = []
        yield from (Placed(block, one) for one in candidates if one["type"] != "image")


def find(blocks: Sequence[Json], name: str, block_id: str | None = None) -> Placed | None:
    """Find an element by its action id or by its button's words; ids go first."""
    candidates = [one for one in placed(blocks) if block_id in (None, one.block_id)]
    for one in candidates:
        if one.action_id == name:
            return one
    for one in candidates:
        if one.element["type"] == "button" and one.element["text"]["text"] == name:
            return one
    return None


def button_texts(blocks: Sequence[Json]) -> list[str]:
    """List the words on the buttons."""
    return [one.element["text"]["text"] for one in placed(blocks) if "text" in one.element]


def with_ids(blocks: Sequence[Json], rng: random.Random) -> list[Json]:
    """Copy blocks, giving a random block id and action id to whatever has none, as Slack does."""
    copied = copy.deepcopy(list(blocks))
    for block in copied:
        block.setdefault("block_id", _short_id(rng))
    for one in placed(copied):
        one.element.setdefault("action_id", _short_id(rng))
    return copied


def strings(value: Any) -> Iterator[str]:
    """Go through the words a reader sees: every `text`, `title` and `label` that is a string."""
    if isinstance(value, list):
        for item in value:
            yield from strings(item)
        return
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        if isinstance(item, str):
            if key in ("text", "title", "label", "alt_text"):
                yield item
        else:
            yield from strings(item)


def options(element: Json) -> list[Json]:
    """List an element's own options, those inside of groups included."""
    grouped = [one for group in element.get("option_groups", ()) for one in group["options"]]
    return [*element.get("options", ()), *grouped]


def _short_id(rng: random.Random) -> str:
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return "".join(rng.choice(letters) for _ in range(5))

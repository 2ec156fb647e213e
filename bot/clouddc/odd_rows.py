"""Server records in other shapes than the documented one: what can't be read is named.

What can be read is kept. Nothing is taken for harmless because it can't be read: tags may protect
a server, a rack may be what somebody asks for. The documented shape is ListServers' (CloudDC API).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from bot.power import server
from bot.power.server import RecordPart

ABSENT = object()  # A member that isn't there, where null is a value that can't be read.
Tags = tuple[tuple[str, str], ...]


def server_of(found: object, error: str) -> server.Server:
    """Return the server of a record; `error` is the vendor's text, read already.

    Raises:
        ValueError: it isn't a record, or has no id.
    """
    if not isinstance(found, Mapping) or not isinstance(found.get("id"), str) or not found["id"]:
        raise ValueError("a record without an id")
    row = _Row(found)
    place, hardware = row.inner("location"), row.inner("hardware_attributes")
    tags = row.tags()
    return server.Server(
        # The same id stands in plans, runs and sweeps, and is held once for all.
        id=sys.intern(found["id"]),
        name=row.text(found, "name", RecordPart.NAME, needed=True),
        power_state=row.text(found, "power_state"),
        operation_state=row.text(found, "operation_state", RecordPart.OPERATION),
        manage_state=row.text(found, "manage_state", RecordPart.MANAGED, needed=True),
        frozen_state=row.frozen_state(),
        health_state=row.text(found, "health_state", RecordPart.HEALTH),
        sn=row.text(hardware, "sn", RecordPart.SN, needed=True),
        dc=row.text(place, "dc", RecordPart.ROOM),
        rack=row.text(place, "rack", RecordPart.RACK),
        unit=row.text(place, "unit"),
        model=row.text(hardware, "model"),
        tags=tags,
        error=error,
        unread=tuple(dict.fromkeys(row.unread)),
    )


class _Row:
    """A record while it is read, with the parts of it that could not be."""

    def __init__(self, found: Mapping[object, object]) -> None:
        self._found = found
        self.unread: list[RecordPart] = []

    def text(
        self,
        members: Mapping[object, object] | None,
        key: str,
        part: RecordPart | None = None,
        *,
        needed: bool = False,
    ) -> str:
        """Return a member as text; `needed` ones are always there when the record is whole."""
        value = ABSENT if members is None else members.get(key, ABSENT)
        held = _text(value)
        # An empty text is an answer, but no name that somebody could ask for.
        if held or (held is not None and part is not RecordPart.NAME):
            return held
        # An operation that isn't under way may well be null.
        harmless = value is None and part is RecordPart.OPERATION
        missing = value is ABSENT and members is not None and not needed
        if part is not None and not harmless and not missing:
            self.unread.append(part)
        return ""

    def inner(self, key: str) -> Mapping[object, object] | None:
        """Return an object within the record, or None where there isn't one."""
        value = self._found.get(key)
        return value if isinstance(value, Mapping) else None

    def frozen_state(self) -> int:
        """Return the number; the record of an older release has none."""
        value = self._found.get("frozen_state", 0)
        digits = value.strip() if isinstance(value, str) else ""
        if isinstance(value, int | float) and value == int(value):
            return int(value)
        if digits.isdecimal() and digits.isascii():
            return int(digits[:9])
        # Unread, not zero: a server that Huawei Cloud suspends must not pass for a free one.
        self.unread.append(RecordPart.FROZEN)
        return 0

    def tags(self) -> Tags:
        """Return the pairs that can be read."""
        value = self._found.get("tags")
        pairs: list[tuple[str, str]] = []
        clear = isinstance(value, Sequence) and not isinstance(value, str)
        for entry in _entries(value):
            found = _tag(entry)
            pairs += found if found is not None else _guessed(entry)
            clear = clear and found is not None
        if not clear:
            self.unread.append(RecordPart.TAGS)
        return tuple(pairs)


def _text(value: object) -> str | None:
    """Return what is a text or a number as text."""
    if isinstance(value, str):
        return sys.intern(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None


def _entries(value: object) -> Sequence[object]:
    """Return the entries of what stands in the place of the list of tags."""
    if isinstance(value, str):
        return value.split(",")
    if isinstance(value, Sequence):
        return value
    return [value] if isinstance(value, Mapping) else ()


def _tag(entry: object) -> list[tuple[str, str]] | None:
    """Return a tag that is written clearly: an object with a key, or a text `k=v` or `k`."""
    if isinstance(entry, str):
        key, is_pair, value = entry.partition("=")
        clear = bool(key.strip()) and (bool(is_pair) or ":" not in key)
        return [(key.strip(), value.strip())] if clear else None
    if not isinstance(entry, Mapping):
        return None
    members = {str(name).lower(): held for name, held in entry.items()}
    named, given = _text(members.pop("key", None)), members.pop("value", None)
    if given is None and any(members.values()):
        # Its value may stand in one of them, such as `values`.
        return None
    held = str(given).lower() if isinstance(given, bool) else _text("" if given is None else given)
    return [(named, held)] if named and held is not None else None


def _guessed(entry: object) -> list[tuple[str, str]]:
    """Return what an unclear entry may mean: a guess may protect a server, and never free one."""
    if isinstance(entry, str):
        key, _, value = entry.partition(":")
        return [(key.strip(), value.strip())] if key.strip() else []
    if isinstance(entry, Mapping):
        named = [(_text(key), _text(value)) for key, value in entry.items()]
        return [(key, value) for key, value in named if key and value is not None]
    if isinstance(entry, Sequence):
        texts = [text for text in map(_text, entry) if text is not None]
        return [(texts[0], texts[1])] if len(texts) == 2 else []
    return []

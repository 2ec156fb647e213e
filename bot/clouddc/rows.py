"""A server's record read from its JSON: the documented shape first, then whatever it is; no IO.

Members that aren't known are skipped (CloudDC API, ListServers and ShowServer pages). What hasn't
the documented shape is read member by member (`odd_rows`).
"""

from __future__ import annotations

import functools
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import msgspec

from bot.clouddc import odd_rows
from bot.power import server

# Different lists of tags that are kept, each once for all servers that have it.
MOST_SHARED_TAGS = 1024
LONGEST_TEXT = 300

Filled = Annotated[str, msgspec.Meta(min_length=1)]


# Records form no cycles, so that the collector need not look at thousands of them.
class _Location(msgspec.Struct, gc=False):
    dc: str = ""
    rack: str = ""
    unit: str | None = None


class _Hardware(msgspec.Struct, gc=False):
    sn: str
    model: str | None = None


class _Tag(msgspec.Struct, gc=False):
    key: Filled
    value: str | msgspec.UnsetType = msgspec.UNSET


class _WholeTag(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A tag with nothing in which a missing value could stand, such as `values`."""

    key: Filled
    value: str = ""


class Row(msgspec.Struct, gc=False):
    """A record as documented; what may protect a server or say where it is has no null."""

    id: Filled
    name: Filled
    manage_state: str
    location: _Location
    hardware_attributes: _Hardware
    # Kept as bytes: the same bytes were read before for most servers of a fleet.
    tags: msgspec.Raw
    power_state: str | None = None
    operation_state: str | None = None
    health_state: str = ""
    frozen_state: int = 0
    error: object = None


# A Struct is decoded several times as fast as a pydantic model, and a page has a thousand rows.
_documented = msgspec.json.Decoder(Row)
_tag_list = msgspec.json.Decoder(list[_Tag])
_whole_tags = msgspec.json.Decoder(list[_WholeTag])
_anything = msgspec.json.Decoder()


def servers(found: Iterable[Row]) -> list[server.Server | None]:
    """Return the servers of documented records.

    Raises:
        ValidationError: one of them has tags that aren't as documented.
    """
    made: list[server.Server | None] = []
    # One loop without a call of our own for each row: a sweep may have 20,000.
    keep, make, tags = made.append, server.Server, _tags
    for row in found:
        place, hardware = row.location, row.hardware_attributes
        keep(
            make(
                row.id,
                row.name,
                row.power_state or "",
                row.operation_state or "",
                row.manage_state,
                row.frozen_state,
                row.health_state,
                hardware.sn,
                place.dc,
                place.rack,
                place.unit or "",
                hardware.model or "",
                tags(bytes(row.tags)),
                _vendor_error(row.error) if row.error else "",
            )
        )
    return made


def read(texts: Iterable[bytes | msgspec.Raw]) -> list[server.Server | None]:
    """Return the servers of records in any shape, None for one that has no id or isn't one."""
    return [_read_one(text) for text in texts]


def _read_one(text: bytes | msgspec.Raw) -> server.Server | None:
    try:
        (found,) = servers([_documented.decode(text)])
    except (msgspec.MsgspecError, RecursionError):
        return _odd(text)
    return found


def kept(
    found: Iterable[server.Server], known: Mapping[str, server.Server]
) -> Iterator[tuple[str, server.Server]]:
    """Yield servers by id, those that haven't changed as the last sweep held them.

    One that has changed keeps what it still has, since plans and runs hold the same strings; a
    new word, like a state or a rack, is kept once for all servers.
    """
    for row in found:
        before = known.get(row.id)
        if before is None:
            yield row.id, row
        else:
            yield before.id, before if before == row else _changed(before, row)


def _changed(before: server.Server, row: server.Server) -> server.Server:
    pairs = zip(msgspec.structs.astuple(before), msgspec.structs.astuple(row), strict=True)
    return server.Server(*[had if had == has else _shared(has) for had, has in pairs])


def clean(text: str, *, longest: int = LONGEST_TEXT) -> str:
    """Return foreign text on one line, without control and invisible characters, cut."""
    # Eight times as much is looked at as is shown, for blanks and marks that fall away.
    kept = (" " if unicodedata.category(char)[0] in "CZ" else char for char in text[: 8 * longest])
    return " ".join("".join(kept).split())[:longest]


def _odd(text: bytes | msgspec.Raw) -> server.Server | None:
    """Read a record that hasn't the documented shape."""
    try:
        found = _anything.decode(text)
        error = found.get("error") if isinstance(found, dict) else None
        return odd_rows.server_of(found, _vendor_error(error))
    except (ValueError, RecursionError):
        return None


def _shared(value: Any) -> Any:
    return sys.intern(value) if isinstance(value, str) else value


@functools.lru_cache(maxsize=MOST_SHARED_TAGS)
def _tags(text: bytes) -> tuple[tuple[str, str], ...]:
    """Return the pairs of a list of tags: racks full of servers bear the same, which is kept once.

    Raises:
        ValidationError: it hasn't the documented shape.
    """
    found: list[_Tag] | list[_WholeTag] = _tag_list.decode(text)
    if any(tag.value is msgspec.UNSET for tag in found):
        found = _whole_tags.decode(text)
    return tuple([(tag.key, str(tag.value)) for tag in found])


def _vendor_error(found: object) -> str:
    """Return what CloudDC says is wrong with the server, as `code: message`."""
    if not isinstance(found, Mapping):
        return ""
    told = [_text(found.get(key)) for key in ("error_code", "error_msg")]
    return clean(": ".join(filter(None, told)))


def _text(value: object) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if isinstance(value, str) or is_number else ""

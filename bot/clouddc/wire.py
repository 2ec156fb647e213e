"""The shapes of CloudDC's answers, read leniently; no IO.

Enum words are kept as they come, fields that aren't known are ignored, and what can't be read of
a server is noted on it (`odd_rows`): the documents change often (CloudDC API, ListServers and
ShowServer pages).
Records become `server.Server` inside the JSON parser, since a page may hold a thousand of them.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pydantic
import pydantic_core
from pydantic_core import core_schema

from bot.clouddc import odd_rows
from bot.power import ports, server

# So many different sets of tags are kept once for all servers that bear them.
MOST_SHARED_TAGS = 1024
# The longest page that a client may ask for (CloudDC API, ListServers page).
LARGEST_PAGE = 1000
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LONGEST_TEXT = 300


class Unreadable(ValueError):
    """The answer isn't what its page in the documentation describes."""


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, whole. `headers` are looked up without regard to case."""

    status: int
    headers: Mapping[str, str] = dataclasses.field(repr=False)
    body: bytes = dataclasses.field(repr=False)

    @property
    def succeeded(self) -> bool:
        """Whether the status says so; the body may still be unreadable."""
        return 200 <= self.status < 300


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """One page of the list; `unreadable` rows had no id.

    `next_marker` is where the service says that the next page begins, empty where it says nothing
    or nothing usable. `total` is what it says the whole list holds, 0 where it doesn't say.
    """

    servers: tuple[server.Server, ...]
    next_marker: str
    total: int = 0
    unreadable: int = 0

    @property
    def last_id(self) -> str:
        """The id of the last row: the marker of the next page by the API's own description."""
        return self.servers[-1].id if self.servers else ""


@dataclasses.dataclass(frozen=True, slots=True)
class ReadPage:
    """What a page says, before it is known where the next one begins; None is a row without id."""

    rows: Sequence[server.Server | None]
    next_marker: str
    total: int


@dataclasses.dataclass(frozen=True, slots=True)
class FleetStatus:
    """Counts over the whole project, by the service's words in lower case."""

    power: Mapping[str, int]
    health: Mapping[str, int]
    manage: Mapping[str, int]


def clean(text: str, *, longest: int = LONGEST_TEXT) -> str:
    """Return foreign text on one line, without control and invisible characters, cut."""
    kept = (" " if unicodedata.category(char)[0] in "CZ" else char for char in text[: 8 * longest])
    return " ".join("".join(kept).split())[:longest]


def page(body: bytes) -> Page:
    """Read a page of ListServers.

    Raises:
        Unreadable: it isn't one.
    """
    read = read_page(body)
    return page_of(read, read.rows)


def read_page(body: bytes) -> ReadPage:
    """Read what a page of ListServers says, row by row.

    Raises:
        Unreadable: it isn't one.
    """
    found = _validated(_PAGE, body)
    return ReadPage(found["servers"], found["page_info"]["next_marker"], found["count"])


def page_of(read: ReadPage, rows: Sequence[server.Server | None]) -> Page:
    """Return the page with these rows."""
    readable = tuple(row for row in rows if row is not None)
    unreadable = len(rows) - len(readable)
    return Page(readable, _marker(read.next_marker), max(0, read.total), unreadable)


def record(body: bytes) -> server.Server:
    """Read a ShowServer answer.

    Raises:
        Unreadable: it has no id.
    """
    found: server.Server = _validated(_RECORD, body)
    return found


def accepted(answer: Answer, request_id: str) -> ports.Accepted:
    """Read the answer to a power call.

    The page's own example shows each id as an unresolved reference, `{"$ref": ...}`: such an
    entry is counted, and doesn't say whom it means (CloudDC API, power-state page).

    Raises:
        Unreadable: it has no list of servers.
    """
    entries = _validated(_TAKEN, answer.body)["physical_servers"]
    ids = [entry.get("id") if isinstance(entry, dict) else entry for entry in entries]
    readable = [
        found.lower() for found in ids if isinstance(found, str) and UUID.fullmatch(found.lower())
    ]
    return ports.Accepted(frozenset(readable), request_id, len(ids) - len(readable))


def fleet_status(body: bytes) -> FleetStatus:
    """Read a ShowServerStatus answer.

    Raises:
        Unreadable: it has no counts.
    """
    try:
        found = _Status.model_validate_json(body)
    except ValueError as error:
        raise Unreadable("the answer has no counts") from error
    # The key for servers in bad health was spelled anew in April 2026.
    health = {key.lower(): room.count for key, room in found.server_status.items()}
    return FleetStatus(found.server_power_status, health, found.server_manage_state)


def _marker(given: str) -> str:
    """Return the id at which the service says that the next page begins, or an empty text.

    The service describes `next_marker` as an address and `marker` as an id, so both are
    understood; no address is ever followed.
    """
    if not UUID.fullmatch(given):
        given = parse_qs(_query(given)).get("marker", [""])[0]
    return given if UUID.fullmatch(given) else ""


def _query(address: str) -> str:
    try:
        return urlsplit(address).query
    except ValueError:
        return ""


def _validated(validator: pydantic_core.SchemaValidator, body: bytes) -> Any:
    try:
        return validator.validate_json(body)
    except pydantic.ValidationError as error:
        # The error's own text would quote the answer.
        raise Unreadable("the answer isn't as documented") from error


# -- schemas


class _Room(pydantic.BaseModel):
    count: int = 0


class _Status(pydantic.BaseModel):
    server_status: dict[str, _Room] = {}
    server_power_status: dict[str, int]
    server_manage_state: dict[str, int] = {}


def _or(schema: core_schema.CoreSchema, default: object) -> core_schema.CoreSchema:
    """Return the schema with a default for what is absent, null or of the wrong kind."""
    return core_schema.with_default_schema(schema, default=default, on_error="default")


def _tags(found: list[dict[str, str]]) -> tuple[tuple[str, str], ...]:
    return _shared_tags(tuple((tag["key"], tag["value"]) for tag in found))


@functools.lru_cache(maxsize=MOST_SHARED_TAGS)
def _shared_tags(tags: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return the one copy of these tags: racks full of servers bear the same."""
    return tags


def _vendor_error(found: dict[str, str]) -> str:
    return clean(": ".join(filter(None, (found["error_code"], found["error_msg"]))))


def _object(**fields: core_schema.CoreSchema) -> core_schema.CoreSchema:
    typed = {name: core_schema.typed_dict_field(schema) for name, schema in fields.items()}
    return core_schema.typed_dict_schema(typed)


def _odd_record(found: object) -> server.Server:
    """Read a record that hasn't the documented shape."""
    told = found.get("error") if isinstance(found, dict) else None
    error = told if isinstance(told, dict) else {}
    texts = {key: str(error.get(key) or "") for key in ("error_code", "error_msg")}
    read = odd_rows.server_of(found, _vendor_error(texts))
    return dataclasses.replace(read, tags=_shared_tags(read.tags))


def _record_schema() -> core_schema.CoreSchema:
    """Return the schema of a record: the documented shape first, then whatever it is."""
    odd = core_schema.no_info_after_validator_function(_odd_record, core_schema.any_schema())
    return core_schema.union_schema([_documented_record(), odd], mode="left_to_right")


def _documented_record() -> core_schema.CoreSchema:
    text = _or(core_schema.str_schema(coerce_numbers_to_str=True), "")
    key = core_schema.str_schema(min_length=1)
    value = core_schema.with_default_schema(core_schema.str_schema(), default="")
    tags = core_schema.list_schema(_object(key=key, value=value))
    attributes, location = "hardware_attributes", "location"
    paths: dict[str, list[str | int]] = {
        "unread": ["location"],
        "sn": [attributes, "sn"],
        "model": [attributes, "model"],
        "dc": [location, "dc"],
        "rack": [location, "rack"],
        "unit": [location, "unit"],
    }
    # A server that has changed is read anew. What hasn't changed of it stays the very string that
    # plans, runs and the records before it hold.
    shared = core_schema.no_info_after_validator_function
    given = shared(sys.intern, core_schema.str_schema())
    word = _or(given, "")
    # What may protect a server, or say where it is, is no default when it can't be read.
    strict = core_schema.with_default_schema(given, default="")
    schemas = {
        **dict.fromkeys(("name", "manage_state", "sn"), given),
        **dict.fromkeys(("operation_state", "health_state", "dc", "rack"), strict),
        "unread": shared(lambda _: (), core_schema.typed_dict_schema({})),
        "id": shared(sys.intern, core_schema.str_schema(min_length=1)),
        "frozen_state": core_schema.with_default_schema(
            core_schema.int_schema(strict=True), default=0
        ),
        "tags": core_schema.no_info_after_validator_function(_tags, tags),
        "error": _or(
            core_schema.no_info_after_validator_function(
                _vendor_error, _object(error_code=text, error_msg=text)
            ),
            "",
        ),
    }
    names = [field.name for field in dataclasses.fields(server.Server)]
    fields = [
        core_schema.dataclass_field(name, schemas.get(name, word), validation_alias=paths.get(name))
        for name in names
    ]
    arguments = core_schema.dataclass_args_schema("Server", fields)
    return core_schema.dataclass_schema(server.Server, arguments, names, slots=True, frozen=True)


def _page_schema() -> core_schema.CoreSchema:
    # A row that can't be read becomes None, so that one bad record doesn't hide the fleet.
    rows = core_schema.list_schema(_or(_record_schema(), None))
    info = _object(next_marker=_or(core_schema.str_schema(), ""))
    return _object(
        servers=rows,
        page_info=_or(info, {"next_marker": ""}),
        count=_or(core_schema.int_schema(), 0),
    )


# pydantic's own cache of texts is too small for a fleet, and would hold copies of what is shared.
_UNCACHED = core_schema.CoreConfig(cache_strings="keys")
_RECORD = pydantic_core.SchemaValidator(_record_schema(), _UNCACHED)
_PAGE = pydantic_core.SchemaValidator(_page_schema(), _UNCACHED)
_TAKEN = pydantic_core.SchemaValidator(
    _object(physical_servers=core_schema.list_schema(core_schema.any_schema()))
)

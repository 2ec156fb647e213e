"""The shapes of CloudDC's answers, read leniently; no IO.

Enum words are kept as they come, fields that aren't known are ignored, and what can't be read of
a server is noted on it (`rows`): the documents change often (CloudDC API, ListServers and
ShowServer pages).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from bot.clouddc import rows
from bot.power import ports, server
from bot.runtime import priority

T = TypeVar("T")

# The longest page that a client may ask for (CloudDC API, ListServers page).
LARGEST_PAGE = 1000
# What a page holds for a service that heeds no other limit (the same page).
SMALLEST_PAGE = 10
# Rows that are read before other tasks get a turn: about a third of a millisecond.
ROWS_AT_ONCE = 200
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
UNDOCUMENTED = "the answer isn't as documented"


class UnreadableAnswer(ValueError):
    """The answer isn't what its page in the documentation describes."""


@dataclasses.dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An HTTP answer, whole. `headers` are looked up without regard to case."""

    status: int
    headers: Mapping[str, str] = dataclasses.field(repr=False)
    body: bytes = dataclasses.field(repr=False)

    @property
    def succeeded(self) -> bool:
        """Whether the status says so; the body may still be unreadable."""
        return 200 <= self.status < 300


# A count from here up is no number of servers.
MOST_COUNTED = 10_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class ListPage:
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
class FleetStatus:
    """Counts over the whole project, by the service's words in lower case."""

    power: Mapping[str, int]
    health: Mapping[str, int]
    manage: Mapping[str, int]


def page(body: bytes) -> ListPage:
    """Read a page of ListServers.

    Raises:
        UnreadableAnswer: it isn't one.
    """
    try:
        whole = _decoded(body, _Whole)
        return _page_of(whole, rows.servers(whole.servers))
    except (UnreadableAnswer, msgspec.ValidationError):
        # An odd row costs a second reading, row by row, and hides no other.
        frame = _decoded(body, _Frame)
        return _page_of(frame, rows.read(frame.servers))


async def page_in_turns(body: bytes) -> ListPage:
    """Read a page of ListServers, letting other tasks of the event loop go between its rows.

    Raises:
        UnreadableAnswer: it isn't one.
    """
    found: list[server.Server | None] = []
    try:
        whole = _decoded(body, _Whole)
        async for some in priority.slices(whole.servers, ROWS_AT_ONCE):
            found += rows.servers(some)
        return _page_of(whole, found)
    except (UnreadableAnswer, msgspec.ValidationError):
        found.clear()
    frame = _decoded(body, _Frame)
    async for texts in priority.slices(frame.servers, ROWS_AT_ONCE):
        found += rows.read(texts)
    return _page_of(frame, found)


def record(body: bytes, server_id: str) -> server.Server:
    """Read the answer of ShowServer for this id.

    Raises:
        UnreadableAnswer: it has no id, or that of another server.
    """
    (found,) = rows.read([body])
    if found is None:
        raise UnreadableAnswer(UNDOCUMENTED)
    # Taken for "there is no such server", it would say that the one asked for is gone.
    if found.id != server_id:
        raise UnreadableAnswer("the answer is of another server")
    return found


def accepted(answer: HttpAnswer, request_id: str) -> ports.Accepted:
    """Read the answer to a power call.

    The page's own example shows each id as an unresolved reference, `{"$ref": ...}`: such an
    entry is counted, and doesn't say whom it means (CloudDC API, power-state page).

    Raises:
        UnreadableAnswer: it has no list of servers.
    """
    entries = _decoded(answer.body, _Taken).physical_servers
    ids = [entry.get("id") if isinstance(entry, dict) else entry for entry in entries]
    readable = [
        found.lower() for found in ids if isinstance(found, str) and UUID.fullmatch(found.lower())
    ]
    return ports.Accepted(frozenset(readable), request_id, len(ids) - len(readable))


def fleet_status(body: bytes) -> FleetStatus:
    """Read a ShowServerStatus answer.

    Raises:
        UnreadableAnswer: it has no counts.
    """
    try:
        found = _decoded(body, _Status, strict=False)
    except UnreadableAnswer as error:
        raise UnreadableAnswer("the answer has no counts") from error
    # The key for servers in bad health was spelled anew in April 2026.
    health = {key.lower(): room.count for key, room in found.server_status.items()}
    return FleetStatus(found.server_power_status, health, found.server_manage_state)


# -- shapes


class _Whole(msgspec.Struct):
    """A page of the list whose rows are all as documented: read at once, for half the time."""

    servers: list[rows.Row]
    page_info: object = None
    count: object = 0


class _Frame(msgspec.Struct):
    """A page of the list whose rows are read one by one, so that an odd one hides no other."""

    servers: list[msgspec.Raw]
    page_info: object = None
    count: object = 0


class _Taken(msgspec.Struct):
    physical_servers: list[object]


class _Room(msgspec.Struct):
    count: int = 0


class _Status(msgspec.Struct):
    server_power_status: dict[str, int]
    server_status: dict[str, _Room] = {}
    server_manage_state: dict[str, int] = {}


def _decoded(body: bytes, shape: type[T], *, strict: bool = True) -> T:
    try:
        return msgspec.json.decode(body, type=shape, strict=strict)
    except (msgspec.MsgspecError, RecursionError) as error:
        # The error's own text would name parts of the answer.
        raise UnreadableAnswer(UNDOCUMENTED) from error


def _page_of(frame: _Whole | _Frame, found: Sequence[server.Server | None]) -> ListPage:
    """Return the page with these rows; None is one without an id."""
    readable = tuple([row for row in found if row is not None])
    info = frame.page_info if isinstance(frame.page_info, dict) else {}
    unreadable = len(found) - len(readable)
    return ListPage(readable, _marker(info.get("next_marker")), _total(frame.count), unreadable)


def _total(given: object) -> int:
    """Return how many servers the list is said to hold, 0 for what is no number of servers."""
    try:
        total = msgspec.convert(given, int, strict=False)
    except msgspec.ValidationError:
        return 0
    return total if 0 < total < MOST_COUNTED else 0


def _marker(given: object) -> str:
    """Return the id at which the service says that the next page begins, or an empty text.

    The service describes `next_marker` as an address and `marker` as an id, so both are
    understood; no address is ever followed.
    """
    if not isinstance(given, str):
        return ""
    if not UUID.fullmatch(given):
        given = parse_qs(_query(given)).get("marker", [""])[0]
    return given if UUID.fullmatch(given) else ""


def _query(address: str) -> str:
    try:
        return urlsplit(address).query
    except ValueError:
        return ""


# The most ids in one call (CloudDC API, power-state page).
MOST_IDS = 50


def power_call_ids(server_ids: Sequence[str]) -> tuple[str, ...]:
    """Return the ids if a power call may name them; none ever leaves without.

    The service's list of ids is optional, and what a call without one does isn't documented:
    such a call must never leave (CloudDC API, power-state page).

    Raises:
        ValueError: none, more than 50, doubled ones, or something that isn't an id.
    """
    ids = tuple(server_ids)
    if isinstance(server_ids, str) or not 1 <= len(ids) <= MOST_IDS:
        raise ValueError(f"a power call names 1 to {MOST_IDS} servers, not {len(ids)}")
    if len(set(ids)) < len(ids):
        raise ValueError("a power call names each server only once")
    if not all(isinstance(found, str) and UUID.fullmatch(found) for found in ids):
        raise ValueError("a power call names servers by id only")
    return ids

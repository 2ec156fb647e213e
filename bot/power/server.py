"""A physical server as CloudDC shows it, records of some servers, and a snapshot of all of them.

Values of the vendor's enums are kept verbatim: new ones appear often, and a word that this
code doesn't know must be shown, never guessed (CloudDC API, ListServers page).
"""

from __future__ import annotations

import dataclasses
import enum
import functools
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from bot.power.text import folding, typography


class Power(enum.StrEnum):
    """What a server's record says of its power, both generations of the API folded together."""

    ON = "on"
    OFF = "off"
    CHANGING = "changing"  # An operation is under way.
    UNKNOWN = "unknown"  # No word, or one that isn't known; never guessed.


# The old generation's words for a change under way stood in `power_state` itself
# (CloudDC API, ListServers page, releases before March 2026).
CHANGING_WORDS = frozenset({"powering-on", "powering-off", "rebooting"})
POWER_WORDS = {"on": Power.ON, "power on": Power.ON, "off": Power.OFF, "power off": Power.OFF}


def power_of(power_state: str) -> Power:
    """Return the vendor's word for a power state as one of four words."""
    if power_state in CHANGING_WORDS:
        return Power.CHANGING
    return POWER_WORDS.get(power_state.lower(), Power.UNKNOWN)


class RecordPart(enum.StrEnum):
    """What may be unreadable of a record, as a sentence names it."""

    NAME = "name"
    TAGS = "tags"
    RACK = "rack"
    ROOM = "room"
    SN = "serial number"
    HEALTH = "health"
    FROZEN = "frozen_state"
    MANAGED = "manage_state"
    OPERATION = "operation_state"


@functools.lru_cache(maxsize=1000)
def _power(power_state: str, operation_state: str) -> Power:
    # Asked of each server again and again, and a fleet has few of these words.
    # The operation first, since `power_state` still has the old word while it runs.
    if operation_state.strip().lower().endswith("-processing"):
        return Power.CHANGING
    return power_of(power_state)


class Server(msgspec.Struct, frozen=True, gc=False):
    """One row of the inventory; a Struct, since a sweep makes up to 20,000 of them.

    `power_state` and `operation_state` are the vendor's words, empty where the record has none.
    `unread` are the parts that the record has in a shape that nobody knows, or should have and
    hasn't: what they hold is as much as could be read.
    `tags` are (key, value) pairs in the record's order. `error` is the vendor's text, or empty.
    One that isn't `listed` is known from our own record alone: CloudDC's list has it no more.
    """

    id: str
    name: str
    power_state: str = ""
    operation_state: str = ""
    manage_state: str = "in-use"  # CloudDC's stage of life, such as `maintain`.
    frozen_state: int = 0  # Not 0: suspended by Huawei Cloud; it isn't our freeze.
    health_state: str = ""
    sn: str = ""
    dc: str = ""  # The room, by CloudDC's word for it.
    rack: str = ""
    unit: str = ""  # Rack unit.
    model: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    error: str = ""
    unread: tuple[RecordPart, ...] = ()
    listed: bool = True

    @property
    def power(self) -> Power:
        """The power state in one of four words; an operation under way counts as changing."""
        # It may be under way: to call the server on or off would be a guess.
        if RecordPart.OPERATION in self.unread:
            return Power.UNKNOWN
        return _power(self.power_state, self.operation_state)

    @property
    def ready(self) -> bool:
        """Whether CloudDC is likely to take an action: not frozen, and in use or ready."""
        if RecordPart.FROZEN in self.unread or not self.listed:
            return False
        return self.frozen_state == 0 and self.manage_state in {"in-use", "ready"}


@dataclasses.dataclass(frozen=True, slots=True)
class Shortfall:
    """A list that shows fewer servers than there are: `shown` of `total`.

    A `total` of 0 isn't known: the service doesn't count, and where its list ends can't be told.
    """

    shown: int
    total: int

    @property
    def missing(self) -> int:
        """How many servers aren't shown, at least."""
        return max(1, self.total - self.shown)

    @property
    def sentence(self) -> str:
        """The fact in words."""
        if not self.total:
            return (
                f"CloudDC's list shows {self.shown:,} servers, and there may be more: it has no "
                "count, and its pages repeat."
            )
        return f"CloudDC's list shows {self.shown:,} of {self.total:,} servers."


class ServersByName(Mapping[str, tuple[Server, ...]]):
    """Servers by name in its normal form, and apart from them the `twins`, who share one.

    Made anew for each sweep, and a plan waits for it, so that nothing is made for each server.
    """

    def __init__(self, servers: Iterable[Server]) -> None:
        self._first: dict[str, Server] = {}
        self.twins: dict[str, list[Server]] = {}
        for server in servers:
            name = typography.normal(server.name)
            if (first := self._first.setdefault(name, server)) is not server:
                self.twins.setdefault(name, [first]).append(server)

    def __getitem__(self, name: str) -> tuple[Server, ...]:
        """Return the servers of a name."""
        return tuple(self.twins.get(name) or (self._first[name],))

    def __iter__(self) -> Iterator[str]:
        """Yield all names."""
        return iter(self._first)

    def __len__(self) -> int:
        """Return how many different names there are."""
        return len(self._first)


@dataclasses.dataclass(frozen=True)
class Records:
    """Records of some servers by id; of others, and of the names that they have, it says nothing.

    `started_at` is the wall clock (seconds since the epoch) when the first call that read them
    left: nothing here is older than what the servers' records said then.
    """

    servers: Mapping[str, Server]
    started_at: float

    def age_s(self, now: float) -> float:
        """Seconds since the reading began, never negative."""
        return max(0.0, now - self.started_at)


@dataclasses.dataclass(frozen=True)
class Snapshot(Records):
    """All servers of the project as one sweep over the list saw them.

    `total` is how many servers the service counts, 0 where it doesn't say; `unreadable` rows had
    no id. One is `endless` where nothing says that this is all: there is no count, and pages
    repeat.
    """

    total: int = 0
    unreadable: int = 0
    endless: bool = False

    @property
    def shortfall(self) -> Shortfall | None:
        """How far this is from the whole project, None where nothing is known to be missing."""
        shown = len(self.servers)
        missing = max(self.total - shown, self.unreadable)
        if self.endless:
            return Shortfall(shown, 0)
        return Shortfall(shown, shown + missing) if missing > 0 else None

    @functools.cached_property
    def ordered(self) -> tuple[Server, ...]:
        """All servers in the natural order of their names."""
        rows = self.servers.values()
        return tuple(sorted(rows, key=lambda row: (folding.natural(row.name), row.name, row.id)))

    @functools.cached_property
    def by_name(self) -> ServersByName:
        """Servers by name in its normal form; CloudDC doesn't promise that a name is unique."""
        return ServersByName(self.servers.values())

    @functools.cached_property
    def shared_racks(self) -> Mapping[str, tuple[str, ...]]:
        """The names of racks that stand in several rooms, each with its rooms in order."""
        found: dict[str, set[str]] = {}
        for rack, room in {(server.rack, server.dc) for server in self.servers.values()}:
            if rack:
                found.setdefault(rack, set()).add(room)
        return {rack: tuple(sorted(rooms)) for rack, rooms in found.items() if len(rooms) > 1}

    def rack_of(self, server: Server) -> str:
        """Return a server's rack, with its room where another room has a rack of that name."""
        if server.rack not in self.shared_racks:
            return server.rack
        return f"{server.rack} in {server.dc or 'no room'}"

    @functools.cached_property
    def apart(self) -> Mapping[str, str]:
        """By id, what tells servers of one name apart: their rack, or with it unit or serial."""
        found: dict[str, str] = {}
        for rows in self.by_name.twins.values():
            # The fewest words that tell them all apart; ids do in any case.
            told = ([_place(self.rack_of(row), row, more) for row in rows] for more in range(4))
            places = min(told, key=lambda places: len(places) - len({*places}))
            found |= {row.id: place for row, place in zip(rows, places, strict=True)}
        return found

    def label(self, server: Server) -> folding.Named:
        """Return a server's name as lists show it, with what tells it from others of its name."""
        place = self.apart.get(server.id, "")
        return folding.Apart(server.name, place) if place else server.name


# Neither rack, unit nor serial number tells them apart.
NEEDS_ID = 3


def _place(rack: str, row: Server, more: int) -> str:
    """Return where a server is, in few words: what its record has, else its id."""
    besides = ("", f"unit {row.unit}" if row.unit else "", f"sn {row.sn}" if row.sn else "", "")
    parts = [f"rack {rack}" if rack else "", besides[more]]
    told = " ".join(part for part in parts if part)
    return told if told and more < NEEDS_ID else f"{told} id {row.id}".strip()

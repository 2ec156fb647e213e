"""CloudDC and Slack as the bot knows them: what they say, what came in, and what goes out.

Frozen values with plain fields; times are seconds since the epoch unless they say otherwise.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping

from bot.power import inputs, request, server, vocabulary
from bot.power.messages import messages


class Method(enum.StrEnum):
    """The three words that the power API knows; a cycle is an off and an on."""

    ON = "power on"  # With the space (CloudDC API, power-state page).
    OFF = "power off"
    REBOOT = "rebooting"


@dataclasses.dataclass(frozen=True, slots=True)
class Accepted:
    """CloudDC's answer to a power call: the ids that it took.

    `unidentified` is how many entries of the answer carried no readable id.
    """

    server_ids: frozenset[str]
    request_id: str = ""  # CloudDC's id of the call, for its support.
    unidentified: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Sighting:
    """What a poll saw of some servers; `started_at` (epoch seconds) is when its first call left.

    `unread` are servers that a list which falls short didn't show: they may well be there.
    """

    servers: Mapping[str, server.Server]
    started_at: float
    unread: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that stands for a server; `level` is 1 (critical) to 4 (warning), 0 if unknown."""

    server_id: str
    name: str
    level: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Alarms:
    """The alarms that stand for some servers; there may be more unless it is `complete`."""

    standing: tuple[Alarm, ...] = ()
    complete: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """A person as Slack's users.info shows them at this moment; `timezone` is an IANA name."""

    user_id: str
    team_id: str
    name: str = ""
    deleted: bool = False
    is_bot: bool = False
    is_restricted: bool = False  # A guest, of one channel or several.
    is_stranger: bool = False  # Of another company, through a shared channel.
    timezone: str = ""
    utc_offset_s: int = 0  # East of UTC, for a zone whose name isn't known here.


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """What Slack last said of a person: whether they are a full member, and when that was."""

    full: bool
    at: float


@dataclasses.dataclass(frozen=True, slots=True)
class Workspace:
    """The Slack workspace: its address, and the kinds of blocks that it refuses."""

    url: str = ""
    # `powerbot check` finds them; plainer ones are sent.
    refused_blocks: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True)
class Channel:
    """A channel as conversations.info shows it at this moment; `is_member` is of the bot."""

    channel_id: str
    name: str = ""
    is_member: bool = True
    is_shared: bool = False  # With another company, or about to be.
    is_archived: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Inbound:
    """A payload from Slack, stored before it is acknowledged.

    `key` is unique per deed (a message's channel and ts, a trigger id, or view id and hash): a
    second delivery with the same key is dropped. `input` is what somebody did.
    """

    key: str
    person: request.Person
    place: request.Place
    input: inputs.Input
    at: float
    # Whoever has it can post in the channel for 30 minutes, so that no log may have it.
    response_url: str = dataclasses.field(default="", repr=False)

    @property
    def kind(self) -> inputs.Kind:
        """The listener that took it."""
        return self.input.kind

    @property
    def called(self) -> str:
        """What a line to copy begins with: the command that was typed, or the bot's name."""
        return self.input.called or vocabulary.PREFIX


@dataclasses.dataclass(frozen=True, slots=True)
class Leftover:
    """A payload that a process has left behind; `deaths` is how many have died on it.

    One that `is_ours` was stored by a process with the bot's own secret, as Slack brought it.
    """

    inbound: Inbound
    deaths: int
    is_ours: bool = True


class Urgency(enum.IntEnum):
    """Which message goes first where a channel takes one a second."""

    NEW_CARD = 0  # Nobody can approve what isn't there.
    END = 1  # What people wait for.
    REST = 2


@dataclasses.dataclass(frozen=True, slots=True)
class OutboxMessage:
    """Something that Slack must be told. The text is made when it is delivered.

    `kind`: `card` (newest state wins), `reply` (in the request's thread, each once, in order),
    `direct` (to the requester). `said` is what happened, None for a card.
    `version` is the card's; a delivery marks the version that it showed. `leased_until` is the
    database's instant until which this process has it: a note of another's lease changes nothing.
    """

    id: int
    request_id: str
    kind: str
    said: messages.Message | None
    version: int
    tries: int  # Failed ones; put off isn't failed.
    created_at: float
    shown_version: int = 0  # The newest that a delivery has shown.
    leased_until: float = 0.0
    urgency: Urgency = Urgency.REST

"""What is asked, and what is known at that moment: the two things that a plan is made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence

from bot.power import missing_access, plan, ports, request, server, vocabulary
from bot.power.approval import may_approve, quorum
from bot.power.request import Action
from bot.power.text import folding

NO_OPTIONS = request.Options()


@dataclasses.dataclass(frozen=True)
class Question:
    """What a person asks for. `servers` are resolved already, in the order of the plan.

    `now` is the wall clock in epoch seconds. `typed` is what stood between the verb and
    "because"; it is used in the lines that a person may copy. `reading` says it in words where
    its terms narrow each other. `selected` says that more than single names stand there, so that
    the servers are those which the list happened to show. `unsure` has, by id, the servers that
    may or may not be meant, since what the terms ask for can't be read of them. `spared` has, by
    id, why a button leaves a server alone that it would act on again. `called` is what a line to
    copy begins with: the command's name, or the bot's.
    """

    action: Action
    servers: tuple[server.Server, ...]
    requester: request.Person
    place: request.Place
    scope: request.Scope
    now: float
    options: request.Options = NO_OPTIONS
    reason: str = ""
    retry_of: str = ""
    typed: str = ""
    reading: str = ""
    selected: bool = False
    unsure: Mapping[str, Collection[server.RecordPart]] = dataclasses.field(default_factory=dict)
    spared: Mapping[str, str] = dataclasses.field(default_factory=dict)
    called: str = vocabulary.PREFIX


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the store and Slack say, beside the policy and the snapshot.

    `freezes` are those of people. `locks` has, by server id, who holds it.
    `requester_groups` are the groups of `[people]` that the requester is in, `unread_groups`
    those that could not be read. `recent_servers` are the ids in the requester's open requests
    and what ended ones have sent within the split window. `last_reboots` has, by server id,
    when it was last rebooted (epoch seconds); `unknown_reboots` has the request whose reboot of
    it may or may not have happened, when none was proven since. `unreviewed` are the requester's
    requests by break glass that nobody has reviewed yet. `unsettled` has, by server id, a call
    that nobody saw happen. `busy_racks` has, by room and rack, what is being powered on there
    just now. `leaving` are the ids that other requests will turn off or reboot, beside those that
    are locked for it. `overlaps` are the requests that wait or run for some of the servers.
    `roster` has the approvers' groups; without it nobody asks whether the quorum can be reached.
    `unable` are people in it who couldn't approve: each why.
    """

    channel: ports.Channel
    requester_groups: Collection[str]
    unread_groups: Collection[str] = ()
    freezes: Sequence[ports.Freeze] = ()
    locks: Mapping[str, ports.Lock] = dataclasses.field(default_factory=dict)
    open_requests: int = 0
    requests_last_hour: int = 0
    recent_servers: Collection[str] = ()
    last_reboots: Mapping[str, float] = dataclasses.field(default_factory=dict)
    unknown_reboots: Mapping[str, str] = dataclasses.field(default_factory=dict)
    unreviewed: Sequence[str] = ()
    unsettled: Mapping[str, ports.UnseenCall] = dataclasses.field(default_factory=dict)
    leaving: Collection[str] = ()
    overlaps: Sequence[plan.Overlap] = ()
    busy_racks: Mapping[tuple[str, str], ports.Busy] = dataclasses.field(default_factory=dict)
    roster: quorum.Roster | None = None
    unable: Mapping[str, may_approve.Refusal] = dataclasses.field(default_factory=dict)

    @property
    def lacking(self) -> missing_access.Lacking:
        """What must be mended before the groups that could not be read can be."""
        return self.roster.missing if self.roster is not None else {}


# A line to copy stays short enough for a phone; longer lists are left out.
MOST_LISTED = 120


def listed(names: Sequence[str]) -> str:
    """Return names as they can be typed, or an empty text when they are too many for that."""
    text = folding.fold(names) if names else ""
    return text if len(text) <= MOST_LISTED else ""


def duration(seconds: float) -> str:
    """Return a duration as people type it, such as 30s, 15m or 1h."""
    for unit_s, unit in ((3600, "h"), (60, "m")):
        if seconds and seconds % unit_s == 0:
            return f"{seconds / unit_s:g}{unit}"
    return f"{seconds:g}s"

"""What the policy file says, as frozen values: who may ask, who must agree, and at what pace.

Made from the file by `policy_file`; what it means for a server is decided in `judging`.
Times are seconds.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from bot.power import plan, request, server
from bot.power.server import Power
from bot.power.steps import definition

Needs = tuple[plan.Need, ...]


@runtime_checkable
class Selection(Protocol):
    """A group of servers, described by their names, tags and places."""

    @property
    def asks(self) -> frozenset[server.RecordPart]:
        """The parts of a record on which it depends whether a server is in the group."""

    def matches(self, server: server.Server, /) -> bool:
        """Whether this server is in the group."""


class Nothing:
    """The selection of a key that was left out."""

    asks: frozenset[server.RecordPart] = frozenset()

    def matches(self, server: server.Server, /) -> bool:
        """Return False for every server."""
        return False


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """What one person may ask for, counted in servers that would be acted on."""

    max_servers: int = 500  # In one request.
    confirm_above: int = 10  # From here up the count is typed.
    max_requests_per_hour: int = 60
    max_open_per_user: int = 5
    split_window_s: float = 900.0  # A person's requests within it are added up.


@dataclasses.dataclass(frozen=True, slots=True)
class Conduct:
    """How a request is carried through: the keys of `[defaults]`, each of which a rule may set."""

    expires_s: float = 1800.0  # The fields and units are those of `plan.Terms`.
    use_within_s: float = 900.0
    remind_s: float = 600.0
    escalate_s: float = 1200.0
    deny_reason: bool = False
    cooldown_s: float = 0.0
    on_change: plan.OnChange = plan.OnChange.SKIP
    batch: int = 50
    ramp: tuple[int, ...] = (1, 5)
    pause_s: float = 0.0
    max_failures: int = 1
    max_per_rack: int = 10
    notify: plan.Notify = plan.Notify.PEOPLE


@dataclasses.dataclass(frozen=True, slots=True)
class FreezeWindow:
    """A span of time in which nothing is done, or only with the approvals of `override`."""

    name: str
    starts: datetime.datetime
    ends: datetime.datetime
    actions: frozenset[request.Action]
    override: Needs = ()

    def holds(self, action: request.Action, now: float) -> bool:
        """Whether this action is frozen at this moment (epoch seconds)."""
        return action in self.actions and self.starts.timestamp() <= now < self.ends.timestamp()


@dataclasses.dataclass(frozen=True, slots=True)
class Keep:
    """At least `on` of these servers stay on; `text` is the selection as the file has it."""

    servers: Selection
    text: str
    on: int


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """What may be done to the servers that no earlier rule matches.

    `from_servers` has rows (count, needs) by growing count: the last one that is reached
    replaces `approvers`. `reason` is a pattern to search for, empty where none is wanted.
    `steps` are the names of what is done around its waves, `may_skip` those that a request may
    leave out.
    """

    name: str
    servers: Selection
    actions: frozenset[request.Action]
    requesters: tuple[str, ...]
    approvers: Needs
    from_servers: tuple[tuple[int, Needs], ...] = ()
    reason: str = ""
    break_glass: tuple[str, ...] = ()
    review_within_s: float = 86400.0  # A day.
    conduct: Conduct = Conduct()
    steps: tuple[str, ...] = ()
    may_skip: tuple[str, ...] = ()

    def needs(self, count: int) -> Needs:
        """Return who must agree when so many servers are acted on."""
        reached = [needs for least, needs in self.from_servers if count >= least]
        return reached[-1] if reached else self.approvers

    @property
    def approver_groups(self) -> frozenset[str]:
        """All groups that this rule names as approvers, for any number of servers."""
        rows = (self.approvers, *(needs for _, needs in self.from_servers))
        return frozenset(need.group for row in rows for need in row)


@dataclasses.dataclass(frozen=True, slots=True)
class ServerOrder:
    """Which servers go before which: selections with their texts, one group after another.

    Off goes by `on` from its end, cycle by `reboot`. A server is of the first group it matches.
    """

    on: tuple[tuple[str, Selection], ...] = ()
    reboot: tuple[tuple[str, Selection], ...] = ()

    def groups(self, action: request.Action) -> tuple[tuple[str, Selection], ...]:
        """Return the groups of an action as the file has them."""
        by_on = action in (request.Action.ON, request.Action.OFF)
        return self.on if by_on else self.reboot

    def place(self, action: request.Action, server: server.Server) -> int:
        """Return when a server's turn is: those of the lowest number go first.

        Servers of no group come last; off goes the other way round.
        """
        groups = self.groups(action)
        matching = (place for place, (_, one) in enumerate(groups) if one.matches(server))
        found = next(matching, len(groups))
        return -found if action is request.Action.OFF else found


@dataclasses.dataclass(frozen=True)
class Policy:
    """The whole file. `version` is short for its content; empty when there is no policy.

    `people` has, by group, the ids of people (U...) and of Slack user groups (S...); `groups`
    has by name the target text, or a list of them, which adds up.
    """

    version: str = ""
    allow: frozenset[str] = frozenset()
    incident: frozenset[str] = frozenset()
    people: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    groups: Mapping[str, str | Sequence[str]] = dataclasses.field(default_factory=dict)
    protected: Selection = dataclasses.field(default_factory=Nothing)
    limits: Limits = Limits()
    freezes: tuple[FreezeWindow, ...] = ()
    keeps: tuple[Keep, ...] = ()
    rules: tuple[Rule, ...] = ()
    steps: tuple[definition.Step, ...] = ()
    order: ServerOrder = ServerOrder()

    def protects(self, server: server.Server) -> bool:
        """Whether this server is never touched, for nobody, not by break glass."""
        return self.protected.matches(server)

    def counts_others(self, *, switches_on: bool) -> bool:
        """Whether it depends on other servers, too, whether one may be acted on.

        Switching on takes nothing away that must stay on; a reboot does, for a while.
        """
        return not switches_on and bool(self.keeps)

    def step(self, name: str) -> definition.Step | None:
        """Return a step by its name."""
        return next((one for one in self.steps if one.name == name), None)

    def steps_of(self, rule: Rule, without: Collection[str] = ()) -> tuple[definition.Step, ...]:
        """Return the steps of a rule in the order of its list, but for those left out."""
        if request.EVERY_STEP in without:
            return ()
        found = (self.step(name) for name in rule.steps if name not in without)
        return tuple(step for step in found if step is not None)

    def unread(self, server: server.Server) -> tuple[server.RecordPart, ...]:
        """Return what can't be read of a server and might change how it is judged.

        That is whatever protects, keeps, or chooses the rule that judges it.
        """
        # Nearly every record: only odd ones are held against the rules.
        if not server.unread:
            return ()
        asked = set(self.protected.asks).union(*(keep.servers.asks for keep in self.keeps))
        for rule in self.rules:
            asked |= rule.servers.asks
            # Later rules don't judge it, whatever they ask for.
            if rule.servers.matches(server):
                break
        return tuple(part for part in server.unread if part in asked)

    @property
    def requester_groups(self) -> frozenset[str]:
        """All groups that a rule names as requesters."""
        return frozenset(group for rule in self.rules for group in rule.requesters)

    @property
    def approver_groups(self) -> frozenset[str]:
        """All groups that a rule names as approvers."""
        return frozenset(group for rule in self.rules for group in rule.approver_groups)


# Without a policy nothing may be changed; reads work.
EMPTY = Policy()


def held_back(
    keeps: Sequence[Keep],
    fleet: Iterable[server.Server],
    leaving: Collection[str],
    wanted: Iterable[server.Server],
) -> dict[str, str]:
    """Return {server id: reason} of those that must stay on, the first ones going first.

    A rebooted server doesn't stay on, so it counts like one that is turned off, over all requests.

    `leaving` are the ids that other requests are turning off or rebooting; `wanted` are the
    servers that this one would, in the plan's order.
    """
    if not keeps:
        return {}
    spare = [-keep.on for keep in keeps]
    for record in fleet:
        # Changing or unknown counts as off: what must stay on has to be seen on.
        if record.power is Power.ON and record.id not in leaving:
            for index in _sets(keeps, record):
                spare[index] += 1
    found: dict[str, str] = {}
    for record in wanted:
        sets = _sets(keeps, record) if record.power is Power.ON else ()
        short = next((index for index in sets if spare[index] < 1), None)
        if short is not None:
            keep = keeps[short]
            found[record.id] = f"at least {keep.on} of {keep.text} must stay on"
            continue
        # The next server of this request finds one less to spare.
        for index in sets:
            spare[index] -= 1
    return found


def _sets(keeps: Sequence[Keep], record: server.Server) -> tuple[int, ...]:
    """Return the numbers of the sets that a server is in."""
    return tuple(index for index, keep in enumerate(keeps) if keep.servers.matches(record))

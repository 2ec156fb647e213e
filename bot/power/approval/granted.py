"""What a request was granted, and whether a server's fresh record still fits it.

The one place that judges so: asked at the last approval, before each wave and before each call.
A server that was renamed, exchanged, or has come under a rule that wants more than was given, is
not the server that people said yes to.
"""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Collection, Iterable

from bot.power import plan, request, server
from bot.power.approval import judging, recheck
from bot.power.lifecycle import ServerState
from bot.power.policy import policy
from bot.power.text import folding, spelling, typography

# Changed servers that are named one by one; more are counted.
MOST_TOLD = 5


@dataclasses.dataclass(frozen=True)
class Grant:
    """What one request was granted, held against the policy of this moment.

    `groups` are the groups of the policy that its requester is in now, `terms` the plan's with
    what the policy has tightened since. A plan that no rule has judged is held to its names only.
    """

    made: plan.Plan
    rules: policy.Policy
    groups: Collection[str]
    terms: plan.Terms
    _wishes: dict[str, str] = dataclasses.field(default_factory=dict, repr=False, compare=False)

    def change(self, target: request.Target, record: server.Server) -> recheck.ServerChange | None:
        """Return what has made another server of this one, or None while it is as granted."""
        why = exchanged(target, record) or self._outgrown(record)
        return recheck.ServerChange(ServerState.BLOCKED, why) if why else None

    def _outgrown(self, record: server.Server) -> str:
        """Say what the rule of a fresh record wants beyond what was given."""
        if not self.made.terms.rules:
            return ""
        judged = judging.judge(self.rules, record, self.made.order.action, self.groups)
        if judged.rule is None or judged.refusal:
            return judged.refusal
        if (wish := self._wish(judged.rule)) == "":
            return ""
        return f'rule "{judged.rule.name}" now judges it and {wish}'

    def _wish(self, rule: policy.Rule) -> str:
        """Return what a rule wants beyond what was given; asked once for all of its servers."""
        if rule.name not in self._wishes:
            more = judging.wish(self.made, rule, self.rules, self.groups)
            self._wishes[rule.name] = more or self._gentler(rule)
        return self._wishes[rule.name]

    def _gentler(self, rule: policy.Rule) -> str:
        """Say that a rule which didn't judge the plan requires a gentler pace than is kept."""
        way = rule.conduct
        # A rule that judged the plan has its pace in the terms already.
        if rule.name in self.made.terms.rules:
            return ""
        if way.cooldown_s > self.terms.cooldown_s:
            return "requires more time between two reboots"
        # Joining it would change the terms, so that it wants what isn't kept.
        if judging.tightened(self.terms, [rule]) != self.terms:
            return "requires a gentler pace"
        return ""


def grant(
    made: plan.Plan, rules: policy.Policy, groups: Collection[str], records: Iterable[server.Server]
) -> Grant:
    """Return what a plan was granted, with its terms as an edited policy has tightened them."""
    return Grant(made, rules, groups, terms_now(made, rules, records))


def terms_now(
    made: plan.Plan, rules: policy.Policy, records: Iterable[server.Server]
) -> plan.Terms:
    """Return the plan's terms with what an edit of the policy has tightened since.

    `records` are the servers of the plan: by them the rules are found, whatever they are called
    now.
    """
    # Nothing to join, and thousands of records need not be gone through.
    if rules.version == made.policy_version:
        return made.terms
    found = (judging.rule_for(rules, record) for record in records)
    return judging.tightened(made.terms, {rule.name: rule for rule in found if rule}.values())


def exchanged(target: request.Target, record: server.Server) -> str:
    """Say that a server has another name or another serial number than in the plan."""
    # In one normal form, since CloudDC may write the same letter in another one.
    if _same(target.name) != _same(record.name):
        return f"renamed to {spelling.shown(record.name)} since the plan"
    # A record may lose its serial number for a while; that is no other machine.
    if target.sn and record.sn and target.sn != record.sn:
        return f"another machine since the plan: its serial number is {record.sn}"
    return ""


def gone(target: request.Target, known: server.Records) -> str:
    """Say that a server is gone, and, where all are known, whether another has taken its name."""
    name = typography.normal(target.name)
    if isinstance(known, server.Snapshot) and name in known.by_name:
        return (
            f"gone from the inventory: another server is now called {spelling.shown(target.name)}"
        )
    return "gone from the inventory"


@dataclasses.dataclass(frozen=True, slots=True)
class ChangedServers:
    """The servers of a plan that aren't what was planned any more, each with the reason."""

    changed: tuple[tuple[request.Target, str], ...]
    whole: bool

    @property
    def sentence(self) -> str:
        """The servers in words, such as "web01 (renamed to db99 since the plan)"."""
        shown = [(folding.fold([target.label], marked=True), why) for target, why in self.changed]
        told = [f"{name} ({why})" for name, why in shown[:MOST_TOLD]]
        more = len(self.changed) - len(told)
        return ", ".join(told) + (f" and {more} more" if more else "")


def outdated(given: Grant, known: server.Records) -> ChangedServers:
    """Judge all servers of a plan on fresh records, before the last approval is counted.

    Each is judged by its own record, so that records of the plan's servers are enough.

    Whatever else may forbid a call, such as its power state, is left to the check before it.
    """
    targets = given.made.order.targets
    found = ((target, _changed(given, target, known)) for target in targets)
    changed = tuple((target, why) for target, why in found if why)
    return ChangedServers(changed, whole=len(changed) == len(targets))


def _changed(given: Grant, target: request.Target, known: server.Records) -> str:
    """Return why a server isn't what was planned, or an empty text."""
    record = known.servers.get(target.server_id)
    if record is None:
        return gone(target, known)
    # Asked before all else: a protection that came meanwhile bars everybody.
    if given.rules.protects(record):
        return "protected"
    change = given.change(target, record)
    return change.reason if change else ""


def _same(name: str) -> str:
    """Return a name as it is compared: one normal form, without blanks around it."""
    return unicodedata.normalize("NFC", name).strip()

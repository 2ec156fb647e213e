"""Who may cancel, stop, freeze and unfreeze: stopping is easy, starting again is not."""

from __future__ import annotations

from collections.abc import Collection

from bot.power import missing_access, ports, request
from bot.power.approval import may_approve, quorum
from bot.power.approval.may_approve import Decision, Refusal, refused
from bot.power.policy import policy


def may_read(member: ports.Member, team_id: str) -> Decision:
    """Decide whether a person may look, and stop a run: every full, active member of the team."""
    no = may_approve.refuse_member(member, team_id)
    return no or Decision(True, None, "Every full member can look things up and stop a run.")


def may_cancel(person: request.Person, requester: request.Person) -> Decision:
    """Decide whether a person may take a request back: its requester alone."""
    if person.user_id == requester.user_id:
        return Decision(True, None, "You made this request, so you can cancel it.")
    why = "Only the requester can cancel this; approvers can deny it, and anybody can stop its run."
    return refused(Refusal.NOT_REQUESTER, why)


def may_freeze(
    rules: policy.Policy,
    groups: Collection[str],
    *,
    channel_id: str,
    unread: Collection[str] = (),
) -> Decision:
    """Decide whether a person may freeze: anybody whom a rule names, in an allowed channel.

    `groups` are the groups of `[people]` that the person is in, `unread` those that could not
    be read: a freeze doesn't wait for them. Who the person is was settled before.
    """
    if channel_id not in rules.allow:
        return refused(
            Refusal.CHANNEL, "The policy doesn't allow this channel; use one that it names."
        )
    # Whoever may start or approve work may hold it.
    named = rules.requester_groups | rules.approver_groups
    decision = _named(named, groups, unread, {}, "requester or approver", "freeze")
    # Doubt counts for a no: a freeze that was wrong is lifted in a minute.
    if decision.reason is not Refusal.NOT_CHECKED:
        return decision
    return Decision(True, None, "Whether a rule names you could not be checked in time.")


def may_unfreeze_own(member: ports.Member, team_id: str) -> Decision:
    """Decide whether a person may lift the freeze that they hold: every full, active member."""
    no = may_approve.refuse_member(member, team_id)
    return no or Decision(True, None, "It is your own freeze.")


def may_unfreeze(
    member: ports.Member,
    rules: policy.Policy,
    groups: Collection[str],
    *,
    team_id: str,
    unread: Collection[str] = (),
    lacking: missing_access.Lacking | None = None,
) -> Decision:
    """Decide whether a person may lift every freeze: anybody whom a rule names as approver.

    `lacking` is what must be mended before the `unread` groups can be read.
    """
    # Unlike a freeze, this lets something happen again, so that doubt counts against it.
    no = may_approve.refuse_member(member, team_id)
    part, verb = "approver", "lift everybody's freezes"
    return no or _named(rules.approver_groups, groups, unread, lacking or {}, part, verb)


def _named(
    named: Collection[str],
    groups: Collection[str],
    unread: Collection[str],
    lacking: missing_access.Lacking,
    part: str,
    verb: str,
) -> Decision:
    """Decide by whether a rule names one of the person's groups."""
    mine = sorted(group for group in groups if group in named)
    if mine:
        return Decision(True, None, f"A rule names {mine[0]} as {part}.", mine[0])
    if doubt := sorted(group for group in unread if group in named):
        listed = quorum.joined(doubt, " and ")
        what, again = f"Whether you are in {listed}", "try again in a moment"
        why = missing_access.unchecked(what, doubt, lacking, again)
        return refused(Refusal.NOT_CHECKED, why)
    why = f"Only people named as {part} in a rule can {verb}; no rule names you."
    return refused(Refusal.NOT_IN_GROUP, why)

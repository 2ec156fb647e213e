"""May this person approve? Each way of being refused is worded apart.

What is known of people is given: a member as Slack shows them, and the roster of the groups.
A sentence names people by user id; whoever shows it turns ids into names.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Mapping, Sequence

from bot.power import missing_access, plan, ports, request
from bot.power.approval import quorum
from bot.power.approval.quorum import Roster
from bot.power.lifecycle import State
from bot.power.policy import policy


class Refusal(enum.StrEnum):
    """Why a person may not do what they pressed; the value is the word in the audit."""

    OWN_REQUEST = "own request"  # Even if they are in every group.
    NOT_IN_GROUP = "not in a group"
    ALREADY_APPROVED = "already approved"  # One person counts once.
    GUEST = "guest"  # Slack: restricted, or ultra-restricted to one channel.
    BOT = "bot"
    DEACTIVATED = "deactivated"
    OTHER_TEAM = "other team"  # Another workspace, perhaps of the same company.
    EXTERNAL = "external"  # Another company, through a shared channel.
    NOT_CHECKED = "could not be checked"
    NO_APPROVER = "no approver configured"  # No group is wanted, or those that are have nobody.
    EXPIRED = "expired"
    SETTLED = "already settled"  # Not pending any more.
    NOT_REQUESTER = "not the requester"
    CHANNEL = "channel not allowed"


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """Whether a person may, and the sentence that they get.

    `group` is the group that an approval counts for and `evidence` why they are in it. What could
    not be checked is `lasting` when somebody must mend something before it can be.
    """

    allowed: bool
    reason: Refusal | None = None
    sentence: str = ""
    group: str = ""
    evidence: str = ""
    lasting: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class LostApproval:
    """An approval that doesn't count any more, or can't be checked (`reason` says which).

    `lasting` is the decision's.
    """

    approval: ports.Approval
    reason: Refusal
    sentence: str
    lasting: bool = False


def refused(reason: Refusal, sentence: str, *, lasting: bool = False) -> Decision:
    """Return a refusal."""
    return Decision(False, reason, sentence, lasting=lasting)


def refuse_early(
    person: request.Person,
    requester: request.Person,
    approvals: Sequence[ports.Approval],
    *,
    team_id: str,
    state: State,
    now: float,
    expires_at: float,
    settled_by: str = "",
) -> Decision | None:
    """Return the refusal that needs no look-up in Slack, or None when one is needed.

    `settled_by` is the user id of who ended or approved it, where somebody did.
    """
    # Above all: no group, policy or state can make one approve their own.
    if person.user_id == requester.user_id:
        return refused(Refusal.OWN_REQUEST, "This is your own request: somebody else must decide.")
    late = state is State.PENDING and bool(expires_at) and now >= expires_at
    if state is State.EXPIRED or late:
        return refused(
            Refusal.EXPIRED, "This request has expired; ask again if it is still needed."
        )
    if state is not State.PENDING:
        return refused(Refusal.SETTLED, _settled(state, settled_by))
    if any(approval.person.user_id == person.user_id for approval in approvals):
        return refused(Refusal.ALREADY_APPROVED, "You have already approved this; it counts once.")
    if person.team_id != team_id:
        return refused(Refusal.OTHER_TEAM, "Only people in this workspace can do this.")
    return None


def _settled(state: State, settled_by: str) -> str:
    """Say what a request has become, and by whom."""
    if state is State.PLANNED:
        return "This request hasn't been made yet: its requester must press Request first."
    by = f" by {settled_by}" if settled_by else ""
    match state:
        case State.VOID:
            return (
                "This request was approved but not carried out, so it is void; ask again if it is "
                "still needed."
            )
        case State.RUNNING:
            return f"This request has already been approved{by} and is running."
        case State.SUCCEEDED | State.PARTIAL | State.FAILED:
            return f"This request has already been approved{by} and has ended ({state.value})."
        case _:
            return f"This request has already been {state.value}{by}."


def refuse_member(member: ports.Member, team_id: str) -> Decision | None:
    """Return the refusal for anybody who isn't a full, active, human member of the team."""
    # First, since Slack's record of a stranger says little else that can be relied on.
    if member.is_stranger:
        why = "People from other companies can't do this; a member of this workspace has to."
        return refused(Refusal.EXTERNAL, why)
    if member.team_id != team_id:
        return refused(Refusal.OTHER_TEAM, "Only people in this workspace can do this.")
    if member.deleted:
        return refused(Refusal.DEACTIVATED, "This account is deactivated, so it can't do anything.")
    if member.is_bot:
        return refused(Refusal.BOT, "Apps and bots can't do this; a person has to.")
    if member.is_restricted:
        return refused(Refusal.GUEST, "Guests can't do this; a full member has to.")
    return None


def decide(
    person: ports.Member,
    requester: request.Person,
    terms: plan.Terms,
    approvals: Sequence[ports.Approval],
    roster: Roster,
    *,
    team_id: str,
    state: State,
    now: float,
    expires_at: float,
    settled_by: str = "",
) -> Decision:
    """Decide whether a person may approve; a deny is decided with no `approvals`."""
    early = refuse_early(
        request.Person(user_id=person.user_id, team_id=person.team_id),
        requester,
        approvals,
        team_id=team_id,
        state=state,
        now=now,
        expires_at=expires_at,
        settled_by=settled_by,
    )
    no = early or refuse_member(person, team_id)
    return no or _by_roster(person.user_id, terms.needs, approvals, roster)


def may_deny(user_id: str, needs: policy.Needs, roster: Roster) -> Decision:
    """Decide by the groups that a person is in; where those can't be read, a no is taken."""
    decision = _by_roster(user_id, needs, (), roster)
    if decision.reason is not Refusal.NOT_CHECKED:
        return decision
    unread = [need.group for need in needs if need.group in roster.unreadable]
    listed = quorum.joined(tuple(unread), " and ")
    why = f"Whether you are in {listed} could not be checked, and a no doesn't wait for that."
    return Decision(True, None, why, evidence=f"not checked: {listed} could not be read")


def _by_roster(
    user_id: str, needs: policy.Needs, approvals: Sequence[ports.Approval], roster: Roster
) -> Decision:
    """Decide by the groups that a person is in."""
    groups = roster.groups_of(user_id, needs)
    if not groups:
        return _in_no_group(needs, roster)
    people = (*(approval.person.user_id for approval in approvals), user_id)
    # Who fills no place is still named with a group that they are in.
    group = quorum.assign(needs, people, roster).get(user_id, groups[0])
    evidence = roster.members[group][user_id]
    return Decision(True, None, f"Counts for {group}: {evidence}.", group, evidence)


def _in_no_group(needs: policy.Needs, roster: Roster) -> Decision:
    """Refuse a person who is in no needed group, as far as the groups could be read."""
    names = tuple(need.group for need in needs)
    unread = tuple(name for name in names if name in roster.unreadable)
    if unread:
        listed = quorum.joined(unread, " and ")
        what, again = f"Whether you are in {listed}", "press the button again"
        why = missing_access.unchecked(what, unread, roster.missing, again)
        return refused(Refusal.NOT_CHECKED, why)
    if not names:
        return refused(Refusal.NO_APPROVER, "No approver is configured for this request.")
    listed = quorum.joined(names, " or ")
    if not any(roster.members.get(name) for name in names):
        why = (
            f"No approver is configured: nobody is in {listed}. An operator can add people in the "
            "policy, or a Slack admin in the user group."
        )
        return refused(Refusal.NO_APPROVER, why)
    return refused(
        Refusal.NOT_IN_GROUP, f"Only people in {listed} can do this, and you aren't one of them."
    )


def lost_approvals(
    approvals: Iterable[ports.Approval],
    needs: policy.Needs,
    roster: Roster,
    *,
    members: Mapping[str, ports.Member] | None = None,
    team_id: str = "",
) -> tuple[LostApproval, ...]:
    """Return the approvals whose right is lost or could not be read again.

    `members` are the approvers as Slack shows them now; somebody who isn't there could not be
    checked. Leave it out to check the groups alone.
    """
    found: list[LostApproval] = []
    for approval in approvals:
        no = _member_again(approval, members, team_id)
        if no is None and not roster.groups_of(approval.person.user_id, needs):
            no = _group_again(approval, needs, roster)
        if no is not None and no.reason is not None:
            found.append(LostApproval(approval, no.reason, no.sentence, no.lasting))
    return tuple(found)


def _member_again(
    approval: ports.Approval, members: Mapping[str, ports.Member] | None, team_id: str
) -> Decision | None:
    """Check the account of somebody who has approved."""
    if members is None:
        return None
    user_id = approval.person.user_id
    if user_id not in members:
        why = f"{user_id}'s account could not be checked again."
        return refused(Refusal.NOT_CHECKED, why)
    no = refuse_member(members[user_id], team_id)
    if no is None or no.reason is None:
        return None
    why = f"The approval by {user_id} no longer counts ({no.reason.value})."
    return refused(no.reason, why)


def _group_again(approval: ports.Approval, needs: policy.Needs, roster: Roster) -> Decision:
    """Word the loss of somebody who is in no needed group any more."""
    user_id, group = approval.person.user_id, approval.group
    # They may be in the group that couldn't be read: nothing is taken from them.
    if unread := [need.group for need in needs if need.group in roster.unreadable]:
        why = f"Whether {user_id} is still in {group} could not be checked."
        lacks = missing_access.told(missing_access.of(unread, roster.missing))
        return refused(Refusal.NOT_CHECKED, f"{why} {lacks}".rstrip(), lasting=bool(lacks))
    why = f"The approval by {user_id} no longer counts: not in {group} now."
    return refused(Refusal.NOT_IN_GROUP, why)

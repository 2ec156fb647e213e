"""The review that break glass owes: who may close it, and when people are reminded of it."""

from __future__ import annotations

from bot.power import lifecycle, missing_access, ports, request
from bot.power.approval import may_approve, quorum
from bot.power.approval.may_approve import Decision, Refusal, refused
from bot.power.policy import policy

DAY_S = 86400.0
# One half-way, one at the deadline, then one a day; after that the debt only bars.
MOST_REMINDERS = 16


def groups(rules: policy.Policy, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the groups whose people may review: the approvers of the rules of these names.

    Where those rules name nobody, every approver of the policy may.
    """
    judging = [rule for rule in rules.rules if rule.name in names]
    own = {group for rule in judging for group in rule.approver_groups}
    return tuple(sorted(own or rules.approver_groups))


def opened(found: ports.Request, may: tuple[str, ...], now: float) -> ports.Review:
    """Return the review that a request owes from now on."""
    due_at = now + found.plan.terms.review_within_s
    breaker = found.order.requester.user_id
    return ports.Review(found.id, breaker, may, now, due_at, remind_at=(now + due_at) / 2)


def next_reminder(review: ports.Review, now: float) -> float:
    """Return when to remind after the reminder of now, 0 for never."""
    if review.reminders + 1 >= MOST_REMINDERS:
        return 0.0
    return review.due_at if now < review.due_at else now + DAY_S


def refuse_early(
    person: request.Person, found: ports.Request, review: ports.Review | None
) -> Decision | None:
    """Return the refusal that needs no look-up in Slack, or None when one is needed."""
    if review is None:
        return refused(Refusal.SETTLED, f"{found.id} needs no review.")
    if person.user_id == review.breaker:
        why = "You used break glass yourself; somebody else must review it."
        return refused(Refusal.OWN_REQUEST, why)
    if review.closed_at:
        return refused(
            Refusal.SETTLED, f"{found.id} has already been reviewed by {review.closed_by}."
        )
    # What comes of it is part of what is judged.
    if found.state not in lifecycle.ENDED:
        why = f"{found.id} is {found.state.value}; review it when it has ended."
        return refused(Refusal.SETTLED, why)
    return None


def decide(
    member: ports.Member, may: tuple[str, ...], roster: quorum.Roster, *, team_id: str
) -> Decision:
    """Decide whether a person may review, by the groups that they are in now."""
    no = may_approve.refuse_member(member, team_id)
    if no is not None:
        return no
    for group in may:
        if member.user_id in roster.members.get(group, {}):
            evidence = roster.members[group][member.user_id]
            return Decision(True, None, f"Reviews for {group}: {evidence}.", group, evidence)
    unread = tuple(group for group in may if group in roster.unreadable)
    if unread:
        listed = quorum.joined(unread, " and ")
        what, again = f"Whether you are in {listed}", "press Review again"
        why = missing_access.unchecked(what, unread, roster.missing, again)
        return refused(Refusal.NOT_CHECKED, why)
    if not any(roster.members.get(group) for group in may):
        return refused(Refusal.NO_APPROVER, "The policy names nobody who could review this.")
    listed = quorum.joined(may, " or ")
    return refused(
        Refusal.NOT_IN_GROUP,
        f"Only people in {listed} can review this, and you aren't one of them.",
    )

"""Who may close the review that break glass owes, and when it is reminded of."""

from __future__ import annotations

import pytest

from bot.power import ports, request
from bot.power.approval import quorum, reviews
from bot.power.approval.may_approve import Refusal
from bot.power.lifecycle import State
from tests.power.policy_texts import ANN, BOB, CAT, edited
from tests.slack import builders

HOUR = 3600.0
OWED = ports.Review("PR-7F3K", ANN, ("dc-ops", "sre"), 0.0, 4 * HOUR, remind_at=2 * HOUR)
ROSTER = quorum.Roster({"dc-ops": {CAT: "named in the policy"}, "sre": {BOB: "in S0ONCALL1"}})


def person(user_id: str) -> request.Person:
    """Return somebody of the team."""
    return request.Person(user_id=user_id, team_id="T1")


@pytest.mark.parametrize(
    ("who", "state", "owed", "said"),
    [
        (BOB, State.SUCCEEDED, None, "PR-7F3K needs no review."),
        (ANN, State.SUCCEEDED, OWED,
         "You used break glass yourself; somebody else must review it."),
        (BOB, State.RUNNING, OWED, "PR-7F3K is running; review it when it has ended."),
        (BOB, State.FAILED, ports.Review("PR-7F3K", ANN, (), 0, 1, closed_at=2, closed_by=CAT),
         f"PR-7F3K has already been reviewed by {CAT}."),
    ],
    ids=["none", "own", "running", "closed"],
)  # fmt: skip
def test_reviewer_is_refused_before_any_look_up(
    who: str, state: State, owed: ports.Review | None, said: str
) -> None:
    """What the record alone forbids needs nobody to be asked."""
    no = reviews.refuse_early(person(who), builders.request_in(state), owed)

    assert no is not None
    assert no.sentence == said


def test_reviewer_of_an_ended_request_has_to_be_looked_up() -> None:
    """The record alone allows nobody."""
    assert reviews.refuse_early(person(BOB), builders.request_in(State.PARTIAL), OWED) is None


@pytest.mark.parametrize(
    ("member", "roster", "reason", "said"),
    [
        (ports.Member(CAT, "T1"), ROSTER, None, "Reviews for dc-ops: named in the policy."),
        (ports.Member(BOB, "T1"), ROSTER, None, "Reviews for sre: in S0ONCALL1."),
        (ports.Member(BOB, "T1", deleted=True), ROSTER, Refusal.DEACTIVATED,
         "This account is deactivated, so it can't do anything."),
        (ports.Member("U0DAN", "T1"), ROSTER, Refusal.NOT_IN_GROUP,
         "Only people in dc-ops or sre can review this, and you aren't one of them."),
        (ports.Member("U0DAN", "T1"), quorum.Roster({}, frozenset({"sre"})), Refusal.NOT_CHECKED,
         "Whether you are in sre could not be checked; press Review again."),
        (ports.Member("U0DAN", "T1"), quorum.Roster({}), Refusal.NO_APPROVER,
         "The policy names nobody who could review this."),
    ],
    ids=["one-group", "other-group", "deactivated", "none", "unread", "empty"],
)  # fmt: skip
def test_reviewer_is_an_approver_of_the_rule(
    member: ports.Member, roster: quorum.Roster, reason: Refusal | None, said: str
) -> None:
    """By the groups that they are in now; each refusal is worded apart."""
    found = reviews.decide(member, OWED.groups, roster, team_id="T1")

    assert (found.reason, found.sentence) == (reason, said)
    assert found.allowed == (reason is None)


def test_reviewers_are_the_approvers_of_the_rules_or_else_of_the_policy() -> None:
    """A rule that is gone, or names nobody, leaves it to every approver."""
    rules = edited()

    assert reviews.groups(rules, ("databases",)) == ("dc-ops", "sre")
    assert reviews.groups(rules, ("gone",)) == ("dc-ops", "sre")
    assert reviews.groups(edited(text="version = 1"), ("gone",)) == ()


def test_review_is_reminded_of_half_way_at_its_deadline_and_daily() -> None:
    """After two weeks nobody is called any more."""
    made = builders.request_in(State.APPROVED)

    assert reviews.opened(made, ("sre",), 0.0).remind_at == 12 * HOUR
    assert reviews.next_reminder(OWED, 2 * HOUR) == 4 * HOUR
    assert reviews.next_reminder(OWED, 4 * HOUR) == 28 * HOUR
    last = ports.Review("PR-7F3K", ANN, (), 0.0, 1.0, reminders=15)
    assert reviews.next_reminder(last, 99.0) == 0.0

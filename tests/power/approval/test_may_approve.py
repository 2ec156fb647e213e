"""Who may approve, cancel, stop, freeze and unfreeze, and in which words others may not."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.power import plan, ports, request
from bot.power.approval import may_approve, may_stop, policy_lint, quorum
from bot.power.approval.may_approve import Refusal
from bot.power.lifecycle import State
from tests.power.policy_texts import ANN, BOB, CAT, NOW, ROSTER, edited, yes

RULES = edited()
REQUESTER = request.Person(user_id=ANN, team_id="T1")
DAN, EVE = "U0DAN", "U0EVE"


def needs(**counts: int) -> tuple[plan.Need, ...]:
    """Return needs by group; an underscore stands for a dash."""
    return tuple(
        plan.Need(group=group.replace("_", "-"), count=count) for group, count in counts.items()
    )


BOTH = needs(sre=1, dc_ops=1)
NOBODY = quorum.Roster({"sre": {}, "dc-ops": {}})
UNREAD = quorum.Roster({"sre": {BOB: "listed in the policy"}}, frozenset({"sre", "dc-ops"}))
HALF_READ = quorum.Roster(ROSTER.members, frozenset({"dc-ops"}))


def member(user_id: str, **more: Any) -> ports.Member:
    """Return a full, active member of the team, unless told otherwise."""
    return ports.Member(user_id, "T1", user_id.lower(), **more)


def decide(
    person: ports.Member,
    *,
    wanted: tuple[plan.Need, ...] = BOTH,
    given_: tuple[ports.Approval, ...] = (),
    roster: quorum.Roster = ROSTER,
    state: State = State.PENDING,
    now: float = NOW,
    settled_by: str = "",
) -> may_approve.Decision:
    """Decide about a pending request of Ann's that expires in half an hour."""
    return may_approve.decide(
        person,
        REQUESTER,
        plan.Terms(needs=wanted),
        given_,
        roster,
        team_id="T1",
        state=state,
        now=now,
        expires_at=NOW + 1800,
        settled_by=settled_by,
    )


OWN = "This is your own request: somebody else must decide."
ELSEWHERE = "Only people in this workspace can do this."
EXTERNAL = "People from other companies can't do this; a member of this workspace has to."
STRANGER = ports.Member(DAN, "T1", is_stranger=True)
OTHER_TEAM = ports.Member(BOB, "T2")
NO_TEAM = ports.Member(BOB, "")

# Who presses Approve, in which circumstances, with which outcome, and the sentence.
APPROVALS: list[tuple[str, ports.Member, dict[str, object], Refusal | None, str]] = [
    ("listed", member(BOB), {}, None, "Counts for sre: listed in the policy."),
    ("by-slack-group", member("U0CALL"), {}, None, "Counts for sre: in S0ONCALL1."),
    ("other-group", member(CAT), {}, None, "Counts for dc-ops: listed in the policy."),
    ("second", member(CAT), {"given_": (yes(BOB),)}, None,
     "Counts for dc-ops: listed in the policy."),
    ("surplus", member(BOB), {"given_": (yes("U0CALL"),)}, None,
     "Counts for sre: listed in the policy."),
    ("last-moment", member(BOB), {"now": NOW + 1799.9}, None,
     "Counts for sre: listed in the policy."),
    ("half-read-but-listed", member(BOB), {"roster": HALF_READ}, None,
     "Counts for sre: listed in the policy."),
    ("unread-but-listed", member(BOB), {"roster": UNREAD}, None,
     "Counts for sre: listed in the policy."),
    ("own", member(ANN), {}, Refusal.OWN_REQUEST, OWN),
    ("own-in-a-group-of-one", member(ANN), {"wanted": needs(sre=1)}, Refusal.OWN_REQUEST, OWN),
    ("own-from-another-team", ports.Member(ANN, "T2"), {}, Refusal.OWN_REQUEST, OWN),
    ("own-and-ended", member(ANN), {"state": State.DENIED}, Refusal.OWN_REQUEST, OWN),
    ("no-group", member(DAN), {}, Refusal.NOT_IN_GROUP,
     "Only people in sre or dc-ops can do this, and you aren't one of them."),
    ("group-not-needed", member(CAT), {"wanted": needs(sre=1)}, Refusal.NOT_IN_GROUP,
     "Only people in sre can do this, and you aren't one of them."),
    ("three-groups", member(DAN), {"wanted": needs(sre=1, dc_ops=1, net=1)}, Refusal.NOT_IN_GROUP,
     "Only people in sre, dc-ops or net can do this, and you aren't one of them."),
    ("twice", member(BOB), {"given_": (yes(BOB),)}, Refusal.ALREADY_APPROVED,
     "You have already approved this; it counts once."),
    ("twice-for-two-groups", member(BOB), {"given_": (yes(BOB, "dc-ops"),)},
     Refusal.ALREADY_APPROVED, "You have already approved this; it counts once."),
    ("guest", member(BOB, is_restricted=True), {}, Refusal.GUEST,
     "Guests can't do this; a full member has to."),
    ("bot", member(BOB, is_bot=True), {}, Refusal.BOT,
     "Apps and bots can't do this; a person has to."),
    ("deactivated", member(BOB, deleted=True), {}, Refusal.DEACTIVATED,
     "This account is deactivated, so it can't do anything."),
    ("deactivated-bot", member(BOB, deleted=True, is_bot=True), {}, Refusal.DEACTIVATED,
     "This account is deactivated, so it can't do anything."),
    ("stranger", STRANGER, {}, Refusal.EXTERNAL, EXTERNAL),
    ("stranger-listed", ports.Member(BOB, "T1", is_stranger=True), {}, Refusal.EXTERNAL,
     EXTERNAL),
    ("other-team", OTHER_TEAM, {}, Refusal.OTHER_TEAM, ELSEWHERE),
    ("no-team", NO_TEAM, {}, Refusal.OTHER_TEAM, ELSEWHERE),
    ("unread", member(DAN), {"roster": UNREAD}, Refusal.NOT_CHECKED,
     "Whether you are in sre and dc-ops could not be checked; press the button again."),
    ("half-read", member(DAN), {"roster": HALF_READ}, Refusal.NOT_CHECKED,
     "Whether you are in dc-ops could not be checked; press the button again."),
    ("empty-groups", member(BOB), {"roster": NOBODY}, Refusal.NO_APPROVER,
     "No approver is configured: nobody is in sre or dc-ops. "
     "An operator can add people in the policy, or a Slack admin in the user group."),
    ("no-roster", member(BOB), {"roster": quorum.Roster({})}, Refusal.NO_APPROVER,
     "No approver is configured: nobody is in sre or dc-ops. "
     "An operator can add people in the policy, or a Slack admin in the user group."),
    ("nothing-needed", member(BOB), {"wanted": ()}, Refusal.NO_APPROVER,
     "No approver is configured for this request."),
    ("expired", member(BOB), {"now": NOW + 1800}, Refusal.EXPIRED,
     "This request has expired; ask again if it is still needed."),
    ("expired-noted", member(BOB), {"state": State.EXPIRED}, Refusal.EXPIRED,
     "This request has expired; ask again if it is still needed."),
    ("denied", member(BOB), {"state": State.DENIED, "settled_by": CAT}, Refusal.SETTLED,
     f"This request has already been denied by {CAT}."),
    ("cancelled", member(BOB), {"state": State.CANCELLED, "settled_by": ANN}, Refusal.SETTLED,
     f"This request has already been cancelled by {ANN}."),
    ("approved", member(BOB), {"state": State.APPROVED, "settled_by": CAT}, Refusal.SETTLED,
     f"This request has already been approved by {CAT}."),
    ("running", member(BOB), {"state": State.RUNNING, "settled_by": CAT}, Refusal.SETTLED,
     f"This request has already been approved by {CAT} and is running."),
    ("partial", member(BOB), {"state": State.PARTIAL, "settled_by": CAT}, Refusal.SETTLED,
     f"This request has already been approved by {CAT} and has ended (partial)."),
    ("void", member(BOB), {"state": State.VOID}, Refusal.SETTLED,
     "This request was approved but not carried out, so it is void; ask again if it is still "
     "needed."),
    ("refused", member(BOB), {"state": State.REFUSED}, Refusal.SETTLED,
     "This request has already been refused."),
    ("stopped", member(BOB), {"state": State.STOPPED, "settled_by": CAT}, Refusal.SETTLED,
     f"This request has already been stopped by {CAT}."),
    ("planned", member(BOB), {"state": State.PLANNED}, Refusal.SETTLED,
     "This request hasn't been made yet: its requester must press Request first."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("person", "case", "reason", "said"),
    [row[1:] for row in APPROVALS],
    ids=[row[0] for row in APPROVALS],
)
def test_person_who_presses_approve_may_or_is_told_why_not(
    person: ports.Member, case: dict[str, object], reason: Refusal | None, said: str
) -> None:
    """Each way of being refused has words of its own."""
    decision = decide(person, **case)  # type: ignore[arg-type]

    assert (decision.allowed, decision.reason) == (reason is None, reason)
    assert decision.sentence == said


def test_own_click_is_refused_without_any_look_up() -> None:
    """The requester, a late click and a second one need nobody to be asked."""

    def early(user_id: str, team_id: str = "T1", now: float = NOW) -> Refusal | None:
        no = may_approve.refuse_early(
            request.Person(user_id=user_id, team_id=team_id),
            REQUESTER,
            (yes(CAT),),
            team_id="T1",
            state=State.PENDING,
            now=now,
            expires_at=NOW + 60,
        )
        return no.reason if no else None

    assert early(ANN) is Refusal.OWN_REQUEST
    assert early(CAT) is Refusal.ALREADY_APPROVED
    assert early(BOB, "T2") is Refusal.OTHER_TEAM
    assert early(BOB, now=NOW + 60) is Refusal.EXPIRED
    assert early(BOB) is None


def test_approval_records_the_group_that_it_fills_and_why() -> None:
    """Somebody in both groups fills the place that is still empty."""
    roster = quorum.Roster({"sre": {BOB: "a", CAT: "b"}, "dc-ops": {CAT: "c", EVE: "d"}})

    decision = decide(member(CAT), given_=(yes(BOB),), roster=roster)

    assert (decision.group, decision.evidence) == ("dc-ops", "c")


OVERLAP = quorum.Roster(
    {
        "sre": {BOB: "x", CAT: "x", DAN: "x"},
        "dc-ops": {CAT: "x", EVE: "x"},
        "net": {CAT: "x", DAN: "x"},
    }
)


@pytest.mark.parametrize(
    ("wanted", "people", "met", "said"),
    [
        (BOTH, (), False, "0 of 2 approvals: one from sre, one from dc-ops"),
        (BOTH, (BOB,), False, "1 of 2 approvals: one more from dc-ops"),
        (BOTH, (BOB, CAT), True, "2 of 2 approvals"),
        (BOTH, (CAT,), False, "1 of 2 approvals: one more from dc-ops"),
        (BOTH, (CAT, BOB), True, "2 of 2 approvals"),
        (BOTH, (CAT, CAT), False, "1 of 2 approvals: one more from dc-ops"),
        (BOTH, (BOB, DAN), False, "1 of 2 approvals: one more from dc-ops"),
        (BOTH, ("U0NOBODY",), False, "0 of 2 approvals: one from sre, one from dc-ops"),
        (needs(sre=2, dc_ops=1), (CAT, BOB, DAN), True, "3 of 3 approvals"),
        (needs(sre=2, dc_ops=1), (CAT,), False,
         "1 of 3 approvals: one more from sre, one from dc-ops"),
        (needs(sre=1, dc_ops=1, net=1), (CAT, DAN, BOB), True, "3 of 3 approvals"),
        (needs(sre=1, dc_ops=1, net=1), (DAN, CAT, EVE), True, "3 of 3 approvals"),
        (needs(dc_ops=1, net=2), (CAT, DAN, EVE), True, "3 of 3 approvals"),
        (needs(sre=3), (BOB, CAT), False, "2 of 3 approvals: one more from sre"),
        (needs(sre=3), (BOB,), False, "1 of 3 approvals: two more from sre"),
        (needs(sre=1), (BOB,), True, "1 of 1 approval"),
        ((), (), True, "no approval needed"),
        ((), (BOB,), True, "no approval needed"),
    ],
)  # fmt: skip
def test_tally_counts_distinct_people_in_the_best_places(
    wanted: tuple[plan.Need, ...], people: tuple[str, ...], met: bool, said: str
) -> None:
    """One person fills one place; who is in several groups goes where they help the most."""
    counted = quorum.tally(wanted, [yes(user_id) for user_id in people], OVERLAP)

    assert (counted.met, counted.sentence) == (met, said)
    assert counted.wanted - counted.have == sum(count for _, count in counted.missing)


PEOPLE = [f"U{number}" for number in range(5)]
ROSTERS = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.sets(st.sampled_from(PEOPLE)), min_size=3
).map(
    lambda groups: quorum.Roster(
        {group: dict.fromkeys(sorted(users), "x") for group, users in groups.items()}
    )
)
SMALL_NEEDS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(1, 2), min_size=1)


def best(counts: dict[str, int], people: list[str], roster: quorum.Roster) -> int:
    """Count the places that can be filled, by trying every choice of everybody."""
    most = 0
    for choice in itertools.product(["", *counts], repeat=len(people)):
        entitled = all(
            not group or user_id in roster.members.get(group, {})
            for user_id, group in zip(people, choice, strict=True)
        )
        if entitled and all(choice.count(group) <= count for group, count in counts.items()):
            most = max(most, sum(map(bool, choice)))
    return most


@given(SMALL_NEEDS, ROSTERS, st.permutations(PEOPLE).map(lambda people: people[:3]))
def test_tally_fills_as_many_places_as_anybody_could(
    counts: dict[str, int], roster: quorum.Roster, people: list[str]
) -> None:
    """Whatever the order of the clicks, the assignment is the best there is."""
    wanted = tuple(plan.Need(group=group, count=count) for group, count in counts.items())

    counted = quorum.tally(wanted, [yes(user_id) for user_id in people], roster)

    assert counted.have == best(counts, people, roster)
    assert counted.met == (counted.have == counted.wanted)
    for user_id, group in counted.places.items():
        assert user_id in roster.members[group]


def test_approvals_are_lost_with_the_right_and_say_so() -> None:
    """At the last approval each earlier one is looked at again."""
    approvals = (yes(BOB), yes(CAT, "dc-ops"))
    without_bob = quorum.Roster({"sre": {DAN: "x"}, "dc-ops": {CAT: "x"}})

    assert may_approve.lost_approvals(approvals, BOTH, ROSTER) == ()
    (lost,) = may_approve.lost_approvals(approvals, BOTH, without_bob)
    assert (lost.approval.person.user_id, lost.reason) == (BOB, Refusal.NOT_IN_GROUP)
    assert lost.sentence == f"The approval by {BOB} no longer counts: not in sre now."


def test_approvals_that_can_not_be_read_again_are_told_apart_from_lost_ones() -> None:
    """Not knowing is no loss, but it isn't a right either."""
    unread = quorum.Roster({"sre": {}, "dc-ops": {CAT: "x"}}, frozenset({"sre"}))

    (lost,) = may_approve.lost_approvals((yes(BOB), yes(CAT, "dc-ops")), BOTH, unread)

    assert lost.reason is Refusal.NOT_CHECKED
    assert lost.sentence == f"Whether {BOB} is still in sre could not be checked."


@pytest.mark.parametrize(
    ("members", "reason", "said"),
    [
        ({BOB: member(BOB)}, None, ""),
        ({BOB: member(BOB, deleted=True)}, Refusal.DEACTIVATED,
         f"The approval by {BOB} no longer counts (deactivated)."),
        ({BOB: member(BOB, is_restricted=True)}, Refusal.GUEST,
         f"The approval by {BOB} no longer counts (guest)."),
        ({}, Refusal.NOT_CHECKED, f"{BOB}'s account could not be checked again."),
    ],
    ids=["as-before", "deactivated", "made-a-guest", "unread"],
)  # fmt: skip
def test_approvals_are_lost_with_the_account_that_gave_them(
    members: dict[str, ports.Member], reason: Refusal | None, said: str
) -> None:
    """Somebody who has left can't have agreed."""
    lost = may_approve.lost_approvals((yes(BOB),), BOTH, ROSTER, members=members, team_id="T1")

    assert [(one.reason, one.sentence) for one in lost] == ([(reason, said)] if reason else [])


FULL = "Every full member can look things up and stop a run."
NOT_ALLOWED = "The policy doesn't allow this channel; use one that it names."
NO_FREEZE = "Only people named as requester or approver in a rule can freeze; no rule names you."
NO_UNFREEZE = (
    "Only people named as approver in a rule can lift everybody's freezes; no rule names you."
)
ASKERS_ONLY = edited(("{ sre = 1, dc-ops = 1 }\n", "{ dc-ops = 1 }\n"), ("{ sre = 1 }\n", "{}\n"),
                     ("{ 10 = { sre = 2 }, 50 = { sre = 2, dc-ops = 1 } }", "{}"))  # fmt: skip

RIGHTS: list[tuple[str, may_approve.Decision, Refusal | None, str]] = [
    ("read", may_stop.may_read(member(DAN), "T1"), None, FULL),
    ("read-guest", may_stop.may_read(member(DAN, is_restricted=True), "T1"), Refusal.GUEST,
     "Guests can't do this; a full member has to."),
    ("stop", may_stop.may_read(member(DAN), "T1"), None, FULL),
    ("stop-own", may_stop.may_read(member(ANN), "T1"), None, FULL),
    ("stop-guest", may_stop.may_read(member(DAN, is_restricted=True), "T1"), Refusal.GUEST,
     "Guests can't do this; a full member has to."),
    ("stop-deactivated", may_stop.may_read(member(DAN, deleted=True), "T1"), Refusal.DEACTIVATED,
     "This account is deactivated, so it can't do anything."),
    ("stop-bot", may_stop.may_read(member(DAN, is_bot=True), "T1"), Refusal.BOT,
     "Apps and bots can't do this; a person has to."),
    ("stop-stranger", may_stop.may_read(STRANGER, "T1"), Refusal.EXTERNAL, EXTERNAL),
    ("cancel", may_stop.may_cancel(REQUESTER, REQUESTER), None,
     "You made this request, so you can cancel it."),
    ("cancel-other", may_stop.may_cancel(request.Person(user_id=BOB, team_id="T1"), REQUESTER),
     Refusal.NOT_REQUESTER,
     "Only the requester can cancel this; approvers can deny it, and anybody can stop its run."),
    ("freeze-requester",
     may_stop.may_freeze(ASKERS_ONLY, {"sre"}, channel_id="C0OPS"),
     None, "A rule names sre as requester or approver."),
    ("freeze-approver",
     may_stop.may_freeze(RULES, {"dc-ops"}, channel_id="C0INC"),
     None, "A rule names dc-ops as requester or approver."),
    ("freeze-nobody",
     may_stop.may_freeze(RULES, (), channel_id="C0OPS"),
     Refusal.NOT_IN_GROUP, NO_FREEZE),
    ("freeze-elsewhere",
     may_stop.may_freeze(RULES, {"sre"}, channel_id="C0PUB"),
     Refusal.CHANNEL, NOT_ALLOWED),
    ("freeze-unread",
     may_stop.may_freeze(RULES, (), channel_id="C0OPS", unread={"sre", "web"}),
     None, "Whether a rule names you could not be checked in time."),
    ("unfreeze-approver", may_stop.may_unfreeze(member(CAT), RULES, {"dc-ops"}, team_id="T1"),
     None, "A rule names dc-ops as approver."),
    ("unfreeze-requester-only",
     may_stop.may_unfreeze(member(ANN), ASKERS_ONLY, {"sre"}, team_id="T1"),
     Refusal.NOT_IN_GROUP, NO_UNFREEZE),
    ("unfreeze-deactivated",
     may_stop.may_unfreeze(member(CAT, deleted=True), RULES, {"dc-ops"}, team_id="T1"),
     Refusal.DEACTIVATED, "This account is deactivated, so it can't do anything."),
    ("unfreeze-without-policy",
     may_stop.may_unfreeze(member(CAT), edited(text="version = 1"), {"dc-ops"}, team_id="T1"),
     Refusal.NOT_IN_GROUP, NO_UNFREEZE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("decision", "reason", "said"), [row[1:] for row in RIGHTS], ids=[row[0] for row in RIGHTS]
)
def test_person_may_stop_cancel_freeze_or_unfreeze_or_is_told_why_not(
    decision: may_approve.Decision, reason: Refusal | None, said: str
) -> None:
    """Stopping is for all full members; the rest is for those whom the policy names."""
    assert (decision.allowed, decision.reason) == (reason is None, reason)
    assert decision.sentence == said


def test_policy_under_which_nobody_could_approve_is_told_rule_by_rule() -> None:
    """A requester never approves, so one person alone isn't enough for their own group."""
    alone = quorum.Roster({"sre": {ANN: "x"}, "dc-ops": {CAT: "x"}})

    assert policy_lint.out_of_reach(RULES, ROSTER) == ()
    assert policy_lint.out_of_reach(RULES, alone) == (
        'Nobody could approve under rule "databases" from 1 server up: it needs one more in sre.',
        'Nobody could approve under rule "everything else" from 1 server up: it needs one more '
        "in sre.",
        'Nobody could approve under rule "everything else" from 10 servers up: it needs two more '
        "in sre.",
        'Nobody could approve under rule "everything else" from 50 servers up: it needs two more '
        "in sre.",
    )


def test_policy_whose_groups_are_empty_or_unread_is_told_so() -> None:
    """An empty group of requesters is named, and a group that wasn't read is no verdict."""
    empty = quorum.Roster({"dc-ops": {CAT: "x"}})
    unread = quorum.Roster({}, frozenset({"dc-ops"}))

    assert policy_lint.out_of_reach(RULES, empty)[0] == (
        'Nobody can request anything under rule "databases": its list of requesters is empty.'
    )
    assert policy_lint.out_of_reach(RULES, unread)[0] == (
        'Rule "databases" could not be checked: dc-ops could not be read.'
    )

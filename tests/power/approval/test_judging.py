"""Which rule judges a server, the strictest of many, and what an edit of the policy changes."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from hypothesis import given, strategies as st

from bot.power import plan, request
from bot.power.approval import judging, quorum
from bot.power.planning import planning
from bot.power.policy import policy
from bot.power.request import Action
from tests.power.policy_texts import (
    ANN,
    BOB,
    CAT,
    CONTRACT,
    NOW,
    ROSTER,
    asked,
    box,
    boxes,
    edited,
    fleet,
    known,
    yes,
)

RULES = edited()
SKIP, STOP = plan.OnChange.SKIP, plan.OnChange.STOP
SRE = frozenset({"sre"})


@pytest.mark.parametrize(
    ("name", "action", "groups", "rule", "said"),
    [
        ("db01", Action.OFF, SRE, "databases", ""),
        ("db09", Action.CYCLE, SRE, "databases", ""),
        ("db01", Action.ON, SRE, "databases", 'rule "databases" doesn\'t allow on'),
        ("db01", Action.OFF, {"dc-ops"}, "databases",
         'rule "databases" accepts requests from sre only'),
        ("db10", Action.ON, SRE, "everything else", ""),
        ("web01", Action.REBOOT, {"sre", "dc-ops"}, "everything else", ""),
        ("web01", Action.ON, (), "everything else",
         'rule "everything else" accepts requests from sre only'),
    ],
    ids=["first", "range-end", "not-in-rule", "not-asked", "next-rule", "two-groups", "nobody"],
)  # fmt: skip
def test_server_is_judged_by_the_first_rule_that_matches_it(
    name: str, action: Action, groups: frozenset[str], rule: str, said: str
) -> None:
    """A later rule never lends what the first one refuses."""
    judged = judging.judge(RULES, box(name), action, groups)

    assert judged.rule is not None
    assert (judged.rule.name, judged.refusal) == (rule, said)


def test_server_without_a_rule_is_refused() -> None:
    """What nobody has written a rule for, nobody may touch."""
    rules = edited(('servers = "*"', 'servers = "web*"'))

    judged = judging.judge(rules, box("mail01"), Action.ON, SRE)

    assert judged == judging.ServerJudgement(None, "no rule of the policy covers it")


def test_requester_whose_group_is_unread_is_told_so() -> None:
    """Not knowing is no yes, and it isn't a no of the rule either."""
    judged = judging.judge(RULES, box("web01"), Action.ON, (), unread=("sre",))

    assert judged.refusal == "whether you can request it could not be checked"


NEED_SETS = st.dictionaries(st.sampled_from(["sre", "dc-ops", "net"]), st.integers(1, 5)).map(
    lambda counts: tuple(plan.Need(group=group, count=count) for group, count in counts.items())
)
BATCHES = st.integers(1, 100)


# Who is called when a request begins, the most first.
NOTIFIED = [plan.Notify.PEOPLE, plan.Notify.GROUP, plan.Notify.NONE]


@st.composite
def conducts(draw: st.DrawFn) -> policy.Conduct:
    """Draw a way to carry a request through, with a ramp that fits its batch."""
    batch = draw(BATCHES)
    times = st.floats(1, 10_000)
    return policy.Conduct(
        expires_s=draw(times),
        use_within_s=draw(times),
        remind_s=draw(times),
        escalate_s=draw(times),
        deny_reason=draw(st.booleans()),
        cooldown_s=draw(times),
        on_change=draw(st.sampled_from(plan.OnChange)),
        batch=batch,
        ramp=tuple(draw(st.lists(st.integers(1, batch), max_size=4))),
        pause_s=draw(times),
        max_failures=draw(st.integers(1, 9)),
        max_per_rack=draw(st.integers(1, 9)),
        notify=draw(st.sampled_from(plan.Notify)),
    )


@st.composite
def rule_lists(draw: st.DrawFn) -> tuple[policy.Rule, ...]:
    """Draw one to four rules with names of their own."""
    return tuple(
        policy.Rule(
            name=f"rule {number}",
            servers=policy.Nothing(),
            actions=frozenset(Action),
            requesters=("sre",),
            approvers=draw(NEED_SETS),
            from_servers=((draw(st.integers(1, 50)), draw(NEED_SETS)),),
            break_glass=tuple(draw(st.sets(st.sampled_from(["sre", "net"])))),
            review_within_s=draw(st.floats(1, 10_000)),
            conduct=draw(conducts()),
        )
        for number in range(draw(st.integers(1, 4)))
    )


def wave(terms: plan.Terms, index: int) -> int:
    """Return the size of a wave."""
    return terms.ramp[index] if index < len(terms.ramp) else terms.batch


@given(rule_lists(), st.integers(1, 60))
def test_strictest_terms_are_as_strict_as_every_rule(
    rules: tuple[policy.Rule, ...], count: int
) -> None:
    """No rule alone would be stricter in anything than the join is."""
    joined = judging.strictest(rules, count, SRE)

    for rule in rules:
        alone = judging.strictest([rule], count, SRE)
        least = {need.group: need.count for need in joined.needs}
        assert all(least[need.group] >= need.count for need in alone.needs)
        assert joined.expires_s <= alone.expires_s
        assert joined.use_within_s <= alone.use_within_s
        assert joined.review_within_s <= alone.review_within_s
        assert joined.remind_s <= alone.remind_s
        assert joined.escalate_s <= alone.escalate_s
        assert joined.cooldown_s >= alone.cooldown_s
        assert joined.pause_s >= alone.pause_s
        assert joined.max_failures <= alone.max_failures
        assert joined.max_per_rack <= alone.max_per_rack
        assert joined.deny_reason >= alone.deny_reason
        assert NOTIFIED.index(joined.notify) <= NOTIFIED.index(alone.notify)
        assert joined.break_glass <= alone.break_glass
        assert joined.on_change == "stop" or alone.on_change == "skip"
        assert all(wave(joined, index) <= wave(alone, index) for index in range(8))


@given(rule_lists(), st.integers(1, 60))
def test_strictest_terms_ask_for_nothing_that_no_rule_asks(
    rules: tuple[policy.Rule, ...], count: int
) -> None:
    """Each figure of the join stands in one of the rules, and order doesn't matter."""
    joined = judging.strictest(rules, count, SRE)
    reversed_ = judging.strictest(rules[::-1], count, SRE)
    alone = [judging.strictest([rule], count, SRE) for rule in rules]

    assert set(joined.needs) <= set(itertools.chain.from_iterable(one.needs for one in alone))
    assert joined.batch in {one.batch for one in alone}
    assert joined.break_glass == all(one.break_glass for one in alone)
    assert set(reversed_.needs) == set(joined.needs)
    same = {"needs": (), "rules": ()}
    assert reversed_.model_copy(update=same) == joined.model_copy(update=same)


@given(rule_lists(), st.integers(1, 60))
def test_strictest_terms_of_a_rule_with_itself_are_its_own(
    rules: tuple[policy.Rule, ...], count: int
) -> None:
    """Joining twice changes nothing."""
    assert judging.strictest(rules * 2, count, SRE) == judging.strictest(rules, count, SRE)


def test_terms_without_any_rule_let_nobody_break_glass() -> None:
    """Nothing to act on gives no right."""
    assert not judging.strictest((), 0, SRE).break_glass


def test_added_needs_come_on_top_of_the_same_group() -> None:
    """A freeze's override is more than what the rule wants anyway."""
    needs = judging.added_needs(
        (plan.Need(group="sre", count=1), plan.Need(group="dc-ops", count=1)),
        (plan.Need(group="dc-ops", count=1),),
    )

    assert needs == (plan.Need(group="sre", count=1), plan.Need(group="dc-ops", count=2))


def test_freeze_is_found_unless_its_override_was_given() -> None:
    """A run whose approvals include the override isn't held by that freeze."""
    christmas = RULES.freezes[0].starts.timestamp()

    assert judging.frozen_by(RULES, Action.OFF, christmas) is RULES.freezes[0]
    assert judging.frozen_by(RULES, Action.OFF, christmas, ["year end"]) is None
    assert judging.frozen_by(RULES, Action.ON, christmas) is None
    assert judging.frozen_by(RULES, Action.OFF, NOW) is None


DB = boxes("db", 9)


def open_request(count: int = 1, **more: object) -> plan.Plan:
    """Return the plan of a request that turns off databases."""
    question = asked(Action.OFF, *DB[:count], reason="INC-42 disk", **more)
    made = planning.make(question, RULES, fleet(*DB), known())
    assert made.refusals == ()
    return made


@pytest.mark.parametrize(
    ("before", "after", "rule", "said"),
    [
        ('pause = "0s"', 'pause = "9s"', None, None),
        ("{ sre = 1, dc-ops = 1 }\nreason", "{ sre = 1 }\nreason", None, None),
        ("{ sre = 1, dc-ops = 1 }\nreason", "{}\nreason", None, None),
        ('reason = "INC-[0-9]+"', "", None, None),
        (
            "{ sre = 1, dc-ops = 1 }\nreason",
            "{ sre = 1, dc-ops = 2 }\nreason",
            "databases",
            'rule "databases" now needs 2 from dc-ops',
        ),
        (
            'reason = "INC-[0-9]+"',
            'from_servers = { 2 = { sre = 2 } }',
            None,
            None,
        ),
        (
            'reason = "INC-[0-9]+"',
            'from_servers = { 1 = { sre = 2 } }',
            "databases",
            'rule "databases" now needs 2 from sre',
        ),
        (
            'reason = "INC-[0-9]+"',
            'reason = "CHG-[0-9]+"',
            "databases",
            'rule "databases" now requires CHG-[0-9]+ in the reason',
        ),
        (
            'requesters = ["sre"]\napprovers = { sre = 1, dc-ops = 1 }',
            'requesters = ["dc-ops"]\napprovers = { sre = 1, dc-ops = 1 }',
            "databases",
            'db01: rule "databases" accepts requests from dc-ops only',
        ),
        (
            'actions = ["off", "reboot", "cycle"]\nrequesters',
            'actions = ["reboot"]\nrequesters',
            "databases",
            'db01: rule "databases" doesn\'t allow off',
        ),
        (
            'name = "databases"\nservers = "@db"',
            'name = "databases"\nservers = "db02"',
            None,
            None,
        ),
        (
            'allow = ["C0OPS", "C0INC"]',
            'allow = ["C0INC"]',
            "",
            "the policy no longer allows this channel",
        ),
    ],
    ids=[
        "pace", "fewer", "none-needed", "no-pattern", "more", "row-not-reached", "row-reached",
        "other-pattern", "other-requesters", "other-actions", "milder-rule", "channel",
    ],
)  # fmt: skip
def test_open_request_after_an_edit_goes_on_only_if_it_needs_no_more(
    before: str, after: str, rule: str | None, said: str | None
) -> None:
    """The same or less goes on; anything else ends it, and the rule is named."""
    made = open_request()
    standing = judging.Standing(DB[:1], SRE)

    change = judging.still_fits(made, edited((before, after)), standing)

    assert change == (None if rule is None else judging.PolicyChange(rule, said or ""))


def test_open_request_that_no_rule_covers_any_more_is_over() -> None:
    """A server that fell out of the policy is refused by name."""
    rules = edited(('servers = "@db"\nactions', 'servers = "x*"\nactions'), ('"*"', '"web*"'))

    change = judging.still_fits(open_request(), rules, judging.Standing(DB[:1], SRE))

    assert change == judging.PolicyChange("", "db01: no rule of the policy covers it")


def test_open_request_that_has_become_too_large_is_over() -> None:
    """The limit of a request holds for those that were asked before it, too."""
    rules = edited(("max_servers = 500", "max_servers = 2"))

    change = judging.still_fits(open_request(3), rules, judging.Standing(DB[:3], SRE))

    assert change == judging.PolicyChange("", "the policy now allows only 2 servers")


def test_approved_request_whose_approver_was_taken_out_is_over() -> None:
    """The same people must still be able to agree."""
    roster = quorum.Roster({"sre": {ANN: "listed"}, "dc-ops": {CAT: "listed"}})
    approvals = (yes(BOB), yes(CAT, "dc-ops"))
    before = judging.Standing(DB[:1], SRE, approvals, ROSTER)
    after = dataclasses.replace(before, roster=roster)
    made = open_request()

    assert judging.still_fits(made, RULES, before) is None
    assert judging.still_fits(made, RULES, after) == judging.PolicyChange(
        "databases", f"The approval by {BOB} no longer counts: not in sre now."
    )


def test_break_glass_that_the_policy_took_back_is_over() -> None:
    """It never had approvals, so only the right to do without them counts."""
    question = asked(
        Action.OFF,
        box("web01"),
        reason="fire",
        place=request.Place(channel_id="C0INC"),
        options=request.Options(break_glass=True),
    )
    made = planning.make(question, RULES, fleet(box("web01")), known())
    standing = judging.Standing((box("web01"),), SRE)

    assert made.refusals == ()
    assert (
        judging.still_fits(made, edited(("max_failures = 1", "max_failures = 2")), standing) is None
    )
    assert judging.still_fits(made, edited(('break_glass = ["sre"]\n', "")), standing) == (
        judging.PolicyChange(
            "everything else",
            'rule "everything else" now doesn\'t let its requester break glass',
        )
    )


def test_override_of_a_freeze_is_no_spare_for_a_stricter_rule() -> None:
    """What the freeze has added doesn't cover what a rule newly wants."""
    question = asked(Action.OFF, DB[0], reason="INC-1", now=RULES.freezes[0].starts.timestamp())
    made = planning.make(question, RULES, fleet(*DB), known())
    standing = judging.Standing(DB[:1], SRE)
    more = edited(("{ sre = 1, dc-ops = 1 }\nreason", "{ sre = 1, dc-ops = 2 }\nreason"))

    assert made.terms.overrides == ("year end",)
    assert judging.still_fits(made, RULES, standing) is None
    assert judging.still_fits(made, more, standing) == judging.PolicyChange(
        "databases", 'rule "databases" now needs 2 from dc-ops'
    )


def test_contract_is_what_these_tests_speak_of() -> None:
    """The rules above come from the text of the contract."""
    assert [rule.name for rule in RULES.rules] == ["databases", "everything else"]
    assert 'name = "databases"' in CONTRACT


@pytest.mark.parametrize(
    ("one", "other", "joined"),
    [(SKIP, SKIP, SKIP), (SKIP, STOP, STOP), (STOP, SKIP, STOP)],
)
def test_one_rule_that_stops_on_a_change_stops_the_whole_run(
    one: plan.OnChange, other: plan.OnChange, joined: plan.OnChange
) -> None:
    """To stop is the stricter of the two, wherever its rule stands."""
    first = RULES.rules[0]
    rules = [
        dataclasses.replace(first, conduct=dataclasses.replace(first.conduct, on_change=way))
        for way in (one, other)
    ]

    assert judging.strictest(rules, 2).on_change == joined

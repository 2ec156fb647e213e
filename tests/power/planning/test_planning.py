"""The plan: every server with its reason, what the request needs, and why it may not be asked."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, strategies as st

from bot.power import plan, ports, request, server
from bot.power.approval import quorum
from bot.power.plan import Verdict
from bot.power.planning import plan_refusals, planning
from bot.power.planning.question import Facts, Question, duration
from bot.power.policy import policy
from bot.power.request import Action
from tests.power.policy_texts import (
    ANN,
    BOB,
    CHRISTMAS,
    NOW,
    ROSTER,
    asked,
    box,
    boxes,
    edited,
    fleet,
    known,
)

RULES = edited()
ACT, SKIP, BLOCKED = Verdict.ACT, Verdict.SKIP, Verdict.BLOCKED
ON, OFF, REBOOT, CYCLE = Action.ON, Action.OFF, Action.REBOOT, Action.CYCLE
INCIDENT = request.Place(channel_id="C0INC")
GLASS = request.Options(break_glass=True)


def made(question: Question, facts: Facts | None = None, rules: policy.Policy = RULES) -> plan.Plan:
    """Make a plan on a fleet of the servers that are asked about."""
    return planning.make(question, rules, fleet(*question.servers), facts or known())


def need(**counts: int) -> tuple[plan.Need, ...]:
    """Return needs by group; an underscore stands for a dash."""
    return tuple(
        plan.Need(group=group.replace("_", "-"), count=count) for group, count in counts.items()
    )


def locked(action: str) -> Facts:
    """Return facts by which web01 is held by another request since three minutes."""
    return known(locks={"id-web01": ports.Lock("PR-7F3K", action, NOW - 200, BOB)})


COOLED = edited(('cooldown = "0s"', 'cooldown = "10m"'))
ELSEWHERE = edited(('servers = "*"', 'servers = "web*"'))
FROZEN_BOX = box("web01", frozen_state=1)

# Each row: an action on one server, what else is known, the verdict and its reason.
LINES: list[tuple[str, Action, server.Server, dict[str, object], Verdict, str]] = [
    ("on-off", ON, box("web01", "off"), {}, ACT, ""),
    ("on-on", ON, box("web01"), {}, SKIP, "already on"),
    ("off-on", OFF, box("web01"), {}, ACT, ""),
    ("off-off", OFF, box("web01", "off"), {}, SKIP, "already off"),
    ("reboot-on", REBOOT, box("web01"), {}, ACT, ""),
    ("cycle-on", CYCLE, box("web01"), {}, ACT, ""),
    ("reboot-off", REBOOT, box("web01", "off"), {}, BLOCKED,
     "it is off; to start it: /power on web01"),
    ("cycle-off", CYCLE, box("web01", "off"), {}, BLOCKED,
     "it is off; to start it: /power on web01"),
    ("on-unknown", ON, box("web01", "?"), {}, BLOCKED, "its power state is unknown"),
    ("reboot-unknown", REBOOT, box("web01", ""), {}, BLOCKED, "its power state is unknown"),
    ("glass-on-unknown", ON, box("web01", "?"), {"options": GLASS, "place": INCIDENT}, ACT, ""),
    ("glass-off-unknown", OFF, box("web01", "?"), {"options": GLASS, "place": INCIDENT}, ACT, ""),
    ("glass-reboot-unknown", REBOOT, box("web01", "?"), {"options": GLASS, "place": INCIDENT},
     BLOCKED, "its power state is unknown"),
    ("glass-cycle-unknown", CYCLE, box("web01", "?"), {"options": GLASS, "place": INCIDENT},
     BLOCKED, "its power state is unknown"),
    ("changing", OFF, box("web01", operation_state="reboot-processing"), {}, BLOCKED,
     "somebody else is acting on it"),
    ("glass-changing", OFF, box("web01", "rebooting"), {"options": GLASS, "place": INCIDENT},
     BLOCKED, "somebody else is acting on it"),
    ("protected", OFF, box("pdu1"), {}, BLOCKED, "protected"),
    ("protected-by-tag", ON, box("web01", "off", tags=(("powerbot", "never"),)), {}, BLOCKED,
     "protected"),
    ("glass-protected", OFF, box("pdu1"), {"options": GLASS, "place": INCIDENT}, BLOCKED,
     "protected"),
    ("frozen", OFF, FROZEN_BOX, {}, BLOCKED, "suspended by Huawei Cloud (frozen_state 1)"),
    ("not-ready", REBOOT, box("web01", "off", manage_state="installing"), {}, BLOCKED,
     "not ready (CloudDC says installing)"),
    ("not-in-rule", ON, box("db01", "off"), {}, BLOCKED, 'rule "databases" doesn\'t allow on'),
    ("no-rule", ON, box("mail01", "off"), {"rules": ELSEWHERE}, BLOCKED,
     "no rule of the policy covers it"),
    ("not-asked", OFF, box("web01"), {"facts": known(requester_groups=frozenset({"dc-ops"}))},
     BLOCKED, 'rule "everything else" accepts requests from sre only'),
    ("unread", OFF, box("web01"),
     {"facts": known(requester_groups=frozenset(), unread_groups=frozenset({"sre"}))},
     BLOCKED, "whether you can request it could not be checked"),
    ("same-under-way", OFF, box("web01"), {"facts": locked("off")}, BLOCKED,
     "already under way in PR-7F3K: watch it"),
    ("other-under-way", OFF, box("web01"), {"facts": locked("reboot")}, BLOCKED,
     f"PR-7F3K of {BOB} is working on it (reboot, for 3m so far)"),
    ("cooling", REBOOT, box("web01"),
     {"rules": COOLED, "facts": known(last_reboots={"id-web01": NOW - 599})}, BLOCKED,
     "rebooted less than 10m ago"),
    ("cooling-cycle", CYCLE, box("web01"),
     {"rules": COOLED, "facts": known(last_reboots={"id-web01": NOW - 599})}, BLOCKED,
     "rebooted less than 10m ago"),
    ("cooled", REBOOT, box("web01"),
     {"rules": COOLED, "facts": known(last_reboots={"id-web01": NOW - 600})}, ACT, ""),
    ("unknown-reboot", REBOOT, box("web01"),
     {"facts": known(unknown_reboots={"id-web01": "PR-7F3K"})},
     ACT, "its reboot in PR-7F3K may have happened"),
    ("off-after-unknown-reboot", OFF, box("web01"),
     {"facts": known(unknown_reboots={"id-web01": "PR-7F3K"})}, ACT, ""),
    ("cooling-off", OFF, box("web01"),
     {"rules": COOLED, "facts": known(last_reboots={"id-web01": NOW - 1})}, ACT, ""),
    ("keep", OFF, box("db01"), {}, BLOCKED, "at least 2 of @db must stay on"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("action", "record", "case", "verdict", "reason"),
    [row[1:] for row in LINES],
    ids=[row[0] for row in LINES],
)
def test_plan_acts_skips_or_blocks_one_server_with_its_reason(
    action: Action,
    record: server.Server,
    case: dict[str, object],
    verdict: Verdict,
    reason: str,
) -> None:
    """Each server gets one verdict, worded so that equal ones can be folded."""
    more = {key: value for key, value in case.items() if key in ("options", "place")}
    facts, rules = case.get("facts"), case.get("rules", RULES)
    assert isinstance(facts, Facts | None)
    assert isinstance(rules, policy.Policy)

    drawn = made(asked(action, record, reason="INC-1", **more), facts, rules)

    (line,) = drawn.lines
    assert (line.verdict, line.reason) == (verdict, reason)
    assert drawn.order.server_ids == ((record.id,) if verdict is ACT else ())


def refusals(question: Question, facts: Facts | None = None, **more: object) -> tuple[str, ...]:
    """Return why a request may not be made."""
    return made(question, facts, **more).refusals  # type: ignore[arg-type]


WEB = box("web01")
GLASS_ASKED = asked(OFF, WEB, options=GLASS, place=INCIDENT, reason="fire")
SMALL = edited(("max_servers = 500", "max_servers = 2"))
NO_GLASS = edited(('break_glass = ["sre"]\n', ""))
SLOW = edited(('pause = "0s"', 'pause = "90s"'), ("batch = 50", "batch = 5"))
CLOSED = edited(("override = { dc-ops = 1 }\n", ""))
STORM = ports.Freeze("U0SAM", "cooling is down", 0.0)
DRILL = ports.Freeze("host:root", "fire drill", 60.0, 3600.0)
LONELY = quorum.Roster({"sre": {ANN: "x"}})
UNREAD = quorum.Roster({"sre": {ANN: "x"}}, frozenset({"sre"}))


def channel(**more: bool) -> Facts:
    """Return facts with an unusual channel."""
    return known(channel=ports.Channel("C0OPS", "ops", **more))


# Each row: a question, what is known, the policy, and all sentences.
REFUSALS: list[tuple[str, Question, Facts | None, policy.Policy, tuple[str, ...]]] = [
    ("fine", asked(OFF, WEB), None, RULES, ()),
    ("channel", asked(OFF, WEB, place=request.Place(channel_id="C0PUB")), None, RULES,
     ("The policy doesn't allow requests in this channel; ask in one that it names.",)),
    ("direct", asked(OFF, WEB, place=request.Place(channel_id="")), None, RULES,
     ("The policy doesn't allow requests in this channel; ask in one that it names.",)),
    ("shared", asked(OFF, WEB), channel(is_shared=True), RULES,
     ("This channel is shared with another company, so no request can be made in it.",)),
    ("not-a-member", asked(OFF, WEB), channel(is_member=False), RULES,
     ("Powerbot isn't in this channel: type /invite @Powerbot, then ask again.",)),
    ("archived", asked(OFF, WEB), channel(is_archived=True, is_member=False), RULES,
     ("This channel is archived; ask in another one.",)),
    ("stranger", asked(OFF, WEB), known(requester_groups=frozenset({"dc-ops"})), RULES,
     ("No rule of the policy names you as a requester; ask somebody who is named.",
      "There is nothing to do: none of these servers would be acted on.")),
    ("unread", asked(OFF, WEB),
     known(requester_groups=frozenset(), unread_groups=frozenset({"sre"})), RULES,
     ("Whether you are in sre could not be checked; try again in a moment.",
      "There is nothing to do: none of these servers would be acted on.")),
    ("open", asked(OFF, WEB), known(open_requests=5), RULES,
     ("You have 5 open requests, and 5 is the limit; cancel one, or wait until one has ended.",)),
    ("open-one-less", asked(OFF, WEB), known(open_requests=4), RULES, ()),
    ("hourly", asked(OFF, WEB), known(requests_last_hour=60), RULES,
     ("You have made 60 requests within an hour, and 60 is the limit; wait a little.",)),
    ("hourly-one-less", asked(OFF, WEB), known(requests_last_hour=59), RULES, ()),
    ("switch", asked(OFF, WEB), known(freezes=[STORM]), RULES,
     ("Everything is frozen by U0SAM (cooling is down) since 1970-01-01 00:00 UTC; ask again when "
      "it is over.",)),
    ("freeze", asked(OFF, WEB, now=CHRISTMAS), None, CLOSED,
     ('off is frozen by "year end" until 2027-01-03 00:00+01:00.',)),
    ("freeze-of-others", asked(ON, box("web01", "off"), now=CHRISTMAS), None, CLOSED, ()),
    ("override", asked(OFF, WEB, now=CHRISTMAS), None, RULES, ()),
    ("nothing", asked(OFF, box("web01", "off")), None, RULES,
     ("There is nothing to do: none of these servers would be acted on.",)),
    ("at-the-limit", asked(OFF, *boxes("web", 2)), None, SMALL, ()),
    ("over-the-limit", asked(OFF, *boxes("web", 3)), None, SMALL,
     ("3 servers would be acted on; 2 is the limit for one request.",)),
    ("skipped-do-not-count", asked(OFF, *boxes("web", 2), *boxes("off", 5, "off")), None, SMALL,
     ()),
    ("no-reason", asked(OFF, *boxes("db", 3)), None, RULES,
     ('Rule "databases" requires INC-[0-9]+ in the reason.',)),
    ("other-reason", asked(OFF, *boxes("db", 3), reason="disk", typed="@db"), None, RULES,
     ('Rule "databases" requires INC-[0-9]+ in the reason; type: /power off @db because … disk.',)),
    ("careful-and-no-reason", asked(OFF, *boxes("db", 3), typed="@db",
                                    options=request.Options(dry_run=True, batch=1)), None, RULES,
     ('Rule "databases" requires INC-[0-9]+ in the reason; type: /power off @db --dry-run '
      "--batch 1 because ….",)),
    ("reason-within", asked(OFF, *boxes("db", 3), reason="see INC-7, please"), None, RULES, ()),
    ("reason-by-incident", asked(OFF, *boxes("db", 3), options=request.Options(incident="INC-7")),
     None, RULES, ()),
    ("odd-pattern", asked(OFF, *boxes("db", 3)), None, edited(("INC-[0-9]+", "(INC|CHG)-[0-9]+")),
     ('Rule "databases" requires (INC|CHG)-[0-9]+ in the reason.',)),
    ("pattern-without-example", asked(OFF, *boxes("db", 3)), None,
     edited(("INC-[0-9]+", "(?i)inc-[0-9]+$")),
     ('Rule "databases" requires (?i)inc-[0-9]+$ in the reason.',)),
    ("batch", asked(OFF, WEB, options=request.Options(batch=6)), None, SLOW,
     ("The policy allows at most 5, so --batch 6 doesn't work; "
      "type --batch with a number from 1 to 5.",)),
    ("batch-of-none", asked(OFF, WEB, options=request.Options(batch=0)), None, SLOW,
     ("The policy allows at most 5, so --batch 0 doesn't work; "
      "type --batch with a number from 1 to 5.",)),
    ("batch-below", asked(OFF, WEB, options=request.Options(batch=-1)), None, SLOW,
     ("The policy allows at most 5, so --batch -1 doesn't work; "
      "type --batch with a number from 1 to 5.",)),
    ("batch-smaller", asked(OFF, WEB, options=request.Options(batch=4)), None, SLOW, ()),
    ("failures", asked(OFF, WEB, options=request.Options(max_failures=2)), None, RULES,
     ("The policy allows at most 1, so --max-failures 2 doesn't work; type --max-failures 1.",)),
    ("pause", asked(OFF, WEB, options=request.Options(pause_s=60.0)), None, SLOW,
     ("The policy pauses for at least 90s, so --pause 1m is too short; type --pause 90s.",)),
    ("pause-longer", asked(OFF, WEB, options=request.Options(pause_s=91.0)), None, SLOW, ()),
    ("glass", GLASS_ASKED, None, RULES, ()),
    ("glass-elsewhere", asked(OFF, WEB, options=GLASS, reason="fire"), None, RULES,
     ("Break glass isn't allowed in this channel; use one that the policy names for it.",)),
    ("glass-not-for-you", GLASS_ASKED, None, NO_GLASS,
     ('Rule "everything else" doesn\'t let you break glass; ask without --break-glass.',)),
    ("glass-one-rule-of-two",
     dataclasses.replace(GLASS_ASKED, servers=(WEB, *boxes("db", 3)), reason="INC-1"), None, RULES,
     ('Rule "databases" doesn\'t let you break glass; ask without --break-glass.',)),
    ("glass-without-a-word", dataclasses.replace(GLASS_ASKED, reason=" "), None, RULES,
     ("Break glass needs a reason: end the line with because and what has happened.",)),
    ("glass-in-a-freeze", GLASS_ASKED, known(freezes=[STORM, DRILL]), RULES,
     ("Everything is frozen by U0SAM (cooling is down) since 1970-01-01 00:00 UTC; and by "
      "host:root (fire drill) since 1970-01-01 00:01 UTC, until 1970-01-01 01:00 UTC; ask again "
      "when all are over.",)),
    ("quorum", asked(OFF, WEB), known(roster=ROSTER), RULES, ()),
    ("quorum-of-yourself", asked(OFF, WEB), known(roster=LONELY), RULES,
     ("Nobody could get this approved: it needs one more in sre; you don't count, and nobody "
      "counts twice.",)),
    ("quorum-unread", asked(OFF, WEB), known(roster=UNREAD), RULES,
     ("Who is in sre could not be checked; try again in a moment.",)),
    ("quorum-of-glass", GLASS_ASKED, known(roster=LONELY), RULES, ()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("question", "facts", "rules", "said"),
    [row[1:] for row in REFUSALS],
    ids=[row[0] for row in REFUSALS],
)
def test_person_may_ask_or_is_told_every_reason_why_not(
    question: Question, facts: Facts | None, rules: policy.Policy, said: tuple[str, ...]
) -> None:
    """Whole sentences, each with what to do instead; none when the request may be made."""
    assert refusals(question, facts, rules=rules) == said


def test_nobody_may_ask_for_anything_without_a_policy() -> None:
    """The empty policy blocks each server, and the request is refused for this reason alone."""
    drawn = made(asked(OFF, WEB), None, policy.EMPTY)

    assert drawn.order.targets == ()
    assert drawn.lines[0].reason == "no rule of the policy covers it"
    assert drawn.refusals == (plan_refusals.NO_POLICY,)


@pytest.mark.parametrize(
    ("count", "wanted"),
    [
        (1, need(sre=1)),
        (9, need(sre=1)),
        (10, need(sre=2)),
        (49, need(sre=2)),
        (50, need(sre=2, dc_ops=1)),
    ],
)
def test_larger_requests_need_more_people(count: int, wanted: tuple[plan.Need, ...]) -> None:
    """Ten means ten and more, and the larger row replaces the smaller."""
    assert made(asked(OFF, *boxes("web", count))).terms.needs == wanted


def test_servers_that_are_skipped_make_no_request_larger() -> None:
    """All limits count the servers that the plan would act on."""
    drawn = made(asked(OFF, *boxes("web", 9), *boxes("idle", 9, "off")))

    assert drawn.terms.needs == need(sre=1)
    assert not drawn.terms.confirm_count


def test_ten_requests_of_one_server_need_what_one_request_of_ten_needs() -> None:
    """Splitting a request within the window spares nobody an approval."""
    servers = boxes("web", 10)
    recent: set[str] = set()
    wanted = []
    for record in servers:
        drawn = made(asked(REBOOT, record), known(recent_servers=frozenset(recent)))
        wanted.append(drawn.terms.needs)
        recent.update(drawn.order.server_ids)

    assert wanted[:9] == [need(sre=1)] * 9
    assert wanted[9] == made(asked(REBOOT, *servers)).terms.needs == need(sre=2)


def test_same_server_asked_for_again_counts_once() -> None:
    """The window counts distinct servers, this request's own among them."""
    recent = frozenset(record.id for record in boxes("web", 9))

    drawn = made(asked(REBOOT, box("web01")), known(recent_servers=recent))

    assert (drawn.terms.counted, drawn.terms.needs) == (9, need(sre=1))


def test_request_over_two_rules_needs_what_the_stricter_one_needs() -> None:
    """The most of each group, and both rules by name, in the policy's order."""
    drawn = made(asked(OFF, *boxes("web", 10), *boxes("db", 3), reason="INC-1"))

    assert drawn.terms.rules == ("databases", "everything else")
    assert drawn.terms.needs == need(sre=2, dc_ops=1)
    assert not drawn.terms.break_glass


def test_freeze_with_an_override_adds_its_approvals() -> None:
    """In the freeze the same request needs one more person, and the plan says why."""
    drawn = made(asked(OFF, WEB, now=CHRISTMAS))

    assert drawn.terms.needs == need(sre=1, dc_ops=1)
    assert drawn.terms.overrides == ("year end",)
    assert made(asked(OFF, WEB)).terms.overrides == ()


def test_break_glass_needs_nobody_but_leaves_a_review() -> None:
    """Without asking for it the same person needs approval all the same."""
    drawn = made(GLASS_ASKED)
    usual = made(dataclasses.replace(GLASS_ASKED, options=request.Options()))

    assert (drawn.terms.needs, drawn.terms.break_glass) == ((), True)
    assert drawn.terms.review_within_s == 86400.0
    assert (usual.terms.needs, usual.terms.break_glass) == (need(sre=1), True)


def test_break_glass_in_a_freeze_still_needs_the_override() -> None:
    """Breaking glass spares the rules' approvals, not the freeze's."""
    drawn = made(dataclasses.replace(GLASS_ASKED, now=CHRISTMAS))

    assert drawn.terms.needs == need(dc_ops=1)


def test_servers_beyond_what_must_stay_on_are_blocked_in_order() -> None:
    """Seven of nine databases may go; what others take down counts too."""
    servers = boxes("db", 9)
    alone = made(asked(OFF, *servers, reason="INC-1"))
    beside = made(
        asked(OFF, *servers[:5], reason="INC-1"),
        known(
            locks={"id-db09": ports.Lock("PR-2222", "reboot", NOW)},
            leaving={"id-db08"},
        ),
    )
    fleet_beside = planning.make(
        asked(OFF, *servers[:6], reason="INC-1"),
        RULES,
        fleet(*servers),
        known(locks={"id-db09": ports.Lock("PR-2222", "reboot", NOW)}, leaving={"id-db08"}),
    )

    assert [line.name for line in alone.lines_with(BLOCKED)] == ["db08", "db09"]
    assert [line.name for line in beside.lines_with(ACT)] == ["db01", "db02", "db03"]
    assert [line.name for line in fleet_beside.lines_with(BLOCKED)] == ["db06"]


def test_server_that_another_request_turns_on_does_not_leave() -> None:
    """Only locks for off, reboot and cycle take a server away."""
    servers = boxes("db", 3)
    facts = known(locks={"id-db03": ports.Lock("PR-2222", "on", NOW)})

    drawn = planning.make(asked(OFF, servers[0], reason="INC-1"), RULES, fleet(*servers), facts)

    assert drawn.lines[0].verdict is ACT


def test_turning_servers_on_breaks_no_minimum() -> None:
    """A minimum of servers that stay on is no reason against more."""
    rules = edited(
        ('actions = ["off", "reboot", "cycle"]\nrequesters', 'actions = ["on"]\nrequesters')
    )

    drawn = made(asked(ON, box("db01", "off"), reason="INC-1"), None, rules)

    assert drawn.lines[0].verdict is ACT


def test_servers_that_are_off_share_one_line_to_type() -> None:
    """Equal reasons fold on the card, so the line names all of them."""
    drawn = made(asked(REBOOT, *boxes("web", 3, "off"), box("web04")))

    assert {line.reason for line in drawn.lines_with(BLOCKED)} == {
        "it is off; to start it: /power on web[01-03]"
    }


def test_names_that_make_a_long_line_get_none() -> None:
    """A line without its servers would be no line."""
    scattered = tuple(box(f"host-{number * 7919:x}-a", "off") for number in range(1, 60))

    drawn = made(asked(REBOOT, *scattered))

    assert drawn.lines[0].reason == "it is off"


@pytest.mark.parametrize(
    ("action", "count", "sizes", "calls"),
    [
        (OFF, 1, (1,), 1),
        (OFF, 6, (1, 5), 2),
        (REBOOT, 57, (1, 5, 50, 1), 4),
        (OFF, 120, (1, 5, 50, 50, 14), 5),
        # Fifty servers of one rack come back on ten at a time.
        (CYCLE, 57, (1, 5, 50, 1), 12),
        (ON, 25, (1, 5, 10, 9), 4),
    ],
)
def test_plan_counts_waves_and_calls(
    action: Action, count: int, sizes: tuple[int, ...], calls: int
) -> None:
    """The ramp, then batches; what is switched on, at most so many of a rack at once."""
    power = "off" if action is ON else "on"
    drawn = made(asked(action, *boxes("web", count, power=power)))

    assert (drawn.waves, drawn.calls) == (sizes, calls)


def test_plan_says_with_which_wave_each_server_goes() -> None:
    """Group by group where there is an order; unknown where racks decide, and for the untouched."""
    drawn = made(asked(OFF, *boxes("web", 6), box("db01", "off")))
    back = made(asked(ON, *boxes("web", 25, power="off")))
    one = made(asked(ON, *boxes("web", 1, power="off")))

    assert [line.wave for line in drawn.lines if line.verdict is Verdict.ACT] == [1, *[2] * 5]
    assert {line.wave for line in drawn.lines if line.verdict is not Verdict.ACT} == {0}
    assert {line.wave for line in back.lines} == {0}
    assert [line.wave for line in one.lines] == [1]


def test_wave_of_more_than_fifty_is_several_calls() -> None:
    """The vendor takes fifty ids in a call."""
    rules = edited(("batch = 50", "batch = 120"), ("ramp = [1, 5]", "ramp = []"))

    drawn = made(asked(OFF, *boxes("web", 130)), None, rules)

    assert (drawn.waves, drawn.calls) == ((120, 10), 4)


@pytest.mark.parametrize(("count", "typed"), [(9, False), (10, True)])
def test_large_plan_asks_for_its_count(count: int, typed: bool) -> None:
    """From `confirm_above` on the number of servers is typed."""
    assert made(asked(OFF, *boxes("web", count))).terms.confirm_count is typed


def test_plan_freezes_what_was_asked_and_what_was_seen() -> None:
    """The order carries all that the seal covers; doubled servers are one."""
    record = box("web01", rack="R1", operation_state="reboot-succeed", health_state="OK")
    question = asked(OFF, record, record, reason="why", retry_of="PR-2222")

    drawn = made(question)

    [target] = drawn.order.targets
    assert target is drawn.lines[0]
    assert (target.server_id, target.name, target.rack) == ("id-web01", "web01", "R1")
    assert (target.power_before, target.operation_before) == ("on", "reboot-succeed")
    assert (drawn.order.reason, drawn.order.retry_of) == ("why", "PR-2222")
    assert (drawn.policy_version, drawn.snapshot_at) == (RULES.version, NOW - 2)
    assert (drawn.lines[0].rule, drawn.lines[0].health) == ("everything else", "OK")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["web", "db", "pdu"]),
            st.integers(1, 99),
            st.sampled_from(["on", "off", "", "rebooting"]),
        ),
        max_size=30,
    ),
    st.sampled_from(list(Action)),
)
def test_plan_gives_every_named_server_one_verdict_and_adds_up(
    named: list[tuple[str, int, str]], action: Action
) -> None:
    """Targets are the servers to act on, waves cover them all, nothing else is touched."""
    servers = tuple(box(f"{prefix}{number:02}", power) for prefix, number, power in named)

    drawn = made(asked(action, *servers, reason="INC-1"))

    acting = [line.server_id for line in drawn.lines_with(ACT)]
    assert list(drawn.order.server_ids) == acting
    assert sum(drawn.waves) == len(acting)
    assert len(drawn.lines) == len({record.id for record in servers})
    assert all(line.reason for line in drawn.lines if line.verdict is not ACT)
    assert not any(line.name.startswith("pdu") for line in drawn.lines_with(ACT))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.5, "0.5s"), (30, "30s"), (90, "90s"), (900, "15m"), (3600, "1h")],
)
def test_duration_is_told_as_it_is_typed(seconds: float, text: str) -> None:
    """The largest unit that needs no rest."""
    assert duration(seconds) == text


def test_approver_in_two_groups_can_not_fill_both_places() -> None:
    """Whether a quorum can be reached is asked of distinct people."""
    both = quorum.Roster({"sre": {ANN: "x", BOB: "x"}, "dc-ops": {BOB: "x"}})

    said = refusals(asked(OFF, *boxes("db", 3), reason="INC-1"), known(roster=both))

    assert said == (
        "Nobody could get this approved: it needs one more in dc-ops; you don't count, and "
        "nobody counts twice.",
    )

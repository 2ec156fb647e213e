"""The plan tells, for each server, what it is now, what would be done, and by whose word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bot.power import plan, ports, request
from bot.power.lifecycle import State
from bot.power.messages import running
from bot.power.plan import Need, PlanLine, Terms, Unheard, Verdict
from bot.slack.render import plans, thread_replies
from bot.workflow import answers
from bot.workflow.sources import alarm_lookup
from tests.slack import builders

ON, OFF = "power on", "power off"


def line(name: str, verdict: Verdict = Verdict.ACT, **facts: Any) -> PlanLine:
    """Return one server of a plan, on and well unless told otherwise."""
    given: dict[str, Any] = {"power_before": ON, "health": "OK", "rule": "all"}
    return PlanLine(server_id=f"id-{name}", name=name, verdict=verdict, **{**given, **facts})


def told(
    *lines: PlanLine,
    alarms: Sequence[ports.Alarm] = (),
    unheard: Unheard = Unheard.NOTHING,
    **changes: Any,
) -> str:
    """Return the words of a plan with these servers."""
    acting = [one.name for one in lines if one.verdict is Verdict.ACT]
    given: dict[str, Any] = {
        "lines": lines,
        "terms": Terms(needs=(Need(group="sre", count=1),), rules=("all",)),
        "waves": (1, 2),
        "calls": 2,
        **changes,
    }
    made = builders.planned(builders.order(acting), **given)
    heard = alarm_lookup.Heard(tuple(alarms), unheard)
    shown = answers.PlanShown(heard.beside(made), "PR-7F3K", builders.NOW)
    message = plans.render(shown)
    return "\n".join(block["text"]["text"] for block in message.blocks[1:3]) + str(
        message.blocks[3]
    )


def test_a_plan_folds_servers_by_verdict_and_reason_with_their_states() -> None:
    """Act, skip and blocked, each with what the servers are now."""
    words = told(
        line("web01"),
        line("web02"),
        line("web03", Verdict.SKIP, reason="already on"),
        line("web04", Verdict.BLOCKED, reason="protected", power_before=OFF),
        line("web05", Verdict.BLOCKED, reason="protected", power_before="?"),
    )

    assert "*web[01-02]* (all on)" in words
    assert "1 already on: web03" in words
    assert "🚫 2 blocked: web[04-05] (protected)" in words


def test_a_plan_names_the_servers_that_are_not_well() -> None:
    """By the vendor's word; those that are left alone don't matter."""
    words = told(
        line("web01", health="Critical"),
        line("web02", health="Warning"),
        line("web03", health="Warning"),
        line("web04", Verdict.BLOCKED, health="Critical"),
        line("web05", health=""),
    )

    assert "⚠️ web01 is Critical\n⚠️ web[02-03] are Warning\n" in words
    assert "web04 is" not in words


def test_a_plan_says_which_rule_wants_what_of_which_servers() -> None:
    """One rule is named; of several, the servers of each."""
    needs = (Need(group="sre", count=1), Need(group="dc-ops", count=1))

    one = told(line("web01"))
    two = told(
        line("web01"),
        line("db01", rule="databases"),
        terms=Terms(needs=needs, rules=("databases", "all")),
    )

    assert '*Needs 1 approval:* sre (rule "all")' in one
    assert (
        "*Needs 2 approvals:* sre and dc-ops"
        ' (the strictest of the rules: "databases" for db01; "all" for web01)' in two
    )


def test_a_plan_says_why_it_needs_more_than_its_own_servers_would() -> None:
    """Other requests of the same person, and a freeze that may be passed."""
    terms = Terms(counted=12, overrides=("year end",), rules=("all",))

    words = told(line("web01"), line("web02"), terms=terms)

    assert "Counted with your other open and recent requests: 12 servers." in words
    assert "The freeze adds approvals: year end." in words


def test_a_plan_says_how_it_would_run_and_when_it_stops() -> None:
    """Waves, calls, and the limit that the request itself may lower."""
    assert "In waves of 1 and 2; stops after the first failure" in told(line("web01"))


@pytest.mark.parametrize(
    ("waves", "said"),
    [
        ((3, 1), "in waves of 3 and 1"),
        ((1, 5, 13), "in waves of 1, 5 and 13"),
        ((50, 50, 50), "in 3 waves of 50"),
        ((1, 5, *[50] * 8), "in waves of 1, 5, 50, 50, 50, 50, 50, 50 and 2 more"),
    ],
)
def test_the_plan_and_the_thread_tell_the_waves_in_the_same_words(
    waves: tuple[int, ...], said: str
) -> None:
    """A person who compares them has nothing to translate."""
    started = running.Started(total=sum(waves), waves=waves)

    reply = thread_replies.render(builders.request_in(State.RUNNING), (), started).text

    assert reply.endswith(f", {said}")
    assert f"I{said[1:]}; stops after the first failure" in told(line("web01"), waves=waves)


def test_a_plan_that_breaks_glass_says_that_nobody_is_asked_first() -> None:
    """By which rule, and once: a rule that asks for approvals doesn't "need none"."""
    asked = builders.order(["web01"], options=request.Options(break_glass=True))
    made = builders.planned(asked, terms=Terms(rules=("all",), break_glass=True))

    words = str(plans.render(answers.PlanShown(made, "PR-7F3K", builders.NOW)).blocks)

    assert '*Break glass* (rule "all"): it starts at once, without approval' in words
    assert "Needs no approval" not in words


def test_a_refused_plan_begins_with_what_forbids_it() -> None:
    """Not with a wall of names; those are few, and the rest is counted."""
    lines = [line(f"web{number * 7:05}", reason=f"reason {number % 9}") for number in range(1899)]
    refusals = ("1,899 servers would be acted on; 500 is the limit for one request.",)
    made = builders.planned(builders.order([one.name for one in lines]), lines=lines)
    refused = made.model_copy(update={"refusals": refusals})

    message = plans.render(answers.PlanShown(refused, "", builders.NOW))
    first, second, third = (block["text"]["text"] for block in message.blocks[:3])

    assert first == "🚫 Can't reboot 1,899 servers"
    assert refusals[0] in second
    assert len(third.split("\n")) <= plans.MOST_GROUPS + 3
    assert max(map(len, third.split("\n"))) < 220
    assert "more, for other reasons" in third
    assert message.text.endswith(refusals[0])


def test_a_plan_that_names_not_every_server_offers_to_show_all() -> None:
    """Details has them in a table; what is whole needs no button."""
    few = [line("web01"), line("web02")]
    many = [line(f"web{number * 7919:07}") for number in range(200)]
    found = []
    for lines in (few, many):
        made = builders.planned(builders.order([one.name for one in lines]), lines=lines)
        message = plans.render(answers.PlanShown(made, "PR-7F3K", builders.NOW))
        found.append([one["text"]["text"] for one in message.blocks[-1]["elements"]])
    assert found == [["Request", "Change…"], ["Request", "Change…", "Show all"]]


def test_a_plan_of_nothing_says_so() -> None:
    """It is a plan all the same."""
    assert told(waves=(), calls=0, terms=plan.Terms()).startswith("> ")


def test_a_plan_names_the_alarms_of_its_servers_the_worst_first() -> None:
    """Folded by alarm; those of servers that are left alone don't matter."""
    words = told(
        line("web01"),
        line("web02"),
        line("web03", Verdict.BLOCKED),
        alarms=[
            ports.Alarm("id-web02", "Fan speed low", 3),
            ports.Alarm("id-web01", "Fan speed low", 3),
            ports.Alarm("id-web02", "Power supply failed <!here>", 1),
            ports.Alarm("id-web03", "Disk", 1),
            ports.Alarm("id-web01", "New", 0),
        ],
    )

    assert (
        "⚠️ web02: Power supply failed &lt;!here&gt; (critical), Fan speed low (minor)\n"
        "⚠️ web01: Fan speed low (minor), New (level unknown)\n" in words
    )


def test_a_plan_says_when_alarms_could_not_be_read() -> None:
    """Their absence is no good news then."""
    many = [ports.Alarm("id-web01", f"Alarm {n}", 2) for n in range(9)]

    assert "⚠️ Alarms couldn't be read\n" in told(line("web01"), unheard=Unheard.NOT_READ)
    assert "and 6 other alarms" in told(line("web01"), alarms=many)


def test_plan_names_whose_request_holds_a_server() -> None:
    """Who is at work on it is told as a person, not as an id."""
    reason = "PR-7F3K of U0SAM is working on it (cycle, for 3m so far)"
    words = told(line("web01", Verdict.BLOCKED, reason=reason, holder="U0SAM"))

    assert "PR-7F3K of <@U0SAM> is working on it (cycle, for 3m so far)" in words

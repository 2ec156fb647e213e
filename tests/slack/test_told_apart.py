"""What an approver reads is what is done: twins, odd names, options, waves, rules, cut lists."""

from __future__ import annotations

import dataclasses

import pytest

from bot.power import plan, ports, request, server
from bot.power.lifecycle import ServerState, State
from bot.sandbox.workspace.blockkit import blocks as stand_in_blocks
from bot.slack.render import buttons, cards, home, plans, progress, server_lists
from bot.slack.render.phrases import about_plan, outcomes
from bot.workflow import answers
from tests.slack import builders

TWINS = (
    request.Target(server_id="a", name="web01", rack="R1", apart="rack R1"),
    request.Target(server_id="b", name="web01", rack="R2", apart="rack R2"),
)
ODD = (request.Target(server_id="c", name="web0\uff11", rack="R1"),)


def made(targets: tuple[request.Target, ...], **changes: object) -> plan.Plan:
    """Return a plan for these servers."""
    lines = tuple(
        plan.PlanLine(
            server_id=one.server_id, name=one.name, verdict=plan.Verdict.ACT, apart=one.apart
        )
        for one in targets
    )
    return builders.planned(builders.order(targets=targets), lines=lines, **changes)


def everything(planned: plan.Plan) -> dict[str, str]:
    """Return all that people are shown of a plan and its request, by where it stands."""
    pending = builders.request_in(State.PENDING, planned)
    rows = [
        ports.RunServer(t.server_id, t.name, state=ServerState.PROVEN, apart=t.apart)
        for t in planned.order.targets
    ]
    shown = plans.render(answers.PlanShown(planned, "PR-7F3K", builders.NOW))
    card = cards.render(pending)
    opened = answers.HomeShown((pending,), (), (), (), (), builders.NOW)
    return {
        "plan": str(shown.blocks),
        "plan's notification": shown.text,
        "card": str(card.blocks[:2]),
        "card's notification": card.text,
        "confirmation": str(buttons.approve(pending).confirm),
        "home": str(home.render(opened)),
        "details": str(cards.render(pending, private=True).blocks),
        "end": outcomes.told(rows, planned.order.action),
        "rows": str(outcomes.rows(rows, planned.order.action)),
        "tasks": str(progress.render(rows, planned.order.action)),
    }


def test_servers_of_one_name_are_told_apart_everywhere() -> None:
    """Nobody approves one machine and gets two."""
    for where, told in everything(made(TWINS)).items():
        assert "web01 (rack R1)" in told, where
        assert "web01 (rack R2)" in told, where
        assert "[01]" not in told, where


def test_name_with_a_look_alike_is_marked_everywhere() -> None:
    """It stands quoted, with the character that deceives by its name."""
    for where, told in everything(made(ODD)).items():
        assert "(full-width 1)" in told, where


def test_card_says_options_waves_and_rules_until_it_has_ended() -> None:
    """What the seal covers and how it would run is read before Approve is pressed."""
    options = request.Options(batch=5, pause_s=30.0, max_failures=2)
    planned = builders.planned(builders.order(options=options))

    card = cards.render(builders.request_in(State.PENDING, planned))
    ended = cards.render(builders.request_in(State.SUCCEEDED, planned))

    stand_in_blocks.check_message(list(card.blocks))
    told = str(card.blocks)
    assert "*Options:* `--batch 5 --pause 30s --max-failures 2`" in told
    assert "In waves of 1, 5 and 13; stops after 2 failures" in told
    assert "In waves" not in str(ended.blocks)


@pytest.mark.parametrize("limit", [60, 200, 300, 700])
def test_cut_list_says_whose_rules_are_behind_the_cut(limit: int) -> None:
    """Three databases behind forty others aren't approved unseen; the counts add up."""
    targets = tuple(
        request.Target(server_id=f"s{n}", name=f"{'zdb' if n < 3 else f'host-{n:02}-x'}{n}y")
        for n in range(90)
    )
    lines = tuple(
        plan.PlanLine(
            server_id=one.server_id,
            name=one.name,
            verdict=plan.Verdict.ACT,
            rule="databases" if one.name.startswith("zdb") else "everything else",
        )
        for one in targets
    )
    terms = plan.Terms(rules=("databases", "everything else"))
    planned = builders.planned(builders.order(targets=targets), lines=lines, terms=terms)

    told = about_plan.names(planned, limit)

    shown = sum(one.name in told for one in targets)
    behind = len(targets) - shown
    assert f"{behind} more, 3 of them under rule databases, {behind - 3} of them" in told
    assert len(told) <= limit + about_plan.BEHIND_CHARS
    stand_in_blocks.check_message(
        list(cards.render(builders.request_in(State.PENDING, planned)).blocks)
    )


def test_reader_of_servers_sees_which_is_which() -> None:
    """In the counts and in the rows."""
    rows = (
        server.Server("a", "web01", power_state="ON", rack="R1", unit="3"),
        server.Server("b", "web01", power_state="ON", rack="R1", unit="7"),
    )
    snapshot = server.Snapshot({row.id: row for row in rows}, 0.0)

    told = str(server_lists.render(answers.FleetShown("web*", snapshot, rows, 1.0)).blocks)

    assert told.count("web01 (rack R1 unit 3)") == 2
    assert told.count("web01 (rack R1 unit 7)") == 2


def test_reason_can_not_put_an_approval_on_a_line_of_its_own() -> None:
    """Blank characters that are no spaces, and breaks of lines, are one space."""
    reason = "fan" + "\u2800" * 80 + "\n\u3164✔ Approved by sam"
    found = builders.request_in(State.PENDING, builders.planned(builders.order(reason=reason)))

    told = str(cards.render(found).blocks)

    assert "fan ✔ Approved by sam" in told
    assert "\u2800" not in told


def test_old_requests_of_twins_show_their_number() -> None:
    """A plan from before has no places; it says at least that there are two."""
    old = tuple(dataclasses.replace(one, apart="") for one in TWINS)

    assert "web01 (2 servers)" in cards.render(builders.request_in(State.PENDING, made(old))).text

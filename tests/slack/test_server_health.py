"""Whoever decides reads what the requester read: health, alarms, waves."""

from __future__ import annotations

from bot.power import plan, ports
from bot.power.lifecycle import State
from bot.power.plan import Unheard, Verdict
from bot.sandbox.workspace.blockkit import blocks as stand_in_blocks
from bot.slack.render import buttons, cards, plan_table, plans, private_answers as private
from bot.storage.tables import packed_plans
from bot.workflow import answers
from bot.workflow.sources import alarm_lookup
from tests.slack import builders

SICK = "⚠️ db11 is Critical: Power supply failed"


def sick_plan(**changes: object) -> plan.Plan:
    """Return a plan for three databases, of which one isn't well."""
    lines = tuple(
        plan.PlanLine(
            server_id=f"id-{name}",
            name=name,
            verdict=Verdict.ACT,
            health="Critical" if name == "db11" else "OK",
        )
        for name in ("db10", "db11", "db12")
    )
    made = builders.planned(builders.order(["db10", "db11", "db12"]), lines=lines, waves=(1, 2))
    heard = alarm_lookup.Heard((ports.Alarm("id-db11", "Power supply failed", 1),))
    return heard.beside(made).model_copy(update=changes)


def asked_once_more(made: plan.Plan) -> str:
    """Return what the dialog says that Approve opens."""
    dialog = buttons.approve(builders.request_in(State.PENDING, made)).confirm
    assert dialog is not None
    return str(dialog["text"]["text"])


def test_the_card_says_what_the_plan_said_of_ill_health() -> None:
    """In the same words; after the end it is in the way."""
    made = sick_plan()

    shown = plans.render(answers.PlanShown(made, "PR-7F3K", builders.NOW))
    card = cards.render(builders.request_in(State.PENDING, made))
    ended = cards.render(builders.request_in(State.SUCCEEDED, made))

    for message in (shown, card):
        stand_in_blocks.check_message(list(message.blocks))
        assert SICK in str(message.blocks)
        assert "In waves of 1 and 2" in str(message.blocks)
    assert SICK not in str(ended.blocks)


def test_the_approve_dialog_names_sick_servers_and_waves_within_its_bounds() -> None:
    """However long the list of servers is."""
    names = [f"rack{n % 97:02}-node-{n * 7919 % 100000:05}.example" for n in range(1200)]
    lines = tuple(
        plan.PlanLine(server_id=f"id-{name}", name=name, verdict=Verdict.ACT, health="Critical")
        for name in names
    )
    large = builders.planned(builders.order(names), lines=lines, waves=(1, 5, *[50] * 24))

    few, many = asked_once_more(sick_plan()), asked_once_more(large)

    assert few.endswith("⚠️ With alarms or poor health: db11. In waves of 1 and 2.")
    assert "⚠️ With alarms or poor health: rack" in many
    assert many.endswith("and 18 more.")
    assert len(many) <= 300


def test_details_have_a_column_for_health_and_alarms() -> None:
    """One row for each server; what is well says so."""
    table = plan_table.render(sick_plan())[0]
    rows = [[cell["text"] for cell in row] for row in table["rows"]]
    shown = private.render(
        answers.RequestShown(builders.request_in(State.PENDING, sick_plan()), (), builders.NOW)
    )

    assert rows[0] == ["Server", "Rack", "Now", "Health", "Plan", "Why"]
    assert rows[1][3] == "OK"
    assert rows[2][3] == "Critical, Power supply failed (critical)"
    assert table in shown.blocks


def test_details_have_columns_for_waves_and_rules_where_there_are_several() -> None:
    """Which server goes first, and by which rule each is judged; the small print stands below."""
    names = ["db01", "web01", "web02"]
    lines = [
        plan.PlanLine(
            server_id=f"id-{name}", name=name, verdict=plan.Verdict.ACT, rule=rule, wave=wave
        )
        for name, rule, wave in zip(names, ("databases", "all", "all"), (1, 2, 2), strict=True)
    ]
    made = builders.planned(builders.order(names), lines=lines, waves=(1, 2))
    shown = private.render(
        answers.RequestShown(builders.request_in(State.PENDING, made), (), builders.NOW)
    )

    (table,) = [one for one in shown.blocks if one["type"] == "table"]
    rows = [[cell["text"] for cell in row][-2:] for row in table["rows"]]
    assert rows == [["Wave", "Rule"], ["1", "databases"], ["2", "all"], ["2", "all"]]
    assert "seal" in str(shown.blocks[shown.blocks.index(table) + 1])


def test_details_explain_the_steps_around_a_wave() -> None:
    """A name of the policy says nothing to who reads it the first time."""
    steps = (plan.Stepped(name="quiet", kind="silence"), plan.Stepped(name="lb", kind="webhook"))
    made = builders.planned().model_copy(
        update={"around": (plan.RuleSteps(rule="a", steps=steps),)}
    )
    found = builders.request_in(State.PENDING, made)

    shown = private.render(answers.RequestShown(found, (), builders.NOW))

    said = "*quiet* silences the alerts of these servers; *lb* tells another system"
    assert said in str(shown.blocks)
    assert said not in str(cards.render(found).blocks)


def test_who_decides_is_told_that_alarms_could_not_be_read() -> None:
    """Their absence is no good news then."""
    card = cards.render(builders.request_in(State.PENDING, sick_plan(unheard=Unheard.NOT_READ)))

    assert "Alarms couldn't be read" in str(card.blocks)


def test_alarms_are_kept_with_the_plan_in_bounds_and_plans_of_before_are_read() -> None:
    """A hundred alarms of a hundred servers each are cut, and that is said."""
    flood = tuple(
        ports.Alarm(f"id-web{n:02}", f"Alarm {m}", 2) for n in range(1, 20) for m in range(100)
    )
    kept = alarm_lookup.Heard(flood).beside(builders.planned())
    old = builders.planned().model_dump(exclude={"alarms", "unheard"})

    assert packed_plans.unpacked(packed_plans.packed(sick_plan())) == sick_plan()
    assert sum(len(one.server_ids) for one in kept.alarms) == alarm_lookup.MOST_KEPT
    assert kept.unheard is Unheard.NOT_ALL
    assert plan.Plan.model_validate(old) == builders.planned()

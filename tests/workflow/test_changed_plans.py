"""A plan is changed by the form that it fills in, under the rules that typing has."""

from __future__ import annotations

import pytest

from bot.power import inputs
from bot.power.lifecycle import State
from bot.workflow import answers
from tests.workflow.world import DANA, ROSA, SAM, World

LINE = "reboot web[01-03] !web02 --batch 2 --pause 30s because kernel panic"


async def changed(world: World, line: str) -> answers.FormShown:
    """Plan a line, and press Change."""
    shown = await world.plan(line)
    form = await world.press(DANA, "change", shown.request_id)
    assert isinstance(form, answers.FormShown)
    return form


def filled(form: answers.FormShown) -> inputs.RequestFilled:
    """Return the form as it is sent when nothing in it is changed."""
    order = form.order
    assert order is not None
    options = order.options
    return inputs.RequestFilled(
        filled={
            "action": order.action.value,
            "servers": " ".join(one.value for one in form.servers),
            "reason": order.reason,
            "batch": f"{options.batch or ''}",
            "pause": f"{options.pause_s:g}s" if options.pause_s is not None else "",
        }
    )


@pytest.mark.parametrize(
    "line",
    [
        LINE,
        "off tag:role=db because power work",
        "reboot web* & tag:role=web because kernel panic",
    ],
)
async def test_an_unchanged_form_makes_the_same_plan(world: World, line: str) -> None:
    """Terms, action, options, reason: sent as it was opened, it asks for the same."""
    first = await world.plan(line)
    form = await changed(world, line)

    again = await world.flow.handle(world.inbound(DANA, filled(form)))

    assert isinstance(again, answers.PlanShown)
    assert again.plan.order == first.plan.order
    assert form.notes == ()


async def test_only_whoever_made_a_plan_changes_it(world: World) -> None:
    """As with Request; the refusal is in the audit."""
    shown = await world.plan(LINE)

    said = await world.told(ROSA, "change", shown.request_id)

    assert said == "Only the person who made this plan can change it."
    (row,) = await world.audit("request.refused_to_ask")
    assert row["request_id"] == shown.request_id


async def test_a_plan_that_was_asked_for_is_not_changed(world: World) -> None:
    """Approvers look at it already."""
    id_ = await world.ask(LINE)

    assert "is waiting for approval" in await world.told(DANA, "change", id_)
    await world.press(SAM, "approve", id_)
    assert await world.state(id_) is not State.PENDING


async def test_a_plan_that_was_not_typed_fills_in_its_servers(world: World) -> None:
    """An undo's, for one."""
    id_ = await world.ask("off web01 web02 because power work")
    await world.press(SAM, "approve", id_)
    await world.drive()
    undo = await world.press(DANA, "undo", id_)
    assert isinstance(undo, answers.PlanShown)

    form = await world.press(DANA, "change", undo.request_id)

    assert isinstance(form, answers.FormShown)
    assert [one.value for one in form.servers] == ["web01", "web02"]

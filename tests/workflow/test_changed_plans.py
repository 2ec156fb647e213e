"""A plan is changed by the form that it fills in, under the rules that typing has."""

from __future__ import annotations

import asyncio
import dataclasses
import pathlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.power import inputs, ports
from bot.power.lifecycle import State
from bot.workflow import answers
from tests.support import databases
from tests.workflow import world as world_
from tests.workflow.world import DANA, ROSA, SAM, World

LINE = "reboot web[01-03] !web02 --batch 2 --pause 30s because kernel panic"


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def world(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> AsyncIterator[World]:
    """A world on either database."""
    server: databases.Postgres | None = None
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
    async with world_.running(server.fresh() if server else databases.sqlite(tmp_path)) as made:
        yield made


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
        },
        replaces=form.replaces,
    )


async def sent(world: World, form: answers.FormShown, key: str, **fields: str) -> answers.Answer:
    """Send a form with other words in some of its fields; `key` tells form and moment."""
    whole = filled(form)
    other = whole.model_copy(update={"filled": {**whole.filled, **fields}})
    answer = await world.flow.handle(world.inbound(DANA, other, key=key))
    assert answer is not None
    return answer


async def one_plan(world: World) -> ports.Request:
    """Return the only plan that can still be requested."""
    states = frozenset({State.PLANNED})
    (found,) = await world.store.read(lambda tx: tx.requests(states=states))
    return found


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


# -- one wish, one plan


async def test_a_changed_plan_takes_the_place_of_the_old_one(world: World) -> None:
    """The old one's buttons ask for nothing: they show the plan that counts."""
    form = await changed(world, LINE)

    new = await sent(world, form, "form:V1:1", reason="kernel panic again")
    requested = await world.press(DANA, "request", form.replaces)
    reopened = await world.press(DANA, "change", form.replaces)

    assert isinstance(new, answers.PlanShown)
    assert new.replaces == form.replaces
    assert (await one_plan(world)).id == new.request_id
    for shown in (requested, reopened):
        assert isinstance(shown, answers.PlanShown)
        assert (shown.request_id, shown.replaces) == (new.request_id, form.replaces)
    (row,) = await world.audit("request.cancelled")
    assert row["detail"]["changed_into"] == new.request_id
    assert (await world.found(form.replaces)).changed_into == new.request_id
    await world.press(DANA, "request", new.request_id)
    said = await world.told(DANA, "request", form.replaces)
    assert said.startswith(f"This plan was changed into {new.request_id}. {new.request_id} is")


async def test_two_phones_that_change_one_plan_make_one_plan(world: World) -> None:
    """The second is told which plan was made of it, whatever it would have changed."""
    form = await changed(world, LINE)

    told = await asyncio.gather(
        sent(world, form, "form:V1:1", reason="from the desk"),
        sent(world, form, "form:V2:1", reason="from the phone"),
    )

    (won,) = [one for one in told if isinstance(one, answers.PlanShown)]
    (lost,) = [one for one in told if isinstance(one, answers.Note)]
    assert (await one_plan(world)).id == won.request_id
    assert lost.text == (
        f"{form.replaces} has already been changed into {won.request_id}; change that one."
    )


async def test_a_plan_is_requested_or_changed_and_never_both(world: World) -> None:
    """Whichever is first; the form that comes late says what to do."""
    form = await changed(world, LINE)

    await world.press(DANA, "request", form.replaces)
    late = await sent(world, form, "form:V1:1", reason="something else")

    assert isinstance(late, answers.Note)
    assert late.text.startswith(f"{form.replaces} is waiting for approval")
    assert late.text.endswith("To change it, cancel it and ask again.")
    assert await world.state(form.replaces) is State.PENDING


async def test_a_form_that_is_sent_again_replaces_its_own_plan(world: World) -> None:
    """Back from a look at the plan, and once more: the last one counts, and a repeated post not."""
    form = await changed(world, LINE)

    await sent(world, form, "form:V1:1", reason="first thought")
    last = await sent(world, form, "form:V1:2", reason="second thought")
    again = await sent(world, form, "form:V1:2", reason="second thought")

    assert isinstance(last, answers.PlanShown)
    assert isinstance(again, answers.PlanShown)
    assert last.request_id == again.request_id == (await one_plan(world)).id


async def test_a_form_that_was_opened_afresh_replaces_its_own_plan_too(world: World) -> None:
    """One wish is one plan; what was asked for in between was another wish."""
    form = dataclasses.replace(await changed(world, LINE), replaces="")

    first = await sent(world, form, "form:V1:1", reason="first thought")
    other = await sent(world, form, "form:V10:1", reason="another form")
    last = await sent(world, form, "form:V1:2", reason="second thought")

    assert isinstance(first, answers.PlanShown)
    assert isinstance(other, answers.PlanShown)
    assert isinstance(last, answers.PlanShown)
    assert (first.replaces, other.replaces, last.replaces) == ("", "", first.request_id)
    assert await world.state(first.request_id) is State.CANCELLED
    assert await world.state(other.request_id) is State.PLANNED
    await world.press(DANA, "request", last.request_id)
    after = await sent(world, form, "form:V1:3", reason="third thought")
    assert isinstance(after, answers.PlanShown)
    assert after.replaces == ""


async def test_nobody_replaces_the_plan_of_another(world: World) -> None:
    """A form's metadata is routing data: whose plan it is decides."""
    theirs = await world.plan(LINE)
    form = await changed(world, LINE)

    whole = filled(form).model_copy(update={"replaces": theirs.request_id})
    await world.flow.handle(world.inbound(ROSA, whole, key="form:V9:1"))

    assert await world.state(theirs.request_id) is State.PLANNED

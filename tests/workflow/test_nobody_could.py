"""A plan that nobody could get approved says so before it is asked for."""

from __future__ import annotations

import dataclasses

import pytest

from bot.power import ports, request
from bot.power.lifecycle import State
from tests.workflow import world as world_
from tests.workflow.world import DANA, LEO, ONCALL, SAM, TEAM, World


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"deleted": True}, "2 deactivated"),
        ({"is_restricted": True}, "2 a guest"),
        ({"is_bot": True}, "2 a bot"),
        ({"is_stranger": True}, "2 from another company"),
        ({"team_id": "T0OTHER"}, "2 from another workspace"),
    ],
)
async def test_plan_whose_only_candidates_may_do_nothing_cannot_be_asked(
    world: World, fields: dict[str, object], word: str
) -> None:
    """Each way in which somebody is none who may approve."""
    world.folk.change(SAM, **fields)
    world.folk.change(LEO, **fields)

    shown = await world.plan("reboot web01 because x")

    (refusal,) = shown.plan.refusals
    assert refusal.startswith("Nobody could get this approved: it needs one more in sre")
    assert word in refusal
    assert shown.request_id == ""


async def test_plan_with_one_able_candidate_left_can_be_asked(world: World) -> None:
    """One among those who have left is enough."""
    world.folk.change(SAM, deleted=True)

    assert (await world.plan("reboot web01 because x")).plan.refusals == ()


async def test_plan_whose_group_is_empty_cannot_be_asked(world: World) -> None:
    """A user group without anybody, beside a person who has left."""
    world.folk.groups[ONCALL] = frozenset()
    world.folk.change("U0ROSA", deleted=True)

    (refusal,) = (await world.plan("reboot db01 because x")).plan.refusals

    assert "one more in dc-ops" in refusal


async def test_plan_whose_groups_are_empty_says_who_can_fill_them(world: World) -> None:
    """That the requester doesn't count is beside the point where nobody is there."""
    world.edit(('dc-ops = ["U0ROSA", "S0ONCALL"]', 'dc-ops = ["S0ONCALL"]'))
    world.folk.groups[ONCALL] = frozenset()

    (refusal,) = (await world.plan("reboot db01 because x")).plan.refusals

    assert refusal == (
        "Nobody could get this approved: nobody is in dc-ops. An operator must add people to it "
        "in the policy, or a Slack admin to its user group."
    )


async def test_requester_is_no_candidate_of_their_own(world: World) -> None:
    """The others are gone, and their own yes doesn't count."""
    world.edit(('sre = ["U0DANA", "U0SAM", "U0LEO"]', 'sre = ["U0DANA"]'))

    (refusal,) = (await world.plan("reboot web01 because x")).plan.refusals

    assert refusal.startswith("Nobody could get this approved")


async def test_candidates_who_cannot_be_looked_up_do_not_refuse_a_plan(world: World) -> None:
    """Their clicks are looked up anyway."""
    world.folk.away = {SAM, LEO}

    assert (await world.plan("reboot web01 because x")).plan.refusals == ()


async def test_large_group_costs_few_look_ups(world: World) -> None:
    """As many as there are places, while those people are able."""
    many = [f"U0M{n:04}" for n in range(1500)]
    world.folk.groups[ONCALL] = frozenset(many)
    world.folk.members.update({one: ports.Member(one, TEAM) for one in many})

    await world.plan("reboot db01 because x")

    assert sum(one.startswith("U0") for one in world.folk.asked) <= 4


async def test_request_whose_candidates_leave_before_it_is_asked_is_refused(world: World) -> None:
    """The plan is held against the world once more when Request is pressed."""
    shown = await world.plan("reboot web01 because x")
    world.folk.change(SAM, deleted=True)
    world.folk.change(LEO, deleted=True)

    told = await world.told(DANA, "request", shown.request_id)

    assert "Nobody could get this approved" in told
    assert await world.state(shown.request_id) is State.REFUSED


async def test_server_that_is_renamed_before_the_request_is_not_asked_for(world: World) -> None:
    """The plan spoke of another name."""
    shown = await world.plan("reboot web01 because x")
    world.centre.change_server("web01", name="web99")
    world.clock.passed_s += 20

    told = await world.told(DANA, "request", shown.request_id)

    assert "web01 isn't what was planned: renamed to web99 since the plan" in told


async def test_requester_with_two_teams_is_one_person(world: World) -> None:
    """Their own request stays their own by user id, whatever team the click names."""
    world.folk.change(DANA, team_id=TEAM)
    id_ = await world.ask("reboot web01 because x")
    for do, team in (("approve", "E0GRID"), ("cancel", "E0GRID")):
        click = world.inbound(DANA, world_.pressed(do, id_))
        person = request.Person(user_id=DANA, team_id=team)
        said = await world.flow.handle(dataclasses.replace(click, person=person))
        if do == "approve":
            assert "your own request" in str(said)

    assert await world.state(id_) is State.CANCELLED

"""A line whose terms narrow each other, through the door: what acts, and how it is read back."""

from __future__ import annotations

import pytest

from bot.power import plan
from bot.slack.render import plans, server_lists
from bot.workflow import answers
from tests.workflow.world import World


async def test_plan_for_terms_of_different_kinds_acts_on_fewer_and_says_its_reading(
    world: World,
) -> None:
    """Whoever switches on the web servers that are off switches on no others."""
    listed = await world.type("list tag:role=web state:off")
    assert isinstance(listed, answers.FleetShown)
    shown = await world.plan("on tag:role=web state:off")

    acting = {line.name for line in shown.plan.lines_with(plan.Verdict.ACT)}
    assert acting == {row.name for row in listed.servers}
    assert acting
    assert all(("role", "web") in row.tags and row.power.value == "off" for row in listed.servers)
    count = f"{len(acting)} server{'' if len(acting) == 1 else 's'}"
    told = str(plans.render(shown).blocks)
    assert f"*Read as:* servers tagged role=web that are off: {count}" in told
    assert "servers tagged role=web that are off" in server_lists.render(listed).text


@pytest.mark.parametrize("line", ["web[01-03]", "web[01-03] !web02", "@db"])
async def test_plan_for_terms_that_add_up_says_no_reading(world: World, line: str) -> None:
    """The terms say it themselves."""
    shown = await world.plan(f"off {line}")

    assert "Read as" not in str(plans.render(shown).blocks)


async def test_plan_and_limits_tell_racks_of_one_name_apart(world: World) -> None:
    """Two rooms may each have a rack R01: the plan names both, and neither counts for the other."""
    world.centre.change_server("web01", rack="R01", dc="dc-a")
    world.centre.change_server("web02", rack="R01", dc="dc-b")

    shown = await world.plan("off web[01-02]")

    assert {target.rack for target in shown.plan.order.targets} == {
        "R01 in dc-a",
        "R01 in dc-b",
    }
    refused = await world.type("off rack:R01")
    assert isinstance(refused, answers.Mistake)
    assert "rack:R01 dc:dc-a or rack:R01 dc:dc-b" in refused.problem

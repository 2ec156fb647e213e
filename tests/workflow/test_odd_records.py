"""A server whose record can't be read is left alone wherever that might matter."""

from __future__ import annotations

import pytest

from bot.power import plan
from bot.power.lifecycle import State
from bot.sandbox.data_centre import RecordOddity
from bot.workflow import answers
from tests.workflow.world import SAM, World

LOST = "its tags can't be read, and the policy asks for them"


@pytest.mark.parametrize(
    ("oddity", "said"),
    [
        (RecordOddity.NULL_AMONG_TAGS, LOST),
        (RecordOddity.TAGS_AS_TEXTS, "protected"),
        (RecordOddity.TAGS_AS_OBJECT, "protected"),
        (RecordOddity.TAGS_OF_ONE_MEMBER, "protected"),
        (RecordOddity.TAGS_OF_LISTS, "protected"),
        (RecordOddity.TAG_WITHOUT_KEY, LOST),
        (RecordOddity.TAGS_NULL, LOST),
        (RecordOddity.TAGS_MISSING, LOST),
        (RecordOddity.FROZEN_WORD, "protected"),
    ],
)
async def test_protection_by_tag_is_not_lost_by_an_odd_shape(
    world: World, oddity: RecordOddity, said: str
) -> None:
    """Whatever CloudDC makes of the tags, the plan doesn't act."""
    world.centre.change_server("web01", tags=(("powerbot", "never"),))
    world.centre.machine("web01").distort(oddity)

    shown = await world.plan("off web[01-02]")

    (blocked,) = shown.plan.lines_with(plan.Verdict.BLOCKED)
    assert (blocked.name, blocked.reason) == ("web01", said)
    assert [line.name for line in shown.plan.lines_with(plan.Verdict.ACT)] == ["web02"]


@pytest.mark.parametrize(
    ("oddity", "said"),
    [
        (RecordOddity.FROZEN_WORD, "whether Huawei Cloud has suspended it can't be read"),
        (RecordOddity.FROZEN_NULL, "whether Huawei Cloud has suspended it can't be read"),
        (RecordOddity.MANAGE_STATE_NULL, "its manage_state can't be read"),
        (RecordOddity.OPERATION_OBJECT, "its power state is unknown"),
    ],
)
async def test_plan_does_not_act_on_a_state_that_cannot_be_read(
    world: World, oddity: RecordOddity, said: str
) -> None:
    """Unreadable is neither not frozen, nor in use, nor at rest."""
    world.centre.machine("web01").distort(oddity)

    shown = await world.plan("off web[01-02]")

    (blocked,) = shown.plan.lines_with(plan.Verdict.BLOCKED)
    assert (blocked.name, blocked.reason) == ("web01", said)


async def test_server_that_may_be_meant_is_named_and_left_alone(world: World) -> None:
    """Typed terms ask too: by a rack that can't be read, or by a tag that would take out."""
    world.centre.machine("web01").distort(RecordOddity.LOCATION_TEXT)
    by_rack = await world.plan("off web[01-03] rack:R01")
    world.edit(('servers = ["tag:powerbot=never", "pdu*"]', 'servers = "pdu*"'))
    world.centre.machine("web01").distort(RecordOddity.TAGS_NULL)
    world.centre.change_server("web02", tags=(("role", "keep"),))
    world.clock.passed_s += 60
    by_tag = await world.plan("off web[01-03] !tag:role=keep")

    for shown, why in ((by_rack, "its room and rack"), (by_tag, "its tags")):
        (blocked,) = shown.plan.lines_with(plan.Verdict.BLOCKED)
        assert blocked.name == "web01"
        assert blocked.reason.startswith(why)
        assert blocked.reason.endswith("you ask for them")
    assert [line.name for line in by_tag.plan.lines_with(plan.Verdict.ACT)] == ["web03"]


async def test_person_is_told_whose_tags_could_not_be_read(world: World) -> None:
    """Nothing matches, but that isn't the whole truth."""
    world.centre.machine("web01").distort(RecordOddity.TAGS_NULL)

    said = await world.type("off tag:role=nothing")

    assert isinstance(said, answers.Mistake)
    assert "the tags of web01 can't be read" in said.problem


async def test_run_leaves_a_server_alone_whose_tags_are_unreadable_by_then(world: World) -> None:
    """The record is read again before its wave."""
    id_ = await world.ask("off web[01-02]")
    await world.told(SAM, "approve", id_)
    world.centre.machine("web01").distort(RecordOddity.NULL_AMONG_TAGS)
    await world.later(60)
    await world.later(60)

    sent = {one for entry in world.centre.power_calls() for one in entry.ids}
    assert world.centre.machine("web01").server.id not in sent
    assert world.centre.machine("web02").server.id in sent
    assert await world.state(id_) in (State.PARTIAL, State.SUCCEEDED, State.RUNNING)

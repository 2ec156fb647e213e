"""A request whose card Slack refuses is neither lost nor approved unseen."""

from __future__ import annotations

from bot.power import ports
from bot.power.lifecycle import State
from bot.slack.render import refused_cards
from tests.workflow.world import DANA, INC, OPS, SAM, World


async def test_approver_can_t_approve_what_the_channel_can_t_see(world: World) -> None:
    """The yes is held, not lost: once the card is there, it counts."""
    id_ = await world.ask("reboot web01 because kernel panic")
    found = await world.found(id_)
    told = refused_cards.RefusedCards(world.store, world.clock)
    for _ in range(2):
        await told.tell(found, "not_in_channel")
        await refused_cards.RefusedCards(world.store, world.clock).tell(found, "not_in_channel")

    said = await world.told(SAM, "approve", id_)
    assert "hasn't accepted its card" in said
    assert await world.state(id_) is State.PENDING
    assert len(await world.audit("card.refused", id_)) == 1
    assert [row["event"] for row in await world.audit(request_id=id_)][-1] == "approval.held"

    await world.store.write(lambda tx: tx.set_card(id_, ports.Card(OPS, "1.5")))
    await world.press(SAM, "approve", id_)
    assert await world.state(id_) is State.APPROVED


async def test_requester_who_nudges_unseen_is_told_that_nobody_was_asked(world: World) -> None:
    """There is no thread to ask in yet; once there is, the nudge counts."""
    id_ = await world.ask("reboot web01 because kernel panic")
    told = refused_cards.RefusedCards(world.store, world.clock)
    await told.tell(await world.found(id_), "not_in_channel")

    said = await world.told(DANA, "nudge", id_)
    await world.show_card(id_, OPS)
    again = await world.told(DANA, "nudge", id_)

    assert "Nobody can see this request yet" in said
    assert "as soon as the card is there" in said
    assert again == "Asked them again in the thread."


async def broken_unseen(world: World) -> str:
    """Break the glass in a channel whose card doesn't come."""
    line = "reboot web01 --break-glass because INC-1 nobody answers"
    shown = await world.plan(line, channel=INC)
    await world.press(DANA, "request", shown.request_id)
    return shown.request_id


async def test_break_glass_does_not_start_before_its_channel_can_see_it(world: World) -> None:
    """It starts within a moment once the card is there."""
    id_ = await broken_unseen(world)
    for _ in range(10):
        await world.later(1.0)
    assert await world.state(id_) is State.APPROVED
    assert world.calls() == []

    await world.show_card(id_, INC)
    await world.later(1.0)

    assert await world.state(id_) is State.SUCCEEDED


async def test_break_glass_that_nobody_sees_ends_and_owes_nothing(world: World) -> None:
    """After half a minute, with a word to its requester; the next one is free."""
    id_ = await broken_unseen(world)
    await world.later(29.0)
    assert await world.state(id_) is State.APPROVED
    await world.later(2.0)

    found = await world.found(id_)
    assert (found.state, world.calls()) == (State.VOID, [])
    assert "happens in public or not at all" in found.end_reason
    said = await world.store.read(lambda tx: tx.unreviewed(DANA))
    assert said == []
    again = await world.plan("reboot web01 --break-glass because x", channel=INC)
    assert again.plan.refusals == ()


async def test_break_glass_that_waits_for_its_card_can_be_taken_back(world: World) -> None:
    """A no doesn't wait for Slack."""
    id_ = await broken_unseen(world)

    await world.press(DANA, "cancel", id_)
    await world.later(60.0)

    assert await world.state(id_) is State.CANCELLED


async def test_approver_may_deny_what_the_channel_can_t_see(world: World) -> None:
    """A no needs no card."""
    id_ = await world.ask("reboot web01 because kernel panic")
    found = await world.found(id_)
    await refused_cards.RefusedCards(world.store, world.clock).tell(found, "is_archived")

    await world.press(SAM, "deny", id_, reason="not now")

    assert await world.state(id_) is State.DENIED

"""A request whose card Slack refuses is neither lost nor approved unseen."""

from __future__ import annotations

from bot.power import ports
from bot.power.lifecycle import State
from bot.slack import refused_cards
from tests.story.world import OPS, SAM, World


async def test_approver_can_t_approve_what_the_channel_can_t_see(world: World) -> None:
    """The yes is held, not lost: once the card is there, it counts."""
    id_ = await world.ask("reboot web01 because kernel panic")
    found = await world.found(id_)
    told = refused_cards.RefusedCards(world.store, world.clock)
    for _ in range(2):
        await told.tell(found, "not_in_channel")
        await refused_cards.RefusedCards(world.store, world.clock).tell(found, "not_in_channel")

    said = await world.told(SAM, "approve", id_)
    assert "hasn't taken its card" in said
    assert await world.state(id_) is State.PENDING
    assert len(await world.audit("card.refused", id_)) == 1
    assert [row["event"] for row in await world.audit(request_id=id_)][-1] == "approval.held"

    await world.store.write(lambda tx: tx.set_card(id_, ports.Card(OPS, "1.5")))
    await world.press(SAM, "approve", id_)
    assert await world.state(id_) is State.APPROVED


async def test_approver_may_deny_what_the_channel_can_t_see(world: World) -> None:
    """A no needs no card."""
    id_ = await world.ask("reboot web01 because kernel panic")
    found = await world.found(id_)
    await refused_cards.RefusedCards(world.store, world.clock).tell(found, "is_archived")

    await world.press(SAM, "deny", id_, reason="not now")

    assert await world.state(id_) is State.DENIED

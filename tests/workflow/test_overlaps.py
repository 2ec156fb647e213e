"""Two requests that wait for one server know of each other."""

from __future__ import annotations

from typing import Any, cast

from bot.power.lifecycle import State
from bot.slack.render import cards, private_answers as private
from bot.slack.render.phrases import about_request
from tests.workflow.world import DANA, LEO, ROSA, SAM, World


async def versions(world: World, *ids: str) -> list[int]:
    """Return how often each card had news until now."""
    asked = "SELECT request_id, version FROM outbox WHERE kind = 'card'"
    found = await world.store.read(lambda tx: cast("Any", tx).query(asked))
    by_id = {row.request_id: row.version for row in found}
    return [by_id[id_] for id_ in ids]


async def card(world: World, id_: str) -> str:
    """Return a card with the other requests of this moment."""
    found = await world.found(id_)
    also = await world.store.read(lambda tx: tx.overlapping(found.order.server_ids, but=id_))
    return str(cards.render(found, overlaps=also).blocks)


async def test_a_plan_and_both_cards_name_the_other_request_for_a_server(world: World) -> None:
    """The second one's plan says so at once; the first one's card as soon as it is asked."""
    first = await world.ask("reboot web01 web02 because kernel panic")
    before = await versions(world, first)
    seal = (await world.found(first)).order.seal

    shown = await world.plan("off web02 web03 because power work", SAM)

    said = str(private.render(shown).blocks)
    assert f"web02 is also in {first} (reboot, pending)" in said
    assert await versions(world, first) == before
    assert "also in" not in await card(world, first)
    await world.press(SAM, "request", shown.request_id)
    second = shown.request_id
    assert await versions(world, first) != before
    assert f"web02 is also in {second} (off, pending)" in await card(world, first)
    assert f"web02 is also in {first} (reboot, pending)" in await card(world, second)
    assert (await world.found(first)).order.seal == seal


async def test_what_has_ended_is_in_nobodys_way_and_the_other_card_is_shown_anew(
    world: World,
) -> None:
    """Denied, cancelled, run to its end: the line goes with the next edit, which comes at once."""
    first = await world.ask("reboot web01 because kernel panic")
    second = await world.ask("off web01 because power work", SAM)
    third = await world.ask("reboot web04 because kernel panic", SAM)
    before = await versions(world, first, third)

    await world.told(DANA, "deny", second)

    after = await versions(world, first, third)
    assert after[0] > before[0]
    assert after[1] == before[1]
    assert "also in" not in await card(world, first)


async def test_an_approval_does_not_mind_another_request_for_a_server(world: World) -> None:
    """Both may be approved; the lock of the run decides, as ever."""
    first = await world.ask("reboot web01 because kernel panic")
    second = await world.ask("off web01 because power work")
    before = await versions(world, second)

    await world.press(SAM, "approve", first)
    await world.drive()

    assert await world.state(first) is State.SUCCEEDED
    assert await versions(world, second) > before
    await world.press(SAM, "approve", second)
    await world.drive()
    assert await world.state(second) is State.SUCCEEDED


async def test_a_card_learns_who_may_approve_from_what_its_thread_has_said(world: World) -> None:
    """No second look-up; nobody where the policy wants nobody called."""
    id_ = await world.ask("reboot web01 because kernel panic")
    world.edit(("[defaults]", '[defaults]\nnotify = "none"'))
    quiet = await world.ask("reboot web02 because kernel panic")

    called = await world.store.read(lambda tx: (tx.called(id_), tx.called(quiet)))

    assert called == ({"sre": [SAM, LEO]}, {})


async def test_a_card_waits_for_nobody_whose_approval_was_taken_back(world: World) -> None:
    """Who has left the company can't be waited for; the others of the group still can."""
    id_ = await world.ask("reboot db01 because kernel panic")
    await world.press(SAM, "approve", id_)
    world.folk.change(SAM, deleted=True)
    await world.press(ROSA, "approve", id_)

    found = await world.found(id_)
    called = await world.store.read(lambda tx: tx.called(id_))

    assert found.state is State.PENDING
    assert called["sre"] == [LEO]
    assert SAM not in about_request.waits_for(found, called)


async def test_a_mere_plan_is_in_nobodys_way(world: World) -> None:
    """Nobody has asked for it."""
    await world.plan("reboot web01 because kernel panic")

    shown = await world.plan("off web01 because power work", SAM)

    assert shown.plan.overlaps == ()

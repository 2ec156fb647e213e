"""Work on thousands of servers lets the other tasks have their turn."""

from __future__ import annotations

import asyncio

from bot.runtime import priority


async def test_slices_hold_every_item_once_and_in_order() -> None:
    """The last one is shorter; of nothing there is none."""
    found = [some async for some in priority.slices(range(7), 3)]

    assert found == [[0, 1, 2], [3, 4, 5], [6]]
    assert [some async for some in priority.slices(range(0), 3)] == []


async def test_other_task_has_its_turn_between_two_slices() -> None:
    """Whoever waits is held up by one slice, not by all of them."""
    seen: list[str] = []

    async def other() -> None:
        seen.append("other")

    waiting = asyncio.create_task(other())
    async for some in priority.slices(range(4), 2):
        seen.append(str(some))
    await waiting

    assert seen == ["[0, 1]", "other", "[2, 3]"]

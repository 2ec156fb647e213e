"""The short form of `python -m tests.soak.steps`."""

from __future__ import annotations

import pathlib

from tests.soak import steps
from tests.support import databases


async def test_two_replicas_that_are_killed_leave_nothing_standing_that_the_store_does_not_know(
    tmp_path: pathlib.Path, postgres: databases.Postgres
) -> None:
    """A reboot in two waves, and an off; calls go wrong meanwhile."""
    told = steps.Told()
    async with steps.telling(tmp_path, postgres.fresh(), 3, told) as story:
        story.orders = ((("reboot", "web[01-02]"),), (("off", "web06"),))
        story.hurts = (2, 2)
        await story.play()
        await story.reckon()
    assert told.caused["killed"] + told.caused["frozen"] == 2
    assert sum(told.servers.values()) == 3
    assert sum(told.steps.values()) > 3

"""A rolling reboot of many servers with faults; 5,000 of them are a command."""

from __future__ import annotations

from bot.power.lifecycle import ServerState
from tests.execution import rolling, world
from tests.support import virtual


def test_a_rolling_reboot_with_faults_keeps_every_promise() -> None:
    """Lost answers, throttling, dead and slow servers: what can be proven is, the rest is told."""
    with world.quiet():
        told = virtual.run(lambda: rolling.roll(400, seed=2))

    assert told.ends.total() == 400
    assert told.ends[ServerState.PROVEN] >= 300
    assert told.power_calls >= 10

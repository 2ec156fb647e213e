"""Ten runs whose process is really killed; two hundred are a command."""

from __future__ import annotations

from tests.execution import kills, world


def test_runs_whose_process_is_killed_keep_their_promises() -> None:
    """SIGKILL at random moments: every run ends, and no server is rebooted twice."""
    with world.quiet():
        told = kills.play_all(10, seed=1)

    assert told.runs == 10
    assert told.kills >= 1

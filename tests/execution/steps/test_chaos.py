"""A few of the random runs with steps; `python -m tests.execution.steps.chaos` plays thousands."""

from __future__ import annotations

from tests.execution.steps import chaos


def test_random_runs_with_steps_keep_every_promise() -> None:
    """Whatever dies, is lost or refused: what stands outside is what the store says."""
    told = chaos.play_all(15, 515)
    assert told.runs == 15, told.broken
    assert told.crashes > 5
    assert not told.broken

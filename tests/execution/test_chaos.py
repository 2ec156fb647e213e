"""Two hundred random runs with everything going wrong; the large form is a command."""

from __future__ import annotations

from tests.execution import chaos


def test_random_runs_keep_every_promise() -> None:
    """Time-outs, resets, 5xx, lost answers, crashes at any await: no promise breaks."""
    told = chaos.play_all(200, seed=1)

    assert told.broken == []
    assert told.runs == 200
    assert told.crashes > 50

"""Two hundred random runs with everything going wrong; the large form is a command."""

from __future__ import annotations

import pytest

from bot.clouddc import wire
from tests.execution import chaos


def test_random_runs_keep_every_promise() -> None:
    """Time-outs, resets, 5xx, lost answers, crashes at any await: no promise breaks."""
    told = chaos.play_all(200, seed=1)

    assert told.broken == []
    assert told.runs == 200
    assert told.crashes > 50


def test_random_runs_in_a_large_fleet_keep_every_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same where servers are read one by one, since the list has more pages."""
    # A limit too large for a test: the 24 servers are twelve pages of these.
    monkeypatch.setattr(wire, "LARGEST_PAGE", 2)

    told = chaos.play_all(100, seed=1001)

    assert told.broken == []
    assert told.runs == 100

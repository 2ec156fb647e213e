"""A lease that has ended is taken by the second look that finds it so, not by the first."""

from __future__ import annotations

import pytest

from bot.storage.tables import claims


@pytest.mark.parametrize(
    ("looks", "at", "since"),
    [
        ([], 100.0, 0.0),
        ([100.0], 105.0, 0.0),
        ([100.0], 110.0, 100.0),
        ([90.0, 100.0], 110.0, 100.0),
        ([90.0, 100.0], 105.0, 90.0),
        ([100.0, 50.0], 60.0, 50.0),
    ],
    ids=["first-look", "too-soon", "patient", "newest", "older", "clock-set-back"],
)
def test_leases_must_have_ended_before_a_look_a_while_ago(
    looks: list[float], at: float, since: float
) -> None:
    """What had ended at the newest look that is old enough may be taken now."""
    seen = claims.LeaseGrace(10.0)
    for look in looks:
        seen.looked(look)

    assert seen.ended_before(at) == since


def test_looks_are_not_kept_for_ever() -> None:
    """However often a process looks, a few looks are all that is needed."""
    seen = claims.LeaseGrace(10.0)
    for number in range(100_000):
        seen.looked(number / 100)

    assert len(seen._looks) <= claims.STEPS + 2
    assert 980.0 < seen.ended_before(1000.0) <= 990.0

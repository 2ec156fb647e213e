"""The delays between two looks grow, stay below their cap and differ."""

from __future__ import annotations

import random

from bot.power import look_times


def test_pace_grows_by_half_to_its_cap_and_starts_anew() -> None:
    """2 s, 3 s, 4.5 s and so on to 15 s, each spread by a fifth either way."""
    delays = look_times.Pace(2.0, 15.0, random.Random(1))

    found = [delays.next() for _ in range(8)]
    delays.reset()

    expected = [2.0, 3.0, 4.5, 6.75, 10.125, 15.0, 15.0, 15.0]
    assert all(
        abs(delay_s / full_s - 1) <= 0.2 for delay_s, full_s in zip(found, expected, strict=True)
    )
    assert len(set(found)) == 8
    assert delays.next() <= 2.4

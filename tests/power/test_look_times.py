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


class Middle(random.Random):
    """Draws the middle of whatever range it is asked for."""

    def uniform(self, a: float, b: float) -> float:
        """Return the middle."""
        return (a + b) / 2


def test_time_to_the_next_look_counts_from_when_the_last_was_due() -> None:
    """A large fleet takes a while to look at, which nobody should wait for on top."""
    rhythm = look_times.Rhythm(look_times.Pace(2.0, 2.0, Middle()))
    rhythm.called(100.0)

    assert rhythm.due_at(102.5) == 104.0


def test_look_that_took_most_of_the_time_is_followed_by_a_whole_rest() -> None:
    """Counted from when it was due, the next would follow at once, and so would all others."""
    rhythm = look_times.Rhythm(look_times.Pace(2.0, 2.0, Middle()))
    rhythm.called(100.0)

    assert rhythm.due_at(103.5) == 105.5

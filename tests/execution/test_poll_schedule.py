"""The delays between two looks grow, stay below their cap and differ."""

from __future__ import annotations

import random

from bot.execution import poll_schedule


def test_pace_grows_by_half_to_its_cap_and_starts_anew() -> None:
    """2 s, 3 s, 4.5 s and so on to 15 s, each spread by a fifth either way."""
    delays = poll_schedule.Backoff(2.0, 15.0, random.Random(1))

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
    schedule = poll_schedule.Schedule(poll_schedule.Backoff(2.0, 2.0, Middle()))
    schedule.called(100.0)

    assert schedule.next(102.5).at == 104.0


def test_look_that_took_most_of_the_time_is_followed_by_a_whole_rest() -> None:
    """Counted from when it was due, the next would follow at once, and so would all others."""
    schedule = poll_schedule.Schedule(poll_schedule.Backoff(2.0, 2.0, Middle()))
    schedule.called(100.0)

    assert schedule.next(103.5).at == 105.5


def schedule() -> poll_schedule.Schedule:
    """Return a schedule that was called at 100 s and looks at 102, 105 and 109.5 s."""
    found = poll_schedule.Schedule(poll_schedule.Backoff(2.0, 15.0, Middle()))
    found.called(100.0)
    return found


def test_look_that_is_due_soon_after_a_wave_waits_for_its_last_call() -> None:
    """It would only be repeated; whoever waits for it already waits with it."""
    looks = schedule()
    waited_for = looks.next(102.0)

    looks.sent(104.0)

    assert (waited_for.at, looks.next(104.0)) == (106.0, waited_for)


def test_look_that_is_due_long_after_a_wave_comes_as_soon_as_after_a_single_call() -> None:
    """A pace that has slowed down in a long wave has forgotten its last servers."""
    looks = schedule()
    waited_for = looks.next(105.0)

    looks.sent(105.5)

    assert (waited_for.at, looks.next(105.5)) == (107.5, waited_for)


def test_waves_that_end_one_after_another_put_a_look_off_once() -> None:
    """A stream of requests that kept everybody from looking would prove none of them."""
    looks = schedule()

    for tenth in range(1, 40):
        looks.called(100.0 + tenth / 10)
        looks.sent(100.0 + tenth / 10)

    assert looks.next(103.95).at == 104.0


def test_look_under_way_when_a_wave_ends_is_followed_by_one_for_the_wave() -> None:
    """What is being looked at may have been read before the last call."""
    looks = schedule()
    under_way = looks.next(100.0)

    looks.sent(102.2)

    assert (under_way.at, looks.next(102.5).at) == (102.0, 104.2)

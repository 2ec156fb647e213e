"""What counts as out and as owed, and which ends are final."""

from __future__ import annotations

import pytest

from bot.power.steps import kinds, states
from bot.power.steps.states import Shown, StepState


@pytest.mark.parametrize(
    ("state", "stands", "shown"),
    [
        (StepState.INTENDED, True, Shown.OUT),
        (StepState.DONE, True, Shown.OUT),
        (StepState.DONE, False, None),
        (StepState.PUTTING_BACK, True, Shown.OUT),
        (StepState.OWED, True, Shown.OWED),
        (StepState.OWED, False, Shown.OWED),
        (StepState.PUT_BACK, True, None),
        (StepState.FAILED, False, None),
        (StepState.SETTLED, True, None),
    ],
)
def test_what_people_are_shown(state: StepState, stands: bool, shown: Shown | None) -> None:
    """What people are shown."""
    assert states.shown(state, stands=stands) is shown


def test_what_is_owed_stays_owed_while_it_is_tried_once_more() -> None:
    """Until it is paid."""
    assert states.shown(StepState.PUTTING_BACK, stands=True, owed=True) is Shown.OWED
    assert states.shown(StepState.PUT_BACK, stands=False, owed=True) is None


def test_what_stands_can_always_be_settled_and_an_end_never_reopens() -> None:
    """What stands can always be settled and an end never reopens."""
    assert all(StepState.SETTLED in states.AFTER[one] for one in states.STANDING)
    assert {one for one in StepState if not states.AFTER[one]} == set(StepState) - states.STANDING


def test_the_kinds_are_known_by_name() -> None:
    """The kinds are known by name."""
    assert kinds.known()[:4] == ("silence", "drain", "webhook", "probe")
    assert not kinds.named("probe").takes_out
    with pytest.raises(LookupError):
        kinds.named("pager")

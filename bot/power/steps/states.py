"""How a step stands for one server, and what people are told of it."""

from __future__ import annotations

import enum


class StepState(enum.StrEnum):
    """One server of one step, as the store has it.

    `intended` and `putting_back` are written before the first byte leaves, so after a kill they
    mean: it may have happened.
    """

    INTENDED = "intended"  # Taken out, perhaps: nobody has the answer yet.
    DONE = "done"  # Taken out; of a probe, well.
    PUTTING_BACK = "putting_back"  # Put back, perhaps.
    PUT_BACK = "put_back"  # Nothing of ours stands outside any more.
    FAILED = "failed"  # Not done, and nothing stands.
    OWED = "owed"  # It should be back and isn't, or nobody knows.
    SETTLED = "settled"  # Somebody has dealt with it by hand.


class Shown(enum.StrEnum):
    """What stands outside: as it should (out), or not as it should or not known (owed)."""

    OUT = "out"
    OWED = "owed"


# The one table: what isn't here is illegal, as in `lifecycle`.
AFTER: dict[StepState, frozenset[StepState]] = {
    StepState.INTENDED: frozenset(
        {
            StepState.DONE,
            StepState.FAILED,
            StepState.PUTTING_BACK,
            StepState.OWED,
            StepState.SETTLED,
        }
    ),
    StepState.DONE: frozenset(
        {StepState.PUTTING_BACK, StepState.PUT_BACK, StepState.OWED, StepState.SETTLED}
    ),
    StepState.PUTTING_BACK: frozenset({StepState.PUT_BACK, StepState.OWED, StepState.SETTLED}),
    StepState.OWED: frozenset({StepState.PUTTING_BACK, StepState.PUT_BACK, StepState.SETTLED}),
    StepState.PUT_BACK: frozenset(),
    StepState.FAILED: frozenset(),
    StepState.SETTLED: frozenset(),
}
# Something of ours stands outside, or may.
STANDING = frozenset({StepState.INTENDED, StepState.DONE, StepState.PUTTING_BACK, StepState.OWED})


def shown(state: StepState, *, stands: bool, owed: bool = False) -> Shown | None:
    """Return what a server's step counts as; None when nothing of it stands outside.

    What was `owed` stays so while it is tried once more.
    """
    if state is StepState.OWED or (owed and state is StepState.PUTTING_BACK):
        return Shown.OWED
    return Shown.OUT if stands and state in STANDING else None

"""How a step stands for one server, and what people are told of it."""

from __future__ import annotations

import enum


class State(enum.StrEnum):
    """One server of one step, as the store has it.

    `intended` and `putting_back` are written before the first byte leaves, so after a kill they
    mean: it may have happened.
    """

    INTENDED = "intended"
    DONE = "done"
    PUTTING_BACK = "putting_back"
    PUT_BACK = "put_back"
    FAILED = "failed"
    OWED = "owed"
    SETTLED = "settled"


class Shown(enum.StrEnum):
    """What stands outside: as it should (out), or not as it should or not known (owed)."""

    OUT = "out"
    OWED = "owed"


AFTER: dict[State, frozenset[State]] = {
    State.INTENDED: frozenset(
        {State.DONE, State.FAILED, State.PUTTING_BACK, State.OWED, State.SETTLED}
    ),
    State.DONE: frozenset({State.PUTTING_BACK, State.PUT_BACK, State.OWED, State.SETTLED}),
    State.PUTTING_BACK: frozenset({State.PUT_BACK, State.OWED, State.SETTLED}),
    State.OWED: frozenset({State.PUTTING_BACK, State.PUT_BACK, State.SETTLED}),
    State.PUT_BACK: frozenset(),
    State.FAILED: frozenset(),
    State.SETTLED: frozenset(),
}
# Something of ours stands outside, or may.
STANDING = frozenset({State.INTENDED, State.DONE, State.PUTTING_BACK, State.OWED})


def shown(state: State, *, stands: bool, owed: bool = False) -> Shown | None:
    """Return what a server's step counts as; None when nothing of it stands outside.

    What was `owed` stays so while it is tried once more.
    """
    if state is State.OWED or (owed and state is State.PUTTING_BACK):
        return Shown.OWED
    return Shown.OUT if stands and state in STANDING else None

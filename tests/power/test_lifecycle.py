"""The one table of legal changes."""

from __future__ import annotations

import itertools

import pytest

from bot.power import errors, lifecycle
from bot.power.lifecycle import ServerState, State


def leading_to(goal: State) -> set[State]:
    """Return the states from which `goal` is one step away."""
    return {before for before, after in lifecycle.TRANSITIONS.items() if goal in after}


def test_end_states_never_reopen() -> None:
    """Nothing follows an end state."""
    for before, after in itertools.product(lifecycle.ENDED, State):
        with pytest.raises(errors.IllegalTransition):
            lifecycle.check(before, after)


def test_every_open_state_leads_to_an_end() -> None:
    """From each state some end can be reached, so no request can be stuck by the table."""
    for start in State:
        reached, todo = set(), [start]
        while todo:
            state = todo.pop()
            if state not in reached:
                reached.add(state)
                todo.extend(lifecycle.TRANSITIONS[state])
        assert reached & lifecycle.ENDED


def test_running_is_reached_through_approved_alone() -> None:
    """Nothing runs that was not approved, and nothing is approved that was not pending."""
    assert leading_to(State.RUNNING) == {State.APPROVED}
    assert leading_to(State.APPROVED) == {State.PENDING}


def test_a_server_in_an_end_state_stays_there() -> None:
    """A proven, failed or unsent server never changes again."""
    with pytest.raises(errors.IllegalTransition):
        lifecycle.check_server(ServerState.PROVEN, ServerState.FAILED)

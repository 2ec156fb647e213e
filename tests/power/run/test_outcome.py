"""Counts add up, and the whole gets the word that is true."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from bot.power import ports
from bot.power.lifecycle import ServerState, State
from bot.power.run import outcome


def rows(*states: str) -> list[ports.RunServer]:
    """Return one server for each state."""
    return [
        ports.RunServer(f"id{n}", f"web{n:02}", state=ServerState(state))
        for n, state in enumerate(states)
    ]


@pytest.mark.parametrize(
    ("states", "stopped", "end"),
    [
        (["proven", "proven"], False, State.SUCCEEDED),
        (["proven", "skipped"], False, State.SUCCEEDED),
        (["skipped"], False, State.SUCCEEDED),
        (["proven", "failed"], False, State.PARTIAL),
        (["proven", "not proven"], False, State.PARTIAL),
        (["proven", "blocked"], False, State.PARTIAL),
        (["failed", "skipped"], False, State.FAILED),
        (["unknown"], False, State.FAILED),
        (["not proven"], False, State.PARTIAL),
        (["timed out", "failed"], False, State.PARTIAL),
        (["not proven", "not sent"], True, State.STOPPED),
        (["proven", "not sent"], True, State.STOPPED),
        (["proven", "not sent"], False, State.PARTIAL),
        (["failed", "not sent"], False, State.FAILED),
        (["proven", "proven"], True, State.SUCCEEDED),
    ],
)
def test_a_run_ends_under_the_word_that_is_true(
    states: list[str], stopped: bool, end: State
) -> None:
    """Success needs every server that was acted on; stopped needs servers that were not sent."""
    assert outcome.end_state(rows(*states), stopped=stopped) is end


@given(st.lists(st.sampled_from([state.value for state in ServerState])))
def test_counts_and_groups_always_add_up(states: list[str]) -> None:
    """Every server is in exactly one count and one group."""
    servers = rows(*states)

    counted = outcome.tally(servers)
    grouped = outcome.groups(servers)

    assert counted.total == len(servers)
    assert sorted(name for group in grouped for name in group.names) == sorted(
        row.name for row in servers
    )

"""What the answer to one power call means for each of its servers."""

from __future__ import annotations

import msgspec
import pytest

from bot.power import errors, ports
from bot.power.causes import Cause
from bot.power.lifecycle import ServerState
from bot.power.ports import Method
from bot.power.run import call_answers

ROWS = tuple(
    ports.RunServer(id_, id_.upper(), state=ServerState.INTENDED, sends=1) for id_ in "abc"
)
ATTEMPT = ports.Attempt("x", "PR-2222", Method.REBOOT, ("a", "b", "c"), 0, 0, 1.0)


def states(answered: call_answers.Answered) -> list[str]:
    """Return the words of the rows in order."""
    return [row.state.value for row in answered.rows]


def test_ids_that_the_answer_leaves_out_are_unknown() -> None:
    """Acceptance is compared with what was asked, by equality."""
    after = call_answers.accepted(ATTEMPT, ROWS, ports.Accepted(frozenset("ac"), "req"))

    assert states(after) == ["accepted", "unknown", "accepted"]
    assert after.attempt.cloud_request_id == "req"


def test_an_answer_without_readable_ids_counts_as_accepted_for_all() -> None:
    """The servers' own records decide when the answer can't be read id by id."""
    after = call_answers.accepted(ATTEMPT, ROWS, ports.Accepted(frozenset(), unidentified=3))

    assert states(after) == ["accepted"] * 3


def test_a_refusal_that_names_ids_sends_the_others_back_once() -> None:
    """The named are rejected; the others may go again, and only once."""
    error = errors.NotReady("busy", code="iMetal.0101", server_ids=("b",))

    first = call_answers.refused(ATTEMPT, ROWS, error, tries=1)
    again = tuple(
        ports.RunServer(row.server_id, row.name, state=ServerState.INTENDED, sends=2)
        for row in first.rows
        if row.state is ServerState.QUEUED
    )
    second = call_answers.refused(
        ATTEMPT, again, errors.NotReady("busy", server_ids=("a",)), tries=2
    )

    assert states(first) == ["queued", "rejected", "queued"]
    assert first.rows[1].detail == "iMetal.0101: busy"
    assert states(second) == ["rejected", "rejected"]


def test_a_refusal_that_names_nobody_rejects_all() -> None:
    """What can't be repaired isn't tried again."""
    after = call_answers.refused(ATTEMPT, ROWS, errors.Refused("no"), tries=1)

    assert states(after) == ["rejected"] * 3


@pytest.mark.parametrize("kind", [errors.Unauthorized, errors.KeyLocked])
def test_refused_credentials_keep_everything_waiting(kind: type[errors.Refused]) -> None:
    """Nobody was acted on, and nothing more is tried until an operator has had time to look."""
    after = call_answers.refused(ATTEMPT, ROWS, kind("bad signature"), tries=1)

    assert states(after) == ["queued"] * 3
    assert "an operator must check them (bad signature)" in after.away
    assert after.wait_s == call_answers.AWAY_S
    assert not after.may_have_acted


@pytest.mark.parametrize(("entries", "state"), [(2, "accepted"), (1, "unknown")])
def test_an_unreadable_id_stands_for_somebody(entries: int, state: str) -> None:
    """As many entries as servers: nobody was left out; fewer: it may be anybody without a name."""
    after = call_answers.accepted(
        ATTEMPT, ROWS, ports.Accepted(frozenset("a"), unidentified=entries)
    )

    assert states(after) == ["accepted", state, state]


def test_a_call_that_is_repeated_and_refused_stays_unknown() -> None:
    """The first call may have got through, so "rejected" would say too much."""
    again = tuple(msgspec.structs.replace(row, cause=Cause.ASKED_AGAIN, sends=2) for row in ROWS)

    after = call_answers.refused(ATTEMPT, again, errors.Refused("no"), tries=1)

    assert states(after) == ["unknown"] * 3


@pytest.mark.parametrize("tries", [1, 5])
def test_a_throttled_call_waits_as_long_as_the_hint_says(tries: int) -> None:
    """Throttling refuses before acting, so all go back, and the send isn't counted."""
    after = call_answers.refused(ATTEMPT, ROWS, errors.Throttled(retry_after_s=7.0), tries=tries)

    assert states(after) == ["queued"] * 3
    assert (after.wait_s, after.rows[0].sends) == (7.0, 0)


def test_a_call_that_never_leaves_is_given_up_after_some_tries() -> None:
    """An unreachable CloudDC ends in rejected, not in an endless loop."""
    after = call_answers.not_sent(ATTEMPT, ROWS, errors.NotSent(), tries=call_answers.MOST_TRIES)

    assert states(after) == ["rejected"] * 3


def test_a_lost_answer_makes_all_unknown() -> None:
    """After a lost answer nobody is sent again: all are watched."""
    after = call_answers.unknown(ATTEMPT, ROWS, errors.OutcomeUnknown("cut"))

    assert states(after) == ["unknown"] * 3

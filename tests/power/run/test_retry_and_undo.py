"""Which servers `Retry failed` and `Undo` are for, and which a cycle has left off."""

from __future__ import annotations

import pytest

from bot.power import ports, request
from bot.power.causes import Late, Left
from bot.power.lifecycle import ServerState, State
from bot.power.request import Action
from bot.power.run import retry_and_undo
from tests.slack import builders

STATES = list(ServerState)


def order(action: Action) -> request.Order:
    """Return an order for nobody in particular."""
    return request.Order(
        scope=request.Scope(region="r", project_id="p"),
        place=request.Place(channel_id="C0OPS"),
        action=action,
        targets=(),
        requester=request.Person(user_id="U0DANA", team_id="T0"),
    )


def run_of(step: int = 0, settled_at: float = 9.0, power: str = "") -> list[ports.RunServer]:
    """Return one server in each state; its id is the state's word."""
    return [
        ports.RunServer(
            one.value, one.value, state=one, step=step, settled_at=settled_at, seen_power=power
        )
        for one in STATES
    ]


@pytest.mark.parametrize("action", list(Action))
def test_retry_failed_is_for_what_failed_and_never_for_what_is_unknown(action: Action) -> None:
    """The same action for exactly these; an unknown reboot may have happened."""
    found = retry_and_undo.retried(order(action), run_of(power="on"))

    assert found.action is action
    off_sent = {"timed out"} if action is Action.CYCLE else set()
    assert set(found.server_ids) == {"failed", "rejected", "timed out", "not sent"} - off_sent


def test_retry_failed_is_not_for_what_a_cycle_has_left_off() -> None:
    """It could only be blocked: a server that is off isn't cycled."""
    assert retry_and_undo.retried(order(Action.CYCLE), run_of(step=1)).server_ids == ()


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ([ServerState.PROVEN, ServerState.NOT_SENT], "rest of PR-7F3K: kernel"),
        ([ServerState.FAILED, ServerState.NOT_SENT], "retry of PR-7F3K: kernel"),
        ([ServerState.FAILED], "retry of PR-7F3K: kernel"),
    ],
)
def test_nobody_is_said_to_retry_what_was_never_tried(states: list[ServerState], told: str) -> None:
    """Who goes on with another's stopped request asks for its rest, as the button says."""
    asked = order(Action.REBOOT).model_copy(update={"reason": "kernel"})
    first = builders.request_in(State.STOPPED, builders.planned(asked), id="PR-7F3K")
    rows = [ports.RunServer(one.value, one.value, state=one) for one in states]
    wanted = retry_and_undo.retried(asked, rows)

    by_another = retry_and_undo.reason(
        first, wanted, by=request.Person(user_id="U0SAM", team_id="T0")
    )

    assert by_another == told
    assert retry_and_undo.reason(first, wanted, by=asked.requester) == "kernel"


def test_nobody_is_said_to_retry_what_never_ran() -> None:
    """Whoever asks again for another's request that was denied asks for it, as the button says."""
    asked = order(Action.REBOOT).model_copy(update={"reason": "kernel"})
    denied = builders.request_in(State.DENIED, builders.planned(asked), id="PR-7F3K")
    wanted = retry_and_undo.retried(asked, [])

    by_another = retry_and_undo.reason(
        denied, wanted, by=request.Person(user_id="U0SAM", team_id="T0")
    )

    assert by_another == "PR-7F3K again: kernel"


@pytest.mark.parametrize(
    ("row", "left"),
    [
        (ports.RunServer("i", "n", state=ServerState.QUEUED), Left.NONE),
        (ports.RunServer("i", "n", state=ServerState.REJECTED, sends=1), Left.NONE),
        (ports.RunServer("i", "n", state=ServerState.SKIPPED), Left.NONE),
        (ports.RunServer("i", "n", state=ServerState.TIMED_OUT), Left.MAY_BE_OFF),
        (ports.RunServer("i", "n", state=ServerState.UNKNOWN), Left.MAY_BE_OFF),
        (ports.RunServer("i", "n", state=ServerState.SUPERSEDED), Left.MAY_BE_OFF),
        (ports.RunServer("i", "n", state=ServerState.FAILED, seen_power="on"), Left.NONE),
        (ports.RunServer("i", "n", state=ServerState.FAILED, seen_power="off"), Left.MAY_BE_OFF),
        (ports.RunServer("i", "n", state=ServerState.PROVEN), Left.OFF),
        (ports.RunServer("i", "n", state=ServerState.PROVEN, step=1), Left.NONE),
        (ports.RunServer("i", "n", state=ServerState.SKIPPED, step=1), Left.NONE),
        (ports.RunServer("i", "n", state=ServerState.NOT_SENT, step=1), Left.OFF),
        (ports.RunServer("i", "n", state=ServerState.BLOCKED, step=1), Left.OFF),
        (ports.RunServer("i", "n", state=ServerState.REJECTED, step=1), Left.OFF),
        (
            ports.RunServer("i", "n", state=ServerState.TIMED_OUT, step=1, seen_power="changing"),
            Left.MAY_BE_OFF,
        ),
        (
            ports.RunServer("i", "n", state=ServerState.TIMED_OUT, late=Late.WENT_OFF),
            Left.OFF,
        ),
        (
            ports.RunServer("i", "n", state=ServerState.TIMED_OUT, step=1, late=Late.CAME_ON),
            Left.NONE,
        ),
    ],
)
def test_how_a_cycle_leaves_a_server_follows_from_its_row(row: ports.RunServer, left: Left) -> None:
    """Whenever the power-off may have been sent and the power-on isn't proven, it is said."""
    assert retry_and_undo.left(Action.CYCLE, row) is left
    assert retry_and_undo.left(Action.REBOOT, row) is Left.NONE


def test_undo_of_off_switches_on_what_is_proven_off() -> None:
    """Exactly those that the request has switched off."""
    found = retry_and_undo.undone(order(Action.OFF), run_of())

    assert found == retry_and_undo.Again(Action.ON, ("proven",), undoes=True)


@pytest.mark.parametrize("action", [Action.ON, Action.REBOOT])
def test_undo_has_nothing_to_do_after_on_and_reboot(action: Action) -> None:
    """They leave nobody off."""
    assert retry_and_undo.undone(order(action), run_of()).server_ids == ()
    assert retry_and_undo.dark(action, run_of(step=1)) == ()


def test_undo_of_a_cycle_switches_on_what_it_left_off() -> None:
    """Everybody past the first call who isn't proven on, or on by somebody else's hand."""
    found = retry_and_undo.undone(order(Action.CYCLE), run_of(step=1))

    assert "proven" not in found.server_ids
    assert "skipped" not in found.server_ids
    assert {"failed", "timed out", "unknown", "not sent"} <= set(found.server_ids)
    half = set(retry_and_undo.undone(order(Action.CYCLE), run_of(step=0)).server_ids)
    assert {"timed out", "unknown", "superseded", "failed"} <= half
    assert not half & {"queued", "rejected", "blocked", "not sent", "skipped"}


def test_a_cycle_cries_out_over_those_with_whom_nobody_goes_on() -> None:
    """A server that is still on its way isn't left off yet."""
    moving = {"queued", "intended", "accepted"}

    ended = {row.server_id for row in retry_and_undo.dark(Action.CYCLE, run_of(step=1))}
    watched = {
        row.server_id for row in retry_and_undo.dark(Action.CYCLE, run_of(1, settled_at=0.0))
    }

    assert not ended & (moving | {"proven", "skipped"})
    assert "unknown" in ended
    assert "unknown" not in watched


def test_a_repeated_request_keeps_what_made_the_first_one_careful() -> None:
    """Batch, pause and failure limit hold on; break glass was for its moment."""
    options = request.Options(
        batch=2, pause_s=30.0, max_failures=1, incident="INC-7", break_glass=True
    )
    asked = order(Action.OFF).model_copy(update={"options": options})

    assert retry_and_undo.options(asked) == options.model_copy(update={"break_glass": False})

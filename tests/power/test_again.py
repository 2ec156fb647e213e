"""Which servers `Retry failed` and `Undo` are for, and which a cycle has left off."""

from __future__ import annotations

import pytest

from bot.power import again, ports, request
from bot.power.lifecycle import ServerState
from bot.power.request import Action

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


def run_of(step: int = 0, settled_at: float = 9.0) -> list[ports.RunServer]:
    """Return one server in each state; its id is the state's word."""
    return [
        ports.RunServer(one.value, one.value, state=one, step=step, settled_at=settled_at)
        for one in STATES
    ]


@pytest.mark.parametrize("action", list(Action))
def test_retry_failed_is_for_what_failed_and_never_for_what_is_unknown(action: Action) -> None:
    """The same action for exactly these; an unknown reboot may have happened."""
    found = again.retried(order(action), run_of())

    assert found.action is action
    assert set(found.server_ids) == {"failed", "rejected", "timed out", "not sent"}


def test_undo_of_off_switches_on_what_is_proven_off() -> None:
    """Exactly those that the request has switched off."""
    found = again.undone(order(Action.OFF), run_of())

    assert found == again.Again(Action.ON, ("proven",))


@pytest.mark.parametrize("action", [Action.ON, Action.REBOOT])
def test_undo_has_nothing_to_do_after_on_and_reboot(action: Action) -> None:
    """They leave nobody off."""
    assert again.undone(order(action), run_of()).server_ids == ()
    assert again.dark(action, run_of(step=1)) == ()


def test_undo_of_a_cycle_switches_on_what_it_left_off() -> None:
    """Everybody past the first call who isn't proven on, or on by somebody else's hand."""
    found = again.undone(order(Action.CYCLE), run_of(step=1))

    assert "proven" not in found.server_ids
    assert "skipped" not in found.server_ids
    assert {"failed", "timed out", "unknown", "not sent"} <= set(found.server_ids)
    assert again.undone(order(Action.CYCLE), run_of(step=0)).server_ids == ()


def test_a_cycle_cries_out_over_those_with_whom_nobody_goes_on() -> None:
    """A server that is still on its way isn't left off yet."""
    moving = {"queued", "intended", "accepted"}

    ended = {row.server_id for row in again.dark(Action.CYCLE, run_of(step=1))}
    watched = {row.server_id for row in again.dark(Action.CYCLE, run_of(1, settled_at=0.0))}

    assert not ended & (moving | {"proven", "skipped"})
    assert "unknown" in ended
    assert "unknown" not in watched

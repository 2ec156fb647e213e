"""Whose operation was seen instead of ours, and why a server has no record any more."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from bot.power import ports, server
from bot.power.approval import recheck
from bot.power.causes import Cause
from bot.power.lifecycle import ServerState
from bot.power.ports import Method
from bot.power.run import reasons

ROW = ports.RunServer("id1", "web01")
BUSY_OFF = server.Server("id1", "web01", "on", "power-off-processing")
OLD_OFF = server.Server("id1", "web01", "powering-off")
OURS = ports.UnseenCall("id1", "PR-7F3K", Method.OFF, 5.0, ServerState.TIMED_OUT)
SOMEBODY_ACTS = recheck.ServerChange(recheck.BLOCKED, "somebody else is acting on it")


@pytest.mark.parametrize("record", [BUSY_OFF, OLD_OFF])
def test_an_operation_of_our_own_earlier_call_is_told_as_ours(record: server.Server) -> None:
    """Off timed out while it was still being carried out: nobody else has acted."""
    assert reasons.overtaken(ROW, record, OURS) == (Cause.OUR_OWN, "PR-7F3K")
    change = reasons.explained(SOMEBODY_ACTS, ROW, snapshot(record), OURS)
    assert change.cause is Cause.OUR_OWN
    assert change.reason == "it is still busy with our own power-off of PR-7F3K"


@pytest.mark.parametrize("earlier", [None, dataclasses.replace(OURS, method=Method.REBOOT)])
def test_an_operation_that_we_never_sent_is_somebody_elses(
    earlier: ports.UnseenCall | None,
) -> None:
    """Another kind of call of ours doesn't explain it."""
    assert reasons.overtaken(ROW, BUSY_OFF, earlier) == (Cause.SOMEBODY_ELSE, "")
    change = reasons.explained(SOMEBODY_ACTS, ROW, snapshot(BUSY_OFF), earlier)
    assert (change.cause, change.reason) == (Cause.SOMEBODY_ELSE, SOMEBODY_ACTS.reason)


def test_a_second_power_off_of_a_cycle_that_comes_late_is_our_own() -> None:
    """The power-off was asked for twice; the second one begins when the power-on was sent."""
    row = msgspec.structs.replace(ROW, step=1, cause=Cause.OFF_TWICE)

    assert reasons.overtaken(row, BUSY_OFF, None) == (Cause.OUR_OWN, "this request")


def test_a_server_that_is_gone_was_deleted_or_replaced() -> None:
    """Another id under its name is another server, whatever it is called."""
    change = recheck.ServerChange(recheck.BLOCKED, "gone from the inventory")
    heir = server.Server("id2", "web01", "on")

    assert reasons.explained(change, ROW, snapshot(), None).cause is Cause.DELETED
    assert reasons.explained(change, ROW, snapshot(heir), None).cause is Cause.REPLACED
    assert reasons.gone(ROW, snapshot(BUSY_OFF)) is Cause.NONE
    assert reasons.gone(ROW, None) is Cause.NONE


def snapshot(*records: server.Server) -> server.Snapshot:
    """Return a list of these servers."""
    return server.Snapshot({one.id: one for one in records}, 0.0)

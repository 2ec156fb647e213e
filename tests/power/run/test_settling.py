"""When watching ends, and under which word."""

from __future__ import annotations

import msgspec
import pytest

from bot.power import ports, server
from bot.power.lifecycle import ServerState
from bot.power.ports import Method
from bot.power.run import settling

LIMITS = settling.WatchLimits(settle_s=60, power_s=600, reboot_s=1200)
SENT = ports.RunServer(
    "id",
    "web01",
    state=ServerState.ACCEPTED,
    baseline_power="on",
    baseline_operation="reboot-succeed",
    sends=1,
)
SAME = server.Server("id", "web01", power_state="on", operation_state="reboot-succeed")


def look(
    method: Method, row: ports.RunServer, record: server.Server | None, elapsed_s: float
) -> ports.RunServer:
    """Take one look at a server."""
    return settling.settle(method, row, record, elapsed_s=elapsed_s, now=9.0, limits=LIMITS)


def test_a_reboot_without_a_trace_is_not_proven_after_the_settle_time() -> None:
    """A sticky success of yesterday never counts as today's."""
    early = look(Method.REBOOT, SENT, SAME, 59)
    late = look(Method.REBOOT, SENT, SAME, 60)

    assert early.state is ServerState.ACCEPTED
    assert late.state is ServerState.NOT_PROVEN
    assert late.settled_at == 9.0


def test_an_accepted_server_that_does_nothing_times_out_at_the_deadline() -> None:
    """Nothing is called failed without evidence: it was last seen as it was."""
    row = msgspec.structs.replace(
        SENT, baseline_power="off", baseline_operation="power-off-succeed"
    )
    still = server.Server("id", "web01", power_state="off", operation_state="power-off-succeed")

    assert look(Method.ON, row, still, 599).state is ServerState.ACCEPTED
    end = look(Method.ON, row, still, 600)

    assert end.state is ServerState.TIMED_OUT
    assert end.detail == "last seen off"


def test_an_unknown_reboot_is_never_queued_again() -> None:
    """A reboot whose answer was lost stays unknown when no evidence comes."""
    row = msgspec.structs.replace(SENT, state=ServerState.UNKNOWN)

    end = look(Method.REBOOT, row, SAME, 60)

    assert end.state is ServerState.UNKNOWN
    assert end.settled_at == 9.0
    assert not settling.watched(end)


@pytest.mark.parametrize(("sends", "state"), [(1, "queued"), (2, "queued"), (3, "unknown")])
def test_an_unknown_goal_is_asked_for_again_at_most_twice(sends: int, state: str) -> None:
    """On and off are goals: past the settle time, without a trace, they may be repeated."""
    row = msgspec.structs.replace(
        SENT, state=ServerState.UNKNOWN, baseline_operation="", sends=sends
    )
    still = server.Server("id", "web01", power_state="on")

    assert look(Method.OFF, row, still, 59).state is ServerState.UNKNOWN
    assert look(Method.OFF, row, still, 60).state == ServerState(state)


def test_an_unknown_call_becomes_accepted_when_its_operation_is_seen() -> None:
    """Evidence of processing settles a lost answer."""
    row = msgspec.structs.replace(SENT, state=ServerState.UNKNOWN)
    busy = server.Server("id", "web01", power_state="on", operation_state="reboot-processing")

    seen = look(Method.REBOOT, row, busy, 5)
    done = look(Method.REBOOT, seen, SAME, 30)

    assert seen.state is ServerState.ACCEPTED
    assert done.state is ServerState.PROVEN


def test_a_failed_server_carries_the_vendors_words() -> None:
    """The record's error text is shown with the failure."""
    bad = server.Server(
        "id", "web01", power_state="on", operation_state="reboot-failed", error="BMC timeout"
    )

    end = look(Method.REBOOT, SENT, bad, 5)

    assert (end.state, end.detail) == (ServerState.FAILED, "BMC timeout")


def test_what_somebody_else_has_done_is_told_with_its_end() -> None:
    """The power alone wouldn't say what came in between."""
    other = server.Server("id", "web01", power_state="off", operation_state="power-off-succeed")

    end = look(Method.REBOOT, SENT, other, 5)

    assert end.state is ServerState.SUPERSEDED
    assert end.detail == "somebody else acted: off, power-off done"


@pytest.mark.parametrize(
    ("state", "ends_as"),
    [(ServerState.ACCEPTED, ServerState.TIMED_OUT), (ServerState.UNKNOWN, ServerState.UNKNOWN)],
)
def test_a_list_that_cant_be_read_ends_nothing_before_the_deadline(
    state: ServerState, ends_as: ServerState
) -> None:
    """Until then the row is untouched; from then on it ends with what was seen last."""
    row = msgspec.structs.replace(SENT, state=state, last_seen="on / idle")

    def unread(elapsed_s: float) -> ports.RunServer:
        return settling.unread(Method.OFF, row, elapsed_s=elapsed_s, now=9.0, limits=LIMITS)

    assert unread(599.9) is row
    assert (unread(600).state, unread(600).settled_at) == (ends_as, 9.0)
    assert unread(600).detail == "CloudDC could not be read; last seen on / idle"
    never = msgspec.structs.replace(row, last_seen="")
    after = settling.unread(Method.OFF, never, elapsed_s=600, now=9.0, limits=LIMITS)
    assert after.detail == "CloudDC could not be read; last seen nothing since its call"

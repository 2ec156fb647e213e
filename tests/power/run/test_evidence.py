"""What counts as proof that an operation happened, for both generations of the API."""

from __future__ import annotations

import pytest

from bot.power import ports, server
from bot.power.ports import Method
from bot.power.run import evidence
from bot.power.run.evidence import Finding


def row(power: str, operation: str, *, seen: bool = False) -> ports.RunServer:
    """Return a sent server with this baseline."""
    return ports.RunServer(
        "id", "web01", baseline_power=power, baseline_operation=operation, seen_processing=seen
    )


def record(power: str, operation: str) -> server.Server:
    """Return the record that was read."""
    return server.Server("id", "web01", power_state=power, operation_state=operation)


@pytest.mark.parametrize(
    ("method", "baseline", "now", "seen", "finding"),
    [
        (Method.REBOOT, ("on", "reboot-succeed"), ("on", "reboot-succeed"), False, "nothing yet"),
        (Method.REBOOT, ("on", "reboot-succeed"), ("on", "reboot-processing"), False, "under way"),
        (Method.REBOOT, ("on", "reboot-succeed"), ("on", "reboot-succeed"), True, "proven"),
        (Method.REBOOT, ("on", "power-on-succeed"), ("on", "reboot-succeed"), False, "proven"),
        (Method.REBOOT, ("on", "power-on-succeed"), ("on", "reboot-failed"), False, "failed"),
        (Method.REBOOT, ("on", "reboot-failed"), ("on", "reboot-failed"), False, "nothing yet"),
        (Method.REBOOT, ("on", "reboot-failed"), ("on", "reboot-failed"), True, "failed"),
        (Method.REBOOT, ("on", ""), ("rebooting", ""), False, "under way"),
        (Method.REBOOT, ("on", ""), ("on", ""), True, "proven"),
        (Method.REBOOT, ("on", ""), ("on", ""), False, "nothing yet"),
        (Method.REBOOT, ("on", ""), ("powering-off", ""), False, "superseded"),
        (Method.REBOOT, ("on", ""), ("on", "power-off-processing"), False, "superseded"),
        (Method.REBOOT, ("on", ""), ("on", "reboot-verifying"), True, "nothing yet"),
        (Method.ON, ("off", "power-off-succeed"), ("on", "power-on-succeed"), False, "proven"),
        (
            Method.ON,
            ("off", "power-off-succeed"),
            ("off", "power-on-succeed"),
            False,
            "nothing yet",
        ),
        (Method.ON, ("off", "power-on-succeed"), ("on", "power-on-succeed"), False, "proven"),
        (Method.ON, ("off", ""), ("powering-on", ""), False, "under way"),
        (Method.ON, ("off", ""), ("on", ""), False, "proven"),
        (Method.ON, ("off", ""), ("off", ""), True, "nothing yet"),
        (Method.OFF, ("on", ""), ("off", "power-off-succeed"), False, "proven"),
        (Method.OFF, ("on", "reboot-succeed"), ("on", "power-on-processing"), False, "superseded"),
        (Method.OFF, ("on", ""), ("standby", "power-off-succeed"), False, "nothing yet"),
    ],
)
def test_evidence_judges_a_record_by_what_changed_since_the_baseline(
    method: Method,
    baseline: tuple[str, str],
    now: tuple[str, str],
    seen: bool,
    finding: str,
) -> None:
    """Only a change since the baseline, or our own operation seen under way, proves anything."""
    found = evidence.judge(method, row(*baseline, seen=seen), record(*now))

    assert found.finding == Finding(finding)


def test_evidence_says_nothing_of_a_server_that_left_the_inventory() -> None:
    """A missing record neither proves nor disproves."""
    found = evidence.judge(Method.REBOOT, row("on", ""), None)

    assert found.finding is Finding.NOTHING_YET
    assert found.last_seen == "gone from the inventory"


def test_evidence_remembers_that_processing_was_seen() -> None:
    """Once our operation was seen under way, a later record doesn't take that back."""
    first = evidence.judge(Method.REBOOT, row("on", ""), record("on", "reboot-processing"))

    assert first.seen_processing


@pytest.mark.parametrize(
    ("state", "now", "with_last"),
    [
        (("on", "reboot-succeed"), "on", "on, reboot done"),
        (("off", "power-off-succeed"), "off", "off, power-off done"),
        (("off", "power-on-processing"), "off, power-on under way", "off, power-on under way"),
        (("on", "reboot-failed"), "on, reboot failed", "on, reboot failed"),
        (("on", "idle"), "on, idle", "on, idle"),
        (("", "reboot-succeed"), "reboot done", "reboot done"),
        (("rebooting", ""), "rebooting", "rebooting"),
        (("", ""), "no state", "no state"),
    ],
)
def test_a_record_is_told_in_our_words(state: tuple[str, str], now: str, with_last: str) -> None:
    """The vendor's word of a success says nothing of now; an unknown word stands as it is."""
    read = record(*state)

    assert evidence.words(read) == now
    assert evidence.words_with_last(read) == with_last

"""Did this operation happen? Judged from a server's own record, for both generations of the API.

The record has no time and no operation id, and `operation_state` keeps its last word for ever,
so only a change since the baseline, read just before the call, proves anything
(CloudDC API, ListServers and power-state pages).
"""

from __future__ import annotations

import enum
import functools

import msgspec

from bot.power import ports, server
from bot.power.ports import Method
from bot.power.server import Power


class Finding(enum.StrEnum):
    """What a server's record says of our operation so far."""

    PROVEN = "proven"
    FAILED = "failed"  # By CloudDC's own word.
    SUPERSEDED = "superseded"  # An operation of another kind has come after ours.
    UNDER_WAY = "under way"  # Ours, as far as its kind tells.
    NOTHING_YET = "nothing yet"


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """A finding, whether our operation was seen under way, and the record's words for people."""

    finding: Finding
    seen_processing: bool
    last_seen: str


# How the new generation's words begin (CloudDC API, ListServers page).
FAMILIES = {Method.ON: "power-on", Method.OFF: "power-off", Method.REBOOT: "reboot"}
FAMILY_WORDS = tuple(family + "-" for family in FAMILIES.values())
# The old generation's, before March 2026 (CloudDC API, ListServers page).
OLD_WORDS = {Method.ON: "powering-on", Method.OFF: "powering-off", Method.REBOOT: "rebooting"}
# A reboot ends where it began, which is why its goal alone proves nothing.
GOALS = {Method.ON: Power.ON, Method.OFF: Power.OFF, Method.REBOOT: Power.ON}
PROCESSING = "-processing"
SUCCEED = "-succeed"
# How people read what the new generation's words end in.
ENDS = {PROCESSING: "under way", SUCCEED: "done", "-failed": "failed"}


def words(record: server.Server) -> str:
    """Return what a record shows of now, in words for people: `on`, or `on, reboot under way`.

    A word that nobody knows is shown as it stands.
    """
    # The word of a success stays for ever, and may be yesterday's.
    over = record.operation_state.endswith(SUCCEED) and record.power_state
    return _words(record.power_state, "" if over else record.operation_state)


def words_with_last(record: server.Server) -> str:
    """Return the same with an operation that has succeeded: `off, power-off done`."""
    return _words(record.power_state, record.operation_state)


@functools.lru_cache(maxsize=1000)
def _words(power: str, operation: str) -> str:
    # A run holds these words for each of its servers, and most servers share theirs.
    return ", ".join(filter(None, (power, _operation(operation)))) or "no state"


def _operation(word: str) -> str:
    """Return the new generation's word for an operation as people read it."""
    known = (
        f"{family} {told}"
        for family in FAMILIES.values()
        for end, told in ENDS.items()
        if word == family + end
    )
    return next(known, word)


def judge(method: Method, row: ports.RunServer, record: server.Server | None) -> Evidence:
    """Judge one server's record against the baseline that `row` carries.

    `record` is None when the list doesn't have the server any more: nothing can be said yet.
    """
    if record is None:
        return Evidence(Finding.NOTHING_YET, row.seen_processing, "gone from the inventory")
    foreign = _foreign_operation(method, row, record)
    ours_now = record.operation_state == FAMILIES[method] + PROCESSING or (
        record.power_state == OLD_WORDS[method]
    )
    # Once is enough: the next poll may find it over.
    seen = row.seen_processing or ours_now
    # Before our own word: a proof of ours may be what somebody else has brought about.
    if foreign:
        finding = Finding.SUPERSEDED
    elif ours_now:
        finding = Finding.UNDER_WAY
    else:
        finding = _settled(method, row, record, seen=seen)
    return Evidence(finding, seen, words(record))


def _foreign_operation(method: Method, row: ports.RunServer, record: server.Server) -> bool:
    """Whether an operation of another family is under way, or has ended, since the baseline."""
    word = record.operation_state
    changed = word != row.baseline_operation
    known = word.startswith(FAMILY_WORDS)
    other_family = known and not word.startswith(FAMILIES[method] + "-")
    old_word = record.power_state in server.CHANGING_WORDS - {OLD_WORDS[method]}
    return (other_family and changed) or (old_word and record.power_state != row.baseline_power)


def _settled(method: Method, row: ports.RunServer, record: server.Server, *, seen: bool) -> Finding:
    """Judge a record that shows no operation of ours under way."""
    family, word = FAMILIES[method], record.operation_state
    # The same word as before the call may be yesterday's.
    fresh = seen or word != row.baseline_operation
    if word == family + "-failed" and fresh:
        return Finding.FAILED
    at_goal = record.power is GOALS[method]
    if not word and seen and record.error and not (at_goal and method is not Method.REBOOT):
        # The old generation has no word for a failure, only the vendor's error beside the state.
        return Finding.FAILED
    # `succeed` beside another power state: one of the two is not written yet.
    if not at_goal:
        return Finding.NOTHING_YET
    if word == family + SUCCEED:
        moved = method is not Method.REBOOT and record.power_state != row.baseline_power
        return Finding.PROVEN if fresh or moved else Finding.NOTHING_YET
    # A word that nobody knows may be an operation in between.
    if word and word != row.baseline_operation:
        return Finding.NOTHING_YET
    return _settled_without_word(method, row, record, seen=seen)


def _settled_without_word(
    method: Method, row: ports.RunServer, record: server.Server, *, seen: bool
) -> Finding:
    """Judge a record of the old generation, whose operation field is absent or stands still."""
    moved = method is not Method.REBOOT and record.power_state != row.baseline_power
    return Finding.PROVEN if seen or moved else Finding.NOTHING_YET

"""Prove the audit log, or find the first row that was edited, dropped, moved or cut off.

An anchor is the head of the log as somebody has copied it from a thread.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

from bot.power import errors
from bot.storage.engine import connections
from bot.storage.tables import audit


@dataclasses.dataclass(frozen=True, slots=True)
class ChainVerdict:
    """What the verification of the whole log found.

    `rows` are those that hold, `head` is the hash of the last of them, `first_bad` the number
    of the first row that is wrong or missing, `problem` says what is wrong with it.
    """

    ok: bool
    rows: int
    head: str
    first_bad: int | None = None
    problem: str = ""


def verify(connection: connections.Connection, *, anchor: str = "") -> ChainVerdict:
    """Read the log from its first row to its head; `anchor` must be one of its rows.

    It needs one snapshot of the database, as a connection that only reads has it.

    Raises:
        UnusableAnchor: the anchor isn't whole, so that nothing could be said of it.
    """
    wanted = read_anchor(anchor) if anchor else None
    # The whole log may be larger than memory.
    found = connection.stream("SELECT * FROM audit ORDER BY seq")
    chain = _Chain(wanted)
    with contextlib.closing(found):
        problem = chain.follow(row._asdict() for row in found)
    if not problem:
        # Rows cut off at the end leave a whole chain; only the stored head knows of them.
        head = connection.rows("SELECT seq, hash FROM audit_head")
        problem = chain.compare_head(head[0] if head else None)
    if problem:
        return ChainVerdict(False, chain.rows, chain.head, chain.rows + chain.off_by, problem)
    if wanted and not chain.anchored:
        return ChainVerdict(False, chain.rows, chain.head, None, _without(wanted, chain.rows))
    return ChainVerdict(True, chain.rows, chain.head)


def _without(anchor: Anchor, rows: int) -> str:
    """Return what it means that a log whose rows fit together doesn't have the anchor's row."""
    if anchor.seq is None:
        return "no row has this audit head's hash: the log was rebuilt, or cut off before that row"
    if anchor.seq > rows:
        return (
            f"the log ends at row {rows}, before the audit head's row {anchor.seq}: it was cut "
            "off, or restored from an older backup"
        )
    return (
        f"row {anchor.seq} has a different hash from this audit head: compare it with the thread "
        "again; if you copied it correctly, the log was rebuilt"
    )


class _Chain:
    """The chain as far as it was followed; `off_by` leads from its end to the bad row."""

    def __init__(self, anchor: Anchor | None) -> None:
        self.rows = 0
        self.head = audit.NO_HASH
        self.anchored = False
        self.off_by = 1  # The bad row comes after the last good one.
        self._anchor = anchor

    def follow(self, found: Iterable[Mapping[Any, Any]]) -> str:
        """Take rows until one is wrong; return what is wrong with it, or an empty text."""
        for row in found:
            if problem := self._wrong(row):
                return problem
            self.rows += 1
            self.head = row["hash"]
            # Compared as the rows pass, so that the log is read once.
            if self._anchor and self._anchor.is_of(self.rows, self.head):
                self.anchored = True
        return ""

    def _wrong(self, row: Mapping[Any, Any]) -> str:
        """Return what is wrong with the row after the last one."""
        expected = self.rows + 1
        if row["seq"] != expected:
            return f"row {expected} is missing"
        if row["prev_hash"] != self.head:
            return f"row {expected} doesn't follow the row before it"
        if row["hash"] != audit.row_hash(row):
            return f"row {expected} was edited"
        return ""

    def compare_head(self, head: Any) -> str:
        """Return what is wrong between the last row and the stored head."""
        if head is None:
            return "the stored head is missing"
        if head.seq > self.rows:
            return f"rows {self.rows + 1} to {head.seq} were cut off"
        self.off_by = 0
        if head.seq < self.rows:
            self.off_by = head.seq + 1 - self.rows
            return f"the stored head ends at row {head.seq}, the log at row {self.rows}"
        if head.hash != self.head:
            return f"row {self.rows} isn't the one that the stored head names"
        return ""


# `#15:39f1f807ab12` as threads print it, `15:…` where a shell took # for a comment, `#15 …` with
# the whole hash, or the whole hash alone.
WRITTEN = re.compile(r"(?:#?([1-9][0-9]{0,18})(?::\s*|\s+))?([0-9a-f]+)…?")
# With the row's number before it a piece of the hash can't match another row by chance.
LEAST_DIGITS = 12
ALL_DIGITS = 64  # SHA-256 in hex.
EXAMPLE = "'#15:39f1f807ab12'"


class UnusableAnchor(errors.PowerbotError):
    """What was given is no anchor, or not all of one: it proves nothing either way."""


@dataclasses.dataclass(frozen=True, slots=True)
class Anchor:
    """The first digits of a row's hash; `seq` is the row's number, None where only it is known."""

    seq: int | None
    digits: str

    def is_of(self, seq: int, found: str) -> bool:
        """Whether this row, with this hash, is the anchor's."""
        return self.seq in (None, seq) and found.startswith(self.digits)


def read_anchor(text: str) -> Anchor:
    """Read an anchor.

    Raises:
        UnusableAnchor: it has another form, or too few or too many digits.
    """
    match = WRITTEN.fullmatch(text.strip().lower())
    if match is None:
        said = f"{text!r} isn't an audit head; copy one from a thread, such as {EXAMPLE}."
        raise UnusableAnchor(said)
    count = len(match[2])
    if match[1] is None and count != ALL_DIGITS:
        raise UnusableAnchor(
            f"This audit head has {count} digits and no row number; copy it with the number "
            f"before it, such as {EXAMPLE}, or all {ALL_DIGITS} digits."
        )
    if not LEAST_DIGITS <= count <= ALL_DIGITS:
        raise UnusableAnchor(
            f"This audit head has {count} digits after its row number; it needs {LEAST_DIGITS} to "
            f"{ALL_DIGITS}, such as {EXAMPLE}."
        )
    return Anchor(int(match[1]) if match[1] else None, match[2])

"""The head of the audit log as somebody has copied it from a thread."""

from __future__ import annotations

import dataclasses
import re

from bot.power import errors

# `#15:39f1f807ab12` as threads print it, `15:…` where a shell took # for a comment, `#15 …` with
# the whole hash, or the whole hash alone.
WRITTEN = re.compile(r"(?:#?([1-9][0-9]{0,18})(?::\s*|\s+))?([0-9a-f]+)…?")
# With the row's number before it a piece of the hash can't match another row by chance.
LEAST_DIGITS = 12
ALL_DIGITS = 64
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


def read(text: str) -> Anchor:
    """Read an anchor.

    Raises:
        UnusableAnchor: it has another form, or too few or too many digits.
    """
    match = WRITTEN.fullmatch(text.strip().lower())
    if match is None:
        said = f"{text!r} is no anchor; copy the audit head from a thread, such as {EXAMPLE}."
        raise UnusableAnchor(said)
    count = len(match[2])
    if match[1] is None and count != ALL_DIGITS:
        raise UnusableAnchor(
            f"The anchor has {count} digits and no row number; copy it with the number before it, "
            f"such as {EXAMPLE}, or all {ALL_DIGITS} digits."
        )
    if not LEAST_DIGITS <= count <= ALL_DIGITS:
        raise UnusableAnchor(
            f"The anchor has {count} digits after its row number; it takes {LEAST_DIGITS} to "
            f"{ALL_DIGITS}, such as {EXAMPLE}."
        )
    return Anchor(int(match[1]) if match[1] else None, match[2])

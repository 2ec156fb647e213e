"""Long answers as pages of rows, with buttons to turn them and to share them with the channel.

A button carries the line that was typed, so that each page is asked for anew; nothing is kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from bot.power import inputs, vocabulary
from bot.slack.blockkit import blocks, text

# All rows of a page stay below Slack's size of a message.
ROWS_CHARS = 9500
LINE_CHARS = 300


@dataclasses.dataclass(frozen=True, slots=True)
class Turn:
    """Which page of which line is shown; `shared_by` is who shows it to all, else empty.

    `called` is what a line begins with.
    """

    page: int = 1
    line: str = ""
    shared_by: str = ""
    called: str = vocabulary.PREFIX


FIRST = Turn()


def body(rows: Sequence[str], turn: Turn, rows_a_page: int) -> list[blocks.Block]:
    """Return one page of rows, and what stands below it."""
    pages = max(1, -(-len(rows) // rows_a_page))
    number = min(max(turn.page, 1), pages)
    first = (number - 1) * rows_a_page
    shown = rows[first : first + rows_a_page]
    found = blocks.paragraphs(text.fitting(shown, ROWS_CHARS)) if shown else []
    if pages > 1:
        last = first + len(shown)
        found.append(blocks.context(f"{first + 1:,} to {last:,} of {len(rows):,}"))
    return found + below(turn, number, pages)


def below(turn: Turn, number: int = 1, pages: int = 1) -> list[blocks.Block]:
    """Return the buttons to other pages and to Share; or who has shared it, instead."""
    if turn.shared_by:
        asked = text.code(f"{turn.called} {turn.line}", LINE_CHARS)
        return [blocks.context(f"{asked} · shared by {text.mention(turn.shared_by)}")]
    found = _turns(turn, number, pages)
    return [blocks.button_row(found)] if found else []


def _turns(turn: Turn, number: int, pages: int) -> list[blocks.Button]:
    """Return the buttons to the page before and after, and Share."""
    wanted = (
        (inputs.Do.PAGE, "before", "Page before", number - 1),
        (inputs.Do.PAGE, "after", "Next page", number + 1),
        (inputs.Do.SHARE, "", "Share", number),
    )
    found = []
    for do, apart, label, target in wanted:
        value = f"{target} {turn.line}"
        fits = turn.line and len(value) <= blocks.BUTTON_VALUE_CHARS
        if fits and 1 <= target <= pages:
            spoken = f"{label}: {target} of {pages}" if pages > 1 else label
            button = blocks.Button(do, value, label=label, spoken=spoken, apart=apart)
            found.append(button)
    return found

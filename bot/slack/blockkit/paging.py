"""Long answers as pages of rows, with buttons to turn them and to share them with the channel.

A button carries the line that was typed, so that each page is asked for anew; nothing is kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Generic, TypeVar

from bot.power import inputs, vocabulary
from bot.slack.blockkit import blocks, text

# All rows of a page stay below Slack's size of a message.
ROWS_CHARS = 9500
LINE_CHARS = 300  # Of the line that is named as shared.
T = TypeVar("T")


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


@dataclasses.dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """The rows of one page: `number` of `pages`, after so many rows, of so many in all."""

    shown: Sequence[T]
    number: int
    pages: int
    before: int
    total: int


def page(rows: Sequence[T], turn: Turn, rows_a_page: int) -> Page[T]:
    """Return the page that is turned to, or the last where there are fewer."""
    # Rounded up; a list without rows has a page as well.
    pages = max(1, -(-len(rows) // rows_a_page))
    # The list may have grown shorter since its button was made.
    number = min(max(turn.page, 1), pages)
    first = (number - 1) * rows_a_page
    return Page(rows[first : first + rows_a_page], number, pages, first, len(rows))


def foot(page: Page[T], turn: Turn, *more: blocks.Button) -> list[blocks.Block]:
    """Return what stands below a page: which rows it has, and the buttons, `more` before them."""
    found = []
    if page.pages > 1:
        last = page.before + len(page.shown)
        found.append(blocks.context(f"{page.before + 1:,} to {last:,} of {page.total:,}"))
    return found + below(turn, page.number, page.pages, more)


def body(rows: Sequence[str], turn: Turn, rows_a_page: int) -> list[blocks.Block]:
    """Return one page of rows, and what stands below it."""
    found = page(rows, turn, rows_a_page)
    shown = blocks.paragraphs(text.fitting(found.shown, ROWS_CHARS)) if found.shown else []
    return shown + foot(found, turn)


def whole(line: str) -> blocks.Button | None:
    """Return the button that shows the first page of a line; None where that is too long for it."""
    value = f"1 {line}"
    fits = len(value) <= blocks.BUTTON_VALUE_CHARS
    return blocks.Button(inputs.Do.PAGE, value, label="Show all", apart="all") if fits else None


def below(
    turn: Turn, number: int = 1, pages: int = 1, more: Sequence[blocks.Button] = ()
) -> list[blocks.Block]:
    """Return the buttons to other pages and to Share; or who has shared it, instead."""
    # What a whole channel sees isn't one person's to turn.
    if turn.shared_by:
        asked = text.code(f"{turn.called} {turn.line}", LINE_CHARS)
        return [blocks.context(f"{asked} · shared by {text.mention(turn.shared_by)}")]
    found = [*more, *_turns(turn, number, pages)]
    return [blocks.button_row(found)] if found else []


def _turns(turn: Turn, number: int, pages: int) -> list[blocks.Button]:
    """Return the buttons to the page before and after, and Share."""
    wanted = (
        (inputs.Do.PAGE, "before", "Previous", number - 1),
        (inputs.Do.PAGE, "after", "Next", number + 1),
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

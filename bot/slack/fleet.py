"""Servers as a person sees them on asking: counted by power state, or a page of rows."""

from __future__ import annotations

from collections.abc import Sequence

from bot.power import answers, server
from bot.power.server import Power
from bot.slack import actions, blocks, naming, text

# A table of a hundred rows stays below Slack's size of a message.
PAGE_ROWS = 100
ROW_CHARS = 90
NAMES_CHARS = 900
# Above a table of rows the names are only hinted at.
COUNT_NAMES_CHARS = 120
ROWS_CHARS = 9500
SIGNS = {Power.ON: "🟢", Power.OFF: "⚫", Power.CHANGING: "🔄", Power.UNKNOWN: "❔"}


def render(shown: answers.FleetShown, *, page: int = 1, line: str = "") -> blocks.Message:
    """Return the servers; `line` is what was typed, so that a button can ask for another page."""
    age_s = shown.snapshot.age_s(shown.now)
    title = text.plain(shown.title, 200) or "Servers"
    found = len(shown.servers)
    heading = f"*{title}:* {text.count(found, 'server')}"
    told = _counts(shown.servers, COUNT_NAMES_CHARS if shown.detailed else NAMES_CHARS)
    body = [blocks.section(f"{heading}\n{told}" if told else heading)]
    if shown.detailed and found:
        body += _page(shown.servers, page, line)
    body.append(blocks.context(f"States read {text.duration(age_s)} ago"))
    return blocks.Message(f"{heading}\n{told}", tuple(body))


def _counts(servers: Sequence[server.Server], names_limit: int) -> str:
    """Return the servers by power state, folded."""
    lines = []
    for power in Power:
        names = [one.name for one in servers if one.power is power]
        if names:
            folded = naming.folded(names, names_limit)
            lines.append(f"{SIGNS[power]} *{power.value}* {len(names)}: {folded}")
    return "\n".join(lines)


def _page(servers: Sequence[server.Server], page: int, line: str) -> list[blocks.Block]:
    """Return one page of rows, with buttons to the pages beside it."""
    pages = -(-len(servers) // PAGE_ROWS)
    number = min(max(page, 1), pages)
    first = (number - 1) * PAGE_ROWS
    rows = [_row(one) for one in servers[first : first + PAGE_ROWS]]
    found = blocks.paragraphs(text.fitting(rows, ROWS_CHARS))
    buttons = _turns(number, pages, line)
    return [*found, blocks.button_row(buttons)] if buttons else found


def _row(one: server.Server) -> str:
    """Return one server: name, the record's own words, place, and what is wrong with it."""
    parts = [
        text.clean(one.name, 40),
        one.power.value,
        one.operation_state,
        one.health_state,
        one.rack,
        "frozen" if one.frozen_state else "",
        one.error,
    ]
    told = " · ".join(text.clean(part, 40) for part in parts if part)
    return text.plain(told, ROW_CHARS)


def _turns(number: int, pages: int, line: str) -> list[blocks.Button]:
    """Return the buttons to the page before and after."""
    turns = (("before", "Page before", number - 1), ("after", "Next page", number + 1))
    found = []
    for apart, label, target in turns:
        value = f"{target} {line}"
        if 1 <= target <= pages and len(value) <= blocks.BUTTON_VALUE_CHARS:
            spoken = f"{label}: {target} of {pages}"
            found.append(
                blocks.Button(actions.Do.PAGE, value, label=label, spoken=spoken, apart=apart)
            )
    return found

"""Servers as a person sees them on asking: what is wrong first, then counts, or a page of rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from bot.power import server
from bot.power.server import Power
from bot.power.text import folding
from bot.slack.blockkit import blocks, naming, paging, text, words
from bot.slack.render.phrases import about_freezes as frozen_
from bot.workflow import answers

PAGE_ROWS = 20  # Servers.
ROW_CHARS = 400
# Names that fit into two lines of a phone; the rest is counted.
NAMES_CHARS = 120
READING_CHARS = 300  # Of what the terms were understood as.
WARNING_CHARS = 600
# A server that our record has and the list no longer does.
GONE = "gone from CloudDC's list"
# Up to this many servers are shown one by one, whatever was asked.
FEW = 10
# Where everybody is well, names say nothing.
MOST_WELL = 20
SIGNS = {Power.ON: "🟢", Power.OFF: "⚫", Power.CHANGING: "🔄", Power.UNKNOWN: "❔"}
SUSPENDED = "suspended by Huawei Cloud"
HEADING = ("Server", "Power", "Health", "Rack", "Notes")
CELL_CHARS = (40, 30, 30, 20, 160)


def render(shown: answers.FleetShown, turn: paging.Turn = paging.FIRST) -> blocks.Message:
    """Return the servers; the line of the turn is what was typed."""
    title = text.plain(shown.title, 200) or "Servers"
    found = len(shown.servers)
    heading = f"*{title}:* {found:,} {'server' if found == 1 else 'servers'}"
    heading += f" ({text.plain(shown.reading, READING_CHARS)})" if shown.reading else ""
    if shown.snapshot.shortfall:
        heading += f"\n⚠️ {shown.snapshot.shortfall.sentence}"
    heading += f"\n{outdated(shown.outdated)}" if shown.outdated else ""
    told = counts(shown.servers, shown.snapshot)
    in_rows = shown.detailed or found <= FEW
    top = (
        *frozen_.section(shown.freezes),
        blocks.section(f"{heading}\n{told}" if told else heading),
    )
    page = paging.page(shown.servers if in_rows else (), turn, PAGE_ROWS)
    every = () if in_rows else _every(turn)
    below = (*paging.foot(page, turn, *every), blocks.context(age(shown.snapshot, shown.now)))
    message = blocks.Message(f"{heading}\n{told}", (*top, *below))
    if not page.shown:
        return message
    cells = [HEADING, *(_cells(one, shown.snapshot) for one in page.shown)]
    rows = "\n".join(row(one, shown.snapshot) for one in page.shown)
    return dataclasses.replace(
        message,
        blocks=(*top, blocks.table(cells), *below),
        plainer=(*top, *blocks.paragraphs(rows), *below),
    )


def _every(turn: paging.Turn) -> tuple[blocks.Button, ...]:
    """Return the button that lists the same servers one by one, if a line was typed for them."""
    verb, _, rest = turn.line.partition(" ")
    button = paging.whole(f"list {rest}".strip()) if verb == "status" else None
    return (button,) if button else ()


def outdated(found: answers.Outdated) -> str:
    """Return that CloudDC gave nothing newer, and how old this is."""
    return f"⚠️ {text.plain(found.sentence, WARNING_CHARS)}"


def age(snapshot: server.Snapshot, now: float) -> str:
    """Return how old the states of a snapshot are."""
    return f"States read {words.read_ago(snapshot.age_s(now))}"


def counts(servers: Sequence[server.Server], snapshot: server.Snapshot) -> str:
    """Return what is wrong with whom, then the servers by power state, each folded.

    Those that are on are named only where they are few.
    """
    by_power: dict[Power, list[folding.Named]] = {}
    for one in servers:
        by_power.setdefault(one.power, []).append(snapshot.label(one))
    suspended = [snapshot.label(one) for one in servers if one.frozen_state]
    busy = [snapshot.label(one) for one in servers if not one.ready and not one.frozen_state]
    ill = naming.by_word(((one.health_state, snapshot.label(one)) for one in servers), NAMES_CHARS)
    lines = [f"🩺 *health* {ill}"] if ill else []
    lines += _counted("🚫", SUSPENDED, suspended)
    lines += _counted("🚧", "not in use", busy)
    for power in (Power.UNKNOWN, Power.CHANGING, Power.OFF):
        lines += _counted(SIGNS[power], power.value, by_power.get(power, ()))
    well = by_power.get(Power.ON, [])
    if len(well) > MOST_WELL:
        return "\n".join([*lines, f"{SIGNS[Power.ON]} *{Power.ON.value}* {len(well):,}"])
    return "\n".join([*lines, *_counted(SIGNS[Power.ON], Power.ON.value, well)])


def _counted(sign: str, word: str, names: Sequence[folding.Named]) -> list[str]:
    """Return one line for servers of which one thing is true, or none."""
    if not names:
        return []
    return [f"{sign} *{word}* {len(names):,}: {naming.folded(names, NAMES_CHARS)}"]


def row(one: server.Server, snapshot: server.Snapshot) -> str:
    """Return one server in a line: name, power, health, rack, and what is wrong with it."""
    told = " · ".join(part for part in _words(one, snapshot) if part)
    return text.plain(told, ROW_CHARS)


def _cells(one: server.Server, snapshot: server.Snapshot) -> tuple[str, ...]:
    """Return one server's row of the table; its cells are literal, so nothing in them formats."""
    cells = zip(_words(one, snapshot), CELL_CHARS, strict=True)
    return tuple(text.literal(word, most) for word, most in cells)


def _words(one: server.Server, snapshot: server.Snapshot) -> tuple[str, str, str, str, str]:
    """Return the cells of a server's row, in the order of the table's heading."""
    notes = (
        # The vendor's word stays for ever once an operation has ended well: it says nothing of now.
        "" if one.operation_state.endswith("-succeed") else one.operation_state,
        SUSPENDED if one.frozen_state else "",
        "" if one.manage_state in {"", "in-use"} else one.manage_state,
        one.error,
    )
    return (
        naming.single(snapshot.label(one)),
        one.power.value if one.listed else GONE,
        one.health_state,
        snapshot.rack_of(one),
        " · ".join(part for part in notes if part),
    )

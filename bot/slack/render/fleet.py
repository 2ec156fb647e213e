"""Servers as a person sees them on asking: counted by power state, or a page of rows."""

from __future__ import annotations

from collections.abc import Sequence

from bot.power import server
from bot.power.server import Power
from bot.slack.blockkit import blocks, naming, paging, text
from bot.slack.render import frozen as frozen_
from bot.workflow import answers

# A table of a hundred rows stays below Slack's size of a message.
PAGE_ROWS = 100
ROW_CHARS = 90
NAMES_CHARS = 900
READING_CHARS = 300
# Above a table of rows the names are only hinted at.
COUNT_NAMES_CHARS = 120
# So few servers are shown one by one, whatever was asked.
# A server that our own record has, and the list no more.
GONE = "gone from CloudDC's list"
FEW = 10
SIGNS = {Power.ON: "🟢", Power.OFF: "⚫", Power.CHANGING: "🔄", Power.UNKNOWN: "❔"}


def render(shown: answers.FleetShown, turn: paging.Turn = paging.FIRST) -> blocks.Message:
    """Return the servers; the line of the turn is what was typed."""
    title = text.plain(shown.title, 200) or "Servers"
    found = len(shown.servers)
    heading = f"*{title}:* {found:,} {'server' if found == 1 else 'servers'}"
    heading += f" ({text.plain(shown.reading, READING_CHARS)})" if shown.reading else ""
    if shown.snapshot.shortfall:
        heading += f"\n⚠️ {shown.snapshot.shortfall.sentence}"
    in_rows = shown.detailed or found <= FEW
    told = counts(shown.servers, shown.snapshot, COUNT_NAMES_CHARS if in_rows else NAMES_CHARS)
    body = frozen_.section(shown.freezes)
    body.append(blocks.section(f"{heading}\n{told}" if told else heading))
    rows = [row(one, shown.snapshot) for one in shown.servers] if in_rows else []
    body += paging.body(rows, turn, PAGE_ROWS)
    body.append(blocks.context(age(shown.snapshot, shown.now)))
    return blocks.Message(f"{heading}\n{told}", tuple(body))


def age(snapshot: server.Snapshot, now: float) -> str:
    """Return how old the states of a snapshot are."""
    return f"States read {text.duration(snapshot.age_s(now))} ago"


def counts(servers: Sequence[server.Server], snapshot: server.Snapshot, names_limit: int) -> str:
    """Return the servers by power state, and those that something is wrong with, folded."""
    lines = []
    for power in Power:
        names = [snapshot.label(one) for one in servers if one.power is power]
        if names:
            folded = naming.folded(names, names_limit)
            lines.append(f"{SIGNS[power]} *{power.value}* {len(names):,}: {folded}")
    ill = naming.by_word(((one.health_state, snapshot.label(one)) for one in servers), names_limit)
    frozen = [snapshot.label(one) for one in servers if one.frozen_state]
    busy = [snapshot.label(one) for one in servers if not one.ready and not one.frozen_state]
    if ill:
        lines.append(f"🩺 *health* {ill}")
    if frozen:
        lines.append(f"🧊 *frozen* {len(frozen):,}: {naming.folded(frozen, names_limit)}")
    if busy:
        lines.append(f"🚧 *not in use* {len(busy):,}: {naming.folded(busy, names_limit)}")
    return "\n".join(lines)


def row(one: server.Server, snapshot: server.Snapshot) -> str:
    """Return one server: name, the record's own words, place, and what is wrong with it."""
    parts = [
        text.clean(naming.single(snapshot.label(one)), 60),
        one.power.value if one.listed else GONE,
        # The vendor's word stays for ever once an operation has ended well: it says nothing of now.
        "" if one.operation_state.endswith("-succeed") else one.operation_state,
        one.health_state,
        snapshot.rack_of(one),
        "frozen" if one.frozen_state else "",
        one.error,
    ]
    told = " · ".join(text.clean(part, 40) for part in parts if part)
    return text.plain(told, ROW_CHARS)

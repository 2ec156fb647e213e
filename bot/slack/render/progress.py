"""How far a run is, as Slack's own list of tasks: one for each server, or for each outcome.

"Plan block" in Slack's docs (2026). Slack names no limit for the number of tasks; twenty are read
at a glance, and more are told as outcomes. Whoever sends keeps a message without it at hand.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.power import ports
from bot.power.lifecycle import ServerState
from bot.power.request import Action
from bot.power.run import outcome
from bot.power.text import folding
from bot.slack.blockkit import blocks, naming, text, words
from bot.slack.render.phrases import outcomes

MOST_TASKS = 20  # Of more servers each outcome is a task.
TITLE_CHARS = 80
NAMES_CHARS = 100
OUTPUT_CHARS = 200
COMPLETE = frozenset({ServerState.PROVEN, ServerState.SKIPPED})  # Nothing is left to do for these.
# Slack has four words; what isn't here is the fourth, "error" ("Task card block").
STATUSES = {
    ServerState.QUEUED: "pending",
    ServerState.INTENDED: "in_progress",
    ServerState.ACCEPTED: "in_progress",
    **dict.fromkeys(COMPLETE, "complete"),
}


def render(
    servers: Sequence[ports.RunServer], action: Action, *, stopping: bool = False
) -> blocks.Block:
    """Return the list; every server is in exactly one task. What is `stopping` sends no more."""
    one_each = len(servers) <= MOST_TASKS
    made = [_one(row, action) for row in servers] if one_each else _groups(servers, action)
    return {
        "type": "plan",
        "title": _whole(servers, stopping=stopping, named=one_each),
        "tasks": made,
    }


def _whole(servers: Sequence[ports.RunServer], *, stopping: bool, named: bool) -> str:
    """Return how many still wait; how far it is says the card's first line.

    The names of a few are folded here; those of many stand below, by state, and once is enough.
    """
    # The second half of a cycle doesn't wait to begin.
    waiting = sum(row.state is ServerState.QUEUED and row.step == 0 for row in servers)
    left = f"{waiting:,} {'not' if stopping else 'still'} to be sent" if waiting else ""
    if not named:
        return left or "All sent"
    names = naming.folded_literal([row.label for row in servers], NAMES_CHARS)
    return f"{names} · {left}" if left else names


def _one(row: ports.RunServer, action: Action) -> blocks.Block:
    """Return one server as a task."""
    status = _status(row)
    # Slack's sign says that there is an error, never which.
    trouble = words.server_word(row.state, action, row.probe) if status == "error" else ""
    reason = words.reason(row.state, row.cause, row.detail)
    half_done = words.HALF_DONE if outcomes.half_done(row) else ""
    told = ": ".join(part for part in (trouble or half_done, reason) if part)
    return _task(row.server_id, naming.single(row.label), status, told)


def _groups(servers: Sequence[ports.RunServer], action: Action) -> list[blocks.Block]:
    """Return the servers by state, with their names folded."""
    names: dict[tuple[str, ServerState, bool], list[folding.Named]] = {}
    for row in servers:
        names.setdefault((_status(row), row.state, outcomes.half_done(row)), []).append(row.label)
    order = outcome.TOLD_IN_ORDER.index
    found = sorted(names.items(), key=lambda item: order(item[0][1]))
    return [
        _task(
            f"{status}-{state.value}",
            f"{len(those):,} {words.HALF_DONE if half else words.server_word(state, action)}",
            status,
            naming.folded_literal(those, OUTPUT_CHARS),
        )
        for (status, state, half), those in found
    ]


def _status(row: ports.RunServer) -> str:
    """Return Slack's word for where a server is; unknown is looked into until it has an end."""
    unsettled = row.state is ServerState.UNKNOWN and not row.settled_at
    if unsettled or outcomes.half_done(row):
        return "in_progress"
    return STATUSES.get(row.state, "error")


def _task(id_: str, title: str, status: str, told: str) -> blocks.Block:
    """Return one task; its texts are literal, so nothing in them formats."""
    made: blocks.Block = {
        "type": "task_card",
        "task_id": id_,
        "title": text.literal(title, TITLE_CHARS) or "?",
        "status": status,
    }
    if told:
        said = {"type": "text", "text": text.literal(told, OUTPUT_CHARS)}
        section = {"type": "rich_text_section", "elements": [said]}
        made["output"] = {"type": "rich_text", "elements": [section]}
    return made

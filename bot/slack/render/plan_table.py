"""The whole plan as a table: one row for each named server, within a table's bounds."""

from __future__ import annotations

from bot.power import plan
from bot.power.plan import Verdict
from bot.slack.blockkit import blocks, naming, text, words
from bot.slack.render.phrases import server_health

NAME_CHARS = 40
WORD_CHARS = 20
REASON_CHARS = 80
HEALTH_CHARS = 60
RULE_CHARS = 30  # Characters in a cell, as those above.
WAVE, RULE = "Wave", "Rule"
HEADING = ("Server", "Rack", "Now", "Health", "Plan", "Why")
VERDICTS = {Verdict.SKIP: "skip", Verdict.BLOCKED: "blocked"}


def render(planned: plan.Plan) -> tuple[blocks.Block, ...]:
    """Return the table, and how many servers it leaves out; nothing for an empty plan."""
    if not planned.lines:
        return ()
    more_of = _columns(planned)
    rows: list[tuple[str, ...]] = [(*HEADING, *more_of)]
    room = blocks.TABLE_CHARS
    health = server_health.words(planned)
    # The heading takes one of the rows.
    for line in planned.lines[: blocks.TABLE_ROWS - 1]:
        row = (*_row(line, planned, health[line.server_id]), *_more(line, more_of))
        room -= sum(map(len, row))
        if room < 0:
            break
        rows.append(row)
    left_out = len(planned.lines) - (len(rows) - 1)
    more = (blocks.context(f"and {text.count(left_out, 'server')} more"),) if left_out else ()
    return (blocks.table(rows), *more)


def _columns(planned: plan.Plan) -> tuple[str, ...]:
    """Return the columns that not every plan needs: waves and rules, where there are several."""
    waves = len(planned.waves) > 1 and any(line.wave for line in planned.lines)
    rules = len({line.rule for line in planned.lines if line.rule}) > 1
    return tuple(name for name, wanted in ((WAVE, waves), (RULE, rules)) if wanted)


def _more(line: plan.PlanLine, columns: tuple[str, ...]) -> list[str]:
    """Return what stands in these columns."""
    words = {WAVE: str(line.wave or ""), RULE: text.literal(line.rule, RULE_CHARS)}
    return [words[name] for name in columns]


def _row(line: plan.PlanLine, planned: plan.Plan, health: str) -> tuple[str, ...]:
    """Return one server's row; a table's cells are literal, so nothing in them formats."""
    acts = words.VERBS[planned.order.action]
    return (
        text.literal(naming.single(line.label), NAME_CHARS),
        text.literal(line.rack, WORD_CHARS),
        text.literal(line.power_before, WORD_CHARS),
        text.literal(health, HEALTH_CHARS),
        # Of a server to act on the action itself is the word.
        VERDICTS.get(line.verdict, acts),
        text.literal(line.reason, REASON_CHARS),
    )

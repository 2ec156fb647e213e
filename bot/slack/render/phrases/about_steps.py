"""What people read of the steps around waves: under way, done, still out, owed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.power import ports
from bot.power.lifecycle import ServerState, State
from bot.power.messages import running
from bot.power.run import step_ledger
from bot.power.steps import kinds, wave_parts
from bot.power.steps.states import Shown
from bot.power.text import folding, times
from bot.slack.blockkit import blocks, naming, paging, text, words
from bot.workflow import answers

SAYS_CHARS = 200
STEP_CHARS = 60
OUT_CHARS = 900  # Of names in one line.
MOST_STEPS = 16  # Of one wave.
MOST_OUT = 12  # Groups of servers on a card.
OWED_ROWS = 25  # Of one page.
DETAIL_CHARS = 100
NOTHING = "Nothing is out or owed."


def under_way(request: ports.Request) -> str:
    """Return what is being done around the wave that runs, such as "draining web07: 3 pods"."""
    if request.state is not State.RUNNING:
        return ""
    said = [part.says for part in request.taken_out if part.says]
    # Parts come oldest first: the last one is under way.
    return f"🔧 {text.plain(said[-1], SAYS_CHARS)}" if said else ""


def still_out(request: ports.Request) -> str:
    """Return what is still out after a request: `still out: web07 (drained, silenced)`."""
    # While it runs, what is out is where it should be.
    if not request.ended_at:
        return ""
    servers: dict[folding.Named, list[str]] = {}
    found = step_ledger.rows(request.taken_out)
    for row in found:
        servers.setdefault(row.taken.subject.label, []).append(_done(row.part, row.taken))
    if not servers:
        return ""
    groups: dict[str, list[folding.Named]] = {}
    for name, steps in servers.items():
        groups.setdefault(", ".join(dict.fromkeys(steps)), []).append(name)
    told = [
        f"{naming.folded(names, OUT_CHARS)} ({steps})"
        for steps, names in list(groups.items())[:MOST_OUT]
    ]
    more = f" and {len(groups) - MOST_OUT} more" if len(groups) > MOST_OUT else ""
    owed = any(row.shown is Shown.OWED for row in found)
    heading = "⚠️ Not put back" if owed else "🔧 Left as planned"
    return f"{heading}, *still out:* {', '.join(told)}{more}"


def out_on_home(out: answers.StillOut, linked: str) -> str:
    """Return what one request has left out in a line, with its age; `linked` leads to its card."""
    found = step_ledger.rows(out.parts)
    names = list(dict.fromkeys(row.taken.subject.label for row in found))
    done = dict.fromkeys(_done(row.part, row.taken) for row in found)
    steps = ", ".join(list(done)[:MOST_STEPS])
    owed = any(row.shown is Shown.OWED for row in found)
    since = text.moment(min(row.taken.shown_since for row in found))
    sign, state = ("🚨", "owed") if owed else ("•", "out as planned")
    return f"{sign} *{naming.folded(names, OUT_CHARS)}* {steps} · {state} since {since} · {linked}"


def has_out(request: ports.Request) -> bool:
    """Whether an ended request still has something out."""
    return bool(request.ended_at) and any(part.standing for part in request.taken_out)


def _done(part: wave_parts.Part, taken: wave_parts.Taken) -> str:
    """Return what was done in a word, or that nobody knows; with its end where it has one."""
    until = f" until {text.moment(part.until)}" if part.until else ""
    word = unsure_word if taken.missed else done_word
    return f"{word(part.step.kind, part.step.name)}{until}"


def done_word(kind: str, step: str) -> str:
    """Return what a step has done: `drained`, `told balancer`; its name where nobody knows."""
    name = text.plain(step, STEP_CHARS)
    # A stored step may be of a kind that this version doesn't have.
    found = kinds.named(kind).done if kind in kinds.known() else ""
    return found.format(step=name) or name


def unsure_word(kind: str, step: str) -> str:
    """Return that nobody knows whether a step was done: `silence not confirmed`."""
    name = text.plain(step, STEP_CHARS)
    found = kinds.named(kind).unsure if kind in kinds.known() else ""
    return found.format(step=name) or f"{name} not confirmed"


def wave_over(told: running.WaveOver, request: ports.Request) -> str:
    """Return the one reply of a wave: what was done before, what became of it, what after."""
    action = request.order.action
    # Probes take nothing out; they are told after what became of the servers.
    before = ", ".join(_step(one) for one in told.steps[:MOST_STEPS] if _takes_out(one.kind))
    probes = ", ".join(
        text.plain(one.name, STEP_CHARS)
        for one in told.steps[:MOST_STEPS]
        if not _takes_out(one.kind)
    )
    became = text.joined(
        [
            f"{told.counts[state]:,} {words.server_word(state, action)}"
            for state in ServerState
            if state in told.counts
        ]
    )
    others = "the others " if told.left else ""
    after = f"{others}put back" if told.back else ""
    out = f"still out: {naming.folded(told.left, OUT_CHARS)}" if told.left else ""
    missed = [_missed(one) for one in told.missed[:MOST_STEPS]]
    parts = (before, became, probes, *missed, after, out)
    said = " · ".join(part for part in parts if part)
    return f"Wave {told.wave}: {said}"


def _step(one: running.StepName) -> str:
    """Return what a step has done; of whom that isn't known, it isn't said."""
    if not one.unsure:
        return done_word(one.kind, one.name)
    names = naming.folded(one.unsure, OUT_CHARS)
    if one.confirmed:
        return f"{done_word(one.kind, one.name)} (not confirmed: {names})"
    return f"{unsure_word(one.kind, one.name)}: {names}"


def _missed(one: running.Missed) -> str:
    """Return for whom a step wasn't done, and why; without those whom it must be done for."""
    names, why = naming.folded(one.names, OUT_CHARS), text.plain(one.why, OUT_CHARS)
    step = text.plain(one.name, STEP_CHARS)
    return f"set aside: {names} ({step}: {why})" if one.must else f"without {step}: {names} ({why})"


def _takes_out(kind: str) -> bool:
    """Whether a kind takes something out."""
    # What isn't known may have taken something out.
    return kind not in kinds.known() or kinds.named(kind).takes_out


def put_back(told: running.PutBack) -> str:
    """Return that something was put back after its run."""
    names = naming.folded(told.names, OUT_CHARS)
    return f"↩️ Put back: {names} ({text.plain(told.step, STEP_CHARS)})"


def settled(told: running.StepSettled) -> str:
    """Return that somebody has dealt with a step by hand."""
    step, name = text.plain(told.step, STEP_CHARS), naming.folded([told.name], OUT_CHARS)
    return f"✔ Settled by {text.plain(told.by, STEP_CHARS)}: {step} of {name}"


def owed(shown: answers.OwedShown, turn: paging.Turn = paging.FIRST) -> blocks.Message:
    """Return everything that is out or owed, the oldest first."""
    found = step_ledger.rows(shown.parts)
    if not found:
        return blocks.Message(NOTHING, (blocks.section(NOTHING),))
    due = sum(row.shown is Shown.OWED for row in found)
    heading = f"*{len(found)} out*, {due} of them owed" if due else f"*{len(found)} out*"
    rows = [_row(row, shown.now) for row in found]
    body = (blocks.section(heading), *paging.body(rows, turn, OWED_ROWS))
    # A notification has room for the oldest alone.
    return blocks.Message("\n".join([heading, *rows[:3]]), body)


def _row(row: step_ledger.ServerRow, now: float) -> str:
    """Return one server and step in a line."""
    sign = "🚨" if row.shown is Shown.OWED else "•"
    name = naming.folded([row.taken.subject.label], OUT_CHARS)
    parts = [
        f"{sign} {name} {_done(row.part, row.taken)}",
        f"{row.shown.value} for {times.duration(max(0.0, now - row.taken.shown_since))}",
        f"{row.part.request_id} wave {row.part.wave}",
        text.plain(row.taken.detail, DETAIL_CHARS),
    ]
    return " · ".join(part for part in parts if part)


def lines(parts: Iterable[wave_parts.Part]) -> Sequence[str]:
    """Return each step of a request with its servers by state, for whoever asks for details."""
    found = []
    for part in (one for one in parts if one.servers):
        states: dict[tuple[str, str], list[folding.Named]] = {}
        for one in part.servers:
            key = (one.state.value.replace("_", " "), one.detail or one.missed)
            states.setdefault(key, []).append(one.subject.label)
        told = "; ".join(
            f"{state}: {naming.folded(names, OUT_CHARS)}"
            f"{f' ({text.plain(detail, DETAIL_CHARS)})' if detail else ''}"
            for (state, detail), names in states.items()
        )
        found.append(f"Wave {part.wave} · {text.plain(part.step.name, STEP_CHARS)} · {told}")
    return found

"""What is still out, for operators on the host: listed, and marked as dealt with."""

from __future__ import annotations

from collections.abc import Sequence

from bot.operations import host_commands, host_view
from bot.power import ports
from bot.power.messages import running
from bot.power.run import step_ledger
from bot.power.steps import protocol
from bot.power.steps.states import StepState
from bot.power.text import spelling
from bot.workflow.record import Record

# A request to outside may have left whose answer the run waits for.
UNDER_WAY = frozenset({StepState.INTENDED, StepState.PUTTING_BACK})
# Ids of servers of one name that a refusal lists.
MOST_TWINS = 5
NOTHING = "Nothing is out or owed."


async def rows(record: Record) -> list[step_ledger.ServerRow]:
    """Return what is out or owed, server by server and step by step, the oldest first."""
    return step_ledger.rows(await record.store.read(lambda tx: tx.standing_parts()))


def as_json(found: Sequence[step_ledger.ServerRow]) -> str:
    """Return rows as a list in JSON, times in RFC 3339."""
    made = [host_view.step_row(row.part, row.taken, row.shown) for row in found]
    return host_view.printed(made)


def listed(found: Sequence[step_ledger.ServerRow]) -> str:
    """Return rows a line each."""
    return "\n".join(map(_line, found)) or NOTHING


def _line(row: step_ledger.ServerRow) -> str:
    """Return one server and step in a line."""
    parts = [
        f"{row.shown.value} {_server(row.taken.subject)}",
        row.part.step.name,
        f"{row.part.request_id} wave {row.part.wave}",
        f"since {host_view.instant(row.taken.shown_since)}",
        row.taken.detail,
    ]
    return spelling.seen_indented(" · ".join(part for part in parts if part))


def _server(subject: protocol.Subject) -> str:
    """Return a server's name; one of several of that name with its place and the id to type."""
    name = spelling.shown(subject.name)
    return f"{name} ({spelling.shown(subject.apart)}, {subject.id})" if subject.apart else name


async def settle(record: Record, request_id: str, step: str, server: str) -> str:
    """Mark a server's step as dealt with by hand; nothing outside is touched.

    Raises:
        Refused: there is no such request, or nothing of it is out or owed for this server.
    """
    line = f"settle {request_id} {step} {server}"
    asked = await host_commands.meant(record, request_id, line, "settle.refused")
    now, by, id_ = record.clock.now(), host_commands.operator(), asked.id

    def work(tx: ports.Tx) -> str:
        found = tx.request(id_) or asked
        # In the transaction: a run may have put it back since it was asked for.
        if why := _objection(found, step_ledger.meant(tx, id_, step, server), step, server):
            return why
        settled = step_ledger.settle(tx, found, step, server, by=by, now=now)
        said = running.StepSettled(step=step, name=server, by=by.user_id)
        tx.say(id_, "reply", said, key=f"settled:{step}:{settled[0]}:{now}", at=now)
        return ""

    if why := await record.store.write(work):
        await host_commands.refuse(record, line, "settle.refused", asked, why)
    told = f"{spelling.shown(step)} of {spelling.shown(server)}"
    return f"Settled: {told} in {id_}. Nothing outside was touched."


def _objection(
    found: ports.Request, meant: Sequence[step_ledger.ServerRow], step: str, server: str
) -> str:
    """Return why nothing is settled, or an empty text."""
    ids = sorted({row.taken.subject.id for row in meant})
    step, server = spelling.shown(step), spelling.shown(server)
    if not ids:
        return (
            f"{step} of {server} is neither out nor owed in {found.id}; "
            "`powerbot owed` lists what is."
        )
    if len(ids) > 1:
        listed = " or ".join(ids[:MOST_TWINS])
        return f"{len(ids)} servers in {found.id} are called {server}; give an id: {listed}."
    if not found.ended_at and any(row.taken.state in UNDER_WAY for row in meant):
        # What comes of it would be lost: the record would say that nothing stands outside.
        return (
            f"{step} of {server} is under way, because {found.id} is still running; "
            "try again when it is out or owed."
        )
    return ""

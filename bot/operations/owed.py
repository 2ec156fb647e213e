"""What still stands outside, for operators on the host: listed, and marked as dealt with."""

from __future__ import annotations

from collections.abc import Sequence

from bot.operations import host, host_view
from bot.power import ports
from bot.power.messages import running
from bot.power.run import around
from bot.power.text import spelling
from bot.workflow.context import Record

NOTHING = "Nothing is out or owed."


async def rows(record: Record) -> list[around.Row]:
    """Return what is out or owed, server by server and step by step, the oldest first."""
    return around.rows(await record.store.read(lambda tx: tx.standing_parts()))


def as_json(found: Sequence[around.Row]) -> str:
    """Return rows as a list in JSON, times in RFC 3339."""
    made = [host_view.step_row(row.part, row.taken, row.shown) for row in found]
    return host_view.printed(made)


def listed(found: Sequence[around.Row]) -> str:
    """Return rows a line each."""
    return "\n".join(map(_line, found)) or NOTHING


def _line(row: around.Row) -> str:
    """Return one server and step in a line."""
    parts = [
        f"{row.shown.value} {spelling.shown(row.taken.subject.name)}",
        row.part.step.name,
        f"{row.part.request_id} wave {row.part.wave}",
        f"since {host_view.instant(row.taken.since)}",
        row.taken.detail,
    ]
    return spelling.seen_indented(" · ".join(part for part in parts if part))


async def settle(record: Record, request_id: str, step: str, server: str) -> str:
    """Mark a server's step as dealt with by hand; nothing outside is touched.

    Raises:
        Refused: there is no such request, or nothing of it is out or owed for this server.
    """
    asked = (await host.show(record, request_id)).request
    now, by, id_ = record.clock.now(), host.operator().user_id, asked.id

    def work(tx: ports.Tx) -> bool:
        settled = around.settle(tx, tx.request(id_) or asked, step, server, by=by, now=now)
        if settled:
            said = running.StepSettled(step=step, name=server, by=by)
            tx.say(id_, "reply", said, key=f"settled:{step}:{settled[0]}:{now}", at=now)
        return bool(settled)

    if not await record.store.write(work):
        why = f"{step} of {server} is neither out nor owed in {id_}; `powerbot owed` lists what is."
        await host.refuse(record, f"settle {id_} {step} {server}", "settle.refused", asked, why)
    return f"Settled: {step} of {server} in {id_}. Nothing outside was touched."

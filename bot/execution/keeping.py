"""Which servers must stay on? It takes the whole list to say: others are counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.execution.context import Context
from bot.power import ports, server
from bot.power.policy import policy
from bot.power.run import ledger, runs

# Where no lock bears on the answer, none is read.
NOTHING_STANDS = ledger.OtherRequests((), frozenset())


def counts(context: Context, method: ports.Method) -> bool:
    """Whether some servers must stay on that a call could turn off."""
    return context.rules.policy().counts_others(switches_on=method is ports.Method.ON)


def lacks_list(context: Context, method: ports.Method, records: server.Records) -> bool:
    """Whether the policy has come to count servers since records of some were read."""
    return counts(context, method) and not isinstance(records, server.Snapshot)


async def standing(
    context: Context,
    run: runs.Run,
    method: ports.Method,
    rows: Sequence[ports.RunServer],
    records: server.Records,
    *,
    locks: bool,
) -> ledger.OtherRequests:
    """Read the locks that bear on these servers, where an answer is needed."""
    if not locks and not counts(context, method):
        return NOTHING_STANDS
    ids = [row.server_id for row in rows]
    others = [
        record.id
        for keep in context.rules.policy().keeps
        for record in records.servers.values()
        if keep.servers.matches(record)
    ]
    return await context.store.read(lambda tx: ledger.standing(tx, run.id, ids, frozenset(others)))


def held_back(
    context: Context,
    run: runs.Run,
    rows: Sequence[ports.RunServer],
    known: server.Snapshot,
    others: ledger.OtherRequests,
) -> Mapping[str, str]:
    """Return {server id: reason} of those that must stay on, over all requests.

    Our own that a call may have reached since the snapshot don't count as on any more.
    """
    keeps, fleet = context.rules.policy().keeps, known.servers
    ours = {row.server_id for row in run.rows.values() if row.sent_at >= known.started_at}
    wanted = [fleet[row.server_id] for row in rows]
    return policy.held_back(keeps, fleet.values(), others.leaving | ours, wanted)

"""What people may look up of the past: what was done, to which servers, and by whom."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence

from bot.power import errors, lifecycle, ports, server, server_history
from bot.power.targets import targets
from bot.power.targets.terms import NamesTerm
from bot.workflow import answers
from bot.workflow.context import Context
from bot.workflow.questions import queries

# Past requests that are shown, and servers in them all: the plans of more would fill the memory.
MOST_PAST = 200
MOST_PAST_SERVERS = 50_000
# Names of servers that are gone are looked for among so many words.
MOST_WORDS = 100
# A request that never ran has changed no server, and is no history of one.
_RAN = (lifecycle.ENDED | {lifecycle.State.RUNNING}) - {
    lifecycle.State.REFUSED,
    lifecycle.State.DENIED,
    lifecycle.State.CANCELLED,
    lifecycle.State.EXPIRED,
    lifecycle.State.VOID,
}


async def history(context: Context, text: str) -> answers.HistoryShown:
    """Show past changes of the servers that the targets name, or of all.

    Raises:
        UserMistake: the targets can't be understood or name nothing.
        CloudError: CloudDC can't be read, and never was.
    """
    servers: tuple[server.Server, ...] = ()
    outdated = None
    if text:
        reading = await queries.last_reading(context)
        outdated = reading.outdated
        with reading.searched():
            servers = await _now_or_once(context, text, reading.snapshot)
    ids = [row.id for row in servers]
    rows, more = await context.store.read(lambda tx: _past(tx, ids))
    loose = await queries.loose_of(context, rows)
    return answers.HistoryShown(text or "all servers", rows, len(rows), more, loose, outdated)


async def why(context: Context, text: str) -> answers.WhyShown:
    """Show what was done to one server, as the audit log tells it.

    Raises:
        UserMistake: the text doesn't name exactly one server.
        CloudError: CloudDC can't be read, and never was.
    """
    reading = await queries.last_reading(context)
    with reading.searched():
        servers = await _now_or_once(context, text, reading.snapshot)
    if len(servers) != 1:
        raise errors.UserMistake(
            f"why covers one server at a time, and this names {len(servers)}.",
            token=text,
            suggestion=f"/power history {text}",
        )
    told = await context.store.read(lambda tx: _told(tx, servers[0].id))
    now = context.clock.now()
    return answers.WhyShown(servers[0], reading.snapshot, told, now, reading.outdated)


async def _now_or_once(
    context: Context, text: str, snapshot: server.Snapshot
) -> tuple[server.Server, ...]:
    """Return the servers that a text names now, or that our own record knows by that name.

    A server that is gone from the list has its id and name alone.

    Raises:
        UserMistake: neither knows them.
    """
    try:
        return (await queries.search(context, text, snapshot)).servers
    except errors.UserMistake:
        # A server that has left CloudDC can still be asked for by the name in our record.
        named = _named(targets.parse(text, context.policy().groups))
        wanted = [name for names in named.values() for name in names]
        known = await context.store.read(lambda tx: tx.known_servers(wanted)) if wanted else []
        if not known:
            raise
        rest = " ".join(_still_wanted(named, {word for pair in known for word in pair}, snapshot))
        here = (await queries.search(context, rest, snapshot)).servers if rest else ()
    gone = (
        snapshot.servers.get(id_) or server.Server(id_, name, listed=False) for id_, name in known
    )
    return tuple({row.id: row for row in (*here, *gone)}.values())


def _named(chosen: targets.Selection) -> dict[str, list[str]]:
    """Return the names that each term stands for, none for what selects in another way.

    Nothing is returned for terms that narrow or take out, or for more names than are looked for.
    """
    found: dict[str, list[str]] = {}
    left = MOST_WORDS
    for term in chosen.terms:
        # A wildcard would match whatever the record ever knew, so it asks the list alone.
        pattern = term.matcher.pattern if isinstance(term.matcher, NamesTerm) else None
        counted = pattern if pattern and not pattern.is_wild else None
        left -= counted.count if counted else 1
        # These need records to be judged, and a server that is gone has none.
        if term.takes_out or left < 0 or len(chosen.members.clauses) > 1:
            return {}
        found[term.typed] = list(counted.names()) if counted else []
    return found


def _still_wanted(
    named: Mapping[str, Sequence[str]], known: Collection[str], snapshot: server.Snapshot
) -> Iterator[str]:
    """Yield the terms that the list must answer, those of our own record left out."""
    for term, names in named.items():
        if not names:
            yield term
        for name in names:
            if name not in known or name in snapshot.by_name:
                # In quotes, so that a name with a blank or a bracket stays one name.
                yield term if len(names) == 1 else f'"{name}"'


def _past(tx: ports.Tx, server_ids: Sequence[str]) -> tuple[tuple[ports.Request, ...], bool]:
    """Return requests that ran, of these servers or of all, and whether there are older ones."""
    if server_ids:
        # One more than is shown says whether there are older ones.
        ids = tx.touching(server_ids, states=_RAN, limit=MOST_PAST + 1)
    else:
        ids = tx.newest(states=_RAN, limit=MOST_PAST + 1)
    rows: list[ports.Request] = []
    servers = 0
    for one in filter(None, map(tx.request, ids)):
        servers += len(one.order.targets)
        if rows and (len(rows) == MOST_PAST or servers > MOST_PAST_SERVERS):
            return tuple(rows), True
        rows.append(one)
    return tuple(rows), False


def _told(tx: ports.Tx, server_id: str) -> tuple[server_history.Deed, ...]:
    """Return what the audit log tells of a server, request by request."""
    found = []
    for request_id in tx.touching(
        [server_id], states=lifecycle.State, limit=server_history.MOST_DEEDS
    ):
        asked = tx.request(request_id)
        if asked is not None:
            told = tx.audit_rows(
                request_id=request_id, server_id=server_id, limit=server_history.MOST_ROWS
            )
            # By event, so that thousands of rows of a long run hide none that matters.
            for event in server_history.TELLING:
                most = server_history.MOST_OF_A_KIND
                told += tx.audit_rows(request_id=request_id, event=event, limit=most)
            deed = server_history.deed(server_id, asked, told)
            row = tx.run_server(request_id, server_id)
            found.append(dataclasses.replace(deed, row=row))
    return tuple(found)

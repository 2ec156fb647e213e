"""What people may look up: servers, requests, and who did what. Nothing here changes anything."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from bot.power import errors, lifecycle, ports, request, server, server_history
from bot.power.around import parts as parts_
from bot.power.around.states import State
from bot.power.policy import freezes
from bot.power.targets import resolving, targets
from bot.power.targets.terms import Names
from bot.workflow import facts
from bot.workflow.context import Context

# A status answer is at most this old; older than that, CloudDC is asked again.
FRESH_S = 15.0
# So many servers are searched within a few milliseconds, which nobody notices.
AT_ONCE = 500
# Past requests that are shown, and servers in them all: the plans of more would fill the memory.
MOST_PAST = 200
MOST_PAST_SERVERS = 50_000
# Names of servers that are gone are looked for among so many words.
MOST_WORDS = 100
# What ended lately, on a person's Home.
RECENT_S = 7 * 86400.0
RECENT_ROWS = 8
# Requests on Home that have left something out.
MOST_OUT = 5

Waits = Callable[[ports.Request], bool]


async def inventory(context: Context, *, age_s: float = FRESH_S) -> server.Snapshot:
    """Return a snapshot that is at most so old: fresh enough to show and to plan on.

    Raises:
        CloudError: CloudDC can't be read.
    """
    return await context.power.snapshot(not_before=context.clock.now() - age_s)


async def fleet(context: Context, text: str, *, detailed: bool) -> facts.FleetShown:
    """Show all servers, or those that the targets name.

    Raises:
        UserMistake: the targets can't be understood or name nothing.
        CloudError: CloudDC can't be read.
    """
    snapshot = await inventory(context)
    found = resolving.Resolved(tuple(sorted(snapshot.servers.values(), key=lambda r: r.name)))
    if text:
        found = await search(context, text, snapshot)
    now, title = context.clock.now(), text or "all servers"
    return facts.FleetShown(
        title,
        snapshot,
        found.servers,
        now,
        detailed,
        found.reading,
        await standing_freezes(context),
    )


def resolve(
    context: Context, text: str, snapshot: server.Snapshot, *, for_change: bool = False
) -> resolving.Resolved:
    """Return the servers that target text names.

    Raises:
        UserMistake: the text can't be understood or names nothing.
    """
    chosen = targets.parse(text, context.policy().groups)
    return chosen.resolve(snapshot, for_change=for_change)


async def search(
    context: Context, text: str, snapshot: server.Snapshot, *, for_change: bool = False
) -> resolving.Resolved:
    """Return the servers that target text names, found in a thread where the fleet is large.

    Raises:
        UserMistake: the text can't be understood or names nothing.
    """
    if len(snapshot.servers) <= AT_ONCE:
        return resolve(context, text, snapshot, for_change=for_change)
    return await asyncio.to_thread(resolve, context, text, snapshot, for_change=for_change)


async def find(context: Context, request_id: str) -> facts.RequestShown:
    """Show one request.

    Raises:
        UserMistake: there is no such request.
    """
    found, rows = await context.store.read(
        lambda tx: (tx.request(request_id), tx.run_servers(request_id))
    )
    if found is None and await _was_planned(context, request_id):
        raise errors.UserMistake(
            f"{request_id} was a plan that nobody asked for, and is forgotten; type the "
            "command again.",
            token=request_id,
        )
    if found is None:
        raise errors.UserMistake(
            f"There is no request {request_id}.",
            token=request_id,
            suggestion="/power requests",
        )
    return facts.RequestShown(
        found, tuple(rows), context.clock.now(), await standing_freezes(context)
    )


async def _was_planned(context: Context, request_id: str) -> bool:
    """Whether a plan of this id was made once."""
    planned = await context.store.read(
        lambda tx: tx.audit_rows(request_id=request_id, event="request.planned", limit=1)
    )
    return bool(planned)


async def owed(context: Context) -> facts.OwedShown:
    """Show what is out or owed."""
    found = await context.store.read(lambda tx: tx.standing_parts())
    return facts.OwedShown(tuple(found), context.clock.now())


async def open_requests(context: Context, waits_for_me: Waits) -> facts.Answer:
    """Show open requests, those that wait for the asker first."""
    found, owing = await context.store.read(
        lambda tx: (tx.requests(states=_ASKED, limit=None), tx.owing())
    )
    mine = tuple(one for one in (*found, *owing) if waits_for_me(one))
    others = tuple(one for one in found if one not in mine)
    return facts.RequestsShown(mine, others, context.clock.now(), await standing_freezes(context))


async def home(context: Context, person: request.Person, waits: Waits) -> facts.HomeShown:
    """Show what concerns one person now, and what ended lately."""
    now = context.clock.now()
    since = now - RECENT_S
    found, owing, ended = await context.store.read(
        lambda tx: (
            tx.requests(states=_ASKED, limit=None),
            tx.owing(),
            tx.requests(states=lifecycle.ENDED, ended_since=since, asked=True, limit=RECENT_ROWS),
        )
    )
    waiting = tuple(one for one in (*found, *owing) if waits(one))
    mine = tuple(one for one in found if one.order.requester.user_id == person.user_id)
    running = tuple(one for one in found if one not in mine and one.state in (_APPROVED, _RUNNING))
    recent = tuple(one for one in ended if one.card is not None)
    loose = await _loose(context, recent)
    standing = await standing_freezes(context)
    out, more = await context.store.read(_still_out)
    return facts.HomeShown(
        waiting, mine, running, recent, standing, now, loose, out=out, more_out=more
    )


def _still_out(tx: ports.Tx) -> tuple[tuple[facts.StillOut, ...], bool]:
    """Return the first requests that owe or have left something out, and whether there are more.

    Those that owe come first. What a run has out as planned is no news while it runs.
    """
    by_request: dict[str, list[parts_.Part]] = {}
    for part in tx.standing_parts():
        by_request.setdefault(part.request_id, []).append(part)
    owing = {id_ for id_, found in by_request.items() if any(one.of(State.OWED) for one in found)}
    found: list[facts.StillOut] = []
    for id_ in sorted(by_request, key=lambda one: one not in owing):
        asked = tx.request(id_)
        if asked is not None and (asked.ended_at or id_ in owing):
            if len(found) == MOST_OUT:
                return tuple(found), True
            found.append(facts.StillOut(asked, tuple(by_request[id_])))
    return tuple(found), False


async def _loose(context: Context, ended: Sequence[ports.Request]) -> facts.Loose:
    """Return, by request, the servers that aren't proven: what people must still know."""
    ids = [one.id for one in ended]
    return await context.store.read(lambda tx: tx.loose_servers(ids)) if ids else {}


async def standing_freezes(context: Context) -> tuple[ports.Freeze, ...]:
    """Return the freezes that stand now, people's first, then the policy's."""
    now = context.clock.now()
    held = await context.store.read(lambda tx: tx.freezes(now=now))
    return (*held, *freezes.of_policy(context.policy(), now))


async def history(context: Context, text: str) -> facts.HistoryShown:
    """Show past changes of the servers that the targets name, or of all.

    Raises:
        UserMistake: the targets can't be understood or name nothing.
        CloudError: CloudDC can't be read.
    """
    servers = await _now_or_once(context, text, await inventory(context)) if text else ()
    ids = [row.id for row in servers]
    rows, more = await context.store.read(lambda tx: _past(tx, ids))
    loose = await _loose(context, rows)
    return facts.HistoryShown(text or "all servers", rows, len(rows), more, loose)


async def why(context: Context, text: str) -> facts.WhyShown:
    """Show what was done to one server, as the audit log tells it.

    Raises:
        UserMistake: the text doesn't name exactly one server.
        CloudError: CloudDC can't be read.
    """
    snapshot = await inventory(context)
    servers = await _now_or_once(context, text, snapshot)
    if len(servers) != 1:
        raise errors.UserMistake(
            f"why tells of one server, and these are {len(servers)}.",
            token=text,
            suggestion=f"/power history {text}",
        )
    told = await context.store.read(lambda tx: _told(tx, servers[0].id))
    return facts.WhyShown(servers[0], snapshot, told, context.clock.now())


async def _now_or_once(
    context: Context, text: str, snapshot: server.Snapshot
) -> tuple[server.Server, ...]:
    """Return the servers that a text names now, or that our own record knows by that name.

    A server that is gone from the list has its id and name alone.

    Raises:
        UserMistake: neither knows them.
    """
    try:
        return (await search(context, text, snapshot)).servers
    except errors.UserMistake:
        named = _named(targets.parse(text, context.policy().groups))
        wanted = [name for names in named.values() for name in names]
        known = await context.store.read(lambda tx: tx.known_servers(wanted)) if wanted else []
        if not known:
            raise
        rest = " ".join(_still_wanted(named, {word for pair in known for word in pair}, snapshot))
        here = (await search(context, rest, snapshot)).servers if rest else ()
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
        pattern = term.matcher.pattern if isinstance(term.matcher, Names) else None
        counted = pattern if pattern and not pattern.is_wild else None
        left -= counted.count if counted else 1
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
                yield term if len(names) == 1 else f'"{name}"'


def _past(tx: ports.Tx, server_ids: Sequence[str]) -> tuple[tuple[ports.Request, ...], bool]:
    """Return requests that ran, of these servers or of all, and whether there are older ones."""
    if server_ids:
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
            for event in server_history.TELLING:
                most = server_history.MOST_OF_A_KIND
                told += tx.audit_rows(request_id=request_id, event=event, limit=most)
            deed = server_history.deed(server_id, asked, told)
            row = tx.run_server(request_id, server_id)
            found.append(dataclasses.replace(deed, row=row))
    return tuple(found)


_APPROVED, _RUNNING = lifecycle.State.APPROVED, lifecycle.State.RUNNING
_ASKED = lifecycle.OPEN - {lifecycle.State.PLANNED}
_RAN = (lifecycle.ENDED | {lifecycle.State.RUNNING}) - {
    lifecycle.State.REFUSED,
    lifecycle.State.DENIED,
    lifecycle.State.CANCELLED,
    lifecycle.State.EXPIRED,
    lifecycle.State.VOID,
}

"""What people may look up of this moment: servers, requests, Home. Nothing here changes a thing."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence

from bot.power import errors, lifecycle, ports, request, server
from bot.power.policy import freezes
from bot.power.steps import wave_parts
from bot.power.targets import resolving, targets
from bot.workflow import answers
from bot.workflow.context import Context

# A status answer is at most this old; older than that, CloudDC is asked again.
FRESH_S = 15.0
# A question waits so long for CloudDC where there is an older reading that answers it.
PATIENCE_S = 2.5
# This many servers are searched within a few milliseconds, which nobody notices.
AT_ONCE = 500
# What ended lately, on a person's Home.
RECENT_S = 7 * 86400.0  # A week.
RECENT_ROWS = 8  # Home has room for 100 blocks in all (Slack, "Views").
# Requests on Home that have left something out.
MOST_OUT = 5

Waits = Callable[[ports.Request], bool]


async def inventory(context: Context, *, age_s: float = FRESH_S) -> server.Snapshot:
    """Return a snapshot that is at most so old: fresh enough to show and to plan on.

    Raises:
        CloudError: CloudDC can't be read.
    """
    return await context.power.snapshot(not_before=context.clock.now() - age_s)


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """What a question is answered from; `outdated` is there when CloudDC gave nothing newer."""

    snapshot: server.Snapshot
    outdated: answers.Outdated | None = None

    @contextlib.contextmanager
    def searched(self) -> Iterator[None]:
        """Let a mistake that is found in the block say how old the list is, if it is too old.

        Raises:
            UserMistake: as the block did.
        """
        try:
            yield
        except errors.UserMistake as mistake:
            if self.outdated is None:
                raise
            # A server that came since would else be called unknown without a doubt.
            told = f"{mistake.problem} {self.outdated.sentence}"
            raise errors.UserMistake(
                told, token=mistake.token, suggestion=mistake.suggestion
            ) from None


async def last_reading(context: Context) -> Reading:
    """Return a fresh snapshot, or the last one where CloudDC keeps a question waiting or fails.

    Whatever plans, approves or sends waits for `inventory` instead. Where nothing has been read
    yet, so does a question.

    Raises:
        CloudError: CloudDC can't be read, and never was.
    """
    if (last := context.power.latest()) is None:
        return Reading(await inventory(context))
    why = ""
    try:
        # The sweep goes on beside this, and the next question has it.
        async with asyncio.timeout(PATIENCE_S):
            return Reading(await inventory(context))
    except TimeoutError:
        pass
    except errors.CloudError as error:
        why = error.user_message
    return Reading(last, answers.Outdated(last.age_s(context.clock.now()), why))


async def fleet(context: Context, text: str, *, detailed: bool) -> answers.FleetShown:
    """Show all servers, or those that the targets name.

    Raises:
        UserMistake: the targets can't be understood or name nothing.
        CloudError: CloudDC can't be read, and never was.
    """
    reading = await last_reading(context)
    snapshot = reading.snapshot
    found = resolving.Resolved(tuple(sorted(snapshot.servers.values(), key=lambda r: r.name)))
    if text:
        with reading.searched():
            found = await search(context, text, snapshot)
    now, title = context.clock.now(), text or "all servers"
    return answers.FleetShown(
        title,
        snapshot,
        found.servers,
        now,
        detailed,
        found.reading,
        await standing_freezes(context),
        reading.outdated,
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


async def find(context: Context, request_id: str) -> answers.RequestShown:
    """Show one request.

    Raises:
        UserMistake: there is no such request.
    """
    found, rows = await context.store.read(
        lambda tx: (tx.request(request_id), tx.run_servers(request_id))
    )
    # Its audit rows outlive it, so that its button isn't told it never was.
    if found is None and await _was_planned(context, request_id):
        raise errors.UserMistake(
            f"{request_id} was a plan that was never requested, and it is no longer kept; type "
            "the command again.",
            token=request_id,
        )
    if found is None:
        raise errors.UserMistake(
            f"There is no request {request_id}.",
            token=request_id,
            suggestion="/power requests",
        )
    return answers.RequestShown(
        found, tuple(rows), context.clock.now(), await standing_freezes(context)
    )


async def _was_planned(context: Context, request_id: str) -> bool:
    """Whether a plan of this id was made once."""
    planned = await context.store.read(
        lambda tx: tx.audit_rows(request_id=request_id, event="request.planned", limit=1)
    )
    return bool(planned)


async def owed(context: Context) -> answers.OwedShown:
    """Show what is out or owed."""
    found = await context.store.read(lambda tx: tx.standing_parts())
    return answers.OwedShown(tuple(found), context.clock.now())


async def open_requests(context: Context, waits_for_me: Waits) -> answers.Answer:
    """Show open requests, those that wait for the asker first."""
    found, owing = await context.store.read(
        lambda tx: (tx.requests(states=_ASKED, limit=None), tx.owing())
    )
    mine = tuple(one for one in (*found, *owing) if waits_for_me(one))
    others = tuple(one for one in found if one not in mine)
    return answers.RequestsShown(mine, others, context.clock.now(), await standing_freezes(context))


async def home(context: Context, person: request.Person, waits: Waits) -> answers.HomeShown:
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
    # What never had a card was never asked for, or never seen by anybody.
    recent = tuple(one for one in ended if one.card is not None)
    loose = await loose_of(context, recent)
    standing = await standing_freezes(context)
    out, more = await context.store.read(_still_out)
    return answers.HomeShown(
        waiting, mine, running, recent, standing, now, loose, out=out, more_out=more
    )


def _still_out(tx: ports.Tx) -> tuple[tuple[answers.StillOut, ...], bool]:
    """Return the first requests that owe or have left something out, and whether there are more.

    Those that owe come first. What a run has out as planned is no news while it runs.
    """
    by_request: dict[str, list[wave_parts.Part]] = {}
    for part in tx.standing_parts():
        by_request.setdefault(part.request_id, []).append(part)
    owing = {id_ for id_, found in by_request.items() if any(one.owed for one in found)}
    found: list[answers.StillOut] = []
    # False sorts first, and the sort keeps the order of age among the rest.
    for id_ in sorted(by_request, key=lambda one: one not in owing):
        asked = tx.request(id_)
        if asked is not None and (asked.ended_at or id_ in owing):
            if len(found) == MOST_OUT:
                return tuple(found), True
            found.append(answers.StillOut(asked, tuple(by_request[id_])))
    return tuple(found), False


async def loose_of(context: Context, ended: Sequence[ports.Request]) -> answers.Loose:
    """Return, by request, the servers that aren't proven: what people must still know."""
    ids = [one.id for one in ended]
    return await context.store.read(lambda tx: tx.loose_servers(ids)) if ids else {}


async def standing_freezes(context: Context) -> tuple[ports.Freeze, ...]:
    """Return the freezes that stand now, people's first, then the policy's."""
    now = context.clock.now()
    held = await context.store.read(lambda tx: tx.freezes(now=now))
    return (*held, *freezes.of_policy(context.policy(), now))


_APPROVED, _RUNNING = lifecycle.State.APPROVED, lifecycle.State.RUNNING
# A plan is its maker's alone until it is requested.
_ASKED = lifecycle.OPEN - {lifecycle.State.PLANNED}

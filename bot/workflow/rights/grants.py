"""Does a request still stand as it was granted? Asked at approvals, before a run and each wave.

Read each time: whether its channel is shared with another company by now, whether its requester
still is who the rules take requests from, and whether its seal is whole. What Slack can't say is
never taken for a yes.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable

import structlog

from bot.power import errors, missing_access, plan, ports, server
from bot.power.approval import granted, may_approve
from bot.power.lifecycle import State
from bot.power.policy import policy
from bot.power.request import Action
from bot.power.run import sealing
from bot.power.run.lost_grants import Loss, LostGrant, Ruling
from bot.workflow.context import Context

log = structlog.get_logger()

# From this many servers up, they are judged in a thread beside the event loop.
LARGE = 500
# Seconds that the click of a last approval waits for the records that it is checked against.
CLICK_WAITS_S = 8.0
SHARED = (
    "its channel is now shared with another company, and no request from such a channel is "
    "carried out"
)
UNCHECKED = "Whether its requester can still request it could not be checked"
AGAIN = "press the button again in a moment"


@dataclasses.dataclass(frozen=True, slots=True)
class Stands:
    """What an approval finds; `last` says that the request was looked at as for the last one.

    `told` is said after the answer to the click: servers that are left out by now.
    """

    last: bool
    lost: LostGrant | None = None
    told: str = ""


async def still_stands(context: Context, request: ports.Request, step: int = 0) -> Ruling:
    """Return whether a request still stands, with the groups that its requester is in.

    The second step of a cycle only brings back what the first has switched off: it isn't held
    up by Slack, nor given up because the requester has left meanwhile.

    Raises:
        SlackUnavailable: Slack could not say something on which that depends.
    """
    broken = await broken_seal(context, request)
    if broken is not None or step:
        return Ruling(lost=broken)
    shared, (groups, right) = await asyncio.gather(
        shared_channel(context, request), _asker(context, request)
    )
    return Ruling(groups, shared or right)


async def at_approval(context: Context, request: ports.Request, *, last: bool) -> Stands:
    """Return whether a request stands at an approval; the last one is looked at in full.

    Raises:
        SlackUnavailable: Slack could not say something on which that depends.
    """
    if request.state is not State.PENDING:
        return Stands(last)
    if not last:
        return Stands(
            last, await broken_seal(context, request) or await shared_channel(context, request)
        )
    # Together, since somebody waits for the answer to their click.
    ruling, records = await asyncio.gather(still_stands(context, request), _fresh(context, request))
    if ruling.lost is not None or records is None:
        return Stands(last, ruling.lost)
    other = await _outdated(context, request, ruling, records)
    if not other.changed:
        return Stands(last)
    stops = request.plan.terms.on_change is plan.OnChange.STOP
    # With `on_change = "stop"` one is enough; else only what leaves nothing to do.
    if stops or other.whole:
        return Stands(last, LostGrant(Loss.SERVERS, f"servers have changed: {other.sentence}"))
    return Stands(last, told=f". Left out, since they have changed: {other.sentence}")


async def _fresh(context: Context, request: ports.Request) -> server.Records | None:
    """Return records that were read after the click, or the newest: waves read them again.

    Those of the plan may be seconds old and a server another one by now.
    """
    try:
        async with asyncio.timeout(CLICK_WAITS_S):
            return await its_records(context, request, age_s=0.0)
    except (errors.CloudError, TimeoutError):
        return context.power.latest()


async def its_records(context: Context, request: ports.Request, *, age_s: float) -> server.Records:
    """Return the records of a request's servers, at most so old; its first wave shares them.

    Raises:
        CloudError: they could not be read.
    """
    # Where servers must stay on, that wave counts the whole fleet on what is read here.
    whole = context.policy().counts_others(switches_on=request.order.action is Action.ON)
    not_before = context.clock.now() - age_s
    return await context.power.records(request.order.server_ids, not_before=not_before, whole=whole)


async def shared_channel(context: Context, request: ports.Request) -> LostGrant | None:
    """Return the loss of a request whose channel another company is in, or is asked into.

    Raises:
        SlackUnavailable: the channel could not be read.
    """
    channel = await context.people.directory.channel(request.order.place.channel_id)
    return LostGrant(Loss.CHANNEL, SHARED) if channel.is_shared else None


async def broken_seal(context: Context, request: ports.Request) -> LostGrant | None:
    """Return the loss of a request whose record was changed behind Powerbot's back."""
    found, seen = await context.store.read(lambda tx: _record(tx, request))
    if found is None:
        return None
    flaws = sealing.flaws(found, seen, now=context.clock.now())
    # Loudly: this is somebody who can write to the database, or a fault of ours.
    if flaws:
        log.error("seal.broken", request=found.id, flaws=[flaw.value for flaw in flaws])
        return LostGrant(Loss.SEAL, sealing.sentence(flaws), tuple(flaw.value for flaw in flaws))
    # Approvals of a version without seals are honoured once, and the audit says so.
    if seen.unsealed and not seen.honoured:
        await context.store.write(lambda tx: sealing.honour(tx, found, context.clock.now()))
    return None


def _record(
    tx: ports.Tx, known: ports.Request
) -> tuple[ports.Request | None, sealing.SealEvidence]:
    """Return a request as it is now, with its evidence; None where another change has won.

    What was read before the look-ups may lack a Cancel or a withdrawn approval of meanwhile,
    which nobody made behind our back.
    """
    found = tx.request(known.id) or known
    if known.state is State.RUNNING:
        # Whatever its row says by now: this process sends for it until it stops.
        found = dataclasses.replace(found, state=known.state)
    return found if found.state is known.state else None, sealing.evidence(tx, found)


async def _asker(
    context: Context, request: ports.Request
) -> tuple[frozenset[str], LostGrant | None]:
    """Return the groups that the requester is in now, and what they have lost.

    Raises:
        SlackUnavailable: the requester, or a group that they may be in, could not be read.
    """
    user_id, rules = request.order.requester.user_id, context.policy()
    judging = [rule for rule in rules.rules if rule.name in request.plan.terms.rules]
    wanted = {group for rule in rules.rules for group in (*rule.requesters, *rule.break_glass)}
    member, roster = await asyncio.gather(
        context.people.directory.member(user_id), context.people.roster(sorted(wanted))
    )
    groups = frozenset(group for group, who in roster.members.items() if user_id in who)
    no = may_approve.refuse_member(member, context.people.team_id)
    if no is not None and no.reason is not None:
        return groups, LostGrant(Loss.RIGHT, _gone(no.reason))
    for rule in judging:
        for named, lost in _lists(rule, request):
            if groups.isdisjoint(named):
                # They may be in the group that couldn't be read: neither a loss nor a yes.
                if not roster.unreadable.isdisjoint(named):
                    lacks = missing_access.of(named, roster.missing)
                    raise errors.SlackUnavailable(missing=lacks)
                return groups, LostGrant(Loss.RIGHT, lost)
    return groups, None


async def _outdated(
    context: Context, request: ports.Request, ruling: Ruling, records: server.Records
) -> granted.ChangedServers:
    """Judge the servers of a request on fresh records, beside the event loop where many."""
    now = _as_they_are(request, records)
    given = granted.grant(request.plan, context.policy(), ruling.groups, now)
    if len(request.order.targets) < LARGE:
        return granted.outdated(given, records)
    return await asyncio.to_thread(granted.outdated, given, records)


def unchecked(error: errors.SlackUnavailable) -> str:
    """Return what is said of a click while Slack can't say on what an approval depends."""
    lacks = missing_access.told(error.missing)
    return f"{UNCHECKED}. {lacks}" if lacks else f"{UNCHECKED}; {AGAIN}."


def _as_they_are(request: ports.Request, records: server.Records) -> Iterable[server.Server]:
    """Yield the servers of a request as they are now; those that are gone are left out."""
    known = records.servers
    return (known[id_] for id_ in request.order.server_ids if id_ in known)


def _gone(reason: may_approve.Refusal) -> str:
    """Say what has become of a requester's account."""
    what = WORDS.get(reason, reason.value)
    return f"its requester can't request anything any more ({what})"


WORDS = {
    may_approve.Refusal.GUEST: "now a guest",
    may_approve.Refusal.DEACTIVATED: "deactivated",
    may_approve.Refusal.EXTERNAL: "not in this company",
    may_approve.Refusal.OTHER_TEAM: "not in this workspace",
}


def _lists(rule: policy.Rule, request: ports.Request) -> Iterable[tuple[tuple[str, ...], str]]:
    """Yield the lists of a rule that must name the requester, each with what is said if not."""
    asks = " or ".join(rule.requesters) or "nobody"
    yield (
        rule.requesters,
        f'its requester can\'t request it any more: rule "{rule.name}" accepts requests from '
        f"{asks} only",
    )
    if request.order.options.break_glass:
        why = f'rule "{rule.name}" no longer lets its requester break glass'
        yield rule.break_glass, why

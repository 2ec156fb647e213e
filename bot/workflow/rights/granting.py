"""Does a request still stand as it was granted? Asked at approvals, before a run and each wave.

Read each time: whether its channel is shared with another company by now, whether its requester
still is who the rules take requests from, and whether its seal is whole. What Slack can't say is
never taken for a yes.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterable

import structlog

from bot.power import errors, missing, ports, server
from bot.power.approval import approval, granted
from bot.power.lifecycle import State
from bot.power.policy import policy
from bot.power.run import sealing
from bot.power.run.losses import Loss, Lost, Ruling
from bot.workflow.rights import people

log = structlog.get_logger()

# So many servers are judged beside the event loop.
LARGE = 500
# So long the click of a last approval waits for the records that it is held against.
CLICK_WAITS_S = 8.0
SHARED = (
    "its channel is shared with another company now, and no request may be carried out from one"
)
UNCHECKED = "Whether the requester of this may still ask for it could not be checked"
AGAIN = "press the button again in a moment"


@dataclasses.dataclass(frozen=True, slots=True)
class Stands:
    """What an approval finds; `last` says that the request was looked at as for the last one.

    `told` is said after the answer to the click: servers that are left out by now.
    """

    last: bool
    lost: Lost | None = None
    told: str = ""


@dataclasses.dataclass(frozen=True)
class Granting:
    """Holds a request against what it was granted."""

    store: ports.RequestStore
    power: ports.PowerApi
    people: people.People
    policy: Callable[[], policy.Policy]
    clock: ports.Clock

    async def ruling(self, found: ports.Request, step: int = 0) -> Ruling:
        """Return whether a request still stands, with the groups that its requester is in.

        The second step of a cycle only brings back what the first has switched off: it isn't held
        up by Slack, nor given up because the requester has left meanwhile.

        Raises:
            SlackUnavailable: Slack could not say something on which that depends.
        """
        broken = await self.sealed(found)
        if broken is not None or step:
            return Ruling(lost=broken)
        shared, (groups, right) = await asyncio.gather(self.shared(found), self._asker(found))
        return Ruling(groups, shared or right)

    async def at_approval(self, found: ports.Request, *, last: bool) -> Stands:
        """Return whether a request stands at an approval; the last one is looked at in full.

        Raises:
            SlackUnavailable: Slack could not say something on which that depends.
        """
        if found.state is not State.PENDING:
            return Stands(last)
        if not last:
            return Stands(last, await self.sealed(found) or await self.shared(found))
        ruling, snapshot = await asyncio.gather(self.ruling(found), self._fresh())
        if ruling.lost is not None or snapshot is None:
            return Stands(last, ruling.lost)
        other = await self._outdated(found, ruling, snapshot)
        if not other.changed:
            return Stands(last)
        stops = found.plan.terms.on_change == "stop"
        if stops or other.whole:
            return Stands(last, Lost(Loss.SERVERS, f"changed since the plan: {other.sentence}"))
        return Stands(last, told=f". Left out, since they have changed: {other.sentence}")

    async def _fresh(self) -> server.Snapshot | None:
        """Return records that were read after the click, or the newest: waves read them again.

        Those of the plan may be seconds old and a server another one by now.
        """
        try:
            async with asyncio.timeout(CLICK_WAITS_S):
                return await self.power.snapshot(not_before=self.clock.now())
        except (errors.CloudError, TimeoutError):
            return self.power.latest()

    async def shared(self, found: ports.Request) -> Lost | None:
        """Return the loss of a request whose channel another company is in, or is asked into.

        Raises:
            SlackUnavailable: the channel could not be read.
        """
        channel = await self.people.directory.channel(found.order.place.channel_id)
        return Lost(Loss.CHANNEL, SHARED) if channel.is_shared else None

    async def sealed(self, found: ports.Request) -> Lost | None:
        """Return the loss of a request whose record was changed behind Powerbot's back."""
        seen = await self.store.read(lambda tx: sealing.evidence(tx, found))
        flaws = sealing.flaws(found, seen, now=self.clock.now())
        if flaws:
            log.error("seal.broken", request=found.id, flaws=[flaw.value for flaw in flaws])
            return Lost(Loss.SEAL, sealing.sentence(flaws), tuple(flaw.value for flaw in flaws))
        if seen.unsealed and not seen.honoured:
            await self.store.write(lambda tx: sealing.honour(tx, found, self.clock.now()))
        return None

    async def _asker(self, found: ports.Request) -> tuple[frozenset[str], Lost | None]:
        """Return the groups that the requester is in now, and what they have lost.

        Raises:
            SlackUnavailable: the requester, or a group that they may be in, could not be read.
        """
        user_id, rules = found.order.requester.user_id, self.policy()
        judging = [rule for rule in rules.rules if rule.name in found.plan.terms.rules]
        wanted = {group for rule in rules.rules for group in (*rule.requesters, *rule.break_glass)}
        member, roster = await asyncio.gather(
            self.people.directory.member(user_id), self.people.roster(sorted(wanted))
        )
        groups = frozenset(group for group, who in roster.members.items() if user_id in who)
        no = approval.refuse_member(member, self.people.team_id)
        if no is not None and no.reason is not None:
            return groups, Lost(Loss.RIGHT, _gone(no.reason))
        for rule in judging:
            for named, lost in _lists(rule, found):
                if groups.isdisjoint(named):
                    if not roster.unreadable.isdisjoint(named):
                        lacks = missing.of(named, roster.missing)
                        raise errors.SlackUnavailable(missing=lacks)
                    return groups, Lost(Loss.RIGHT, lost)
        return groups, None

    async def _outdated(
        self, found: ports.Request, ruling: Ruling, snapshot: server.Snapshot
    ) -> granted.Outdated:
        """Judge the servers of a request on fresh records, beside the event loop where many."""
        given = granted.grant(found.plan, self.policy(), ruling.groups, _records(found, snapshot))
        if len(found.order.targets) < LARGE:
            return granted.outdated(given, snapshot)
        return await asyncio.to_thread(granted.outdated, given, snapshot)


def unchecked(error: errors.SlackUnavailable) -> str:
    """Return what is said of a click while Slack can't say on what an approval depends."""
    lacks = missing.told(error.missing)
    return f"{UNCHECKED}. {lacks}" if lacks else f"{UNCHECKED}; {AGAIN}."


def _records(found: ports.Request, snapshot: server.Snapshot) -> Iterable[server.Server]:
    """Yield the servers of a request as they are now; those that are gone are left out."""
    known = snapshot.servers
    return (known[id_] for id_ in found.order.server_ids if id_ in known)


def _gone(reason: approval.Refusal) -> str:
    """Say what has become of a requester's account."""
    return f"its requester may not ask any more ({WORDS.get(reason, reason.value)})"


WORDS = {
    approval.Refusal.GUEST: "a guest now",
    approval.Refusal.DEACTIVATED: "deactivated",
    approval.Refusal.EXTERNAL: "not of this company",
    approval.Refusal.OTHER_TEAM: "not of this workspace",
}


def _lists(rule: policy.Rule, found: ports.Request) -> Iterable[tuple[tuple[str, ...], str]]:
    """Yield the lists of a rule that must name the requester, each with what is said if not."""
    asks = " or ".join(rule.requesters) or "nobody"
    yield (
        rule.requesters,
        f'its requester may not ask any more: rule "{rule.name}" takes requests from {asks} only',
    )
    if found.order.options.break_glass:
        why = f'its requester may not break glass any more by rule "{rule.name}"'
        yield rule.break_glass, why

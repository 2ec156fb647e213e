"""Plans: what is known at this moment is gathered here, and `power.planning` decides."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable

from bot import people
from bot.power import (
    judging,
    lifecycle,
    plan,
    plan_refusals,
    planning,
    policy,
    ports,
    question,
    quorum,
    request,
    server,
)
from bot.power.lifecycle import State

HOUR_S = 3600.0
# The most of one person's requests that are looked at for the limits.
MOST_REQUESTS = 1000
# Requests that never ran don't count towards the quorum of the next one.
CAME_TO_NOTHING = frozenset(
    {State.PLANNED, State.REFUSED, State.DENIED, State.CANCELLED, State.EXPIRED, State.VOID}
)


# Between a plan and the end of its run passes less than this, in seconds.
LONGEST_LIFE_S = 4 * HOUR_S
OTHER_APPROVALS = "it needs other approvals now than the plan says; type the command again."
_WAITING = lifecycle.OPEN - {State.PLANNED}


@dataclasses.dataclass(frozen=True, slots=True)
class _Mine:
    """One person's requests that bear on the next: how many, and of which servers."""

    open: int
    last_hour: int
    servers: frozenset[str]


@dataclasses.dataclass(frozen=True)
class Planner:
    """Makes plans, and says whether one still fits the world."""

    store: ports.RequestStore
    people: people.People
    policy: Callable[[], policy.Policy]
    clock: ports.Clock
    scope: request.Scope

    async def make(self, asked: question.Question, snapshot: server.Snapshot) -> plan.Plan:
        """Make the plan for a question on this snapshot.

        Raises:
            SlackUnavailable: the channel could not be checked.
        """
        channel, roster = await asyncio.gather(
            self.people.directory.channel(asked.place.channel_id),
            self.people.roster(self.policy().people.keys()),
        )
        facts = await self.store.read(lambda tx: self._facts(tx, asked, channel, roster))
        return planning.make(asked, self.policy(), snapshot, facts)

    def _facts(
        self,
        tx: ports.Tx,
        asked: question.Question,
        channel: ports.Channel,
        roster: quorum.Roster,
    ) -> question.Facts:
        """Gather what the store knows that bears on a question."""
        person, now = asked.requester.user_id, asked.now
        mine = self._mine(tx, person, now)
        ids = [record.id for record in asked.servers]
        leaving = tx.requests(states=(State.APPROVED,), limit=MOST_REQUESTS)
        return question.Facts(
            channel=channel,
            requester_groups=frozenset(g for g, who in roster.members.items() if person in who),
            unread_groups=roster.unreadable,
            frozen=tx.frozen(),
            locks=tx.lock_holders(ids),
            open_requests=mine.open,
            requests_last_hour=mine.last_hour,
            recent_servers=mine.servers,
            last_reboots=_last_reboots(tx, now, self._longest_cooldown_s()),
            unreviewed=[owed.request_id for owed in tx.unreviewed(person)],
            leaving=frozenset(
                id_
                for found in leaving
                if found.order.action is not request.Action.ON
                for id_ in found.order.server_ids
            ),
            roster=roster,
        )

    def _mine(self, tx: ports.Tx, person: str, now: float) -> _Mine:
        """Count a person's open and recent requests.

        One counts as recent until the window has passed since its end, however long it waited.
        """
        window_s = self.policy().limits.split_window_s
        since = now - max(HOUR_S, window_s) - LONGEST_LIFE_S
        asked = [
            found
            for found in tx.requests(requester=person, since=since, limit=MOST_REQUESTS)
            if found.state is not State.PLANNED
        ]
        still_open = tx.requests(states=_WAITING, requester=person, limit=MOST_REQUESTS)
        recent = [one for one in asked if max(one.created_at, one.ended_at) > now - window_s]
        return _Mine(
            open=len(still_open),
            last_hour=sum(1 for one in asked if one.created_at > now - HOUR_S),
            servers=frozenset(
                id_
                for one in (*recent, *still_open)
                if one.state not in CAME_TO_NOTHING
                for id_ in one.order.server_ids
            ),
        )

    def _longest_cooldown_s(self) -> float:
        """Return for how long a reboot may still matter."""
        return max((rule.conduct.cooldown_s for rule in self.policy().rules), default=0.0)

    def overtaken(self, tx: ports.Tx, made: plan.Plan, now: float) -> str:
        """Return what forbids a plan since it was held against the world, or an empty text.

        Read in the transaction that asks, so that requests made at the same moment can't slip
        past the limits that one after another they would meet.
        """
        rules, person = self.policy(), made.order.requester.user_id
        mine = self._mine(tx, person, now)
        if reason := tx.frozen():
            return f"Everything is frozen ({reason}); ask again when it is unfrozen."
        if mine.open >= rules.limits.max_open_per_user:
            return f"you have {mine.open} open requests, and that is the most."
        owed = [one.request_id for one in tx.unreviewed(person)]
        if made.order.options.break_glass and owed:
            return plan_refusals.not_reviewed(owed)
        counted = len(mine.servers | set(made.order.server_ids))
        if counted > made.terms.counted and judging.wants_more(made, rules, counted):
            return OTHER_APPROVALS
        return ""

    def question(
        self,
        inbound: ports.Inbound,
        action: request.Action,
        servers: tuple[server.Server, ...],
        *,
        options: request.Options,
        reason: str,
        typed: str = "",
        retry_of: str = "",
    ) -> question.Question:
        """Return the question that a payload asks."""
        return question.Question(
            action=action,
            servers=servers,
            requester=inbound.person,
            place=inbound.place,
            scope=self.scope,
            now=self.clock.now(),
            options=options,
            reason=reason,
            retry_of=retry_of,
            typed=typed,
        )

    async def misfit(
        self, inbound: ports.Inbound, made: plan.Plan, snapshot: server.Snapshot
    ) -> str:
        """Return why a plan doesn't fit the world any more, or an empty text.

        Raises:
            SlackUnavailable: the channel could not be checked.
        """
        order = made.order
        gone = [t.name for t in order.targets if t.server_id not in snapshot.servers]
        if gone:
            return f"{gone[0]} is gone from the inventory."
        servers = tuple(snapshot.servers[id_] for id_ in order.server_ids)
        asked = self.question(
            inbound,
            order.action,
            servers,
            options=order.options,
            reason=order.reason,
            retry_of=order.retry_of,
        )
        new = await self.make(dataclasses.replace(asked, place=order.place), snapshot)
        if new.refusals:
            return new.refusals[0]
        changed = new.lines_with(plan.Verdict.SKIP) + new.lines_with(plan.Verdict.BLOCKED)
        if changed:
            return f"since the plan, {changed[0].name} has changed: {changed[0].reason}."
        if new.terms.needs != made.terms.needs:
            return OTHER_APPROVALS
        return ""


def _last_reboots(tx: ports.Tx, now: float, cooldown_s: float) -> dict[str, float]:
    """Return when servers were last rebooted, as far back as a rule's cooldown reaches."""
    found: dict[str, float] = {}
    if not cooldown_s:
        return found
    for one in tx.requests(since=now - cooldown_s - LONGEST_LIFE_S, limit=MOST_REQUESTS):
        reboots = one.order.action in (request.Action.REBOOT, request.Action.CYCLE)
        if reboots and one.state not in CAME_TO_NOTHING and one.state is not State.PENDING:
            for server_id in one.order.server_ids:
                found[server_id] = max(one.changed_at, found.get(server_id, 0.0))
    return found

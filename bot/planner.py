"""Plans: what is known at this moment is gathered here, and `power.planning` decides."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable

from bot import people
from bot.power import (
    lifecycle,
    plan,
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
        window_s = max(HOUR_S, self.policy().limits.split_window_s)
        mine = [
            found
            for found in tx.requests(requester=person, since=now - window_s, limit=MOST_REQUESTS)
            if found.state is not State.PLANNED
        ]
        still_open = lifecycle.OPEN - {State.PLANNED}
        mine_open = tx.requests(states=still_open, requester=person, limit=MOST_REQUESTS)
        split_since = now - self.policy().limits.split_window_s
        recent = [r for r in mine if r.created_at >= split_since] + mine_open
        ids = [record.id for record in asked.servers]
        leaving = tx.requests(states=(State.APPROVED,), limit=MOST_REQUESTS)
        return question.Facts(
            channel=channel,
            requester_groups=frozenset(g for g, who in roster.members.items() if person in who),
            unread_groups=roster.unreadable,
            frozen=tx.frozen(),
            locks=tx.lock_holders(ids),
            open_requests=len(mine_open),
            requests_last_hour=sum(1 for found in mine if found.created_at >= now - HOUR_S),
            recent_servers=frozenset(
                id_
                for found in recent
                if found.state not in CAME_TO_NOTHING
                for id_ in found.order.server_ids
            ),
            last_reboots=_last_reboots(tx, now),
            leaving=frozenset(
                id_
                for found in leaving
                if found.order.action is not request.Action.ON
                for id_ in found.order.server_ids
            ),
            roster=roster,
        )

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
            return "it needs other approvals now than the plan says."
        return ""


def _last_reboots(tx: ports.Tx, now: float) -> dict[str, float]:
    """Return when servers were last rebooted by a request of the last day."""
    found: dict[str, float] = {}
    for one in tx.requests(since=now - 24 * HOUR_S, limit=MOST_REQUESTS):
        reboots = one.order.action in (request.Action.REBOOT, request.Action.CYCLE)
        if reboots and one.state not in CAME_TO_NOTHING and one.state is not State.PENDING:
            for server_id in one.order.server_ids:
                found[server_id] = max(one.changed_at, found.get(server_id, 0.0))
    return found

"""What bears on a question: what Slack says of people and channel, and what the record has."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence

from bot.power import lifecycle, policy, ports, question, reasons, request
from bot.power.lifecycle import State
from bot.steps import people

HOUR_S = 3600.0
# The most of one person's requests that are looked at for the limits.
MOST_REQUESTS = 1000
# Between a plan and the end of its run passes less than this, in seconds.
LONGEST_LIFE_S = 4 * HOUR_S
# Requests that never ran don't count towards the quorum of the next one.
CAME_TO_NOTHING = lifecycle.NEVER_RAN | {State.PLANNED}
_WAITING = lifecycle.OPEN - {State.PLANNED}
_RAN = (State.SUCCEEDED, State.PARTIAL, State.FAILED, State.STOPPED)
_REBOOTED = (lifecycle.ServerState.PROVEN, lifecycle.ServerState.UNKNOWN)


@dataclasses.dataclass(frozen=True, slots=True)
class Mine:
    """One person's requests that bear on the next: how many, and of which servers."""

    open: int
    last_hour: int
    servers: frozenset[str]


@dataclasses.dataclass(frozen=True)
class Gathering:
    """Gathers what bears on a question: from Slack, and from the record."""

    people: people.People
    policy: Callable[[], policy.Policy]

    async def known(self, asked: question.Question) -> question.Facts:
        """Return what Slack knows that bears on a question.

        Raises:
            SlackUnavailable: the channel could not be checked.
        """
        channel, roster = await asyncio.gather(
            self.people.directory.channel(asked.place.channel_id),
            self.people.roster(self.policy().people.keys()),
        )
        person = asked.requester.user_id
        return question.Facts(
            channel=channel,
            requester_groups=frozenset(g for g, who in roster.members.items() if person in who),
            unread_groups=roster.unreadable,
            roster=roster,
        )

    def recorded(
        self, tx: ports.Tx, asked: question.Question, known: question.Facts
    ) -> question.Facts:
        """Return the facts with what the store knows."""
        person, now = asked.requester.user_id, asked.now
        mine = self.mine(tx, person, now)
        ids = [record.id for record in asked.servers]
        leaving = tx.requests(states=(State.APPROVED,), limit=MOST_REQUESTS)
        return dataclasses.replace(
            known,
            freezes=tx.freezes(now=now),
            locks=tx.lock_holders(ids),
            open_requests=mine.open,
            requests_last_hour=mine.last_hour,
            recent_servers=mine.servers,
            last_reboots=_last_reboots(tx, now, self._longest_cooldown_s()),
            unknown_reboots=unknown_reboots(tx, now, ids),
            busy_racks=tx.busy_racks([record.rack for record in asked.servers]),
            unsettled=tx.unsettled(ids, since=now - reasons.EARLIER_S),
            unreviewed=[owed.request_id for owed in tx.unreviewed(person)],
            leaving=frozenset(
                id_
                for found in leaving
                if found.order.action is not request.Action.ON
                for id_ in found.order.server_ids
            ),
        )

    def mine(self, tx: ports.Tx, person: str, now: float) -> Mine:
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
        return Mine(
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


def unknown_reboots(tx: ports.Tx, now: float, server_ids: Sequence[str]) -> dict[str, str]:
    """Return the requests whose reboot of these servers may or may not have happened.

    The newest request that rebooted a server decides; a run of a day ago is forgotten.
    """
    wanted, found = set(server_ids), dict[str, str]()
    for one in tx.requests(states=_RAN, since=now - 24 * HOUR_S, limit=MOST_REQUESTS):
        if not wanted or one.order.action is not request.Action.REBOOT:
            continue
        if wanted.isdisjoint(one.order.server_ids):
            continue
        for row in tx.run_servers(one.id):
            if row.server_id in wanted and row.state in _REBOOTED:
                wanted.discard(row.server_id)
                if row.state is lifecycle.ServerState.UNKNOWN:
                    found[row.server_id] = one.id
    return found


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

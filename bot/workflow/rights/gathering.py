"""What bears on a question: what Slack says of people and channel, and what the record has."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence

from bot.power import lifecycle, ports
from bot.power.planning import question
from bot.power.policy import policy
from bot.power.run import reasons
from bot.workflow import people

HOUR_S = 3600.0


@dataclasses.dataclass(frozen=True, slots=True)
class Mine:
    """One person's requests that bear on the next: how many, and of which servers."""

    open: int
    last_hour: int
    servers: frozenset[str]


async def known(who: people.People, asked: question.Question) -> question.Facts:
    """Return what Slack knows that bears on a question.

    Raises:
        SlackUnavailable: the channel could not be checked.
    """
    channel, roster = await asyncio.gather(
        who.directory.channel(asked.place.channel_id),
        who.roster(who.policy().people.keys()),
    )
    person = asked.requester.user_id
    return question.Facts(
        channel=channel,
        requester_groups=frozenset(g for g, who in roster.members.items() if person in who),
        unread_groups=roster.unreadable,
        roster=roster,
    )


def recorded(
    tx: ports.Tx, rules: policy.Policy, asked: question.Question, known: question.Facts
) -> question.Facts:
    """Return the facts with what the store knows."""
    person, now = asked.requester.user_id, asked.now
    mine = requests_of(tx, rules, person, now)
    ids = [record.id for record in asked.servers]
    return dataclasses.replace(
        known,
        freezes=tx.freezes(now=now),
        locks=tx.lock_holders(ids),
        open_requests=mine.open,
        requests_last_hour=mine.last_hour,
        recent_servers=mine.servers,
        last_reboots=_last_reboots(tx, now, _longest_cooldown_s(rules)),
        unknown_reboots=unknown_reboots(tx, now, ids),
        busy_racks=tx.busy_racks([record.rack for record in asked.servers]),
        unsettled=tx.unsettled(ids, since=now - reasons.EARLIER_S),
        unreviewed=[owed.request_id for owed in tx.unreviewed(person)],
        leaving=tx.leaving(),
    )


def requests_of(tx: ports.Tx, rules: policy.Policy, person: str, now: float) -> Mine:
    """Count a person's open and recent requests.

    One counts as recent until the window has passed since its end, however long it waited.
    """
    window_s = rules.limits.split_window_s
    return Mine(
        open=tx.count_open(person),
        last_hour=tx.count_asked(person, since=now - HOUR_S),
        servers=tx.recent_servers(person, since=now - window_s),
    )


def _longest_cooldown_s(rules: policy.Policy) -> float:
    """Return for how long a reboot may still matter."""
    return max((rule.conduct.cooldown_s for rule in rules.rules), default=0.0)


def unknown_reboots(tx: ports.Tx, now: float, server_ids: Sequence[str]) -> dict[str, str]:
    """Return the requests whose reboot of these servers may or may not have happened.

    The newest request that rebooted a server decides; a run of a day ago is forgotten.
    """
    decided: set[str] = set()
    found: dict[str, str] = {}
    for server_id, state, request_id in tx.rebooted(server_ids, since=now - 24 * HOUR_S):
        if server_id in decided:
            continue
        decided.add(server_id)
        if state is lifecycle.ServerState.UNKNOWN:
            found[server_id] = request_id
    return found


def _last_reboots(tx: ports.Tx, now: float, cooldown_s: float) -> dict[str, float]:
    """Return when servers were last rebooted, as far back as a rule's cooldown reaches."""
    return tx.last_reboots(since=now - cooldown_s) if cooldown_s else {}

"""What the steps of the story share, joined once; each step is a function of it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable

from bot.power import ports, request
from bot.power.policy import policy
from bot.workflow import alarm_lookup, people, server_search

# Large plans are made one after another: each more takes the interpreter from everybody's clicks,
# and none is sooner.
LARGE_AT_ONCE = 1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the steps need that ask neither Slack nor CloudDC."""

    store: ports.RequestStore
    policy: Callable[[], policy.Policy]
    clock: ports.Clock


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Context(Record):
    """The record, CloudDC and people of a process.

    `plan_turn` lets large plans wait for each other.
    """

    power: ports.PowerApi
    people: people.People
    scope: request.Scope
    alarms: alarm_lookup.AlarmLookup
    search: server_search.Search = dataclasses.field(default_factory=server_search.Search)
    plan_turn: asyncio.Semaphore = dataclasses.field(
        default_factory=lambda: asyncio.Semaphore(LARGE_AT_ONCE)
    )

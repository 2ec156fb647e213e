"""What the steps of the story share, joined once; each step is a function of it."""

from __future__ import annotations

import asyncio
import dataclasses

from bot.power import ports, request
from bot.workflow import record
from bot.workflow.sources import alarm_lookup, people, server_search

# Large plans are made one after another: each more takes the interpreter from everybody's clicks,
# and none is sooner.
LARGE_AT_ONCE = 1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Context(record.Ruled):
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

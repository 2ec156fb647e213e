"""Freezes from the host's command line: for as long as the operator says, told where requests are.

The policy names the channels that are told, so these commands read it, and no others do.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from bot import settings
from bot.operations import host_commands
from bot.power.command import command
from bot.power.policy import freeze_ends
from bot.power.text import times
from bot.runtime import policy_watch
from bot.steps import all_kinds
from bot.workflow import freeze as freezing
from bot.workflow.record import Ruled

NO_CHANNEL = "No channel is told, because the policy file here names none; check POWERBOT_POLICY."


@contextlib.asynccontextmanager
async def opened(given: settings.Settings) -> AsyncIterator[Ruled]:
    """Open the record for the block, with the policy.

    Raises:
        StoreUnavailable: the database can't be reached, holds no record, or is of another version.
    """
    # A policy with steps can't be read before their kinds are known.
    all_kinds.learn()
    async with host_commands.opened(given) as record:
        policy = policy_watch.PolicyFile(given.policy, record.clock)
        yield Ruled(store=record.store, clock=record.clock, policy=policy)


async def freeze(record: Ruled, text: str) -> str:
    """Hold everything back in the operator's name; the text is a reason, perhaps with an end.

    A time without a zone is UTC.

    Raises:
        NotDone: it has no reason.
        UserMistake: the end can't be understood.
    """
    asked = host_commands.parsed(f"freeze {text}")
    if not isinstance(asked, command.Freeze):
        raise host_commands.NotDone(
            "Say why, for example: powerbot freeze cooling is being repaired"
        )
    wanted = freeze_ends.read(asked.reason, record.clock.now(), times.UTC)
    # Everything is held from here on, whether or not a channel can be told.
    held = host_commands.done(
        await freezing.hold(record, host_commands.said(record, f"freeze {text}"), wanted)
    )
    return held if record.policy().allow else f"{held} {NO_CHANNEL}"


async def unfreeze(record: Ruled, *, every: bool = False) -> str:
    """Lift the operator's own freeze, or every one but those of the policy file.

    Raises:
        NotDone: there is none to lift.
    """
    inbound = host_commands.said(record, "unfreeze all" if every else "unfreeze")
    # Empty stands for every holder.
    holder = "" if every else inbound.person.user_id
    return host_commands.done(await freezing.let_go(record, inbound, holder))

"""Plans for what was typed, chosen or pressed; nothing is asked of anybody yet."""

from __future__ import annotations

import asyncio
import dataclasses

from bot.power import errors, ports
from bot.power.command import command
from bot.power.run import again
from bot.workflow import answers, asking, planner, suggest
from bot.workflow.context import Context
from bot.workflow.rights import mentions, reading


async def submit(context: Context, inbound: ports.Inbound, said: command.Change) -> answers.Answer:
    """Plan a change and show the plan to the person who typed it; nothing is asked yet.

    Raises:
        UserMistake: the targets can't be understood or name nothing.
    """
    snapshot = await reading.inventory(context)
    try:
        named = await reading.search(context, said.targets, snapshot, for_change=True)
    except errors.UserMistake as mistake:
        raise suggest.whole_line(mistake, said) from None
    asked = planner.question_of(
        context,
        inbound,
        said.action,
        named.servers + named.unsure,
        options=said.options,
        reason=await mentions.named(said.reason, context.people.directory),
        typed=said.targets,
        reading=named.reading,
        selected=named.selected,
        unsure=named.unsure,
    )
    made, heard = await asyncio.gather(
        planner.make(context, asked, snapshot),
        context.alarms.hear([record.id for record in named.servers]),
    )
    made = heard.beside(made)
    if said.options.dry_run:
        shown = answers.PlanShown(made, "", asked.now)
    else:
        shown = await asking.remember(context, inbound, made)
    return dataclasses.replace(shown, shortfall=snapshot.shortfall)


async def repeat(
    context: Context, inbound: ports.Inbound, wanted: again.Again, request: ports.Request
) -> answers.Answer:
    """Plan an action for exactly the servers that an earlier request has left to do."""
    snapshot = await reading.inventory(context)
    left = [snapshot.servers[i] for i in wanted.server_ids if i in snapshot.servers]
    if not left:
        return answers.Note(f"{request.id} has left nothing to do.", good=False)
    asked = planner.question_of(
        context,
        inbound,
        wanted.action,
        tuple(left),
        options=again.options(request.order),
        reason=again.reason(request, wanted, by=inbound.person),
        retry_of=request.id,
    )
    made, heard = await asyncio.gather(
        planner.make(context, asked, snapshot),
        context.alarms.hear([record.id for record in left]),
    )
    return await asking.remember(context, inbound, heard.beside(made))

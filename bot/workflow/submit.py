"""Plans for what was typed, chosen or pressed; nothing is asked of anybody yet."""

from __future__ import annotations

import asyncio
import dataclasses

from bot.power import errors, ports, server
from bot.power.command import command, except_in_reason
from bot.power.run import retry_and_undo
from bot.workflow import answers, ask, planner
from bot.workflow.context import Context
from bot.workflow.questions import queries, suggest
from bot.workflow.sources import people


async def submit(
    context: Context, inbound: ports.Inbound, change: command.Change
) -> answers.Answer:
    """Plan a change and show the plan to the person who typed it; nothing is asked yet.

    Raises:
        UserMistake: the targets can't be understood or name nothing.
    """
    snapshot = await queries.inventory(context)
    try:
        named = await queries.search(context, change.targets, snapshot, for_change=True)
        # "because all but web01" spares nothing: only terms before it do.
        except_in_reason.refuse(change.reason, named.servers, context.policy().groups)
    except errors.UserMistake as mistake:
        raise suggest.whole_line(mistake, change) from None
    asked = planner.question_of(
        context,
        inbound,
        change.action,
        # Those of which something asked for can't be read are planned as blocked.
        named.servers + named.unsure,
        options=change.options,
        reason=await people.with_names(change.reason, context.people.directory),
        typed=change.targets,
        reading=named.reading,
        selected=named.selected,
        unsure=named.unsure,
    )
    plan, heard = await asyncio.gather(
        planner.make(context, asked, snapshot),
        # Beside the plan, which neither waits for alarms nor fails with them.
        context.alarms.hear([record.id for record in named.servers]),
    )
    plan = heard.beside(plan)
    if change.options.dry_run:
        shown: answers.Answer = answers.PlanShown(plan, "", asked.now)
    else:
        shown = await ask.remember(context, inbound, plan)
    if not isinstance(shown, answers.PlanShown):
        return shown
    return dataclasses.replace(shown, shortfall=snapshot.shortfall)


async def repeat(
    context: Context, inbound: ports.Inbound, wanted: retry_and_undo.Again, request: ports.Request
) -> answers.Answer:
    """Plan an action for exactly the servers that an earlier request has left to do."""
    snapshot = await queries.inventory(context)
    left = [snapshot.servers[i] for i in wanted.server_ids if i in snapshot.servers]
    if not left:
        return answers.Note(f"There is nothing left to do for {request.id}.", good=False)
    asked = planner.question_of(
        context,
        inbound,
        wanted.action,
        tuple(left),
        options=retry_and_undo.options(request.order),
        # Whose reason it was is kept, since somebody else may press the button.
        reason=retry_and_undo.reason(request, wanted, by=inbound.person),
        retry_of=request.id,
    )
    asked = dataclasses.replace(asked, spared=await _spared(context, wanted, request, snapshot))
    plan, heard = await asyncio.gather(
        planner.make(context, asked, snapshot),
        context.alarms.hear([record.id for record in left]),
    )
    plan = heard.beside(plan)
    if wanted.undoes:
        plan = plan.model_copy(update={"undoes": retry_and_undo.undone_by(request)})
    return await ask.remember(context, inbound, plan)


async def _spared(
    context: Context,
    wanted: retry_and_undo.Again,
    request: ports.Request,
    snapshot: server.Snapshot,
) -> dict[str, str]:
    """Return, by id, which servers are left alone that the button would act on again."""
    # While it runs, or before, its locks keep all others away.
    touched: dict[str, ports.Touch] = {}
    if (ended := request.ended_at) and not wanted.fresh:
        touched = await context.store.read(
            lambda tx: tx.touched(wanted.server_ids, since=ended, but=request.id)
        )
    return retry_and_undo.spared(request, wanted, snapshot.servers, touched)

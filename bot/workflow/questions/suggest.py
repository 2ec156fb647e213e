"""The line that a person may copy instead of the one that was a mistake; most get none."""

from __future__ import annotations

import asyncio

from bot.power import errors, input_fields, ports, server, vocabulary
from bot.power.command import command, offered_lines
from bot.workflow import answers
from bot.workflow.context import Context
from bot.workflow.questions import queries


async def answer(
    context: Context, inbound: ports.Inbound, mistake: errors.UserMistake
) -> answers.Mistake:
    """Return what is wrong, with a line to copy if there is one that may be offered."""
    line = ""
    if mistake.suggestion:
        # A line is offered only when it acts on no server that wasn't named.
        line = await _checked(context, mistake.suggestion, input_fields.text(inbound.input))
    # By the command's own name here, since a workspace may call it otherwise.
    written = f"{inbound.called} {line}" if line else ""
    return answers.Mistake(mistake.problem, mistake.token, written)


async def _checked(context: Context, line: str, text: str) -> str:
    """Return the line if it may be offered, checked in a thread where the fleet is large."""
    snapshot = await _snapshot(context)
    typed = offered_lines.TypedLine(text, snapshot, context.policy().groups)
    if snapshot is None or len(snapshot.servers) <= queries.AT_ONCE:
        return offered_lines.checked(line, typed)
    return await asyncio.to_thread(offered_lines.checked, line, typed)


async def _snapshot(context: Context) -> server.Snapshot | None:
    """Return the newest snapshot, None where CloudDC can't be read."""
    try:
        # However old: it is planned anew when the line is sent.
        return context.power.latest() or await queries.inventory(context)
    except errors.CloudError:
        return None


def whole_line(mistake: errors.UserMistake, said: command.Command) -> errors.UserMistake:
    """Return a mistake in the targets with the whole line to copy instead."""
    line = mistake.suggestion
    match said:
        case command.Change() | command.Read() if line:
            line = said.line(line)
        case command.Why() if line and not line.startswith(vocabulary.PREFIX):
            line = f"{vocabulary.PREFIX} why {line}"
    return errors.UserMistake(mistake.problem, token=mistake.token, suggestion=line)

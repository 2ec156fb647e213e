"""The line that a person may copy instead of the one that was a mistake; most get none."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable

from bot.power import errors, inputs, ports, server, vocabulary
from bot.power.command import command, offered_lines
from bot.power.policy import policy
from bot.workflow import answers
from bot.workflow.rights import reading


@dataclasses.dataclass(frozen=True)
class Suggesting:
    """Holds each line against what was typed and what there is, before anybody sees it."""

    reading: reading.Reading
    policy: Callable[[], policy.Policy]

    async def answer(self, inbound: ports.Inbound, mistake: errors.UserMistake) -> answers.Mistake:
        """Return what is wrong, with a line to copy if there is one that may be offered."""
        line = ""
        if mistake.suggestion:
            line = await self._checked(mistake.suggestion, inputs.text(inbound.input))
        written = f"{inbound.called} {line}" if line else ""
        return answers.Mistake(mistake.problem, mistake.token, written)

    async def _checked(self, line: str, text: str) -> str:
        """Return the line if it may be offered, checked in a thread where the fleet is large."""
        snapshot = await self._snapshot()
        typed = offered_lines.Typed(text, snapshot, self.policy().groups)
        if snapshot is None or len(snapshot.servers) <= reading.AT_ONCE:
            return offered_lines.checked(line, typed)
        return await asyncio.to_thread(offered_lines.checked, line, typed)

    async def _snapshot(self) -> server.Snapshot | None:
        """Return the newest snapshot, None where CloudDC can't be read."""
        try:
            return self.reading.power.latest() or await self.reading.inventory()
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

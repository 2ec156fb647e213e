"""Keep a pager quiet about servers: a whole kind of step, in one file."""

from __future__ import annotations

import dataclasses
import json

from bot.power.steps import definition, kinds, protocol
from bot.steps import credentials, http_calls, kind_file

LONGEST_CALL_S = 5.0


@dataclasses.dataclass(frozen=True, slots=True)
class Pager:
    """Implements `protocol.StepClient`: a PUT mutes all servers of a part, another unmutes them."""

    http: http_calls.Http

    async def before(self, asked: protocol.Try) -> protocol.Answer:
        """Mute them; done twice it is as good."""
        return await self._put(asked, muted=True)

    async def after(self, asked: protocol.Try) -> protocol.Answer:
        """Let them be heard again."""
        return await self._put(asked, muted=False)

    async def find(self, asked: protocol.Try) -> protocol.Answer | None:
        """Say that muting again does no harm."""
        return None

    async def lengthen(self, asked: protocol.Try, until: float) -> protocol.Answer:
        """Do nothing: it stays muted until it is told otherwise."""
        return protocol.done(asked.servers, stands=True)

    async def check(self, step: definition.Step) -> str | None:
        """Ask the address how it is."""
        try:
            reply = await self.http.send(self._call(step, "GET", b""))
        except (credentials.SecretMissing, http_calls.NoAnswer) as error:
            return str(error)
        return "" if reply.good else http_calls.status_words(reply)

    async def _put(self, asked: protocol.Try, *, muted: bool) -> protocol.Answer:
        names = [one.name for one in asked.servers]
        body = json.dumps({"servers": names, "muted": muted}).encode()
        try:
            reply = await self.http.send(self._call(asked.step, "PUT", body))
        except credentials.SecretMissing as error:
            return protocol.refused(asked.servers, str(error), stands=not muted)
        except http_calls.NoAnswer as error:
            return protocol.again(asked.servers, error.words, stands=error.left or not muted)
        if reply.good:
            return protocol.done(asked.servers, stands=muted)
        words = http_calls.status_words(reply)
        if reply.passing:
            return protocol.again(asked.servers, words, stands=True, again_s=reply.again_s)
        return protocol.refused(asked.servers, words, stands=not muted)

    def _call(self, step: definition.Step, method: str, body: bytes) -> http_calls.HttpCall:
        headers = {"Content-Type": "application/json", **credentials.header(step.auth)}
        return http_calls.HttpCall(method, step.urls[0], LONGEST_CALL_S, headers, body, step.ca)


BRINGS = kind_file.Brought(
    kinds.StepKind(
        "pager",
        needs=("url",),
        may=("auth", "ca"),
        within_s=30.0,
        doing="muting the pager for",
        done="off the pager",
        undoing="unmuting the pager for",
    ),
    Pager,
    mend="check url and auth of the step.",
)

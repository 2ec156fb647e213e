"""Ask once whether a service answers as it should: by HTTP, by TCP, or by a PromQL expression.

No data is unknown, and never well. How long it must stay well is the run's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import math
import urllib.parse
from collections.abc import Iterable

from bot.power.steps import definition, kinds, placeholders, protocol
from bot.steps import credentials, http_calls, kind_file

LONGEST_LOOK_S = 5.0  # One look at one server; a hanging service isn't well.
MOST_AT_ONCE = 100  # Servers that are asked at once, as many as there are connections.
WELL = ""  # No words for what is wrong: nothing is.


@dataclasses.dataclass(frozen=True, slots=True)
class Probe:
    """Implements `protocol.StepClient`."""

    http: http_calls.Http

    async def before(self, asked: protocol.Try) -> protocol.Answer:
        """Look once."""
        return await self._look(asked)

    async def after(self, asked: protocol.Try) -> protocol.Answer:
        """Look once."""
        return await self._look(asked)

    async def find(self, asked: protocol.Try) -> protocol.Answer | None:
        """A probe leaves nothing behind, so there is nothing to find."""
        return None

    async def lengthen(self, asked: protocol.Try, until: float) -> protocol.Answer:
        """A probe takes nothing out, so there is nothing to extend."""
        return protocol.done(asked.servers)

    async def check(self, step: definition.Step) -> str | None:
        """Ask Prometheus whether it is ready; services may well be down now."""
        if not step.promql:
            return None
        problems = [await self._ready(step, url) for url in step.urls]
        return "; ".join(problem for problem in problems if problem)

    async def _ready(self, step: definition.Step, url: str) -> str:
        try:
            headers = credentials.header(step.auth)
            call = http_calls.HttpCall("GET", f"{url}/-/ready", LONGEST_LOOK_S, headers, ca=step.ca)
            reply = await self.http.send(call)
        except (credentials.SecretMissing, http_calls.NoAnswer) as error:
            return f"{url}: {error}"
        return "" if reply.good else f"{url}: {http_calls.status_words(reply)}"

    async def _look(self, asked: protocol.Try) -> protocol.Answer:
        """Look at all servers, some at a time."""
        places = asyncio.Semaphore(MOST_AT_ONCE)
        within_s = min(asked.within_s, LONGEST_LOOK_S)

        async def looked(subject: protocol.Subject) -> protocol.Each:
            async with places:
                return await self._at(asked.step, subject, within_s)

        found = await asyncio.gather(*map(looked, asked.servers))
        ids = (one.id for one in asked.servers)
        return protocol.Answer(dict(zip(ids, found, strict=True)))

    async def _at(
        self, step: definition.Step, subject: protocol.Subject, within_s: float
    ) -> protocol.Each:
        """Look at one server; an answer in words isn't well."""
        try:
            words = await self._words(step, subject, within_s)
        except (placeholders.Unfilled, credentials.SecretMissing) as error:
            return protocol.Each(protocol.TryResult.REFUSED, str(error))
        except http_calls.NoAnswer as error:
            words = error.words
        return protocol.Each(protocol.TryResult.AGAIN if words else protocol.TryResult.DONE, words)

    async def _words(
        self, step: definition.Step, subject: protocol.Subject, within_s: float
    ) -> str:
        """Return what is wrong, nothing where all is well.

        Raises:
            NoAnswer: nothing answered.
            Unfilled: the server has no value for a placeholder.
            SecretMissing: a secret can't be had.
        """
        if step.tcp:
            return await _connected(*placeholders.host_and_port(step.tcp, subject), within_s)
        if step.http:
            url = placeholders.address(step.http, subject)
            reply = await self.http.send(self._get(step, url, within_s))
            # A redirect isn't well: it may lead to another host that answers for this one.
            return WELL if reply.good else f"HTTP {reply.status}"
        query = urllib.parse.urlencode({"query": placeholders.promql(step.promql, subject)})
        return await self._valued(step, query, within_s)

    async def _valued(self, step: definition.Step, query: str, within_s: float) -> str:
        """Ask the first Prometheus that answers.

        Raises:
            NoAnswer: none does.
            SecretMissing: a secret can't be had.
        """
        failed: http_calls.NoAnswer | None = None
        for url in step.urls:
            # Each address gets its share, so that the first one can't use up all the time.
            get = self._get(step, f"{url}/api/v1/query?{query}", within_s / len(step.urls))
            try:
                reply = await self.http.send(get)
            except http_calls.NoAnswer as error:
                failed = error
                continue
            return _verdict(reply.json()) if reply.good else f"HTTP {reply.status}"
        raise failed or http_calls.NoAnswer("no answer", left=False)

    def _get(self, step: definition.Step, url: str, within_s: float) -> http_calls.HttpCall:
        return http_calls.HttpCall("GET", url, within_s, credentials.header(step.auth), ca=step.ca)


async def _connected(host: str, port: int, within_s: float) -> str:
    """Open a connection and close it again; return what is wrong."""
    try:
        async with asyncio.timeout(within_s):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return "no answer"
    except OSError as error:
        return http_calls.why_not(error)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return WELL


def _verdict(answer: object) -> str:
    """Return what an instant query's answer means (Prometheus HTTP API, expression queries)."""
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict):
        return "no data"
    result = data.get("result")
    match data.get("resultType"):
        case "vector" if isinstance(result, list):
            # A sample is a pair of a time and its value as text (Prometheus HTTP API).
            rows = [row.get("value") if isinstance(row, dict) else None for row in result]
        case "scalar":
            rows = [result]
        case _:
            return "no data"
    return _of_values([_value(row) for row in rows])


def _value(row: object) -> float:
    """Return a sample's value, not a number where it has none."""
    try:
        return float(row[1])  # type: ignore[index] # What isn't a pair is caught below.
    except (TypeError, ValueError, LookupError):
        return math.nan


def _of_values(values: Iterable[float]) -> str:
    """Return what is wrong with some values: none, one that is unknown, or one that is 0."""
    values = list(values)
    # No sample and NaN are unknown, which is never well.
    if not values or any(math.isnan(value) for value in values):
        return "no data"
    return "value 0" if 0 in values else WELL


BRINGS = kind_file.Brought(
    kinds.named(kinds.PROBE),
    Probe,
    mend="check url and auth; Prometheus must answer /-/ready.",
)

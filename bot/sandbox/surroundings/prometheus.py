"""A Prometheus that knows one series, `up`, a sample for each server.

It reads `up{instance="..."}` or `=~`, compared with a number or not; the real one is for the tests.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable

from aiohttp import web

from bot.sandbox.surroundings import calls
from bot.sandbox.surroundings.faults import Part

_QUERY = re.compile(
    r'\s*up\s*(?:\{\s*instance\s*(?P<way>=~?)\s*"(?P<value>(?:[^"\\]|\\.)*)"\s*\})?'
    r"\s*(?:==\s*(?P<number>[01]))?\s*"
)


class Prometheus:
    """Answers instant queries; `samples` yields each server's instance and whether it is up."""

    def __init__(self, samples: Callable[[], Iterable[tuple[str, bool]]]) -> None:
        self._samples = samples

    def routes(self, prefix: str, through: calls.Calls) -> list[web.RouteDef]:
        """List the routes under a prefix, as `--web.route-prefix` has them."""
        query = through.through(Part.PROMETHEUS, self._query)
        ready = through.through(Part.PROMETHEUS, self._ready)
        path = f"{prefix}/api/v1/query"
        return [web.get(path, query), web.post(path, query), web.get(f"{prefix}/-/ready", ready)]

    async def _ready(self, _: web.Request) -> web.StreamResponse:
        return web.Response(text="Prometheus Server is Ready.\n")

    async def _query(self, request: web.Request) -> web.StreamResponse:
        asked = str((await request.post()).get("query") or request.query.get("query", ""))
        found = _QUERY.fullmatch(asked)
        if found is None:
            error = {"status": "error", "errorType": "bad_data", "error": "parse error"}
            return web.json_response(error, status=400)
        wanted = re.sub(r"\\(.)", r"\1", found["value"] or "")
        rows = [
            {
                "metric": {"__name__": "up", "instance": instance},
                "value": [time.time(), str(int(up))],
            }
            for instance, up in self._samples()
            if _fits(found["way"], wanted, instance) and found["number"] in (None, str(int(up)))
        ]
        return web.json_response(
            {"status": "success", "data": {"resultType": "vector", "result": rows}}
        )


def _fits(way: str | None, wanted: str, instance: str) -> bool:
    if way == "=~":
        return re.fullmatch(wanted, instance) is not None
    return way is None or instance == wanted

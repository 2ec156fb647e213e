"""A service on each simulated server: well while its server is up, some time after it came up."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from aiohttp import web

from bot.sandbox.surroundings import calls


class ServiceFault(enum.StrEnum):
    """What can be wrong with one service."""

    UNWELL = "unwell"
    FLAPS = "flaps"
    HANGS = "hangs"
    REFUSES = "refuses"
    EARLY = "early"
    ELSEWHERE = "elsewhere"


DESCRIPTIONS = {
    ServiceFault.UNWELL: "Its service answers with HTTP 503.",
    ServiceFault.FLAPS: "Its service flaps between well and unwell.",
    ServiceFault.HANGS: "Its service accepts connections and never answers.",
    ServiceFault.REFUSES: "Its service cuts every connection.",
    ServiceFault.EARLY: "Its service still answers well while the server goes down.",
    ServiceFault.ELSEWHERE: "Its service redirects everybody to another host.",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a server stands: `since` is when it came up last, in the clock's seconds."""

    up: bool
    busy: bool
    since: float


@dataclass(slots=True)
class Services:
    """The services; `look` tells how a server stands, and raises KeyError for one that isn't.

    `boot_s` is how long a service takes to be well after its server came up.
    """

    look: Callable[[str], Standing]
    clock: Callable[[], float]
    boot_s: float = 2.0
    faults: dict[str, ServiceFault] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the route under a prefix: `/{name}/healthz`."""
        return [web.get(f"{prefix}/{{name}}/healthz", self._answer)]

    def well(self, name: str) -> bool:
        """Whether a server's service answers well, but for flapping.

        Raises:
            KeyError: there is no such server.
        """
        return self._status(name) == 200

    def unwell(self, names: Iterable[str]) -> list[str]:
        """Return those of these servers whose services aren't well."""
        return [name for name in names if not self.well(name)]

    def _status(self, name: str) -> int:
        """Return the HTTP status of a service, 0 where nothing answers."""
        standing, fault = self.look(name), self.faults.get(name)
        if fault is ServiceFault.EARLY and standing.busy:
            return 200
        if not standing.up or fault in (ServiceFault.REFUSES, ServiceFault.HANGS):
            return 0
        if fault is ServiceFault.ELSEWHERE:
            return 302
        booting = self.clock() - standing.since < self.boot_s
        return 503 if booting or fault is ServiceFault.UNWELL else 200

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self.asked[name] = count = self.asked.get(name, 0) + 1
        try:
            status = self._status(name)
        except KeyError:
            return web.Response(status=404)
        fault = self.faults.get(name)
        if fault is ServiceFault.HANGS:
            return await calls.hang(request)
        if not status:
            return calls.cut(request)
        if status == 302:
            raise web.HTTPFound("http://127.0.0.1:9/login")
        if fault is ServiceFault.FLAPS and count % 2:
            status = 503
        return web.Response(status=status, text="ok" if status == 200 else "starting")

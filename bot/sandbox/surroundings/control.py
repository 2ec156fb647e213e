"""The page's side door to the surroundings: how they stand, what came, and faults on request.

It asks for no credentials: mount it on loopback only.
"""

from __future__ import annotations

import enum
from dataclasses import asdict
from typing import TypeVar

from aiohttp import web

from bot.sandbox.surroundings import calls, faults, services
from bot.sandbox.surroundings.surroundings import Surroundings

MOST_TIMES = 100
_Word = TypeVar("_Word", bound=enum.StrEnum)


class BadOrder(ValueError):
    """What was asked makes no sense; the text is one sentence for whoever asked."""


def routes(around: Surroundings) -> list[web.RouteDef]:
    """List the routes of the side door."""

    async def get_state(_: web.Request) -> web.Response:
        return web.json_response(state(around))

    async def get_calls(request: web.Request) -> web.Response:
        after = request.query.get("after", "0")
        entries = around.calls.noted(int(after) if after.isascii() and after.isdigit() else 0)
        return web.json_response({"calls": [asdict(one) for one in entries]})

    async def get_faults(_: web.Request) -> web.Response:
        return web.json_response(listed(around))

    async def post_faults(request: web.Request) -> web.Response:
        try:
            return web.json_response(set_fault(around, await calls.json_object(request)))
        except (BadOrder, calls.Unreadable) as error:
            return web.json_response({"error": str(error)}, status=400)

    return [
        web.get("/surroundings/state", get_state),
        web.get("/surroundings/calls", get_calls),
        web.get("/surroundings/faults", get_faults),
        web.post("/surroundings/faults", post_faults),
    ]


def state(around: Surroundings) -> dict[str, object]:
    """Return how everything stands, server by server where it isn't as always."""
    return {
        "servers": around.of_note(),
        "silences": [
            {"id": one.id, "comment": one.comment, "until": one.ends_at.timestamp()}
            for one in around.alertmanager.store.active()
        ],
        "healthy_pods": around.kubernetes.cluster.healthy(),
        "hooks": len(around.balancer.hooks),
        "faults": len(list(around.faults.waiting())) + len(around.services.faults),
    }


def listed(around: Surroundings) -> dict[str, object]:
    """Return which faults there are, and which are set."""
    return {
        "parts": {part: faults.of(part) for part in faults.Part},
        "calls": _catalogue(faults.DESCRIPTIONS),
        "services": _catalogue(services.DESCRIPTIONS),
        "active": {
            "calls": [
                {"part": one.part, "fault": one.fault, "left": one.left}
                for one in around.faults.waiting()
            ],
            "services": [
                {"server": name, "fault": fault} for name, fault in around.services.faults.items()
            ],
        },
    }


def set_fault(around: Surroundings, order: dict[str, object]) -> dict[str, object]:
    """Break a part or a service, or mend it with null; answer with what is set now.

    A part takes `times`, 1 to 100, or null for all calls until it is mended, and `method`.

    Raises:
        BadOrder: the order is none of these.
    """
    if order.keys() == {"server", "fault"}:
        _set_service(around, str(order["server"]), order["fault"])
    elif {"part", "fault"} <= order.keys() <= {"part", "fault", "times", "method"}:
        _set_part(around, order)
    else:
        raise BadOrder("Send either server and fault, or part and fault with times and method.")
    return listed(around)


def _set_service(around: Surroundings, name: str, fault: object) -> None:
    if name not in around.racks.names:
        raise BadOrder(f"There is no server {name}.")
    if fault is None:
        around.services.faults.pop(name, None)
    else:
        around.services.faults[name] = _word(services.ServiceFault, "fault", fault)


def _set_part(around: Surroundings, order: dict[str, object]) -> None:
    part = _word(faults.Part, "part", order["part"])
    if order["fault"] is None:
        around.faults.lift(part)
        return
    times = order.get("times", 1)
    if times is not None and (type(times) is not int or not 1 <= times <= MOST_TIMES):
        raise BadOrder(f"times must be a whole number from 1 to {MOST_TIMES}, or null.")
    kind = _word(faults.Fault, "fault", order["fault"])
    if kind not in faults.of(part):
        raise BadOrder(f"{part} never answers {kind}.")
    around.faults.set(part, kind, times, str(order.get("method", "")))


def _word(words: type[_Word], field: str, given: object) -> _Word:
    try:
        return words(str(given))
    except ValueError:
        known = ", ".join(words)
        raise BadOrder(f"{field} must be one of: {known}.") from None


def _catalogue(descriptions: dict[_Word, str]) -> list[dict[str, str]]:
    return [{"kind": kind, "description": text} for kind, text in descriptions.items()]

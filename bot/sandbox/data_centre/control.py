"""The page's side door: look at the servers and the log, break things and mend them.

It is for a demo on one machine and asks for no credentials: mount it on loopback only. The
functions that answer are plain; `routes` hangs them on addresses.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from typing import TypeVar

from aiohttp import web

from bot.sandbox.data_centre import switchboard
from bot.sandbox.data_centre.api import call_faults
from bot.sandbox.data_centre.api.call_faults import CallFaultKind
from bot.sandbox.data_centre.api.routing import CallKind
from bot.sandbox.data_centre.centre import DataCentre
from bot.sandbox.data_centre.machines import machine_faults, states
from bot.sandbox.data_centre.machines.actions import Action
from bot.sandbox.data_centre.machines.inventory import UnknownServer
from bot.sandbox.data_centre.machines.machine import Machine
from bot.sandbox.data_centre.machines.machine_faults import MachineFaultKind

LOG_PAGE = 200
MAX_BODY_BYTES = 4096
MAX_TIMES = 100
_Word = TypeVar("_Word", bound=StrEnum)


class BadOrder(ValueError):
    """What was asked makes no sense; the text is one sentence for whoever asked."""


def routes(centre: DataCentre) -> list[web.RouteDef]:
    """The routes of the control API, for an application that somebody else runs."""

    async def get_servers(_request: web.Request) -> web.Response:
        return web.json_response(servers(centre))

    async def get_log(request: web.Request) -> web.Response:
        return _answered(lambda: log(centre, request.query.get("after", "0")))

    async def get_faults(_request: web.Request) -> web.Response:
        return web.json_response(faults(centre))

    async def post_faults(request: web.Request) -> web.Response:
        body = await request.read()
        return _answered(lambda: set_fault(centre, body))

    async def get_switches(_request: web.Request) -> web.Response:
        return web.json_response({"switches": switchboard.shown(centre)})

    async def post_switches(request: web.Request) -> web.Response:
        body = await request.read()
        return _answered(lambda: turn_switch(centre, body))

    async def post_visits(request: web.Request) -> web.Response:
        body = await request.read()
        return _answered(lambda: visit(centre, body))

    return [
        web.get("/centre/switches", get_switches),
        web.post("/centre/switches", post_switches),
        web.post("/centre/visits", post_visits),
        web.get("/centre/servers", get_servers),
        web.get("/centre/log", get_log),
        web.get("/centre/faults", get_faults),
        web.post("/centre/faults", post_faults),
    ]


def servers(centre: DataCentre) -> dict[str, object]:
    """Every server in the order of racks, as a page wants to draw it."""
    machines = sorted(centre.inventory.machines, key=_place)
    return {
        "servers": [_shown(centre, machine) for machine in machines],
        "generation": centre.switches.generation,
        "count": len(machines),
    }


def log(centre: DataCentre, after: str) -> dict[str, object]:
    """The newest entries behind number `after`, at most 200, oldest first.

    Raises:
        BadOrder: when `after` is not a number.
    """
    if not (after.isascii() and after.isdigit() and len(after) <= 15):
        raise BadOrder("after must be the number of a log entry, 0 or more.")
    entries = centre.log.newest(int(after), LOG_PAGE)
    return {"entries": [asdict(entry) for entry in entries], "last": centre.log.last_seq}


def faults(centre: DataCentre) -> dict[str, object]:
    """Which faults there are, and which are set."""
    broken = [machine for machine in centre.inventory.machines if machine.fault is not None]
    return {
        "servers": _catalogue(machine_faults.DESCRIPTIONS),
        "calls": _catalogue(call_faults.DESCRIPTIONS),
        "operations": list(CallKind),
        "active": {
            "servers": [
                {"server": machine.server.name, "fault": _fault_word(machine)} for machine in broken
            ],
            "calls": [
                {"call": fault.kind, "operation": fault.operation}
                for fault in centre.call_faults.waiting()
            ],
        },
    }


def set_fault(centre: DataCentre, body: bytes) -> dict[str, object]:
    """Break or mend one server, or let the next calls go wrong; answer with what is set now.

    Raises:
        BadOrder: when the body is neither of the two orders.
    """
    order = _read_order(body)
    if order.keys() == {"server", "fault"}:
        _set_server_fault(centre, order)
    elif {"call"} <= order.keys() <= {"call", "operation", "times"}:
        _queue_call_fault(centre, order)
    else:
        raise BadOrder("Send either server and fault, or call with operation and times.")
    return faults(centre)


def turn_switch(centre: DataCentre, body: bytes) -> dict[str, object]:
    """Turn one switch of the whole centre; answer with how all stand now.

    Raises:
        BadOrder: when the body names no switch or no choice of it.
    """
    order = _read_order(body)
    if order.keys() != {"switch", "value"}:
        raise BadOrder("Send switch and value.")
    try:
        switchboard.turn(centre, str(order["switch"]), order["value"])
    except ValueError as error:
        raise BadOrder(str(error)) from error
    return {"switches": switchboard.shown(centre)}


def visit(centre: DataCentre, body: bytes) -> dict[str, object]:
    """Let somebody else switch a server, as from the vendor's console; answer with its tile.

    Raises:
        BadOrder: when the body names no server or no action.
    """
    order = _read_order(body)
    if order.keys() != {"server", "action"}:
        raise BadOrder("Send server and action.")
    action = _word(Action, "action", order["action"])
    try:
        machine = centre.machine(str(order["server"]))
    except UnknownServer as error:
        raise BadOrder(str(error)) from error
    machine.visit(action, centre.now())
    return _shown(centre, machine)


def _read_order(body: bytes) -> dict[str, object]:
    if len(body) > MAX_BODY_BYTES:
        raise BadOrder(f"The body may have at most {MAX_BODY_BYTES} bytes.")
    try:
        order = json.loads(body)
    except (ValueError, RecursionError):
        raise BadOrder("The body must be a JSON object.") from None
    if not isinstance(order, dict):
        raise BadOrder("The body must be a JSON object.")
    return order


def _set_server_fault(centre: DataCentre, order: dict[str, object]) -> None:
    fault = order["fault"]
    kind = None if fault is None else _word(MachineFaultKind, "fault", fault)
    try:
        centre.set_fault(str(order["server"]), kind)
    except UnknownServer as error:
        raise BadOrder(str(error)) from error


def _queue_call_fault(centre: DataCentre, order: dict[str, object]) -> None:
    kind = _word(CallFaultKind, "call", order["call"])
    operation = _word(CallKind, "operation", order.get("operation", CallKind.ANY))
    times = order.get("times", 1)
    if type(times) is not int or not 1 <= times <= MAX_TIMES:
        raise BadOrder(f"times must be a whole number from 1 to {MAX_TIMES}.")
    centre.queue_fault(kind, operation, times)


def _word(words: type[_Word], field: str, given: object) -> _Word:
    try:
        return words(str(given))
    except ValueError:
        raise BadOrder(f"{field} must be one of: {', '.join(words)}.") from None


def _answered(answer: Callable[[], dict[str, object]]) -> web.Response:
    try:
        return web.json_response(answer())
    except BadOrder as error:
        return web.json_response({"error": str(error)}, status=400)


def _shown(centre: DataCentre, machine: Machine) -> dict[str, object]:
    server, reading = machine.server, machine.look(centre.now())
    words = states.power_words(reading, centre.switches.generation)
    return {
        "id": server.id,
        "name": server.name,
        "rack": server.rack,
        "dc": server.dc,
        "power": words["power_state"],
        "operation": words.get("operation_state"),
        "busy": reading.busy,
        "fault": _fault_word(machine),
        "reboots": machine.performed[Action.REBOOT],
    }


def _fault_word(machine: Machine) -> str | None:
    return machine.fault.kind if machine.fault is not None else None


def _place(machine: Machine) -> tuple[int, str, int, str]:
    # Shorter first, so that R9 stands before R10 without knowing how racks are named.
    server = machine.server
    return (len(server.rack), server.rack, len(server.unit), server.unit)


def _catalogue(descriptions: dict[_Word, str]) -> list[dict[str, str]]:
    return [{"kind": kind, "description": text} for kind, text in descriptions.items()]

"""The calls that only read: lists, one server, counts, and two that answer with empty lists.

Shapes and limits are those of the CloudDC API's ListServers, ShowServer and ShowServerStatus pages.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlencode

from bot.sandbox.data_centre.api import exchange, refusals
from bot.sandbox.data_centre.api.exchange import HttpRequest
from bot.sandbox.data_centre.api.power_call import UUID
from bot.sandbox.data_centre.machines import states
from bot.sandbox.data_centre.machines.actions import Generation
from bot.sandbox.data_centre.machines.inventory import Inventory
from bot.sandbox.data_centre.machines.machine import Machine

SMALLEST_PAGE = 10
LARGEST_PAGE = 1000
MANAGE_STATES = frozenset({"onboard", "os-ready", "ready", "in-use", "maintain", "offboarding"})
MOST_ALARMS = 100
# No list of names is documented; these are what such machines have (ListAlarms page: levels).
_ALARMS = {"Critical": ("Power supply failed", 1), "Warning": ("Fan speed low", 3)}
_HEALTH_KEYS = {"OK": "ok", "Warning": "warning", "Critical": "critical", "Unknown": "unknown"}


class Listing(StrEnum):
    """How the list is served: as documented, or in a way that a client must survive.

    Short pages hold ten rows, whatever was asked for, and no marker. Repeating pages begin in the
    middle of the page before. A lossy list counts each tenth server and doesn't show it.
    """

    WHOLE = "whole"
    SHORT = "short"
    REPEATING = "repeating"
    LOSSY = "lossy"


@dataclass(frozen=True, slots=True)
class View:
    """From where a reader looks: which machines, when, in which dialect."""

    inventory: Inventory
    now: float
    project_id: str
    generation: Generation
    marker_as_url: bool = False
    listing: Listing = Listing.WHOLE

    def record(self, machine: Machine) -> dict[str, object]:
        """One server's record as seen from here."""
        return states.record(
            machine, self.now, project_id=self.project_id, generation=self.generation
        )

    def encoded(self, machine: Machine) -> bytes:
        """One server's record in JSON, made anew only when something has changed."""
        machine.look(self.now)
        made_of = (machine.changes, self.project_id, self.generation)
        if machine.shown is None or machine.shown[0] != made_of:
            machine.shown = (made_of, exchange.compact(self.record(machine)))
        return machine.shown[1]


def list_servers(view: View, request: HttpRequest) -> bytes:
    """Answer ListServers in JSON; a page size out of range is silently moved into it.

    Raises:
        Refusal: 400 iMetal.0001 for an unknown state, a marker or a limit that is none.
    """
    query = request.query()
    state, marker, limit = query.get("manage_state"), query.get("marker"), _limit(query)
    if state is not None and state not in MANAGE_STATES:
        raise refusals.invalid("manage_state")
    if marker and not UUID.fullmatch(marker):
        raise refusals.invalid("marker")
    if view.listing is Listing.SHORT:
        limit = SMALLEST_PAGE
    behind = _in_state(view.inventory.after(marker or None), state)
    page = behind[:limit]
    more = len(behind) > len(page) and view.listing is not Listing.SHORT
    last = page[-1] if page else None
    if view.listing is Listing.REPEATING and marker:
        before = _in_state(view.inventory.machines, state)[: -len(behind) or None]
        page = [*before[-(limit // 2) :], *page]
    if view.listing is Listing.LOSSY:
        page = [machine for machine in page if not _lost(view, machine)]
    rest = {
        "page_info": {
            "next_marker": _marker(view, request, last) if more and last else None,
            "previous_marker": _marker(view, request, page[0]) if marker and page else None,
            "current_count": len(page),
        },
        "count": len(_in_state(view.inventory.machines, state)),
    }
    # A page has up to a thousand records, most of them the same as at the last look.
    servers = b",".join(view.encoded(machine) for machine in page)
    return b'{"servers":[' + servers + b"]," + exchange.compact(rest)[1:]


def _lost(view: View, machine: Machine) -> bool:
    """Whether a lossy list leaves this machine out: each tenth of the whole fleet."""
    return view.inventory.machines.index(machine) % 10 == 9


def show_server(view: View, server_id: str) -> dict[str, object]:
    """Answer ShowServer.

    Raises:
        Refusal: 400 iMetal.0001 when the id is none, 404 iMetal.0100 when nobody has it.
    """
    if not UUID.fullmatch(server_id):
        raise refusals.invalid("server_id")
    machine = view.inventory.by_id(server_id)
    if machine is None:
        raise refusals.not_found([server_id])
    return view.record(machine)


def show_status(view: View) -> dict[str, object]:
    """Answer ShowServerStatus: counts over the whole fleet."""
    machines = view.inventory.machines
    rooms: dict[str, Counter[str]] = defaultdict(Counter)
    for machine in machines:
        server = machine.server
        health = _HEALTH_KEYS.get(server.health_state, "unknown")
        # The key's odd spelling is the API's (ShowServerStatus page, until April 2026).
        healthy = "health" if server.health_state == "OK" else "unHealth"
        isolated = ["isolation"] if server.frozen_state else []
        for key in ("total", health, healthy, *isolated):
            rooms[key][server.dc] += 1
    keys = ("total", *_HEALTH_KEYS.values(), "health", "unHealth", "isolation")
    return {
        "server_status": {
            key: {"count": rooms[key].total(), "dc_stats": dict(rooms[key])} for key in keys
        },
        "server_power_status": _power_counts(view),
        "server_manage_state": dict(Counter(machine.server.manage_state for machine in machines)),
    }


def list_alarms(view: View, request: HttpRequest) -> dict[str, object]:
    """Answer ListAlarms: one alarm stands for each server whose health isn't good.

    Raises:
        Refusal: 400 iMetal.0001 for a limit or an offset that is none.
    """
    query = request.query()
    wanted = set(filter(None, query.get("resource_id", "").split(",")))
    standing = [
        _alarm(machine)
        for machine in view.inventory.machines
        if machine.server.health_state in _ALARMS and (not wanted or machine.server.id in wanted)
    ]
    first = _whole(query, "offset", 0)
    size = _whole(query, "limit", MOST_ALARMS)
    return {"alarms": standing[first : first + size], "count": len(standing)}


def _alarm(machine: Machine) -> dict[str, object]:
    name, level = _ALARMS[machine.server.health_state]
    number = machine.server.id.replace("-", "")
    return {
        "alarm_record_id": f"ah{number[:22]}",
        "alarm_id": f"al{number[:22]}",
        "alarm_name": name,
        "alarm_status": "alarm",
        "alarm_level": level,
        "begin_time": 1_704_067_200,
        "last_alarm_time": 1_704_067_200,
        "metric": {
            "metric_name": "server_health",
            "dimensions": [{"name": "server_id", "value": machine.server.id}],
        },
    }


def _whole(query: dict[str, str], name: str, otherwise: int) -> int:
    text = query.get(name, "")
    if not text:
        return otherwise
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise refusals.invalid(name)
    return int(text)


def list_instances() -> dict[str, object]:
    """Answer ListInstances; no operating system is installed through this data centre."""
    page = {"next_marker": None, "previous_marker": None, "current_count": 0}
    return {"instances": [], "page_info": page, "count": 0}


def _limit(query: dict[str, str]) -> int:
    text = query.get("limit", "")
    if not text:
        return SMALLEST_PAGE
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise refusals.invalid("limit")
    return min(max(int(text), SMALLEST_PAGE), LARGEST_PAGE)


def _in_state(machines: list[Machine], state: str | None) -> list[Machine]:
    if state is None:
        return machines
    return [machine for machine in machines if machine.server.manage_state == state]


def _marker(view: View, request: HttpRequest, machine: Machine) -> str:
    # The vendor describes the same field as an id in one place and as an address in another.
    if not view.marker_as_url:
        return machine.server.id
    query = urlencode({**request.query(), "marker": machine.server.id})
    return f"http://{request.header('Host') or 'clouddc.invalid'}{request.path}?{query}"


def _power_counts(view: View) -> dict[str, int]:
    counts = Counter(states.counted_power(machine, view.now) for machine in view.inventory.machines)
    return {key: counts[key] for key in ("on", "off", "unknown")}

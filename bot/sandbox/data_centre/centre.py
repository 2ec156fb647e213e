"""The simulated data centre: one request in, one answer out, no IO and no clock of its own."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from bot.sandbox.data_centre.api import call_answers, exchange, limits, power_call, reading, routing
from bot.sandbox.data_centre.api.call_faults import CallFault, CallFaultKind, CallFaults
from bot.sandbox.data_centre.api.exchange import Dropped, HttpRequest, HttpResponse
from bot.sandbox.data_centre.api.journal import MAX_PATH_CHARS, Journal, LogEntry
from bot.sandbox.data_centre.api.refusals import Refusal, forbidden
from bot.sandbox.data_centre.api.routing import CallKind, Operation, Route
from bot.sandbox.data_centre.iam.iam import Account, Iam
from bot.sandbox.data_centre.machines import tempo
from bot.sandbox.data_centre.machines.actions import Action, Generation
from bot.sandbox.data_centre.machines.fleet import Server
from bot.sandbox.data_centre.machines.inventory import Inventory
from bot.sandbox.data_centre.machines.machine import Machine, Pace
from bot.sandbox.data_centre.machines.machine_faults import MachineFault, MachineFaultKind


@dataclass(slots=True)
class Switches:
    """How the service behaves where the documentation leaves it open; may be turned while it runs.

    `dangerous_empty` makes a power call without ids act on every server: the trap that proves that
    a client never sends one. `requests_per_s` is the rate limit, None for no limit.
    """

    generation: Generation = Generation.NEW
    marker_as_url: bool = False
    listing: reading.Listing = reading.Listing.WHOLE
    partial_acceptance: bool = False
    dangerous_empty: bool = False
    requests_per_s: int | None = None


@dataclass(slots=True)
class _Call:
    """One request on its way through, with what the log will say about it.

    `at` is when it came on our clock, `now` the machines' time at that moment.
    """

    request: HttpRequest
    request_id: str
    at: float
    now: float
    wall: datetime
    route: Route = routing.UNKNOWN
    ids: tuple[str, ...] = ()
    action: str | None = None
    applied: tuple[str, ...] = ()


class DataCentre:
    """A project full of machines behind CloudDC's API, with its IAM in front.

    `clock` gives seconds that only grow and `wall` the time of day with its zone; the same seed
    gives the same durations, tokens and request ids.
    """

    def __init__(
        self,
        servers: Iterable[Server],
        *,
        clock: Callable[[], float],
        wall: Callable[[], datetime],
        account: Account | None = None,
        switches: Switches | None = None,
        pace: Pace | None = None,
        seed: int = 0,
    ) -> None:
        self.switches = switches or Switches()
        self.log = Journal()
        self.pace = pace or Pace()
        self.inventory = Inventory(
            Machine(server, pace=self.pace, rng=random.Random(f"{seed}/{server.id}"))
            for server in servers
        )
        self.iam = Iam(account or Account(), random.Random(f"{seed}/iam"))
        self.call_faults = CallFaults(random.Random(f"{seed}/faults"))
        self._throttle = limits.Throttle()
        self._clock = clock
        # Only machines live in this time; the gateway's limits and locks keep to ours.
        self.tempo = tempo.Tempo(clock)
        self._wall = wall
        self._request_ids = random.Random(f"{seed}/requests")

    def handle(self, request: HttpRequest) -> HttpResponse | Dropped:
        """Answer one request, or say that its connection is to be cut."""
        request_id = f"{self._request_ids.getrandbits(128):032x}"
        call = _Call(request, request_id, self._clock(), self.tempo.now(), self._wall())
        try:
            outcome = self._answer(call)
        except Refusal as refusal:
            outcome = exchange.json_response(refusal.status, refusal.body(request_id))
        if isinstance(outcome, HttpResponse):
            outcome = replace(outcome, headers=(*outcome.headers, ("X-Request-Id", request_id)))
        self._note(call, outcome)
        return outcome

    def machine(self, name_or_id: str) -> Machine:
        """Find a machine by name or id.

        Raises:
            UnknownServer: when there is none.
        """
        return self.inventory.find(name_or_id)

    def now(self) -> float:
        """The machines' time, in seconds."""
        return self.tempo.now()

    def set_fault(self, name_or_id: str, fault: MachineFault | MachineFaultKind | None) -> None:
        """Break a server, or mend it with None.

        Raises:
            UnknownServer: when there is none.
        """
        if isinstance(fault, MachineFaultKind):
            fault = MachineFault(fault)
        self.machine(name_or_id).set_fault(fault, self.now())

    def queue_fault(
        self,
        kind: CallFaultKind,
        operation: CallKind = CallKind.ANY,
        times: int = 1,
    ) -> None:
        """Let the next calls of a kind go wrong; `call_faults` takes faults with more detail."""
        self.call_faults.queue(CallFault(kind, operation), times)

    def act_externally(self, name_or_id: str, action: Action, after_s: float = 0.0) -> None:
        """Let somebody else switch a server from the vendor's console, now or later.

        Raises:
            UnknownServer: when there is none.
        """
        self.machine(name_or_id).visit(action, self.now() + after_s)

    def change_server(self, name_or_id: str, **changes: object) -> None:
        """Change facts of a server, like `name`, `frozen_state` or `tags`; never its id.

        Raises:
            UnknownServer: when there is none.
            ValueError: for the fields that other things hang on, and a name that is taken.
        """
        if fixed := changes.keys() & {"id", "power", "last_action"}:
            raise ValueError(f"These can't be changed on a server: {', '.join(sorted(fixed))}.")
        machine = self.machine(name_or_id)
        # The field names are checked by `replace`; their types are the caller's word.
        self.inventory.become(machine, replace(machine.server, **changes))  # type: ignore[arg-type]

    def delete_server(self, name_or_id: str, heir_id: str = "") -> None:
        """Delete a server; with an id, another machine takes its name over.

        Raises:
            UnknownServer: when there is none.
        """
        gone = self.machine(name_or_id)
        heir = replace(gone.server, id=heir_id) if heir_id else None
        made = Machine(heir, pace=self.pace, rng=random.Random(f"heir/{heir_id}")) if heir else None
        self.inventory.take_out(gone, made)

    def power_calls(self) -> list[LogEntry]:
        """Every power call in the log, the refused and dropped ones too."""
        return self.log.power_calls()

    def counts(self) -> dict[Operation, int]:
        """How many requests of each operation arrived since the start."""
        return self.log.counts()

    def invalidate_tokens(self) -> None:
        """Forget every token that IAM issued; the fixed one stays."""
        self.iam.invalidate_tokens()

    def reboots_received(self, name_or_id: str) -> int:
        """How many reboots of this server were accepted, whatever the caller was told.

        Raises:
            UnknownServer: when there is none.
        """
        return self.machine(name_or_id).received[Action.REBOOT]

    def _answer(self, call: _Call) -> HttpResponse | Dropped:
        request = call.request
        limits.check_size(request)
        call.route = routing.match(request.method, request.path)
        if call.route.operation is Operation.CHANGE_POWER:
            # Noted before any fault strikes, so that the log knows what a lost call wanted.
            call.ids, call.action = power_call.named(request)
        if not call.route.is_iam:
            self._throttle.per_second = self.switches.requests_per_s
            self._throttle.check(call.at)
        # Faults come before authentication, as those of a gateway in front of the service do.
        fault = self.call_faults.take(call.route.kind)
        if fault is not None and not fault.takes_effect:
            return call_answers.instead(fault, call.request_id, call.wall)
        response = self._carry_out(call)
        if fault is None:
            return response
        return call_answers.spoil(response, fault, call.request_id, call.wall)

    def _carry_out(self, call: _Call) -> HttpResponse:
        try:
            return self._perform(call)
        except Refusal as refusal:
            return exchange.json_response(refusal.status, refusal.body(call.request_id))

    def _perform(self, call: _Call) -> HttpResponse:
        route = call.route
        if route.operation is Operation.TOKEN:
            return self.iam.issue_token(call.request, call.wall)
        self.iam.authenticate(call.request, call.at, call.wall)
        if route.operation is Operation.PROJECTS:
            return self.iam.list_projects(call.request)
        if route.project_id != self.iam.account.project_id:
            raise forbidden()
        if route.operation is Operation.CHANGE_POWER:
            return exchange.json_response(200, self._change_power(call))
        if route.operation is Operation.LIST:
            return exchange.encoded(200, reading.list_servers(self._view(call), call.request))
        return exchange.json_response(200, self._read(call))

    def _view(self, call: _Call) -> reading.View:
        return reading.View(
            self.inventory,
            call.now,
            call.route.project_id,
            self.switches.generation,
            self.switches.marker_as_url,
            self.switches.listing,
        )

    def _read(self, call: _Call) -> dict[str, object]:
        view = self._view(call)
        match call.route.operation:
            case Operation.SHOW:
                return reading.show_server(view, call.route.server_id)
            case Operation.STATUS:
                return reading.show_status(view)
            case Operation.ALARMS:
                return reading.list_alarms(view, call.request)
            case _:
                return reading.list_instances()

    def _change_power(self, call: _Call) -> dict[str, object]:
        body = call.request.json_object()
        order = power_call.read_order(body, empty_means_all=self.switches.dangerous_empty)
        machines = power_call.choose(
            order,
            self.inventory,
            call.now,
            partial_acceptance=self.switches.partial_acceptance,
        )
        # All checks are over: from here on nothing can be refused any more.
        for machine in machines:
            machine.accept(order.action, call.now)
        call.applied = tuple(machine.server.id for machine in machines)
        return {"physical_servers": [{"id": server_id} for server_id in call.applied]}

    def _note(self, call: _Call, outcome: HttpResponse | Dropped) -> None:
        answer = outcome if isinstance(outcome, HttpResponse) else None
        self.log.add(
            LogEntry(
                seq=self.log.next_seq(),
                at=call.at,
                method=call.request.method[:20],
                path=call.request.path[:MAX_PATH_CHARS],
                operation=call.route.operation,
                ids=call.ids,
                action=call.action,
                status=answer.status if answer else None,
                error_code=_error_code(answer) if answer else None,
                applied=call.applied,
                request_id=call.request_id,
            )
        )


def _error_code(response: HttpResponse) -> str | None:
    """The code in an error's body, when there is one to read."""
    if response.status < 400:
        return None
    try:
        body = response.json()
    except ValueError:
        return None
    return str(body["error_code"]) if isinstance(body, dict) and "error_code" in body else None

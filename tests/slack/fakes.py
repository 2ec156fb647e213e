"""A store in memory, and a small workflow over it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from bot.power import errors, input_fields, inputs, lifecycle, plan, ports, request
from bot.power.command import form
from bot.power.lifecycle import State
from bot.power.messages import messages
from bot.power.targets import search
from bot.workflow import answers
from tests import bodies
from tests.slack import builders

T = TypeVar("T")


@dataclasses.dataclass
class Queued:
    """One row of the outbox."""

    message: ports.OutboxMessage
    due_at: float
    claimed: bool = False
    error: str = ""
    refused: bool = False


class Tx(ports.Tx):
    """The part of a transaction that Slack's side uses; what isn't here fails when called."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattribute__(self, name: str) -> Any:
        """Return a member, never one that is the port's alone and does nothing."""
        if name in vars(ports.Tx) and name not in vars(Tx):
            raise NotImplementedError(name)
        return super().__getattribute__(name)

    def receive(self, inbound: ports.Inbound) -> bool:
        """Store a payload once."""
        if inbound.key in self._store.inbox:
            return False
        self._store.inbox[inbound.key] = inbound
        return True

    def receive_edit(self, inbound: ports.Inbound, message: str) -> bool:
        """Store an edit of a message that nobody has read, or whose reading was a mistake."""
        if message in self._store.inbox and message not in self._store.mistaken:
            return False
        self._store.inbox.setdefault(message, inbound)
        self._store.finished.add(message)
        if not self.receive(inbound):
            return False
        self._store.mistaken.discard(message)
        return True

    def mark_mistaken(self, message: str, *, mistaken: bool = True) -> None:
        """Note that an edit may be read."""
        if mistaken:
            self._store.mistaken.add(message)
        else:
            self._store.mistaken.discard(message)

    def finish(self, key: str) -> None:
        """Mark a payload as dealt with."""
        self._store.finished.add(key)

    def request(self, request_id: str) -> ports.Request | None:
        """Return a request."""
        return self._store.requests.get(request_id)

    def run_servers(self, request_id: str) -> list[ports.RunServer]:
        """Return a run's servers."""
        return self._store.servers.get(request_id, [])

    def card(self, request_id: str) -> ports.Card | None:
        """Return where a card stands."""
        found = self._store.requests.get(request_id)
        return found.card if found else None

    def set_card(self, request_id: str, card: ports.Card) -> None:
        """Note where the card stands."""
        self._store.change(request_id, card=card)

    def show_card(self, request_id: str, *, at: float) -> None:
        """Ask for the card to be shown."""
        self._store.queue(request_id, "card", {})

    def show_overlapping(self, request_id: str, *, at: float) -> None:
        """No request here is for a server of another."""

    def overlapping(self, server_ids: Iterable[str], *, but: str = "") -> list[plan.Overlap]:
        """Return what it was told to return."""
        return self._store.overlaps

    def called(self, request_id: str) -> Mapping[str, Sequence[str]]:
        """Return whom it was told that the thread has called."""
        return self._store.called

    def audit(self, entry: ports.AuditEntry) -> tuple[int, str]:
        """Append to the audit log."""
        self._store.audited.append(entry)
        return len(self._store.audited), ""

    def audit_rows(
        self, *, request_id: str = "", server_id: str = "", event: str = "", limit: int = 100
    ) -> list[Mapping[str, Any]]:
        """Return audit rows of a request, newest first."""
        rows = [one for one in self._store.audited if one.request_id == request_id]
        found: list[Mapping[str, Any]] = [
            {"detail": one.detail} for one in rows[::-1] if one.event == event
        ]
        return found[:limit]

    def say(
        self, request_id: str, kind: str, said: messages.Message, *, key: str, at: float
    ) -> None:
        """Queue a reply or a direct message."""
        self._store.queue(request_id, kind, said)

    def freezes(self, *, now: float) -> list[ports.Freeze]:
        """Return the freezes that stand."""
        return [one for one in self._store.freezes if one.holds(now)]


class Store:
    """A request store in memory that can be away for a while."""

    def __init__(self, clock: ports.Clock) -> None:
        self.clock = clock
        self.inbox: dict[str, ports.Inbound] = {}
        self.finished: set[str] = set()
        self.deaths: dict[str, int] = {}
        self.foreign: set[str] = set()  # Keys of payloads that somebody else has put here.
        self.leased: set[str] = set()
        self.renewed: list[list[str]] = []
        self.mistaken: set[str] = set()
        self.requests: dict[str, ports.Request] = {}
        self.servers: dict[str, list[ports.RunServer]] = {}
        self.outbox: list[Queued] = []
        self.freezes: list[ports.Freeze] = []
        self.overlaps: list[plan.Overlap] = []
        self.called: Mapping[str, Sequence[str]] = {}
        self.notices: list[ports.Notice] = []
        self.away_for = 0
        self.writes_away_for = 0
        self.notes_away_for = 0
        self.broken = False
        self.shown: dict[str, int] = {}
        self.audited: list[ports.AuditEntry] = []
        self._number = 0
        self.gate: asyncio.Event | None = None

    def change(self, request_id: str, **changes: Any) -> None:
        """Change a request's row."""
        self.requests[request_id] = dataclasses.replace(self.requests[request_id], **changes)

    def move(self, request_id: str, after: State, **changes: Any) -> bool:
        """Change a request's state if the table has the change."""
        if after not in lifecycle.TRANSITIONS[self.requests[request_id].state]:
            return False
        self.change(request_id, state=after, **changes)
        return True

    def add(self, found: ports.Request, servers: Sequence[ports.RunServer] = ()) -> None:
        """Store a request with its run."""
        self.requests[found.id] = found
        self.servers[found.id] = list(servers)

    def queue(self, request_id: str, kind: str, body: Mapping[str, Any] | messages.Message) -> None:
        """Queue a message; a card that is queued already is due at once and one version on."""
        for row in self.outbox:
            if (kind, row.message.kind, row.message.request_id) == ("card", "card", request_id):
                newer = dataclasses.replace(row.message, version=row.message.version + 1)
                row.message, row.due_at = newer, self.clock.now()
                return
        self._number += 1
        number = self._number
        shown = self.shown.get(request_id, 0) if kind == "card" else 0
        now = self.clock.now()
        said = None
        if kind != "card":
            said = bodies.message(body) if isinstance(body, Mapping) else body
        message = ports.OutboxMessage(
            number, request_id, kind, said, shown + 1, 0, now, shown_version=shown
        )
        self.outbox.append(Queued(message, self.clock.now()))

    async def write(self, work: Callable[[ports.Tx], T]) -> T:
        """Run `work`, unless the database is away."""
        if self.gate is not None:
            await self.gate.wait()
        self._answer_or_not()
        if self.writes_away_for > 0:
            self.writes_away_for -= 1
            raise errors.StoreUnavailable
        return work(self._tx())

    async def read(self, work: Callable[[ports.Tx], T]) -> T:
        """Run `work` for its reads."""
        self._answer_or_not()
        return work(self._tx())

    def _tx(self) -> ports.Tx:
        return Tx(self)  # type: ignore[abstract] # What Slack's side doesn't use isn't here.

    def _answer_or_not(self) -> None:
        if self.broken:
            raise RuntimeError("secret words")
        if self.away_for > 0:
            self.away_for -= 1
            raise errors.StoreUnavailable

    async def claim(
        self, *, now: float, lease_s: float, but: Sequence[str] = ()
    ) -> ports.Claim | None:
        """Nothing here drives requests."""
        return None

    async def look_again(self, *, now: float) -> None:
        """Nothing here drives requests."""

    async def renew(self, claim: ports.Claim, *, lease_s: float) -> bool:
        """Nothing here drives requests."""
        return False

    async def release(self, claim: ports.Claim, *, next_at: float | None) -> None:
        """Nothing here drives requests."""

    async def claim_inbound(
        self, *, lease_s: float, limit: int = 20, but: Sequence[str] = ()
    ) -> list[ports.Leftover]:
        """Return payloads that nobody has finished, as if one process had died on each."""
        taken = {*self.finished, *self.leased, *but}
        left = []
        for one in [one for key, one in self.inbox.items() if key not in taken][:limit]:
            self.leased.add(one.key)
            self.deaths[one.key] = self.deaths.get(one.key, 0) + 1
            left.append(
                ports.Leftover(one, self.deaths[one.key], is_ours=one.key not in self.foreign)
            )
        return left

    async def renew_inbound(self, keys: Sequence[str], *, lease_s: float) -> None:
        """Note whose leases were renewed."""
        self._answer_or_not()
        self.renewed.append([*keys])

    async def give_back_inbound(self, keys: Sequence[str]) -> None:
        """Take the deaths back."""
        self._answer_or_not()
        self.leased.difference_update(keys)
        for key in keys:
            self.deaths[key] = self.deaths.get(key, 0) - 1

    async def due_messages(self, *, now: float, limit: int = 20) -> list[ports.OutboxMessage]:
        """Claim what is due, end states first."""
        self._answer_or_not()
        due = [row for row in self.outbox if row.due_at <= now and not row.claimed]
        for row in due:
            row.message = dataclasses.replace(row.message, urgency=self._urgency(row.message))
        due.sort(key=lambda row: row.message.urgency)
        for row in due[:limit]:
            row.claimed = True
        return [row.message for row in due[:limit]]

    def _urgency(self, message: ports.OutboxMessage) -> ports.Urgency:
        found = self.requests.get(message.request_id)
        if message.kind == "card" and not (found and found.card and found.card.ts):
            return ports.Urgency.NEW_CARD
        ended = self._ended(message.request_id)
        return ports.Urgency.END if ended else ports.Urgency.REST

    def _ended(self, request_id: str) -> bool:
        found = self.requests.get(request_id)
        return found is not None and found.state in lifecycle.ENDED

    async def message_sent(self, message: ports.OutboxMessage, *, now: float) -> None:
        """Take a message out, unless it has changed meanwhile."""
        if self.notes_away_for > 0:
            self.notes_away_for -= 1
            raise errors.StoreUnavailable
        row = self._row(message)
        if row.message.version == message.version:
            self.outbox.remove(row)
        row.message = dataclasses.replace(row.message, shown_version=message.version)
        if message.kind == "card":
            self.shown[message.request_id] = message.version
        row.claimed = False

    async def message_failed(
        self, message: ports.OutboxMessage, *, again_at: float, error: str, refused: bool = False
    ) -> None:
        """Put a message back."""
        row = self._row(message)
        row.refused = refused
        row.claimed, row.due_at, row.error = False, again_at, error

    async def message_postponed(self, message: ports.OutboxMessage, *, again_at: float) -> None:
        """Put a message back that was not tried."""
        row = self._row(message)
        row.claimed, row.due_at = False, again_at

    async def due_notices(self, *, now: float, limit: int = 20) -> list[ports.Notice]:
        """Return what channels must be told."""
        self._answer_or_not()
        return self.notices[:limit]

    async def notice_sent(
        self, notice: ports.Notice, *, now: float, error: str = "", ts: str = ""
    ) -> None:
        """Take a notice out."""
        self.notices.remove(notice)

    async def notice_failed(self, notice: ports.Notice, *, again_at: float, error: str) -> None:
        """Note one more try."""
        tried = dataclasses.replace(notice, tries=notice.tries + 1)
        self.notices[self.notices.index(notice)] = tried

    async def notice_postponed(self, notice: ports.Notice, *, again_at: float) -> None:
        """Leave a notice as it is."""

    def _row(self, message: ports.OutboxMessage) -> Queued:
        return next(row for row in self.outbox if row.message.id == message.id)


class Workflow:
    """Plans, asks, approves and ends, with no rules at all; or says what it was told to say."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.handled: list[ports.Inbound] = []
        self.says: list[answers.Answer | Exception | None] = []
        self.offered: list[search.Offer] = []
        self.offers_late: asyncio.Event | None = None
        self.offers_fail: Exception | None = None
        self.held: asyncio.Event | None = None
        self.form_problems: dict[form.FormField, str] = {}

    async def offers(self, person: request.Person, typed: str) -> Sequence[search.Offer]:
        """Offer what it was told to offer, if that has what was typed in it."""
        if self.offers_fail is not None:
            raise self.offers_fail
        if self.offers_late is not None:
            await self.offers_late.wait()
        return [one for one in self.offered if typed in one.value]

    def problems(
        self, place: request.Place, sent: inputs.RequestFilled
    ) -> Mapping[form.FormField, str]:
        """Find wrong with a form what it was told to find."""
        return self.form_problems

    def hold(self) -> asyncio.Event:
        """Let nothing be answered until this is set."""
        self.held = asyncio.Event()
        return self.held

    async def handle(self, inbound: ports.Inbound) -> answers.Answer | None:
        """Answer a payload."""
        self.handled.append(inbound)
        if self.held is not None:
            await self.held.wait()
        if self.says:
            said = self.says.pop(0)
            if isinstance(said, Exception):
                raise said
            return said
        if isinstance(inbound.input, inputs.Line):
            return self._plan(inbound)
        return await self._button(inbound)

    def _plan(self, inbound: ports.Inbound) -> answers.Answer:
        order = builders.order(place=inbound.place, requester=inbound.person)
        found = builders.request_in(State.PLANNED, builders.planned(order), card=None)
        self._store.add(found)
        return answers.PlanShown(found.plan, found.id, self._store.clock.now())

    async def _button(self, inbound: ports.Inbound) -> answers.Answer | None:
        pressed = inbound.input
        request_id, do = input_fields.request_id(pressed), pressed.name
        user = {"user": inbound.person.user_id}
        if do in ("request", "confirm_count"):
            self._store.move(request_id, State.PENDING, card=ports.Card(inbound.place.channel_id))
            self._store.queue(request_id, "card", {})
            return answers.Note(f"Requested as {request_id}.")
        if do == "approve":
            given = builders.approval(inbound.person.user_id)
            self._store.move(request_id, State.APPROVED, approvals=(given,))
            self._store.queue(request_id, "reply", {"event": "approved", "group": "sre", **user})
            self._store.queue(request_id, "card", {})
            return None
        if do in ("deny", "cancel"):
            word = {"deny": State.DENIED, "cancel": State.CANCELLED}[do]
            reason = pressed.reason if isinstance(pressed, inputs.FormSent) else ""
            if self._store.move(request_id, word):
                body = {"event": word.value, "reason": reason, **user}
                self._store.queue(request_id, "reply", body)
                self._store.queue(request_id, "card", {})
            return answers.Note(f"{request_id} is {word.value}.")
        return answers.Note(
            "This button is no longer valid; look at the newest card, or ask again.", good=False
        )

    def finish_run(self, request_id: str, servers: Iterable[ports.RunServer]) -> None:
        """Start and end a run at once."""
        self._store.servers[request_id] = list(servers)
        self._store.move(request_id, State.RUNNING)
        self._store.move(request_id, State.PARTIAL, ended_at=self._store.clock.now() + 60)
        body = {"event": "ended", "head": "ab" * 32, "seq": 12, "seal": "1a2b3c4d"}
        self._store.queue(request_id, "reply", body)
        self._store.queue(request_id, "direct", body)
        self._store.queue(request_id, "card", {})


class Acked:
    """Remembers the acknowledgement, as Bolt's own does."""

    def __init__(self) -> None:
        self.response: object = None

    async def __call__(self, text: object = "", **rest: object) -> object:
        """Acknowledge."""
        self.response = rest or text
        return self.response

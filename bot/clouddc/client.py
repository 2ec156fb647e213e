"""CloudDC's calls, one method each: a power call is sent once, reads are tried a few times.

Every outcome that isn't a usable answer becomes one of `errors`; nothing else is raised but
ValueError, for what must never be sent (CloudDC API, power-state and error code pages).
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import random
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import quote

import httpx
import structlog

from bot.clouddc import auth as credentials, error_answers, exchange, retries, throttle, wire
from bot.clouddc.error_answers import Operation
from bot.power import errors, ports, server

log = structlog.get_logger()
T = TypeVar("T")

# How long a call may wait inside Powerbot.
HOLD_S = {throttle.Priority.POWER: 10.0, throttle.Priority.READ: 20.0}
# A power call leaves within this time or not at all, however long connecting takes or the process
# is stopped: whoever sends it may lose the right to.
LEAVE_WITHIN_S = 10.0
READ_WHOLE_S = 60.0  # All tries of one read together, in seconds.

# A path or a user in the address would end in the signature and in the log.
_ENDPOINT = re.compile(r"https?://([\w.-]+|\[[\da-f:]+\])(:\d{1,5})?/?", re.ASCII)
# It becomes a part of the path, where a slash or a dot would lead elsewhere.
_PROJECT_ID = re.compile(r"[\w-]{1,64}", re.ASCII)


@dataclasses.dataclass(frozen=True, slots=True)
class Access:
    """Where one project of a region is reached, and as whom."""

    endpoint: str
    project_id: str
    auth: credentials.CloudAuth


@dataclasses.dataclass(frozen=True, slots=True)
class Timeouts:
    """How long things may take, in seconds.

    `hold_s` is how long a call may wait for its turn, `read_whole_s` how long a read may take with
    all its tries, `leave_within_s` how long a power call may take to leave.
    """

    hold_s: Mapping[throttle.Priority, float] = dataclasses.field(default_factory=lambda: HOLD_S)
    read_whole_s: float = READ_WHOLE_S
    leave_within_s: float = LEAVE_WITHIN_S


class CloudDC:
    """One project of one region, as one pair of credentials sees it."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        access: Access,
        *,
        bucket: throttle.Bucket,
        clock: ports.Clock,
        jitter: random.Random,
        bounds: Timeouts = Timeouts(),
    ) -> None:
        """`http` is `exchange.open_http()` or alike; it must not retry by itself.

        Raises:
            ValueError: the endpoint or the project id can't be used.
        """
        if not _ENDPOINT.fullmatch(access.endpoint):
            raise ValueError("the endpoint must look like https://clouddc.REGION.myhuaweicloud.com")
        if not _PROJECT_ID.fullmatch(access.project_id):
            raise ValueError("the project id can have only letters, digits, - and _")
        self._http = http
        self.servers_url = f"{access.endpoint.rstrip('/')}/v1/{access.project_id}/physicalservers"
        self._auth = access.auth
        self._bucket = bucket
        self._clock = clock
        self._jitter = jitter
        self._read_whole_s = bounds.read_whole_s
        self._leave_within_s = bounds.leave_within_s
        self._pause = throttle.Pause(clock)
        self._turns = throttle.Turns(bucket, self._pause, bounds.hold_s)
        self._asking_again = asyncio.Lock()

    @property
    def paused_s(self) -> float:
        """Seconds for which nothing is sent because the credentials were refused; 0 if it is."""
        return self._pause.left_s

    @property
    def waits_s(self) -> float:
        """Seconds that a call which came now would wait for its turn."""
        return self._bucket.wait_s()

    async def switch(
        self,
        method: ports.Method,
        server_ids: Sequence[str],
        attempt_id: str,
        *,
        within_s: float = LEAVE_WITHIN_S,
    ) -> ports.Accepted:
        """Send one power call, once; its first byte leaves in this time or never.

        Raises:
            ValueError: not 1 to 50 distinct ids; nothing was sent.
            NotSent: proven that nothing left.
            Refused: the answer says that nothing was done.
            OutcomeUnknown: it may have happened.
        """
        ids = wire.power_call_ids(server_ids)
        order = {"action": method.value, "server_id_set": ids}
        # The body is hashed into the signature, so these very bytes are what is sent.
        body = json.dumps(order, separators=(",", ":")).encode()
        call = exchange.Call(
            Operation.SWITCH,
            "PUT",
            f"{self.servers_url}/power-state",
            body,
            attempt_id,
            ids,
            leave_by=self._clock.monotonic() + min(within_s, self._leave_within_s),
        )
        try:
            answer = await self._ask(call, throttle.Priority.POWER)
        except errors.Refused as error:
            raise error_answers.of_power_call(error) from error
        return _accepted(call, answer)

    async def list_page(self, marker: str = "", *, limit: int = wire.LARGEST_PAGE) -> wire.ListPage:
        """Read the page of the list behind a marker.

        Raises:
            CloudError: it could not be read.
        """
        query = f"limit={limit}" + (f"&marker={quote(marker, safe='')}" if marker else "")
        call = exchange.Call(Operation.LIST, "GET", f"{self.servers_url}?{query}")
        return await self._read(call, wire.page_in_turns)

    async def show(self, server_id: str) -> server.Server:
        """Read one server's record.

        Raises:
            ValueError: that isn't a server's id.
            UnknownServers: there is no such server.
            CloudError: it could not be read.
        """
        # A name or a path in place of the id would reach another of the API's addresses.
        (known_id,) = wire.power_call_ids([server_id])
        call = exchange.Call(
            Operation.SHOW, "GET", f"{self.servers_url}/{known_id}", asked=(known_id,)
        )
        return await self._read(call, _at_once(lambda body: wire.record(body, known_id)))

    async def status(self) -> wire.FleetStatus:
        """Read the counts over the whole project.

        Raises:
            CloudError: they could not be read.
        """
        call = exchange.Call(Operation.STATUS, "GET", f"{self.servers_url}/status")
        return await self._read(call, _at_once(wire.fleet_status))

    async def change_auth(self, auth: credentials.CloudAuth) -> None:
        """Sign the next call by these credentials, and end the pause that the old ones began.

        A call on the wire keeps those that it left with.
        """
        before, self._auth = self._auth, auth
        self._pause.lift()
        await before.aclose()

    async def aclose(self) -> None:
        """Stop what the credentials are waiting for; the HTTP client is its owner's to close."""
        await self._auth.aclose()

    async def _read(self, call: exchange.Call, parse: Callable[[bytes], Awaitable[T]]) -> T:
        """Try a read a few times, backing off, within one overall time limit."""
        try:
            async with asyncio.timeout(self._read_whole_s):
                return await retries.persist(
                    lambda: self._read_once(call, parse), clock=self._clock, jitter=self._jitter
                )
        # Whoever asks for one server takes its absence for an answer, not for a failure.
        except errors.UnknownServers:
            raise
        except errors.CloudError as error:
            raise error_answers.of_read(Operation(call.operation), error) from error
        except TimeoutError as error:
            late = errors.NotSent("CloudDC did not answer in time")
            raise error_answers.of_read(Operation(call.operation), late) from error

    async def _read_once(self, call: exchange.Call, parse: Callable[[bytes], Awaitable[T]]) -> T:
        answer = await self._ask(call, throttle.Priority.READ)
        try:
            return await parse(answer.body)
        except wire.UnreadableAnswer as error:
            raise errors.OutcomeUnknown(
                f"CloudDC's answer could not be read: {error}",
                status=answer.status,
                request_id=error_answers.request_id(answer),
            ) from error

    async def _ask(
        self, call: exchange.Call, priority: throttle.Priority, *, optional: bool = False
    ) -> wire.HttpAnswer:
        """Send a call when its turn has come, and return its answer if it is a success."""
        self._pause.check()
        async with self._turns.turn(priority, self._auth.ready) as taken_at:
            # While this one waited, another may have had the credentials refused.
            self._pause.check()
            try:
                answer = await self._answer(call, once=optional)
                if not answer.succeeded:
                    raise error_answers.error_for(answer, call.asked, now=self._clock.now())
            except errors.CloudError as error:
                # What may not be read says nothing of what may be switched.
                if not optional:
                    self._pause.note(error)
                if isinstance(error, errors.Throttled):
                    self._bucket.throttled(taken_at, error.retry_after_s)
                raise
            return answer

    async def _answer(self, call: exchange.Call, *, once: bool) -> wire.HttpAnswer:
        """Send a call, and once more with fresh credentials when they were refused.

        A 401 refuses before it acts. One call at a time asks again while the others wait, so that
        at most five wrong signatures leave in a row. A call that goes `once` asks again only when
        its date was wrong, which says nothing of what it may read.
        """
        if self._asking_again.locked():
            async with self._asking_again:
                self._pause.check()
        answer = await exchange.send(self._http, call, auth=self._auth, clock=self._clock)
        # A locked key refuses good signatures too, so that another one would prove nothing.
        if answer.status != httpx.codes.UNAUTHORIZED or error_answers.complaint(answer).locked:
            return answer
        if once and not self._auth.dates_wrongly(answer):
            return answer
        async with self._asking_again:
            self._pause.check()
            if not self._auth.renew(answer):
                return answer
            log.warning("clouddc.asked_again", operation=call.operation, attempt=call.attempt_id)
            return await exchange.send(self._http, call, auth=self._auth, clock=self._clock)

    async def look(self, call: exchange.Call, parse: Callable[[bytes], T]) -> T:
        """Make a call that Powerbot can do without: once, and its refusal pauses nothing."""
        try:
            answer = await self._ask(call, throttle.Priority.READ, optional=True)
        except errors.CloudError as error:
            raise error_answers.of_read(Operation(call.operation), error) from error
        try:
            return parse(answer.body)
        except wire.UnreadableAnswer as error:
            raise errors.CloudError(f"CloudDC's answer could not be read: {error}") from error


def _accepted(call: exchange.Call, answer: wire.HttpAnswer) -> ports.Accepted:
    """Return what CloudDC took of a power call.

    Raises:
        OutcomeUnknown: the answer doesn't say.
    """
    request_id = error_answers.request_id(answer)
    try:
        taken = wire.accepted(answer, request_id)
    except wire.UnreadableAnswer as error:
        # A success all the same, so that servers may be switching by now.
        raise errors.OutcomeUnknown(
            f"CloudDC answered {answer.status}, but not as documented",
            status=answer.status,
            request_id=request_id,
        ) from error
    # Ids that nobody asked for are told to the operator, and prove nothing of ours.
    if strangers := sorted(taken.server_ids.difference(call.asked)):
        log.error("clouddc.foreign_ids", attempt_id=call.attempt_id, server_ids=strangers)
    return taken


def _at_once(parse: Callable[[bytes], T]) -> Callable[[bytes], Awaitable[T]]:
    """Return the parser of a short answer as one that may be waited for."""

    async def parsed(body: bytes) -> T:
        return parse(body)

    return parsed

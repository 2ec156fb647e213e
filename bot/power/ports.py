"""What the workflow needs of the world: a power API, a request store, a directory of people.

What crosses those lines is in `records`, and may be named here too. A transaction is a plain
function over a `Tx`: all that it does is committed together, or not at all. It may be run a
second time when the database breaks before the commit, so it changes nothing but through its Tx.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from bot.power import server
from bot.power.peers import (
    Accepted as Accepted,
    Alarm as Alarm,
    Alarms as Alarms,
    Channel as Channel,
    Inbound as Inbound,
    Leftover as Leftover,
    Member as Member,
    Method as Method,
    OutboxMessage as OutboxMessage,
    Seen as Seen,
    Sighting as Sighting,
    Urgency as Urgency,
    Workspace as Workspace,
)
from bot.power.records import (
    Approval as Approval,
    Attempt as Attempt,
    AuditEntry as AuditEntry,
    Busy as Busy,
    Card as Card,
    Claim as Claim,
    Freeze as Freeze,
    FreezeEnd as FreezeEnd,
    Lock as Lock,
    Notice as Notice,
    Outcome as Outcome,
    Rack as Rack,
    Request as Request,
    Review as Review,
    RunServer as RunServer,
    Touch as Touch,
    UnseenCall as UnseenCall,
)
from bot.power.tx import Tx as Tx

T = TypeVar("T")

# How the key of a payload begins that is a step of a workflow; the rest is the step's id.
STEP = "step:"
# The same for a mention; its channel and ts follow.
MENTION = "mention:"
# The audit's word for a card that Slack doesn't take; such a request can't be approved unseen.
CARD_REFUSED = "card.refused"
# The reply that a request's thread begins with has this key: it calls those who may approve.
ASKED = "asked"
# How the key of a reply begins that tells of an approval which no longer counts.
LOST = "lost:"


class Clock(Protocol):
    """Time as it is given to everything that waits or notes an instant."""

    def now(self) -> float:
        """Return the wall clock in seconds since the epoch."""

    def monotonic(self) -> float:
        """Return seconds on a clock that nobody sets."""

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""


@runtime_checkable
class Doubtful(Protocol):
    """A clock that knows of several instants that it may be."""

    def readings(self) -> tuple[float, ...]:
        """Return them all, in epoch seconds."""


def readings(clock: Clock) -> tuple[float, ...]:
    """Return every instant that it may be: one, unless the wall clock was set lately."""
    # What may begin is judged by all of them, so that no jump of a clock lets it begin.
    return clock.readings() if isinstance(clock, Doubtful) else (clock.now(),)


class PowerApi(Protocol):
    """CloudDC, as far as a power request needs it."""

    async def snapshot(self, *, not_before: float) -> server.Snapshot:
        """Return a snapshot whose sweep began at `not_before` (epoch seconds) or later.

        A sweep under way that began late enough is shared.

        Raises:
            CloudError: the list could not be read.

        """

    def latest(self) -> server.Snapshot | None:
        """Return the newest snapshot there is, however old, without a call."""

    async def records(
        self, server_ids: Collection[str], *, not_before: float, whole: bool = False
    ) -> server.Records:
        """Return the newest records of some servers, read at `not_before` or later.

        Each server is read by itself where that is fewer calls than the list; then every one of
        them is there. Where one isn't, or can't be read so, and with `whole`, it is a `Snapshot`.
        What was read lately is shared.

        Raises:
            CloudError: they could not be read.

        """

    async def sighting(self, server_ids: Collection[str], *, not_before: float) -> Sighting:
        """Read some servers again, with list or show, whichever is fewer calls.

        All who wait share one sweep; the sighting began at `not_before` or later.

        Raises:
            CloudError: they could not be read.
        """

    async def switch(
        self,
        method: Method,
        server_ids: Sequence[str],
        attempt_id: str,
        *,
        within_s: float = 10.0,
    ) -> Accepted:
        """Send one power call for 1 to 50 distinct ids, once; it leaves in this time or never.

        Raises:
            NotSent: proven that nothing left.
            Refused: the answer says that nothing was done (subclasses say why).
            OutcomeUnknown: it may have happened.

        """


class AlarmSource(Protocol):
    """Where alarms are read, if anywhere."""

    async def alarms(self, server_ids: Sequence[str]) -> Alarms:
        """Return the alarms that stand for these servers, in one call.

        Raises:
            CloudError: they could not be read.

        """


class Directory(Protocol):
    """Who people are and which groups they are in, at most five seconds old."""

    async def member(self, user_id: str) -> Member:
        """Return a person of the workspace by user id.

        Raises:
            SlackUnavailable: nobody could be asked within ten seconds.

        """

    async def group(self, group_id: str) -> frozenset[str]:
        """Return the user ids in a Slack user group (an id that begins with S).

        Raises:
            SlackUnavailable: the group could not be read.

        """

    async def channel(self, channel_id: str) -> Channel:
        """Return a channel of the workspace by id.

        Raises:
            SlackUnavailable: the channel could not be read.

        """


class RequestStore(Protocol):
    """The record of everything; the only memory that survives."""

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in one durable transaction and return what it returned.

        Transactions that wait at the same time share one commit; one that raises is rolled
        back alone.

        Raises:
            StoreUnavailable: the database can't be reached.

        """

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` for its reads alone, beside the writer."""

    async def claim(self, *, now: float, lease_s: float, but: Sequence[str] = ()) -> Claim | None:
        """Claim the request that is due the longest (its `next_at` is at most `now`).

        `but` are requests that the caller drives already.
        """

    async def look_again(self, *, now: float) -> None:
        """Let nothing wait for an instant of a clock that has been set back to `now`."""

    async def renew(self, claim: Claim, *, lease_s: float) -> bool:
        """Prolong a lease; False when it was lost."""

    async def release(self, claim: Claim, *, next_at: float | None) -> None:
        """Give a claim back; None leaves the row's own `next_at` as it is."""

    async def claim_inbound(
        self, *, lease_s: float, limit: int = 20, but: Sequence[str] = ()
    ) -> list[Leftover]:
        """Take over payloads whose process died before they were dealt with, noes first.

        `but` are the keys of those that the caller deals with.
        """

    async def renew_inbound(self, keys: Sequence[str], *, lease_s: float) -> None:
        """Prolong the leases of payloads that are being dealt with."""

    async def give_back_inbound(self, keys: Sequence[str]) -> None:
        """Give payloads back at once: whoever had them lives, so nobody has died on them."""

    async def due_messages(self, *, now: float, limit: int = 20) -> list[OutboxMessage]:
        """Claim messages that Slack must be told now: end states first, per request in order."""

    async def message_sent(self, message: OutboxMessage, *, now: float) -> None:
        """Note a delivery; a card that has changed meanwhile stays due."""

    async def message_failed(
        self, message: OutboxMessage, *, again_at: float, error: str, refused: bool = False
    ) -> None:
        """Note a failed delivery and when to try again; `refused` ones put nobody behind."""

    async def message_postponed(self, message: OutboxMessage, *, again_at: float) -> None:
        """Note when a message is due that was not tried; what came of its last try stays."""

    async def due_notices(self, *, now: float, limit: int = 20) -> list[Notice]:
        """Claim what channels must be told now, each channel's in order."""

    async def notice_sent(
        self, notice: Notice, *, now: float, error: str = "", ts: str = ""
    ) -> None:
        """Note that a notice is done with: it stands at `ts`, or was given up for an error."""

    async def notice_failed(self, notice: Notice, *, again_at: float, error: str) -> None:
        """Note a failed delivery and when to try again."""

    async def notice_postponed(self, notice: Notice, *, again_at: float) -> None:
        """Note when a notice is due that was not tried."""

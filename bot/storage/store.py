"""The store as the workflow knows it: `ports.RequestStore` over one writer and a few readers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from bot.power import errors, ports
from bot.power.lifecycle import State
from bot.storage import figures, group_commit, writer
from bot.storage.engine import addresses, connections, files, generation, plan_cache, readers
from bot.storage.tables import claims, inbox, notices, outbox, transaction

T = TypeVar("T")

# For this part of a lease whoever has lost a message may still note that it was said.
PATIENCE = 1 / 3
_A_RUN = "SELECT 1 FROM requests WHERE state = :running LIMIT 1"


class Store:
    """The record of everything. Made by `opening.open_store`; used in one event loop.

    `restored` is True when the database turned out older than the last run that used it: its
    open requests may have been carried out since. `settle_restore` says that they were ended.
    """

    def __init__(
        self,
        address: addresses.Address,
        *,
        code_version: str,
        held: files.LockFile | None = None,
        restored: bool = False,
        lease_s: float = 30.0,
        marking_key: bytes = b"",
    ) -> None:
        """`held` is the lock file that is let go of at the end.

        A payload or a message that this process took is anybody's again after `lease_s`, by
        processes with the same `marking_key`.
        """
        self._address = address
        self._marking_key = marking_key
        self._lease_s = lease_s
        self._grace = claims.LeaseGrace(lease_s * PATIENCE)
        self.restored = restored
        self._code_version = code_version
        self._held = held
        # The audit's head when this run counted last; None before that.
        self._counted_at: tuple[int, str] | None = None
        self._plans = plan_cache.PlanCache()
        self._writer = writer.Writer(address, self._transaction)
        self._group = group_commit.GroupCommit(self._writer.commit)
        self._readers = readers.Readers(address)

    async def write(self, work: Callable[[ports.Tx], T]) -> T:
        """Run `work` in one durable transaction and return what it returned.

        It may be run a second time after a broken connection, so it changes nothing but
        through its Tx.
        """
        value: T = await self._group.run(work)
        return value

    async def read(self, work: Callable[[ports.Tx], T]) -> T:
        """Run `work` for its reads alone, on one snapshot, beside the writer."""
        return await self._read(work)

    async def close(self) -> None:
        """Commit what waits, close all connections, end all threads, let go of the lock file."""
        with contextlib.suppress(errors.StoreUnavailable):
            # Otherwise a backup from within this run would pass as newest.
            await self.count_on()
        await self._group.close()
        self._readers.close()
        self._writer.close()
        if self._held is not None:
            self._held.release()
            self._held = None

    def change_login(self, url: str) -> None:
        """Log in as this URL says from the next connection on; those that are open stay.

        Raises:
            StoreUnavailable: it can't be read, or is another database's.
        """
        address = addresses.parsed(url)
        if not addresses.same_place(address, self._address):
            raise errors.StoreUnavailable("it names another database; restart the bot to use it")
        self._address = self._writer.address = self._readers.address = address

    async def has_runs(self) -> bool:
        """Whether a run is under way, or was when its process ended."""
        return await self._read(lambda tx: bool(tx.value(_A_RUN, running=State.RUNNING.value)))

    async def figures(self) -> figures.Figures:
        """Count what an operator watches.

        Raises:
            StoreUnavailable: the database can't be reached.
        """
        return await self._read(figures.read)

    # -- requests
    async def claim(
        self, *, now: float, lease_s: float, but: Sequence[str] = ()
    ) -> ports.Claim | None:
        """Claim the request that is due the longest (its `next_at` is at most `now`)."""
        return await self._group_run(lambda tx: claims.claim(tx, now=now, lease_s=lease_s, but=but))

    async def look_again(self, *, now: float) -> None:
        """Let nothing wait for an instant of a clock that has been set back to `now`."""
        await self._group_run(lambda tx: claims.look_again(tx, now=now))

    async def shorten_leases(self) -> None:
        """Let no lease outlast a whole one, where the database's clock was set back."""
        await self._group_run(lambda tx: claims.shorten(tx, lease_s=self._lease_s))

    async def renew(self, claim: ports.Claim, *, lease_s: float) -> bool:
        """Prolong a lease; False when it was lost."""
        return await self._group_run(lambda tx: claims.renew(tx, claim, lease_s=lease_s))

    async def release(self, claim: ports.Claim, *, next_at: float | None) -> None:
        """Give a claim back; None leaves the row's own `next_at` as it is."""
        await self._group_run(lambda tx: claims.release(tx, claim, next_at=next_at))

    # -- inbox
    async def claim_inbound(
        self, *, lease_s: float, limit: int = 20, but: Sequence[str] = ()
    ) -> list[ports.Leftover]:
        """Take over payloads whose process died before they were dealt with, noes first."""
        return await self._group_run(
            lambda tx: inbox.claim(tx, lease_s=lease_s, limit=limit, but=but)
        )

    async def renew_inbound(self, keys: Sequence[str], *, lease_s: float) -> None:
        """Prolong the leases of payloads that are being dealt with."""
        await self._group_run(lambda tx: inbox.renew(tx, keys, lease_s=lease_s))

    async def give_back_inbound(self, keys: Sequence[str]) -> None:
        """Give payloads back at once: whoever had them lives, so nobody has died on them."""
        await self._group_run(lambda tx: inbox.give_back(tx, keys))

    async def purge_inbox(self, *, before: float) -> int:
        """Forget the keys of payloads from before an instant that were dealt with."""
        return await self._group_run(lambda tx: inbox.purge(tx, before=before))

    # -- outbox
    async def due_messages(self, *, now: float, limit: int = 20) -> list[ports.OutboxMessage]:
        """Claim messages that Slack must be told now: new cards, then ends, in order."""
        looked_at, found = await self._group_run(
            lambda tx: outbox.due(tx, self._grace, now=now, limit=limit, lease_s=self._lease_s)
        )
        # Only once it is committed: a look that failed has given nobody a turn.
        self._grace.looked(looked_at)
        return found

    async def message_sent(self, message: ports.OutboxMessage, *, now: float) -> None:
        """Note a delivery; a card that has changed meanwhile stays due."""
        await self._group_run(lambda tx: outbox.sent(tx, message, now=now))

    async def message_failed(
        self, message: ports.OutboxMessage, *, again_at: float, error: str, refused: bool = False
    ) -> None:
        """Note a failed delivery and when to try again."""
        await self._group_run(
            lambda tx: outbox.failed(tx, message, again_at=again_at, error=error, refused=refused)
        )

    async def message_postponed(self, message: ports.OutboxMessage, *, again_at: float) -> None:
        """Note when a message is due that was not tried."""
        await self._group_run(lambda tx: outbox.postponed(tx, message, again_at=again_at))

    # -- notices
    async def due_notices(self, *, now: float, limit: int = 20) -> list[ports.Notice]:
        """Claim what channels must be told now, each channel's in order."""
        return await self._group_run(
            lambda tx: notices.due(tx, self._grace, now=now, limit=limit, lease_s=self._lease_s)
        )

    async def notice_sent(
        self, notice: ports.Notice, *, now: float, error: str = "", ts: str = ""
    ) -> None:
        """Note that a notice is done with: it stands at `ts`, or was given up for an error."""
        await self._group_run(lambda tx: notices.sent(tx, notice, now=now, error=error, ts=ts))

    async def notice_failed(self, notice: ports.Notice, *, again_at: float, error: str) -> None:
        """Note a failed delivery and when to try again."""
        await self._group_run(lambda tx: notices.failed(tx, notice, again_at=again_at, error=error))

    async def notice_postponed(self, notice: ports.Notice, *, again_at: float) -> None:
        """Note when a notice is due that was not tried."""
        await self._group_run(lambda tx: notices.postponed(tx, notice, again_at=again_at))

    async def settle_restore(self) -> None:
        """Note that what a restored database calls open was dealt with."""
        await self._group_run(lambda tx: generation.settle_restore(tx.connection))
        self.restored = False

    async def count_on(self) -> None:
        """Let every backup made before now be known as older, if anything was done since.

        On SQLite, where this is the run that has the file; PostgreSQL tells its copies apart.

        Raises:
            StoreUnavailable: the database, or its folder, can't be written.
        """
        path = self._address.path
        if path is None or self._held is None:
            return
        head = await self._read(lambda tx: tx.audit_head())
        # Nothing was done since then that a backup of meanwhile could have forgotten.
        if head == self._counted_at:
            return
        # The database first: a note that stays behind calls nothing a backup.
        counted = await self._group_run(lambda tx: generation.count_on(tx.connection))
        try:
            await asyncio.to_thread(generation.note, counted, path)
        except OSError as error:
            raise errors.StoreUnavailable(
                f"The folder of {path} can't be written: {error.strerror}."
            ) from error
        self._counted_at = head

    async def _group_run(self, work: Callable[[transaction.Transaction], T]) -> T:
        """Run a transaction of the store's own in the next batch."""
        value: T = await self._group.run(work)
        return value

    async def _read(self, work: Callable[[transaction.Transaction], T]) -> T:
        """Run a transaction that only reads."""
        return await self._readers.run(
            lambda connection: work(self._transaction(connection, readonly=True))
        )

    def _transaction(
        self, connection: connections.Connection, *, readonly: bool = False
    ) -> transaction.Transaction:
        """Return the Tx of a connection."""
        return transaction.Transaction(
            connection,
            plans=self._plans,
            code_version=self._code_version,
            readonly=readonly,
            lease_s=self._lease_s,
            marking_key=self._marking_key,
        )

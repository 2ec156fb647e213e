"""Looks after steps that are still out when their request has ended: put back, extended, closed.

The row does it: any process takes over what is due, so that no death and no deploy ends it.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable

import structlog

from bot.execution.context import Context
from bot.execution.steps import extend, halves, parts_back
from bot.power import errors, ports
from bot.power.lifecycle import ServerState
from bot.power.run import step_ledger
from bot.power.steps import wave_parts
from bot.power.steps.states import StepState

log = structlog.get_logger()

# How long nobody else looks at a part that one process has taken, and from when on it says that it
# still has it.
OURS_S = 120.0
RENEW_S = 80.0
# How often what has become due is taken too, while something else is still being put back.
TAKE_S = 15.0
ENDED = "it ended there by itself"


async def look(context: Context) -> int:
    """Check every part that is due; return how many were checked.

    What hangs holds up nothing but the other parts of its own request.

    Raises:
        StoreUnavailable: the database can't be reached; the looks stay due.
    """
    now = context.clock.now()
    if not await context.store.read(lambda tx: tx.parts_wait(now=now)):
        return 0
    checked = 0
    under_way: set[asyncio.Task[None]] = set()
    ended: list[asyncio.Task[None]] = []
    try:
        hands = await _take(context)
        while hands or under_way:
            checked += sum(len(one.parts) for one in hands)
            under_way |= {asyncio.create_task(one.look_after()) for one in hands}
            done, under_way = await asyncio.wait(under_way, timeout=TAKE_S)
            ended += done
            hands = await _take_more(context) if under_way else []
    finally:
        # Stopped in between: the parts stay due, and any process takes them over.
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
    for task in ended:
        # An error is raised only now, when all others have been looked after.
        task.result()
    if checked:
        context.wake()
    return checked


async def _take(context: Context) -> list[_Hand]:
    """Take over what is due, request by request; what was done last is put back first."""
    now = context.clock.now()
    until = now + OURS_S
    due = await context.store.write(lambda tx: tx.due_parts(now=now, until=until))
    by_request: dict[str, dict[str, wave_parts.Part]] = {}
    for part in reversed(due):
        by_request.setdefault(part.request_id, {})[part.key] = part
    hands = []
    for request_id, those in by_request.items():
        found = await _request(context, request_id)
        if found is not None:
            hands.append(_Hand(context, found, those, dict.fromkeys(those, until)))
    return hands


async def _take_more(context: Context) -> list[_Hand]:
    """Take over what has become due; a database that is away doesn't end what is under way."""
    try:
        return await _take(context)
    except errors.StoreUnavailable as error:
        log.warning("steps.store_away", why=error.user_message)
        return []


async def _request(context: Context, request_id: str) -> ports.Request | None:
    """Return a request."""
    return await context.store.read(lambda tx: tx.request(request_id))


@dataclasses.dataclass
class _Hand:
    """Parts of one ended request, in the hands of this process until an instant each.

    Implements `parts_back.Keeper`. What somebody else has taken is let go of. `tended` is when each
    was last lengthened.
    """

    context: Context
    request: ports.Request
    parts: dict[str, wave_parts.Part]
    until: dict[str, float]
    tended: dict[str, float] = dataclasses.field(init=False, default_factory=dict)

    def hold(self, tx: ports.Tx, key: str) -> None:
        """Make sure that a part is still ours, until the end of the transaction.

        Raises:
            LostLease: another process has taken it.
        """
        # Ours only while the store still has the instant that we wrote there.
        tx.hold_part(key, held=self.until[key], until=self.until[key])

    def left_s(self, key: str) -> float:
        """Return for how many seconds a part is still ours."""
        return self.until[key] - self.context.clock.now()

    async def tend(self, but: str = "") -> None:
        """Keep what is ours, and lengthen what would end meanwhile, but for the part `but`.

        Raises:
            LostLease: another process has taken the part `but`.
        """
        for key in list(self.parts):
            try:
                await self._renew(key)
                if key != but:
                    await self._lengthen(key)
            except errors.LostLease:
                del self.parts[key]
                if key == but:
                    raise

    async def look_after(self) -> None:
        """Look after each of them, one after another.

        Raises:
            StoreUnavailable: the database can't be reached; the looks stay due.
        """
        for key in list(self.parts):
            try:
                await self._one(key)
            except errors.LostLease:
                log.info("steps.taken_over", request=self.request.id, part=key)
            self.parts.pop(key, None)

    async def _one(self, key: str) -> None:
        """Look after one part, and say when it is due again.

        Raises:
            LostLease: another process has taken it.
        """
        if key not in self.parts:
            return
        await self._renew(key)
        part, now = self.parts[key], self.context.clock.now()
        # A silence that ran out silences nothing, and can't be put back.
        if part.until and part.until <= now:
            await self._ended(part, now)
        tried: set[str] = set()
        # Again, since a person may press Put back while this goes on.
        while wanted := await self._wanted(key) - tried:
            tried |= wanted
            asked = parts_back.ToPutBack(
                self.parts[key], self.request, wanted, await self._well(wanted), self
            )
            await parts_back.put_back(self.context, None, asked)
        await self._lengthen(key)
        now = self.context.clock.now()

        def work(tx: ports.Tx) -> None:
            # A person may have asked for more meanwhile.
            newest = tx.part(key)
            next_at = step_ledger.next_look(newest, now) if newest else 0.0
            tx.hold_part(key, held=self.until[key], until=next_at)

        await self.context.store.write(work)

    async def _renew(self, key: str) -> None:
        """Keep a part for longer, where that is due.

        Raises:
            LostLease: another process has taken it.
        """
        if self.left_s(key) <= RENEW_S:
            held, until = self.until[key], self.context.clock.now() + OURS_S
            await self.context.store.write(lambda tx: tx.hold_part(key, held=held, until=until))
            self.until[key] = until

    async def _wanted(self, key: str) -> set[str]:
        """Read a part anew, and return the servers for which it is to be put back now."""

        def work(tx: ports.Tx) -> tuple[wave_parts.Part | None, set[str]]:
            newest = tx.part(key)
            wanted = {
                one.subject.id
                for one in (newest.standing if newest else ())
                if one.due or one.state is StepState.PUTTING_BACK
            }
            # A request that is at work on a server isn't disturbed.
            return newest, wanted - tx.lock_holders([*wanted]).keys() if wanted else wanted

        newest, wanted = await self.context.store.read(work)
        if newest is not None:
            self.parts[key] = newest
        return wanted

    async def _well(self, ids: Iterable[str]) -> frozenset[str]:
        """Return which of these servers the run has left proven, and well as far as was asked."""
        rows = await self.context.store.read(lambda tx: tx.run_servers(self.request.id))
        proven = {row.server_id for row in rows if row.state is ServerState.PROVEN}
        return frozenset(proven.intersection(ids))

    async def _lengthen(self, key: str) -> None:
        """Lengthen a part that is owed, where its half-time has come.

        Raises:
            LostLease: another process has taken it.
        """
        part, now = self.parts[key], self.context.clock.now()
        # After `off` a silence ends by itself: only what is owed is kept up.
        if not (extend.is_due(part, now) and part.owed):
            return
        until = min(now + part.step.lasts_s, step_ledger.owed_until(part))
        if until <= part.until or now < self.tended.get(key, 0.0) + extend.AGAIN_S:
            return
        self.tended[key] = now
        others = await halves.others_of(self.context, None, part)
        longer = await extend.lengthened(self.context, part, self.request, until, others)
        if longer == part:
            return
        self.parts[key] = longer
        del self.tended[key]

        def work(tx: ports.Tx) -> None:
            self.hold(tx, key)
            tx.note_part(longer)

        await self.context.store.write(work)

    async def _ended(self, part: wave_parts.Part, now: float) -> None:
        """Note that a part has ended outside by itself: nothing of it stands any more."""
        new = [
            dataclasses.replace(
                one, state=StepState.PUT_BACK, stands=False, due=False, since=now, detail=ENDED
            )
            for one in part.standing
        ]
        change = step_ledger.StepChange(
            step_ledger.replaced(part, new), tuple(new), parts_back.FROM
        )

        def work(tx: ports.Tx) -> None:
            self.hold(tx, part.key)
            step_ledger.changed(tx, self.request, change, now=now)

        await self.context.store.write(work)

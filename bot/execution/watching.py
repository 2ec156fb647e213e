"""The servers of a run are watched until each has an end, or its time has passed."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Collection

import structlog

from bot.execution import bookkeeping, look_times
from bot.power import errors, ports
from bot.power.causes import Cause
from bot.power.run import answering, reasons, run, settling
from bot.power.waiting import Service
from bot.runtime import foreground as foreground_

log = structlog.get_logger()

# So many servers are looked through in one turn of the event loop, and so many are judged: a few
# hundred microseconds.
SLICE = 1000
JUDGED = 50


def rhythm(first_s: float = 2.0, cap_s: float = 15.0) -> look_times.Rhythm:
    """Return the rhythm in which all runs of a process look at their servers."""
    return look_times.Rhythm(look_times.Pace(first_s, cap_s, random.Random()))


@dataclasses.dataclass(frozen=True)
class Watching:
    """Reads records and judges them. One for the process, so that runs share their looks."""

    power: ports.PowerApi
    books: bookkeeping.Books
    clock: ports.Clock
    rhythm: look_times.Rhythm
    foreground: foreground_.Foreground
    limits: settling.Limits = settling.Limits()

    def called(self) -> look_times.Look:
        """Note that the first call of a wave went out; return the next look."""
        now = self.clock.monotonic()
        self.rhythm.called(now)
        return self.rhythm.next(now)

    def sent(self) -> None:
        """Note that the last call of a wave went out."""
        self.rhythm.sent(self.clock.monotonic())

    async def to_the_end(self, going: run.Run, *, at_once: bool = False) -> None:
        """Look until no server of the run is watched any more; `at_once` is for a run taken over.

        Raises:
            LostLease: another process has taken over.
        """
        while watched := await self._watched(going):
            if not at_once:
                await self._until(self.rhythm.next(self.clock.monotonic()))
            at_once = False
            await self._look(going, watched)

    async def _until(self, look: look_times.Look) -> None:
        """Wait until a look is due; another wave may put it off meanwhile."""
        while (left_s := look.at - self.clock.monotonic()) > 0.0:
            await self.clock.sleep(left_s)

    def is_due(self, look: look_times.Look) -> bool:
        """Whether it is time for this look."""
        return self.clock.monotonic() >= look.at

    async def in_passing(self, going: run.Run) -> look_times.Look:
        """Look between two calls of a long wave; return the next look.

        What happens quickly would be over, and unproven, before the last call is sent.
        """
        if watched := await self._watched(going):
            await self._look(going, watched)
        return self.rhythm.next(self.clock.monotonic())

    async def _watched(self, going: run.Run) -> list[ports.RunServer]:
        """Return the servers whose records must still be read."""
        found: list[ports.RunServer] = []
        async for rows in self.foreground.slices(going.rows.values(), SLICE):
            found += filter(settling.watched, rows)
        return found

    async def _look(self, going: run.Run, watched: Collection[ports.RunServer]) -> None:
        """Take one look at some servers and write down what it showed."""
        if going.lease.left_s() <= 0:
            raise errors.LostLease
        seen = await self._sighting(going, watched)
        if seen is not None:
            await self.books.goes_on(going, Service.CLOUD)
        now, ticks = self.clock.now(), self.clock.monotonic()
        # What was seen is as old as the sweep that saw it, which others may have begun.
        age_s = max(0.0, now - seen.started_at) if seen else 0.0
        async for rows in self.foreground.slices(watched, JUDGED):
            for row in rows:
                # The wall clock may be set at any moment, either way: the other one counts.
                elapsed_s = ticks - going.sent_at.get(row.server_id, ticks) - age_s
                going.keep([self._judged(going, row, seen, elapsed_s, now)])
        await self.books.progress(going)

    def _judged(
        self,
        going: run.Run,
        row: ports.RunServer,
        seen: ports.Sighting | None,
        elapsed_s: float,
        now: float,
    ) -> ports.RunServer:
        """Return the row of a server after a look."""
        method = run.method(going.action, row.step)
        if seen is None or row.server_id in seen.unread:
            return settling.unread(method, row, elapsed_s=elapsed_s, now=now, limits=self.limits)
        record = seen.servers.get(row.server_id)
        look = settling.Look(
            record,
            elapsed_s,
            now,
            going.earlier.get(row.server_id),
            reasons.gone(row, self.power.latest()) if record is None else Cause.NONE,
        )
        after = settling.looked_at(method, row, look, self.limits)
        return run.next_step(going.action, after)

    async def _sighting(
        self, going: run.Run, watched: Collection[ports.RunServer]
    ) -> ports.Sighting | None:
        """Read the watched servers; None when CloudDC can't be asked at this moment."""
        ids: list[str] = []
        not_before = 0.0
        async for rows in self.foreground.slices(watched, SLICE):
            ids += [row.server_id for row in rows]
            not_before = max(not_before, *(row.sent_at for row in rows))
        try:
            return await self.power.sighting(ids, not_before=not_before)
        except errors.CloudError as error:
            log.warning("watch.unread", request=going.id, why=error.user_message)
            why, until = answering.away(error), self._gives_up_at(going, watched)
            await self.books.waits(going, Service.CLOUD, why, until)
            return None

    def _gives_up_at(self, going: run.Run, watched: Collection[ports.RunServer]) -> float:
        """Return when the last of these servers is given up unread, in epoch seconds."""
        return max(
            row.sent_at + self.limits.deadline_s(run.method(going.action, row.step))
            for row in watched
        )

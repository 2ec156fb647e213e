"""Pages of the list read again and again: only rows whose text has changed are parsed anew.

A poll of a fleet brings the same text for nearly every server. The rows that were read before are
cut out of the page, and what is left is read as any page is: the same checks, the same leniency.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from bot.clouddc import wire
from bot.power import server
from bot.runtime import foreground as foreground_

# How one row ends and the next begins. Within a text the quote would be escaped.
BETWEEN = b'},{"id":"'
# Fewer rows than this are read whole.
FEW = 8
# So many rows are looked up in one turn of the event loop, and so many are read.
SLICE = 200
READ = 50


class Rereader:
    """Reads pages, and remembers the rows of the newest and the last sweep by their text."""

    def __init__(self, foreground: foreground_.Foreground) -> None:
        self._foreground = foreground
        self._last: dict[bytes, server.Server] = {}
        self._newest: dict[bytes, server.Server] = {}

    def begin(self) -> None:
        """Note that a new sweep begins: what the last but one has seen is forgotten."""
        self._last, self._newest = self._newest, {}

    async def page(self, body: bytes) -> wire.Page:
        """Read a page of the list.

        Raises:
            Unreadable: it isn't one.
        """
        await self._foreground.give_way()
        texts = body.split(BETWEEN)
        if len(texts) < FEW:
            return wire.page(body)
        # Each text moves from the last sweep's to the newest, so that there is one of it.
        known: list[server.Server | None] = []
        async for some in self._foreground.slices(texts, SLICE):
            known += [self._last.pop(text, None) for text in some]
        # The first and the last piece hold what stands around the rows, so they are always read.
        known[0] = known[-1] = None
        left = [text for text, row in zip(texts, known, strict=True) if row is None]
        read = await self._read(left)
        if read is None:
            return wire.page(body)
        await self._foreground.give_way()
        self._newest.update((text, row) for text, row in zip(texts, known, strict=True) if row)
        # The outermost two are no rows by themselves.
        for text, row in zip(left[1:-1], read.rows[1:-1], strict=True):
            # A piece that doesn't begin with its row's id is no whole row.
            if row is not None and text.startswith(row.id.encode() + b'"'):
                self._newest[text] = row
        fresh = iter(read.rows)
        rows = [row or next(fresh) for row in known]
        return wire.page_of(read, rows)

    async def _read(self, left: Sequence[bytes]) -> wire.ReadPage | None:
        """Read the pieces of a page that aren't known; None when they aren't one row each."""
        first, *between, last = left
        try:
            frame = wire.read_page(BETWEEN.join([first, last]))
            rows = [*frame.rows[:1]]
            async for some in self._foreground.slices(between, READ):
                rows += wire.read_page(BETWEEN.join([first, *some, last])).rows[1:-1]
        except wire.Unreadable:
            return None
        rows += frame.rows[1:]
        return dataclasses.replace(frame, rows=rows) if len(rows) == len(left) else None

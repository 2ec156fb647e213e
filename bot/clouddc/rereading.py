"""Pages of the list read again and again: only rows whose text has changed are parsed anew.

A poll of a fleet brings the same text for nearly every server. The rows that were read before are
cut out of the page, and what is left is read as any page is: the same checks, the same leniency.
"""

from __future__ import annotations

from bot.clouddc import wire
from bot.power import server

# How one row ends and the next begins. Within a text the quote would be escaped.
BETWEEN = b'},{"id":"'
# Fewer rows than this are read whole.
FEW = 8


class Rereader:
    """Reads pages, and remembers the rows of the newest and the last sweep by their text."""

    def __init__(self) -> None:
        self._last: dict[bytes, server.Server] = {}
        self._newest: dict[bytes, server.Server] = {}

    def begin(self) -> None:
        """Note that a new sweep begins: what the last but one has seen is forgotten."""
        self._last, self._newest = self._newest, {}

    def page(self, body: bytes, *, limit: int) -> wire.Page:
        """Read a page that was asked for with this limit.

        Raises:
            Unreadable: it isn't one.
        """
        texts = body.split(BETWEEN)
        if len(texts) < FEW:
            return wire.page(body, limit=limit)
        # Each text moves from the last sweep's to the newest, so that there is one of it.
        known = [self._last.pop(text, None) for text in texts]
        # The first and the last piece hold what stands around the rows, so they are always read.
        left = [text for text, row in zip(texts, known, strict=True) if row is None]
        read = wire.read_page(BETWEEN.join(left))
        if len(read.rows) != len(left):
            return wire.page(body, limit=limit)
        self._newest.update((text, row) for text, row in zip(texts, known, strict=True) if row)
        # The outermost two are no rows by themselves.
        for text, row in zip(left[1:-1], read.rows[1:-1], strict=True):
            # A piece that doesn't begin with its row's id is no whole row.
            if row is not None and text.startswith(row.id.encode() + b'"'):
                self._newest[text] = row
        fresh = iter(read.rows)
        rows = [row or next(fresh) for row in known]
        return wire.page_of(read, rows, limit=limit)

"""A search of the newest snapshot for each letter that somebody types into a form."""

from __future__ import annotations

import asyncio
import dataclasses

from bot.power import server
from bot.power.targets import search, targets

# Searches whose answers are kept for those who type the same.
MOST_FOUND = 100


@dataclasses.dataclass
class Search:
    """Keeps the catalogue of the newest snapshot, and searches it: one is made for many letters.

    A search takes some 10 ms in 10,000 servers. They are made one by one, and whatever else has
    come in goes between two: a thread would take the interpreter away for longer.
    """

    catalogue: search.Catalogue | None = None
    turn: asyncio.Lock = dataclasses.field(default_factory=asyncio.Lock)
    found: dict[str, list[search.Offer]] = dataclasses.field(default_factory=dict)

    async def find(
        self, snapshot: server.Snapshot, groups: targets.Groups, typed: str
    ) -> list[search.Offer]:
        """Return what fits what was typed."""
        async with self.turn:
            # Lets what has come in meanwhile go first, as a click.
            await asyncio.sleep(0)
            catalogue = self.fetch(snapshot, groups)
            if typed not in self.found:
                # All at once: what is typed next is seldom what was typed before.
                if len(self.found) >= MOST_FOUND:
                    self.found.clear()
                self.found[typed] = catalogue.search(typed)
            return self.found[typed]

    def fetch(self, snapshot: server.Snapshot, groups: targets.Groups) -> search.Catalogue:
        """Return the catalogue for this snapshot and these groups."""
        kept = self.catalogue
        if kept is None or kept.snapshot is not snapshot or kept.groups is not groups:
            kept = self.catalogue = search.Catalogue(snapshot, groups)
            self.found.clear()
        return kept

"""What time does after the death of every process, at once."""

from __future__ import annotations

from bot.power import ports
from bot.storage import store
from bot.storage.engine import link
from bot.storage.tables import claims


async def end_all(kept: store.Store) -> None:
    """End every lease: the caller knows that no other process lives."""
    await kept.write(_end_all)


def _end_all(tx: ports.Tx) -> None:
    assert isinstance(tx, link.Link)
    claims.free_all(tx)

"""Every kind that the policy knows has a client that does it."""

from __future__ import annotations

from bot.around import opening
from bot.power.around import kinds
from tests.around import builders


async def test_every_kind_can_be_done() -> None:
    """Those that Powerbot brings."""
    async with builders.http() as http:
        assert set(opening.all_kinds(http)) == set(kinds.known())

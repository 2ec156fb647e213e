"""The ids that a call may name: a power call never leaves without a list of them."""

from __future__ import annotations

from collections.abc import Sequence

from bot.clouddc import wire

# The most ids in one call (CloudDC API, power-state page).
MOST_IDS = 50


def checked(server_ids: Sequence[str]) -> tuple[str, ...]:
    """Return the ids if a power call may name them.

    The service's list of ids is optional, and what a call without one does isn't documented:
    such a call must never leave (CloudDC API, power-state page).

    Raises:
        ValueError: none, more than 50, doubled ones, or something that isn't an id.
    """
    ids = tuple(server_ids)
    if isinstance(server_ids, str) or not 1 <= len(ids) <= MOST_IDS:
        raise ValueError(f"a power call names 1 to {MOST_IDS} servers, not {len(ids)}")
    if len(set(ids)) < len(ids):
        raise ValueError("a power call names every server once")
    if not all(isinstance(found, str) and wire.UUID.fullmatch(found) for found in ids):
        raise ValueError("a power call names servers by their ids alone")
    return ids

"""Whom a message calls, and what must be mended to know all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from bot.power import missing as missing_


@dataclasses.dataclass(frozen=True, slots=True)
class Called:
    """User ids, and ids of user groups, by group of the policy."""

    people: Mapping[str, Sequence[str]]
    missing: tuple[missing_.Missing, ...] = ()

    @property
    def body(self) -> dict[str, object]:
        """What a stored body has of it."""
        return {"ask": self.people, "missing": missing_.stored(self.missing)}


NOBODY = Called({})

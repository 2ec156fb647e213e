"""The fields that all messages have in common.

They are stored as JSON in the transaction of what happened, and put into words at delivery. The
names of fields are those that rows have always had, since what an older version has queued is
still told. `event` tells them apart.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import pydantic

from bot.power import missing_access

E = TypeVar("E", bound=enum.StrEnum)


def _whole(value: Any) -> Any:
    """Return text without half characters, which no model takes."""
    # JSON can carry half of a surrogate pair, which can't be stored as UTF-8.
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    return list(map(_whole, value)) if isinstance(value, list | tuple) else value


def known(value: Any, kind: type[E], otherwise: E | None) -> E | None:
    """Return a stored word as a value, or another where only a newer version knows it."""
    return kind(value) if value in set(kind) else otherwise


class Message(pydantic.BaseModel):
    """The fields that every message has."""

    # What a newer version has queued is told as far as this one knows it.
    model_config = pydantic.ConfigDict(frozen=True, extra="ignore")

    @pydantic.model_validator(mode="before")
    @classmethod
    def _without_half_characters(cls, given: Any) -> Any:
        return {name: _whole(value) for name, value in given.items()}


class Calling(Message):
    """Calls people: user ids, and ids of user groups, by group of the policy.

    `missing` is what must be fixed to know all of them.
    """

    ask: Mapping[str, Sequence[str]] = {}
    missing: tuple[missing_access.Missing, ...] = ()

    @pydantic.field_validator("missing", mode="before")
    @classmethod
    def _as_stored(cls, value: Any) -> Any:
        """Leave out what only a newer version knows."""
        # Read back from the store, or given as values by whoever says it.
        stored = isinstance(value, list) and any(isinstance(one, Mapping) for one in value)
        return missing_access.read(value) if stored else value

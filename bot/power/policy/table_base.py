"""What a table of the policy file is: a model with its keys, and no others."""

from __future__ import annotations

import inspect
from typing import Any

import pydantic


def key(name: str, *examples: str) -> Any:
    """Return a field of a table by its key; one without an example may be left out."""
    if examples:
        return pydantic.Field(alias=name, examples=list(examples))
    return pydantic.Field(default=None, alias=name)


class Table(pydantic.BaseModel):
    """A table of the file, which has no other keys than these."""

    model_config = pydantic.ConfigDict(
        # A key that isn't known may be a protection with a slip in its name.
        extra="forbid",
        frozen=True,
        arbitrary_types_allowed=True,
        protected_namespaces=(),
    )

    def given(self) -> dict[str, Any]:
        """Return the values that the file has, by the names of `policy`."""
        # Set by the file alone: what is left out falls back to the defaults of `policy`.
        return {name: getattr(self, name) for name in self.model_fields_set}


def keys(model: type[pydantic.BaseModel]) -> tuple[str, ...]:
    """Return the keys of a table as the file spells them, its own before those it shares."""
    own = inspect.get_annotations(model)
    fields = sorted(model.model_fields.items(), key=lambda field: field[0] not in own)
    return tuple(field.alias or name for name, field in fields)


def named(table: Any, place: int) -> str:
    """Return the name of one of several tables; without one it is its number."""
    return table.name or f"number {place + 1}"

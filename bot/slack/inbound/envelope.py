"""What the guard reads of every payload before anybody reads it as what it is.

It decides whether a payload is ours at all, so whatever is odd in it counts as left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import pydantic


def _text(value: object) -> object:
    return value if isinstance(value, str) else ""


def _object(value: object) -> object:
    return value if isinstance(value, dict) else None


Text = Annotated[str, pydantic.BeforeValidator(_text)]


class Owner(pydantic.BaseModel):
    """The workspace or the organization that an interaction names."""

    id: Text = ""


Owned = Annotated[Owner | None, pydantic.BeforeValidator(_object)]


class Envelope(pydantic.BaseModel):
    """Where a payload comes from, and how its person can be told something."""

    model_config = pydantic.ConfigDict(frozen=True, extra="ignore")

    type: Text = ""
    api_app_id: Any = None
    team: Owned = None
    team_id: Text = ""
    enterprise: Owned = None
    enterprise_id: Text = ""
    response_url: Text = ""

    @property
    def workspace(self) -> str:
        """The id of the workspace, empty when none is named."""
        return (self.team.id if self.team else "") or self.team_id

    @property
    def organization(self) -> str:
        """The id of the Enterprise Grid, empty when none is named."""
        return (self.enterprise.id if self.enterprise else "") or self.enterprise_id

    def is_of_another_app(self, app_id: str) -> bool:
        """Whether it names another app; a shortcut's names none ("Shortcuts payloads")."""
        return "api_app_id" in self.model_fields_set and self.api_app_id != app_id


class Block(pydantic.BaseModel):
    """A part of a form."""

    type: Text = ""
    block_id: Text = ""


class View(pydantic.BaseModel):
    """A form that was sent."""

    blocks: list[Block] = []


class Submission(pydantic.BaseModel):
    """The form in a payload; only an input of it can show what is wrong."""

    view: View

    @property
    def first_input(self) -> str:
        """The block id of the first input, empty where there is none."""
        return next((one.block_id for one in self.view.blocks if one.type == "input"), "")


def read(body: Mapping[str, Any]) -> Envelope:
    """Return what a payload says of where it comes from."""
    return Envelope.model_validate(body)


def first_input(body: Mapping[str, Any]) -> str:
    """Return the block id of a form's first input, empty where there is none."""
    try:
        return Submission.model_validate(body).first_input
    except pydantic.ValidationError:
        return ""

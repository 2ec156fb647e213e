"""Whose a payload is, read by the guard before anybody reads it as what it is.

It decides whether a payload is ours at all, so whatever is odd in it counts as left out.
In a Grid one person's team is a workspace (T...) in one payload and the organization (E...) in
another (Slack, "Enterprise Grid for developers"). What is ours is brought to one id at the door,
and people are told apart by user id alone. Whether somebody of another workspace is one of us,
`users.info` says, and no payload does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any

import pydantic

# Where a payload names the team of a person, beside the top level.
PERSONS = ("user", "event")
TEAM_KEYS = ("team_id", "user_team", "source_team")


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
    api_app_id: Any = None  # An odd value is another app's, and no error.
    team: Owned = None
    team_id: Text = ""
    enterprise: Owned = None
    enterprise_id: Text = ""
    response_url: Text = ""

    @property
    def workspace(self) -> str:
        """The id of the workspace, empty when none is named."""
        # Interactions name it in an object, commands and events by id.
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


class FormView(pydantic.BaseModel):
    """A form that was sent."""

    blocks: list[Block] = []


class Submission(pydantic.BaseModel):
    """The form in a payload; only an input of it can show what is wrong."""

    view: FormView

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


@dataclasses.dataclass(frozen=True, slots=True)
class Home:
    """The workspace in which the bot is installed, and its Grid, empty for none."""

    team_id: str
    enterprise_id: str = ""

    def serves(self, origin: Envelope) -> bool:
        """Whether a payload comes from our workspace, or from our Grid."""
        if origin.workspace == self.team_id:
            return True
        theirs = (origin.workspace, origin.organization)
        # An app of a Grid is used from each of its workspaces.
        return bool(self.enterprise_id) and self.enterprise_id in theirs

    def whose(self, user: Mapping[str, Any]) -> str:
        """Return the team of a person as `users.info` has them; ours for all of our Grid."""
        team = str(user.get("team_id") or "")
        found = user.get("enterprise_user")
        grid = found.get("enterprise_id") if isinstance(found, Mapping) else None
        # Without a Grid two empty ids would be equal.
        ours = bool(self.enterprise_id) and self.enterprise_id in (team, grid)
        return self.team_id if ours else team

    def at_home(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return a payload in which our Grid's id, where it stands for a person's team, is ours."""
        found = dict(body)  # Bolt's own stays as it is.
        if not self.enterprise_id:
            return found
        for key in PERSONS:
            part = found.get(key)
            if isinstance(part, Mapping):
                found[key] = self._renamed(part)
        return self._renamed(found)

    def _renamed(self, part: Mapping[str, Any]) -> dict[str, Any]:
        """Return one level of a payload with our Grid's id replaced."""
        known = {key: part[key] for key in TEAM_KEYS if part.get(key) == self.enterprise_id}
        return {**part, **dict.fromkeys(known, self.team_id)}

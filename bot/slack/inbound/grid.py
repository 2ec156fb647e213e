"""Our workspace, alone or in an Enterprise Grid; people are told apart by user id alone.

In a Grid one person's team is a workspace (T...) in one payload and the organization (E...) in
another (Slack, "Enterprise Grid for developers"). What is ours is brought to one id at the door.
Whether somebody of another workspace is one of us, `users.info` says, and no payload does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from bot.slack.inbound import envelope

# Where a payload names the team of a person, beside the top level.
PERSONS = ("user", "event")
TEAM_KEYS = ("team_id", "user_team", "source_team")


@dataclasses.dataclass(frozen=True, slots=True)
class Home:
    """The workspace in which the bot is installed, and its Grid, empty for none."""

    team_id: str
    enterprise_id: str = ""

    def serves(self, origin: envelope.Envelope) -> bool:
        """Whether a payload comes from our workspace, or from our Grid."""
        if origin.workspace == self.team_id:
            return True
        theirs = (origin.workspace, origin.organization)
        return bool(self.enterprise_id) and self.enterprise_id in theirs

    def whose(self, user: Mapping[str, Any]) -> str:
        """Return the team of a person as `users.info` has them; ours for all of our Grid."""
        team = str(user.get("team_id") or "")
        found = user.get("enterprise_user")
        grid = found.get("enterprise_id") if isinstance(found, Mapping) else None
        ours = bool(self.enterprise_id) and self.enterprise_id in (team, grid)
        return self.team_id if ours else team

    def at_home(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return a payload in which our Grid's id, where it stands for a person's team, is ours."""
        found = dict(body)
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

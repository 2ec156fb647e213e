"""What was seen of Slack: full members, whose no is being looked up, kinds of blocks refused."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bot.power import ports
from bot.power.command import halts
from bot.storage.engine import link

_SEEN = """
    INSERT INTO sightings (user_id, is_full, at) VALUES (:user_id, :is_full, :at)
    ON CONFLICT (user_id) DO UPDATE SET is_full = excluded.is_full, at = excluded.at
"""
_WORKSPACE = "workspace"  # Its name in `meta`.
_NOTED = """
    INSERT INTO meta (name, value) VALUES (:name, :value)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
# A second no of one person takes the first one's place: one look-up answers both.
_HELD = """
    INSERT INTO look_ups (request_id, user_id, verb, until)
    VALUES (:request_id, :user_id, :verb, now_s() + :for_s)
    ON CONFLICT (request_id, user_id) DO UPDATE SET verb = excluded.verb, until = excluded.until
"""


class SeenPeople(link.Link):
    """The part of a transaction that speaks of people who say no."""

    def see(self, user_id: str, *, full: bool, at: float) -> None:
        """Note what Slack says of a person, and forget everybody of whom that is too old."""
        self.change("DELETE FROM sightings WHERE at < :before", before=at - halts.KNOWN_FOR_S)
        self.change(_SEEN, user_id=user_id, is_full=full, at=at)

    def seen(self, user_id: str) -> ports.Seen | None:
        """Return what Slack last said of a person."""
        found = self.query(
            "SELECT is_full, at FROM sightings WHERE user_id = :user_id", user_id=user_id
        )
        return ports.Seen(bool(found[0].is_full), found[0].at) if found else None

    def workspace(self) -> ports.Workspace:
        """Return what the workspace was seen to be."""
        found = self.value("SELECT value FROM meta WHERE name = :name", name=_WORKSPACE)
        seen = json.loads(found or "{}")
        return ports.Workspace(seen.get("url", ""), frozenset(seen.get("refused_blocks", ())))

    def note_workspace(self, seen: ports.Workspace) -> None:
        """Note what the workspace is seen to be."""
        value = {"url": seen.url, "refused_blocks": sorted(seen.refused_blocks)}
        self.change(_NOTED, name=_WORKSPACE, value=json.dumps(value))

    def acted(self, request_id: str, user_id: str, events: Sequence[str]) -> bool:
        """Whether a person has done one of these to a request."""
        done = """
            SELECT 1 FROM audit
            WHERE request_id = :id AND user_id = :user_id AND event IN :events LIMIT 1
        """
        return self.value(done, id=request_id, user_id=user_id, events=[*events]) is not None

    def hold(self, request_id: str, user_id: str, *, verb: str, for_s: float) -> None:
        """Let no new call leave for a request (empty: for any) while a person is looked up.

        It ends by itself after this time on the database's clock, should the process die.
        """
        # Left by processes that died during a look-up.
        self.change("DELETE FROM look_ups WHERE until < now_s()")
        held = {"request_id": request_id, "user_id": user_id, "verb": verb}
        self.change(_HELD, held, for_s=float(for_s))

    def let_go(self, request_id: str, user_id: str) -> None:
        """End what `hold` began."""
        mine = "DELETE FROM look_ups WHERE request_id = :id AND user_id = :user_id"
        self.change(mine, id=request_id, user_id=user_id)

    def held_for(self, request_id: str) -> tuple[str, str]:
        """Return whose no is being looked up for a request, and its verb; empty for none."""
        held = """
            SELECT user_id, verb FROM look_ups
            WHERE request_id IN :ids AND until >= now_s() ORDER BY until LIMIT 1
        """
        # An empty id stands for a no to everything, such as a freeze.
        found = self.query(held, ids=[request_id, ""])
        return (found[0].user_id, found[0].verb) if found else ("", "")

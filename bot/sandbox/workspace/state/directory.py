"""Who and what exists in the workspace: the team, its people, channels and user groups.

Objects here are plain and changeable on purpose: a test deactivates a person by `deleted = True`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.sandbox.workspace.base.json_types import Json


@dataclass(frozen=True, slots=True)
class Team:
    """The workspace in which the app is installed."""

    id: str = "T0DEMO"
    name: str = "Powerbot demo"
    domain: str = "powerbot-demo"
    # The organization, where the workspace is one of an Enterprise Grid.
    enterprise_id: str = ""


@dataclass(slots=True)
class Person:
    """One member, guest, bot or stranger, as users.info tells it; `role` is for the page only."""

    id: str
    name: str
    real_name: str
    role: str = ""
    team_id: str = "T0DEMO"
    is_bot: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    deleted: bool = False
    # In an Enterprise Grid a payload may name the organization for a person's team.
    payload_team: str = ""
    enterprise_id: str = ""

    @property
    def shown_team(self) -> str:
        """The team that payloads name for this person."""
        return self.payload_team or self.team_id

    def as_slack(self, bot_id: str) -> Json:
        """Shape this person like the `user` of users.info."""
        profile = {"real_name": self.real_name, "display_name": self.name, "team": self.team_id}
        if self.is_bot:
            profile["bot_id"] = bot_id
        shape: Json = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": self.deleted,
            "real_name": self.real_name,
            "tz": "Europe/Berlin",
            "tz_offset": 3600,
            "profile": profile,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": 1,
        }
        if self.enterprise_id:
            shape["enterprise_user"] = {"enterprise_id": self.enterprise_id, "teams": []}
        if self.deleted:
            # Slack leaves out the roles of a deactivated person.
            return shape
        shape |= {"is_admin": False, "is_owner": False, "is_primary_owner": False}
        shape |= {
            "is_restricted": self.is_restricted,
            "is_ultra_restricted": self.is_ultra_restricted,
        }
        return shape | ({"is_stranger": True} if self.is_stranger else {})


@dataclass(slots=True)
class Channel:
    """A channel or a direct message; `members` holds user ids, the bot's included."""

    id: str
    name: str
    members: set[str] = field(default_factory=set)
    is_ext_shared: bool = False
    is_private: bool = False
    is_archived: bool = False
    is_im: bool = False
    # Ids of the teams that were asked in and haven't answered yet.
    pending_shared: list[str] = field(default_factory=list)

    def as_slack(self, bot_user: str, team: str) -> Json:
        """Shape this channel like the `channel` of conversations.info."""
        shape: Json = {"id": self.id, "created": 1, "is_archived": self.is_archived}
        shape |= {"is_im": self.is_im, "is_org_shared": False, "context_team_id": team}
        if self.is_im:
            person = next((member for member in self.members if member != bot_user), "")
            return shape | {"user": person}
        return shape | {
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.is_private,
            "is_group": self.is_private,
            "is_mpim": False,
            "is_private": self.is_private,
            "is_general": False,
            "is_shared": self.is_ext_shared,
            "is_ext_shared": self.is_ext_shared,
            "is_pending_ext_shared": bool(self.pending_shared),
            "pending_shared": [*self.pending_shared],
            "is_member": bot_user in self.members,
            "num_members": len(self.members),
        }


@dataclass(slots=True)
class UserGroup:
    """A user group such as @oncall; `disabled` is what Slack calls deleted."""

    id: str
    handle: str
    name: str
    users: list[str] = field(default_factory=list)
    disabled: bool = False

    def as_slack(self, team: str, with_users: bool) -> Json:
        """Shape this group like an entry of usergroups.list."""
        shape: Json = {
            "id": self.id,
            "team_id": team,
            "is_usergroup": True,
            "name": self.name,
            "handle": self.handle,
            "is_external": False,
            "date_create": 1,
            "date_update": 1,
            "date_delete": 1 if self.disabled else 0,
            "user_count": len(self.users),
        }
        return shape | ({"users": list(self.users)} if with_users else {})


class UnknownNameError(LookupError):
    """A person, channel, message or element that the workspace doesn't have."""


class Directory:
    """Looks people, channels and groups up by id; opens direct messages with the bot."""

    def __init__(
        self,
        team: Team,
        people: Iterable[Person],
        channels: Iterable[Channel],
        groups: Iterable[UserGroup],
        bot_user: str,
    ) -> None:
        self.team = team
        self.bot_user = bot_user
        self.people = {person.id: person for person in people}
        self.channels = {channel.id: channel for channel in channels}
        self.groups = {group.id: group for group in groups}

    def person(self, user: str) -> Person:
        """Look a person up by id or name.

        Raises:
            UnknownNameError: when nobody is called that.
        """
        if user in self.people:
            return self.people[user]
        for person in self.people.values():
            if person.name == user:
                return person
        raise UnknownNameError(f"there is no person {user!r}")

    def channel(self, channel: str) -> Channel:
        """Look a channel up by id or name, with or without the hash sign.

        Raises:
            UnknownNameError: when there is no such channel.
        """
        if channel in self.channels:
            return self.channels[channel]
        for candidate in self.channels.values():
            if not candidate.is_im and candidate.name == channel.lstrip("#"):
                return candidate
        raise UnknownNameError(f"there is no channel {channel!r}")

    def direct_message(self, person: Person, bot_user: str = "") -> Channel:
        """Open the direct message between a bot and this person; the same one each time."""
        # Real ids are random; a readable one makes tests and the page easier to follow.
        other = bot_user if bot_user != self.bot_user else ""
        channel_id = f"D{person.id[1:]}{other}"
        if channel_id not in self.channels:
            members = {person.id, other or self.bot_user}
            self.channels[channel_id] = Channel(channel_id, person.name, members, is_im=True)
        return self.channels[channel_id]

    def seen_by(self, user: str) -> list[Channel]:
        """List the channels that this person is in."""
        return [channel for channel in self.channels.values() if user in channel.members]

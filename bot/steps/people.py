"""Who people are and which groups of the policy they are in, asked when it counts.

Identity is the user and team id of a verified payload; everything else is looked up here.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Collection, Iterable

from bot.power import errors, policy, ports, quorum, request, rights
from bot.power.approval import Decision
from bot.steps import sightings

USER_GROUP = "S"
# More people than this are called by their user group instead of one by one.
MOST_NAMED = 20
# A no waits this long for a user group to be read, in seconds.
NO_WAITS_S = 1.0


@dataclasses.dataclass(frozen=True)
class People:
    """Answers from Slack, at most five seconds old, against the groups of the policy file."""

    directory: ports.Directory
    policy: Callable[[], policy.Policy]
    team_id: str
    sightings: sightings.Sightings | None = None

    async def may_read(self, person: request.Person) -> Decision:
        """Decide whether a person may use Powerbot at all.

        Raises:
            SlackUnavailable: Slack could not be asked.
        """
        member = await self.directory.member(person.user_id)
        decision = rights.may_read(member, self.team_id)
        if self.sightings is not None:
            await self.sightings.note(person.user_id, full=decision.allowed)
        return decision

    async def members(self, user_ids: Iterable[str]) -> dict[str, ports.Member]:
        """Return several people; who can't be read is left out.

        That is how `approval.lost_approvals` wants to be told that somebody was not checked.
        """
        wanted = sorted(set(user_ids))
        found = await asyncio.gather(*map(self._member, wanted))
        return {user_id: one for user_id, one in zip(wanted, found, strict=True) if one}

    async def _member(self, user_id: str) -> ports.Member | None:
        """Return a person, or None when Slack can't be asked."""
        try:
            return await self.directory.member(user_id)
        except errors.SlackUnavailable:
            return None

    async def roster(self, groups: Collection[str]) -> quorum.Roster:
        """Return who is in these groups of the policy file, with the reason for each person.

        A Slack user group that can't be read makes its group unreadable: whoever depends on it
        could not be checked.
        """
        named = {group: self.policy().people.get(group, ()) for group in groups}
        ids = sorted({one for all_ in named.values() for one in all_ if one[0] == USER_GROUP})
        read = dict(zip(ids, await asyncio.gather(*map(self._group, ids)), strict=True))
        members: dict[str, dict[str, str]] = {}
        unreadable: set[str] = set()
        for group, entries in named.items():
            members[group] = {one: "named in the policy" for one in entries if one not in read}
            for entry in entries:
                in_slack = read.get(entry, frozenset())
                if in_slack is None:
                    unreadable.add(group)
                for user_id in in_slack or ():
                    members[group].setdefault(user_id, f"in Slack's user group {entry}")
        return quorum.Roster(members, frozenset(unreadable))

    async def roster_for_no(self, groups: Collection[str], user_id: str) -> quorum.Roster:
        """Return who is in these groups, as far as that is known within a moment.

        Nobody is asked when the policy names this person itself; a user group that isn't read in
        a second counts as unreadable.
        """
        written = {group: self.policy().people.get(group, ()) for group in groups}
        known = {
            group: {one: "named in the policy" for one in listed if one[0] != USER_GROUP}
            for group, listed in written.items()
        }
        if not any(user_id in listed for listed in known.values()):
            try:
                async with asyncio.timeout(NO_WAITS_S):
                    return await self.roster(groups)
            except TimeoutError:
                pass
        unread = {group for group, listed in written.items() if len(listed) > len(known[group])}
        return quorum.Roster(known, frozenset(unread))

    async def named(
        self, groups: Collection[str], *, without: Collection[str] = ()
    ) -> dict[str, list[str]]:
        """Return the ids to mention so that everybody in these groups is called.

        A group that is large, or could not be read, is called as the policy has it: people by
        their ids, Slack's user groups as groups.
        """
        roster = await self.roster(groups)
        found: dict[str, list[str]] = {}
        for group in groups:
            members = [one for one in roster.members.get(group, {}) if one not in without]
            written = [one for one in self.policy().people.get(group, ()) if one not in without]
            whole = group not in roster.unreadable and len(members) <= MOST_NAMED
            found[group] = members if whole else written
        return found

    async def _group(self, group_id: str) -> frozenset[str] | None:
        """Return the members of a Slack user group, or None when it can't be read."""
        try:
            return await self.directory.group(group_id)
        except errors.SlackUnavailable:
            return None

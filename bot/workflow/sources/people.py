"""Who people are and which groups of the policy they are in, asked when it counts.

Identity is the user and team id of a verified payload; everything else is looked up here.
"""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import structlog

from bot.power import errors, missing_access, ports, request
from bot.power.approval import may_approve, may_stop, quorum
from bot.power.approval.may_approve import Decision, Refusal
from bot.power.command import command_line
from bot.power.policy import policy
from bot.power.policy.policy import Needs
from bot.power.text import typography

log = structlog.get_logger()

USER_GROUP = "S"  # How Slack's ids of user groups begin.
# More people than this are called by their user group instead of one by one.
MOST_NAMED = 20
# Candidates that are looked up before we assume that one of the rest can approve.
MOST_LOOKED_UP = 50
MOST_LOOKED_AT = 200  # People of a whole policy whom `policy check` looks up.
# A no waits this long for a user group to be read, in seconds.
NO_WAITS_S = 1.0
# And this long for the names of colleagues in its reason.
LONGEST_NAMES_S = 0.5
# The same word about the same person is written down this often, and no more; in seconds.
NOTED_FOR_S = 3600.0
# People of whom this process remembers what it wrote down; the others are written down again.
MOST_REMEMBERED = 5000
# What is left of Slack's form for a person, which carries an id and seldom a name.
PERSON = re.compile(r"(?<!\S)@([UW][A-Z0-9]{2,30})\b")
MOST_PEOPLE = 5  # Names that are looked up for one reason.
UNSAFE = re.compile(r"[<>@&|`]")  # What could make a mention, a link or code of a name.


@dataclasses.dataclass(frozen=True, slots=True)
class Called:
    """Whom a message calls: user ids, and ids of user groups, by group of the policy.

    `missing` is what must be fixed to know all of them.
    """

    people: Mapping[str, Sequence[str]]
    missing: tuple[missing_access.Missing, ...] = ()


NOBODY = Called({})


@dataclasses.dataclass(frozen=True)
class SeenMembers:
    """Notes whom Slack shows as a full member, so that their no needs no look-up for a day."""

    store: ports.RequestStore
    clock: ports.Clock
    _noted: dict[str, tuple[bool, float]] = dataclasses.field(default_factory=dict)

    async def note(self, user_id: str, *, full: bool) -> None:
        """Write a sighting down; one that can't be written costs nobody anything."""
        now = self.clock.now()
        before = self._noted.get(user_id)
        # In absolute terms, for a clock that was set back must not silence this for long.
        if before is not None and before[0] == full and abs(now - before[1]) < NOTED_FOR_S:
            return
        try:
            await self.store.write(lambda tx: tx.see(user_id, full=full, at=now))
        except errors.StoreUnavailable as error:
            log.warning("sighting.not_noted", why=type(error).__name__)
            return
        if len(self._noted) >= MOST_REMEMBERED:
            self._noted.clear()
        self._noted[user_id] = (full, now)


@dataclasses.dataclass(frozen=True)
class People:
    """Answers from Slack, at most five seconds old, against the groups of the policy file.

    In an Enterprise Grid, `enterprise_id`, a payload can't say whether somebody is one of us.
    """

    directory: ports.Directory
    policy: Callable[[], policy.Policy]
    team_id: str
    sightings: SeenMembers | None = None
    enterprise_id: str = ""

    async def may_read(self, person: request.Person) -> Decision:
        """Decide whether a person may use Powerbot at all.

        Raises:
            SlackUnavailable: Slack could not be asked.
        """
        member = await self.directory.member(person.user_id)
        decision = may_stop.may_read(member, self.team_id)
        if self.sightings is not None:
            await self.sightings.note(person.user_id, full=decision.allowed)
        return decision

    async def members(self, user_ids: Iterable[str]) -> dict[str, ports.Member]:
        """Return several people; who can't be read is left out.

        That is how `may_approve.lost_approvals` wants to be told that somebody was not checked.
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
        lacking: dict[str, tuple[missing_access.Missing, ...]] = {}
        for group, entries in named.items():
            members[group] = {one: "named in the policy" for one in entries if one not in read}
            for entry in entries:
                in_slack = read.get(entry, frozenset())
                if isinstance(in_slack, errors.SlackUnavailable):
                    unreadable.add(group)
                    named_here = (dataclasses.replace(one, group=group) for one in in_slack.missing)
                    lacking[group] = (*lacking.get(group, ()), *named_here)
                    continue
                for user_id in in_slack:
                    # Whom the policy names keeps that as evidence: nobody edits it in Slack.
                    members[group].setdefault(user_id, f"in Slack's user group {entry}")
        return quorum.Roster(members, frozenset(unreadable), lacking)

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

    async def able(self, roster: quorum.Roster) -> quorum.Roster:
        """Return a roster without people who may do nothing, for checking a whole policy.

        At most `MOST_LOOKED_AT` people are looked up; the others count as able.
        """
        everybody = dict.fromkeys(one for who in roster.members.values() for one in who)
        found = await self.members([*everybody][:MOST_LOOKED_AT])
        no = {one for one, who in found.items() if may_approve.refuse_member(who, self.team_id)}
        members = {
            group: {one: why for one, why in who.items() if one not in no}
            for group, who in roster.members.items()
        }
        return quorum.Roster(members, roster.unreadable, roster.missing)

    async def unable(
        self, needs: Needs, roster: quorum.Roster, requester: str
    ) -> dict[str, Refusal]:
        """Return people of these groups who couldn't approve, as far as that decides anything.

        Those who would fill the places are looked up, and others in the place of those who can't:
        a large group costs as many look-ups as there are places. Who can't be looked up, or is
        beyond `MOST_LOOKED_UP`, counts as able.
        """
        no: dict[str, Refusal] = {}
        seen: set[str] = {requester}
        while len(seen) <= MOST_LOOKED_UP:
            able = (
                user_id
                for need in needs
                for user_id in roster.members.get(need.group, {})
                if user_id != requester and user_id not in no
            )
            # Who would fill the places as far as is known; looked up, some may turn out unable.
            new = quorum.assign(needs, dict.fromkeys(able), roster).keys() - seen
            if not new:
                break
            seen |= new
            for user_id, member in (await self.members(new)).items():
                refusal = may_approve.refuse_member(member, self.team_id)
                if refusal is not None and refusal.reason is not None:
                    no[user_id] = refusal.reason
        return no

    async def named(
        self, groups: Collection[str], *, without: Collection[str] = (), most: int = MOST_NAMED
    ) -> Called:
        """Return the ids to mention so that everybody in these groups is called.

        A group of more than `most` people, or that could not be read, is called as the policy
        has it: people by their ids, Slack's user groups as groups.
        """
        roster = await self.roster(groups)
        found: dict[str, list[str]] = {}
        for group in groups:
            members = [one for one in roster.members.get(group, {}) if one not in without]
            written = [one for one in self.policy().people.get(group, ()) if one not in without]
            whole = group not in roster.unreadable and len(members) <= most
            found[group] = members if whole else written
        return Called(found, missing_access.of(groups, roster.missing))

    async def _group(self, group_id: str) -> frozenset[str] | errors.SlackUnavailable:
        """Return the members of a Slack user group, or why it can't be read."""
        try:
            return await self.directory.group(group_id)
        except errors.SlackUnavailable as error:
            return error


async def with_names(reason: str, directory: ports.Directory) -> str:
    """Return a reason with names for ids, as it was where somebody can't be looked up."""
    ids = list(dict.fromkeys(PERSON.findall(reason)))[:MOST_PEOPLE]
    names = {one: await _name(one, directory) for one in ids}
    named = PERSON.sub(lambda found: names.get(found[1]) or found[0], reason)
    # A name is longer than its id, and must not cut somebody's words short.
    return named if len(named) <= command_line.MOST_REASON else reason


async def with_names_known_at_once(reason: str, directory: ports.Directory) -> str:
    """Return a no's reason with names for ids, or as it was: a no hardly waits for its words."""
    try:
        async with asyncio.timeout(LONGEST_NAMES_S):
            return await with_names(reason, directory)
    except TimeoutError:
        return reason


async def named_request(found: ports.Request, directory: ports.Directory | None) -> ports.Request:
    """Return a request as it is shown: a Stop was taken at once, so its reason may have ids."""
    if directory is None:
        return found
    stop_reason = await with_names_known_at_once(found.stop_reason, directory)
    end_reason = await with_names_known_at_once(found.end_reason, directory)
    if (stop_reason, end_reason) == (found.stop_reason, found.end_reason):
        return found
    return dataclasses.replace(found, stop_reason=stop_reason, end_reason=end_reason)


async def _name(user_id: str, directory: ports.Directory) -> str:
    """Return how somebody is called, or an empty text."""
    try:
        member = await directory.member(user_id)
    except errors.SlackUnavailable:
        return ""
    name = UNSAFE.sub("", typography.sentence(member.name)).strip()
    return f"@{name}" if name else ""

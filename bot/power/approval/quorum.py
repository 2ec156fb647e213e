"""Are there enough distinct people? One person fills one place, whatever groups they are in.

Groups overlap, so who fills which place is an assignment: found by augmenting paths, so that
a person is moved to another group when that makes room for the next one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping

from bot.power import missing_access, ports
from bot.power.policy import policy

Evidence = Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Roster:
    """Who is in each group, as Slack and the policy say at this moment.

    `members` has, by group, the user ids with the evidence in words ("listed in the policy",
    "in the user group S0ONCALL1"). A group in `unreadable` could not be read, or not whole:
    those whom `members` has of it are in it, of anybody else nothing is known. `missing` has,
    by group, what must be mended before it can be read; of the others nothing but time.
    """

    members: Mapping[str, Evidence]
    unreadable: frozenset[str] = frozenset()
    missing: missing_access.Lacking = dataclasses.field(default_factory=dict)

    def groups_of(self, user_id: str, needs: policy.Needs) -> tuple[str, ...]:
        """Return the needed groups that a person is in, in the order of the needs."""
        return tuple(n.group for n in needs if user_id in self.members.get(n.group, {}))


@dataclasses.dataclass(frozen=True, slots=True)
class Tally:
    """How far a request is: `missing` has the groups with the number still wanted.

    `places` has the group that each counted person fills a place of.
    """

    met: bool
    have: int
    wanted: int
    missing: tuple[tuple[str, int], ...]
    sentence: str
    places: Mapping[str, str] = dataclasses.field(default_factory=dict)


def tally(needs: policy.Needs, approvals: Iterable[ports.Approval], roster: Roster) -> Tally:
    """Count approvals by distinct people who are entitled by the roster."""
    # Each once, in the order of their clicks.
    people = tuple(dict.fromkeys(approval.person.user_id for approval in approvals))
    places = assign(needs, people, roster)
    filled = list(places.values())
    gaps = tuple((need.group, need.count - filled.count(need.group)) for need in needs)
    missing = tuple((group, count) for group, count in gaps if count > 0)
    wanted = sum(need.count for need in needs)
    sentence = _sentence(len(places), wanted, missing)
    return Tally(not missing, len(places), wanted, missing, sentence, places)


def placed(given: ports.Approval, counted: Tally) -> ports.Approval:
    """Return an approval with the group whose place it fills; who is in several may be moved."""
    group = counted.places.get(given.person.user_id, given.group)
    return given if group == given.group else dataclasses.replace(given, group=group)


def still_wanted(needs: policy.Needs, given: Iterable[ports.Approval]) -> policy.Needs:
    """Return what is missing by the places that the approvals were given."""
    filled = [approval.group for approval in given]
    left = (
        need.model_copy(update={"count": need.count - filled.count(need.group)}) for need in needs
    )
    return tuple(need for need in left if need.count > 0)


def unfillable(
    needs: policy.Needs, roster: Roster, without: Collection[str]
) -> tuple[tuple[str, int], ...]:
    """Return the places that all people together, `without` some, could not fill."""
    people = dict.fromkeys(
        user_id for need in needs for user_id in roster.members.get(need.group, {})
    )
    able = tuple(user_id for user_id in people if user_id not in without)
    filled = list(assign(needs, able, roster).values())
    gaps = ((need.group, need.count - filled.count(need.group)) for need in needs)
    return tuple((group, count) for group, count in gaps if count > 0)


def assign(needs: policy.Needs, people: Iterable[str], roster: Roster) -> dict[str, str]:
    """Return {user id: group} for as many places as these people can fill."""
    counts = {need.group: need.count for need in needs}
    places: dict[str, str] = {}
    for user_id in people:
        # All places are filled; a large group need not be gone through.
        if len(places) == sum(counts.values()):
            break
        _place(user_id, needs, roster, counts, places, set())
    return places


def _place(
    user_id: str,
    needs: policy.Needs,
    roster: Roster,
    counts: Mapping[str, int],
    places: dict[str, str],
    tried: set[str],
) -> bool:
    """Give a person a place, if need be by moving another; each group is tried once."""
    for group in roster.groups_of(user_id, needs):
        if group in tried:
            continue
        # Or two groups would hand the same person back and forth for ever.
        tried.add(group)
        holders = [person for person, held in places.items() if held == group]
        if len(holders) < counts[group] or any(
            _place(holder, needs, roster, counts, places, tried) for holder in holders
        ):
            places[user_id] = group
            return True
    return False


def _sentence(have: int, wanted: int, missing: tuple[tuple[str, int], ...]) -> str:
    """Say how far a request is, such as "1 of 2 approvals: one more from dc-ops"."""
    if not wanted:
        return "no approval needed"
    counted = f"{have} of {wanted} approval{'s' if wanted != 1 else ''}"
    if not missing:
        return counted
    more = "more " if have else ""
    wishes = [
        f"{spelled(count)} {more if index == 0 else ''}from {group}"
        for index, (group, count) in enumerate(missing)
    ]
    return f"{counted}: {joined(wishes)}"


def spelled(count: int) -> str:
    """Return a small number as a word."""
    words = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    return words[count] if count < len(words) else str(count)


def joined(words: Iterable[str], last: str = ", ") -> str:
    """Join words for a sentence, with another word between the last two."""
    *most, end = words
    return f"{', '.join(most)}{last}{end}" if most else end

"""Look-ups that Slack refuses until somebody fixes the cause; asking again doesn't help.

A reason is a value; its sentence says what is missing and who can mend it.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# Missing things that a sentence names; the others are counted.
MOST_TOLD = 3


class Lack(enum.Enum):
    """What is missing, by who can mend it."""

    GROUP = "group"  # Slack's `no_such_subteam` and the like.
    SCOPE = "scope"  # Slack's `missing_scope`.
    TOKEN = "token"  # noqa: S105 -- the word for a reason, no secret.
    WORKSPACE = "workspace"
    PLAN = "plan"  # User groups are for paid workspaces.
    SETTING = "setting"  # Such as two-factor rules.


@dataclasses.dataclass(frozen=True, slots=True)
class Missing:
    """One thing that is missing: `code` is Slack's word, `what` a user group or a scope.

    `group` is the group of the policy file that names the user group.
    """

    lack: Lack
    code: str = ""
    what: str = ""
    group: str = ""

    @property
    def sentence(self) -> str:
        """What is missing and who can mend it."""
        return SENTENCES[self.lack].format(
            code=self.code,
            what=self.what or "that it needs",
            user_group=f"The user group {self.what}{f' of {self.group}' if self.group else ''}",
        )


SENTENCES = {
    Lack.GROUP: (
        "{user_group} was deleted or disabled in Slack: an operator must name another in the "
        "policy, or a Slack admin must enable it again."
    ),
    Lack.SCOPE: (
        "Powerbot's Slack app lacks the scope {what}: an operator must reinstall the app with it."
    ),
    Lack.TOKEN: (
        "Slack refuses Powerbot's token ({code}): an operator must replace it; "
        "powerbot check says more."
    ),
    Lack.WORKSPACE: (
        "Powerbot has no access to this workspace ({code}): a Slack admin of the "
        "organisation must add the app to it."
    ),
    Lack.PLAN: (
        "User groups need a paid Slack plan ({code}): an operator must name people in the policy "
        "instead of {what}."
    ),
    Lack.SETTING: (
        "Slack's settings don't let Powerbot look this up ({code}): a Slack admin must allow it."
    ),
}
# By group of the policy file.
Lacking = Mapping[str, Sequence[Missing]]


def told(missing: Iterable[Missing]) -> str:
    """Return all that is missing in sentences, each once; nothing for nothing."""
    # A missing scope is missing for every group, and is said once.
    sentences = list(dict.fromkeys(one.sentence for one in missing))
    more = len(sentences) - MOST_TOLD
    rest = [f"And {more} more like this; powerbot check lists them."] if more > 0 else []
    return " ".join([*sentences[:MOST_TOLD], *rest])


def of(groups: Iterable[str], lacking: Lacking) -> tuple[Missing, ...]:
    """Return what is missing to read these groups."""
    return tuple(one for group in groups for one in lacking.get(group, ()))


def unchecked(what: str, groups: Sequence[str], lacking: Lacking, again: str) -> str:
    """Return that `what` could not be checked: what is missing for it, or to do it `again`."""
    said = told(of(groups, lacking))
    if not said:
        return f"{what} could not be checked; {again}."
    passing = [group for group in groups if not lacking.get(group)]
    rest = f" For {' and '.join(passing)}, {again}." if passing else ""
    return f"{what} could not be checked. {said}{rest}"


def stored(missing: Iterable[Missing]) -> list[dict[str, str]]:
    """Return what is missing as a stored body has it."""
    return [{**dataclasses.asdict(one), "lack": one.lack.value} for one in missing]


def read(body: Any) -> tuple[Missing, ...]:
    """Return what a stored body says is missing; what it can't mean is left out."""
    # Another version may have stored it, with words that this one doesn't know.
    rows = [row for row in body if isinstance(row, Mapping)] if isinstance(body, list) else []
    words = {lack.value for lack in Lack}
    return tuple(
        Missing(Lack(row["lack"]), *(str(row.get(key) or "") for key in ("code", "what", "group")))
        for row in rows
        if row.get("lack") in words
    )

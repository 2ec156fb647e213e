"""What is wrong with servers before they are touched: ill health, and the alarms that stand.

Told to whoever asks and to whoever decides in the same words, from what the plan has kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from bot.power import plan
from bot.power.plan import Unheard, Verdict
from bot.power.text import folding
from bot.slack.blockkit import naming, text

MOST_GROUPS = 5  # Lines; the servers of more are counted.
MOST_ALARMS = 3  # Of one group; the others are counted.
NAMES_CHARS = 150
WORD_CHARS = 40
ALARM_CHARS = 60
WELL = "ok"  # CloudDC's word, in small letters.
# CloudDC's levels (CloudDC API, ListAlarms page).
LEVELS = {1: "critical", 2: "major", 3: "minor", 4: "warning"}
WORST_UNKNOWN = 5  # Behind all levels.
_UNHEARD: dict[Unheard, str] = {
    Unheard.NOT_READ: "alarms couldn't be read",
    Unheard.NOT_ALLOWED: "alarms aren't shown: the bot's key isn't allowed to read them",
    Unheard.NOT_ALL: "there may be more alarms than are shown",
}


@dataclasses.dataclass(frozen=True, slots=True)
class _Ill:
    """What is wrong with a server: its health, empty when it is well, and its alarms."""

    health: str
    alarms: tuple[tuple[int, str], ...]

    @property
    def worst(self) -> int:
        """The level of its worst alarm."""
        return min((level or WORST_UNKNOWN for level, _ in self.alarms), default=WORST_UNKNOWN)


def lines(planned: plan.Plan) -> str:
    """Return a line for each kind of trouble with its servers, the worst first; mostly empty."""
    groups = _groups(planned)
    found = [_line(ill, names) for ill, names in groups[:MOST_GROUPS]]
    if rest := sum(len(names) for _, names in groups[MOST_GROUPS:]):
        found.append(f"⚠️ {text.count(rest, 'more server')} with alarms or poor health")
    if not groups and _well(planned):
        found.append("No alarms, health OK")
    if planned.unheard:
        found.append(f"⚠️ {_UNHEARD[planned.unheard].capitalize()}")
    return "\n".join(found)


def _well(planned: plan.Plan) -> bool:
    """Whether it is known of every server to act on that nothing is wrong with it."""
    acting = planned.lines_with(Verdict.ACT)
    heard = planned.unheard is Unheard.NOTHING
    return heard and bool(acting) and all(line.health.lower() == WELL for line in acting)


def ill_names(planned: plan.Plan) -> list[folding.Named]:
    """Return the servers to act on that have alarms or aren't well."""
    return [name for _, names in _groups(planned) for name in names]


def words(planned: plan.Plan) -> dict[str, str]:
    """Return, by server id, health and alarms in a few literal words."""
    alarms = _alarms(planned)
    return {
        line.server_id: ", ".join(
            [*([line.health] if line.health else []), *map(_alarm, alarms.get(line.server_id, ()))]
        )
        for line in planned.lines
    }


def _groups(planned: plan.Plan) -> list[tuple[_Ill, list[folding.Named]]]:
    """Return the servers that aren't well by what is wrong with them, the worst first."""
    alarms = _alarms(planned)
    groups: dict[_Ill, list[folding.Named]] = {}
    for line in planned.lines_with(Verdict.ACT):
        health = "" if line.health.lower() == WELL else line.health
        ill = _Ill(health, tuple(alarms.get(line.server_id, ())))
        if ill.health or ill.alarms:
            groups.setdefault(ill, []).append(line.label)
    # "~" comes after all letters: without a word for its health a group is last.
    return sorted(groups.items(), key=lambda item: (item[0].worst, item[0].health or "~"))


def _alarms(planned: plan.Plan) -> dict[str, list[tuple[int, str]]]:
    """Return the alarms of each server, the worst first."""
    found: dict[str, list[tuple[int, str]]] = {}
    for one in planned.alarms:
        for server_id in one.server_ids:
            found.setdefault(server_id, []).append((one.level, one.name))
    return found


def _line(ill: _Ill, names: Sequence[folding.Named]) -> str:
    """Return one kind of trouble, like `⚠️ db11 is Critical: Power supply failed`."""
    verb = "is" if len(names) == 1 else "are"
    health = f" {verb} {text.plain(ill.health, WORD_CHARS)}" if ill.health else ""
    told = [
        text.plain(_alarm(one, ill.health), ALARM_CHARS + WORD_CHARS)
        for one in ill.alarms[:MOST_ALARMS]
    ]
    more = len(ill.alarms) - MOST_ALARMS
    told += [f"and {text.count(more, 'other alarm')}"] if more > 0 else []
    alarms = f": {', '.join(told)}" if told else ""
    return f"⚠️ {naming.folded(names, NAMES_CHARS)}{health}{alarms}"


def _alarm(alarm: tuple[int, str], health: str = "") -> str:
    """Return one alarm with its level, unless `health` is that word; not yet safe for Slack."""
    level, name = alarm
    word, told = LEVELS.get(level, "level unknown"), text.cut(name, ALARM_CHARS)
    return told if word == health.lower() else f"{told} ({word})"

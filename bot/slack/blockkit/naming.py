"""Names of servers as people read them: folded, cut, and set so that they format nothing."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from bot.power import request
from bot.power.text import folding
from bot.slack.blockkit import text

# A folded list in a message; the whole list is one press of Details away.
LIST_CHARS = 700
# Room for "and 9999 more" behind a list that was cut.
MORE_CHARS = 20
# A phone's line has about so many characters, and Slack breaks longer words anywhere.
LINE_CHARS = 30
INSIDE_CHARS = 20
_BETWEEN_TERMS = re.compile(r",(?! )(?![^\[\]]*\])")
_LONG_TERM = re.compile(rf"([^\s,\[\]]*)\[([^\[\]]{{{INSIDE_CHARS + 1},}})\]([^\s,\[\]]*)")
# The vendor's words for health are three; more would be new ones.
MOST_WORDS = 4
WORD_CHARS = 40
# Lists of names whose folding is kept: a card tells the same ones in several places, and again.
MOST_KEPT = 4


def folded(names: Iterable[folding.Named], limit: int = LIST_CHARS) -> str:
    """Return names folded and safe for mrkdwn."""
    return text.plain(_broken(_folded(tuple(names)).text(limit), limit), limit + MORE_CHARS)


def folded_literal(names: Iterable[folding.Named], limit: int = LIST_CHARS) -> str:
    """Return names folded and safe for plain_text."""
    return text.literal(_broken(_folded(tuple(names)).text(limit), limit), limit + MORE_CHARS)


def _broken(told: str, limit: int) -> str:
    """Return folded names with spaces where a line can end, as far as that has room.

    Typed as they stand, they mean the same servers.
    """
    # Within quotes each character belongs to a name.
    if len(told) <= LINE_CHARS or '"' in told:
        return told
    broken = _LONG_TERM.sub(_parted, _BETWEEN_TERMS.sub(", ", told))
    return broken if len(broken) <= limit + MORE_CHARS else told


def _parted(term: re.Match[str]) -> str:
    """Return a long term as several whose brackets are short."""
    head, inside, tail = term.groups()
    parts: list[str] = []
    for one in inside.split(","):
        if parts and len(parts[-1]) + 1 + len(one) <= INSIDE_CHARS:
            parts[-1] += f",{one}"
        else:
            parts.append(one)
    return ", ".join(f"{head}[{part}]{tail}" for part in parts)


@functools.lru_cache(maxsize=MOST_KEPT)
def _folded(names: tuple[folding.Named, ...]) -> folding.Folded:
    return folding.Folded(names, marked=True)


def single(name: folding.Named) -> str:
    """Return one name as lists show it, not yet safe for Slack."""
    return folding.fold([name], marked=True)


def by_word(pairs: Iterable[tuple[str, folding.Named]], limit: int, well: str = "ok") -> str:
    """Return names by a word of the vendor's, like `Critical: web01 · Warning: web[02-03]`.

    Servers for whom the word is missing, or says that all is well, are left out.
    """
    found: dict[str, list[folding.Named]] = {}
    for word, name in pairs:
        if word and word.lower() != well:
            found.setdefault(word, []).append(name)
    parts = [
        f"{text.plain(word, WORD_CHARS)} {len(names):,}: {folded(names, limit)}"
        for word, names in sorted(found.items())[:MOST_WORDS]
    ]
    return " · ".join(parts)


def target_names(order: request.Order) -> list[folding.Named]:
    """Return the names of a request's servers, in the plan's order."""
    return [target.label for target in order.targets]

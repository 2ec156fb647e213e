"""Rules that earlier ones leave no server, found from the policy's texts alone.

Each rule is looked up among the earlier ones by its texts and by its names, so that a policy of a
thousand rules is judged in about a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bot.power import server
from bot.power.approval import quorum
from bot.power.policy import policy
from bot.power.targets import name_pattern, targets, terms

# Rules that name more servers one by one than this are not tried name by name.
MOST_NAMES = 2_000
# Names that are held against selections one by one, over a whole policy.
MOST_TRIES = 50_000
EVERYTHING = "*"  # A selection that has this text has every server.


def hidden(rules: policy.Policy) -> dict[int, str]:
    """Return {number of a rule: what leaves no server to it}, counted from 0."""
    found: dict[int, str] = {}
    protected, earlier = _Texts(), _Earlier()
    protected.add(0, rules.protected)
    for index, rule in enumerate(rules.rules):
        why = earlier.hides(index, rule)
        if protected.covering(rule.servers) is not None:
            why = "all of its servers are protected"
        if why:
            found[index] = why
    return found


class _Texts:
    """Selections that do nothing but add up, found by the texts of their terms."""

    def __init__(self) -> None:
        self._by_text: dict[str, list[int]] = {}
        self._texts: dict[int, frozenset[str]] = {}

    def add(self, index: int, selection: policy.Selection) -> None:
        """Remember a selection under its number; numbers grow."""
        if not isinstance(selection, targets.Selection) or not _only_adds_up(selection.members):
            return
        self._texts[index] = frozenset(term.text for term in _expanded(selection.terms))
        for text in self._texts[index]:
            self._by_text.setdefault(text, []).append(index)

    def covering(self, narrow: policy.Selection) -> int | None:
        """Return the first selection with every server of this one, as far as texts show it."""
        if not isinstance(narrow, targets.Selection):
            return None
        first = self._by_text.get(EVERYTHING, [])[:1]
        # Whatever else narrows it: it has no more servers than any of its clauses.
        for clause in narrow.members.clauses:
            texts = {term.text for term in _expanded(clause)}
            # Whoever has all of these texts has the rarest of them, so few are compared.
            rarest = min((self._by_text.get(text, []) for text in texts), key=len, default=[])
            first += next(([one] for one in rarest if texts <= self._texts[one]), [])
        return min(first, default=None)


class _Earlier:
    """The rules before one, by the texts of their selections and by the names that they take."""

    def __init__(self) -> None:
        self._rules: dict[int, policy.Rule] = {}
        self._texts = _Texts()
        self._by_name: dict[str, int] = {}
        # Those whose names can't be counted, and which could match a server by its name.
        self._wide: list[int] = []
        self._tries = MOST_TRIES

    def hides(self, index: int, rule: policy.Rule) -> str:
        """Remember a rule, and return what takes all of its servers, or an empty text."""
        names = _named(rule.servers)
        why = self._why(rule, names)
        self._rules[index] = rule
        self._texts.add(index, rule.servers)
        for name in names:
            # The first rule with this name keeps it: later ones never see the server.
            self._by_name.setdefault(name, index)
        if not names and _goes_by_name(rule.servers):
            self._wide.append(index)
        return why

    def _why(self, rule: policy.Rule, names: Sequence[str]) -> str:
        """Return what takes all servers of a rule, made of these names if they can be counted."""
        covering = self._texts.covering(rule.servers)
        if covering is not None:
            return f'rule "{self._rules[covering].name}" comes first and covers all of its servers'
        takers: dict[int, None] = {}
        for name in names:
            if (taker := self._taker(name)) is None:
                return ""
            takers[taker] = None
        if not takers:
            return ""
        by = dict.fromkeys(f'"{self._rules[taker].name}"' for taker in takers)
        listed = quorum.joined(by, " and ")
        return f"earlier rules cover all of its servers ({listed})"

    def _taker(self, name: str) -> int | None:
        """Return the first rule that matches a server by its name alone."""
        known = self._by_name.get(name)
        # A server with nothing but a name, so that only selections by name can take it.
        box = server.Server(id="", name=name)
        for index in self._wide:
            if (known is not None and index > known) or not self._tries:
                break
            self._tries -= 1
            if self._rules[index].servers.matches(box):
                return index
        return known


def _named(selection: policy.Selection) -> list[str]:
    """Return the names that a selection is made of, or nothing if it is more than a few names."""
    if not isinstance(selection, targets.Selection) or len(selection.members.clauses) != 1:
        return []
    found: list[str] = []
    out: set[str] = set()
    for term in _expanded(selection.terms):
        pattern = term.matcher.pattern if isinstance(term.matcher, terms.NamesTerm) else None
        if pattern is None or pattern.is_wild or len(found) + pattern.count > MOST_NAMES:
            return []
        if term.takes_out:
            out.update(pattern.names())
        else:
            found += pattern.names()
    return [name for name in found if name not in out]


def _goes_by_name(selection: policy.Selection) -> bool:
    """Whether a selection may match a server of which nothing but the name is known."""
    if not isinstance(selection, targets.Selection):
        return False
    nameless = server.Server(id="", name="")
    work = name_pattern.Work()
    by_fields = [
        clause
        for clause in selection.members.clauses
        if not any(isinstance(term.matcher, terms.NamesTerm | terms.GroupTerm) for term in clause)
    ]
    return all(any(term.matcher.matches(nameless, work) for term in one) for one in by_fields)


def _expanded(found: Iterable[terms.Term]) -> Iterator[terms.Term]:
    """Yield terms, those of a group in its place where they do nothing but add up."""
    for term in found:
        group = term.matcher.members if isinstance(term.matcher, terms.GroupTerm) else None
        if group is None or term.takes_out or not _only_adds_up(group):
            yield term
        else:
            yield from _expanded(group.terms)


def _only_adds_up(members: terms.TermSet) -> bool:
    """Whether terms neither narrow each other nor take anything out."""
    return len(members.clauses) == 1 and not any(term.takes_out for term in members.terms)

"""The servers that people name: terms by spaces or commas, matched against the inventory.

Terms of one kind add up, kinds narrow each other, `&` narrows anything; `!term` takes out, and
wins wherever it stands. The same language describes groups of servers in
the policy file, where a bare `*` may stand and a name may match nothing yet.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

from bot.power import errors, server
from bot.power.targets import name_pattern, narrowing, resolving, target_words, term_parsing, terms
from bot.power.targets.resolving import Resolved
from bot.power.targets.terms import Term, TermSet
from bot.power.text import nearest, typography

MOST_CHARACTERS = target_words.MOST_CHARACTERS
MOST_TERMS = target_words.MOST_TERMS
MOST_RANGES = 200  # Over all terms.
MOST_NAMED = 10_000  # Names that ranges stand for.
MAX_DEPTH = 5  # Groups within groups.
MOST_GROUP_TERMS = 1_000  # Terms, those of groups counted each time.
EVERYTHING = re.compile(r"[*?]+|all", re.IGNORECASE)
LETTERS = re.compile(r"!([A-Za-z]+)[0-9\[]")
# How words that are no server begin, such as (hung) or #hung.
ASIDE = re.compile(r"[#(][^0-9]*$")
# A mention of a colleague, as Slack writes it.
PERSON = re.compile(r"[UW][A-Z0-9]{8,}")
GROUP_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")

# Targets as the policy file has them: one text, or a list of texts, which adds up.
Text = str | Sequence[str]
Groups = Mapping[str, Text]


@dataclasses.dataclass(frozen=True)
class Selection:
    """Parsed targets: texts in plain characters, their terms parted by spaces.

    A person types one text; the policy file may have a list of them.
    """

    texts: tuple[str, ...]
    members: TermSet

    @property
    def text(self) -> str:
        """The text, those of a list parted by commas."""
        return written(self.texts)

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms in the order in which they were typed."""
        return self.members.terms

    @property
    def asks(self) -> frozenset[server.RecordPart]:
        """The parts of a record on which it depends whether a server is meant."""
        return self.members.asks

    def matches(self, row: server.Server, /, work: name_pattern.Work | None = None) -> bool:
        """Whether a server is named, and not taken out; names that don't exist are no mistake."""
        return self.members.matches(row, work or name_pattern.Work())

    def resolve(
        self,
        snapshot: server.Snapshot,
        work: name_pattern.Work | None = None,
        *,
        for_change: bool = False,
    ) -> Resolved:
        """Return the servers of a snapshot that are named.

        `for_change` wants racks of one name in several rooms told apart.

        Raises:
            UserMistake: names are unknown or mean several servers, a term matches nothing,
                nothing is left, or it would be too much work.

        """
        try:
            return resolving.resolve(
                self.members, snapshot, work or name_pattern.Work(), for_change=for_change
            )
        except errors.UserMistake as mistake:
            # What is offered is put together without &, so that it could name more than was typed.
            narrows = narrowing.AND in self.text.split()
            suggestion = "" if narrows else mistake.suggestion
            # What isn't found may be among the servers that a short list leaves out.
            short = f" {snapshot.shortfall.sentence}" if snapshot.shortfall else ""
            raise errors.UserMistake(
                f"{mistake.problem}{short}", token=mistake.token, suggestion=suggestion
            ) from None


def written(text: Text) -> str:
    """Return a text, or those of a list parted by commas, for eyes."""
    return text if isinstance(text, str) else ", ".join(text)


def parse(text: str, groups: Groups) -> Selection:
    """Parse what a person typed; `groups` are the policy file's, usable as `@name`.

    Raises:
        UserMistake: it can't be understood, or is larger than the bounds.

    """
    return _Reading(groups, in_policy=False).selection(text)


def parse_policy_targets(text: Text, groups: Groups) -> Selection:
    """Parse a group of servers in the policy file: one text, or a list that adds up.

    A text of a list that only takes out takes out of the whole list.

    Raises:
        UserMistake: it can't be understood, or is larger than the bounds.

    """
    return _Reading(groups, in_policy=True).selection(text)


class _Reading:
    """One text while it is parsed, with the groups that it names; each group is parsed once."""

    def __init__(self, groups: Groups, *, in_policy: bool) -> None:
        self._groups = groups
        self._in_policy = in_policy
        self._path: list[str] = []
        self._known: dict[str, terms.GroupTerm] = {}

    def selection(self, text: Text) -> Selection:
        """Parse the whole text, or list."""
        texts = (text,) if isinstance(text, str) else text
        members = self._listed(text, in_policy=self._in_policy)
        return Selection(tuple(" ".join(target_words.split(one)) for one in texts), members)

    def _listed(self, text: Text, *, in_policy: bool) -> TermSet:
        """Parse one text, or a list of them, in which each stands for itself."""
        if isinstance(text, str):
            return self._members(text, in_policy=in_policy)
        found: list[Term] = []
        for one in text:
            members = self._members(one, in_policy=in_policy)
            # A term alone, or one that only takes out, belongs to the whole list.
            single = len(members.terms) == 1 or not members.clauses
            whole = Term(one, takes_out=False, matcher=terms.GroupTerm("", members))
            found += members.terms if single else [whole]
        if not found:
            raise errors.UserMistake("No servers are named.", suggestion="web[01-03]")
        _refuse_large(found, in_policy=in_policy)
        named = tuple(term for term in found if not term.takes_out)
        return TermSet(tuple(found), (named,) if named else ())

    def _members(self, text: str, *, in_policy: bool) -> TermSet:
        """Parse the terms of the text, or of a group."""
        words = target_words.split(text)
        if not in_policy:
            target_words.refuse_reason(words)
        target_words.refuse_lone_sign(words)
        parts: list[list[Term]] = []
        for part in narrowing.parted(words):
            parts.append([self._term_in(words, word, in_policy) for word in part])
        found = [term for part in parts for term in part]
        _refuse_large(found, in_policy=in_policy)
        # The reader of the policy file refuses such a text itself, by its table and line.
        if not in_policy and all(term.takes_out for term in found):
            problem = "Only exclusions are named; first say which servers to take them out of."
            letters = LETTERS.match(words[0])
            better = f"{letters[1]}* {' '.join(words)}" if letters else ""
            raise errors.UserMistake(problem, token=words[0], suggestion=better)
        return TermSet(tuple(found), narrowing.clauses(parts, in_policy=in_policy))

    def _term_in(self, words: list[str], word: str, in_policy: bool) -> Term:
        """Parse one term of these words."""
        try:
            return self._term(word, in_policy)
        except errors.UserMistake as mistake:
            raise _in_whole(mistake, words) from None

    def _term(self, word: str, in_policy: bool) -> Term:
        """Parse one term."""
        takes_out, body = word.startswith("!"), word.removeprefix("!")
        if not body or body.startswith("!"):
            named = body.lstrip("!")
            problem = "Write one ! right before what you take out."
            raise errors.UserMistake(problem, token=word, suggestion=named and f"!{named}")
        if EVERYTHING.fullmatch(body) and not (in_policy and body == "*"):
            raise _everything(word, takes_out, in_policy, self._groups)
        if body.startswith("@"):
            return Term(body, takes_out, self._group(body[1:], word))
        try:
            found = term_parsing.matcher(body, everything=in_policy)
            # What the policy says of a server must not miss it by a capital letter or a blank.
            return Term(body, takes_out, found.folded() if in_policy else found)
        except errors.UserMistake as mistake:
            sign = "!" if takes_out else ""
            better = mistake.suggestion or nearest.habit(body)
            raise errors.UserMistake(
                mistake.problem, token=word, suggestion=better and sign + better
            ) from None

    def _group(self, name: str, word: str) -> terms.GroupTerm:
        """Return a group from the policy file."""
        if name not in self._groups:
            raise _no_group(name, word, self._groups)
        if name in self._path:
            circle = " -> ".join(f"@{one}" for one in (*self._path, name))
            raise errors.UserMistake(f"These groups name each other: {circle}.", token=word)
        if len(self._path) >= MAX_DEPTH:
            problem = f"Groups can be nested at most {MAX_DEPTH} deep."
            raise errors.UserMistake(problem, token=word)
        if name not in self._known:
            self._path.append(name)
            # A group reads as in the policy file, though a person has named it.
            members = self._listed(self._groups[name], in_policy=True)
            self._path.pop()
            self._known[name] = terms.GroupTerm(name, members)
        return self._known[name]


def _refuse_large(found: list[Term], *, in_policy: bool) -> None:
    """Refuse more ranges, names or nested terms than the bounds allow."""
    names = [term.matcher.pattern for term in found if isinstance(term.matcher, terms.NamesTerm)]
    ranges = sum(pattern.ranges for pattern in names)
    if ranges > MOST_RANGES:
        problem = f"At most {MOST_RANGES} ranges are allowed; this has {ranges}."
        raise errors.UserMistake(problem)
    named = sum(pattern.count for pattern in names if not pattern.is_wild)
    if named > MOST_NAMED and not in_policy:
        problem = f"At most {MOST_NAMED:,} servers can be named; this names {named:,}."
        raise errors.UserMistake(problem)
    if terms.size(found) > MOST_GROUP_TERMS:
        problem = f"Counting their groups, there are more than {MOST_GROUP_TERMS:,} terms."
        raise errors.UserMistake(problem, token=found[0].typed)


def _everything(word: str, takes_out: bool, in_policy: bool, groups: Groups) -> errors.UserMistake:
    """Return the error for a term that would match every server."""
    if takes_out:
        return errors.UserMistake(f"{typography.shown(word)} takes out every server.", token=word)
    if in_policy:
        return errors.UserMistake("Write * for every server here.", token=word, suggestion="*")
    problem = f"{typography.shown(word)} would be every server; name them, or a group such as @web."
    first = next(iter(groups), "")
    return errors.UserMistake(problem, token=word, suggestion=f"@{first}" if first else "web*")


def _no_group(name: str, word: str, groups: Groups) -> errors.UserMistake:
    """Return the error for a group that the policy doesn't have."""
    if not GROUP_NAME.fullmatch(name):
        problem = "Write a group as @ and a name of letters, digits, - and _, such as @web."
        return errors.UserMistake(problem, token=word)
    if PERSON.fullmatch(name):
        problem = "That is a person and not a server; a reason begins with because."
        return errors.UserMistake(problem, token=word)
    near = nearest.words(name, groups)
    sign = "!@" if word.startswith("!") else "@"
    some = ", ".join(f"@{known}" for known, _ in zip(groups, range(5), strict=False))
    more = f" and {len(groups) - 5} more" if len(groups) > 5 else ""
    known = f"the groups are {some}{more}" if groups else "the policy has none"
    return errors.UserMistake(
        f"There is no group @{name}; {known}.",
        token=word,
        suggestion=f"{sign}{near[0]}" if near else "",
    )


def _in_whole(mistake: errors.UserMistake, words: list[str]) -> errors.UserMistake:
    """Return a mistake with all targets as its suggestion, the wrong term mended in them."""
    better, problem = mistake.suggestion, mistake.problem
    if better and mistake.token in words:
        better = " ".join(better if word == mistake.token else word for word in words)
    if mistake.token in words[1:] and ASIDE.match(mistake.token):
        problem = f"{problem.rstrip('.')}; a reason begins with because."
    return errors.UserMistake(problem, token=typography.shown(mistake.token), suggestion=better)

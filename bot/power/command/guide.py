"""Help, made from the same table as the parser: what isn't in it can't be typed."""

from __future__ import annotations

from bot.power.command.command_line import MOST_REASON
from bot.power.targets import targets
from bot.power.vocabulary import BECAUSE, CHANGE, OPTIONS, PREFIX, VERBS, Part, Verb

TERMS = (
    ("web01, web[01-20,25]", "names and ranges; * and ? are wildcards"),
    ("sn:…", "by serial number; a server's id works too"),
    ("rack:R12, room:A-1, dc:A-1", "by place; CloudDC calls a room dc"),
    ("tag:role=web", "by tag"),
    ("state:off, health:Critical", "by what is true now"),
    ('"机房 A-01", dc:"上海 A-1"', "what stands in quotes is matched exactly"),
    ("@web", "a group of the policy"),
    ("!web07", "takes out, wherever it stands"),
    ("web01 web02", "add up: names, patterns, ids, sn: and @ are one kind"),
    ("@web tag:role=web state:off", "narrow each other: only what all three are true of"),
    ("web* & *01", "& narrows terms of one kind too"),
)


def help_text(verb: str | None, called: str = PREFIX) -> str:
    """Return the help for one verb, or for all (None), in lines of plain text.

    `called` is what a line begins with.

    An unknown verb gets the help for all: the parser has refused it before.
    """
    found = VERBS.get(verb or "")
    return _all_verbs(called) if found is None else _one_verb(found, called)


def _all_verbs(called: str) -> str:
    """Return one line for each verb."""
    width = max(len(name) for name in VERBS)
    lines = [f"{name:{width}}  {verb.does}" for name, verb in VERBS.items()]
    return "\n".join([f"{called} VERB {CHANGE}", *lines, f"{called} help VERB says more."])


def _one_verb(verb: Verb, called: str) -> str:
    """Return how a verb is written, what it does, who may use it, and lines to copy."""
    lines = [f"{called} {verb.usage}", f"It {verb.does}.", f"Who: {verb.who}."]
    lines += [f"Example: {called} {example}" for example in verb.examples]
    if Part.TARGETS in verb.takes:
        lines += ["Targets, by spaces or commas:", *_table(TERMS)]
        lines.append(f"At most {targets.MOST_TERMS} terms, {targets.MOST_CHARACTERS:,} characters.")
    if verb.changes:
        rows = ((f"{name} {one.value}".strip(), one.does) for name, one in OPTIONS.items())
        lines += [f"Options, anywhere before {BECAUSE}:", *_table(tuple(rows))]
        lines.append(
            f"Everything behind {BECAUSE} is the reason, at most {MOST_REASON} characters."
        )
    return "\n".join(lines)


def _table(rows: tuple[tuple[str, str], ...]) -> list[str]:
    """Return rows in two columns."""
    width = max(len(left) for left, _ in rows)
    return [f"  {left:{width}}  {right}" for left, right in rows]

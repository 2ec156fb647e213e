"""Help, made from the same table as the parser: what isn't in it can't be typed."""

from __future__ import annotations

from bot.power.command.command_line import MOST_REASON
from bot.power.targets import targets
from bot.power.vocabulary import BECAUSE, OPTIONS, PREFIX, TOPICS, VERBS, Argument, Verb

TERMS = (
    ("web01, web[01-20,25], web*", "names, ranges, and * and ? as wildcards"),
    ("sn:…", "by serial number; a server's id works as well"),
    ("rack:R12, room:A-1, dc:A-1", "by place; CloudDC calls a room dc"),
    ("tag:role=web", "by tag"),
    ("state:off, health:Critical", "by current state or health"),
    ('"机房 A-01", dc:"上海 A-1"', "anything in quotes is matched exactly"),
    ("@web", "a group from the policy"),
    ("!web07", "leaves it out, wherever it stands"),
    ("web01 web02", "both: names, patterns, ids, sn: and @ add up"),
    (
        "@web tag:role=web state:off",
        "terms of several kinds narrow each other: all three must hold",
    ),
    ("web* & *01", "& narrows terms of the same kind"),
)


SERVERS = ("web01", "web[01-20,25]", "web*", "rack:R12", "tag:role=web", "state:off", "@web")
# The verbs by what they are for; a change has an example of its own.
LOOK = ("status", "list", "why", "history", "requests", "show", "owed")
HOLD = ("stop", "cancel", "freeze", "unfreeze")
TARGETS, ALL_OPTIONS = "targets", "options"


def help_text(about: str | None, called: str = PREFIX) -> str:
    """Return the help for a verb or a topic, or for all (None).

    What can be typed stands in `code`, headings are *bold*, as chats write them. `called` is what
    a line begins with. An unknown word gets the help for all: the parser has refused it before.
    """
    match TOPICS.get(about or ""):
        case "targets":
            return "\n".join(_targets(called))
        case "options":
            return "\n".join(_options())
        case _:
            found = VERBS.get(about or "")
            return _all_verbs(called) if found is None else _one_verb(found, called)


def _all_verbs(called: str) -> str:
    """Return what there is on one screen, each with an example."""
    changes = " ".join(code(name) for name, verb in VERBS.items() if verb.changes)
    example = code(f"{called} {VERBS['reboot'].example}")
    look, hold = (" ".join(code(VERBS[name].example) for name in part) for part in (LOOK, HOLD))
    servers = " ".join(map(code, (*SERVERS, "!web07")))
    more = (code(f"{called} help {word}") for word in ("reboot", TARGETS, ALL_OPTIONS))
    return "\n".join(
        [
            f"*Change*  {changes}, as in {example}",
            f"*Look*  {look}",
            f"*Hold*  {hold}",
            f"*Servers*  {servers}",
            f"{code(called)} alone opens the form. More: {' '.join(more)}",
        ]
    )


def _one_verb(verb: Verb, called: str) -> str:
    """Return how a verb is written, what it does, who may use it, and lines to copy."""
    lines = [
        code(f"{called} {verb.usage}"),
        f"{verb.does[0].upper()}{verb.does[1:]}.",
        f"*Who*  {verb.who}",
        f"*Examples*  {' '.join(code(f'{called} {example}') for example in verb.examples)}",
    ]
    if Argument.TARGETS in verb.takes:
        listed = " ".join(map(code, (*SERVERS, "!web07")))
        lines.append(f"*Servers*  {listed}, and more: {code(f'{called} help {TARGETS}')}")
    return "\n".join([*lines, *(_options() if verb.changes else ())])


def _targets(called: str) -> list[str]:
    """Return every way to name servers."""
    bounds = f"At most {targets.MOST_TERMS} terms, {targets.MOST_CHARACTERS:,} characters."
    return [
        f"*Servers*  separated by spaces or commas. {bounds}",
        *(f"{' '.join(map(code, written.split(', ')))}  {means}" for written, means in TERMS),
        f"Try them: {code(f'{called} list rack:R12 state:off')}",
    ]


def _options() -> list[str]:
    """Return every option of a change, and the reason."""
    rows = ((f"{name} {one.value}".strip(), one.does) for name, one in OPTIONS.items())
    return [
        f"*Options*  anywhere before {code(BECAUSE)}",
        *(f"{code(written)}  {does}" for written, does in rows),
        f"Everything after {code(BECAUSE)} is the reason, at most {MOST_REASON} characters.",
    ]


def code(words: str) -> str:
    """Return words to type, set apart from those about them."""
    return f"`{words}`"

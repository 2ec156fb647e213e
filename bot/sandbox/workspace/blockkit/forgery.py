"""The guard against forged text: what foreign words could do if the app didn't escape them.

It looks at everything the app sends to be shown, and names each live ping, masked link, bidi or
control character. Literal text (plain_text, rich_text's own text) can only do the last of these.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from bot.sandbox.workspace.base.json_types import Json

# The embeddings, overrides, isolates and marks that change the direction of text.
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_TAG: Final = re.compile(r"<([^<>]*)>?")
_DATE: Final = re.compile(r"!date\^\d{1,11}\^[^|^]+(\^https?://[^|]+)?\|[^|]*")
# A host at the start of a label, or an address with its scheme anywhere in it.
_LABEL_HOST: Final = re.compile(r"(?:^|\w+://)((?:[\w-]+\.)+[a-z]{2,})\b", re.IGNORECASE)
_LITERAL_KEYS: Final = frozenset({"value", "action_id", "block_id", "callback_id", "task_id"})


@dataclass(frozen=True, slots=True)
class Known:
    """What may be mentioned: people and channels that exist, groups that are allow-listed."""

    person: Callable[[str], bool]
    channel: Callable[[str], bool]
    group: Callable[[str], bool]


def find(content: Json, known: Known) -> list[str]:
    """List the forgeries in a message or view, each as a sentence; an empty list is good."""
    found: list[str] = []
    if content.get("parse") == "full" or content.get("link_names") in (True, 1, "1", "true"):
        found.append("link_names and parse=full make plain words into pings")
    if isinstance(content.get("text"), str):
        found += _in_mrkdwn(content["text"], known)
        found += _in_letters(content["text"])
    for part in ("blocks", "view", "attachments", "title", "submit", "close"):
        found += _in_tree(content.get(part), known)
    return found


def _in_tree(value: Any, known: Known) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _in_tree(item, known)
    elif isinstance(value, dict):
        yield from _in_object(value, known)


def _in_object(value: Json, known: Known) -> Iterator[str]:
    kind, text = value.get("type"), value.get("text")
    if kind in ("mrkdwn", "markdown") and isinstance(text, str):
        yield from _in_mrkdwn(text, known)
    yield from _in_rich_text(value, known)
    for key, item in value.items():
        if isinstance(item, str):
            # Ids and values are never shown; control characters in them do no harm.
            yield from () if key in _LITERAL_KEYS else _in_letters(item)
        else:
            yield from _in_tree(item, known)


def _in_rich_text(value: Json, known: Known) -> Iterator[str]:
    match value:
        case {"type": "broadcast", "range": str(audience)}:
            yield f"a live @{audience}"
        case {"type": "user", "user_id": str(user)} if not known.person(user):
            yield f"a mention of an unknown person: {user}"
        case {"type": "usergroup", "usergroup_id": str(group)} if not known.group(group):
            yield f"a live mention of the group {group}"
        case {"type": "link", "url": str(url), "text": str(label)}:
            yield from _in_link(url, label)
        case _:
            return


def _in_mrkdwn(text: str, known: Known) -> Iterator[str]:
    for tag in _TAG.finditer(text):
        if not tag.group(0).endswith(">"):
            yield f"a < that is not escaped: {tag.group(0)[:40]!r}"
            continue
        yield from _in_tag(tag.group(1), known)


def _in_tag(inside: str, known: Known) -> Iterator[str]:
    target, _, label = inside.partition("|")
    if target.startswith("!"):
        yield from _in_special(inside, target, known)
    elif target.startswith("@"):
        if not known.person(target[1:]):
            yield f"a mention of an unknown person: {target}"
    elif target.startswith("#"):
        if not known.channel(target[1:]):
            yield f"a mention of an unknown channel: {target}"
    elif re.match(r"https?://|mailto:", target):
        yield from _in_link(target, label)
    else:
        yield f"a < that is not escaped: {'<' + inside[:40]!r}"


def _in_special(inside: str, target: str, known: Known) -> Iterator[str]:
    if target.startswith("!subteam^"):
        group = target.removeprefix("!subteam^")
        if not known.group(group):
            yield f"a live mention of the group {group}"
    elif not _DATE.fullmatch(inside):
        yield f"a live <{target}>"


def _in_link(url: str, label: str) -> Iterator[str]:
    """A label that looks like another address, a person or a channel hides where a link leads."""
    if re.match(r"[@#<]", label.strip()):
        yield f"a link whose label looks like a mention: {label[:40]!r}"
    host = (urlsplit(url).hostname or "").lower()
    shown = _LABEL_HOST.search(label.strip())
    if shown and host and shown.group(1).lower().removeprefix("www.") != host.removeprefix("www."):
        yield f"a link to {host} that looks like {shown.group(1)!r}"


def _in_letters(text: str) -> Iterator[str]:
    for letter in text:
        if letter in _BIDI:
            yield f"the bidi character U+{ord(letter):04X}"
            return
        if unicodedata.category(letter) == "Cc" and letter not in "\n\t":
            yield f"the control character U+{ord(letter):04X}"
            return

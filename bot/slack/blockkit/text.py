"""Every word that goes to Slack passes here: cleaned, escaped, cut, so that it can't ping or forge.

Nothing else in this package escapes. `plain` is for mrkdwn, `literal` for plain_text objects.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

from bot.power.text import spelling

HIDDEN = spelling.HIDDEN
# "Formatting text for app surfaces": these three are to be escaped, everywhere.
ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
LOOK_ALIKES = str.maketrans({"<": "\u2039", ">": "\u203a", "`": "'"})
# A mark between two letters or digits is part of a name; elsewhere it would format.
MARKERS = {"*": "\u2217", "_": "\uff3f", "~": "\u223c"}
LOOSE_MARKER = re.compile(r"(?<![^\W_])[*_~]|[*_~](?![^\W_])")
EMOJI_CODE = re.compile(r"(?<![^\W_]):([a-z0-9_'+\-]{1,100}):(?![^\W_])")  # Slack would draw it.
USER_ID = re.compile(r"[UW][A-Z0-9]{1,30}")
CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{1,30}")  # D is left out: a direct message is nobody else's.
GROUP_CALL = re.compile(r"<!subteam\^(S[A-Z0-9]{1,30})>")
GROUP_ID = re.compile(r"S[A-Z0-9]{1,30}")
NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
# As `power.freezes.instant` writes it.
INSTANT = re.compile(r"\b(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}) UTC\b")
CUT = "…"
# No foreign text is looked at beyond this, whatever its length.
LONGEST_FOREIGN = 3000


def cut(words: str, limit: int) -> str:
    """Return at most `limit` code points, with an ellipsis where something was cut off."""
    return words if len(words) <= limit else words[: limit - 1].rstrip() + CUT


def clean(foreign: str, limit: int = LONGEST_FOREIGN) -> str:
    """Return one line of visible characters."""
    # Cut before it is read, for what is unseen may be nearly all of it.
    start = foreign[: max(limit, 1) * 4]
    return cut(spelling.seen(start), limit)


def escape(words: str) -> str:
    """Return words in which nothing is a mention, a link or an entity."""
    return words.translate(ENTITIES)


def plain(foreign: str, limit: int = LONGEST_FOREIGN) -> str:
    """Return foreign words for a mrkdwn text: they read the same, and format nothing."""
    words = clean(foreign, limit).replace("`", "'")
    words = LOOSE_MARKER.sub(lambda found: MARKERS[found.group()], words)
    return escape(EMOJI_CODE.sub("\u2236\\1\u2236", words))


def code(foreign: str, limit: int = LONGEST_FOREIGN) -> str:
    """Return foreign words set in code, in which Slack formats nothing; empty stays empty."""
    words = escape(clean(foreign, limit).replace("`", "'"))
    return f"`{words}`" if words else ""


def literal(foreign: str, limit: int = LONGEST_FOREIGN) -> str:
    """Return foreign words for a plain_text object.

    Slack takes these as they are; angle brackets are changed all the same, so that no reader of
    the payload can take them for a mention; so are backticks.
    """
    return clean(foreign, limit).translate(LOOK_ALIKES)


def mention(user_id: str) -> str:
    """Return a mention of a person, only ever made from a well-formed id."""
    return f"<@{user_id}>" if USER_ID.fullmatch(user_id) else plain(user_id, 40) or "somebody"


def channel(channel_id: str) -> str:
    """Return a link to a channel, or nothing for what isn't a channel's id."""
    return f"<#{channel_id}>" if CHANNEL_ID.fullmatch(channel_id) else ""


def call(person_or_group: str) -> str:
    """Return a mention of a person or of a user group."""
    if GROUP_ID.fullmatch(person_or_group):
        return f"<!subteam^{person_or_group}>"
    return mention(person_or_group)


def calls_group(words: str) -> bool:
    """Whether words call a user group."""
    return GROUP_CALL.search(words) is not None


def without_calls(words: str) -> str:
    """Return words in which user groups are named, and called no more."""
    return GROUP_CALL.sub(r"user group \1", words)


def mentions(user_ids: Sequence[str], limit: int = 20) -> str:
    """Return mentions of several people or groups, in the order given."""
    shown = ", ".join(call(user_id) for user_id in user_ids[:limit])
    more = len(user_ids) - limit
    return f"{shown} and {more} more" if more > 0 else shown


def named(words: str, user_ids: Sequence[str]) -> str:
    """Return words that have been through `plain`, with these user ids shown as names.

    Those that are shown as names already stay as they are.
    """
    for user_id in dict.fromkeys(user_ids):
        if USER_ID.fullmatch(user_id):
            words = re.sub(rf"(?<!<@)\b{user_id}\b", mention(user_id), words)
    return words


def moment(epoch_s: float) -> str:
    """Return an instant in each reader's own time ("Formatting text": date formatting)."""
    seconds = max(0, int(epoch_s))
    hour, minute = divmod(seconds // 60, 60)
    # What follows the bar is for programs that know no such date.
    return f"<!date^{seconds}^{{date_short_pretty}} at {{time}}|{hour % 24:02}:{minute:02} UTC>"


def dated(words: str) -> str:
    """Return words in which each instant, as our sentences write it, is in the reader's own time.

    A text that was cut in the middle of one keeps what is left of it.
    """
    return INSTANT.sub(_dated, words)


def _dated(found: re.Match[str]) -> str:
    try:
        at = datetime.datetime.fromisoformat(f"{found[1]}T{found[2]}:00+00:00")
    except ValueError:
        return found.group()
    return moment(at.timestamp())


def count(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where there are more or none."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def spelled(number: int) -> str:
    """Return a small number as a word."""
    return NUMBERS[number] if 0 <= number < len(NUMBERS) else str(number)


def joined(parts: Sequence[str]) -> str:
    """Return parts as a sentence lists them: `a`, `a and b`, `a, b and c`."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def listed(parts: Sequence[str], limit: int, joint: str = " · ") -> str:
    """Return as many parts as fit into `limit` code points, then how many more there are."""
    shown: list[str] = []
    length = 0
    for part in parts:
        length += len(part) + len(joint)
        if shown and length > limit:
            return joint.join(shown) + f"{joint}and {len(parts) - len(shown)} more"
        shown.append(cut(part, limit))
    return joint.join(shown)


def fitting(lines: Sequence[str], limit: int) -> str:
    """Return as many whole lines as fit into `limit` code points, then how many there are more.

    Lines are never cut: half an entity or half a mention would be worse than none.
    """
    length = 0
    for number, line in enumerate(lines):
        length += len(line) + 1
        if number and length > limit:
            return "\n".join([*lines[:number], f"and {count(len(lines) - number, 'line')} more"])
    return "\n".join(lines)

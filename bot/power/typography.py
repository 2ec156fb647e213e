"""What phones and Slack do to typed text, undone before anything is parsed."""

from __future__ import annotations

import html
import re
import unicodedata

from bot.power import errors

# Slack wraps what looks like a link or a person: <http://web01.example|web01.example>.
LINK = re.compile(r"<(?:https?://|mailto:)[^<>|\s]{1,500}\|([^<>|]{1,500})>")
BARE_LINK = re.compile(r"<https?://([^<>|\s/]{1,500})/?>")
MENTION = re.compile(r"<[@#!][^<>]{0,200}>")

LONG_DASHES = "\u2013\u2014\u2015"
SHORT_DASHES = "\u2010\u2011\u2012\u2212"
SPACES = "\u00a0\u2007\u202f\u3000\u2009\u200a\u2002\u2003"
DOUBLE_QUOTES = "\u201c\u201d\u201e\u201f\u00ab\u00bb"
SINGLE_QUOTES = "\u2018\u2019\u201a\u201b"
# Full-width ASCII, as East Asian keyboards type it (Unicode, block U+FF00).
FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
PLAIN = str.maketrans(
    {
        **dict.fromkeys(SPACES, " "),
        **dict.fromkeys(DOUBLE_QUOTES, '"'),
        **dict.fromkeys(SINGLE_QUOTES, "'"),
        **dict.fromkeys(SHORT_DASHES, "-"),
        "\t": " ",
        "\r": " ",
        "\n": " ",
    }
)
OPTION_DASH = re.compile(rf"(?<!\S)[{LONG_DASHES}](?=[A-Za-z])")
RANGE_DASH = re.compile(rf"[{LONG_DASHES}]")


def undo_slack(text: str) -> str:
    """Return the text as it was typed: links by their label, entities as characters."""
    text = LINK.sub(r"\1", text)
    text = BARE_LINK.sub(r"\1", text)
    return html.unescape(text) if "&" in text else text


def plain(text: str) -> str:
    """Return words as a keyboard would have typed them: dashes, quotes, spaces, full width.

    A long dash before a word is what a phone makes of `--`; anywhere else it is a hyphen.
    """
    text = text.translate(FULL_WIDTH).translate(PLAIN)
    return RANGE_DASH.sub("-", OPTION_DASH.sub("--", text))


def refuse_foreign(text: str) -> None:
    """Accept ASCII outside of quoted values.

    Raises:
        UserMistake: another character; it is called by its name, since it may look like ASCII.
    """
    quoted = False
    for place, character in enumerate(text, start=1):
        if character == '"':
            quoted = not quoted
        if quoted and character.isprintable():
            continue
        if not character.isascii() or not character.isprintable():
            unnamed = f"control character U+{ord(character):04X}"
            name = unicodedata.name(character, "").lower() or unnamed
            raise errors.UserMistake(
                f"Character {place} is {name}, which server names don't have;"
                " type it again with plain letters and digits.",
                token=character if character.isprintable() else "",
            )

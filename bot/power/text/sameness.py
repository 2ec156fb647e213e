"""When two texts are the same: as typed, in one normal form; in the policy, folded as well.

A letter may come in one piece or with its mark apart, and both look alike (Unicode Standard Annex
15). What protects a server must not miss it by a capital letter, a wide one or a blank.
"""

from __future__ import annotations

import unicodedata


def normal(text: str) -> str:
    """Return the text in the one form in which it is compared: NFC."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """Return a text without case, width, blanks and characters that can't be seen."""
    if not text.isascii():
        wide = unicodedata.normalize("NFKC", text).casefold()
        text = "".join(c for c in unicodedata.normalize("NFKC", wide) if not _is_blank(c))
    return "".join(text.split()).lower()


def _is_blank(character: str) -> bool:
    """Whether a character only parts others, or can't be seen at all."""
    return unicodedata.category(character) in {"Cc", "Cf", "Zs", "Zl", "Zp"}

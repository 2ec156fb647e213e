"""The words that settings take: each says to whoever errs what it would have taken."""

from __future__ import annotations

import dataclasses
import enum
import math
import re
from typing import Annotated

import pydantic

from bot.power.text import spelling, times

COMMAND = re.compile(r"/[^\s/]{1,31}")  # 32 characters with the slash (Slack's manifest schema).
LABEL = re.compile(r"\w[\w .-]{0,19}")  # App names have 35 in all (Slack's manifest schema).
# Addresses that nobody but this machine reaches.
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def duration_s(text: str) -> float:
    """Turn `500ms`, `2s`, `10m` or `1h` into seconds.

    Raises:
        ValueError: it is no duration.
    """
    found = times.duration_s(text.strip())
    if not found:
        raise ValueError("write a duration above zero, such as 500ms, 2s, 10m or 1h")
    return found


def seconds(text: object) -> object:
    """Turn a text into seconds; anything else is left to the validator.

    Raises:
        ValueError: a text that is no duration.
    """
    return duration_s(text) if isinstance(text, str) else text


def slash_command(text: str) -> str:
    """Return a slash command as Slack writes it.

    Raises:
        ValueError: a text that Slack wouldn't take ("Implementing slash commands").
    """
    # Slack sends what was registered; a letter that nobody sees would be waited for in vain.
    if not COMMAND.fullmatch(text) or spelling.seen(text) != text:
        raise ValueError("write the slash command as in Slack, such as /power")
    return text


def label(text: str) -> str:
    """Return the word that tells this bot from others.

    Raises:
        ValueError: it would not fit before a title.
    """
    if not LABEL.fullmatch(text):
        raise ValueError("write up to 20 letters, digits, dots, dashes and spaces, such as staging")
    return text


def number(
    least: float, most: float | None = None, *, whole: bool = True
) -> pydantic.BeforeValidator:
    """Return what takes a number within bounds, and names them to whoever errs."""
    kind = "a whole number" if whole else "a number"
    bounds = f"from {least} to {most}" if most is not None else f"above {least}"

    def read(text: object) -> object:
        try:
            # Through a text: the int of 2.5 would be 2, that of "2.5" is refused.
            given = int(str(text)) if whole else float(str(text))
        except ValueError:
            # Compares false with every bound, so the one complaint below is for it too.
            given = math.nan
        fits = least <= given <= most if most is not None else least < given < math.inf
        if not fits:
            raise ValueError(f"write {kind} {bounds}")
        return given

    return pydantic.BeforeValidator(read)


Seconds = Annotated[float, pydantic.BeforeValidator(seconds), pydantic.Field(gt=0)]


def one_of(*words: str) -> pydantic.BeforeValidator:
    """Return what takes one of these words, in capitals too, and names them to whoever errs."""

    def read(text: object) -> str:
        word = str(text).strip().lower()
        if word not in words:
            raise ValueError(f"write {', '.join(words[:-1])} or {words[-1]}")
        return word

    return pydantic.BeforeValidator(read)


class Of(enum.Enum):
    """Whom a setting is needed for."""

    SLACK = "Slack"
    CLOUD = "CloudDC"


@dataclasses.dataclass(frozen=True, slots=True)
class Unset:
    """A setting, or one of several, without which the bot can't start; `what` belongs there."""

    of: Of
    name: str
    what: str

    @property
    def sentence(self) -> str:
        """What is missing, in words."""
        return f"{self.name} is not set: {self.what}."

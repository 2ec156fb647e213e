"""Words that people add to what they decide: bounded, and never cut to fit."""

from __future__ import annotations

import dataclasses

from bot.power import inputs
from bot.workflow import answers

MOST_CHARACTERS = 500
EVENTS: dict[inputs.Form, str] = {
    inputs.Form.DENY: "denial",
    inputs.Form.COMMENT: "comment",
    inputs.Form.VERDICT: "review",
}


def too_long(words: str) -> str:
    """Say that a form's words are too long and that nothing was done, or return an empty text."""
    if len(words) <= MOST_CHARACTERS:
        return ""
    return f"{_limit(len(words))} Nothing was done; say it in fewer words."


def not_kept(answer: answers.Answer, length: int) -> answers.Answer:
    """Return an answer that says too that the reason was too long, where `length` isn't 0.

    A no is never held up by its reason.
    """
    if not length or not isinstance(answer, answers.Note):
        return answer
    return dataclasses.replace(answer, text=f"{answer.text} {_limit(length)} It wasn't kept.")


def _limit(length: int) -> str:
    """Say how long words may be, and how long these are."""
    return f"A reason has at most {MOST_CHARACTERS} characters; this one has {length:,}."

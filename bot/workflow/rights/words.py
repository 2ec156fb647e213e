"""Words that people add to what they decide: bounded, and never cut to fit."""

from __future__ import annotations

import dataclasses

from bot.power import inputs, ports
from bot.workflow import answers

MOST_CHARACTERS = 500
EVENTS = {"approve": "approval", "deny": "denial", "comment": "comment", "verdict": "review"}


def reason(given: inputs.Input) -> str:
    """Return the reason that stands in a form."""
    return given.reason.strip() if isinstance(given, inputs.FormSent) else ""


def comment(given: inputs.Input) -> str:
    """Return the comment that stands in a form."""
    return given.comment.strip() if isinstance(given, inputs.FormSent) else ""


def too_long(inbound: ports.Inbound) -> str:
    """Say that a form's words are too long and that nothing was done, or return an empty text."""
    length = max(len(reason(inbound.input)), len(comment(inbound.input)))
    if length <= MOST_CHARACTERS:
        return ""
    return f"{_limit(length)} Nothing was done; say it in fewer words."


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

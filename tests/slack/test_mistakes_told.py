"""A mistake is told with the words that it is about, once."""

from __future__ import annotations

import pathlib
import re
import tomllib

import pytest

from bot.power import errors
from bot.power.command import form
from bot.slack.render import private_answers, workflow_step
from bot.workflow import answers
from tests.power import command

TABLE = pathlib.Path(command.__file__).with_name("mistakes.toml")
MISTAKES = tomllib.loads(TABLE.read_text(encoding="utf-8"))["mistake"]


def times(token: str, said: str) -> int:
    """Return how often a text names a token."""
    return len(re.findall(rf"(?<![\w-]){re.escape(token)}(?![\w-])", said))


@pytest.mark.parametrize("row", MISTAKES, ids=[str(row["typed"])[:40] for row in MISTAKES])
def test_a_mistake_names_what_is_wrong_once(row: dict[str, str]) -> None:
    """In a private answer, under a field and in a step: in front only where no word names it."""
    token, problem = row["token"], row["says"]
    told = answers.Mistake(problem, token, row["copy"])
    raised = errors.UserMistake(problem, token=token)

    said = [
        private_answers.render(told).text.split("\nTry: ")[0],
        form.sentence(raised),
        workflow_step.refusal(told),
    ]

    if token:
        most = max(1, times(token, problem))
        assert all(times(token, one) <= most for one in said), said
    assert "`" not in said[0] or not times(token, problem)


def test_a_mistake_whose_sentence_does_not_name_it_begins_with_it() -> None:
    """A word within a longer one isn't it."""
    told = answers.Mistake("Write web01 in brackets.", "web")

    assert private_answers.render(told).text == "`web`: Write web01 in brackets."
    assert workflow_step.refusal(told) == "web: Write web01 in brackets."

"""What may be shown to a whole channel, and what a button may ask again."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import pytest

from bot.power import inputs, ports
from bot.power.command import command
from bot.power.policy import policy
from bot.workflow import answers, lookups
from bot.workflow.rights import people
from tests.slack import builders


@dataclasses.dataclass
class Attempts:
    """Remembers what was noted."""

    rows: list[tuple[str, Any]] = dataclasses.field(default_factory=list)

    async def noted(self, inbound: ports.Inbound, event: str, **detail: object) -> None:
        """Note it."""
        self.rows.append((event, detail))


@dataclasses.dataclass
class Directory:
    """Knows one channel."""

    channel_: ports.Channel

    async def channel(self, channel_id: str) -> ports.Channel:
        """Return it."""
        return self.channel_


def asking(**facts: Any) -> tuple[lookups.Lookups, Attempts]:
    """Return the answers' side of the workflow, in a channel of which these facts hold."""
    directory = cast("ports.Directory", Directory(ports.Channel("C0OPS", **facts)))
    noted = Attempts()
    who = people.People(directory, lambda: policy.EMPTY, builders.TEAM)
    nothing = cast("Any", None)
    return lookups.Lookups(nothing, nothing, who, cast("Any", noted)), noted


def pressed(do: str, text: str) -> ports.Inbound:
    """Return a press of a button that asks again."""
    return builders.inbound(inputs.Repeated.model_validate({"do": do, "text": text}))


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"is_shared": True}, "shared with another company"),
        ({"is_archived": True}, "archived"),
        ({"is_member": False}, "isn't in this channel"),
    ],
)
async def test_nothing_is_shared_where_it_may_not_be_seen(
    facts: dict[str, bool], words: str
) -> None:
    """And nothing is noted as shared."""
    look, noted = asking(**facts)

    refused = await look.refusal(pressed("share", "list"), command.parse("list"))

    assert refused is not None
    assert words in refused.text
    assert noted.rows == []


async def test_what_is_shared_is_noted_in_the_audit() -> None:
    """With the line that was asked."""
    look, noted = asking()

    assert await look.refusal(pressed("share", "why web01"), command.parse("why web01")) is None

    assert noted.rows == [("answer.shared", {"line": "why web01"})]


@pytest.mark.parametrize("line", ["reboot web01", "freeze all", "stop PR-7F3K", "help", ""])
@pytest.mark.parametrize("do", ["page", "share"])
async def test_a_button_asks_questions_alone(line: str, do: str) -> None:
    """Whatever its value says."""
    look, _ = asking()

    refused = await look.refusal(pressed(do, line), command.parse(line))

    assert refused == answers.Note(lookups.NO_QUESTION, good=False)


async def test_what_was_typed_is_no_buttons_question() -> None:
    """It may be anything."""
    look, _ = asking()

    assert await look.refusal(builders.inbound(), command.parse("reboot web01")) is None


async def test_help_is_the_answer_to_what_has_no_other() -> None:
    """A bare mention can open no form."""
    look, _ = asking()

    told = [await look.answer(builders.inbound(), command.parse(one)) for one in ("", "help on")]

    assert all(isinstance(one, answers.HelpShown) for one in told)

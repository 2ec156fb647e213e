"""What may be shown to a whole channel, and what a button may ask again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, cast

import pytest

from bot.power import inputs, ports, request
from bot.power.command import command
from bot.power.policy import policy
from bot.workflow import answers, context
from bot.workflow.questions import lookups
from bot.workflow.sources import alarm_lookup, people
from tests.slack import builders
from tests.support import ticks


@dataclasses.dataclass
class Log:
    """A store that keeps the rows of the audit log and nothing else."""

    rows: list[tuple[str, object]] = dataclasses.field(default_factory=list)

    async def write(self, work: Callable[[Any], object]) -> object:
        """Run the work on itself."""
        return work(self)

    def audit(self, entry: ports.AuditEntry) -> tuple[int, str]:
        """Keep a row."""
        self.rows.append((entry.event, entry.detail.get("line")))
        return len(self.rows), ""


@dataclasses.dataclass
class Directory:
    """Knows one channel."""

    channel_: ports.Channel

    async def channel(self, channel_id: str) -> ports.Channel:
        """Return it."""
        return self.channel_


def asking(**facts: Any) -> tuple[context.Context, Log]:
    """Return what lookups work with, in a channel of which these facts hold, and its log."""
    directory = cast("ports.Directory", Directory(ports.Channel("C0OPS", **facts)))
    noted, clock = Log(), ticks.GivenClock()
    here = context.Context(
        store=cast("ports.RequestStore", noted),
        power=cast("ports.PowerApi", None),
        people=people.People(directory, lambda: policy.EMPTY, builders.TEAM),
        policy=lambda: policy.EMPTY,
        clock=clock,
        scope=request.Scope(region="here", project_id="p"),
        alarms=alarm_lookup.AlarmLookup(None, clock),
    )
    return here, noted


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
    here, noted = asking(**facts)

    refused = await lookups.refusal(here, pressed("share", "list"), command.parse("list"))

    assert refused is not None
    assert words in refused.text
    assert noted.rows == []


async def test_what_is_shared_is_noted_in_the_audit() -> None:
    """With the line that was asked."""
    here, noted = asking()

    assert (
        await lookups.refusal(here, pressed("share", "why web01"), command.parse("why web01"))
        is None
    )

    assert noted.rows == [("answer.shared", "why web01")]


@pytest.mark.parametrize("line", ["reboot web01", "freeze all", "stop PR-7F3K", "help", ""])
@pytest.mark.parametrize("do", ["page", "share"])
async def test_a_button_asks_questions_alone(line: str, do: str) -> None:
    """Whatever its value says."""
    here, _ = asking()

    refused = await lookups.refusal(here, pressed(do, line), command.parse(line))

    assert refused == answers.Note(lookups.NO_QUESTION, good=False)


async def test_what_was_typed_is_no_buttons_question() -> None:
    """Only what a button asks is held to the questions there are; any typed line is answered."""
    here, _ = asking()

    assert await lookups.refusal(here, builders.inbound(), command.parse("reboot web01")) is None


async def test_help_is_the_answer_to_what_has_no_other() -> None:
    """A bare mention can open no form."""
    here, _ = asking()

    told = [
        await lookups.answer(here, builders.inbound(), command.parse(one))
        for one in ("", "help on")
    ]

    assert all(isinstance(one, answers.HelpShown) for one in told)

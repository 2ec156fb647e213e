"""Answers about people are fresh, shared, bounded in time, and honest about what isn't known."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.power import errors, ports
from bot.sandbox.workspace import Workspace
from bot.slack import directory
from tests.support import ticks


@pytest.fixture
def people(client: AsyncWebClient, clock: ticks.GivenClock) -> directory.Directory:
    """The directory, over the stand-in."""
    return directory.Directory(client, clock)


@pytest.mark.parametrize(
    ("user_id", "expected"),
    [
        ("U0DANA", ports.Member("U0DANA", "T0DEMO", "dana")),
        ("U0GIL", ports.Member("U0GIL", "T0DEMO", "gil", is_restricted=True)),
        ("U0DEE", ports.Member("U0DEE", "T0DEMO", "dee", deleted=True)),
        ("U0STAN", ports.Member("U0STAN", "T0OTHER", "stan", is_stranger=True)),
        ("U0BOT", ports.Member("U0BOT", "T0DEMO", "powerbot", is_bot=True)),
        ("U0NOBODY", ports.Member("U0NOBODY", "", "", is_stranger=True)),
    ],
)
async def test_member_is_told_apart_in_each_way_that_matters(
    people: directory.Directory, user_id: str, expected: ports.Member
) -> None:
    """Guests, bots, strangers and the deactivated are what they are; the unknown are strangers."""
    found = await people.member(user_id)

    seen = dataclasses.replace(found, name=expected.name, timezone="", utc_offset_s=0)
    assert seen == expected


async def test_persons_own_time_is_known_with_them(people: directory.Directory) -> None:
    """A time that they type without a zone is theirs; of the unknown there is none."""
    known, unknown = await people.member("U0DANA"), await people.member("U0NOBODY")

    assert (known.timezone, known.utc_offset_s) == ("Europe/Berlin", 3600)
    assert (unknown.timezone, unknown.utc_offset_s) == ("", 0)


async def test_group_and_channel_are_read(people: directory.Directory) -> None:
    """Groups are user ids; a shared channel says so; one without the bot too."""
    assert await people.group("S0ONCALL") == {"U0SAM", "U0ROSA"}
    assert await people.channel("C0OPS") == ports.Channel("C0OPS", "ops")
    assert (await people.channel("C0SHARED")).is_shared
    assert not (await people.channel("C0DEV")).is_member
    assert await people.channel("C0NONE") == ports.Channel("C0NONE", is_member=False)


async def test_answer_is_at_most_five_seconds_old(
    people: directory.Directory, workspace: Workspace, clock: ticks.GivenClock
) -> None:
    """Within five seconds one call serves all; after that Slack is asked again."""
    await people.member("U0DANA")
    await clock.pass_s(4.9)
    await people.member("U0DANA")
    assert len(workspace.calls("users.info")) == 1

    await clock.pass_s(0.2)
    await people.member("U0DANA")
    assert len(workspace.calls("users.info")) == 2


async def test_all_who_ask_at_once_share_one_call(
    people: directory.Directory, workspace: Workspace
) -> None:
    """Even when one of them gives up."""
    impatient = asyncio.create_task(people.member("U0DANA"))
    await asyncio.sleep(0)
    others = [asyncio.create_task(people.member("U0DANA")) for _ in range(5)]
    impatient.cancel()

    found = await asyncio.gather(*others)

    assert {one.user_id for one in found} == {"U0DANA"}
    assert len(workspace.calls("users.info")) == 1


async def test_passing_failure_is_tried_again(
    people: directory.Directory, workspace: Workspace, clock: ticks.GivenClock
) -> None:
    """A 429 within the limit is waited out."""
    workspace.chaos.fail("users.info", "status", status=429, retry_after_s=2)

    assert (await people.member("U0DANA")).user_id == "U0DANA"
    assert clock.slept == [2.0]


@pytest.mark.parametrize("error", ["internal_error", "missing_scope"])
async def test_lasting_failure_is_unavailable_and_isn_t_kept(
    people: directory.Directory, workspace: Workspace, clock: ticks.GivenClock, error: str
) -> None:
    """After ten seconds, or at once where waiting is no use, the question counts as unanswered."""
    workspace.chaos.fail("usergroups.users.list", "error", count=20, error=error)
    began = clock.now()

    with pytest.raises(errors.SlackUnavailable):
        await people.group("S0ONCALL")

    assert clock.now() - began <= directory.LIMIT_S
    workspace.chaos.clear()
    assert await people.group("S0ONCALL") == {"U0SAM", "U0ROSA"}


async def test_slack_that_never_answers_is_unavailable(
    client: AsyncWebClient, clock: ticks.GivenClock, workspace: Workspace
) -> None:
    """A call that hangs ends with the limit."""
    workspace.chaos.set_latency("users.info", 1.0)
    hurried = directory.Directory(client, clock, limit_s=0.05)

    with pytest.raises(errors.SlackUnavailable):
        await hurried.member("U0DANA")


async def test_directory_keeps_a_bounded_number_of_answers(
    client: AsyncWebClient, clock: ticks.GivenClock, workspace: Workspace
) -> None:
    """When it is full, old answers go first, and all of them if none is old."""
    small = directory.Directory(client, clock, most_kept=2)
    for user_id in ("U0DANA", "U0SAM", "U0ROSA", "U0DANA"):
        await small.member(user_id)

    assert len(workspace.calls("users.info")) == 4

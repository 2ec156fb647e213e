"""What Slack refuses for good is told with who can mend it, wherever it is met."""

from __future__ import annotations

import dataclasses
import pathlib
import time
from collections.abc import AsyncIterator
from typing import cast

import pytest
import pytest_asyncio

from bot.power import inputs, missing_access
from bot.power.lifecycle import State
from bot.power.missing_access import Lack
from bot.sandbox import workspace as workspace_
from bot.slack import directory
from bot.slack.door import connection
from bot.slack.render import home, thread_replies
from bot.workflow import answers
from tests import bodies
from tests.support import databases, ticks
from tests.workflow import world as world_
from tests.workflow.world import DANA, LEO, ONCALL, ROSA, SAM, World

DELETED = "The user group S0ONCALL of dc-ops was deleted or disabled in Slack: an operator"
SCOPE = "lacks the scope usergroups:read: an operator must reinstall the app"
IN_A_MOMENT = "in a moment"


@dataclasses.dataclass
class Stage:
    """A world whose people and groups are looked up in the stand-in for Slack."""

    slack: workspace_.Workspace
    world: World
    clock: ticks.GivenClock

    def delete_group(self) -> None:
        """Delete the user group of dc-ops in Slack, as its admins may."""
        self.slack.directory.groups[ONCALL].disabled = True
        self.clock.passed_s += 6.0

    def revoke(self, scope: str) -> None:
        """Take a scope away from the app."""
        self.slack.revoke(scope)
        self.clock.passed_s += 6.0


@pytest_asyncio.fixture
async def stage(tmp_path: pathlib.Path) -> AsyncIterator[Stage]:
    """A stage on which dc-ops is a user group, and sre are two people."""
    clock, slack = ticks.GivenClock(time.time()), workspace_.Workspace()
    slack.directory.people[LEO] = workspace_.Person(LEO, "leo", "Leo")
    slack.directory.groups[ONCALL].users = [ROSA, LEO]
    await slack.start()
    async with connection.open_client(slack.app.bot_token, slack.api_url) as client:
        client.proxy = None
        folk = directory.Directory(client, clock, limit_s=0.6)
        async with world_.running(
            databases.sqlite(tmp_path), folk=cast("world_.Folk", folk)
        ) as made:
            made.rules = world_.policy_of(
                ('sre = ["U0DANA", "U0SAM", "U0LEO"]', 'sre = ["U0DANA", "U0SAM"]'),
                ('dc-ops = ["U0ROSA", "S0ONCALL"]', 'dc-ops = ["S0ONCALL"]'),
            )
            yield Stage(slack, made, clock)
    await slack.stop()


async def test_approver_of_a_deleted_group_is_told_who_can_mend_it(stage: Stage) -> None:
    """Refused as before, and nobody is sent to press the button again."""
    id_ = await stage.world.ask("reboot db01 because x")
    stage.delete_group()

    told = await stage.world.told(LEO, "approve", id_)

    assert "could not be checked" in told
    assert DELETED in told
    assert "press" not in told.lower()
    assert (await stage.world.found(id_)).approvals == ()


async def test_approver_without_the_apps_scope_is_told_which_one(stage: Stage) -> None:
    """The scope that Slack names."""
    id_ = await stage.world.ask("reboot db01 because x")
    stage.revoke("usergroups:read")

    assert SCOPE in await stage.world.told(LEO, "approve", id_)


async def test_nobody_is_looked_up_without_the_scope_for_people(stage: Stage) -> None:
    """Each verb is refused with the same mend; a no of somebody whom the policy names is free."""
    id_ = await stage.world.ask("reboot web01 because x")
    stage.revoke("users:read")

    told = await stage.world.told(SAM, "approve", id_)
    typed = await stage.world.type("reboot web02 because x")
    denied = await stage.world.told(SAM, "deny", id_)

    assert "lacks the scope users:read" in told
    assert IN_A_MOMENT not in told
    assert isinstance(typed, answers.Note)
    assert "lacks the scope users:read" in typed.text
    assert denied.startswith("Denied")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("account_inactive", "Slack refuses Powerbot's token (account_inactive)"),
        ("token_revoked", "Slack refuses Powerbot's token (token_revoked)"),
        ("invalid_auth", "Slack refuses Powerbot's token (invalid_auth)"),
        ("team_access_not_granted", "has no access to this workspace"),
        ("ekm_access_denied", "Slack's settings don't let Powerbot look this up"),
    ],
)
async def test_token_and_workspace_that_slack_refuses_are_named(
    stage: Stage, code: str, words: str
) -> None:
    """Whoever presses learns whose it is to mend."""
    id_ = await stage.world.ask("reboot web01 because x")
    stage.clock.passed_s += 6.0
    stage.slack.chaos.refuse("users.info", code)

    told = await stage.world.told(SAM, "approve", id_)

    assert words in told
    assert IN_A_MOMENT not in told


async def test_passing_failures_are_still_told_as_passing(stage: Stage) -> None:
    """Nobody has to mend anything."""
    id_ = await stage.world.ask("reboot db01 because x")
    stage.clock.passed_s += 6.0
    stage.slack.chaos.refuse("usergroups.users.list", "internal_error")

    told = await stage.world.told(LEO, "approve", id_)

    assert told.endswith("could not be checked; press the button again.")


async def test_plan_names_the_group_without_which_nobody_could_approve(stage: Stage) -> None:
    """Whoever asks is sent to who edits the policy, not to wait."""
    stage.delete_group()

    (refusal,) = (await stage.world.plan("reboot db01 because x")).plan.refusals

    assert refusal.startswith("Who is in dc-ops could not be checked. ")
    assert DELETED in refusal
    assert IN_A_MOMENT not in refusal


async def test_requester_whose_group_is_deleted_is_told_so(stage: Stage) -> None:
    """The right to ask hangs on it as well, for the person and for the single rule."""
    stage.world.edit(
        ('sre = ["U0DANA", "U0SAM", "U0LEO"]', 'sre = ["S0ONCALL", "U0SAM"]'),
        ('dc-ops = ["U0ROSA", "S0ONCALL"]', 'dc-ops = ["U0DANA"]'),
    )
    stage.delete_group()

    refusals = " ".join((await stage.world.plan("reboot web01 because x")).plan.refusals)

    assert "Whether you are in sre could not be checked. The user group S0ONCALL of sre" in refusals


async def test_last_approval_names_what_keeps_the_requester_from_being_checked(
    stage: Stage,
) -> None:
    """Their right is read again, and can't be."""
    stage.world.edit(
        ('sre = ["U0DANA", "U0SAM", "U0LEO"]', 'sre = ["S0ONCALL", "U0SAM"]'),
        ('dc-ops = ["U0ROSA", "S0ONCALL"]', 'dc-ops = ["U0ROSA"]'),
    )
    stage.slack.directory.groups[ONCALL].users = [DANA]
    id_ = await stage.world.ask("reboot web01 because x")
    stage.delete_group()

    told = await stage.world.told(SAM, "approve", id_)

    assert told.startswith("Whether its requester can still request it could not be")
    assert "The user group S0ONCALL of sre was deleted" in told
    assert await stage.world.state(id_) is State.PENDING


async def test_reminder_names_the_group_that_could_not_be_called(stage: Stage) -> None:
    """In the thread, where those look who wait."""
    id_ = await stage.world.ask("reboot db01 because x")
    stage.delete_group()
    await stage.world.later(700.0)

    (body,) = [one for one in stage.world.thread(id_) if one["event"] == "reminder"]
    shown = thread_replies.render(await stage.world.found(id_), (), bodies.message(body))

    assert DELETED in shown.text


async def test_approved_request_says_what_it_waits_for(stage: Stage) -> None:
    """Its card has it; and it goes on when the group is back."""
    stage.world.edit(
        ('sre = ["U0DANA", "U0SAM", "U0LEO"]', 'sre = ["S0ONCALL", "U0SAM"]'),
        ('dc-ops = ["U0ROSA", "S0ONCALL"]', 'dc-ops = ["U0ROSA"]'),
    )
    stage.slack.directory.groups[ONCALL].users = [DANA]
    id_ = await stage.world.ask("reboot web01 because x")
    await stage.world.told(SAM, "approve", id_)
    stage.delete_group()
    await stage.world.later(5.0)

    waiting = (await stage.world.found(id_)).waiting
    assert waiting is not None
    assert "The user group S0ONCALL of sre was deleted" in waiting.why
    stage.slack.directory.groups[ONCALL].disabled = False
    stage.clock.passed_s += 6.0
    await stage.world.later(5.0)
    assert await stage.world.state(id_) is State.SUCCEEDED


async def test_home_says_that_more_may_wait(stage: Stage) -> None:
    """A list that can't be known whole says what it misses."""
    await stage.world.ask("reboot db01 because x")
    stage.delete_group()

    shown = await stage.world.flow.handle(stage.world.inbound(LEO, inputs.HomeOpened()))

    assert isinstance(shown, answers.HomeShown)
    assert [one.lack for one in shown.missing] == [Lack.GROUP]
    assert DELETED in str(home.render(shown))


async def test_unfreeze_of_everybodys_names_the_group(stage: Stage) -> None:
    """Whether somebody is an approver can't be read."""
    await stage.world.type("freeze cooling", who=SAM)
    stage.delete_group()

    told = await stage.world.type("unfreeze all", who=LEO)

    assert isinstance(told, answers.Note)
    assert not told.good
    assert DELETED in told.text


@pytest.mark.parametrize("lack", Lack)
def test_every_lack_says_who_can_mend_it(lack: Lack) -> None:
    """Whole sentences, and what is stored reads as what was."""
    one = missing_access.Missing(lack, "code", "S0X", "sre")

    assert " must " in one.sentence
    assert missing_access.read(missing_access.stored([one])) == (one,)


def test_no_more_than_three_are_told_and_the_rest_counted() -> None:
    """A policy that names fifty deleted groups fills no message."""
    many = [missing_access.Missing(Lack.GROUP, "no_such_subteam", f"S0{n}") for n in range(50)]

    assert missing_access.told(many).endswith("And 47 more like this; powerbot check lists them.")


def test_what_passes_is_told_beside_what_does_not() -> None:
    """One group is deleted, of the other Slack gave no answer."""
    gone = {"sre": (missing_access.Missing(Lack.GROUP, "no_such_subteam", "S0X", "sre"),)}

    said = missing_access.unchecked("It", ("sre", "web"), gone, "try again in a moment")

    assert "The user group S0X of sre was deleted" in said
    assert said.endswith("For web, try again in a moment.")

"""What Slack can't say lets nobody in: down, malformed, empty and disabled, through the workflow.

A small Slack answers what it is told to, so that answers can be had that Slack would never give.
"""

from __future__ import annotations

import asyncio
import collections
import pathlib
import time
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
import pytest_asyncio
from aiohttp import web

from bot.slack import directory
from bot.slack.door import connection
from tests.support import databases, ticks
from tests.workflow import world as world_
from tests.workflow.world import DANA, LEO, OLGA, ROSA, SAM, TEAM, World


class SmallSlack:
    """Answers three methods of the Web API; `groups` is what usergroups.users.list answers."""

    def __init__(self) -> None:
        self.groups: Any = {"ok": True, "users": [LEO]}
        self.people: dict[str, Any] = {}
        self.status = 200
        self.asked: collections.Counter[str] = collections.Counter()
        self.clock = ticks.GivenClock(time.time())

    async def answer(self, asked: web.Request) -> web.StreamResponse:
        """Answer a call."""
        method = asked.match_info["method"]
        self.asked[f"{method} {asked.query.get('user') or asked.query.get('usergroup') or ''}"] += 1
        if self.status != 200:
            return web.Response(status=self.status, text="upstream")
        if method == "usergroups.users.list":
            return web.json_response(self.groups)
        if method == "users.info":
            id_ = asked.query["user"]
            user = {"id": id_, "team_id": TEAM, "name": id_.lower()}
            return web.json_response(self.people.get(id_, {"ok": True, "user": user}))
        channel = {"id": asked.query["channel"], "name": "ops", "is_member": True}
        return web.json_response({"ok": True, "channel": channel})


@pytest_asyncio.fixture
async def slack() -> AsyncIterator[tuple[SmallSlack, str]]:
    """A small Slack that listens."""
    small = SmallSlack()
    site = web.Application()
    site.add_routes([web.route("*", "/api/{method}", small.answer)])
    runner = web.AppRunner(site)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield small, f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
    await runner.cleanup()


@pytest_asyncio.fixture
async def world(slack: tuple[SmallSlack, str], tmp_path: pathlib.Path) -> AsyncIterator[World]:
    """A world whose directory is the real one, with less patience than in production."""
    async with connection.open_client("xoxb-test", slack[1]) as client:
        folk = directory.Directory(client, slack[0].clock, limit_s=0.6)
        async with world_.running(
            databases.sqlite(tmp_path), folk=cast("world_.Folk", folk)
        ) as made:
            made.rules = world_.policy_of(
                ('sre = ["U0DANA", "U0SAM", "U0LEO"]', 'sre = ["U0DANA", "U0SAM"]'),
                ('dc-ops = ["U0ROSA", "S0ONCALL"]', 'dc-ops = ["S0ONCALL"]'),
            )
            yield made


UNCHECKED = "Whether you are in dc-ops could not be checked; press the button again."
DELETED = (
    "Whether you are in dc-ops could not be checked. The user group S0ONCALL of dc-ops was deleted "
    "or disabled in Slack: an operator must name another in the policy, or a Slack admin must "
    "enable it again."
)
UNPAID = (
    "Whether you are in dc-ops could not be checked. User groups need a paid Slack plan "
    "(plan_upgrade_required): an operator must name people in the policy instead of S0ONCALL."
)
SET = (
    "Whether you are in dc-ops could not be checked. Slack's settings don't let Powerbot look "
    "this up (two_factor_setup_required): a Slack admin must allow it."
)


@pytest.mark.parametrize(
    ("groups", "said", "why"),
    [
        ({"ok": False, "error": "no_such_subteam"}, DELETED, "could not be checked"),
        ({"ok": False, "error": "plan_upgrade_required"}, UNPAID, "could not be checked"),
        ({"ok": False, "error": "two_factor_setup_required"}, SET, "could not be checked"),
        ({"ok": False, "error": "internal_error"}, UNCHECKED, "could not be checked"),
        ({"ok": True}, UNCHECKED, "could not be checked"),
        ({"ok": True, "users": None}, UNCHECKED, "could not be checked"),
        ({"ok": True, "users": "U0LEO"}, UNCHECKED, "could not be checked"),
        ({"ok": True, "users": [{"id": "U0LEO"}]}, UNCHECKED, "could not be checked"),
        ([], UNCHECKED, "could not be checked"),
        ({"ok": True, "users": []}, (
            "Only people in sre or dc-ops can do this, and you aren't one of them."
        ),
         "not in a group"),
    ],
    ids=[
        "disabled", "unpaid", "settings", "broken", "without", "null", "text", "objects", "list",
        "empty",
    ],
)  # fmt: skip
async def test_group_that_slack_does_not_tell_lets_nobody_in(
    world: World, slack: tuple[SmallSlack, str], groups: object, said: str, why: str
) -> None:
    """Refused, said, audited; and the button works again when Slack does."""
    id_ = await world.ask("reboot db01 because x")
    slack[0].groups = groups
    slack[0].clock.passed_s += 6.0

    told = await world.told(LEO, "approve", id_)
    (row,) = await world.audit("approval.refused")
    slack[0].groups = {"ok": True, "users": [LEO]}
    slack[0].clock.passed_s += 6.0
    again = await world.told(LEO, "approve", id_)

    assert told == said
    assert (row["user_id"], row["detail"]["why"]) == (LEO, why)
    assert again.startswith(f"Approved {id_} for dc-ops (you are in Slack's user group S0ONCALL)")


async def test_slack_that_is_down_refuses_everybody_and_shuts_nobody_out(
    world: World, slack: tuple[SmallSlack, str]
) -> None:
    """The person themselves can't be checked; nothing changes, and the audit has it."""
    id_ = await world.ask("reboot db01 because x")
    slack[0].status = 503
    slack[0].clock.passed_s += 6.0

    told = await world.told(SAM, "approve", id_)
    slack[0].status = 200
    again = await world.told(SAM, "approve", id_)

    assert told == "Slack could not be asked, so this could not be checked; try again in a moment."
    assert [row["user_id"] for row in await world.audit("person.not_checked")] == [SAM]
    assert again.startswith(f"Approved {id_} for sre")


@pytest.mark.parametrize(
    "answer",
    [
        {"ok": True},
        {"ok": True, "user": None},
        {"ok": True, "user": []},
        {"ok": True, "user": {"id": DANA, "team_id": TEAM}},
    ],
    ids=["without", "null", "list", "somebody-else"],
)
async def test_malformed_person_is_nobody(
    world: World, slack: tuple[SmallSlack, str], answer: object
) -> None:
    """An answer that speaks of nobody, or of somebody else, gives no right."""
    id_ = await world.ask("reboot db01 because x")
    slack[0].people[SAM] = answer
    slack[0].clock.passed_s += 6.0

    told = await world.told(SAM, "approve", id_)

    assert "could not be checked" in told
    assert (await world.found(id_)).approvals == ()


async def test_one_look_up_serves_all_who_wait(world: World, slack: tuple[SmallSlack, str]) -> None:
    """Twenty clicks at once cost one call for each person and each group."""
    id_ = await world.ask("reboot db01 because x")
    slack[0].clock.passed_s += 6.0
    slack[0].asked.clear()

    clicks = [world.press(who, "approve", id_) for who in (SAM, OLGA, ROSA, LEO) * 5]
    await asyncio.gather(*clicks)

    assert slack[0].asked[f"usergroups.users.list {world_.ONCALL}"] == 1
    assert {slack[0].asked[f"users.info {one}"] for one in (SAM, OLGA, ROSA, LEO)} == {1}
    assert {one.person.user_id for one in (await world.found(id_)).approvals} == {SAM, LEO}


async def test_own_request_is_refused_without_any_look_up(
    world: World, slack: tuple[SmallSlack, str]
) -> None:
    """Nobody is asked about the requester."""
    id_ = await world.ask("reboot db01 because x")
    slack[0].asked.clear()
    slack[0].status = 503

    assert await world.told(DANA, "approve", id_) == (
        "This is your own request: somebody else must decide."
    )
    assert not slack[0].asked

"""Enterprise Grid: one person is named with several teams, and is one person all the same."""

from __future__ import annotations

import dataclasses

import pytest

from bot.power import ports
from bot.sandbox.workspace import Workspace
from bot.slack import directory
from bot.slack.door import connection
from bot.slack.inbound import envelope
from tests.slack.conftest import Side
from tests.support import ticks

GRID = "E0DEMO"


@pytest.fixture
def in_grid(workspace: Workspace) -> Workspace:
    """The workspace as one of an organization, with everybody known to it."""
    workspace.directory.team = dataclasses.replace(workspace.directory.team, enterprise_id=GRID)
    for person in workspace.directory.people.values():
        if not person.is_stranger:
            person.enterprise_id = GRID
    return workspace


@pytest.mark.parametrize("team", ["T0DEMO", GRID])
async def test_person_has_our_team_however_a_payload_names_it(
    in_grid: Workspace, connected: Side, team: str
) -> None:
    """Commands, mentions and buttons alike: what is stored tells one person by one id."""
    in_grid.directory.person("dana").payload_team = team

    await in_grid.command("dana", "ops", "/power reboot web01 because x")
    in_grid.mention("dana", "ops", "reboot web01 because x")
    await connected.settle()
    await in_grid.click("dana", connected.whispers("dana")[-1], "Request")
    await connected.settle()

    people = {(one.person.user_id, one.person.team_id) for one in connected.workflow.handled}
    assert people == {("U0DANA", "T0DEMO")}
    assert len(connected.workflow.handled) == 3


async def test_member_of_another_workspace_of_our_grid_is_one_of_us(
    in_grid: Workspace, connected: Side, clock: ticks.GivenClock
) -> None:
    """Slack's record of the person says so; one of another organization stays another's."""
    sam, rosa = in_grid.directory.person("sam"), in_grid.directory.person("rosa")
    sam.team_id, rosa.team_id, rosa.enterprise_id = "T0OTHER", "T0ELSE", "E0ELSE"
    home = envelope.Home("T0DEMO", GRID)
    folk = directory.Directory(connected.client, clock, home=home)

    assert (await folk.member("U0SAM")).team_id == "T0DEMO"
    assert (await folk.member("U0ROSA")).team_id == "T0ELSE"


async def test_payload_of_another_grid_is_not_ours() -> None:
    """Neither its workspace nor its organization is taken for ours."""
    home = envelope.Home("T0DEMO", GRID)

    assert home.serves(envelope.read({"team": None, "enterprise": {"id": GRID}}))
    assert home.serves(envelope.read({"team_id": "T0OTHER", "enterprise_id": GRID}))
    assert not home.serves(
        envelope.read({"team": {"id": "T0OTHER"}, "enterprise": {"id": "E0ELSE"}})
    )
    assert not envelope.Home("T0DEMO").serves(
        envelope.read({"team": {"id": ""}, "enterprise": None})
    )
    assert not envelope.Home("T0DEMO").serves(envelope.read({"team": None, "enterprise_id": ""}))


async def test_bot_knows_its_grid_from_its_token(in_grid: Workspace, connected: Side) -> None:
    """auth.test names the organization."""
    assert (await connection.introduce(connected.client)).enterprise_id == GRID


async def test_channel_into_which_another_company_is_asked_counts_as_shared(
    connected: Side, clock: ticks.GivenClock
) -> None:
    """Before they come as well as afterwards."""
    connected.workspace.directory.channels["C0OPS"].pending_shared = ["T0THEIRS"]
    folk = directory.Directory(connected.client, clock)

    found = await folk.channel("C0OPS")

    assert found == dataclasses.replace(found, is_shared=True)
    assert isinstance(found, ports.Channel)

"""An approval is for the servers, the requester and the place that it was given for."""

from __future__ import annotations

import dataclasses

import pytest

from bot.clouddc import wire
from bot.power.lifecycle import ServerState, State
from bot.power.policy import policy_file
from bot.sandbox import data_centre
from bot.storage.engine import connections
from tests.workflow import world as world_
from tests.workflow.world import DANA, LEO, OPS, ROSA, SAM, World

STOPPING = ("ramp = []", 'ramp = []\non_change = "stop"')
WAVES = ("ramp = []", "ramp = [1]\nbatch = 1")
TAGGED = ('servers = "@db"\nactions', 'servers = "tag:role=db"\nactions')


@pytest.fixture(autouse=True, params=["listed", "one by one"])
def reading(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Play everything twice: where the list is one page, and where it is more than are asked for.

    What is said and done must be the same.
    """
    if request.param == "one by one":
        monkeypatch.setattr(wire, "LARGEST_PAGE", 10)


async def rows(world: World, id_: str) -> dict[str, tuple[ServerState, str]]:
    """Return what became of the servers of a run, by the names of the plan."""
    found = await world.store.read(lambda tx: tx.run_servers(id_))
    return {row.name: (row.state, row.detail) for row in found}


def directs(world: World, id_: str) -> list[str]:
    """Return the events that the requester was told in a direct message."""
    said = "SELECT body FROM outbox WHERE request_id = :id AND kind = 'direct' ORDER BY id"
    with connections.reading(world.url) as connection:
        return [row.body for row in connection.rows(said, id=id_)]


def meanwhile(world: World, then: object) -> None:
    """Let something happen, once, after the first power call and before the next."""
    waited = world.clock.sleep

    async def after_the_first_call(seconds: float) -> None:
        if world.calls() and callable(then):
            world.clock.sleep = waited  # type: ignore[method-assign]
            then()
        await waited(seconds)

    world.clock.sleep = after_the_first_call  # type: ignore[method-assign]


# -- the servers


async def test_renamed_server_is_left_out_and_named_at_the_last_approval(world: World) -> None:
    """The yes counts for the others; the answer and the end have both names."""
    id_ = await world.ask("reboot web[01-03] because x")
    world.centre.change_server("web01", name="db99")
    world.clock.passed_s += 20

    told = await world.told(SAM, "approve", id_)
    await world.drive()

    assert "Left out, since they have changed: web01 (renamed to db99 since the plan)" in told
    assert await world.state(id_) is State.PARTIAL
    assert (await rows(world, id_))["web01"] == (
        ServerState.BLOCKED,
        "renamed to db99 since the plan",
    )
    assert world.centre.reboots_received("db99") == 0


@pytest.mark.parametrize("verb", ["reboot", "off", "cycle"])
async def test_an_approval_looks_at_records_that_were_read_after_it(
    world: World, verb: str
) -> None:
    """A server that was renamed or protected a moment after the plan is sent nothing."""
    id_ = await world.ask(f"{verb} web[01-03] because x")
    world.centre.change_server("web01", name="db99")
    world.centre.change_server("web02", tags=(("powerbot", "never"),))
    world.clock.passed_s += 0.1

    told = await world.told(SAM, "approve", id_)
    await world.drive()

    assert "web01 (renamed to db99 since the plan)" in told
    sent = {id_ for call in world.centre.power_calls() for id_ in call.ids}
    assert sent == {world.centre.machine("web03").server.id}


async def test_who_breaks_glass_is_held_against_records_of_that_moment(world: World) -> None:
    """Nobody else looks between the plan and the call."""
    shown = await world.plan("reboot web01 --break-glass because x", channel=world_.INC)
    world.centre.change_server("web01", name="db99")
    world.clock.passed_s += 0.1

    told = await world.told(DANA, "request", shown.request_id)

    assert "web01 isn't what was planned: renamed to db99 since the plan" in told
    assert world.centre.power_calls() == []


async def test_request_of_which_no_server_is_left_is_refused_at_the_last_approval(
    world: World,
) -> None:
    """The click is answered, and the end says why."""
    id_ = await world.ask("reboot web01 because x")
    world.centre.change_server("web01", name="db99")
    world.clock.passed_s += 20

    told = await world.told(SAM, "approve", id_)

    found = await world.found(id_)
    why = "servers have changed: web01 (renamed to db99 since the plan)"
    assert (found.state, found.end_reason) == (State.REFUSED, why)
    assert told == f"Not approved, because {why}."
    assert [row["event"] for row in await world.audit("servers.changed")] == ["servers.changed"]


async def test_request_that_stops_on_change_is_refused_at_the_last_approval(world: World) -> None:
    """One renamed server is enough where the rule says stop."""
    world.edit(STOPPING)
    id_ = await world.ask("reboot web[01-03] because x")
    world.centre.change_server("web02", name="cache77")
    world.clock.passed_s += 20

    await world.told(SAM, "approve", id_)

    assert await world.state(id_) is State.REFUSED
    assert world.calls() == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": "db99"}, "renamed to db99 since the plan"),
        ({"name": "pdu99"}, "renamed to pdu99 since the plan"),
        ({"sn": "OTHER"}, "another machine since the plan: its serial number is OTHER"),
        ({"tags": (("powerbot", "never"),)}, "protected"),
        (
            {"tags": (("role", "db"),)},
            'rule "databases" now judges it and needs 1 from dc-ops',
        ),
    ],
)
async def test_server_that_changes_after_the_approval_is_not_sent(
    world: World, change: dict[str, object], why: str
) -> None:
    """It is looked at again before its wave; the others go."""
    world.edit(TAGGED)
    id_ = await world.ask("reboot web[01-03] because x")
    await world.told(SAM, "approve", id_)
    world.centre.change_server("web02", **change)
    world.clock.passed_s += 20

    await world.drive()

    found = await rows(world, id_)
    assert found["web02"] == (ServerState.BLOCKED, why)
    assert found["web01"][0] is found["web03"][0] is ServerState.PROVEN
    assert world.calls() == [2]


async def test_server_that_changes_between_two_waves_is_not_sent(world: World) -> None:
    """Each wave judges its own servers on records that are fresh."""
    world.edit(WAVES)
    id_ = await world.ask("reboot web[01-03] because x")
    await world.told(SAM, "approve", id_)
    meanwhile(world, lambda: world.centre.change_server("web02", name="db99"))

    await world.drive()

    assert (await rows(world, id_))["web02"][0] is ServerState.BLOCKED
    assert world.calls() == [1, 1]


async def test_run_that_stops_on_change_stops_at_a_renamed_server(world: World) -> None:
    """Nothing more leaves, and the end says so."""
    world.edit(("ramp = []", 'ramp = [1]\nbatch = 1\non_change = "stop"'))
    id_ = await world.ask("reboot web[01-03] because x")
    await world.told(SAM, "approve", id_)
    meanwhile(world, lambda: world.centre.change_server("web02", name="db99"))

    await world.drive()

    assert await world.state(id_) is State.STOPPED
    assert world.calls() == [1]


async def test_machine_that_replaced_another_under_its_name_is_not_sent(world: World) -> None:
    """It has an id that nobody approved, and the cause is told."""
    id_ = await world.ask("reboot web[01-02] because x")
    await world.told(SAM, "approve", id_)
    world.centre.delete_server("web01", "11111111-2222-3333-4444-555555555555")
    world.clock.passed_s += 20

    await world.drive()

    assert (await rows(world, id_))["web01"][0] is ServerState.BLOCKED
    assert world.centre.reboots_received("web01") == 0


async def test_server_that_moves_under_a_rule_which_wants_no_more_is_sent(world: World) -> None:
    """Another rule alone is no reason: what it wants was given."""
    world.edit(
        TAGGED,
        ("approvers = { sre = 1, dc-ops = 1 }\n[[rule]]", "approvers = { sre = 1 }\n[[rule]]"),
    )
    id_ = await world.ask("reboot web01 because x")
    await world.told(SAM, "approve", id_)
    world.centre.change_server("web01", tags=(("role", "db"),))
    world.clock.passed_s += 20

    await world.drive()

    assert await world.state(id_) is State.SUCCEEDED


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ('actions = ["off"]', 'rule "strict" doesn\'t allow reboot'),
        ('requesters = ["dc-ops"]', 'rule "strict" accepts requests from dc-ops only'),
        ('reason = "INC-[0-9]+"', "requires INC-[0-9]+ in the reason"),
        ("from_servers = { 2 = { sre = 2 } }", "needs 2 from sre"),
        ('cooldown = "10m"', "requires more time between two reboots"),
        ("batch = 1", "requires a gentler pace"),
    ],
)
async def test_server_is_held_to_whatever_a_stricter_rule_wants(
    world: World, rule: str, why: str
) -> None:
    """Actions, requesters, the reason, counts and pace alike."""
    usual = {"actions": '["reboot"]', "requesters": '["sre"]', "approvers": "{ sre = 1 }"}
    key, value = rule.split(" = ", 1)
    lines = "\n".join(f"{name} = {text}" for name, text in {**usual, key: value}.items())
    strict = f'[[rule]]\nname = "strict"\nservers = "tag:role=strict"\n{lines}\n[[rule]]\n'
    text = world_.POLICY.replace("[[rule]]\n", strict, 1)
    world.rules = policy_file.read(text)
    id_ = await world.ask("reboot web[01-02] because x")
    await world.told(SAM, "approve", id_)
    world.centre.change_server("web02", tags=(("role", "strict"),))
    world.clock.passed_s += 20

    await world.drive()

    state, detail = (await rows(world, id_))["web02"]
    assert state is ServerState.BLOCKED
    assert why in detail


async def test_cycle_brings_a_renamed_server_back_on(world: World) -> None:
    """What its first call has switched off is worse off dark than on."""
    id_ = await world.ask("cycle web01 because x")
    await world.told(SAM, "approve", id_)
    meanwhile(world, lambda: world.centre.change_server("web01", name="web99"))

    await world.drive()

    assert await world.state(id_) is State.SUCCEEDED


# -- a policy that is tightened in mid-run


async def test_batch_that_is_tightened_in_mid_run_shapes_the_next_waves(world: World) -> None:
    """The plan's own pace is the fastest; nothing that needs more approval is needed for it."""
    world.edit(("ramp = []", "ramp = [1]\nbatch = 4"))
    id_ = await world.ask("reboot web[01-05] because x")
    await world.told(SAM, "approve", id_)
    meanwhile(world, lambda: world.edit(("ramp = []", "ramp = [1]\nbatch = 2")))

    await world.drive()

    assert await world.state(id_) is State.SUCCEEDED
    assert world.calls() == [1, 2, 2]


async def test_batch_that_is_loosened_in_mid_run_changes_nothing(world: World) -> None:
    """What was granted is the most."""
    world.edit(("ramp = []", "ramp = [1]\nbatch = 2"))
    id_ = await world.ask("reboot web[01-05] because x")
    await world.told(SAM, "approve", id_)
    meanwhile(world, lambda: world.edit(("ramp = []", "ramp = []\nbatch = 50")))

    await world.drive()

    assert world.calls() == [1, 2, 2]


async def test_failure_limit_that_is_tightened_in_mid_run_stops_it(world: World) -> None:
    """Two failures were allowed when it was asked for, one is when the first happens."""
    world.edit(("ramp = []", "ramp = []\nbatch = 1\nmax_failures = 2"))
    id_ = await world.ask("reboot web[01-03] because x")
    await world.told(SAM, "approve", id_)
    world.centre.set_fault("web01", data_centre.MachineFaultKind.FAILS)
    meanwhile(world, lambda: world.edit(("ramp = []", "ramp = []\nbatch = 1\nmax_failures = 1")))

    await world.drive()

    assert world.calls() == [1]


# -- the requester


LOSSES = {
    "deactivated": lambda world: world.folk.change(DANA, deleted=True),
    "now a guest": lambda world: world.folk.change(DANA, is_restricted=True),
    "accepts requests from sre only": lambda world: world.edit(
        ('sre = ["U0DANA", "U0SAM", "U0LEO"]', 'sre = ["U0SAM", "U0LEO"]')
    ),
}


@pytest.mark.parametrize("why", LOSSES)
async def test_requester_who_lost_the_right_gets_no_last_approval(world: World, why: str) -> None:
    """The approver is answered, the request refused, and the requester told."""
    id_ = await world.ask("reboot web01 because x")
    LOSSES[why](world)

    told = await world.told(SAM, "approve", id_)

    found = await world.found(id_)
    assert found.state is State.REFUSED
    assert why in told
    assert why in found.end_reason
    assert len(directs(world, id_)) == 1


@pytest.mark.parametrize("why", ["deactivated", "now a guest"])
async def test_approved_request_of_a_requester_who_lost_the_right_is_void(
    world: World, why: str
) -> None:
    """Read again before the run."""
    id_ = await world.ask("reboot web01 because x")
    await world.told(SAM, "approve", id_)
    LOSSES[why](world)

    await world.drive()

    assert await world.state(id_) is State.VOID
    assert world.calls() == []
    assert len(await world.audit("requester.lost_right")) == 1


async def test_run_of_a_requester_who_left_the_user_group_stops(world: World) -> None:
    """Membership of a Slack user group is read again before each wave."""
    world.rules = policy_file.read(
        world_.POLICY.replace('requesters = ["sre"]', 'requesters = ["dc-ops"]').replace(
            "ramp = []", "ramp = [1]\nbatch = 1"
        )
    )
    id_ = await world.ask("reboot web[01-03] because x", who=LEO)
    await world.told(SAM, "approve", id_)
    meanwhile(world, lambda: world.folk.groups.update({world_.ONCALL: frozenset()}))

    await world.drive()

    found = await world.found(id_)
    assert found.state is State.STOPPED
    assert "accepts requests from dc-ops only" in found.end_reason
    assert world.calls() == [1]


async def test_last_approval_waits_while_the_requester_cannot_be_checked(world: World) -> None:
    """It isn't counted and not lost: the button may be pressed again."""
    id_ = await world.ask("reboot web01 because x")
    world.folk.away.add(DANA)

    told = await world.told(SAM, "approve", id_)
    world.folk.away.clear()

    assert "could not be checked" in told
    assert await world.state(id_) is State.PENDING
    assert "Approved" in await world.told(SAM, "approve", id_)


async def test_run_waits_for_a_requester_who_cannot_be_checked_and_goes_on(world: World) -> None:
    """Slack's outage holds the next wave back, and says so in the thread."""
    world.edit(WAVES)
    id_ = await world.ask("reboot web[01-02] because x")
    await world.told(SAM, "approve", id_)
    waited = world.clock.sleep

    async def away_for_a_while(seconds: float) -> None:
        if world.calls() == [1] and "held" not in world.events(id_):
            world.folk.away.add(DANA)
        else:
            world.folk.away.clear()
        await waited(seconds)

    world.clock.sleep = away_for_a_while  # type: ignore[method-assign]
    await world.drive()

    assert "held" in world.events(id_)
    assert await world.state(id_) is State.SUCCEEDED


async def test_run_stops_when_the_requester_cannot_be_checked_for_too_long(world: World) -> None:
    """It waits no longer than an approval may, and nothing is sent meanwhile."""
    world.edit(WAVES)
    id_ = await world.ask("reboot web[01-02] because x")
    await world.told(SAM, "approve", id_)
    meanwhile(world, lambda: world.folk.away.add(DANA))

    await world.drive()

    found = await world.found(id_)
    assert found.state is State.STOPPED
    assert found.end_reason.startswith("waited for too long: Slack can't say")
    assert world.calls() == [1]


async def test_break_glass_of_somebody_who_may_not_any_more_is_void(world: World) -> None:
    """The list of those who may break glass is read again too."""
    id_ = await world.ask("off web01 --break-glass because fire", channel=world_.INC)
    world.folk.change(DANA, deleted=True)

    await world.drive()

    assert await world.state(id_) is State.VOID
    assert world.calls() == []


# -- the channel


async def test_server_that_its_owner_gave_back_is_not_sent(world: World) -> None:
    """What isn't in the inventory any more is left out, and said to be gone."""
    id_ = await world.ask("reboot web[01-02] because x")
    world.centre.delete_server("web01")
    world.clock.passed_s += 20

    told = await world.told(SAM, "approve", id_)
    await world.drive()

    assert "web01 (gone from the inventory)" in told
    assert (await rows(world, id_))["web02"][0] is ServerState.PROVEN


def share(world: World) -> None:
    """Let another company into the channel."""
    world.folk.channels[OPS] = dataclasses.replace(world.folk.channels[OPS], is_shared=True)


async def test_request_in_a_channel_that_was_shared_gets_no_approval(world: World) -> None:
    """At any approval, the last or not; its requester is told, and the channel nothing more."""
    id_ = await world.ask("reboot db01 because x")
    share(world)

    told = await world.told(SAM, "approve", id_)

    found = await world.found(id_)
    assert found.state is State.REFUSED
    assert found.hushed
    assert "shared with another company" in told
    assert len(directs(world, id_)) == 1


async def test_approved_request_in_a_channel_that_was_shared_is_void(world: World) -> None:
    """Read again before the run."""
    id_ = await world.ask("reboot web01 because x")
    await world.told(SAM, "approve", id_)
    share(world)

    await world.drive()

    assert (await world.found(id_)).hushed
    assert await world.state(id_) is State.VOID
    assert world.calls() == []


async def test_run_in_a_channel_that_was_shared_stops(world: World) -> None:
    """Read again before each wave; its requester is told how it ended."""
    world.edit(WAVES)
    id_ = await world.ask("reboot web[01-03] because x")
    await world.told(SAM, "approve", id_)
    meanwhile(world, lambda: share(world))

    await world.drive()

    found = await world.found(id_)
    assert (found.state, found.hushed) == (State.STOPPED, True)
    assert world.calls() == [1]
    assert len(directs(world, id_)) == 1


async def test_approval_waits_while_the_channel_cannot_be_read(world: World) -> None:
    """Whether it is shared isn't known, so nothing is counted."""
    id_ = await world.ask("reboot db01 because x")
    world.folk.away.add(OPS)

    told = await world.told(ROSA, "approve", id_)

    assert "could not be checked" in told
    assert (await world.found(id_)).approvals == ()

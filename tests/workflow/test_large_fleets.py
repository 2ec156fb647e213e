"""From the last Approve to the call in a large fleet: a request's own servers are read, not all.

What the whole list alone can tell is still asked of it. The changes of servers themselves are
played in `test_grants`, in a small fleet and in a large one.
"""

from __future__ import annotations

import pytest

from bot.clouddc import wire
from bot.power.lifecycle import ServerState, State
from bot.sandbox import data_centre
from bot.sandbox.data_centre import CallFaultKind, CallKind
from tests.workflow.test_grants import STOPPING, TAGGED, meanwhile, rows
from tests.workflow.world import ROSA, SAM, World

LIST, SHOW = data_centre.Operation.LIST, data_centre.Operation.SHOW
# A limit too large for a test: the 120 servers are twelve pages of these.
PAGE = 10
READS_S = 20.0
KEEP = '[[keep]]\nservers = "web[01-03]"\non = {}\n[[rule]]\nname = "databases"'


@pytest.fixture(autouse=True)
def many_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the list have more pages than a request has servers."""
    monkeypatch.setattr(wire, "LARGEST_PAGE", PAGE)


def keeping(on: int) -> tuple[str, str]:
    """Return an edit by which so many of three servers stay on."""
    return ('[[rule]]\nname = "databases"', KEEP.format(on))


async def asked(world: World, line: str) -> str:
    """Ask, and let the time pass in which an approver reads; no call counts from before."""
    id_ = await world.ask(line)
    world.clock.passed_s += READS_S
    return id_


async def off(world: World, name: str) -> None:
    """Let somebody else switch a server off, and wait until it is."""
    world.centre.act_externally(name, data_centre.Action.OFF)
    world.clock.passed_s += READS_S


class Reads:
    """Counts how often the list and single servers are read from now on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._before = dict(world.centre.counts())

    def __getitem__(self, what: data_centre.Operation) -> int:
        """Return how many calls of a kind there were."""
        return self._world.centre.counts().get(what, 0) - self._before.get(what, 0)


def at_the_first_call(world: World, reads: Reads) -> list[tuple[int, int]]:
    """Note how many reads there were when the first power call had been sent."""
    noted: list[tuple[int, int]] = []
    waited = world.clock.sleep

    async def then(seconds: float) -> None:
        if world.calls() and not noted:
            noted.append((reads[LIST], reads[SHOW]))
        await waited(seconds)

    world.clock.sleep = then  # type: ignore[method-assign]
    return noted


@pytest.mark.parametrize(("servers", "shows"), [("web01", 1), ("web[01-05]", 5)])
async def test_an_approval_and_the_first_check_read_each_server_once(
    world: World, servers: str, shows: int
) -> None:
    """Between Approve and the call there is one read for each server, and no list."""
    id_ = await asked(world, f"reboot {servers} because x")
    reads = Reads(world)
    noted = at_the_first_call(world, reads)

    await world.told(SAM, "approve", id_)
    await world.drive()

    assert await world.state(id_) is State.SUCCEEDED
    assert noted == [(0, shows)]


async def test_a_first_check_that_is_late_reads_the_servers_again(world: World) -> None:
    """A freeze that is lifted, or a process that was down, leaves a reading that is too old."""
    id_ = await asked(world, "reboot web[01-02] because x")
    await world.told(SAM, "approve", id_)
    world.clock.passed_s += READS_S
    reads = Reads(world)
    noted = at_the_first_call(world, reads)

    await world.drive()

    assert noted == [(0, 2)]


async def test_only_the_last_approval_reads_servers(world: World) -> None:
    """As before: of the first of two nothing follows."""
    id_ = await asked(world, "reboot db01 because x")
    reads = Reads(world)

    await world.told(ROSA, "approve", id_)

    assert (reads[LIST], reads[SHOW]) == (0, 0)


@pytest.mark.parametrize("verb", ["off", "reboot", "cycle"])
async def test_the_list_is_read_where_servers_must_stay_on(world: World, verb: str) -> None:
    """Who else is on can't be told from the request's own servers."""
    world.edit(keeping(2))
    id_ = await asked(world, f"{verb} web[01-02] because x")
    # Not in the request: with it off, none of the two may go.
    await off(world, "web03")
    reads = Reads(world)
    noted = at_the_first_call(world, reads)

    await world.told(SAM, "approve", id_)
    await world.drive()

    assert world.calls() == []
    assert noted == []
    assert (reads[LIST], reads[SHOW]) == (1, 0)
    assert (await rows(world, id_))["web01"] == (
        ServerState.BLOCKED,
        "at least 2 of web[01-03] must stay on",
    )


async def test_switching_on_counts_nobody_else(world: World) -> None:
    """More servers on are never too few."""
    world.edit(keeping(2))
    await off(world, "web01")
    id_ = await asked(world, "on web01 because x")
    reads = Reads(world)
    noted = at_the_first_call(world, reads)

    await world.told(SAM, "approve", id_)
    await world.drive()

    assert noted == [(0, 1)]


async def test_a_keep_that_comes_after_the_approval_is_counted_on_a_list(world: World) -> None:
    """The approval has read one server, which is too little for the first wave."""
    id_ = await asked(world, "off web01 because x")
    await off(world, "web03")
    await world.told(SAM, "approve", id_)
    world.edit(keeping(2))
    reads = Reads(world)

    await world.drive()

    assert world.calls() == []
    assert reads[LIST] == 1
    assert (await rows(world, id_))["web01"][0] is ServerState.BLOCKED


async def test_a_replaced_server_is_told_by_the_list(world: World) -> None:
    """By itself it is gone; that another machine has its name is in the list alone."""
    id_ = await asked(world, "reboot web[01-02] because x")
    world.centre.delete_server("web01", "11111111-2222-3333-4444-555555555555")
    reads = Reads(world)

    told = await world.told(SAM, "approve", id_)
    await world.drive()

    assert "gone from the inventory: another server is now called web01" in told
    assert reads[LIST] == 1
    assert world.centre.reboots_received("web01") == 0
    assert (await rows(world, id_))["web02"][0] is ServerState.PROVEN


async def test_a_twin_that_came_meanwhile_changes_nothing(world: World) -> None:
    """The ids are those of the plan: another server of the name is neither judged nor sent."""
    id_ = await asked(world, "reboot web01 because x")
    planned = world.centre.machine("web01").server.id
    # The same name but for a form that folds: a data centre may well take both.
    world.centre.change_server("web02", name="web01 ")

    told = await world.told(SAM, "approve", id_)
    await world.drive()

    assert "Left out" not in told
    assert [call.ids for call in world.centre.power_calls()] == [(planned,)]


async def test_a_server_that_comes_under_the_typed_pattern_is_not_taken_in(world: World) -> None:
    """What a pattern named was settled in the plan, whose ids are sealed."""
    id_ = await asked(world, "reboot web0[1-2] because x")
    planned = {world.centre.machine(name).server.id for name in ("web01", "web02")}
    world.centre.change_server("web03", name="web01b")

    await world.told(SAM, "approve", id_)
    await world.drive()

    sent = {one for call in world.centre.power_calls() for one in call.ids}
    assert sent == planned


async def test_single_reads_that_are_refused_cost_no_approval(world: World) -> None:
    """The list answers in their place."""
    id_ = await asked(world, "reboot web[01-02] because x")
    world.centre.change_server("web01", name="db99")
    world.centre.queue_fault(CallFaultKind.FORBIDDEN, CallKind.SHOW, 2)
    reads = Reads(world)

    told = await world.told(SAM, "approve", id_)

    assert "web01 (renamed to db99 since the plan)" in told
    assert reads[LIST] == 1


async def test_an_edited_policy_is_held_against_all_servers_of_the_plan(world: World) -> None:
    """The one that is done already comes under the stricter rule: its record is read all the same.

    What is enough for the others would let the run go on, as no list would.
    """
    waves = ("ramp = []", "ramp = [1]\nbatch = 1")
    world.edit(waves)
    id_ = await asked(world, "reboot web[01-03] because x")
    await world.told(SAM, "approve", id_)
    stricter = ('servers = "@db"\nactions', 'servers = "web01"\nactions')
    meanwhile(world, lambda: world.edit(waves, stricter))

    await world.drive()

    assert await world.state(id_) is State.STOPPED
    assert world.calls() == [1]
    assert "needs 1 from dc-ops" in (await world.found(id_)).end_reason


async def test_what_an_approval_has_seen_outlives_the_older_list(world: World) -> None:
    """The plan's list is young enough for a wave, and yet the wave goes by the newer record."""
    world.edit(STOPPING, TAGGED)
    id_ = await world.ask("reboot web[01-02] because x")
    world.clock.passed_s += 3.0
    told = await world.told(SAM, "approve", id_)
    assert "Approved" in told
    # Seen by another request's approval, between this one's and its wave.
    other = await world.ask("off web01 because y")
    world.clock.passed_s += 1.0
    world.centre.change_server("web01", name="db99")
    await world.told(SAM, "approve", other)

    await world.drive()

    assert world.centre.reboots_received("db99") == 0
    assert await world.state(id_) is State.STOPPED

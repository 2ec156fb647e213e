"""What somebody writes into the database behind Powerbot's back starts and continues nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable

import pytest

from bot.power import errors
from bot.power.lifecycle import ServerState, State
from bot.storage.engine import addresses, connections
from tests.workflow.world import DANA, INC, LEO, ROSA, SAM, World

WAVES = ("ramp = []", "ramp = [1]\nbatch = 1")


def write(world: World, statement: str, **values: object) -> None:
    """Change the database as its administrator may."""
    address = addresses.parsed(world.url)
    connection = connections.connect(address)
    try:
        connection.begin()
        connection.execute(statement, values)
        connection.commit()
    finally:
        connection.close()


async def ended_by_seal(world: World, id_: str, flaw: str) -> None:
    """Check that a request ended loudly and that nothing was sent."""
    await world.drive()

    found = await world.found(id_)
    assert found.state is State.VOID
    assert "changed behind Powerbot's back" in found.end_reason
    assert flaw in found.end_reason
    assert world.calls() == []
    assert len(await world.audit("seal.broken", id_)) == 1
    assert "seal_broken" in world.events(id_)
    with connections.reading(world.url) as connection:
        said = "SELECT body FROM outbox WHERE request_id = :id AND kind = 'direct'"
        told = [json.loads(row.body)["event"] for row in connection.rows(said, id=id_)]
    assert "seal_broken" in told


def approve_by_hand(world: World, id_: str) -> None:
    """Call a request approved, due at once."""
    write(
        world,
        "UPDATE requests SET state = 'approved', next_at = 1, use_by = :until WHERE id = :id",
        id=id_,
        until=world.clock.now() + 600,
    )


async def test_request_that_the_database_calls_approved_is_void(world: World) -> None:
    """Nobody has approved it, so it never starts."""
    id_ = await world.ask("reboot db01 because x")
    approve_by_hand(world, id_)

    await ended_by_seal(world, id_, "it doesn't have enough approvals")


async def test_request_whose_state_alone_was_changed_is_void(world: World) -> None:
    """It has no time until which it may be used, and that lets nothing start."""
    id_ = await world.ask("reboot db01 because x")
    write(world, "UPDATE requests SET state = 'approved' WHERE id = :id", id=id_)
    world.clock.passed_s += 3600

    await ended_by_seal(world, id_, "it doesn't have enough approvals")

    assert "started" not in world.events(id_)


async def test_plan_that_nobody_asked_for_and_that_is_called_approved_is_void(
    world: World,
) -> None:
    """The audit doesn't have that it was asked for."""
    id_ = (await world.plan("reboot db01 because x")).request_id
    approve_by_hand(world, id_)

    await ended_by_seal(world, id_, "the audit has no record of its being requested")


async def test_denied_request_that_is_called_approved_is_void(world: World) -> None:
    """Its approvals would be enough, but it has ended."""
    id_ = await world.ask("reboot db01 because x")
    await world.told(SAM, "approve", id_)
    await world.told(ROSA, "deny", id_)
    approve_by_hand(world, id_)

    await ended_by_seal(world, id_, "it had already ended")


@pytest.mark.parametrize(
    "traces",
    [
        (),
        (
            "DELETE FROM attempt_servers WHERE request_id = :id",
            "DELETE FROM attempts WHERE request_id = :id",
            "DELETE FROM run_servers WHERE request_id = :id",
            "DELETE FROM server_locks WHERE request_id = :id",
        ),
    ],
    ids=["with-its-rows", "without-them"],
)
async def test_run_whose_request_is_called_approved_again_does_not_begin_anew(
    world: World, traces: tuple[str, ...]
) -> None:
    """Its approvals were for one run: no server is rebooted by them twice."""
    world.edit(WAVES)
    id_ = await world.ask("reboot web[01-02] because x")
    await world.told(SAM, "approve", id_)
    waited = world.clock.sleep

    async def once(seconds: float) -> None:
        if world.calls():
            world.clock.sleep = waited  # type: ignore[method-assign]
            for taken_away in traces:
                write(world, taken_away, id=id_)
            approve_by_hand(world, id_)
            # As where its process dies at this moment.
            raise errors.LostLease
        await waited(seconds)

    world.clock.sleep = once  # type: ignore[method-assign]
    with pytest.raises(errors.LostLease):
        await world.drive()
    write(world, "UPDATE requests SET lease_until = 0 WHERE id = :id", id=id_)
    await world.drive()

    found = await world.found(id_)
    assert found.state is State.VOID
    assert "its run had already begun" in found.end_reason
    assert world.centre.reboots_received("web01") == 1
    assert world.calls() == [1]


async def test_approval_that_is_written_into_the_database_makes_it_void(world: World) -> None:
    """It carries the right seal, but no click of anybody's stands behind it."""
    id_ = await world.ask("reboot db01 because x")
    await world.told(SAM, "approve", id_)
    write(
        world,
        "INSERT INTO approvals (request_id, user_id, team_id, group_name, at, seal) "
        "SELECT request_id, 'U0ROSA', team_id, 'dc-ops', at, seal FROM approvals",
    )
    approve_by_hand(world, id_)

    await ended_by_seal(world, id_, "the audit has no record of one of its approvals")


async def test_approval_that_was_moved_to_another_group_makes_it_void(world: World) -> None:
    """One of sre can't stand in for one of dc-ops."""
    id_ = await world.ask("reboot db01 because x")
    await world.told(SAM, "approve", id_)
    write(world, "UPDATE approvals SET group_name = 'dc-ops'")
    approve_by_hand(world, id_)

    await ended_by_seal(world, id_, "counts for a different group")


def other_server(plan: dict[str, object]) -> None:
    """Put another server into a plan."""
    nobody = "00000000-0000-0000-0000-000000000000"
    edited, count = re.subn(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", nobody, json.dumps(plan))
    assert count == 1
    plan.update(json.loads(edited))


def other_action(plan: dict[str, object]) -> None:
    """Make an off of a reboot."""
    order = plan["order"]
    assert isinstance(order, dict)
    order["action"] = "off"


def other_requester(plan: dict[str, object]) -> None:
    """Let somebody else have asked."""
    order = plan["order"]
    assert isinstance(order, dict)
    order["requester"]["user_id"] = LEO


def fewer_needs(plan: dict[str, object]) -> None:
    """Need one approval less."""
    terms = plan["terms"]
    assert isinstance(terms, dict)
    terms["needs"] = terms["needs"][:1]


def faster(plan: dict[str, object]) -> None:
    """Send all at once."""
    terms = plan["terms"]
    assert isinstance(terms, dict)
    terms["max_failures"] = 500


def passing_freezes(plan: dict[str, object]) -> None:
    """Claim that a freeze's approvals are among the needs."""
    terms = plan["terms"]
    assert isinstance(terms, dict)
    terms["overrides"] = ["year end"]


@pytest.mark.parametrize(
    "edit", [other_server, other_action, other_requester, fewer_needs, faster, passing_freezes]
)
@pytest.mark.parametrize("digest", [True, False])
async def test_plan_that_was_edited_in_the_database_is_void(
    world: World, edit: Callable[[dict[str, object]], None], digest: bool
) -> None:
    """Whatever of it was changed, and whether or not its digest was brought into line."""
    id_ = await world.ask("reboot db01 because x")
    await world.told(SAM, "approve", id_)
    await world.told(ROSA, "approve", id_)
    with connections.reading(world.url) as connection:
        (row,) = connection.rows("SELECT plan FROM plans WHERE request_id = :id", id=id_)
    plan = json.loads(row.plan)
    edit(plan)
    write(
        world, "UPDATE plans SET plan = :plan WHERE request_id = :id", plan=json.dumps(plan), id=id_
    )
    if digest:
        write(world, "UPDATE requests SET plan_digest = 'new' WHERE id = :id", id=id_)

    await ended_by_seal(world, id_, "its plan isn't the one that was requested")


async def test_approval_that_was_given_to_another_seal_makes_it_void(world: World) -> None:
    """Each approval carries the seal of what it was given to."""
    id_ = await world.ask("reboot web01 because x")
    await world.told(SAM, "approve", id_)
    write(world, "UPDATE approvals SET seal = :seal", seal="0" * 64)

    await ended_by_seal(world, id_, "an approval was given for another plan")


async def test_audit_row_that_was_edited_makes_it_void(world: World) -> None:
    """The row that says what was asked is held against its own hash."""
    id_ = await world.ask("reboot web01 because x")
    await world.told(SAM, "approve", id_)
    write(world, "DROP TRIGGER audit_no_update")
    write(world, "UPDATE audit SET user_id = 'U0LEO' WHERE event = 'approval.given'")

    await ended_by_seal(world, id_, "an audit row about it was changed")


async def test_use_that_was_put_off_in_the_database_makes_it_void(world: World) -> None:
    """An approval of long ago can't be made fresh again."""
    id_ = await world.ask("reboot web01 because x")
    await world.told(SAM, "approve", id_)
    write(world, "UPDATE requests SET use_by = use_by + 86400")
    world.clock.passed_s += 3600

    await ended_by_seal(world, id_, "too late")


async def test_expiry_that_was_put_off_in_the_database_takes_no_approval(world: World) -> None:
    """It would have expired, so it is refused at the click."""
    id_ = await world.ask("reboot web01 because x")
    write(world, "UPDATE requests SET expires_at = expires_at + 86400")
    world.clock.passed_s += 7200

    told = await world.told(SAM, "approve", id_)

    assert "too late" in told
    assert await world.state(id_) is State.REFUSED


async def run_changed_after_its_first_call(world: World, statement: str) -> str:
    """Drive a run in waves to its end, with its record changed once in between; return its id."""
    world.edit(WAVES)
    id_ = await world.ask("reboot web[01-03] because x")
    await world.told(SAM, "approve", id_)
    waited = world.clock.sleep

    async def once(seconds: float) -> None:
        if world.calls():
            world.clock.sleep = waited  # type: ignore[method-assign]
            write(world, statement)
        await waited(seconds)

    world.clock.sleep = once  # type: ignore[method-assign]
    await world.drive()
    return id_


async def test_run_whose_plan_is_edited_stops_before_its_next_wave(world: World) -> None:
    """What was sent is watched to its end; nothing more leaves."""
    edited = "UPDATE plans SET plan = replace(plan, 'reboot', 'off')"
    id_ = await run_changed_after_its_first_call(world, edited)

    found = await world.found(id_)
    assert found.state is State.STOPPED
    assert "its plan isn't the one that was requested" in found.end_reason
    assert world.calls() == [1]
    assert len(await world.audit("seal.broken", id_)) == 1


async def test_request_that_the_database_calls_running_sends_nothing(world: World) -> None:
    """It has rows of its own, but nobody approved it."""
    id_ = await world.ask("reboot db01 because x")
    found = await world.found(id_)
    target = found.order.targets[0]
    write(
        world,
        "INSERT INTO run_servers (request_id, server_id, position, name, state) "
        "VALUES (:id, :server, 0, :name, 'queued')",
        id=id_,
        server=target.server_id,
        name=target.name,
    )
    write(world, "UPDATE requests SET state = 'running', next_at = 1")

    await world.drive()

    assert await world.state(id_) is State.STOPPED
    assert world.calls() == []


@pytest.mark.parametrize("ended", [False, True])
async def test_request_that_is_called_running_without_a_start_claims_nothing(
    world: World, ended: bool
) -> None:
    """It has no rows, so that nothing would be left to do: no success may be told of that."""
    id_ = await world.ask("reboot web[01-02] because x")
    if ended:
        await world.told(SAM, "deny", id_)
    write(world, "UPDATE requests SET state = 'running', next_at = 1")

    await world.drive()

    found = await world.found(id_)
    assert found.state is State.STOPPED
    assert "its run lacks servers of its plan" in found.end_reason
    assert "seal_broken" in world.events(id_)
    assert {row.state for row in (await world.rows(id_)).values()} == {ServerState.NOT_SENT}
    assert world.calls() == []


async def test_run_whose_rows_were_taken_away_sends_nothing_again(world: World) -> None:
    """What was sent before is unknown, what wasn't is left out, and the end is loud."""
    world.edit(WAVES)
    id_ = await world.ask("reboot web[01-03] because x")
    await world.told(SAM, "approve", id_)
    waited = world.clock.sleep

    async def killed_after_the_first_call(seconds: float) -> None:
        if world.calls():
            raise InterruptedError
        await waited(seconds)

    world.clock.sleep = killed_after_the_first_call  # type: ignore[method-assign]
    with pytest.raises(InterruptedError):
        await world.drive()
    world.clock.sleep = waited  # type: ignore[method-assign]
    write(world, "DELETE FROM run_servers WHERE name IN ('web01', 'web02')")
    write(world, "UPDATE requests SET lease_until = 0")

    await world.drive()

    states = {name: row.state for name, row in (await world.rows(id_)).items()}
    assert states == {
        "web01": ServerState.UNKNOWN,
        "web02": ServerState.NOT_SENT,
        "web03": ServerState.NOT_SENT,
    }
    assert await world.state(id_) is State.STOPPED
    assert world.calls() == [1]
    assert len(await world.audit("seal.broken", id_)) == 1


@pytest.mark.parametrize("in_memory", [False, True])
async def test_plan_that_was_edited_before_it_was_requested_is_void(
    world: World, in_memory: bool
) -> None:
    """Whoever breaks glass has read another plan, and nobody reads this one after them."""
    shown = await world.plan("reboot web01 --break-glass because x", channel=INC)
    first, other = (world.centre.machine(name).server for name in ("web01", "web02"))
    with connections.reading(world.url) as connection:
        (row,) = connection.rows("SELECT plan FROM plans")
    edited = row.plan.replace(first.id, other.id).replace("web01", "web02")
    write(world, "UPDATE plans SET plan = :plan", plan=edited.replace(first.sn, other.sn))
    if not in_memory:
        write(world, "UPDATE requests SET plan_digest = 'new'")

    await world.told(DANA, "request", shown.request_id)
    await world.show_card(shown.request_id, INC)

    await ended_by_seal(
        world, shown.request_id, "its plan isn't the one that its requester was shown"
    )


async def test_approvals_of_an_older_version_are_honoured_and_said_once(world: World) -> None:
    """They have no seal of their own; the audit row of their click has it."""
    world.edit(WAVES)
    id_ = await world.ask("reboot web[01-02] because x")
    await world.told(SAM, "approve", id_)
    write(world, "UPDATE approvals SET seal = ''")

    await world.drive()

    assert await world.state(id_) is State.SUCCEEDED
    (row,) = await world.audit("approval.honoured_unsealed", id_)
    assert row["detail"]["approvals_of"] == [SAM]


async def test_whole_record_is_never_taken_for_a_changed_one(world: World) -> None:
    """Moved approvals, withdrawn ones and break glass all agree with the audit."""
    moved = await world.ask("reboot db01 because x")
    await world.told(LEO, "approve", moved)
    await world.told(ROSA, "approve", moved)
    withdrawn = await world.ask("reboot db02 because x")
    await world.told(SAM, "approve", withdrawn)
    world.folk.change(SAM, deleted=True)
    await world.told(ROSA, "approve", withdrawn)
    await world.told(LEO, "approve", withdrawn)

    await world.drive()

    assert await world.state(moved) is State.SUCCEEDED
    assert await world.state(withdrawn) is State.SUCCEEDED
    assert await world.audit("seal.broken") == []


def during_the_click_of(who: str, world: World, what: Callable[[], Awaitable[object]]) -> None:
    """Let something happen while a click's right is looked up, its request read already."""

    async def next_time() -> None:
        world.folk.meanwhile[who] = what

    # At first it is looked up whether the person may use Powerbot at all.
    world.folk.meanwhile[who] = next_time


async def test_approval_that_was_withdrawn_meanwhile_breaks_no_seal(world: World) -> None:
    """Two people approve at once, and one of the clicks takes away the yes of who has left."""
    id_ = await world.ask("reboot db01 because x")
    await world.told(SAM, "approve", id_)
    world.folk.change(SAM, deleted=True)
    world.clock.passed_s += 10.0
    during_the_click_of(ROSA, world, lambda: world.told(LEO, "approve", id_))

    told = await world.told(ROSA, "approve", id_)
    await world.drive()

    assert "Approved" in told
    assert await world.state(id_) is State.SUCCEEDED
    assert await world.audit("seal.broken", id_) == []
    assert len(await world.audit("approval.withdrawn", id_)) == 1


@pytest.mark.parametrize("who", [DANA, LEO], ids=["cancelled", "denied"])
async def test_request_that_ended_during_a_click_breaks_no_seal(
    world: World, who: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The click comes too late, and nobody is alarmed."""
    id_ = await world.ask("reboot web01 because x")
    no = "cancel" if who == DANA else "deny"
    during_the_click_of(SAM, world, lambda: world.told(who, no, id_))

    told = await world.told(SAM, "approve", id_)

    assert "has already ended" in told
    assert "seal.broken" not in capsys.readouterr().out


async def test_approval_that_is_taken_away_from_a_run_stops_it(world: World) -> None:
    """What stands in the database is held against the audit before each wave."""
    taken = "UPDATE approvals SET seal = 'another'"
    id_ = await run_changed_after_its_first_call(world, taken)

    assert await world.state(id_) is State.STOPPED
    assert world.calls() == [1]
    assert "was given for another plan" in (await world.found(id_)).end_reason

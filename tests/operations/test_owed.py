"""What still stands outside: listed and settled on the host, put back by those who may."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.operations import host_commands, host_view, owed
from bot.power import ports, request
from bot.power.run import step_ledger
from bot.power.steps import definition, protocol, wave_parts
from bot.power.steps.states import StepState
from bot.workflow import answers, put_back
from bot.workflow.record import Record
from tests.storage import owner
from tests.support import databases
from tests.workflow import world as world_
from tests.workflow.world import DANA, OLGA, SAM, World

DRAIN = definition.Step(name="drain", kind="drain", node="{name}")
QUIET = definition.Step(name="quiet", kind="silence", urls=("http://am",), lasts_s=7200.0)


@pytest_asyncio.fixture
async def world(tmp_path: pathlib.Path) -> AsyncIterator[World]:
    """A world."""
    async with world_.running(databases.sqlite(tmp_path)) as made:
        yield made


@pytest.fixture
def record(world: World) -> Record:
    """The record as a command works on it."""
    return Record(store=world.store, clock=world.clock)


async def left_out(world: World, *states: StepState) -> str:
    """Return an ended request that has left web01 drained and silenced, in these states."""
    id_ = await world.ask("reboot web01 because a")
    await world.press(SAM, "approve", id_)
    await world.drive()
    found = await world.found(id_)
    assert found.ended_at, found.state
    now = world.clock.now()
    subject = protocol.Subject(id=found.order.server_ids[0], name="web01")
    made = [
        wave_parts.Part(
            f"{id_}_1_1_{number}_{one.name}", id_, 1, one, since=now,
            servers=(wave_parts.Taken(subject, since=now),),
        )
        for number, one in enumerate((QUIET, DRAIN))
    ]  # fmt: skip

    def work(tx: ports.Tx) -> None:
        tx.intend_parts(made, epoch=found.epoch)
        for part, state in zip(made, states, strict=True):
            stands = state in (StepState.DONE, StepState.OWED)
            new = dataclasses.replace(part.servers[0], state=state, stands=stands, detail="why")
            tx.move(part.key, [new], before=[StepState.INTENDED])
            tx.note_part(dataclasses.replace(part, until=now + 60 if part.step is QUIET else 0.0))

    await world.store.write(work)
    return id_


async def test_what_is_out_and_what_is_owed_is_listed(world: World, record: Record) -> None:
    """A row for each server and step, with times that machines and people read."""
    id_ = await left_out(world, StepState.DONE, StepState.OWED)
    found = await owed.rows(record)
    first, second = json.loads(owed.as_json(found))

    assert {key: first[key] for key in ("request", "wave", "step", "kind", "server", "state")} == {
        "request": id_, "wave": 1, "step": "quiet", "kind": "silence", "server": "web01",
        "state": "out",
    }  # fmt: skip
    assert first["since"].endswith("Z")
    assert first["until"].endswith("Z")
    assert (second["step"], second["state"], second["detail"]) == ("drain", "owed", "why")
    assert "until" not in second
    assert owed.listed(found).startswith("out web01 · quiet · ")
    assert owed.listed([]) == owed.NOTHING


async def test_a_request_is_shown_with_its_steps(world: World, record: Record) -> None:
    """A row for each server and step, the state as the store has it."""
    id_ = await left_out(world, StepState.PUT_BACK, StepState.OWED)
    found = json.loads(host_view.one_as_json(await host_commands.show(record, id_)))
    first, second = found["steps"]

    assert found["id"] == id_
    assert {key: first[key] for key in ("request", "wave", "step", "kind", "server", "state")} == {
        "request": id_, "wave": 1, "step": "quiet", "kind": "silence", "server": "web01",
        "state": "put_back",
    }  # fmt: skip
    assert (second["step"], second["state"], second["detail"]) == ("drain", "owed", "why")
    assert set(second) == {
        "request", "wave", "step", "kind", "server", "state", "since", "detail",
    }  # fmt: skip


async def test_settling_touches_one_step_of_one_server(world: World, record: Record) -> None:
    """It is audited, said in the thread, and done once."""
    id_ = await left_out(world, StepState.DONE, StepState.OWED)
    said = await owed.settle(record, id_.lower(), "drain", "web01")

    assert said == f"Settled: drain of web01 in {id_}. Nothing outside was touched."
    assert [row.part.step.name for row in await owed.rows(record)] == ["quiet"]
    (row,) = await world.audit("step.settled")
    assert row["user_id"] == row["detail"]["by"] == host_commands.operator().user_id
    assert world.thread(id_)[-1]["event"] == "step_settled"
    for again in (("drain", "web01"), ("nothing", "web01"), ("quiet", "web02")):
        with pytest.raises(host_commands.NotDone, match="neither out nor owed"):
            await owed.settle(record, id_, *again)
    refused = await world.audit("settle.refused", id_)
    assert [one["user_id"] for one in refused] == [host_commands.operator().user_id] * 3


IN_HAND = [
    "UPDATE step_servers SET state = 'intended', stands = 1 WHERE step_key LIKE '%_drain'",
    "UPDATE step_servers SET state = 'putting_back', stands = 1 WHERE step_key LIKE '%_drain'",
]


@pytest.mark.parametrize("in_hand", IN_HAND, ids=["before", "after"])
async def test_step_that_a_run_has_in_hand_is_not_settled(
    world: World, record: Record, in_hand: str
) -> None:
    """Its answer would be lost, and something would stand outside that no record knows of."""
    id_ = await left_out(world, StepState.DONE, StepState.OWED)
    owner.execute(world.url, in_hand, "UPDATE requests SET state = 'running', ended_at = 0")

    with pytest.raises(host_commands.NotDone, match=f"under way, because {id_} is still running"):
        await owed.settle(record, id_, "drain", "web01")
    assert len(await owed.rows(record)) == 2
    assert await owed.settle(record, id_, "quiet", "web01")

    owner.execute(world.url, "UPDATE requests SET ended_at = 9")
    assert await owed.settle(record, id_, "drain", "web01")


async def test_settling_by_a_name_that_two_servers_have_wants_an_id(
    world: World, record: Record
) -> None:
    """One was mended by hand; the other stays owed."""
    id_ = await left_out(world, StepState.DONE, StepState.OWED)
    twin = protocol.Subject(id="twin-id", name="web01")
    part = wave_parts.Part(f"{id_}_2_1_1_drain", id_, 2, DRAIN, servers=(wave_parts.Taken(twin),))
    epoch = (await world.found(id_)).epoch
    await world.store.write(lambda tx: tx.intend_parts([part], epoch=epoch))

    with pytest.raises(
        host_commands.NotDone, match=r"2 servers in .* are called web01; give an id: .*twin"
    ):
        await owed.settle(record, id_, "drain", "web01")
    assert await owed.settle(record, id_, "drain", "twin-id")
    assert await owed.settle(record, id_, "drain", "web01")


async def test_settling_takes_an_id_as_every_command_does(record: Record) -> None:
    """What is no id is said to be none, and one that nobody asked for isn't called settled."""
    with pytest.raises(host_commands.NotDone, match="isn't a request id"):
        await owed.settle(record, "web01", "drain", "web01")
    with pytest.raises(host_commands.NotDone, match="no request PR-7F3K"):
        await owed.settle(record, " pr-7f3k ", "drain", "web01")


async def test_whoever_may_ask_or_approve_may_put_back(world: World) -> None:
    """Whatever the server's state; it is due at once, and audited."""
    id_ = await left_out(world, StepState.DONE, StepState.OWED)
    note = await world.press(DANA, "put_back", id_)

    assert isinstance(note, answers.Note)
    assert note.good, note.text
    now = world.clock.now()
    due = await world.store.write(lambda tx: tx.due_parts(now=now + 1, until=now + 60))
    assert {part.step.name for part in due} == {"quiet", "drain"}
    assert all(one.due for part in due for one in part.servers)
    assert await world.audit("put_back.asked")


async def test_others_may_not(world: World) -> None:
    """The refusal is audited, and nothing is due."""
    id_ = await left_out(world, StepState.DONE, StepState.OWED)
    note = await world.press(OLGA, "put_back", id_)
    assert isinstance(note, answers.Note)
    assert note.text == put_back.NOT_YOURS
    assert await world.audit("put_back.refused")
    assert not await world.store.read(lambda tx: tx.parts_wait(now=world.clock.now() + 1))


async def test_nothing_out_is_told(world: World) -> None:
    """A button of an old card."""
    id_ = await left_out(world, StepState.PUT_BACK, StepState.SETTLED)
    note = await world.press(DANA, "put_back", id_)
    assert isinstance(note, answers.Note)
    assert note.text == put_back.NOTHING


async def test_owed_is_answered_in_slack(world: World) -> None:
    """`/power owed`."""
    await left_out(world, StepState.DONE, StepState.OWED)
    shown = await world.type("owed", DANA)
    assert isinstance(shown, answers.OwedShown)
    assert len(shown.parts) == 2


async def test_home_shows_what_is_owed_until_it_is_settled(world: World, record: Record) -> None:
    """To everybody; who may have it put back is offered that."""
    id_ = await left_out(world, StepState.PUT_BACK, StepState.OWED)
    for person, may in ((DANA, True), (OLGA, False)):
        (out,) = (await world.flow.home(request.Person(user_id=person, team_id=world_.TEAM))).out
        assert (out.request.id, out.may) == (id_, may)
        assert [row.part.step.name for row in step_ledger.rows(out.parts)] == ["drain"]
    await owed.settle(record, id_, "drain", "web01")
    assert not (await world.flow.home(request.Person(user_id=DANA, team_id=world_.TEAM))).out

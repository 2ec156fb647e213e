"""The host's commands work on the record beside the bot, by the same steps as clicks."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import json
import os
import pathlib
import pwd
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot import settings
from bot.operations import host_commands, host_freezes, host_view, owed
from bot.power.lifecycle import ServerState, State
from bot.power.policy import policy
from bot.sandbox import demo
from bot.storage import opening
from bot.workflow.record import Ruled
from tests.support import databases
from tests.workflow import world as world_
from tests.workflow.world import DANA, INC, OPS, SAM, World

# On each of two databases.
RACES = 100
OPERATOR = f"host:{pwd.getpwuid(os.getuid()).pw_name}"


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def world(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> AsyncIterator[World]:
    """A world on either database."""
    if request.param == "sqlite":
        url = databases.sqlite(tmp_path)
    else:
        server: databases.Postgres = request.getfixturevalue("postgres")
        url = server.fresh()
    async with world_.running(url) as made:
        yield made


@pytest_asyncio.fixture
async def record(world: World) -> AsyncIterator[Ruled]:
    """The record as a command opens it: by connections of its own."""
    store = opening.open_store(world.url, code_version="test", migrate=False)
    yield Ruled(store=store, policy=lambda: world.rules, clock=world.clock)
    await store.close()


async def refusal(done: object) -> str:
    """Return the sentence with which the host is refused."""
    with pytest.raises(host_commands.NotDone) as refused:
        await done  # type: ignore[misc]
    return refused.value.user_message


async def test_open_requests_are_listed(world: World, record: Ruled) -> None:
    """Plans that nobody asked for aren't, nor what has ended, unless all are wanted."""
    await world.plan("off web09 because x")
    waiting, over = (
        await world.ask("reboot web01 because a"),
        await world.ask("reboot web02 because b"),
    )
    await world.press(DANA, "cancel", over)

    listed, every = (
        await host_commands.requests(record),
        await host_commands.requests(record, every=True),
    )

    assert [one.request.id for one in listed] == [waiting]
    assert {one.request.id for one in every} == {waiting, over}
    assert host_view.listed(listed).startswith(f"{waiting} pending: reboot 1 server (web01) by")
    assert host_view.listed([]) == "No request is open."


async def test_request_is_shown_as_json(world: World, record: Ruled) -> None:
    """Before its run the servers are as the plan means them, after it as they ended."""
    id_ = await world.ask("reboot web[01-02] because kernel")
    before = json.loads(host_view.one_as_json(await host_commands.show(record, id_.lower())))
    await world.press(SAM, "approve", id_)
    await world.drive()
    [after] = json.loads(host_view.as_json(await host_commands.requests(record, every=True)))

    assert before["state"] == "pending"
    assert before["needs"] == [{"group": "sre", "count": 1}]
    assert before["steps"] == []
    assert before["outcome"] == {"queued": 2}
    assert after["state"] == "succeeded"
    assert after["outcome"] == {ServerState.PROVEN.value: 2}
    assert {one["name"] for one in after["servers"]} == {"web01", "web02"}
    assert [one["user"] for one in after["approvals"]] == [SAM]
    assert after["created_at"].endswith("Z")
    assert after["ended_at"] > after["created_at"]


async def test_odd_name_is_marked_for_people_and_steers_no_terminal(
    world: World, record: Ruled
) -> None:
    """Whoever names a server would have it taken for another, or have the screen cleared."""
    odd = "wеb01\u202e\x9b2J"
    machine = world.centre.machine("web01")
    machine.server = dataclasses.replace(machine.server, name=odd)
    id_ = await world.ask(f"reboot {machine.server.id} because x")
    await world.press(SAM, "approve", id_)
    await world.drive()

    shown = await host_commands.show(record, id_)
    told = [host_view.listed([shown]), *host_view.detailed(shown).splitlines()[-1:]]
    printed = host_view.one_as_json(shown)

    assert all('"wеb012J" (Cyrillic е, ' in one for one in told), told
    assert told[1].startswith('  "')
    assert printed.replace("\n", "").isprintable()
    assert json.loads(printed)["servers"][0]["name"] == odd


async def test_servers_of_one_name_are_told_apart(world: World, record: Ruled) -> None:
    """Whoever must go to the machine that failed has to know which of the two it is."""
    one, other = world.centre.machine("web01"), world.centre.machine("web02")
    other.server = dataclasses.replace(other.server, name="web01")
    id_ = await world.ask(f"reboot {one.server.id} {other.server.id} because x")
    before = host_view.detailed(await host_commands.show(record, id_)).splitlines()[1:]
    await world.press(SAM, "approve", id_)
    await world.drive()
    after = host_view.detailed(await host_commands.show(record, id_)).splitlines()[-2:]

    for lines in (before, after):
        assert len(set(lines)) == 2
        assert all(line.startswith("  web01 (") for line in lines), lines


async def test_unknown_request_is_refused(record: Ruled) -> None:
    """The sentence says which command lists those that there are."""
    assert "no request PR-7F3K" in await refusal(host_commands.show(record, "pr-7f3k"))
    assert "isn't a request id" in await refusal(host_commands.stop(record, "web01"))


@pytest.mark.parametrize("id_", ["PR-7F3K", "web01"])
async def test_acting_on_what_is_no_request_is_audited(
    world: World, record: Ruled, id_: str
) -> None:
    """A refused attempt leaves who made it and what they named; a look leaves nothing."""
    for trying in (
        host_commands.stop(record, id_),
        host_commands.cancel(record, id_),
        owed.settle(record, id_, "drain", "web01"),
        host_commands.show(record, id_),
    ):
        await refusal(trying)

    rows = await world.audit()
    assert [row["event"] for row in rows] == ["stop.refused", "cancel.refused", "settle.refused"]
    assert {row["user_id"] for row in rows} == {OPERATOR}
    assert {row["detail"]["asked"] for row in rows} == {id_}
    assert all(row["detail"]["why"] for row in rows)


@pytest.mark.parametrize("typed", ["", " ", "PR-7F3K PR-8AYH"])
async def test_an_id_that_is_none_is_refused_in_the_words_of_the_verb(
    record: Ruled, typed: str
) -> None:
    """Whoever stops isn't told about show."""
    assert "stop" in await refusal(host_commands.stop(record, typed))
    assert "cancel" in await refusal(host_commands.cancel(record, typed))
    assert "show" in await refusal(host_commands.show(record, typed))


async def test_a_reason_that_is_too_long_holds_no_stop_up_and_is_not_kept(
    world: World, record: Ruled
) -> None:
    """The host's words are bounded as Slack's are, and nothing is cut to fit."""
    waiting = await world.ask("reboot web09 because x")
    id_ = await world.ask("reboot web[01-03] --batch 1 because x")
    await world.press(SAM, "approve", id_)
    driving = asyncio.create_task(world.drive())
    while await world.state(id_) is not State.RUNNING:
        pass
    stopped = await host_commands.stop(record, id_, "y" * 501)
    cancelled = await host_commands.cancel(record, waiting, "z" * 100_000)
    await driving

    assert "this one has 501. It wasn't saved." in stopped
    assert "this one has 100,000. It wasn't saved." in cancelled
    assert "yyy" not in str([await world.audit(), world.thread(id_)])
    assert "zzz" not in str([await world.audit(), world.thread(waiting)])


async def test_a_reason_is_kept_as_one_line_of_what_can_be_seen(
    world: World, record: Ruled
) -> None:
    """It stands in refusals, threads and the audit, as a reason that was typed in Slack does."""
    id_ = await world.ask("reboot web01 because x")
    await host_commands.cancel(record, id_, "wrong\x1b[2J\x07\u202e\nrack")

    [row] = await world.audit("request.cancelled")
    said = await refusal(host_commands.cancel(record, id_))

    assert "wrong [2J rack" in said
    assert said.isprintable()
    assert "\\u001b" not in json.dumps(row["detail"])


async def test_a_step_and_a_server_are_named_as_they_can_be_seen(
    record: Ruled, world: World
) -> None:
    """A name that was copied from elsewhere steers no terminal, and an empty one shows."""
    id_ = await world.ask("reboot web01 because x")

    said = await refusal(owed.settle(record, id_, "", "web\x1b[2J"))

    assert said.startswith('"" of "web[2J" (u+001b) is neither out nor owed')


@pytest.mark.parametrize("verb", ["stop", "cancel"])
async def test_slack_audits_the_same(world: World, verb: str) -> None:
    """One record for every door."""
    await world.type(f"{verb} PR-7F3K")

    [row] = await world.audit(f"{verb}.refused")
    assert (row["user_id"], row["detail"]["asked"]) == (DANA, "PR-7F3K")
    assert row["detail"]["why"] == "There is no request PR-7F3K."


async def test_host_stops_a_run(world: World, record: Ruled) -> None:
    """No call leaves after it; thread and audit say that it was the host."""
    id_ = await world.ask("reboot web[01-09] --batch 3 because x")
    await world.press(SAM, "approve", id_)
    driving = asyncio.create_task(world.drive())
    while await world.state(id_) is not State.RUNNING:
        pass
    said = await host_commands.stop(record, id_, "wrong rack")
    await driving

    assert said == f"{id_} sends nothing more; what was already sent is still watched."
    assert sum(world.calls()) < 9
    assert await world.state(id_) is State.STOPPED
    [row] = await world.audit("request.stop_asked", id_)
    assert row["user_id"] == OPERATOR
    [told] = [one for one in world.thread(id_) if one["event"] == "stop_asked"]
    assert (told["user"], told["reason"]) == (OPERATOR, "wrong rack")


async def test_what_does_not_run_is_cancelled_and_what_runs_is_stopped(
    world: World, record: Ruled
) -> None:
    """Each refusal ends in the line to type, and is audited."""
    waiting = await world.ask("reboot web01 because x")
    approved = await world.ask("reboot web02 because x")
    await world.press(SAM, "approve", approved)

    for id_ in (waiting, approved):
        said = await refusal(host_commands.stop(record, id_))
        assert said.endswith(f"type: powerbot cancel {id_}")
        assert await host_commands.cancel(record, id_, "not now") == f"{id_} is cancelled."
        assert "has already ended: cancelled" in await refusal(host_commands.cancel(record, id_))
    await world.drive()

    assert world.calls() == []
    rows = await world.audit("stop.refused")
    assert [row["user_id"] for row in rows] == [OPERATOR] * 2
    cancelled = await world.audit("request.cancelled")
    assert [row["user_id"] for row in cancelled] == [OPERATOR] * 2


async def test_host_freezes_and_lifts(world: World, record: Ruled) -> None:
    """Everybody is told where requests are made; nothing new leaves until it is lifted.

    Then each announcement says who has lifted it.
    """
    id_ = await world.ask("reboot web01 because x")
    await world.press(SAM, "approve", id_)
    said = await host_freezes.freeze(record, "cooling is being repaired")
    await world.drive()

    assert said.startswith("Frozen")
    assert world.calls() == []
    [standing] = await world.store.read(lambda tx: tx.freezes(now=world.given.now()))
    assert (standing.holder, standing.reason) == (OPERATOR, "cooling is being repaired")
    notices = await world.store.due_notices(now=world.given.now())
    assert {one.channel_id for one in notices} == {OPS, INC}
    assert {one.news.model_dump()["by"] for one in notices} == {OPERATOR}
    for one in notices:
        await world.store.notice_sent(one, now=world.given.now(), ts="1.1")

    assert await host_freezes.unfreeze(record) == "The freeze is over."
    due = await world.store.due_notices(now=world.given.now())
    await world.later(60)

    closed = {(one.channel_id, one.ts, one.end.by) for one in due if one.end is not None}
    assert closed == {(OPS, "1.1", OPERATOR), (INC, "1.1", OPERATOR)}
    assert await world.state(id_) is State.SUCCEEDED
    assert "There is no freeze to lift." in await refusal(host_freezes.unfreeze(record))


async def test_host_lifts_the_freezes_of_people_only_if_told_to(
    world: World, record: Ruled
) -> None:
    """A freeze has a holder; unfreeze alone lifts one's own."""
    await world.type("freeze cooling", SAM)

    assert "unfreeze all lifts every freeze" in await refusal(host_freezes.unfreeze(record))
    assert await host_freezes.unfreeze(record, every=True) == "The freeze is over."
    [row] = await world.audit("freeze.off.refused")
    assert row["user_id"] == OPERATOR


async def test_host_and_clicks_have_one_winner_each_time(world: World, record: Ruled) -> None:
    """The host cancels while the requester does, or while an approver says yes."""
    chance = random.Random(7)
    winners: collections.Counter[str] = collections.Counter()
    for number in range(RACES):
        world.clock.passed_s += 100.0
        id_ = await world.ask(f"reboot web{number % 9 + 1:02} because race {number}")
        clicks = [world.press(SAM, "approve", id_), world.press(DANA, "cancel", id_)]
        racing = [host_commands.cancel(record, id_), *clicks]
        chance.shuffle(racing)

        done = await asyncio.gather(*racing, return_exceptions=True)

        [row] = await world.audit("request.cancelled", id_)
        winners[row["user_id"]] += 1
        assert await world.state(id_) is State.CANCELLED
        refused = sum(isinstance(one, host_commands.NotDone) for one in done)
        assert refused == (row["user_id"] != OPERATOR)
    await world.drive()

    assert world.calls() == []
    assert set(winners) == {OPERATOR, DANA}


async def test_a_record_is_never_made_by_looking_at_it(tmp_path: pathlib.Path) -> None:
    """A wrong address is said to be wrong, and stays empty."""
    given = demo.environment("", "", tmp_path) | {
        "POWERBOT_DATABASE_URL": f"sqlite:///{tmp_path / 'none.db'}"
    }
    with pytest.MonkeyPatch.context() as environment:
        for name, value in given.items():
            environment.setenv(name, value)
        read = settings.load(env_file=None)

    with pytest.raises(Exception, match="no database at"):
        async with host_commands.opened(read):
            pass

    assert [name for name in os.listdir(tmp_path) if name.startswith("none.db")] == []


async def test_host_is_told_that_no_channel_hears_of_a_freeze(world: World, record: Ruled) -> None:
    """Whoever types it in another folder, where no policy is, learns that nobody is told."""
    blind = dataclasses.replace(record, policy=lambda: policy.EMPTY)

    assert host_freezes.NO_CHANNEL in await host_freezes.freeze(blind, "cooling")
    assert host_freezes.NO_CHANNEL not in await host_freezes.freeze(record, "cooling again")

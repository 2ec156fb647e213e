"""`kill -9` at each step between a command and the end of its request: the story goes on.

The steps are the events of the log: one is written after each thing that was done. A child process
kills itself at one of them, another takes its place, and a person who saw no answer tries again.
"""

from __future__ import annotations

import asyncio
import pathlib
import signal

import pytest

from bot.power.lifecycle import ServerState, State
from bot.sandbox import data_centre
from bot.storage import opening
from bot.storage.admin import audit_chain
from bot.storage.engine import connections
from tests.soak import naive, reckoning, stage
from tests.soak.person import PATIENCE_S, Person
from tests.support import databases

FACTOR = 20.0

# Each step, and how often it comes before the process dies there.
STEPS = {
    "the command": [
        ("slack.stored", 1),
        ("slack.acked", 1),
        ("request.planned", 1),
        ("slack.answered", 1),
        ("slack.finished", 1),
    ],
    "the press of Request": [
        ("slack.stored", 2),
        ("request.pending", 1),
        ("slack.taken:chat.postMessage", 1),
        ("slack.told:card", 1),
        ("slack.finished", 2),
    ],
    "the approval": [
        ("slack.stored", 3),
        ("approval.given", 1),
        ("runner.claimed", 1),
        ("request.running", 1),
    ],
    "the call": [
        ("call.intended", 1),
        ("clouddc.call:switch", 1),
        ("call.answered", 1),
        ("call.accepted", 1),
    ],
    "the proof and the end": [
        ("servers.settled", 1),
        ("request.succeeded", 1),
        ("run.closed", 1),
    ],
}
# On PostgreSQL a lease must end first, so only the steps at which something could be lost.
STEPS_POSTGRESQL = [
    ("slack.stored", 1),
    ("request.pending", 1),
    ("approval.given", 1),
    ("call.intended", 1),
    ("call.accepted", 1),
    ("servers.settled", 1),
]
# With a kill here the call was written down and no answer was: it is watched, never sent again.
IN_THE_CALL = frozenset({"call.intended", "clouddc.call:switch", "call.answered"})

# With a kill here Slack may have taken the card and nobody could note it: one twin is allowed. The
# press of Request is dealt with while the card is on its way; a click on the card comes after its
# note, since both are written in the order in which they came.
WHILE_THE_CARD_IS_POSTED = frozenset({"slack.taken:chat.postMessage", "slack.finished"})


async def dies_at(folder: pathlib.Path, url: str, step: str, number: int) -> None:
    """Let a replica die at a step, play the story to its end, and check the truth of it."""
    async with stage.standing(
        folder, url, factor=FACTOR, servers=10, operation_s=10, ack_s=0.5
    ) as on:
        replica = on.replicas[0]
        replica.doom = (step, str(number))
        replica.start()
        await on.ready()
        ended = await Person(on).reboot("web01")
        assert replica.statuses == [-signal.SIGKILL], f"nothing was ever logged as {step}"
        await replica.stop()
        await check_the_truth(on, step, ended)


async def check_the_truth(on: stage.Stage, step: str, ended: str) -> None:
    """Assert that the request has one true end, that one reboot was received, and all is proven."""
    kept = opening.open_store(on.database_url)
    asked = set(State) - {State.PLANNED, State.EXPIRED}
    (found,) = await kept.read(lambda tx: tx.requests(states=asked))
    (row,) = await kept.read(lambda tx: tx.run_servers(found.id))
    await kept.close()
    received = on.centre.machine("web01").received[data_centre.Action.REBOOT]
    assert received <= 1, step
    if step not in IN_THE_CALL:
        assert (found.state, row.state) == (State.SUCCEEDED, ServerState.PROVEN), step
        assert received == 1, step
        assert "rebooted: web01" in ended, step
    else:
        # What was lost on the way is proven by evidence, or called unknown; never a success else.
        assert (row.state is ServerState.PROVEN) <= (received == 1), step
        assert found.state in (State.SUCCEEDED, State.FAILED), step
    with connections.reading(on.database_url) as connection:
        assert audit_chain.verify(connection).ok, step
    assert on.slack.violations == [], step
    allowed = 2 if step in WHILE_THE_CARD_IS_POSTED else 1
    assert len(Person(on).cards()) <= allowed, step


@pytest.mark.parametrize("phase", STEPS)
async def test_a_kill_at_any_step_loses_nothing_and_reboots_once(
    phase: str, tmp_path: pathlib.Path
) -> None:
    """Whatever was stored is carried on, whatever was not is tried again by the person."""
    dying = []
    for place, (step, number) in enumerate(STEPS[phase]):
        folder = tmp_path / str(place)
        folder.mkdir()
        dying.append(dies_at(folder, databases.sqlite(folder), step, number))

    await asyncio.gather(*dying)


async def test_a_kill_on_postgresql_is_taken_over_when_the_lease_ends(
    tmp_path: pathlib.Path, postgres: databases.Postgres
) -> None:
    """The same where nobody knows that the other process is dead."""
    dying = []
    for place, (step, number) in enumerate(STEPS_POSTGRESQL):
        folder = tmp_path / str(place)
        folder.mkdir()
        dying.append(dies_at(folder, postgres.fresh(), step, number))

    await asyncio.gather(*dying)


async def test_the_harness_finds_the_double_reboot_of_a_naive_bot(tmp_path: pathlib.Path) -> None:
    """A bot that notes its call only afterwards reboots twice, and the reckoning sees it."""
    url = databases.sqlite(tmp_path)
    async with stage.standing(tmp_path, url, factor=FACTOR, servers=10, operation_s=2) as on:
        machine, control = on.centre.machine("web01"), on.replicas[0]
        (tmp_path / "todo").write_text(machine.server.id)
        control.main, control.doom = naive.main, ("clouddc.call:switch", "1")
        control.start()
        async with asyncio.timeout(PATIENCE_S):
            while (tmp_path / "todo").read_text():  # noqa: ASYNC110 -- a process has no event
                await asyncio.sleep(0.05)

        assert machine.received[data_centre.Action.REBOOT] == 2
        assert reckoning.compare_calls(on, {}, {}) == [
            "web01: 2 times rebooting, written down as {}"
        ]

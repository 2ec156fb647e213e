"""Several replicas on one PostgreSQL, and the gentle ways to end: nothing lost, nothing twice.

All waits are a tenth of the usual ones: a lease of three seconds, where it has thirty.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import pathlib
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from bot.power import ports
from bot.power.lifecycle import State
from bot.runtime import clocks
from bot.sandbox import data_centre, demo
from bot.sandbox.data_centre import CallFault, CallFaultKind, CallKind
from bot.storage import opening
from bot.storage.admin import audit_chain
from bot.storage.engine import connections
from tests.soak import replica, stage
from tests.soak.person import PATIENCE_S, PLACE, Person
from tests.support import databases

FACTOR = 10.0


async def until(look: Callable[[], object]) -> None:
    """Wait for something that has no event."""
    async with asyncio.timeout(PATIENCE_S):
        while not look():  # noqa: ASYNC110 -- a process has no event
            await asyncio.sleep(0.02)


def driver(on: stage.Stage) -> stage.Replica | None:
    """Return the replica that drives a run."""
    return next((one for one in on.replicas if opened(one)), None)


def opened(one: stage.Replica) -> bool:
    """Whether a replica has taken a run in hand."""
    return one.log.exists() and b'"event": "run.opened"' in one.log.read_bytes()


def opened_at(one: stage.Replica) -> float:
    """Return when a replica has taken a run in hand, by its log."""
    events = (json.loads(line) for line in one.log.read_text().splitlines())
    at = next(event["timestamp"] for event in events if event["event"] == "run.opened")
    return datetime.datetime.fromisoformat(at).timestamp()


def leased_until(on: stage.Stage) -> float:
    """Return when the last lease of a run ends, by the clock that the log is written by too."""
    with psycopg.connect(on.database_url) as connection:
        found = connection.execute("SELECT max(lease_until) FROM requests").fetchone()
    assert found is not None
    return float(found[0])


async def facts(on: stage.Stage) -> tuple[ports.Request, list[ports.Attempt], list[str]]:
    """Return the one request that was asked for, its calls, and the events of the audit."""
    kept = opening.open_store(on.database_url)
    asked = set(State) - {State.PLANNED, State.EXPIRED}
    (found,) = await kept.read(lambda tx: tx.requests(states=asked))
    attempts = await kept.read(lambda tx: tx.attempts(found.id))
    rows: list[Mapping[str, Any]] = await kept.read(lambda tx: tx.audit_rows(request_id=found.id))
    await kept.close()
    return found, attempts, [str(row["event"]) for row in rows]


def whole(on: stage.Stage) -> bool:
    """Whether the audit chain holds."""
    with connections.reading(on.database_url) as connection:
        return audit_chain.verify(connection).ok


@contextlib.asynccontextmanager
async def running(folder: pathlib.Path, url: str, replicas: int) -> AsyncIterator[stage.Stage]:
    """Replicas that have connected."""
    async with stage.standing(
        folder, url, replicas=replicas, factor=FACTOR, servers=10, operation_s=20
    ) as on:
        for one in on.replicas:
            one.start()
        await on.ready()
        yield on


@pytest_asyncio.fixture
async def two(tmp_path: pathlib.Path, postgres: databases.Postgres) -> AsyncIterator[stage.Stage]:
    """Two replicas on one PostgreSQL."""
    async with running(tmp_path, postgres.fresh(), 2) as on:
        yield on


def delay(on: stage.Stage, seconds: float) -> None:
    """Let the answer to the next power call come late."""
    on.centre.call_faults.queue(CallFault(CallFaultKind.DELAY, CallKind.POWER, delay_s=seconds), 1)


async def test_a_replica_that_dies_for_good_is_taken_over_when_its_lease_ends(
    two: stage.Stage,
) -> None:
    """The other goes on within a lease and a look: 31 s at the usual pace."""
    person = Person(two)
    await person.ask("web01")
    approving = asyncio.create_task(person.approve())
    await until(lambda: two.centre.power_calls() and driver(two))
    first = driver(two)
    assert first is not None
    other = next(one for one in two.replicas if one is not first)
    first.stay_down()
    first.kill()
    lease_until = leased_until(two)

    await until(lambda: opened(other))
    ended = await approving

    assert opened_at(other) >= lease_until
    assert "rebooted: web01" in ended
    assert two.centre.machine("web01").received[data_centre.Action.REBOOT] == 1
    assert whole(two)


async def test_a_replica_frozen_in_its_call_changes_nothing_when_it_wakes(
    two: stage.Stage,
) -> None:
    """What it still writes is refused by the fence; its late answer stays in the audit alone."""
    person = Person(two)
    delay(two, 15.0)
    await person.ask("web01")
    approving = asyncio.create_task(person.approve())
    await until(lambda: two.centre.power_calls() and driver(two))
    frozen = driver(two)
    assert frozen is not None
    frozen.send(signal.SIGSTOP)
    ended = await approving
    before = await facts(two)

    frozen.send(signal.SIGCONT)
    await until(lambda: b"call.late_answer" in frozen.log.read_bytes())
    after = await facts(two)

    assert "web01" in ended
    assert two.centre.machine("web01").received[data_centre.Action.REBOOT] == 1
    assert after[:2] == before[:2]
    news = [one for one in after[2] if one not in before[2]]
    # Clicks that lay in its socket are answered, too late for the request.
    assert [one for one in news if one != "approval.refused"] == ["call.late_answer"]
    assert whole(two)


async def on_host(on: stage.Stage, folder: pathlib.Path, *words: str) -> tuple[int, str]:
    """Type a command on the host; return its status and what it printed."""
    settings = demo.environment(on.slack.api_url, "", folder)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *words),
        env=settings | {"POWERBOT_DATABASE_URL": on.database_url},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


async def test_the_host_takes_hold_of_whichever_replica_runs_it_while_slack_is_away(
    two: stage.Stage, tmp_path: pathlib.Path
) -> None:
    """It needs neither Slack nor to know who drives; the thread is told afterwards."""
    person = Person(two)
    delay(two, 10.0)
    await person.ask("web[01-02]")
    approving = asyncio.create_task(person.approve())
    await until(lambda: two.centre.power_calls() and driver(two))
    for method in ("chat.postMessage", "chat.update", "users.info"):
        two.slack.chaos.refuse(method, "internal_error")

    listed, line = await on_host(two, tmp_path, "requests")
    id_ = line.split()[0]
    stopped, said = await on_host(two, tmp_path, "stop", id_, "--reason", "wrong rack")
    frozen, _ = await on_host(two, tmp_path, "freeze", "cooling")
    two.slack.chaos.allow()
    await approving
    found, attempts, events = await facts(two)
    lifted, _ = await on_host(two, tmp_path, "unfreeze")

    assert (listed, stopped, frozen, lifted) == (0, 0, 0, 0)
    assert said == f"{id_} sends nothing more; what was already sent is still watched.\n"
    assert found.state is State.STOPPED
    assert len(attempts) == 1
    assert {"request.stop_asked", "request.stopped"} <= set(events)
    thread = [one.text for one in two.slack.messages(PLACE) if one.thread_ts]
    assert any("wrong rack" in one and "host:" in one for one in thread), thread
    assert whole(two)


async def test_a_replica_frozen_before_its_call_never_sends_it(two: stage.Stage) -> None:
    """Between the intent and the first byte it lost its lease, so the byte never leaves."""
    for one in two.replicas:
        one.stay_down()
        one.send(signal.SIGTERM)
    await until(lambda: not any(one.alive for one in two.replicas))
    for one in two.replicas:
        one.doom = ("call.intended", "1", "SIGSTOP")
    two.replicas[0].come_back()
    await until(lambda: two.slack.hub.connected == 2)
    person = Person(two)
    await person.ask("web01")
    approving = asyncio.create_task(person.approve())
    await until(lambda: replica.DOOMED in two.replicas[0].log.read_bytes())
    two.replicas[1].doom = ()
    two.replicas[1].come_back()
    ended = await approving

    two.replicas[0].send(signal.SIGCONT)
    await until(lambda: b"runner.lost" in two.replicas[0].log.read_bytes())

    found, attempts, _ = await facts(two)
    assert two.centre.power_calls() == []
    assert [one.outcome for one in attempts] == ["unknown"]
    assert found.state is State.FAILED
    assert "web01" in ended
    assert whole(two)


async def test_a_database_that_cuts_every_connection_loses_nothing(two: stage.Stage) -> None:
    """A failover in the middle of a run costs a moment, and no request."""
    person = Person(two)
    await person.ask("web01")
    approving = asyncio.create_task(person.approve())
    await until(lambda: two.centre.power_calls())
    with psycopg.connect(two.database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'powerbot'"
        )

    ended = await approving

    assert "rebooted: web01" in ended
    assert two.centre.machine("web01").received[data_centre.Action.REBOOT] == 1
    assert whole(two)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_stop_lets_the_call_on_the_wire_come_to_its_answer(
    kind: str, tmp_path: pathlib.Path, request: pytest.FixtureRequest
) -> None:
    """SIGTERM ends with 0 within its time; the next process goes on at once, with no unknown."""
    server = request.getfixturevalue("postgres") if kind == "postgresql" else None
    url = server.fresh() if server else databases.sqlite(tmp_path)
    async with running(tmp_path, url, 1) as on:
        person, (only,) = Person(on), on.replicas
        delay(on, 1.5)
        await person.ask("web01")
        approving = asyncio.create_task(person.approve())
        await until(lambda: on.centre.power_calls())
        told_at = time.monotonic()
        only.send(signal.SIGTERM)
        await until(lambda: only.statuses)
        took_s = time.monotonic() - told_at
        ended = await approving
        found, attempts, _ = await facts(on)

    assert only.statuses[0] == 0
    assert took_s < clocks.USUAL.stop_s
    assert [one.outcome for one in attempts] == ["accepted"]
    assert found.state is State.SUCCEEDED
    assert "rebooted: web01" in ended

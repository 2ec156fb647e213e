"""What the record knows of the servers of requests: filled for those of before, and found fast."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.power import ports
from bot.power.lifecycle import State
from bot.storage import opening
from bot.storage.engine import addresses, connections
from bot.storage.migrations import migrating
from bot.storage.store import Store
from tests.storage import goldens, owner

BEFORE = "0009"
# A plan that expired before anybody had asked for it: the audit has no request of it.
NEVER_ASKED = "PR-TN7K"
# What SQLite must find its rows by, where the number of all requests would tell otherwise.
BY = {
    "open requests of a person": {"(requester=? AND state=?)"},
    "requests of a person in an hour": {"(requester=? AND asked_at>?)"},
    "servers of a person lately": {
        "(requester=? AND state=?)",
        "(requester=? AND state=? AND ended_at>?)",
        "(requester=? AND asked_at>?)",
    },
    "last reboots": {"(changed_at>?)"},
    "reboots that happened": {"(ended_at>?)"},
    "requests of a server": {"(server_id=?)", "(id=?)"},
    "servers by name": {"(name=?)", "(server_id=?)"},
    "plans to forget": {"(asked_at=? AND state=? AND ended_at<?)"},
    "a plan of a person's form": {"(requester=? AND state=?)"},
    "older plans of a person": {"(requester=? AND state=?)"},
}


def filled(url: str) -> tuple[dict[str, tuple[str, bool, float]], set[tuple[str, str]]]:
    """Return of each request its action, whether it was asked for, and when; and its servers."""
    with connections.reading(url) as connection:
        requests = connection.rows("SELECT id, action, asked_at FROM requests")
        touched = connection.rows("SELECT request_id, server_id FROM request_servers")
    found = {row.id: (row.action, row.asked_at > 0, row.asked_at) for row in requests}
    return found, {(row.request_id, row.server_id) for row in touched}


def test_the_record_of_a_version_of_before_tells_which_servers_were_asked_for(
    empty_url: str,
) -> None:
    """Each request that was asked for has its servers and its action, a mere plan has none."""
    golden = goldens.rows("0001")
    goldens.load(empty_url, "0001", now=golden["taken_at"])
    migrating.upgrade(addresses.parsed(empty_url), to=BEFORE)
    owner.execute(empty_url, "UPDATE requests SET state = 'expired' WHERE id = 'PR-TN7K'")

    opening.migrate(empty_url)

    requests, touched = filled(empty_url)
    with connections.reading(empty_url) as connection:
        known = {row.name for row in connection.rows("SELECT name FROM known_servers")}
    asked = {row["id"]: row["created_at"] for row in golden["requests"]} | {NEVER_ASKED: 0.0}
    assert {id_: at for id_, (_, _, at) in requests.items()} == pytest.approx(asked)
    assert all(action for action, _, _ in requests.values())
    assert {id_ for id_, _ in touched} == {id_ for id_, at in asked.items() if at}
    assert "web01" in known


async def test_a_request_of_before_counts_for_the_next_one(empty_url: str) -> None:
    """What is asked of the record finds the rows that the migration has filled."""
    golden = goldens.rows("0001")
    goldens.load(empty_url, "0001", now=golden["taken_at"])
    opening.migrate(empty_url)
    store = opening.open_store(empty_url)

    recent, count = await store.read(
        lambda tx: (tx.recent_servers("U0DANA", since=0.0), tx.count_asked("U0DANA", since=0.0))
    )
    await store.close()

    _, touched = filled(empty_url)
    assert recent == {
        server_id
        for id_, server_id in touched
        if next(row for row in golden["requests"] if row["id"] == id_)["state"] != "cancelled"
    }
    assert count == sum(row["state"] != "planned" for row in golden["requests"])


class _Anything(dict[str, Any]):
    """Values for a statement that is explained and not run."""

    def __missing__(self, name: str) -> str:
        return "[]"


LOOKS: dict[str, Callable[[ports.Tx], object]] = {
    "open requests of a person": lambda tx: tx.count_open("U"),
    "requests of a person in an hour": lambda tx: tx.count_asked("U", since=9.0),
    "servers of a person lately": lambda tx: tx.recent_servers("U", since=9.0),
    "servers that will go": lambda tx: tx.leaving(),
    "other requests for its servers": lambda tx: tx.overlapping(["s1"], but="PR-1"),
    "cards of others that tell of it": lambda tx: tx.show_overlapping("PR-1", at=9.0),
    "whom its thread has called": lambda tx: tx.called("PR-1"),
    "last reboots": lambda tx: tx.last_reboots(since=9.0),
    "reboots that happened": lambda tx: tx.rebooted(["s1"], since=9.0),
    "requests of a server": lambda tx: tx.touching(["s1"], states=[State.RUNNING], limit=9),
    "newest requests": lambda tx: tx.newest(states=[State.RUNNING], limit=9),
    "servers by name": lambda tx: tx.known_servers(["web01"]),
    "plans to forget": lambda tx: tx.forget_plans(before=9.0, limit=9),
    "a plan of a person's form": lambda tx: tx.planned_from("U", "form:V1:"),
    "older plans of a person": lambda tx: tx.keep_newest_plans("U", most=9, but="PR-1"),
}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", LOOKS)
async def test_what_is_asked_about_a_new_request_walks_over_no_table(
    name: str, store: Store
) -> None:
    """Each look goes by an index, however many requests there are (SQLite's own word)."""
    steps = await store.write(lambda tx: [*_explained(tx, LOOKS[name])])

    assert steps
    assert [step for step in steps if step.startswith("SCAN") and _is_table(step)] == []
    of_requests = (step for step in steps if step.startswith(("SEARCH requests ", "SEARCH known")))
    found_by = {step[step.rindex("(") :] for step in of_requests}
    assert found_by <= BY.get(name, found_by)
    assert {by for by in BY.get(name, ()) if any(step.endswith(by) for step in steps)} == {
        *BY.get(name, ())
    }


def _explained(tx: Any, look: Callable[[ports.Tx], object]) -> Iterator[str]:
    """Yield how SQLite goes about each statement of a look."""
    driver: sqlite3.Connection = tx.connection.driver
    heard: list[str] = []
    driver.set_trace_callback(heard.append)
    look(tx)
    driver.set_trace_callback(None)
    for statement in heard:
        for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", _Anything()).fetchall():
            yield str(row[3])


def _is_table(step: str) -> bool:
    """Whether a scan is of a table of ours, and not of a list of values."""
    return step.split()[1] not in ("json_each", "CONSTANT")

"""The side door: how everything stands, and faults of each part on request."""

from __future__ import annotations

import ast
import pathlib
from typing import Any

import httpx
import pytest

from bot.sandbox import surroundings
from tests.sandbox.surroundings import builders


async def order(stage: builders.Stage, body: dict[str, Any]) -> httpx.Response:
    """Send an order to the side door."""
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.post(f"{stage.url}/surroundings/faults", json=body)


async def ask(stage: builders.Stage) -> int | str:
    """Ask Alertmanager for its silences; return the status, or what became of the call."""
    headers = {"Authorization": stage.around.secrets.alertmanager}
    async with httpx.AsyncClient(trust_env=False, timeout=0.3, headers=headers) as http:
        try:
            return (await http.get(f"{stage.url}/alertmanager/api/v2/silences")).status_code
        except httpx.TimeoutException:
            return "no answer"
        except httpx.TransportError:
            return "cut"


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ("401", 401),
        ("403", 403),
        ("429", 429),
        ("500", 500),
        ("503", 503),
        ("redirects", 307),
        ("hangs", "no answer"),
        ("dropped", "cut"),
        ("lost", "cut"),
        ("garbled", 200),
    ],
)
async def test_a_fault_strikes_as_often_as_it_was_asked_to(fault: str, seen: int | str) -> None:
    """And then the part is as before."""
    async with builders.staged() as stage:
        await order(stage, {"part": "alertmanager", "fault": fault, "times": 2})

        assert [await ask(stage) for _ in range(3)] == [seen, seen, 200]


async def test_a_fault_without_an_end_is_lifted() -> None:
    """By null."""
    async with builders.staged() as stage:
        await order(stage, {"part": "alertmanager", "fault": "500", "times": None})
        struck = [await ask(stage) for _ in range(5)]
        await order(stage, {"part": "alertmanager", "fault": None})

        assert struck == [500] * 5
        assert await ask(stage) == 200


async def test_a_lost_answer_is_of_a_call_that_was_done() -> None:
    """A dropped one is of a call that wasn't; the log tells them apart."""
    async with builders.staged() as stage:
        for fault in (surroundings.Fault.LOST, surroundings.Fault.DROPPED):
            stage.around.faults.set(surroundings.Part.ALERTMANAGER, fault)
            await ask(stage)

        assert [(one.status, one.did) for one in stage.around.calls.noted()] == [
            (0, True),
            (0, False),
        ]


async def test_a_refusal_repeats_the_secret_that_it_was_sent() -> None:
    """As some do; who shows it must take it out."""
    async with builders.staged() as stage, httpx.AsyncClient(trust_env=False) as http:
        await order(stage, {"part": "kubernetes", "fault": "403"})
        url = f"{stage.url}/kubernetes/api/v1/nodes/web01"
        answer = await http.get(url, headers={"Authorization": "Bearer guarded"})

    assert answer.status_code == 403
    assert "Bearer guarded" in answer.text


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"part": "nobody", "fault": "500"},
        {"part": "kubernetes", "fault": "tired"},
        {"part": "kubernetes", "fault": "500", "times": 0},
        {"part": "alertmanager", "fault": "423"},
        {"server": "nobody", "fault": "flaps"},
        {"server": "web01", "fault": "tired"},
    ],
)
async def test_an_order_that_makes_no_sense_is_one_sentence(body: dict[str, Any]) -> None:
    """And changes nothing."""
    async with builders.staged() as stage:
        answer = await order(stage, body)

        assert answer.status_code == 400
        assert answer.json()["error"].endswith(".")
        assert list(stage.around.faults.waiting()) == []


async def test_the_state_names_only_servers_that_are_not_as_always() -> None:
    """With what is the matter with them."""
    async with builders.staged() as stage, httpx.AsyncClient(trust_env=False) as http:
        empty = (await http.get(f"{stage.url}/surroundings/state")).json()
        await order(stage, {"server": "web01", "fault": "unwell"})
        stage.around.kubernetes.cluster.nodes["web02"].unschedulable = True
        found = (await http.get(f"{stage.url}/surroundings/state")).json()

    assert empty["servers"] == []
    rows = {row["name"]: row for row in found["servers"]}
    assert set(rows) == {"web01", "web02"}
    assert (rows["web01"]["firing"], rows["web01"]["fault"]) == (True, "unwell")
    assert (rows["web02"]["cordoned"], rows["web02"]["pods"]) == (True, 2)


def test_the_stand_ins_import_nothing_of_the_bot() -> None:
    """Nor each other: a misunderstanding shared by both sides would never show."""
    package = pathlib.Path(surroundings.__file__).parent
    names = {
        node.module or ""
        for path in package.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
    }

    ours = {name for name in names if name.split(".")[0] == "bot"}
    assert ours
    assert all(name.startswith("bot.sandbox.surroundings") for name in ours)

"""A page can look at the servers and the log, break things, and is told what it did wrong."""

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.sandbox.data_centre import CallFaultKind, MachineFaultKind, control
from bot.sandbox.data_centre.machines import tempo

from .builders import DURATION_S, Bench

Client = TestClient[web.Request, web.Application]


@pytest.fixture
def bench() -> Bench:
    """A data centre on the bench."""
    return Bench()


@pytest.fixture
async def client(bench: Bench) -> AsyncIterator[Client]:
    """A browser on an application that has the control routes mounted."""
    app = web.Application()
    app.add_routes(control.routes(bench.centre))
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_page_sees_every_server_in_the_order_of_racks(bench: Bench, client: Client) -> None:
    """One row for each server, with what a tile shows."""
    bench.power("rebooting", "web01")

    shown = await (await client.get("/centre/servers")).json()

    assert (shown["count"], shown["generation"]) == (20, "new")
    assert shown["servers"][0] == {
        "id": bench.id_of("web01"),
        "name": "web01",
        "rack": "R01",
        "dc": "dc-a",
        "power": "on",
        "operation": "reboot-processing",
        "busy": True,
        "fault": None,
        "reboots": 0,
    }


async def test_page_sees_a_reboot_counted_when_it_is_done(bench: Bench, client: Client) -> None:
    """The count is of reboots performed."""
    bench.power("rebooting", "web01")
    bench.clock.passed_s += DURATION_S

    shown = await (await client.get("/centre/servers")).json()

    assert (shown["servers"][0]["busy"], shown["servers"][0]["reboots"]) == (False, 1)


async def test_page_reads_the_log_from_where_it_was(bench: Bench, client: Client) -> None:
    """Only what is newer than `after` comes, with the number to go on from."""
    bench.get("physicalservers")
    bench.power("rebooting", "web01")

    shown = await (await client.get("/centre/log?after=1")).json()

    assert shown["last"] == 2
    assert [row["operation"] for row in shown["entries"]] == ["ChangeServerPowerState"]


async def test_page_gets_at_most_two_hundred_log_entries(bench: Bench, client: Client) -> None:
    """A page that comes late gets the newest part."""
    for _ in range(250):
        bench.get("/nowhere")

    shown = await (await client.get("/centre/log")).json()

    assert len(shown["entries"]) == 200
    assert shown["entries"][-1]["seq"] == shown["last"] == 250


async def test_page_lists_every_fault_with_a_sentence(client: Client) -> None:
    """Each kind has a description, and nothing is broken at first."""
    shown = await (await client.get("/centre/faults")).json()

    assert {row["kind"] for row in shown["servers"]} == set(MachineFaultKind)
    assert {row["kind"] for row in shown["calls"]} == set(CallFaultKind)
    assert all(row["description"].endswith(".") for row in shown["servers"] + shown["calls"])
    assert shown["active"] == {"servers": [], "calls": []}


async def test_page_breaks_and_mends_a_server(bench: Bench, client: Client) -> None:
    """A fault is set by name and lifted with null."""
    broken = await client.post("/centre/faults", json={"server": "web01", "fault": "dead-bmc"})
    assert (await broken.json())["active"]["servers"] == [{"server": "web01", "fault": "dead-bmc"}]
    rows = (await (await client.get("/centre/servers")).json())["servers"]
    assert rows[0]["fault"] == "dead-bmc"

    await client.post("/centre/faults", json={"server": "web01", "fault": None})

    assert bench.centre.machine("web01").fault is None


async def test_page_lets_the_next_calls_go_wrong(bench: Bench, client: Client) -> None:
    """A call fault waits for its operation, as often as asked."""
    order = {"call": "drop-after", "operation": "power", "times": 2}

    response = await client.post("/centre/faults", json=order)

    waiting = (await response.json())["active"]["calls"]
    assert waiting == [{"call": "drop-after", "operation": "power"}] * 2
    assert len(bench.centre.call_faults.waiting()) == 2


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "The body must be a JSON object."),
        (b"[]", "The body must be a JSON object."),
        (b" " * 5000, "The body may have at most 4096 bytes."),
        ({}, "Send either server and fault"),
        ({"server": "web01"}, "Send either server and fault"),
        ({"server": "web99", "fault": "slow"}, "There is no server 'web99'"),
        ({"server": "web01", "fault": "tired"}, "fault must be one of: slow,"),
        ({"call": "tired"}, "call must be one of:"),
        ({"call": "garbage", "operation": "lunch"}, "operation must be one of: power,"),
        ({"call": "garbage", "times": 0}, "times must be a whole number from 1 to 100."),
        ({"call": "garbage", "times": True}, "times must be a whole number from 1 to 100."),
    ],
)
async def test_page_is_told_in_one_sentence_what_was_wrong(
    client: Client, body: object, says: str
) -> None:
    """A bad order is 400, with a sentence for a person."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    response = await client.post("/centre/faults", data=raw)

    assert response.status == 400
    assert (await response.json())["error"].startswith(says)


@pytest.mark.parametrize("after", ["-1", "x", "9" * 20])
async def test_page_with_a_bad_log_number_is_told_so(client: Client, after: str) -> None:
    """The number must be one."""
    response = await client.get("/centre/log", params={"after": after})

    assert response.status == 400
    assert "number of a log entry" in (await response.json())["error"]


async def test_page_turns_the_switches_of_the_whole_centre(bench: Bench, client: Client) -> None:
    """Each has its choices; time may pass faster for the machines, and for nothing else."""
    bench.power("rebooting", "web01")
    shown = await (await client.get("/centre/switches")).json()
    turned = await client.post("/centre/switches", json={"switch": "speed", "value": 20})
    await client.post("/centre/switches", json={"switch": "generation", "value": "old"})
    bench.clock.passed_s += DURATION_S / 20

    assert [one["name"] for one in shown["switches"]][:2] == ["speed", "generation"]
    assert (await turned.json())["switches"][0]["value"] == 20
    assert bench.record("web01")["power_state"] == "on"
    assert "operation_state" not in bench.record("web01")


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"switch": "speed", "value": 3}, "value of speed must be one of: 1, 5, 20, 100"),
        ({"switch": "speed", "value": True}, "value of speed must be one of"),
        ({"switch": "colour", "value": 1}, "switch must be one of: speed, generation"),
        ({"switch": "speed"}, "Send switch and value"),
    ],
)
async def test_page_is_told_which_switch_there_is(
    client: Client, order: dict[str, object], words: str
) -> None:
    """A wrong order changes nothing and says what is possible."""
    answer = await client.post("/centre/switches", json=order)

    assert answer.status == 400
    assert words in (await answer.json())["error"]


async def test_page_lets_somebody_else_act(bench: Bench, client: Client) -> None:
    """As from the vendor's console: the server switches, and no call is in the log."""
    shown = await client.post("/centre/visits", json={"server": "web01", "action": "power off"})
    wrong = await client.post("/centre/visits", json={"server": "web01", "action": "dance"})
    nobody = await client.post("/centre/visits", json={"server": "web99", "action": "power off"})

    assert (await shown.json())["operation"] == "power-off-processing"
    assert bench.centre.power_calls() == []
    assert (wrong.status, nobody.status) == (400, 400)


def test_machines_keep_their_place_in_time_when_the_speed_changes() -> None:
    """Time never jumps; it only passes at another pace from then on."""
    clock = [100.0]
    found = tempo.Tempo(lambda: clock[0])
    clock[0] = 110.0
    found.run_at(20.0)
    before = found.now()
    clock[0] = 111.0
    fast = found.now()
    found.run_at(1.0)
    clock[0] = 112.0

    assert (before, fast, found.now()) == (110.0, 130.0, 131.0)
    with pytest.raises(ValueError, match="speed must be"):
        found.run_at(0.0)

"""ChangeServerPowerState checks like the documented API, and acts on exactly what it accepts."""

import pytest

from bot.sandbox.data_centre import Action, HttpResponse, Switches

from .builders import DURATION_S, Bench, accepted_ids, answered, members, refusal

NOBODY = "01939592-e8fe-7d9b-9332-4589486377a4"
PATH = "physicalservers/power-state"


def test_power_call_answers_with_the_accepted_ids() -> None:
    """The answer lists the ids and nothing else, and carries a request id."""
    bench = Bench()

    outcome = bench.power("rebooting", "web01", "web02")

    assert accepted_ids(outcome) == [bench.id_of("web01"), bench.id_of("web02")]
    assert isinstance(outcome, HttpResponse)
    assert outcome.header("x-request-id")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"action": "rebooting"}, "iMetal.0002"),
        ({"action": "rebooting", "server_id_set": []}, "iMetal.0002"),
        ({"action": "rebooting", "server_id_set": None}, "iMetal.0002"),
        ({"server_id_set": [NOBODY]}, "iMetal.0002"),
        ({"action": "explode", "server_id_set": [NOBODY]}, "iMetal.0001"),
        ({"action": "rebooting", "server_id_set": "all"}, "iMetal.0001"),
        ({"action": "rebooting", "server_id_set": ["web01"]}, "iMetal.0001"),
        ({"action": "rebooting", "server_id_set": [7]}, "iMetal.0001"),
        ({"action": "rebooting", "server_id_set": [NOBODY] * 51}, "iMetal.0001"),
        (["rebooting"], "iMetal.0001"),
        (b"{", "iMetal.0001"),
        (b"[" * 200_000, "iMetal.0001"),
    ],
    ids=[
        "no-list", "empty-list", "null-list", "no-action", "bad-action", "list-is-text", "names",
        "numbers", "fifty-one", "no-object", "no-json", "deep",
    ],
)  # fmt: skip
def test_power_call_with_a_bad_body_is_refused(body: object, code: str) -> None:
    """What is missing is iMetal.0002, what is wrong iMetal.0001, and nothing moves."""
    bench = Bench()

    assert refusal(bench.send("PUT", PATH, body)) == (400, code)
    assert all(machine.received.total() == 0 for machine in bench.centre.inventory.machines)


def test_fifty_ids_are_accepted_and_doubled_ids_act_once() -> None:
    """The limit is fifty ids; naming a server twice is naming it."""
    bench = Bench()
    ids = [bench.id_of("web01")] * 50

    outcome = bench.send("PUT", PATH, {"action": "rebooting", "server_id_set": ids})

    assert accepted_ids(outcome) == ids[:1]
    assert bench.centre.reboots_received("web01") == 1


def test_unknown_id_spoils_the_whole_call_and_is_named() -> None:
    """One unknown id refuses all, with 404 iMetal.0100 and the id in brackets."""
    bench = Bench()
    ids = [bench.id_of("web01"), NOBODY]

    outcome = bench.send("PUT", PATH, {"action": "rebooting", "server_id_set": ids})

    assert refusal(outcome) == (404, "iMetal.0100")
    assert f"[{NOBODY}]" in str(members(answered(outcome))["error_msg"])
    assert bench.centre.reboots_received("web01") == 0


@pytest.mark.parametrize(
    "changes",
    [{"frozen_state": 3}, {"manage_state": "maintain"}],
    ids=["frozen", "maintained"],
)
def test_server_that_is_not_ready_spoils_the_whole_call(changes: dict[str, object]) -> None:
    """Frozen servers and those out of use are refused with iMetal.0101 and their ids."""
    bench = Bench()
    bench.centre.change_server("web02", **changes)

    outcome = bench.power("rebooting", "web01", "web02")

    assert refusal(outcome) == (400, "iMetal.0101")
    assert f"[{bench.id_of('web02')}]" in str(members(answered(outcome))["error_msg"])
    assert bench.centre.reboots_received("web01") == 0


def test_busy_server_is_not_ready_until_its_operation_ends() -> None:
    """A second action is refused while the first is under way, and accepted after."""
    bench = Bench()
    accepted_ids(bench.power("rebooting", "web01"))
    assert refusal(bench.power("rebooting", "web01")) == (400, "iMetal.0101")

    bench.clock.passed_s += DURATION_S

    assert accepted_ids(bench.power("rebooting", "web01"))
    assert bench.centre.reboots_received("web01") == 2


def test_partial_acceptance_lists_only_those_that_act() -> None:
    """With the switch, good servers act and the answer leaves the others out."""
    bench = Bench(switches=Switches(partial_acceptance=True))
    bench.centre.change_server("web02", frozen_state=1)
    ids = [bench.id_of("web01"), bench.id_of("web02"), NOBODY]

    outcome = bench.send("PUT", PATH, {"action": "rebooting", "server_id_set": ids})

    assert accepted_ids(outcome) == [bench.id_of("web01")]
    assert bench.centre.reboots_received("web02") == 0


def test_partial_acceptance_refuses_when_nobody_is_left() -> None:
    """A call of which nothing remains is refused as usual."""
    bench = Bench(switches=Switches(partial_acceptance=True))
    bench.centre.change_server("web02", frozen_state=1)

    assert refusal(bench.power("rebooting", "web02")) == (400, "iMetal.0101")


@pytest.mark.parametrize(
    "body", [{"action": "power off"}, {"action": "power off", "server_id_set": []}]
)
def test_dangerous_switch_makes_an_empty_list_mean_everything(body: object) -> None:
    """The trap: without ids every server that can acts, so no client can miss its mistake."""
    bench = Bench(switches=Switches(dangerous_empty=True))
    bench.centre.change_server("web02", frozen_state=1)

    ids = accepted_ids(bench.send("PUT", PATH, body))

    machines = bench.centre.inventory.machines
    assert len(ids) == len(machines) - 1
    assert sum(machine.received[Action.OFF] for machine in machines) == len(ids)


def test_changing_what_hangs_together_is_refused() -> None:
    """A test can't change a server's id under the data centre, nor give two the same name."""
    bench = Bench()

    with pytest.raises(ValueError, match="id"):
        bench.centre.change_server("web01", name="web99", id=NOBODY)
    with pytest.raises(ValueError, match="share"):
        bench.centre.change_server("web01", name="web02")

    assert bench.centre.machine("web01").server.name == "web01"

"""A machine takes its time, in the words of either generation, and breaks in every listed way."""

import pytest

from bot.sandbox.data_centre import (
    Action,
    Generation,
    MachineFault,
    MachineFaultKind,
    Pace,
    Switches,
)

from .builders import DURATION_S, Bench, accepted_ids

HALF = DURATION_S / 2


def walk(bench: Bench, action: str, name: str = "web01") -> list[tuple[object, object]]:
    """The states right after a call, midway, and at the end."""
    accepted_ids(bench.power(action, name))
    seen = [bench.states(name)]
    for _ in range(2):
        bench.clock.passed_s += HALF
        seen.append(bench.states(name))
    return seen


def bench_of(generation: Generation) -> Bench:
    """A bench that speaks one generation."""
    return Bench(switches=Switches(generation=generation))


@pytest.mark.parametrize(
    ("action", "family", "rests"),
    [
        ("power off", "power-off", ("on", "off")),
        ("rebooting", "reboot", ("on", "on")),
        ("power on", "power-on", ("on", "on")),
    ],
    ids=["off", "reboot", "on"],
)
def test_new_generation_moves_operation_state_alone(
    action: str, family: str, rests: tuple[str, str]
) -> None:
    """Since March 2026 power_state only rests, and operation_state tells the progress."""
    seen = walk(bench_of(Generation.NEW), action)

    before, after = rests
    assert seen == [
        (before, f"{family}-processing"),
        (before, f"{family}-processing"),
        (after, f"{family}-succeed"),
    ]


@pytest.mark.parametrize(
    ("action", "transit", "after"),
    [("power off", "powering-off", "off"), ("rebooting", "rebooting", "on")],
    ids=["off", "reboot"],
)
def test_old_generation_moves_power_state_alone(action: str, transit: str, after: str) -> None:
    """Before December 2025 there was no operation_state, and power_state travelled."""
    seen = walk(bench_of(Generation.OLD), action)

    assert seen == [(transit, None), (transit, None), (after, None)]


def test_mixed_generation_moves_both_fields() -> None:
    """For three months both fields moved."""
    seen = walk(bench_of(Generation.MIXED), "power off")

    assert seen[0] == ("powering-off", "power-off-processing")
    assert seen[-1] == ("off", "power-off-succeed")


def test_server_that_was_off_comes_up_in_the_old_words() -> None:
    """Off, powering-on, on: the documented walk of the old generation."""
    bench = bench_of(Generation.OLD)
    walk(bench, "power off")

    seen = walk(bench, "power on")

    assert [power for power, _ in seen] == ["powering-on", "powering-on", "on"]


def test_frozen_server_is_shown_in_the_words_of_each_generation() -> None:
    """`frozen` was a manage_state before frozen_state existed."""
    for generation, shown in (
        (Generation.NEW, ("in-use", 1)),
        (Generation.OLD, ("frozen", None)),
    ):
        bench = bench_of(generation)
        bench.centre.change_server("web01", frozen_state=1)

        record = bench.record("web01")

        assert (record["manage_state"], record.get("frozen_state")) == shown


def test_operation_state_stays_after_the_end() -> None:
    """What was done last is still shown an hour later."""
    bench = Bench()
    walk(bench, "rebooting")

    bench.clock.passed_s += 3600

    assert bench.states("web01") == ("on", "reboot-succeed")


def test_reboot_of_a_server_that_is_off_ends_with_it_on() -> None:
    """CloudDC is built on Ironic, whose reboot starts what is off."""
    bench = Bench()
    walk(bench, "power off")

    assert walk(bench, "rebooting")[-1] == ("on", "reboot-succeed")


def test_slow_server_takes_its_factor_longer() -> None:
    """A slow server ends at factor times the duration, not before."""
    bench = Bench()
    bench.centre.set_fault("web01", MachineFault(MachineFaultKind.SLOW, factor=3))
    walk(bench, "rebooting")
    assert bench.states("web01") == ("on", "reboot-processing")

    bench.clock.passed_s += 2 * DURATION_S

    assert bench.states("web01") == ("on", "reboot-succeed")


def test_dead_bmc_accepts_an_action_and_does_nothing() -> None:
    """The call is accepted and counted, and no state ever moves."""
    bench = Bench()
    before = bench.states("web01")
    bench.centre.set_fault("web01", MachineFaultKind.DEAD_BMC)

    seen = walk(bench, "power off")

    machine = bench.centre.machine("web01")
    assert set(seen) == {before}
    assert (machine.received[Action.OFF], machine.performed[Action.OFF]) == (1, 0)


def test_stuck_server_stays_in_processing_until_it_is_mended() -> None:
    """Processing lasts for ever, and goes on as usual once the fault is lifted."""
    bench = Bench()
    bench.centre.set_fault("web01", MachineFaultKind.STUCK)
    walk(bench, "power off")
    bench.clock.passed_s += 10_000
    assert bench.states("web01") == ("on", "power-off-processing")

    bench.centre.set_fault("web01", None)
    bench.clock.passed_s += DURATION_S

    assert bench.states("web01") == ("off", "power-off-succeed")


def test_failing_server_says_why_in_its_error_object() -> None:
    """A failed operation leaves the power alone and fills `error`."""
    bench = Bench()
    fault = MachineFault(MachineFaultKind.FAILS, message="PSU 2 is missing.")
    bench.centre.set_fault("web01", fault)

    seen = walk(bench, "power off")

    assert seen[-1] == ("on", "power-off-failed")
    assert bench.record("web01")["error"] == fault.error()
    assert bench.centre.machine("web01").performed.total() == 0


def test_error_object_goes_with_the_next_operation() -> None:
    """A mended server that acts again shows no error."""
    bench = Bench()
    bench.centre.set_fault("web01", MachineFaultKind.FAILS)
    walk(bench, "rebooting")
    bench.centre.set_fault("web01", None)

    walk(bench, "rebooting")

    assert "error" not in bench.record("web01")


def test_instant_server_never_shows_processing() -> None:
    """The first look after the call already shows the end."""
    bench = Bench()
    bench.centre.set_fault("web01", MachineFaultKind.INSTANT)

    seen = walk(bench, "power off")

    assert seen[0] == ("off", "power-off-succeed")


def test_server_that_falls_back_is_off_again_later() -> None:
    """It comes up, says so, and is off some time after."""
    bench = Bench()
    bench.centre.set_fault("web01", MachineFaultKind.FALLS_BACK)
    assert walk(bench, "rebooting")[-1] == ("on", "reboot-succeed")

    bench.clock.passed_s += DURATION_S

    assert bench.states("web01") == ("off", "reboot-succeed")


@pytest.mark.parametrize(
    ("kind", "generation", "power", "operation"),
    [
        (MachineFaultKind.POWER_UNKNOWN, Generation.NEW, "unknown", "reboot-succeed"),
        (MachineFaultKind.POWER_MISSING, Generation.NEW, None, "reboot-succeed"),
        (MachineFaultKind.UNKNOWN_STATE, Generation.NEW, "on", "self-test-processing"),
        (MachineFaultKind.UNKNOWN_STATE, Generation.OLD, "self-testing", None),
    ],
    ids=["unknown", "missing", "new-word", "old-word"],
)
def test_distorted_record_shows_what_a_client_must_survive(
    kind: MachineFaultKind, generation: Generation, power: str | None, operation: str | None
) -> None:
    """Unknown words and missing fields are in the answer as they are."""
    bench = bench_of(generation)
    walk(bench, "rebooting")

    bench.centre.set_fault("web01", kind)

    assert bench.states("web01") == (power, operation)


def test_somebody_else_takes_over_midway() -> None:
    """With that fault, the console does the opposite while our operation is under way."""
    bench = Bench()
    bench.centre.set_fault("web01", MachineFaultKind.SOMEONE_ELSE)

    seen = walk(bench, "rebooting")

    machine = bench.centre.machine("web01")
    assert seen[0] == ("on", "reboot-processing")
    assert seen[1] == ("on", "power-off-processing")
    bench.clock.passed_s += HALF
    assert bench.states("web01") == ("off", "power-off-succeed")
    assert machine.performed.total() == 0
    assert machine.external[Action.OFF] == 1


def test_somebody_else_acts_at_the_time_that_was_set() -> None:
    """An action from the console happens when it is due, and is not counted as ours."""
    bench = Bench()
    bench.centre.act_externally("web01", Action.OFF, after_s=100)
    bench.clock.passed_s += 99
    assert not bench.centre.machine("web01").look(bench.clock.passed_s).busy

    bench.clock.passed_s += 1 + DURATION_S

    machine = bench.centre.machine("web01")
    assert bench.states("web01") == ("off", "power-off-succeed")
    assert (machine.received.total(), machine.external.total()) == (0, 1)


def test_durations_spread_around_the_middle() -> None:
    """With the usual pace two servers rarely take the same time, and none takes ten times it."""
    bench = Bench(pace=Pace(DURATION_S))
    names = [f"worker{number:02d}" for number in range(1, 5)]
    machines = [bench.centre.machine(name) for name in names]

    for machine in machines:
        machine.accept(Action.REBOOT, bench.clock.passed_s)
    done_early = [not machine.look(bench.clock.passed_s + DURATION_S).busy for machine in machines]
    done_late = [machine.look(bench.clock.passed_s + 10 * DURATION_S).busy for machine in machines]

    assert len(set(done_early)) == 2
    assert not any(done_late)

"""A machine's reading in the words of the API's generation, and the record around it."""

from bot.sandbox.data_centre.machines.actions import COURSES, Action, Generation, Phase, Power
from bot.sandbox.data_centre.machines.machine import Machine, Reading
from bot.sandbox.data_centre.machines.machine_faults import MachineFaultKind
from bot.sandbox.data_centre.machines.record_oddities import distorted


def record(
    machine: Machine, now: float, *, project_id: str, generation: Generation
) -> dict[str, object]:
    """The server record of ListServers and ShowServer (CloudDC API, ShowServer page)."""
    server, reading = machine.server, machine.look(now)
    states = power_words(reading, generation)
    _distort(states, machine, generation)
    shown: dict[str, object] = {
        "id": server.id,
        "name": server.name,
        "project_id": project_id,
        "domain_id": "0123456789abcdef0123456789abcdef",
        **_standing(machine, generation),
        **states,
        "health_state": server.health_state,
        "onboard_time": server.onboard_time,
        "location": {"dc": server.dc, "rack": server.rack, "unit": server.unit},
        "hardware_attributes": _hardware(server.sn),
        "tags": [{"key": key, "value": value} for key, value in server.tags],
    }
    if reading.error is not None:
        shown["error"] = reading.error
    return distorted(shown, machine.oddity)


def power_words(reading: Reading, generation: Generation) -> dict[str, str]:
    """`power_state` and `operation_state` as this generation of the API spells them."""
    words = {"power_state": _power_state(reading, generation)}
    action, phase = reading.action, reading.phase
    if generation is not Generation.OLD and action is not None and phase is not None:
        words["operation_state"] = operation_word(action, phase)
    return words


def operation_word(action: Action, phase: Phase) -> str:
    """One word of `operation_state`, like `power-on-processing`."""
    return f"{COURSES[action].family}-{phase}"


def _power_state(reading: Reading, generation: Generation) -> str:
    # Since March 2026 power_state only rests; before that it travelled too.
    if generation is not Generation.NEW and reading.busy and reading.action is not None:
        return COURSES[reading.action].transit
    return reading.power


def _standing(machine: Machine, generation: Generation) -> dict[str, object]:
    """`frozen` was a manage_state until frozen_state took its place in March 2026."""
    server = machine.server
    if generation is Generation.NEW:
        return {"manage_state": server.manage_state, "frozen_state": server.frozen_state}
    return {"manage_state": "frozen" if server.frozen_state else server.manage_state}


def _distort(states: dict[str, str], machine: Machine, generation: Generation) -> None:
    kind = machine.fault.kind if machine.fault is not None else None
    if kind is MachineFaultKind.POWER_UNKNOWN:
        states["power_state"] = "unknown"
    elif kind is MachineFaultKind.POWER_MISSING:
        del states["power_state"]
    elif kind is MachineFaultKind.UNKNOWN_STATE and generation is Generation.OLD:
        states["power_state"] = "self-testing"
    elif kind is MachineFaultKind.UNKNOWN_STATE:
        states["operation_state"] = "self-test-processing"


def _hardware(sn: str) -> dict[str, str]:
    return {
        "sn": sn,
        "manufacturer": "xFusion",
        "model": "FusionServer 2288H V7",
        "main_board_manufacturer": "xFusion",
        "main_board_serial_number": f"MB{sn}",
    }


def counted_power(machine: Machine, now: float) -> str:
    """The word under which ShowServerStatus counts this server: on, off or unknown."""
    kind = machine.fault.kind if machine.fault is not None else None
    if kind in {MachineFaultKind.POWER_UNKNOWN, MachineFaultKind.POWER_MISSING}:
        return "unknown"
    return Power(machine.look(now).power).value

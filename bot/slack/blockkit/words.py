"""The words and signs for actions and states: each in one place, none told by colour alone."""

from __future__ import annotations

from bot.power.causes import Cause, Late, Left
from bot.power.inputs import Judgement
from bot.power.lifecycle import ServerState, State
from bot.power.ports import Method, Request
from bot.power.request import Action
from bot.power.text import times

VERBS: dict[Action, str] = {
    Action.ON: "power on",
    Action.OFF: "power off",
    Action.REBOOT: "reboot",
    Action.CYCLE: "power-cycle",
}
DONE: dict[Action, str] = {
    Action.ON: "powered on",
    Action.OFF: "powered off",
    Action.REBOOT: "rebooted",
    Action.CYCLE: "power-cycled",
}
DOING: dict[Action, str] = {
    Action.ON: "Powering on",
    Action.OFF: "Powering off",
    Action.REBOOT: "Rebooting",
    Action.CYCLE: "Power-cycling",
}
# What is asked, at a glance: before a title that says it in words.
ACTION_SIGNS: dict[Action, str] = {
    Action.ON: "🟢",
    Action.OFF: "⚫",
    Action.REBOOT: "🔁",
    Action.CYCLE: "🔌",
}
SIGNS: dict[State, str] = {
    State.PLANNED: "📝",
    State.PENDING: "⏳",
    State.APPROVED: "👍",
    State.RUNNING: "▶️",
    State.SUCCEEDED: "✅",
    State.PARTIAL: "⚠️",
    State.FAILED: "❌",
    State.STOPPED: "⏹️",
    State.REFUSED: "🚫",
    State.DENIED: "⛔",
    State.CANCELLED: "↩️",
    State.EXPIRED: "⌛",
    State.VOID: "⚪",
}
_NOT_RUN_SIGN = "🚫"
# How a request ended, or stands, where there is only this one line for it.
MEANINGS: dict[State, str] = {
    State.PLANNED: "not requested yet",
    State.PENDING: "waiting for approval",
    State.APPROVED: "about to start",
    State.RUNNING: "in progress",
    State.SUCCEEDED: "every server is confirmed",
    State.PARTIAL: "not every server is confirmed",
    State.FAILED: "no server is confirmed",
    State.STOPPED: "stopped with servers left untouched",
    State.REFUSED: "the policy doesn't allow it; nothing was sent",
    State.DENIED: "nothing was sent",
    State.CANCELLED: "nothing was sent",
    State.EXPIRED: "nobody answered in time; nothing was sent",
    State.VOID: "approved, but not carried out; nothing was sent",
}
# For the others their value is the word that people read.
_SERVER_WORDS: dict[ServerState, str] = {
    ServerState.QUEUED: "waiting",
    ServerState.INTENDED: "being sent",
    ServerState.ACCEPTED: "in progress",
    ServerState.NOT_PROVEN: "not confirmed",
    ServerState.NOT_SENT: "untouched",
    ServerState.UNKNOWN: "outcome unknown",
    ServerState.SUPERSEDED: "overtaken",
}
# A row of a list begins with how its servers stand.
SERVER_SIGNS: dict[ServerState, str] = {
    ServerState.QUEUED: "○",
    ServerState.INTENDED: "↻",
    ServerState.ACCEPTED: "↻",
    ServerState.PROVEN: "✔",
    ServerState.SKIPPED: "–",
    ServerState.NOT_SENT: "–",
    ServerState.BLOCKED: "🚫",
    ServerState.FAILED: "❌",
    ServerState.REJECTED: "❌",
}
IN_DOUBT = "⚠️"  # For every state that has no sign of its own.
JUDGEMENTS: dict[Judgement, str] = {
    Judgement.JUSTIFIED: "Justified",
    Judgement.NOT_JUSTIFIED: "Not justified",
}
ACCEPTED_ONLY = "accepted, not confirmed"
HALF_DONE = "off, about to be switched on"
CALLS: dict[Method, str] = {
    Method.ON: "a power-on",
    Method.OFF: "a power-off",
    Method.REBOOT: "a reboot",
}
# Why a server stands where it stands; what has no line here is told by the detail beside it.
_CAUSES: dict[Cause, str] = {
    Cause.INTERRUPTED: "Powerbot was interrupted during the call, so it may have happened",
    Cause.LEFT_OUT: "CloudDC accepted the call, but its answer leaves this server out",
    Cause.DELETED: "deleted meanwhile: CloudDC no longer lists its id",
    Cause.REPLACED: "replaced meanwhile: another server now has its name",
    Cause.RACK_FULL: "waits for its rack, where as many servers as allowed are already powering on",
}
# A detail beside these would say it twice.
_ALONE = frozenset({Cause.DELETED, Cause.REPLACED, Cause.RACK_FULL})
_LATE: dict[Late, str] = {
    Late.DONE: "{done} after all, as seen later",
    Late.WENT_OFF: "went off after the run had ended",
    Late.CAME_ON: "on again, seen later",
}
FRESH_S = 60.0  # Seconds; what is younger was read "just now".
LEFT: dict[Left, str] = {Left.OFF: "OFF", Left.MAY_BE_OFF: "may be OFF"}


def sign(found: Request) -> str:
    """Return the sign for where a request is, or how it ended."""
    return _NOT_RUN_SIGN if found.held_back else SIGNS[found.state]


def server_word(state: ServerState, action: Action, probe: str = "") -> str:
    """Return the word for one server's state; for a proven one, the action's past tense.

    One that is proven and not well is told by the probe that it doesn't answer.
    """
    if state is ServerState.UNWELL:
        return f"{DONE[action]}, not {probe or 'well'}"
    if state is ServerState.PROVEN:
        return DONE[action]
    return _SERVER_WORDS.get(state, state.value)


def long_word(state: ServerState, action: Action, probe: str = "") -> str:
    """Return the word for one server's state where there is room for the whole truth."""
    return ACCEPTED_ONLY if state is ServerState.NOT_PROVEN else server_word(state, action, probe)


def reason(state: ServerState, cause: Cause, detail: str) -> str:
    """Return why a server stands where it stands."""
    if cause is Cause.OUR_OWN and state is ServerState.SUPERSEDED:
        return f"overtaken by one of our own earlier calls, from {detail}"
    said = _CAUSES.get(cause, "")
    if not said or cause in _ALONE:
        return said or detail
    return f"{said}; {detail}" if detail else said


def late(seen: Late, action: Action) -> str:
    """Return what was seen of a server after the run, or an empty text."""
    return _LATE.get(seen, "").format(done=DONE[action])


def read_ago(age_s: float) -> str:
    """Return when states were read that are so old, like `3 min ago`."""
    return f"{times.duration(age_s)} ago" if age_s >= FRESH_S else "just now"


def at_once(action: Action) -> str:
    """Return what the button of break glass does, like `Reboot now`."""
    return f"{VERBS[action].capitalize()} now"


def title(action: Action, servers: int) -> str:
    """Return what is asked, like `Reboot 19 servers`."""
    noun = "server" if servers == 1 else "servers"
    return f"{VERBS[action].capitalize()} {servers:,} {noun}"

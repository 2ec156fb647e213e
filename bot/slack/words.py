"""The words and signs for actions and states: each in one place, none told by colour alone."""

from __future__ import annotations

from bot.power.lifecycle import ServerState, State
from bot.power.request import Action

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
# What the state means for the reader; a deadline that passed is nobody's no.
MEANINGS: dict[State, str] = {
    State.PLANNED: "not asked for yet",
    State.PENDING: "waiting for approval",
    State.APPROVED: "about to start",
    State.RUNNING: "under way",
    State.SUCCEEDED: "every server is proven",
    State.PARTIAL: "not every server is proven",
    State.FAILED: "no server is proven",
    State.STOPPED: "ended before every server was sent",
    State.REFUSED: "the rules don't allow it; nothing was sent",
    State.DENIED: "nothing was sent",
    State.CANCELLED: "nothing was sent",
    State.EXPIRED: "nobody answered in time; nothing was sent",
    State.VOID: "approved, but not carried out; nothing was sent",
}
_SERVER_WORDS: dict[ServerState, str] = {
    ServerState.QUEUED: "waiting",
    ServerState.INTENDED: "being sent",
    ServerState.ACCEPTED: "under way",
}


def server_word(state: ServerState, action: Action) -> str:
    """Return the word for one server's state; a proven one is told in the action's past tense."""
    if state is ServerState.PROVEN:
        return DONE[action]
    return _SERVER_WORDS.get(state, state.value)


def title(action: Action, servers: int) -> str:
    """Return what is asked, like `Reboot 19 servers`."""
    noun = "server" if servers == 1 else "servers"
    return f"{VERBS[action].capitalize()} {servers} {noun}"

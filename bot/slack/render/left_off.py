"""The loudest message there is: a cycle has switched servers off and not on again."""

from __future__ import annotations

from bot.power import inputs, ports
from bot.power.lifecycle import ServerState
from bot.power.messages import running
from bot.power.run import late_results
from bot.power.text import times
from bot.slack import action_ids
from bot.slack.blockkit import blocks, naming, text, words

WHY_CHARS = 200
LABEL = action_ids.LABELS[inputs.Do.BACK_ON]
LOOKING = (
    f"Powerbot keeps checking for {times.duration(late_results.LOOK_FOR_S)} after the end, and "
    "says here what it sees."
)


def left_dark(request: ports.Request, told: running.LeftDark) -> blocks.Message:
    """Return the alarm, with the people it is for and a button that would switch the servers on."""
    names = told.names
    people = text.mentions(told.mention)
    number = text.count(len(names), "server")
    why = text.plain(_why(told), WHY_CHARS)
    # One that an older version has queued names them all together.
    off = names if told.off is None else told.off
    maybe = [name for name in names if name not in set(off)]
    those = "this one; check it" if len(names) == 1 else "these; check them"
    lines = [
        f"*Switched off by {request.id} and not back on:* {naming.folded(off)}" if off else "",
        f"*May be off:* {naming.folded(maybe)}; {request.id} has sent a power-off" if maybe else "",
        f"*Why:* {why}" if why else "",
        f"{people}: {LABEL} plans a power-on of exactly {those} before you press it.",
        LOOKING,
    ]
    said = "\n".join(line for line in lines if line)
    spoken = f"{LABEL} {request.id}: power on what it left off"
    # As on the card: not before somebody has seen to what refused the power-on.
    style = "" if told.state is ServerState.REJECTED else "primary"
    button = blocks.Button(inputs.Do.BACK_ON, request.id, style=style, spoken=spoken)
    title = f"🚨 {number} left off" if off else f"🚨 {number} may be off"
    shown = (blocks.header(title), blocks.section(said), blocks.button_row([button]))
    # A phone's notification shows the beginning alone, so that is the alarm.
    return blocks.Message(f"{title}: {said}", shown)


def _why(told: running.LeftDark) -> str:
    """Return why the first of them stands as it does."""
    if told.state is None:
        return told.why
    return words.reason(told.state, told.cause, told.why) or told.state.value

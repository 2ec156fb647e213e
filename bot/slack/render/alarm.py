"""The loudest message there is: a cycle has switched servers off and not on again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.power import inputs, ports
from bot.power.causes import Cause
from bot.power.lifecycle import ServerState
from bot.power.run import aftermath
from bot.slack import action_ids
from bot.slack.blockkit import blocks, naming, text, words

WHY_CHARS = 200
LABEL = action_ids.LABELS[inputs.Do.BACK_ON]
LOOKING = (
    f"Powerbot goes on looking for {text.duration(aftermath.LOOK_FOR_S)} after the end, and says "
    "here what it sees."
)


def left_dark(request: ports.Request, body: Mapping[str, Any]) -> blocks.Message:
    """Return the cry, with the people it is for and a button that would switch them on."""
    names = [str(name) for name in _listed(body.get("names"))]
    people = text.mentions([str(one) for one in _listed(body.get("mention"))])
    number = text.count(len(names), "server")
    why = text.plain(_why(body), WHY_CHARS)
    off = [str(name) for name in _listed(body.get("off", names))]
    maybe = [name for name in names if name not in set(off)]
    lines = [
        f"*Switched off by {request.id} and not on again:* {naming.folded(off)}" if off else "",
        f"*May be off:* {naming.folded(maybe)}; {request.id} has sent a power-off" if maybe else "",
        f"*Why:* {why}" if why else "",
        f"{people}: {LABEL} plans a power-on of exactly these; look at them before you press it.",
        LOOKING,
    ]
    told = "\n".join(line for line in lines if line)
    spoken = f"{LABEL} {request.id}: power on what it left off"
    button = blocks.Button(inputs.Do.BACK_ON, request.id, style="primary", spoken=spoken)
    title = f"🚨 {number} left off" if off else f"🚨 {number} may be off"
    shown = (blocks.header(title), blocks.section(told), blocks.button_row([button]))
    return blocks.Message(f"{title}: {told}", shown)


def _why(body: Mapping[str, Any]) -> str:
    """Return why the first of them stands as it does."""
    detail, state = str(body.get("why") or ""), str(body.get("state") or "")
    if state not in set(ServerState):
        return detail
    said = words.reason(ServerState(state), Cause(str(body.get("cause") or "")), detail)
    return said or state


def _listed(found: object) -> Sequence[object]:
    """Return a list of the body, empty when it has none."""
    return found if isinstance(found, list | tuple) else ()

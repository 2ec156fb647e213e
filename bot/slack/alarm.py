"""The loudest message there is: a cycle has switched servers off and not on again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.power import ports
from bot.slack import action_ids, blocks, naming, text

WHY_CHARS = 200


def left_dark(request: ports.Request, body: Mapping[str, Any]) -> blocks.Message:
    """Return the cry, with the people it is for and Undo, which would switch them on."""
    names = [str(name) for name in _listed(body.get("names"))]
    people = text.mentions([str(one) for one in _listed(body.get("mention"))])
    number = text.count(len(names), "server")
    why = text.plain(str(body.get("why") or ""), WHY_CHARS)
    told = "\n".join(
        [
            f"*Switched off by {request.id} and not on again:* {naming.folded(names)}",
            f"*Why:* {why}" if why else "",
            f"{people}: Undo plans a power-on of exactly these; look at them before you press it.",
        ]
    ).replace("\n\n", "\n")
    spoken = f"{action_ids.LABELS[action_ids.Do.UNDO]} {request.id}: power on what it left off"
    undo = blocks.Button(action_ids.Do.UNDO, request.id, style="primary", spoken=spoken)
    title = f"🚨 {number} left off"
    shown = (blocks.header(title), blocks.section(told), blocks.button_row([undo]))
    return blocks.Message(f"{title}: {told}", shown)


def _listed(found: object) -> Sequence[object]:
    """Return a list of the body, empty when it has none."""
    return found if isinstance(found, list | tuple) else ()

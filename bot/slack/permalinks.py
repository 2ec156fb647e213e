"""Addresses of messages in Slack, as its own "Copy link" makes them."""

from __future__ import annotations

from bot.power import ports


def card(request: ports.Request, workspace_url: str) -> str:
    """Return the address of a request's card, or an empty text when it has none yet."""
    found = request.card
    if not workspace_url or found is None or not found.ts:
        return ""
    # The ts stands there without its dot.
    return f"{workspace_url.rstrip('/')}/archives/{found.channel_id}/p{found.ts.replace('.', '')}"

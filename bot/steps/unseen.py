"""A request whose card Slack refuses: what its channel has not seen, nobody approves."""

from __future__ import annotations

from bot.power import ports

UNSEEN = (
    "Slack hasn't taken its card yet, so the channel can't see it; "
    "its requester knows why. Approve it once the card is there."
)


def barring(tx: ports.Tx, found: ports.Request) -> str:
    """Return why a request can't be approved while nobody sees it, or an empty text.

    A card that is only on its way bars nothing.
    """
    if found.card is not None and found.card.ts:
        return ""
    refused = tx.audit_rows(request_id=found.id, event=ports.CARD_REFUSED, limit=1)
    return UNSEEN if refused else ""

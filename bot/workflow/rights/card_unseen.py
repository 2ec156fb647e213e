"""A request whose card Slack refuses: what its channel has not seen, nobody approves.

Nor does break glass start: it is for those who act in public.
"""

from __future__ import annotations

from bot.power import ports

UNSEEN = (
    "Slack hasn't accepted its card yet, so the channel can't see it; its requester has been "
    "told why. Approve it once the card is there."
)
# For its requester, who wants to ask them again.
NOBODY_ASKED = (
    "Nobody can see this request yet, since Slack hasn't accepted its card; you have been told "
    "why. Those who can approve are asked as soon as the card is there."
)

# How long break glass waits for its card before it is given up, and how often it checks.
PUBLIC_WITHIN_S = 30.0
LOOK_S = 0.5
NOT_PUBLIC = (
    f"Slack didn't accept its card within {PUBLIC_WITHIN_S:.0f} s, and break glass happens in "
    "public or not at all; use another incident channel, or ask an approver"
)


def public_by(request: ports.Request) -> float | None:
    """Return until when an approved break glass waits for its card; None when it needn't."""
    if not request.order.options.break_glass or (request.card is not None and request.card.ts):
        return None
    # Use-by less use-within is when it was approved, which has no column of its own.
    return request.use_by - request.plan.terms.use_within_s + PUBLIC_WITHIN_S


def barring(tx: ports.Tx, request: ports.Request) -> str:
    """Return why a request can't be approved while nobody sees it, or an empty text.

    A card that is only on its way bars nothing.
    """
    if request.card is not None and request.card.ts:
        return ""
    refused = tx.audit_rows(request_id=request.id, event=ports.CARD_REFUSED, limit=1)
    return UNSEEN if refused else ""

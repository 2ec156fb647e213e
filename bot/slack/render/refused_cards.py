"""A request whose card Slack refuses: the message that tells its requester why, and what helps.

The card itself stays in the outbox and is posted as soon as the channel takes it. Until then
nobody can approve the request: `bot.workflow.rights.card_unseen` looks for the row written here.
"""

from __future__ import annotations

import collections

from bot.power import lifecycle, ports
from bot.power.lifecycle import State
from bot.power.messages import messages, running
from bot.slack import api_errors
from bot.slack.api_errors import NoCardReason
from bot.slack.blockkit import blocks, text

MOST_REMEMBERED = 2000  # Reasons that were told.
MOST_ROWS = 20  # Of the audit; a request's card has fewer reasons to be refused.
ELSEWHERE = "or ask in another channel"
# What is wrong, then what helps.
WORDS = {
    NoCardReason.NOT_A_MEMBER: (
        "Powerbot isn't in that channel",
        f"Type /invite @Powerbot there, {ELSEWHERE}.",
    ),
    NoCardReason.ARCHIVED: ("that channel is archived", f"Unarchive it, {ELSEWHERE}."),
    NoCardReason.READ_ONLY: (
        "only some people may post in that channel",
        f"Ask a channel manager to let Powerbot post there, {ELSEWHERE}.",
    ),
    NoCardReason.THREADS_ONLY: (
        "that channel allows posts in threads only",
        f"Mention Powerbot in a thread there, {ELSEWHERE}.",
    ),
    NoCardReason.NOT_ALLOWED: (
        "Slack's settings don't let Powerbot post there",
        f"Ask a workspace admin to allow it, {ELSEWHERE}.",
    ),
    NoCardReason.TOKEN: (
        "Slack refuses Powerbot's token",
        "Ask an operator to run `powerbot check`.",
    ),
    NoCardReason.OTHER: (
        "Slack's reason is one that Powerbot doesn't know",
        "Ask an operator to look at Powerbot's log.",
    ),
}


class RefusedCards:
    """Notes each reason for which a request's card was refused, once."""

    def __init__(self, store: ports.RequestStore, clock: ports.Clock) -> None:
        self._store = store
        self._clock = clock
        self._told: collections.OrderedDict[tuple[str, str], None] = collections.OrderedDict()

    async def tell(self, request: ports.Request, code: str) -> None:
        """Audit that Slack refuses the card, and tell the requester.

        Raises:
            StoreUnavailable: it could not be noted.
        """
        # It saves a transaction; the row in the audit is what counts.
        if (request.id, code) in self._told:
            return
        await self._store.write(lambda tx: self._note(tx, request, code))
        self._told[request.id, code] = None
        if len(self._told) > MOST_REMEMBERED:
            self._told.popitem(last=False)

    def _note(self, tx: ports.Tx, request: ports.Request, code: str) -> None:
        """Write it down unless it is there already."""
        # Another process may have told the requester.
        rows = tx.audit_rows(request_id=request.id, event=ports.CARD_REFUSED, limit=MOST_ROWS)
        if any(row["detail"].get("why") == code for row in rows):
            return
        now, channel = self._clock.now(), request.order.place.channel_id
        entry = ports.AuditEntry(
            ports.CARD_REFUSED,
            now,
            request_id=request.id,
            channel_id=channel,
            detail={"why": code},
        )
        tx.audit(entry)
        said = running.CardRefused(why=code)
        # By its key each reason is told once, however often the card is tried.
        tx.say(request.id, "direct", said, key=f"{said.event}:{code}", at=now)


def outdated(request: ports.Request, told: messages.Message | None) -> bool:
    """Whether a message about a refused card has nothing to say any more."""
    stands = request.card is not None and bool(request.card.ts)
    return isinstance(told, running.CardRefused) and (stands or request.state in lifecycle.ENDED)


def render(request: ports.Request, told: running.CardRefused) -> blocks.Message:
    """Return the message for the requester."""
    code = told.why
    why, mend = WORDS[api_errors.why(code)]
    where = text.channel(request.order.place.channel_id) or "the channel"
    lines = [
        f"🚫 Slack doesn't accept its card in {where}: {why} ({text.plain(code, 60)}). {mend}",
        "Powerbot posts the card as soon as the channel accepts it.",
    ]
    if request.state is State.PENDING:
        lines.append(f"Nobody can approve it until then{_until(request)}.")
    said = "\n".join(lines)
    return blocks.Message(said, (blocks.section(said),))


def _until(request: ports.Request) -> str:
    """Return when the request expires, if it does."""
    return f", and it expires at {text.moment(request.expires_at)}" if request.expires_at else ""

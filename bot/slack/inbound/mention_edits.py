"""Edits of mentions: one is read where nothing came of the message as it was read before.

An edit that comes while its message is still being read waits for what comes of that. It waits in
memory alone: a process that dies takes it along, as if it had not been made.
"""

from __future__ import annotations

from bot.power import inputs, ports
from bot.workflow import answers


def is_mistake(answer: answers.Answer | None) -> bool:
    """Whether nothing live came of what was written, so that an edit of it may be read."""
    if isinstance(answer, answers.PlanShown):
        return bool(answer.plan.refusals)
    return isinstance(answer, answers.Mistake)


class Edits:
    """Knows which messages are being read, and the newest edit of each; one for the process."""

    def __init__(self, store: ports.RequestStore) -> None:
        self._store = store
        self._readings: dict[str, set[str]] = {}
        self._waiting: dict[str, ports.Inbound] = {}

    def begin(self, inbound: ports.Inbound) -> None:
        """Note that a message, or an edit of it, is being read."""
        if isinstance(inbound.input, inputs.Mentioned):
            self._readings.setdefault(_message(inbound), set()).add(inbound.key)

    def end(self, inbound: ports.Inbound) -> None:
        """Note that it is read; what has waited for a reading that was no mistake is let go of."""
        message = _message(inbound)
        readings = self._readings.get(message, set())
        readings.discard(inbound.key)
        if not readings:
            self._readings.pop(message, None)
            self._waiting.pop(message, None)

    async def receive(self, inbound: ports.Inbound) -> bool:
        """Store an edit that may be read now; False for one that may not, or not yet.

        Raises:
            StoreUnavailable: it could not be stored.
        """
        message = _message(inbound)
        if message in self._readings:
            # Before the store is asked: the reading may end while it answers.
            newest = self._waiting.setdefault(message, inbound)
            # Keys of one message end in the edit's ts: the greatest is the newest.
            self._waiting[message] = max(newest, inbound, key=lambda one: one.key)
        fresh = await self._store.write(lambda tx: tx.receive_edit(inbound, message))
        if fresh:
            self._taken(inbound)
        return fresh

    async def after_mistake(self, inbound: ports.Inbound) -> ports.Inbound | None:
        """Mark a mention of which nothing came as done; return the edit to read now.

        Raises:
            StoreUnavailable: it could not be marked.
        """
        message = _message(inbound)

        def work(tx: ports.Tx) -> None:
            tx.finish(inbound.key)
            # In one transaction: a crash in between would bar the edits for good.
            tx.mark_mistaken(message)

        await self._store.write(work)
        edit = self._waiting.get(message)
        if edit is None or not await self._store.write(lambda tx: tx.receive_edit(edit, message)):
            return None
        self._taken(edit)
        return edit

    def _taken(self, edit: ports.Inbound) -> None:
        """Let an edit wait no more, for it is read; a newer one waits for what comes of it."""
        self.begin(edit)
        message = _message(edit)
        # A newer one may have come while this one was stored.
        if self._waiting.get(message) is edit:
            del self._waiting[message]


def _message(inbound: ports.Inbound) -> str:
    """Return the key of the message that a mention is, or is an edit of."""
    was = inbound.input
    return (was.edit_of if isinstance(was, inputs.Mentioned) else "") or inbound.key

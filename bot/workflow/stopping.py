"""Cancel by the requester, Stop by everybody: what ends a request before its work is done.

Each decides in its transaction, on the state of that moment: who presses Stop while a run starts
has stopped the run.
"""

from __future__ import annotations

import dataclasses

from bot.power import lifecycle, ports
from bot.power.approval import rights
from bot.power.lifecycle import State
from bot.power.run import endings
from bot.workflow import answers
from bot.workflow.rights import auditing, refusing


@dataclasses.dataclass(frozen=True)
class Stopping:
    """Takes requests back, and stops runs."""

    store: ports.RequestStore
    refusing: refusing.Refusing
    clock: ports.Clock

    async def cancel(
        self, inbound: ports.Inbound, found: ports.Request, reason: str = ""
    ) -> answers.Answer:
        """Take one's own request back, before its first call."""
        may = rights.may_cancel(inbound.person, found.order.requester)
        if not may.allowed:
            return await self.refusing.say(inbound, "cancel.refused", found, may.sentence)
        return await self.store.write(
            lambda tx: self._end(tx, inbound, found, State.CANCELLED, reason)
        )

    async def stop(
        self, inbound: ports.Inbound, found: ports.Request, reason: str = ""
    ) -> answers.Answer:
        """Stop a running request: after this, no new call leaves. Needs no approval."""
        if found.state in (State.PLANNED, State.PENDING):
            return await self._nothing_to_stop(inbound, found)

        def work(tx: ports.Tx) -> answers.Note:
            newest = tx.request(found.id) or found
            if newest.state is State.RUNNING:
                return self._stop_run(tx, inbound, newest, reason)
            return self._end(tx, inbound, newest, State.STOPPED, reason)

        return await self.store.write(work)

    def _stop_run(
        self, tx: ports.Tx, inbound: ports.Inbound, found: ports.Request, reason: str
    ) -> answers.Note:
        """Note that a run is to stop, unless somebody has stopped it already."""
        now, user_id = self.clock.now(), inbound.person.user_id
        if not tx.request_stop(found.id, user_id=user_id, reason=reason, at=now):
            return self.refusing.too_late(tx, inbound, found, now)
        body = {"event": "stop_asked", "user": user_id, "reason": reason}
        tx.say(found.id, "reply", body, key="stop", at=now)
        tx.show_card(found.id, at=now)
        detail = {"why": reason}
        auditing.row(tx, inbound, "request.stop_asked", found, now, detail, servers=True)
        return answers.Note(f"{found.id} sends nothing more; what was sent is watched.")

    async def _nothing_to_stop(self, inbound: ports.Inbound, found: ports.Request) -> answers.Note:
        """Say that a request has sent nothing, and who may end it before it does."""
        said = (
            f"{found.id} has sent nothing, and sends nothing before it is approved: "
            "its requester can cancel it, and whoever may approve it can deny it."
        )
        return await self.refusing.say(inbound, "stop.refused", found, said)

    def _end(
        self,
        tx: ports.Tx,
        inbound: ports.Inbound,
        found: ports.Request,
        end: State,
        said: str,
    ) -> answers.Note:
        """End a request that waits, if its state of this moment allows it."""
        now, by = self.clock.now(), f"{end.value} by {inbound.person.user_id}"
        newest = tx.request(found.id) or found
        late = newest.state is State.PENDING and now >= newest.expires_at
        if late or end not in lifecycle.TRANSITIONS[newest.state]:
            return self.refusing.too_late(tx, inbound, newest, now)
        ending = endings.Ending(
            end,
            now,
            f"{by}: {said}" if said else by,
            said=said,
            person=inbound.person,
            detail={"payload": inbound.key},
        )
        endings.end(tx, newest, ending)
        return answers.Note(f"{found.id} is {end.value}.")

"""Plans that nobody has asked for: looked at in Slack, perhaps requested, and forgotten soon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.power import lifecycle
from bot.power.lifecycle import State
from bot.storage.engine import link
from bot.storage.tables import rows

_ENDED = sorted(lifecycle.ENDED)
# Plans that came to nothing before anybody asked for them, and that no row names any more.
_UNASKED = """
    SELECT id FROM requests
    WHERE asked_at = 0 AND state IN :ended
      AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.request_id = requests.id)
      AND NOT EXISTS (SELECT 1 FROM reviews WHERE reviews.request_id = requests.id)
      AND NOT EXISTS (SELECT 1 FROM run_servers WHERE run_servers.request_id = requests.id)
      AND NOT EXISTS (SELECT 1 FROM approvals WHERE approvals.request_id = requests.id)
"""
# An order that no index has: the few plans are sorted, rather than all of a person's requests
# walked over for them.
_OLDER_PLANS = """
    SELECT id FROM requests
    WHERE requester = :person AND state = :planned AND id <> :but
      AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.request_id = requests.id)
      AND id NOT IN (
          SELECT id FROM requests WHERE requester = :person AND state = :planned
          ORDER BY created_at + 0.0 DESC, id LIMIT :most
      )
"""
_PLANNED_FROM = """
    SELECT id FROM requests
    WHERE requester = :person AND state = :planned AND substr(source_key, 1, :length) = :begins
    ORDER BY created_at + 0.0 DESC, id LIMIT 1
"""


class UnaskedPlans(link.Link):
    """The part of a transaction that speaks of plans that nobody has asked for."""

    def planned_from(self, user_id: str, source: str) -> str:
        """Return the id of a person's newest plan from payloads whose key begins so, or nothing."""
        begins = rows.storable(source)
        found = self.value(
            _PLANNED_FROM,
            person=user_id,
            planned=State.PLANNED.value,
            begins=begins,
            length=len(begins),
        )
        return str(found or "")

    def forget_plan(self, request_id: str) -> None:
        """Take a plan that nobody asked for out of the store; the audit log keeps its row.

        One of which Slack must still be told stays for a later look.
        """
        unasked = f"{_UNASKED} AND requests.id = :id"
        self._forget_plans(self.query(unasked, id=request_id, ended=_ENDED))

    def forget_plans(self, *, before: float, limit: int) -> int:
        """Take plans out of the store that ended before an instant and that nobody asked for."""
        ended = f"{_UNASKED} AND ended_at < :before LIMIT :limit"
        return self._forget_plans(self.query(ended, before=before, limit=limit, ended=_ENDED))

    def keep_newest_plans(self, user_id: str, *, most: int, but: str) -> None:
        """Let go of a person's oldest plans, but for so many that were not asked for yet.

        The plan `but` stays, whatever the clock said when the others were made.
        """
        older = self.query(
            _OLDER_PLANS, person=user_id, planned=State.PLANNED.value, most=most, but=but
        )
        self._forget_plans(older)

    def _forget_plans(self, found: Sequence[Any]) -> int:
        """Delete plans and their requests."""
        ids = [row.id for row in found]
        if ids:
            # The row that names the other goes first.
            self.change("DELETE FROM plans WHERE request_id IN :ids", ids=ids)
            self.change("DELETE FROM requests WHERE id IN :ids", ids=ids)
        return len(ids)

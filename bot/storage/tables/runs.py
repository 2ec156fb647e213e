"""Runs: the servers of a request and the calls that were made for them, behind the fence."""

from __future__ import annotations

from collections.abc import Sequence

from bot.power import causes, errors, lifecycle, ports
from bot.power.run import outcome
from bot.storage.engine import connections, link
from bot.storage.tables import rows

_SERVERS = f"""
    SELECT {", ".join(rows.SERVER_COLUMNS)} FROM run_servers
    WHERE request_id = :request_id ORDER BY position
"""
_UPDATE_SERVER = f"""
    UPDATE run_servers
    SET {", ".join(f"{name} = :{name}" for name in rows.SERVER_COLUMNS if name != "server_id")}
    WHERE request_id = :request_id AND server_id = :server_id
"""
_ATTEMPTS = f"""
    SELECT {", ".join(rows.ATTEMPT_COLUMNS)} FROM attempts
    WHERE request_id = :request_id ORDER BY number
"""
# Numbered in the statement, which whoever holds the fence runs alone.
_INTEND = """
    INSERT INTO attempts (id, request_id, number, method, server_ids, wave, step, epoch,
                          code_version, intended_at)
    VALUES (:id, :request_id,
            (SELECT coalesce(max(number), 0) + 1 FROM attempts WHERE request_id = :request_id),
            :method, :server_ids, :wave, :step, :epoch, :code_version, :intended_at)
"""
_ANSWER = """
    UPDATE attempts
    SET outcome = :outcome, detail = :detail, cloud_request_id = :cloud_request_id
    WHERE id = :id
"""
# A row for each way in which servers ended, however many there are.
_WAYS = """
    SELECT DISTINCT request_id, state, cause, sends FROM run_servers WHERE request_id IN :ids
"""
# What proves that a call did nothing, so that a reboot may be sent after all.
_DID_NOTHING = frozenset({ports.Outcome.NOT_SENT, ports.Outcome.REFUSED})


class Runs(link.Link):
    """The part of a transaction that speaks of runs."""

    def start_run(self, request_id: str, servers: Sequence[ports.RunServer]) -> None:
        """Store the servers of a run."""
        listed = [
            {"request_id": request_id, "position": position, **rows.server_row(server)}
            for position, server in enumerate(servers)
        ]
        self.insert_each("run_servers", listed)

    def run_servers(self, request_id: str) -> list[ports.RunServer]:
        """Return the servers of a run in the plan's order."""
        return [rows.server_from(row) for row in self.each(_SERVERS, request_id=request_id)]

    def update_servers(
        self, request_id: str, servers: Sequence[ports.RunServer], *, epoch: int
    ) -> None:
        """Replace the rows of these servers.

        Raises:
            LostLease: the fence has moved on.
            LookupError: one of the servers isn't in the run.
        """
        self.hold_fence(request_id, epoch)
        if not servers:
            return
        changed = [{"request_id": request_id, **rows.server_row(server)} for server in servers]
        if self.change_each(_UPDATE_SERVER, changed) != len(changed):
            raise LookupError(f"the run of {request_id} doesn't have all of these servers")

    def intend(self, attempt: ports.Attempt, *, epoch: int) -> None:
        """Store an attempt before it is sent.

        Raises:
            LostLease: the fence has moved on.
            IllegalTransition: a server's reboot was sent already, or may have been.
        """
        # Whoever has lost the request must not send, whatever it still knows.
        self.hold_fence(attempt.request_id, epoch)
        self.change(
            _INTEND,
            id=attempt.id,
            request_id=attempt.request_id,
            method=attempt.method.value,
            server_ids=rows.packed(attempt.server_ids),
            wave=attempt.wave,
            step=attempt.step,
            epoch=epoch,
            code_version=self.code_version,
            intended_at=attempt.intended_at,
        )
        # In the intent's transaction: a reboot that was sent before undoes both.
        self._note_servers(attempt)

    # No fence: an answer that comes late is true all the same.
    def answer(self, attempt: ports.Attempt) -> None:
        """Store the outcome of an attempt."""
        self.change(
            _ANSWER,
            id=attempt.id,
            outcome=attempt.outcome.value,
            detail=rows.storable(attempt.detail),
            cloud_request_id=rows.storable(attempt.cloud_request_id),
        )
        acted = attempt.outcome not in _DID_NOTHING
        called = "UPDATE attempt_servers SET may_have_acted = :acted WHERE attempt_id = :id"
        self.change(called, id=attempt.id, acted=acted)

    def attempts(self, request_id: str) -> list[ports.Attempt]:
        """Return a request's attempts, oldest first."""
        return [rows.attempt_from(row) for row in self.query(_ATTEMPTS, request_id=request_id)]

    def held_back(self, request_ids: Sequence[str]) -> frozenset[str]:
        """Return which of these ended runs sent nothing, since other requests had the servers."""
        ways: dict[str, list[ports.RunServer]] = {}
        for row in self.query(_WAYS, ids=[*request_ids]) if request_ids else ():
            state, cause = lifecycle.ServerState(row.state), causes.Cause(row.cause)
            way = ports.RunServer("", "", state=state, cause=cause, sends=row.sends)
            ways.setdefault(row.request_id, []).append(way)
        return frozenset(id_ for id_, found in ways.items() if outcome.held_back(found))

    def _note_servers(self, attempt: ports.Attempt) -> None:
        """Note each server of a call; the table's index knows the reboots that were sent."""
        named = {
            "attempt_id": attempt.id,
            "request_id": attempt.request_id,
            "method": attempt.method.value,
        }
        called = [{**named, "server_id": one} for one in attempt.server_ids]
        try:
            self.insert_each("attempt_servers", called)
        except connections.refused() as error:
            raise errors.IllegalTransition(
                f"{attempt.request_id}: a {attempt.method.value} of one of these servers was "
                "already sent, or may have been."
            ) from error

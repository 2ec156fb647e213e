"""Steps around waves: what was taken out, server by server, until it is back or settled."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from bot.power import errors
from bot.power.steps import definition, protocol, states, wave_parts
from bot.power.steps.states import StepState
from bot.storage.engine import link
from bot.storage.tables import rows

_COLUMNS = (
    "step_key", "request_id", "wave", "spec", "number", "parts", "outside_id", "until", "halves",
    "says", "since",
)  # fmt: skip
_PARTS = f"SELECT {', '.join(_COLUMNS)} FROM steps"
_ORDER = "ORDER BY since, wave, step_key"
_SERVERS = """
    SELECT step_key, subject, state, stands, due, since, detail, owed_since, missed
    FROM step_servers
    WHERE step_key IN :keys ORDER BY step_key, position
"""
# What is owed counts whatever else is known: somebody has to look at it.
_STANDING = """
    SELECT DISTINCT step_key FROM step_servers
    WHERE ((state IN :standing AND stands) OR state = 'owed')
"""
# From the state that was read: another process may have put it back since.
_MOVE = """
    UPDATE step_servers
    SET state = :state, stands = :stands, due = :due, since = :since, detail = :detail,
        owed_since = :owed_since, missed = :missed
    WHERE step_key = :key AND server_id = :server_id AND state = :before
"""
_LOCKED = """
    SELECT server_id, state FROM step_servers WHERE step_key = :key AND server_id IN :ids FOR UPDATE
"""
_NOTE = """
    UPDATE steps SET outside_id = :outside_id, until = :until, halves = :halves, says = :says
    WHERE step_key = :key
"""
# While a request runs, its own driver looks after what it took out.
_DUE = """
    SELECT step_key FROM steps JOIN requests ON requests.id = steps.request_id
    WHERE steps.next_at > 0 AND steps.next_at <= :now AND requests.ended_at > 0
    ORDER BY steps.next_at LIMIT :most FOR UPDATE OF steps SKIP LOCKED
"""
# Named by the end of the hold, which is another one for whoever took it since.
_HOLD = "UPDATE steps SET next_at = :until WHERE step_key = :key AND next_at = :held"
_STANDS = sorted(states.STANDING)
MOST_DUE = 20  # Parts that one look takes.


class Steps(link.Link):
    """The part of a transaction that speaks of steps around waves."""

    def intend_parts(self, made: Sequence[wave_parts.Part], *, epoch: int) -> None:
        """Store parts before anything of them leaves.

        Raises:
            LostLease: the fence has moved on.
        """
        if not made:
            return
        # All parts that are intended together are of one request.
        self.hold_fence(made[0].request_id, epoch)
        self.insert_each("steps", [_part_row(part) for part in made])
        self.insert_each(
            "step_servers",
            [
                _server_row(part, taken, position)
                for part in made
                for position, taken in enumerate(part.servers)
            ],
        )

    def hold_run(self, request_id: str, *, epoch: int) -> None:
        """Make sure that this owner still has the request, until the end of the transaction.

        Raises:
            LostLease: the fence has moved on.
        """
        self.hold_fence(request_id, epoch)

    def parts(self, request_id: str) -> list[wave_parts.Part]:
        """Return all parts of a request, oldest first."""
        found = self.query(f"{_PARTS} WHERE request_id = :id {_ORDER}", id=request_id)
        return self._whole(found)

    def part(self, key: str) -> wave_parts.Part | None:
        """Return a part by its key, with its servers."""
        return next(iter(self._by_keys([key])), None)

    def standing_parts(self, server_ids: Collection[str] | None = None) -> list[wave_parts.Part]:
        """Return the parts of all requests of which something is out or owed, oldest first.

        With `server_ids`, only those that have one of these servers.
        """
        if server_ids is None:
            found = self.query(_STANDING, standing=_STANDS)
        else:
            found = self.query(
                f"{_STANDING} AND server_id IN :ids", standing=_STANDS, ids=[*server_ids]
            )
        return self._by_keys([row.step_key for row in found])

    def move(
        self, key: str, changed: Iterable[wave_parts.Taken], *, before: Collection[StepState]
    ) -> list[str]:
        """Bring servers of a part to a new state where they still are in one of `before`.

        Returns the ids of those that were; the others were dealt with meanwhile.
        """
        self.must_write()
        new = {one.subject.id: one for one in changed}
        # Whoever moves these servers meanwhile waits, and then finds them moved.
        found = self.query(_LOCKED, key=key, ids=[*new])
        were = {row.server_id: row.state for row in found if StepState(row.state) in before}
        values = [
            {
                "key": key,
                "server_id": id_,
                "before": state,
                "state": new[id_].state.value,
                "stands": new[id_].stands,
                "due": new[id_].due,
                "since": new[id_].since,
                "detail": rows.storable(new[id_].detail),
                "owed_since": new[id_].owed_since,
                "missed": rows.storable(new[id_].missed),
            }
            for id_, state in were.items()
        ]
        if values:
            self.change_each(_MOVE, values)
        return list(were)

    def note_part(self, part: wave_parts.Part) -> None:
        """Store what a part is called outside, until when it stands, and what it says."""
        self.change(
            _NOTE,
            key=part.key,
            outside_id=rows.storable(part.outside_id),
            until=part.until,
            halves=part.halves,
            says=rows.storable(part.says),
        )

    def look_at_part(self, key: str, *, next_at: float) -> None:
        """Have a part of an ended request checked then; 0 for never again."""
        self.change(
            "UPDATE steps SET next_at = :next_at WHERE step_key = :key", key=key, next_at=next_at
        )

    def parts_wait(self, *, now: float) -> bool:
        """Whether a part of a request that may have ended is due."""
        due = "SELECT 1 FROM steps WHERE next_at > 0 AND next_at <= :now LIMIT 1"
        return bool(self.value(due, now=now))

    def due_parts(self, *, now: float, until: float) -> list[wave_parts.Part]:
        """Take the parts of ended requests that are due; nobody else does before `until`."""
        keys = [row.step_key for row in self.query(_DUE, now=now, most=MOST_DUE)]
        for key in keys:
            self.look_at_part(key, next_at=until)
        return self._by_keys(keys)

    def hold_part(self, key: str, *, held: float, until: float) -> None:
        """Keep a part that was taken until `held`, from now on until another instant.

        Raises:
            LostLease: another process has taken it since, or a person wants it checked at once.
        """
        if self.change(_HOLD, key=key, held=held, until=until) == 0:
            raise errors.LostLease

    def _by_keys(self, keys: Sequence[str]) -> list[wave_parts.Part]:
        """Return parts by their keys, oldest first."""
        if not keys:
            return []
        found = self.query(f"{_PARTS} WHERE step_key IN :keys {_ORDER}", keys=[*keys])
        return self._whole(found)

    def _whole(self, found: Sequence[Any]) -> list[wave_parts.Part]:
        """Return parts with their servers."""
        keys = [row.step_key for row in found]
        servers: dict[str, list[wave_parts.Taken]] = {key: [] for key in keys}
        for row in self.query(_SERVERS, keys=keys) if keys else ():
            servers[row.step_key].append(_taken(row))
        return [_part(row, servers[row.step_key]) for row in found]


def _part_row(part: wave_parts.Part) -> Mapping[str, Any]:
    """Return the columns of a new part."""
    return {
        "step_key": part.key,
        "request_id": part.request_id,
        "wave": part.wave,
        "step": part.step.name,
        "kind": part.step.kind,
        # As the policy had it: an edit since doesn't change how it is put back.
        "spec": part.step.model_dump_json(exclude_defaults=True),
        "number": part.number,
        "parts": part.parts,
        "since": part.since,
    }


def _server_row(part: wave_parts.Part, taken: wave_parts.Taken, position: int) -> Mapping[str, Any]:
    """Return the columns of a new part's server."""
    return {
        "step_key": part.key,
        "server_id": taken.subject.id,
        "request_id": part.request_id,
        "position": position,
        # As it was then: a server that is renamed, or gone, is still put back.
        "subject": rows.storable(taken.subject.model_dump_json(exclude_defaults=True)),
        "state": taken.state.value,
        "stands": taken.stands,
        "due": taken.due,
        "since": taken.since,
        "detail": rows.storable(taken.detail),
        "owed_since": taken.owed_since,
        "missed": rows.storable(taken.missed),
    }


def _taken(row: Any) -> wave_parts.Taken:
    """Return the server of a part that a row is."""
    return wave_parts.Taken(
        protocol.Subject.model_validate_json(row.subject),
        StepState(row.state),
        # SQLite has numbers where others have truth.
        bool(row.stands),
        bool(row.due),
        row.since,
        row.detail,
        row.owed_since,
        row.missed,
    )


def _part(row: Any, servers: Iterable[wave_parts.Taken]) -> wave_parts.Part:
    """Return the part that a row and its servers are."""
    return wave_parts.Part(
        key=row.step_key,
        request_id=row.request_id,
        wave=row.wave,
        step=definition.Step.model_validate_json(row.spec),
        number=row.number,
        parts=row.parts,
        servers=tuple(servers),
        outside_id=row.outside_id,
        until=row.until,
        halves=row.halves,
        says=row.says,
        since=row.since,
    )

"""All payloads of a batch in the one trip to PostgreSQL that begins its transaction.

Neither the driver's arrays nor a trip for each statement would do: what a payload costs here
decides how many can be acknowledged in a second. Of what a bare Bolt app answers, with 16 clicks
in flight, the bot acknowledged 0.99, 0.72 and 0.77 without this, 1.56, 1.55 and 1.16 with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog

from bot.power import intake, ports
from bot.storage.engine import link
from bot.storage.tables import payload_rows, rows

log = structlog.get_logger()

# SQLSTATE lock_not_available: who waited for the turn in vain doesn't wait for it again.
NO_TURN = "55P03"

_COLUMNS = ", ".join(payload_rows.COLUMNS)
_ARRAYS = ", ".join(
    f"CAST(:all_{name} AS {'double precision[]' if name == 'at' else 'text[]'})"
    for name in payload_rows.COLUMNS
)
_RECEIVE = f"""
    INSERT INTO inbox ({_COLUMNS}, lease_until)
    SELECT {_COLUMNS}, now_s() + :lease_s FROM unnest({_ARRAYS}) AS given ({_COLUMNS})
    ON CONFLICT DO NOTHING RETURNING key
"""
_FINISH = """
    UPDATE inbox SET done_at = now_s(), body = '{}', response_url = ''
    WHERE key = ANY(CAST(:keys AS text[]))
"""
_CARDS = """
    SELECT id, card_channel, card_ts FROM requests WHERE id = ANY(CAST(:ids AS text[]))
"""

Work = intake.Receiving | intake.Finishing


def begin(tx: link.Link, turn: str, works: Sequence[Any]) -> dict[int, Any]:
    """Begin a transaction that has its turn, and do the works of intake in the same trip.

    Returns what each of them would have returned, by place in `works`. When the database refuses
    them there is nothing, and the transaction is as if they had not been tried. Until the commit,
    which is a trip of its own, it is certain that nothing is stored.
    """
    driver = tx.connection.driver
    found = {
        place: work
        for place, work in enumerate(works)
        if isinstance(work, intake.Receiving | intake.Finishing)
    }
    if found:
        try:
            return dict(zip(found, _together(tx, turn, [*found.values()]), strict=True))
        except Exception as error:  # One odd payload must not cost the others theirs.
            if driver.closed or getattr(error, "sqlstate", None) == NO_TURN:
                raise
            # It costs much, so it must not go on unseen.
            log.warning("store.intake_one_by_one", cause=repr(type(error)))
            driver.rollback()
    driver.execute(f"BEGIN; {turn}")
    return {}


def _together(tx: link.Link, turn: str, works: Sequence[Work]) -> list[Any]:
    """Begin a transaction and do works of intake in it, in one trip."""
    received = [work.inbound for work in works if isinstance(work, intake.Receiving)]
    finished = [work for work in works if isinstance(work, intake.Finishing)]
    listed = [payload_rows.written(inbound, tx.marking_key) for inbound in received]
    new: Any = ()
    cards: Any = ()
    # Everything is made ready first: what can't be written as an array must not leave half a trip.
    receiving = {**_received(listed), "lease_s": float(tx.lease_s)}
    finishing, naming = _finished(finished)
    driver = tx.connection.driver
    # Statements leave before the first answer is back (psycopg, "Pipeline mode support").
    with driver.pipeline():
        driver.execute("BEGIN")
        driver.execute(turn)
        if received:
            new = tx.connection.execute(_RECEIVE, receiving)
        if finished:
            tx.connection.execute(_FINISH, finishing)
        if naming:
            cards = tx.connection.execute(_CARDS, naming)
    stored = {row["key"]: inbound.key for row, inbound in zip(listed, received, strict=True)}
    return _values(
        works,
        {stored[key] for (key,) in new},
        {request_id: ports.Card(channel, ts) for request_id, channel, ts in cards if channel},
    )


def array(values: Sequence[str]) -> str:
    """Return texts as PostgreSQL writes an array of them (its manual, 8.15.2 and 8.15.6).

    The driver's own way looks at each value in Python; for a payload that costs more than
    everything else that is done to store it.

    Raises:
        ValueError: there is a NUL in them, which no text of PostgreSQL can hold.
    """
    if not values:
        return "{}"
    escaped = [value.replace("\\", "\\\\").replace('"', '\\"') for value in values]
    written = '{"' + '","'.join(escaped) + '"}'
    if "\0" in written:
        raise ValueError("a text with a NUL can't be stored")
    return written


def _received(listed: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return the columns of payloads as arrays; `at` is their only number."""
    columns = {name: [row[name] for row in listed] for name in payload_rows.COLUMNS}
    columns["at"] = [repr(at) for at in columns["at"]]
    return {f"all_{name}": array(column) for name, column in columns.items()}


def _finished(finished: Sequence[intake.Finishing]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the keys that were dealt with, and the requests that are named, as arrays."""
    ids = sorted({work.request_id for work in finished if work.request_id})
    keys = [rows.storable(work.key) for work in finished]
    return {"keys": array(keys)}, {"ids": array(ids)} if ids else {}


def _values(works: Sequence[Work], new: set[str], cards: dict[str, ports.Card]) -> list[Any]:
    """Return what each work would have returned, had they come one by one."""
    values: list[Any] = []
    for work in works:
        if isinstance(work, intake.Finishing):
            values.append(cards.get(work.request_id))
        else:
            # The second of two with one key is the double, as if they had come apart.
            values.append(work.inbound.key in new)
            new.discard(work.inbound.key)
    return values

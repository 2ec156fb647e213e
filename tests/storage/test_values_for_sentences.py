"""What older versions kept in sentences alone is read out of them once, by the migration."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from bot.power.causes import Cause
from bot.power.lifecycle import ServerState
from bot.storage import opening
from bot.storage.engine import addresses
from bot.storage.migrations import migrating
from tests.storage import goldens

BEFORE = "0012"
RUN = "PR-9CVU"
ENDS = {
    "PR-285Y": ("cancelled", "cancelled by U0DANA: wrong rack\nand by U0ROSA", "U0DANA"),
    "PR-TN7K": ("stopped", "stopped by W0SAM", "W0SAM"),
    "PR-4C84": ("denied", "denied by U0SAM and others", ""),
    "PR-VJRS": ("denied", "denied by U0SAM: 100% sure", "U0SAM"),
    "PR-ERD3": ("refused", "denied by U0SAM", ""),
    "PR-88X9": ("partial", "stopped itself at 1 failure", ""),
}
LOST = "the answer was lost"
NOT_AGAIN = f"{LOST}; not asked for again: stopped before its call"
SERVERS = {
    "queued": ("asked for again: its answer was lost and nothing is seen", "", Cause.ASKED_AGAIN),
    "intended": ("asked for again, says somebody", "", Cause.NONE),
    "unknown": (LOST, "", Cause.LOST),
    "failed": ("iMetal.0101: busy", "somebody else", Cause.SOMEBODY_ELSE),
}
UNKNOWNS = (
    (NOT_AGAIN, "answer lost", Cause.NOT_ASKED_AGAIN, NOT_AGAIN),
    ("CloudDC's answer leaves it out", "left out", Cause.LEFT_OUT, ""),
    ("CloudDC's answer leaves it out", "", Cause.LEFT_OUT, ""),
    ("Powerbot was interrupted during the call", "", Cause.INTERRUPTED, ""),
    ("last seen on / idle", "left out", Cause.LEFT_OUT, "last seen on / idle"),
)


@pytest.fixture
def before(empty_url: str) -> str:
    """A database of the revision before, with the golden's rows."""
    goldens.load(empty_url, "0001", now=goldens.rows("0001")["taken_at"])
    migrating.upgrade(addresses.parsed(empty_url), to=BEFORE)
    return empty_url


def changed(url: str, statement: str, **values: str) -> None:
    """Change a row, past all of Powerbot."""
    with migrating.engine(addresses.parsed(url)).begin() as connection:
        connection.execute(sa.text(statement), values)


async def test_who_has_ended_a_request_is_read_out_of_its_sentence(before: str) -> None:
    """Only of an end that a person brings, and only where that is all the sentence says."""
    for id_, (state, reason, _) in ENDS.items():
        change = "UPDATE requests SET state = :state, end_reason = :reason WHERE id = :id"
        changed(before, change, id=id_, state=state, reason=reason)

    opening.migrate(before)
    store = opening.open_store(before)
    found = await store.read(lambda tx: [one for id_ in ENDS if (one := tx.request(id_))])
    await store.close()

    assert {one.id: (one.state.value, one.end_reason, one.ended_by) for one in found} == ENDS


async def test_whose_freeze_has_ended_a_request_is_read_out_of_its_sentence(before: str) -> None:
    """The holders alone: not whom the words of a freeze speak of."""
    ends = {
        "PR-88X9": "held by freeze of U0SAM (by U0DANA, storm) since 2026-11-29 04:00 UTC; and by "
        "host:root (x) since 2026-11-29 04:00 UTC; and by W0ROSA (y) since 2026-11-29 04:00 UTC",
        "PR-TN7K": "Everything is frozen by U0SAM (x) since 2026-11-29 04:00 UTC; ask again",
        "PR-4C84": "the policy has changed: by U0SAM (x)",
    }
    for id_, reason in ends.items():
        change = "UPDATE requests SET end_reason = :reason WHERE id = :id"
        changed(before, change, id=id_, reason=reason)

    opening.migrate(before)
    store = opening.open_store(before)
    found = await store.read(lambda tx: [one for id_ in ends if (one := tx.request(id_))])
    await store.close()

    assert [one.end_named for one in found] == [("U0SAM", "W0ROSA"), ("U0SAM",), ()]


@pytest.mark.parametrize(
    ("state", "detail", "cause", "after", "left"),
    [
        *(
            (state, detail, cause, after, detail)
            for state, (detail, cause, after) in SERVERS.items()
        ),
        *(("unknown", *one) for one in UNKNOWNS),
    ],
)
async def test_a_servers_cause_is_read_out_of_its_sentence(
    before: str, state: str, detail: str, cause: str, after: Cause, left: str
) -> None:
    """So that a run in flight goes on as it would have; a cause that says it all says it alone."""
    change = "UPDATE run_servers SET state = :state, detail = :detail, cause = :cause"
    changed(before, f"{change} WHERE name = 'web01'", state=state, detail=detail, cause=cause)

    opening.migrate(before)
    store = opening.open_store(before)
    rows = [row for row in await store.read(lambda tx: tx.run_servers(RUN)) if row.name == "web01"]
    await store.close()

    assert [(row.state, row.cause, row.detail) for row in rows] == [
        (ServerState(state), after, left)
    ]


async def test_what_a_plan_was_changed_into_is_read_out_of_the_audit(before: str) -> None:
    """Of each that was; one that somebody cancelled has nothing, whatever they said."""
    migrating.upgrade(addresses.parsed(before), to="0017")
    details = {
        "PR-285Y": '{"why":"changed into PR-88X9","changed_into":"PR-88X9"}',
        "PR-TN7K": r'{"why":"changed into PR-88X9: \"changed_into\":\"PR-88X9\""}',
    }
    insert = """
        INSERT INTO audit (seq, at, event, request_id, user_id, team_id, channel_id, server_ids,
                           detail, code_version, prev_hash, hash)
        SELECT max(seq) + 1, 1.0, 'request.cancelled', :id, '', '', '', '[]', :detail, '', '', :id
        FROM audit
    """
    for id_, detail in details.items():
        changed(before, insert, id=id_, detail=detail)

    opening.migrate(before)
    store = opening.open_store(before)
    found = await store.read(lambda tx: [one for id_ in details if (one := tx.request(id_))])
    await store.close()

    assert [one.changed_into for one in found] == ["PR-88X9", ""]

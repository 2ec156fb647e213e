"""The audit log: append-only, and any change of it is found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from bot.storage.admin import audit_chain
from bot.storage.engine import connections
from bot.storage.store import Store
from bot.storage.tables import audit
from tests.storage import builders, owner

TRIGGERS = {
    "sqlite": [f"DROP TRIGGER audit_no_{what}" for what in ("update", "delete", "replace")],
    "postgresql": ["ALTER TABLE audit DISABLE TRIGGER ALL"],
}
EMPTY = "0" * 64


async def filled(store: Store, rows: int = 5) -> list[str]:
    """Append rows and return the head after each."""
    entries = [
        builders.an_entry(
            "request.approved" if number % 2 else "call.intended",
            at=100.0 + number / 3,
            request_id=f"PR-{number}",
            server_ids=[f"s{number}", "s_all"],
            detail={"why": "内核 \ud800 \0", "number": number},
        )
        for number in range(1, rows + 1)
    ]
    return [await store.write(lambda tx, one=one: tx.audit(one)[1]) for one in entries]  # type: ignore[misc]


def tamper(url: str, *statements: str) -> None:
    """Change the log as somebody may who owns the database."""
    owner.execute(url, *TRIGGERS[owner.dialect(url)], *statements)


def verdict(url: str, anchor: str = "") -> audit_chain.ChainVerdict:
    """Look at the whole log."""
    with connections.reading(url) as connection:
        return audit_chain.verify(connection, anchor=anchor)


async def test_every_row_follows_the_one_before_it(store: Store, url: str) -> None:
    """Numbers have no gaps, the head is the newest row's, and the chain holds."""
    empty = verdict(url)
    heads = await filled(store)

    assert empty == audit_chain.ChainVerdict(True, 0, EMPTY)
    assert verdict(url) == audit_chain.ChainVerdict(True, 5, heads[-1])
    assert await store.read(lambda tx: tx.audit_head()) == (5, heads[-1])


async def test_processes_that_write_at_once_make_one_chain(
    replicas: Callable[[], Store], url: str
) -> None:
    """Neither many tasks nor many processes make a gap or a fork."""
    stores = [replicas() for _ in range(3)]

    await asyncio.gather(
        *(one.write(lambda tx: tx.audit(builders.an_entry())) for one in stores * 30)
    )

    assert verdict(url).rows == 90
    assert verdict(url).ok


async def test_a_rolled_back_transaction_leaves_no_gap(store: Store, url: str) -> None:
    """The head goes back with it."""

    def append_and_fail(tx: object) -> None:
        tx.audit(builders.an_entry())  # type: ignore[attr-defined]
        raise LookupError

    results = await asyncio.gather(
        store.write(lambda tx: tx.audit(builders.an_entry())),
        store.write(append_and_fail),
        store.write(lambda tx: tx.audit(builders.an_entry())),
        return_exceptions=True,
    )

    assert isinstance(results[1], LookupError)
    assert verdict(url) == audit_chain.ChainVerdict(True, 2, results[2][1])  # type: ignore[index]


async def test_rows_are_read_back_opened_and_newest_first(store: Store) -> None:
    """Each condition narrows the rows; an id is matched whole and by its own letters."""
    await filled(store)

    def numbers(**conditions: str) -> Callable[[object], list[int]]:
        return lambda tx: [row["seq"] for row in tx.audit_rows(**conditions)]  # type: ignore[attr-defined]

    first = (await store.read(lambda tx: tx.audit_rows(limit=1)))[0]
    assert (first["seq"], first["server_ids"], first["user_id"]) == (5, ["s5", "s_all"], "UASKER")
    assert first["detail"] == {"why": "内核 \ud800 \0", "number": 5}
    assert first["code_version"] == "test"
    assert await store.read(numbers(event="request.approved")) == [5, 3, 1]
    assert await store.read(numbers(request_id="PR-4")) == [4]
    assert await store.read(numbers(server_id="s2")) == [2]
    assert await store.read(numbers(server_id="s_all")) == [5, 4, 3, 2, 1]
    assert await store.read(numbers(server_id="s%")) == []
    assert await store.read(numbers(server_id="sXall")) == []


async def test_the_log_is_exported_oldest_first(store: Store, url: str) -> None:
    """Filters are the same, and one more: since."""
    await filled(store)

    with connections.reading(url) as connection:
        since = [row["seq"] for row in audit.export(connection, since=101.0)]
        server = [row["seq"] for row in audit.export(connection, server_ids=["s2"])]
        request = [row["seq"] for row in audit.export(connection, request_id="PR-1")]

    assert (since, server, request) == ([3, 4, 5], [2], [1])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET event = 'nothing' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 2",
        "DELETE FROM audit",
    ],
)
async def test_the_database_refuses_to_change_the_log(
    store: Store, url: str, statement: str
) -> None:
    """Who has only the bot's connection can append, and nothing else."""
    heads = await filled(store, 3)

    with pytest.raises(connections.driver_errors(), match="append-only"):
        await store.write(lambda tx: tx.connection.driver.execute(statement))  # type: ignore[attr-defined]

    assert verdict(url) == audit_chain.ChainVerdict(True, 3, heads[-1])


async def test_a_row_cant_be_replaced_or_the_table_emptied(store: Store, backend: str) -> None:
    """The ways around UPDATE and DELETE are closed too."""
    await filled(store, 2)
    statement = {
        "sqlite": "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 1",
        "postgresql": "TRUNCATE audit",
    }[backend]

    with pytest.raises(connections.driver_errors(), match="append-only"):
        await store.write(lambda tx: tx.connection.driver.execute(statement))  # type: ignore[attr-defined]


COLUMNS = (
    "at",
    "event",
    "request_id",
    "user_id",
    "team_id",
    "channel_id",
    "server_ids",
    "detail",
    "code_version",
)


@pytest.mark.parametrize("column", COLUMNS)
async def test_an_edit_of_any_column_is_found(store: Store, url: str, column: str) -> None:
    """The hash covers them all."""
    await filled(store)
    value = "5.5" if column == "at" else "'[]'"

    tamper(url, f"UPDATE audit SET {column} = {value} WHERE seq = 3")  # noqa: S608

    found = verdict(url)
    assert (found.ok, found.rows, found.first_bad) == (False, 2, 3)
    assert found.problem == "row 3 was edited"


SWAP = (
    "UPDATE audit SET seq = 100 WHERE seq = 2",
    "UPDATE audit SET seq = 2 WHERE seq = 3",
    "UPDATE audit SET seq = 3 WHERE seq = 100",
)
DROP_AND_CLOSE_UP = ("DELETE FROM audit WHERE seq = 5", "UPDATE audit_head SET seq = 4")


@pytest.mark.parametrize(
    ("statements", "first_bad", "problem"),
    [
        (["DELETE FROM audit WHERE seq = 2"], 2, "row 2 is missing"),
        (["DELETE FROM audit WHERE seq = 1"], 1, "row 1 is missing"),
        (SWAP, 2, "row 2 doesn't follow the row before it"),
        (["DELETE FROM audit WHERE seq > 3"], 4, "rows 4 to 5 were cut off"),
        (["DELETE FROM audit"], 1, "rows 1 to 5 were cut off"),
        (["DELETE FROM audit_head"], 6, "the stored head is missing"),
        (DROP_AND_CLOSE_UP, 4, "row 4 isn't the one that the stored head names"),
        (["UPDATE audit_head SET seq = 3"], 4, "the stored head ends at row 3, the log at row 5"),
        (["UPDATE audit SET hash = 'x' WHERE seq = 4"], 4, "row 4 was edited"),
    ],
    ids=["dropped", "first", "moved", "cut", "all", "head", "closed", "added", "hash"],
)
async def test_a_dropped_moved_or_cut_off_row_is_found(
    store: Store, url: str, statements: Sequence[str], first_bad: int, problem: str
) -> None:
    """The first wrong row is named, with what is wrong."""
    await filled(store)

    tamper(url, *statements)

    found = verdict(url)
    assert (found.ok, found.first_bad, found.problem) == (False, first_bad, problem)


async def test_only_an_anchor_proves_against_a_log_that_was_rebuilt(store: Store, url: str) -> None:
    """A head that a thread has shown must be in the chain."""
    heads = await filled(store)
    with connections.reading(url) as connection:
        kept = list(audit.export(connection))[:3]

    tamper(
        url,
        "DELETE FROM audit WHERE seq > 3",
        f"UPDATE audit_head SET seq = 3, hash = '{kept[-1]['hash']}'",  # noqa: S608
    )

    assert verdict(url).ok
    assert verdict(url, anchor=heads[1].upper()).ok
    lost = verdict(url, anchor=heads[4])
    assert (lost.ok, lost.first_bad) == (False, None)
    assert "audit head" in lost.problem


@pytest.mark.parametrize(
    "written",
    ["#2:{head:.12}", "2:{head:.12}", "#2 {head}", "#2:{head}", "{head}", " #2:{head:.20}… "],
)
async def test_an_anchor_is_found_as_a_thread_prints_it(
    store: Store, url: str, written: str
) -> None:
    """With the row's number a piece of the hash is enough; a shell may have eaten the #."""
    heads = await filled(store)

    assert verdict(url, anchor=written.format(head=heads[1])).ok


async def test_a_slip_in_an_anchor_is_never_told_as_a_log_that_was_rebuilt(
    store: Store, url: str
) -> None:
    """Whoever copies too little, or another row's number, is told what to look at."""
    heads = await filled(store)

    for text, said in (
        (heads[1][:12], "has 12 digits and no row number"),
        (heads[1][:63], "has 63 digits and no row number"),
        (f"#2:{heads[1][:8]}", "has 8 digits after its row number"),
        (f"#2:{heads[1]}0", "has 65 digits after its row number"),
        ("head", "'head' isn't an audit head"),
        ("#2:", "'#2:' isn't an audit head"),
    ):
        with pytest.raises(audit_chain.UnusableAnchor, match=said):
            verdict(url, anchor=text)
    other = verdict(url, anchor=f"#3:{heads[1][:12]}")
    beyond = verdict(url, anchor=f"#9:{heads[1][:12]}")
    assert not other.ok
    assert other.problem.startswith("row 3 has a different hash from this audit head: compare it")
    assert beyond.problem == (
        "the log ends at row 5, before the audit head's row 9: it was cut off, "
        "or restored from an older backup"
    )

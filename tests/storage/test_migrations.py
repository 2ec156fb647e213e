"""Migrations: they arrive at the same tables on both databases, whole or not at all."""

from __future__ import annotations

import concurrent.futures
import pathlib
import re
import shutil
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import script

from bot.power import errors, lifecycle
from bot.power.steps import states
from bot.storage import opening
from bot.storage.engine import addresses, connections
from bot.storage.migrations import migrating
from tests.storage import owner
from tests.support import databases

FAILING = '''
"""A change that fails in the middle."""
import sqlalchemy as sa
from alembic import op
revision = "0099"
down_revision = "NEWEST"

def upgrade() -> None:
    op.create_table("half", sa.Column("id", sa.Integer(), primary_key=True))
    op.execute("INSERT INTO meta (name, value) VALUES ('half', 'yes')")
    op.execute("INSERT INTO nowhere VALUES (1)")
'''


def shape(url: str) -> dict[str, Any]:
    """Return what a database knows of its tables, in words that both databases have."""
    with migrating.engine(addresses.parsed(url), readonly=True).connect() as connection:
        look = sa.inspect(connection)
        return {name: table_shape(look, name) for name in look.get_table_names()}


def table_shape(look: sa.Inspector, name: str) -> dict[str, Any]:
    """Return columns, keys, checks and indexes of one table."""
    return {
        "columns": [
            (one["name"], one["type"].python_type, one["nullable"])
            for one in look.get_columns(name)
        ],
        "key": look.get_pk_constraint(name)["constrained_columns"],
        "references": sorted(
            (one["constrained_columns"], one["referred_table"], one["referred_columns"])
            for one in look.get_foreign_keys(name)
        ),
        "unique": sorted(one["column_names"] for one in look.get_unique_constraints(name)),
        "checks": {
            frozenset(re.findall(r"'([^']*)'", one["sqltext"]))
            for one in look.get_check_constraints(name)
        },
        "indexes": sorted(
            (one["name"], one["column_names"], bool(one["unique"]))
            for one in look.get_indexes(name)
            if not one.get("duplicates_constraint")
        ),
    }


def tables(url: str) -> list[str]:
    """Return the names of a database's tables."""
    with migrating.engine(addresses.parsed(url), readonly=True).connect() as connection:
        return sorted(sa.inspect(connection).get_table_names())


@pytest.fixture
def broken_folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """The migrations, with one more that fails in the middle."""
    folder = tmp_path / "50%" / "migrations"
    shutil.copytree(migrating.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "r0099_failing.py").write_text(
        FAILING.replace("NEWEST", opening.REVISION)
    )
    return folder


def test_both_databases_have_the_same_tables(
    settled_file: pathlib.Path, postgres: databases.Postgres
) -> None:
    """Neither has a column, a key, a check or an index that the other hasn't."""
    by_file, by_server = shape(f"sqlite:///{settled_file}"), shape(postgres.fresh())

    assert by_file == by_server
    assert len(by_file) > 20


def test_columns_take_the_words_that_the_code_writes(settled_file: pathlib.Path) -> None:
    """A new state needs a migration: without one its first row would be refused."""
    found = shape(f"sqlite:///{settled_file}")

    assert set(lifecycle.State) in found["requests"]["checks"]
    assert set(lifecycle.ServerState) in found["run_servers"]["checks"]
    assert set(states.StepState) in found["step_servers"]["checks"]


def test_rows_of_the_audit_are_their_numbers(url: str, backend: str) -> None:
    """The number is an integer primary key: outside checks rely on it."""
    with migrating.engine(addresses.parsed(url), readonly=True).connect() as connection:
        look = sa.inspect(connection)
        columns = {one["name"]: str(one["type"]) for one in look.get_columns("audit")}

        assert columns["seq"] == "INTEGER"
        assert look.get_pk_constraint("audit")["constrained_columns"] == ["seq"]


def test_the_newest_migration_is_the_revision_of_the_schema() -> None:
    """Start-up compares with a constant, so that the migrator needn't be asked."""
    folder = script.ScriptDirectory(str(migrating.FOLDER))

    assert folder.get_heads() == [opening.REVISION]


def test_a_migration_that_fails_leaves_nothing_of_itself(
    url: str, broken_folder: pathlib.Path
) -> None:
    """Tables, rows and the revision are as before."""
    before = tables(url)

    with pytest.raises((sa.exc.DBAPIError, errors.StoreUnavailable)):
        migrating.upgrade(addresses.parsed(url), broken_folder)
    with connections.reading(url) as connection:
        revision = opening.revision(connection)
        half = connection.value("SELECT count(*) FROM meta")

    assert (tables(url), revision, half) == (before, opening.REVISION, 0)


def test_an_empty_database_stays_empty_when_a_migration_fails(
    empty_url: str, broken_folder: pathlib.Path
) -> None:
    """All of the way is one transaction, the first tables included."""
    with pytest.raises((sa.exc.DBAPIError, errors.StoreUnavailable)):
        migrating.upgrade(addresses.parsed(empty_url), broken_folder)

    assert tables(empty_url) == []


def test_a_schema_from_the_future_is_refused(url: str) -> None:
    """Neither opened nor migrated: an older version would write what the newer can't read."""
    owner.execute(url, "UPDATE alembic_version SET version_num = '9999'")

    for open_it in (opening.prove_usable, opening.open_store, opening.migrate):
        with pytest.raises(errors.StoreUnavailable, match="9999 was made by a newer version"):
            open_it(url)


def test_processes_that_migrate_at_once_take_turns(empty_url: str) -> None:
    """One does the work, the others find it done."""
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        ends = list(pool.map(lambda _: opening.migrate(empty_url)[1], range(3)))

    assert ends == [opening.REVISION] * 3
    assert "requests" in tables(empty_url)

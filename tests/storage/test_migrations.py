"""Migrations: they arrive at the tables of `schema`, whole or not at all."""

from __future__ import annotations

import concurrent.futures
import pathlib
import shutil
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import script

from bot.power import errors
from bot.storage import opening
from bot.storage.engine import addresses, connections
from bot.storage.migrations import alchemy, migrating, schema
from tests.storage import owner

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


def plain(value: Any) -> Any:
    """Return what the database says of a thing as text and lists that can be compared."""
    match value:
        case dict():
            return sorted((str(name), plain(one)) for name, one in value.items())
        case list() | tuple():
            return [plain(one) for one in value]
        case _:
            return str(value)


def shape(connection: sa.Connection) -> dict[str, Any]:
    """Return everything that a database knows about its tables."""
    look = sa.inspect(connection)
    return {
        name: {
            "columns": plain(look.get_columns(name)),
            "key": plain(look.get_pk_constraint(name)),
            "references": sorted(plain(look.get_foreign_keys(name))),
            "unique": sorted(plain(look.get_unique_constraints(name))),
            "checks": sorted(plain(look.get_check_constraints(name))),
            "indexes": sorted(plain(look.get_indexes(name))),
        }
        for name in look.get_table_names()
        if name != "alembic_version"
    }


def tables(url: str) -> list[str]:
    """Return the names of a database's tables."""
    with alchemy.engine(addresses.parsed(url), readonly=True).connect() as connection:
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


def test_the_migrations_end_in_the_tables_of_the_schema(
    empty_url: str, url: str, backend: str
) -> None:
    """Neither has a column, a default, a check, a key or an index that the other hasn't."""
    with alchemy.engine(addresses.parsed(empty_url)).begin() as connection:
        schema.metadata.create_all(connection)
        declared = shape(connection)

    with alchemy.engine(addresses.parsed(url)).begin() as connection:
        migrated = shape(connection)

    assert migrated == declared
    assert len(migrated) == len(schema.metadata.tables)


def test_rows_of_the_audit_are_their_numbers(url: str, backend: str) -> None:
    """The number is an integer primary key: outside checks rely on it."""
    with alchemy.engine(addresses.parsed(url), readonly=True).connect() as connection:
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

    for open_it in (opening.open_store, opening.migrate):
        with pytest.raises(errors.StoreUnavailable, match="9999 was made by a newer version"):
            open_it(url)


def test_processes_that_migrate_at_once_take_turns(empty_url: str) -> None:
    """One does the work, the others find it done."""
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        ends = list(pool.map(lambda _: opening.migrate(empty_url)[1], range(3)))

    assert ends == [opening.REVISION] * 3
    assert "requests" in tables(empty_url)

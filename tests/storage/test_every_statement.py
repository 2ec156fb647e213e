"""Every statement of the storage is one that SQLite and PostgreSQL understand, on the real tables.

They are read out of the code, so that none is left out: whatever text in `bot.storage` begins as a
statement does is put before the database's own planner.
"""

from __future__ import annotations

import ast
import importlib
import pathlib
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg
import sqlalchemy as sa

import bot.storage
from bot.storage.admin import pruning
from bot.storage.engine import addresses, connections, dialects, link
from bot.storage.migrations import migrating
from bot.storage.tables import claims

FOLDER = pathlib.Path(bot.storage.__file__).parent
BEGINS = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\b")
# What stands in a statement by the name of a local variable: each line is one more statement.
GIVEN: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "admin.pruning": tuple({"table": table} for table in pruning.DETAILS),
    "tables.claims": tuple(
        {"table": table, "some": some} for table, some in claims.LEASED.items()
    ),
    "tables.requests": (
        {"found": "SELECT * FROM requests WHERE id = :id", "fence": "", "most": "",
         "order": "created_at",
         "conditions": ["state IN :states", "requester = :requester", "asked_at > 0"],
         "changes": ["state = :after", "ended_at = :at"]},
        {"found": "SELECT * FROM requests WHERE source_key = :key",
         "fence": " AND epoch = :epoch", "most": " LIMIT :limit",
         "order": "ended_at",
         "conditions": ["plan_version <= :plan_version", "created_at >= :since"],
         "changes": ["version = version + 1", "lease_until = :lease_until"]},
    ),
    "tables.audit": (
        {"where": ""},
        {"where": " WHERE request_id = :id AND server_ids LIKE :named ESCAPE '/' "
                  "AND event = :event AND at >= :since"},
    ),
}  # fmt: skip
# Of one database's own tables and words.
OF_ONE = {
    dialects.SQLITE: ("pg_", "set_config", "to_regclass", "unnest", "ANY("),
    dialects.POSTGRESQL: ("sqlite_master",),
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Yield the modules that speak to the database, with their code."""
    for path in sorted(FOLDER.rglob("*.py")):
        name = ".".join(path.relative_to(FOLDER).with_suffix("").parts)
        if not name.startswith("migrations") and name != "admin.moving":
            yield name, ast.parse(path.read_text())


def statements() -> Iterator[tuple[str, ast.expr]]:
    """Yield each text that begins as a statement does, with its module."""
    for name, tree in sources():
        within = {
            id(part)
            for node in ast.walk(tree)
            if isinstance(node, ast.JoinedStr)
            for part in node.values
        }
        for node in ast.walk(tree):
            first = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else node
            text = str(first.value) if isinstance(first, ast.Constant) else ""
            if isinstance(node, ast.expr) and id(node) not in within and BEGINS.match(text):
                yield name, node


def written(name: str, node: ast.expr, tables: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield a statement as the code puts it together: an insert once for each table."""
    module = importlib.import_module(f"bot.storage.{name}")
    made = compile(ast.Expression(node), name, "eval")
    inserts = tuple(
        {
            "table": table,
            "columns": columns,
            "given": ", ".join(f":{column}" for column in columns),
            "conflict": link.KEEP_OLD,
        }
        for table, columns in tables.items()
    )
    for given in inserts if name == "engine.link" else GIVEN.get(name, ({},)):
        yield eval(made, vars(module), dict(given))  # noqa: S307 -- it is our own code


def columns(url: str) -> dict[str, list[str]]:
    """Return the tables of a database with their columns."""
    with migrating.engine(addresses.parsed(url), readonly=True).connect() as connection:
        look = sa.inspect(connection)
        return {
            table: [column["name"] for column in look.get_columns(table)]
            for table in look.get_table_names()
        }


def refusal(connection: connections.Connection, statement: str) -> str:
    """Let the database plan a statement, whose values don't matter; return what it says, if bad."""
    values = dict.fromkeys(re.findall(r"(?<!:):(\w+)", statement))
    try:
        connection.execute(f"EXPLAIN {statement}", values)
    except (sqlite3.Error, psycopg.Error) as error:
        connection.rollback()
        connection.begin(readonly=True)
        return f"{error}: {statement}"
    return ""


def test_every_statement_is_understood(url: str) -> None:
    """Its tables and columns are there, and its words are this database's."""
    tables, found, refused = columns(url), 0, list[str]()
    with connections.reading(url) as connection:
        for name, node in statements():
            for statement in written(name, node, tables):
                if not any(word in statement for word in OF_ONE[connection.dialect]):
                    found += 1
                    refused.append(refusal(connection, statement))

    assert [said for said in refused if said] == []
    assert found > 150

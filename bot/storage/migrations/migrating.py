"""Runs the migrations: all of them in one transaction, one process at a time."""

from __future__ import annotations

import pathlib

import sqlalchemy as sa
from alembic import command, config, script

from bot.power import errors
from bot.storage import writer
from bot.storage.engine import addresses
from bot.storage.migrations import alchemy

FOLDER = pathlib.Path(__file__).parent


def check_known(revision: str, folder: pathlib.Path = FOLDER) -> None:
    """Accept an empty database and every revision that this version has a migration from.

    Raises:
        StoreUnavailable: a newer version of Powerbot has made the schema.
    """
    scripts = script.ScriptDirectory.from_config(_configuration(folder))
    known = {found.revision for found in scripts.walk_revisions()}
    if revision and revision not in known:
        raise errors.StoreUnavailable(
            f"The database's schema {revision} was made by a newer version of Powerbot; "
            "start that version."
        )


def upgrade(address: addresses.Address, folder: pathlib.Path = FOLDER, *, to: str = "head") -> None:
    """Bring the schema to a revision; a failure on the way leaves nothing behind.

    Raises:
        StoreUnavailable: the database is away.
    """
    configuration = _configuration(folder)
    engine = alchemy.engine(address)
    with alchemy.translated(), engine.begin() as connection:
        if address.path is None:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(writer.TURN)))
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, to)


def _configuration(folder: pathlib.Path) -> config.Config:
    """Return Alembic's configuration, which needs no file of its own."""
    made = config.Config()
    made.set_main_option("script_location", str(folder).replace("%", "%%"))
    return made

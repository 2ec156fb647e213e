"""Where the record is: the URL of a SQLite file or of a PostgreSQL server, understood."""

from __future__ import annotations

import dataclasses
import pathlib

from bot.power import errors
from bot.storage.engine import files

UNREADABLE = "The database URL can't be read; write sqlite:///FILE or postgresql://..."


@dataclasses.dataclass(frozen=True, slots=True)
class Address:
    """`path` is the file of a SQLite database, None for PostgreSQL, whose server `uri` names."""

    path: pathlib.Path | None = None
    # It may hold a password, so it is in no message.
    uri: str = dataclasses.field(default="", repr=False)


def parsed(url: str) -> Address:
    """Return what a URL names; a driver in it (`postgresql+psycopg2:`) is ours to choose.

    Raises:
        StoreUnavailable: it is no URL of a SQLite file or a PostgreSQL server.
    """
    scheme, found, rest = url.partition("://")
    if not found:
        raise errors.StoreUnavailable(UNREADABLE)
    match scheme.partition("+")[0]:
        case "sqlite":
            return _file(rest)
        case "postgresql" | "postgres":
            return _server(f"postgresql://{rest}")
        case other:
            raise errors.StoreUnavailable(f"Powerbot can't use {other}; use SQLite or PostgreSQL.")


def same_place(one: Address, other: Address) -> bool:
    """Whether two addresses are of the same database, whoever logs in there."""
    if one.path is not None or other.path is not None:
        return one.path == other.path
    from psycopg import conninfo

    places = [conninfo.conninfo_to_dict(address.uri) for address in (one, other)]
    for place in places:
        # With another name or password it is still the same database.
        place.pop("user", None)
        place.pop("password", None)
    return places[0] == places[1]


def is_there(path: pathlib.Path) -> bool:
    """Whether there is a file of the database.

    Raises:
        StoreUnavailable: nobody can tell, since a folder above it may not be entered.
    """
    try:
        return files.is_there(path)
    except OSError as error:
        raise errors.StoreUnavailable(unusable(path, error)) from error


def unusable(path: pathlib.Path, error: OSError) -> str:
    """Return the sentence for a file that the file system keeps from us."""
    return f"The database file {path} can't be used: {error.strerror}."


def _file(rest: str) -> Address:
    """Return the address of a SQLite file, as it stands after the two slashes of its URL."""
    host, _, name = rest.partition("?")[0].partition("/")
    if host or name in ("", ":memory:"):
        raise errors.StoreUnavailable("A SQLite database must be a file: sqlite:///FILE.")
    return Address(path=pathlib.Path(name).absolute())


def _server(uri: str) -> Address:
    """Return the address of a PostgreSQL server, if libpq can read it."""
    import psycopg
    from psycopg import conninfo

    try:
        conninfo.conninfo_to_dict(uri)
    except psycopg.Error:
        raise errors.StoreUnavailable(UNREADABLE) from None
    return Address(uri=uri)

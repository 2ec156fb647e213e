"""The record for operators: the newest schema, the audit chain proven, the audit log printed."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import datetime
import io
import json
import time
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bot import settings
from bot.power import errors
from bot.power.text import spelling, times
from bot.storage import opening
from bot.storage.admin import audit_chain, moving, pruning
from bot.storage.tables import audit

DAY_S = 86400.0  # In seconds.
# The writer quotes a cell that has one of its line's own ends, and no other.
CRLF = "\r\n"
# What stands behind a column, for people.
BESIDE = {"at": "time", "server_ids": "server_names"}
# What a spreadsheet takes as the start of a formula.
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")


class NothingFound(errors.PowerbotError):
    """The record has nothing of what was asked for."""


# Limits and cool-downs of the policy look back at requests of this time.
LEAST_KEPT_DAYS = 30


def migrate(given: settings.Settings) -> str:
    """Bring the database to the newest schema and say what was done.

    Raises:
        StoreUnavailable: the database is away, or newer than this version.
    """
    key = _marking_key(given)
    before, after = opening.migrate(given.database_url, marking_key=key)
    if before == after:
        return f"The database already has the newest schema ({after})."
    return f"The database's schema was {before or 'empty'} and is now {after}."


def _marking_key(given: settings.Settings) -> bytes:
    """Return the key of `run` where the settings have the token it comes from, else none."""
    token = given.slack_bot_token.get_secret_value()
    return opening.marking_key(token) if token else b""


def move(given: settings.Settings, to: str) -> str:
    """Copy the whole record into an empty database and say what was done.

    Raises:
        StoreUnavailable: a database is away, the old one is in use, or the new one isn't empty.
    """
    counts = moving.move(given.database_url, to, marking_key=_marking_key(given))
    return (
        f"Moved {counts['requests']} requests and {counts['audit']} audit rows; the old database "
        "is unchanged. Set POWERBOT_DATABASE_URL to the new one before you start the bot."
    )


def prune(given: settings.Settings, days: int) -> str:
    """Forget the details of requests that ended so many days ago, and say what was done.

    Raises:
        SettingsError: the days are fewer than the policy looks back.
        StoreUnavailable: the database is away, or on SQLite in use by the bot.
    """
    if days < LEAST_KEPT_DAYS:
        raise settings.SettingsError(
            f"--older-than {days}: write {LEAST_KEPT_DAYS} days or more; the policy's limits and "
            "cool-downs look back at newer requests."
        )
    now = time.time()
    work = pruning.forget_all(given.database_url, before=now - days * DAY_S, now=now)
    forgotten = asyncio.run(work)
    return f"Deleted the details of {forgotten} requests; the audit log keeps every row."


def verify_audit(given: settings.Settings, anchor: str) -> tuple[bool, str]:
    """Prove the audit chain: whether it is whole, and a sentence.

    Raises:
        SettingsError: the anchor isn't whole.
        StoreUnavailable: the database can't be read.
    """
    try:
        with opening.reading(given.database_url) as connected:
            found = audit_chain.verify(connected, anchor=anchor)
    except audit_chain.UnusableAnchor as error:
        raise settings.SettingsError(error.user_message) from error
    if found.ok:
        return (
            True,
            f"The audit log is intact: {found.rows} rows, head {found.head or 'none'}.",
        )
    row = f"Row {found.first_bad}: " if found.first_bad is not None else ""
    return False, f"{row}{found.problem}."


def export_audit(
    given: settings.Settings, *, form: str, server: str = "", since: str = ""
) -> Iterator[str]:
    """Yield the audit log line by line as `jsonl` or `csv`; `server` is a name or an id.

    A name, present or past, means every server that had it in a request.

    Raises:
        SettingsError: the form or the date can't be used.
        NothingFound: no row names the server.
        StoreUnavailable: the database can't be read.
    """
    if form not in ("jsonl", "csv"):
        raise settings.SettingsError(f"--format {form}: write jsonl or csv.")
    try:
        moment = datetime.datetime.fromisoformat(since) if since else None
    except ValueError:
        raise settings.SettingsError(f"--since {since}: write a date like 2026-11-01.") from None
    if moment is not None and moment.tzinfo is None:
        # As the times in the export are.
        moment = moment.replace(tzinfo=datetime.UTC)
    after = moment.timestamp() if moment else 0.0
    with opening.reading(given.database_url) as connected:
        ids = (audit.named_servers(connected, server) or [server]) if server else []
        names, any_found = audit.known_names(connected), False
        # Also above no rows: whoever reads a table finds its columns by name.
        if form == "csv":
            yield _csv_line(_heading(audit.columns(connected)))
        # Whoever reads may leave in the middle; the rows end before the connection does.
        with contextlib.closing(audit.export(connected, server_ids=ids, since=after)) as found:
            for stored in found:
                any_found = True
                row = _readable(stored, names)
                yield json.dumps(row, default=str) if form == "jsonl" else _csv_line(row.values())
        if server and not any_found:
            raise NothingFound(
                f"No row of the audit log names {server!r}{' since ' + since if since else ''}; "
                "write a server's current or former name or id."
            )


def _heading(columns: Iterable[str]) -> Iterator[str]:
    """Yield the names of what `_readable` returns for a row with these columns."""
    for column in columns:
        yield column
        if column in BESIDE:
            yield BESIDE[column]


def _readable(stored: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return an audit row with its time in RFC 3339 (UTC) and its servers' names beside the ids."""
    row: dict[str, Any] = {}
    for column, value in stored.items():
        row[column] = value
        if column == "at":
            row[BESIDE[column]] = times.rfc3339(value)
        elif column == "server_ids":
            row[BESIDE[column]] = [names.get(id_, "") for id_ in value]
    return row


def _csv_line(values: Iterable[object]) -> str:
    """Return one line of CSV; what is no plain value is written as JSON.

    A text that a spreadsheet would run as a formula has an apostrophe in front ("CSV Injection",
    OWASP).
    """
    line = io.StringIO()
    csv.writer(line, lineterminator=CRLF).writerow(map(_cell, values))
    return line.getvalue().removesuffix(CRLF)


def _is_formula(value: str) -> bool:
    """Whether a text may be run, by programs too that take full-width signs or skip the unseen."""
    shown = unicodedata.normalize("NFKC", spelling.seen(value))
    return value.startswith(FORMULAS) or shown.startswith(FORMULAS)


def _cell(value: object) -> str | int | float:
    """Return a value as it stands in a cell."""
    if isinstance(value, str):
        return f"'{value}" if _is_formula(value) else value
    return value if isinstance(value, int | float) else json.dumps(value)

"""The commands that work on the record beside a running bot: its requests, and its audit log.

Exit status: 0 done, 1 refused or not found, 2 wrong usage or settings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from bot import settings
from bot.power.text import spelling

if TYPE_CHECKING:
    from bot.workflow.record import Record

R = TypeVar("R")
T = TypeVar("T")

audit_app = typer.Typer(help="Verify, export and prune the audit log.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="A request's id, such as PR-7F3K.")]
Reason = Annotated[str, typer.Option(help="Why; it is posted in the thread.")]


def add_to(app: typer.Typer) -> None:
    """Give the program these commands."""
    # Registered here and not by decorators, so that the program's own order is kept in its help.
    for command in (requests, show, stop, cancel, freeze, unfreeze, owed, settle):
        app.command()(command)


def requests(
    every: Annotated[bool, typer.Option("--all", help="Ended requests too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the requests that haven't ended, without Slack."""
    from bot.operations import host_commands, host_view

    found = _on_record(lambda record: host_commands.requests(record, every=every))
    typer.echo(host_view.as_json(found) if as_json else host_view.listed(found))


def show(id_: Id, as_json: AsJson = False) -> None:
    """Show one request with each of its servers, without Slack."""
    from bot.operations import host_commands, host_view

    found = _on_record(lambda record: host_commands.show(record, id_))
    typer.echo(host_view.one_as_json(found) if as_json else host_view.detailed(found))


def stop(id_: Id, reason: Reason = "") -> None:
    """Stop a run, without Slack: no new call is sent."""
    from bot.operations import host_commands

    _say(_on_record(lambda record: host_commands.stop(record, id_, reason)))


def cancel(id_: Id, reason: Reason = "") -> None:
    """Cancel a request that doesn't run yet, without Slack."""
    from bot.operations import host_commands

    _say(_on_record(lambda record: host_commands.cancel(record, id_, reason)))


def freeze(
    reason: Annotated[
        list[str], typer.Argument(help="Why, and optionally an end: until 04:00Z, for 2h.")
    ],
) -> None:
    """Freeze all power changes in your name, without Slack: no new call is sent."""
    from bot.operations import host_freezes

    # The shell has split the words; nobody needs quotes to give a reason.
    text = " ".join(reason)
    _say(_in(host_freezes.opened, lambda record: host_freezes.freeze(record, text)))


def unfreeze(
    all_: Annotated[
        str, typer.Argument(metavar="[all]", help="Lift everybody's freezes, not only yours.")
    ] = "",
) -> None:
    """Lift your own freeze, or every freeze with all, without Slack."""
    from bot.operations import host_freezes

    # Another word is a mistake: it could be meant as the name of somebody's freeze.
    if all_.lower() not in ("", "all"):
        raise settings.SettingsError(
            f"unfreeze {all_}: write all, or nothing to lift your own freeze."
        )
    every = bool(all_)
    _say(_in(host_freezes.opened, lambda record: host_freezes.unfreeze(record, every=every)))


def owed(as_json: AsJson = False) -> None:
    """List the servers that steps have taken out and not put back."""
    from bot.operations import owed as owed_

    found = _on_record(owed_.rows)
    typer.echo(owed_.as_json(found) if as_json else owed_.listed(found))


def settle(
    id_: Id,
    step: Annotated[str, typer.Argument(help="The step's name.")],
    server: Annotated[str, typer.Argument(help="The server's name.")],
) -> None:
    """Record that you have put a server back by hand; this changes nothing outside."""
    from bot.operations import owed as owed_

    _say(_on_record(lambda record: owed_.settle(record, id_, step, server)))


def _say(sentence: str) -> None:
    """Print what was done, on one line, whatever others have written into it."""
    typer.echo(spelling.seen(sentence))


def _on_record(work: Callable[[Record], Awaitable[T]]) -> T:
    """Do something on the record that the settings name."""
    from bot.operations import host_commands

    return _in(host_commands.opened, work)


def _in(
    opened: Callable[[settings.Settings], AbstractAsyncContextManager[R]],
    work: Callable[[R], Awaitable[T]],
) -> T:
    """Do something on what is opened by the settings, without a line of log around it."""
    from bot.operations import logs

    given = settings.load()
    # The answer is all that is printed; a log line between would break `--json`.
    logs.configure(given.log, "critical")

    async def inside() -> T:
        async with opened(given) as record:
            return await work(record)

    # A loop of its own: the bot that may run beside is another process.
    return asyncio.run(inside())


@audit_app.command("verify")
def audit_verify(
    anchor: Annotated[
        str, typer.Option(help="The audit head from a thread, such as '#15:39f1f807ab12'.")
    ] = "",
) -> None:
    """Check that the audit log is intact, and name the first bad row."""
    from bot.operations import database_admin

    whole, sentence = database_admin.verify_audit(settings.load(), anchor)
    _say(sentence)
    # A broken chain fails a scheduled job without anybody reading the sentence.
    raise typer.Exit(0 if whole else 1)


@audit_app.command("prune")
def audit_prune(
    older_than: Annotated[
        int, typer.Option(help="Delete what ended this many days ago or earlier; 30 or more.")
    ],
) -> None:
    """Delete the details of old requests; the audit log keeps every row."""
    from bot.operations import database_admin

    typer.echo(database_admin.prune(settings.load(), older_than))


@audit_app.command("export")
def audit_export(
    form: Annotated[str, typer.Option("--format", help="jsonl or csv.")] = "jsonl",
    server: Annotated[str, typer.Option(help="Only rows about this server (name or id).")] = "",
    since: Annotated[str, typer.Option(help="Only rows since this date, e.g. 2026-11-01.")] = "",
) -> None:
    """Print the audit log."""
    from bot.operations import database_admin

    form = word("--format", form, "jsonl", "csv")
    # Line by line: the whole log may be larger than memory.
    for line in database_admin.export_audit(settings.load(), form=form, server=server, since=since):
        typer.echo(line)


def word(name: str, given: str, *words: str) -> str:
    """Return one of these words, in whatever case it was typed.

    Raises:
        SettingsError: it is another word; the sentence names those that are taken.
    """
    if (word := given.strip().lower()) not in words:
        known = f"{', '.join(words[:-1])} or {words[-1]}"
        raise settings.SettingsError(f"{name} {given}: write {known}.")
    return word

"""The `powerbot` command: arguments only; what they mean is done elsewhere.

Exit status: 0 done, 1 the thing asked about is bad, 2 wrong usage or settings.
Heavy parts are imported inside the commands, so that each starts quickly.
"""

from __future__ import annotations

import asyncio
import errno
import os
import pathlib
import sys
from typing import Annotated

import typer

from bot import VERSION, cli_host, cli_policy, setting_words, settings as settings_
from bot.power import errors
from bot.power.text import spelling

app = typer.Typer(
    help="Power control of physical servers from Slack, with approval and proof.",
    no_args_is_help=True,
    add_completion=False,
    # A pretty traceback prints local variables, and secrets with them (Typer's docs, "Exceptions").
    pretty_exceptions_enable=False,
)
app.add_typer(cli_policy.app, name="policy")
app.add_typer(cli_host.audit_app, name="audit")

PROGRAMME = "powerbot"
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Surroundings = Annotated[
    bool,
    typer.Option(
        "--surroundings",
        help="Also simulate Alertmanager, Kubernetes and a load balancer, on the next port.",
    ),
]


def _print_version(asked: bool) -> None:
    """Print the version, and nothing else."""
    if asked:
        typer.echo(f"{PROGRAMME} {VERSION}")
        # Eager and over: without a command typer would print the help as well.
        raise typer.Exit


@app.callback(no_args_is_help=True)
def program(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Power control of physical servers from Slack, with approval and proof."""


@app.command()
def demo(
    host: Host = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the page; 0 picks a free one.")
    ] = 8090,
    servers: Annotated[int, typer.Option(min=10, max=20000, help="Number of servers.")] = 200,
    data: Annotated[
        pathlib.Path | None,
        typer.Option(help="Folder to keep the demo's data in, so that it can go on later."),
    ] = None,
    tour: Annotated[
        bool, typer.Option("--tour", help="Play the story in the terminal instead.")
    ] = False,
) -> None:
    """Run the real bot against a simulated Slack and a simulated data centre."""
    from bot.sandbox import demo as demo_

    where = demo_.Where(host=host, port=port, servers=servers, data=data)
    if tour:
        from bot.sandbox import story

        raise typer.Exit(asyncio.run(story.tell(where)))
    raise typer.Exit(asyncio.run(demo_.serve_until_stopped(where)))


@app.command()
def run(
    transport: Annotated[str, typer.Option(help="socket or http.")] = "",
) -> None:
    """Run the bot until SIGTERM or Ctrl-C."""
    from bot.runtime import gc_tuning

    # Before the imports below: they make most of the objects.
    gc_tuning.begin()
    from bot import serving
    from bot.operations import health, logs, metrics, secret_rotation

    settings = settings_.load()
    # An app-level token is for Socket Mode alone, so whoever has one means that.
    chosen = transport or ("socket" if settings.slack_app_token.get_secret_value() else "http")
    chosen = cli_host.word("--transport", chosen, "socket", "http")
    missing = settings.missing(chosen)
    if missing:
        raise settings_.SettingsError(" ".join(missing))
    # After the last complaint, and before anything that starts a process.
    settings_.forget_secrets()
    counted = metrics.Metrics()
    # The log counts even what it doesn't print, so metrics don't hang on its level.
    secrets, watchers = settings.secrets, [counted.watch]
    redactor = logs.configure(settings.log, settings.log_level, secrets=secrets, watchers=watchers)
    rotating = secret_rotation.Rotation(settings, redactor.learn, counted.unusable_files.set)
    observers = [counted.watch_loop, rotating.run]
    routes = health.of(counted, rotating)
    asyncio.run(serving.serve(settings, chosen, routes, observers=observers, learn=redactor.learn))


@app.command()
def check(
    as_json: cli_host.AsJson = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask neither Slack nor CloudDC.")
    ] = False,
) -> None:
    """Say what is wrong with settings, policy, database, Slack and CloudDC, and how to fix it."""
    from bot.operations import logs
    from bot.operations.check import check as check_, findings as findings_

    settings = settings_.load()
    # What goes wrong is a finding; the log's own line would only say it twice.
    logs.configure(settings.log, "critical")
    findings = asyncio.run(check_.run(settings, offline=offline))
    typer.echo(findings_.as_json(findings) if as_json else findings_.as_text(findings))
    # A script that starts the bot may ask first.
    raise typer.Exit(1 if any(not finding.good for finding in findings) else 0)


@app.command()
def simulate(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 picks a free one.")] = 8099,
    servers: Annotated[int, typer.Option(min=1, max=20000, help="Number of servers.")] = 200,
    project_id: Annotated[
        str, typer.Option(help="The project's id.")
    ] = "0123456789abcdef0123456789abcdef",
    ak: Annotated[str, typer.Option(help="The access key it accepts.")] = "SIMULATEDACCESSKEY00",
    sk: Annotated[
        str, typer.Option(help="Its secret key. Without it, a made-up one is used and printed.")
    ] = "",
    token: Annotated[str, typer.Option(help="A token it accepts.")] = "",
    generation: Annotated[
        str, typer.Option(help="Generation of the CloudDC API: new or old.")
    ] = "new",
    duration: Annotated[str, typer.Option(help="How long an operation takes.")] = "5s",
    seed: Annotated[int, typer.Option(help="A different seed makes different servers.")] = 1,
    surroundings: Surroundings = False,
) -> None:
    """Run the simulated CloudDC and its IAM alone, over HTTP."""
    from bot.sandbox import racks
    from bot.sandbox.data_centre import simulate as simulate_

    generation = cli_host.word("--generation", generation, "new", "old")
    serving = simulate_.serve_forever(
        host,
        port,
        servers=servers,
        project_id=project_id,
        ak=ak,
        sk=sk,
        token=token,
        generation=generation,
        duration_s=_duration_s("--duration", duration),
        seed=seed,
        beside=racks.beside(host, port + 1 if port else 0) if surroundings else None,
        echo=typer.echo,
    )
    try:
        # What fails to open is the port; the rest of the data centre is in memory.
        asyncio.run(serving)
    except OSError as error:
        raise settings_.unusable_port(host, port, error, settings_.FREE_PORT) from None


@app.command()
def manifest(
    transport: Annotated[str, typer.Option(help="socket or http.")] = "socket",
    url: Annotated[
        str, typer.Option(help="The bot's public https address; needs --transport http.")
    ] = "",
    workflow_step: Annotated[
        bool, typer.Option(help="Add the Workflow Builder step (needs a paid plan).")
    ] = False,
) -> None:
    """Print the Slack app's manifest."""
    from bot.operations import manifest as manifest_

    transport = cli_host.word("--transport", transport, "socket", "http")
    try:
        address = manifest_.public_address(transport, url)
    except manifest_.Unfit as unfit:
        raise settings_.SettingsError(unfit.user_message) from unfit
    names = {"command": settings_.command(), "label": settings_.label()}
    made = manifest_.text(transport, address, step=workflow_step, **names)
    typer.echo(made, nl=False)


@app.command()
def ship(
    what: Annotated[
        str, typer.Argument(help="container, compose, systemd, kubernetes, alerts or dashboard.")
    ],
    transport: Annotated[str, typer.Option(help="socket or http.")] = "",
    docs: Annotated[
        str, typer.Option(help="Address of your copy of OPERATING.md; the alerts link to it.")
    ] = "",
) -> None:
    """Print a deployment file, made from your settings."""
    from bot.operations.ship import artefacts, layout

    # Typer names a command after its function where none is given.
    known = frozenset(str(one.name or getattr(one.callback, "__name__", "")) for one in _commands())
    settings = settings_.load()
    # Only with a signing secret alone: settings of both kinds mean a socket, as in `run`.
    by_http = settings.slack_signing_secret and not settings.slack_app_token
    way = cli_host.word(
        "--transport", transport or ("http" if by_http else "socket"), "socket", "http"
    )
    order = layout.ShipOrder(settings, layout.Programme(PROGRAMME, known), way, docs)
    chosen = cli_host.word("ship", what, *artefacts.Artefact)
    typer.echo(artefacts.text(artefacts.Artefact(chosen), order), nl=False)


@app.command()
def migrate(
    to: Annotated[
        str, typer.Option(help="Address of an empty database to copy everything into.")
    ] = "",
) -> None:
    """Upgrade the database's schema, or copy everything into another database."""
    from bot.operations import database_admin

    settings = settings_.load()
    typer.echo(database_admin.move(settings, to) if to else database_admin.migrate(settings))


cli_host.add_to(app)


def _commands() -> list[typer.models.CommandInfo]:
    """Return the commands of the program itself."""
    return app.registered_commands


def main() -> None:
    """Run the command; an error that a person can mend is one clear line."""
    try:
        # The same name in help texts however it is started, `python -m bot` too.
        app(prog_name=PROGRAMME)
    except settings_.SettingsError as error:
        _fail(error.user_message, 2)
    except errors.PowerbotError as error:
        _fail(error.user_message, 1)
    except KeyboardInterrupt:
        _fail("Stopped.", 130)  # As a shell has it: 128 and the number of SIGINT.
    except BrokenPipeError:
        # The reader (head, less) has gone; there is nobody left to tell.
        _silence_output()
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _silence_output()
        _fail("There is no space left where this is written; free some and try again.", 1)


def _silence_output() -> None:
    """Let what is left to print go nowhere, so that nothing fails once more at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _duration_s(option: str, given: str) -> float:
    """Return what an option says in seconds.

    Raises:
        SettingsError: it is no duration; the sentence names the option.
    """
    try:
        return setting_words.duration_s(given)
    except ValueError as error:
        raise settings_.SettingsError(f"{option} {given}: {error}.") from None


def _fail(sentence: str, status: int) -> None:
    """Say one line on stderr and end."""
    typer.echo(spelling.seen(sentence), err=True)
    raise SystemExit(status)

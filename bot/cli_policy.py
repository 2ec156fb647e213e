"""The commands on the policy file: check it, begin one, look keys up, explain what it decides.

Exit status: 0 done, 1 the policy or the request is refused, 2 wrong usage or settings.
"""

from __future__ import annotations

import asyncio
import pathlib
from typing import Annotated

import typer

from bot import settings
from bot.power.text import spelling

app = typer.Typer(help="Write, check and explain the policy file.", no_args_is_help=True)


@app.command("check")
def check(
    file: Annotated[pathlib.Path | None, typer.Argument(help="Default: POWERBOT_POLICY.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Don't ask Slack.")] = False,
) -> None:
    """Say what the policy file means and what is wrong with it."""
    from bot.operations import logs, policy_check

    given = settings.load()
    # What goes wrong is one of the lines below; the log's own would only say it twice.
    logs.configure(given.log, "critical")
    path = file or given.policy
    # Without a token there is nobody to ask, which is said at the end.
    asks = bool(given.slack_bot_token.get_secret_value()) and not offline
    found = (
        asyncio.run(policy_check.look_in_slack(path, given)) if asks else policy_check.look(path)
    )
    # Problems come first, since with one of them nothing else is printed.
    for line in (*found.problems, *(f"Note: {note}" for note in found.notes)):
        typer.echo(spelling.seen_indented(line))
    if found.problems:
        raise typer.Exit(1)
    for line in found.meaning:
        typer.echo(spelling.seen_indented(line))
    typer.echo("The policy can be used.")
    if not asks:
        typer.echo("Slack was not asked whether its people, groups and channels exist.")


@app.command("init")
def init(
    file: Annotated[pathlib.Path | None, typer.Argument(help="Default: POWERBOT_POLICY.")] = None,
) -> None:
    """Write a policy file to start from; an existing file is never overwritten."""
    from bot.operations import policy_start

    typer.echo(policy_start.write(file or settings.load().policy))


@app.command("reference")
def reference() -> None:
    """Print every key of the policy file: what it holds, its default, and an example."""
    from bot.power.policy import policy_keys

    typer.echo(policy_keys.reference(), nl=False)


@app.command("explain", context_settings={"ignore_unknown_options": True})
def explain(
    words: Annotated[list[str], typer.Argument(help="What would be typed after /power.")],
    user: Annotated[str, typer.Option(help="Who would ask: a member ID (U...).")],
    channel: Annotated[str, typer.Option(help="Where: a channel ID (C...).")],
    offline: Annotated[bool, typer.Option("--offline", help="Ask neither Slack nor CloudDC.")] = (
        False
    ),
) -> None:
    """Explain, rule by rule, whether a request could be made and who would have to approve it."""
    from bot.operations import logs, policy_explain

    given = settings.load()
    logs.configure(given.log, "critical")
    asked = policy_explain.Inquiry(user, channel, " ".join(words))
    found = asyncio.run(policy_explain.explain(given, asked, offline=offline))
    typer.echo("\n".join(map(spelling.seen_indented, found.lines)))
    raise typer.Exit(0 if found.allowed else 1)

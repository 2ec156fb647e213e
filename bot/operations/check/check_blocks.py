"""The part of `powerbot check` that has Slack validate every kind of message and form.

Slack's own validator looks at each at its largest ("blocks.validate"); nothing is posted. Kinds of
blocks that a workspace doesn't take are remembered: the bot says the same in older ones.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot import VERSION, settings
from bot.operations.check import specimens
from bot.operations.check.findings import CheckResult, bad, good
from bot.power import errors
from bot.slack import api_errors
from bot.slack.blockkit import blocks
from bot.storage import opening

# Errors that judge what was sent ("blocks.validate").
REFUSED = frozenset({"invalid_blocks", "invalid_message", "invalid_view"})
MOST_SAID = 3  # Mistakes in one line.
UPGRADE = "install the newest Powerbot, and report it with this line."


@dataclasses.dataclass(frozen=True, slots=True)
class Wrong:
    """What Slack says of one message or form: its word, then each mistake with its place."""

    code: str
    mistakes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What is wrong, as Slack says it."""
        return "; ".join(self.mistakes[:MOST_SAID]) or self.code


async def look(client: AsyncWebClient, given: settings.Settings) -> AsyncIterator[CheckResult]:
    """Let Slack judge everything, and remember which kinds of blocks it doesn't take."""
    refused: set[str] = set()
    broken: list[CheckResult] = []
    try:
        for name, message in specimens.messages().items():
            best, *older, _ = blocks.ways(message)
            wrong = await _message(client, best)
            if wrong is None:
                continue
            # Refused at its best, accepted in older kinds: so it is the newer kind that isn't.
            if older and await _message(client, older[0]) is None:
                refused |= blocks.newer_kinds(best)
            else:
                broken.append(_broken(name, wrong))
        for name, view in specimens.views().items():
            if wrong := await _judged(client, view=view):
                broken.append(_broken(name, wrong))
    except api_errors.Undelivered as error:
        # An older Slack, or one that is asked too often: nothing was learnt.
        yield good("messages", f"Slack didn't check them ({error.code})")
        return
    for finding in broken:
        yield finding
    await _remember(given, frozenset(refused))
    if refused:
        kinds = " and ".join(sorted(refused))
        yield good(
            "messages", f"this workspace doesn't accept {kinds} blocks yet; older ones are used"
        )
    elif not broken:
        yield good("messages", "Slack accepts every kind of message and form")


def _broken(name: str, wrong: Wrong) -> CheckResult:
    """Return that Slack refuses something that it should take."""
    return bad("messages", f"Slack refuses {name}: {wrong.sentence}.", UPGRADE)


async def _message(client: AsyncWebClient, message: blocks.Message) -> Wrong | None:
    """Return what Slack says of a message."""
    return await _judged(client, message={"blocks": list(message.blocks)})


async def _judged(client: AsyncWebClient, **payload: Any) -> Wrong | None:
    """Return what Slack says of a payload; None when it takes it.

    It goes in the body: the library's own method puts it into the address, which has no room.

    Raises:
        Undelivered: Slack doesn't judge it.
    """
    try:
        body = {name: json.dumps(value) for name, value in payload.items()}
        await client.api_call("blocks.validate", data=body)
    except SlackApiError as error:
        refusal = api_errors.undelivered(error)
        # Anything else says nothing of the blocks, such as a method that Slack doesn't have.
        if refusal.code not in REFUSED:
            raise refusal from None
        return Wrong(refusal.code, tuple(_mistakes(error.response.get("errors") or ())))
    return None


def _mistakes(found: Sequence[Any]) -> list[str]:
    """Return each mistake with the place that it is at."""
    return [
        f"{one.get('message', '')} ({one.get('pointer', '')})"
        for one in found
        if isinstance(one, dict)
    ]


async def _remember(given: settings.Settings, refused: frozenset[str]) -> None:
    """Note for the bot which kinds of blocks are refused, where it has a record."""
    async with contextlib.AsyncExitStack() as open_for:
        try:
            beside = opening.beside(given.database_url, VERSION)
            store = await open_for.enter_async_context(beside)
        except errors.StoreUnavailable:
            # The database has a finding of its own.
            return
        before = await store.read(lambda tx: tx.workspace())
        seen = dataclasses.replace(before, refused_blocks=refused)
        if seen != before:
            await store.write(lambda tx: tx.note_workspace(seen))

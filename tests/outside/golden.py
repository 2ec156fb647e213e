"""Everything that the bot can show in Slack, and everything that the stand-in can send."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

from bot.operations import manifest
from bot.power import inputs, request
from bot.power.lifecycle import State
from bot.runtime import clocks
from bot.sandbox import workspace
from bot.sandbox.workspace.state.view_book import View
from bot.sandbox.workspace.transport.delivery import Envelope
from bot.slack.blockkit import blocks, modals, views as form_views
from bot.slack.door import connection
from bot.slack.outbound import sending
from bot.slack.render import home
from bot.workflow import answers
from tests.slack import builders
from tests.slack.test_golden import GOLDEN
from tests.slack.test_home import full, shown
from tests.slack.test_request_modal import VIEWS

BUTTONS = blocks.button_row([blocks.Button(inputs.Do.APPROVE, "PR-7F3K")])
MODAL_WITH_EVERYTHING = {
    "type": "modal",
    "callback_id": "everything",
    "notify_on_close": True,
    "title": {"type": "plain_text", "text": "Everything"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [
        {
            "type": "input",
            "block_id": "words",
            "label": {"type": "plain_text", "text": "Words"},
            "element": {"type": "plain_text_input", "action_id": "words"},
        },
        {
            "type": "section",
            "block_id": "find",
            "text": {"type": "plain_text", "text": "Find"},
            "accessory": {
                "type": "external_select",
                "action_id": "find",
                "min_query_length": 1,
                "placeholder": {"type": "plain_text", "text": "Type"},
            },
        },
    ],
}


def messages() -> dict[str, blocks.Message]:
    """Return every message, in every state, ordinary, large and hostile."""
    plainer = {
        f"plainer-{name}": dataclasses.replace(one, blocks=one.plainer)
        for name, one in GOLDEN.items()
        if one.plainer
    }
    return {**GOLDEN, **plainer}


def views() -> dict[str, dict[str, Any]]:
    """Return every modal and Home tab."""
    found = builders.request_in(State.RUNNING)
    detail = answers.RequestShown(found, tuple(builders.rows(proven=["web01"])), builders.NOW)
    return {
        "modal-count": modals.confirm_count(
            answers.CountWanted("PR-7F3K", 10000, request.Action.REBOOT)
        ),
        "modal-reason": modals.deny_reason(answers.ReasonWanted("PR-7F3K")),
        "modal-comment": modals.comment(answers.CommentWanted("PR-7F3K")),
        "modal-verdict": modals.verdict(answers.VerdictWanted("PR-7F3K")),
        "modal-saying": form_views.saying(GOLDEN["answer-request-plan"]),
        **VIEWS,
        "modal-details": home.details(detail),
        "home-empty": home.render(shown()),
        "home-full": home.render(full(), answers.Note("Done."), "https://demo.slack.com/"),
        "home-hostile": home.render(full(builders.HOSTILE), answers.Note(builders.HOSTILE)),
        "home-closed": home.alone(answers.Note("Guests can't use Powerbot.", good=False)),
    }


class Recorder:
    """Takes what the stand-in would deliver, and acknowledges it."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def deliver(self, envelope: Envelope, copies: int, timeout_s: float) -> dict[str, Any]:
        """Remember an envelope."""
        self.envelopes.append(envelope)
        is_search = envelope.payload.get("type") == "block_suggestion"
        return {"options": []} if is_search else {}


REGISTERED = manifest.build("socket") | {
    "features": {
        "slash_commands": [{"command": "/power"}],
        "shortcuts": [
            {"callback_id": "everywhere", "type": "global", "name": "Everywhere"},
            {"callback_id": "on_message", "type": "message", "name": "On a message"},
        ],
    },
    "settings": {
        "event_subscriptions": {"bot_events": ["app_mention", "app_home_opened", "reaction_added"]}
    },
}


def sent_by_the_stand_in() -> dict[str, dict[str, Any]]:
    """Return one payload of each kind that the stand-in sends, by kind."""
    sent, _ = asyncio.run(_everything_done())
    return sent


def calls_of_the_bot() -> list[tuple[str, set[str]]]:
    """Return each call of the Web API that answers them, with the names of its arguments."""
    _, calls = asyncio.run(_everything_done())
    return calls


async def _everything_done() -> tuple[dict[str, dict[str, Any]], list[tuple[str, set[str]]]]:
    """Let people do everything that they can; return what was sent, and what was called."""
    slack = workspace.Workspace(registered=REGISTERED, strict=False)
    took = Recorder()
    slack.deliver_by(took)
    await slack.start()
    async with connection.open_client(slack.app.bot_token, slack.api_url) as client:
        client.proxy = None
        await _play(slack, took, sending.Sender(client, clocks.SystemClock()))
    await slack.stop()
    calls = [(call.method, set(call.args)) for call in slack.calls()]
    found: dict[str, dict[str, Any]] = {}
    for envelope in took.envelopes:
        payload = envelope.payload
        inner = payload.get("event", {}).get("type")
        where = payload.get("container", {}).get("type", "")
        kind = inner or f"{payload.get('type', 'command')} {where}".strip()
        found.setdefault(kind, payload)
    return found, calls


async def _play(slack: workspace.Workspace, took: Recorder, sender: sending.Sender) -> None:
    """Do everything once."""

    async def opened() -> View:
        """Open a modal by the newest command."""
        await slack.command("dana", "ops", "/power")
        trigger_id = str(took.envelopes[-1].payload["trigger_id"])
        await sender.open_view(trigger_id, MODAL_WITH_EVERYTHING)
        return slack.views("dana")[-1]

    await slack.command("dana", "ops", "/power reboot web01 because test")
    said = slack.mention("dana", "ops", "status")
    slack.open_home("dana")
    slack.react("dana", "ops", said.ts, "eyes")
    await slack.shortcut("dana", "everywhere")
    await slack.shortcut("dana", "on_message", "ops", said.ts)
    await sender.post("C0OPS", blocks.Message("A card", (BUTTONS,)))
    await slack.click("dana", slack.messages("ops")[-1], "Approve")
    await sender.publish_home("U0DANA", {"type": "home", "blocks": [BUTTONS]})
    home_tab = slack.home("dana")
    assert home_tab is not None
    await slack.click("dana", home_tab, "Approve")
    view = await opened()
    await slack.suggest("dana", view, "find", "web")
    await slack.submit("dana", {"words": {"words": "hello"}}, view)
    await slack.close("dana", await opened())
    await slack.settle()

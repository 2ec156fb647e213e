"""Two bots with labels and commands of their own in one workspace: neither hears the other."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import pathlib
import sys
import time
from collections.abc import AsyncIterator, Callable

import pytest_asyncio

from bot.operations import manifest
from bot.sandbox import data_centre, demo, workspace
from bot.sandbox.data_centre import serve
from bot.slack import action_ids
from bot.slack.blockkit import labels
from tests.acceptance.conftest import DANA, OPS, PATIENCE_S, SAM

LABEL, COMMAND = "staging", "/power-staging"
FIRST = workspace.App(scopes=tuple(manifest.build("socket")["oauth_config"]["scopes"]["bot"]))
SECOND = dataclasses.replace(
    FIRST,
    bot_token="xoxb-staging",
    app_token="xapp-staging",
    id="A1STAGING",
    bot_user="U1BOT",
    bot_id="B1BOT",
)


@dataclasses.dataclass
class Street:
    """One workspace and two bots, each with a data centre of its own."""

    slack: workspace.Workspace
    centres: dict[str, data_centre.DataCentre]

    async def until(self, look: Callable[[], workspace.Message | None]) -> workspace.Message:
        """Wait for the first message that a look finds."""
        found = await self.slack.wait_for(look, PATIENCE_S)
        assert found is not None
        return found

    async def said(self, app: workspace.App, words: str, *, alone: bool = True) -> None:
        """Wait until a bot has told dana these words; the other has not, if it is `alone`."""

        def told() -> workspace.Message | None:
            seen = self.slack.messages(OPS, DANA)
            found = (m for m in seen if m.user == app.bot_user and words in f"{m.text} {m.words}")
            return next(found, None)

        await self.until(told)
        others = [m for m in self.slack.messages(OPS, DANA) if m.user == _other(app).bot_user]
        assert not alone or not any(words in f"{m.text} {m.words}" for m in others)

    async def pressed(self, app: workspace.App, user: str, button: str) -> None:
        """Wait for a bot's message with this button, and press it."""

        def offered() -> workspace.Message | None:
            seen = self.slack.messages(OPS, user)
            return next((m for m in seen if m.user == app.bot_user and button in m.buttons), None)

        await self.slack.click(user, await self.until(offered), button)

    def rebooted(self, app: workspace.App) -> list[str]:
        """Return the servers to which a bot's calls went."""
        centre = self.centres[app.bot_user]
        ids = [one for entry in centre.power_calls() for one in entry.ids]
        return [centre.machine(one).server.name for one in ids]


def _other(app: workspace.App) -> workspace.App:
    return SECOND if app is FIRST else FIRST


@contextlib.asynccontextmanager
async def bot(
    street: Street, app: workspace.App, folder: pathlib.Path, **own: str
) -> AsyncIterator[None]:
    """Run a bot as an app of the workspace while the block lasts."""
    api = await serve.start(street.centres[app.bot_user])
    settings = demo.environment(street.slack.api_url, api.url, folder)
    settings |= {"SLACK_BOT_TOKEN": app.bot_token, "SLACK_APP_TOKEN": app.app_token, **own}
    with (folder / "bot.log").open("w") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run"), env=settings, cwd=folder, stderr=log
        )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()
        await api.stop()


@pytest_asyncio.fixture
async def street(tmp_path: pathlib.Path) -> AsyncIterator[Street]:
    """Both bots, connected; at the end nothing that they said broke a rule of Slack."""
    slack = workspace.Workspace(app=FIRST, registered=manifest.build("socket"), clock=time.time)
    registered = manifest.build("socket", command=COMMAND, label=LABEL)
    hub = slack.install(SECOND, registered, labels.bot_name(LABEL))
    await slack.start()
    for one in ("first", "second"):
        (tmp_path / one).mkdir()
        (tmp_path / one / "policy.toml").write_text(demo.POLICY)
    centres = {app.bot_user: demo.simulated_centre(40, 1.0) for app in (FIRST, SECOND)}
    made = Street(slack, centres)
    own = {"POWERBOT_LABEL": LABEL, "POWERBOT_COMMAND": COMMAND}
    async with bot(made, FIRST, tmp_path / "first"), bot(made, SECOND, tmp_path / "second", **own):
        await slack.wait_for(lambda: slack.hub.connected and hub.connected, PATIENCE_S)
        yield made
    await slack.stop()
    assert slack.violations == []


async def test_a_request_is_planned_approved_and_carried_out_by_the_bot_that_was_asked(
    street: Street,
) -> None:
    """Command, Request and Approve reach one bot each, at the same time."""
    await street.slack.command(DANA, OPS, "/power reboot web01 because first")
    await street.slack.command(DANA, OPS, f"{COMMAND} reboot web02 because second")
    for app in (FIRST, SECOND):
        await street.pressed(app, DANA, "Request")
        await street.pressed(app, SAM, "Approve")
    for app, name in ((FIRST, "web01"), (SECOND, "web02")):
        await street.said(app, f"rebooted: {name}")

    assert street.rebooted(FIRST) == ["web01"]
    assert street.rebooted(SECOND) == ["web02"]
    cards = [m for m in street.slack.messages(OPS) if m.bot and not m.ephemeral and not m.thread_ts]
    titles = {m.user: m.blocks[0]["text"]["text"] for m in cards}
    assert titles[SECOND.bot_user].startswith(f"{LABEL} · ")
    assert LABEL not in titles[FIRST.bot_user]


async def test_mention_form_and_home_reach_one_bot_each(street: Street) -> None:
    """A mention of the one is none of the other, though its name begins like that."""
    street.slack.say(DANA, OPS, "@powerbot-staging status web05")
    await street.said(SECOND, "web05")
    street.slack.say(DANA, OPS, "@powerbot status web06")
    await street.said(FIRST, "web06")

    for app in (FIRST, SECOND):
        request = action_ids.ShortcutId.REQUEST.value
        await street.slack.shortcut(DANA, request, app=app.bot_user)
        await street.slack.wait_for(lambda: street.slack.views(DANA), PATIENCE_S)
        [form] = street.slack.views(DANA)
        assert form.app == app.id
        await street.slack.close(DANA)
        street.slack.open_home(SAM, app=app.bot_user)
    for app, named in ((FIRST, False), (SECOND, True)):
        home = await street.slack.wait_for(
            functools.partial(street.slack.home, SAM, app=app.bot_user), PATIENCE_S
        )
        assert home is not None
        assert (LABEL in home.words) == named


async def test_a_message_shortcut_is_taken_by_the_bot_whose_it_is(street: Street) -> None:
    """Its form finds the servers of the message, and its plan comes from the same bot."""
    alert = street.slack.say(SAM, OPS, "web03 is down")
    from_message = action_ids.ShortcutId.FROM_MESSAGE.value
    await street.slack.shortcut(DANA, from_message, OPS, alert.ts, app=SECOND.bot_user)
    await street.slack.wait_for(lambda: street.slack.views(DANA), PATIENCE_S)
    await street.slack.wait_for(lambda: "web03" in str(street.slack.views(DANA)[0].content), 30)

    [form] = street.slack.views(DANA)
    assert form.app == SECOND.id
    assert [m for m in street.slack.messages(OPS, DANA) if m.user == FIRST.bot_user] == []

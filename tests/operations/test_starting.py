"""What a bot says of its database at the start, and of its policy while it runs."""

from __future__ import annotations

import pathlib
import time

import pytest

from bot import app, settings
from bot.power import errors
from bot.sandbox import demo, workspace
from bot.storage import opening
from tests.acceptance.conftest import SAM
from tests.operations import keyring
from tests.storage import owner


async def start(folder: pathlib.Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start a bot whose token Slack refuses."""
    slack = workspace.Workspace(app=workspace.App(bot_token="xoxb-other"), clock=time.time)
    await slack.start()
    try:
        given = demo.environment(slack.api_url, "http://127.0.0.1:1", folder)
        for name, value in (given | {"POWERBOT_DATABASE_URL": database_url}).items():
            monkeypatch.setenv(name, value)
        async with app.joined(settings.load(env_file=None), "socket"):
            pass
    finally:
        await slack.stop()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "made by a newer version"),
        ("UPDATE alembic_version SET version_num = '0001'", "invalid_auth"),
    ],
)
async def test_a_schema_that_cant_be_used_is_said_before_slack_is_asked(
    change: str, said: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack may be down for long; an older SQLite file is brought up, and only after Slack."""
    url = f"sqlite:///{tmp_path / 'powerbot.db'}"
    opening.migrate(url)
    owner.execute(url, change)

    with pytest.raises(errors.PowerbotError, match=said):
        await start(tmp_path, url, monkeypatch)


async def test_a_bad_new_policy_is_told_and_takes_no_bot_out_of_service(
    tmp_path: pathlib.Path,
) -> None:
    """The one before is in force: clicks go on, and probes must not cut the bot off from them."""
    async with keyring.running(tmp_path) as ring:
        policy = tmp_path / "policy.toml"
        policy.write_text(demo.POLICY.replace("version = 1", "version = 1\nwrong = 2"))
        await ring.warns("still in force", of="wrong", about="policy")

        assert (await ring.ready())["ok"]
        assert (await ring.http.get("/readyz")).status_code == 200
        figures = (await ring.http.get("/metrics", headers=ring.bearer)).text
        assert "powerbot_policy_valid 0.0" in figures
        assert "policy.unusable" in ring.logged()
        card = await ring.stage.ask("/power reboot web01 because kernel")
        await ring.slack.click(SAM, card, "Approve")
        await ring.stage.thread_says(card, "rebooted")

        policy.write_text(demo.POLICY)
        await ring.warns("", about="policy")

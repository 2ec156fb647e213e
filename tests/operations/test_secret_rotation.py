"""Secrets that are exchanged while a real bot runs: nothing is lost, and nothing is restarted."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable

from bot.sandbox import demo
from tests.acceptance.conftest import DANA, OPS, PATIENCE_S, ROSA, SAM
from tests.operations import keyring

NEW_AK, NEW_SK = "NEWACCESSKEY00000000", "a-new-secret-key-that-guards-nothing"
# A file that has changed is read again within a second.
READ_S = 1.0


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds.

    Raises:
        TimeoutError: it doesn't, in time.
    """
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 -- the stand-ins have no event for it
            await asyncio.sleep(0.02)


def refused(ring: keyring.Keyring) -> list[int | None]:
    """Return the answers of the data centre that were no success."""
    return [entry.status for entry in ring.centre.log if (entry.status or 500) >= 400]


async def test_a_key_that_is_exchanged_under_load_loses_no_call(tmp_path: pathlib.Path) -> None:
    """Within a second the next call signs with the new key, and no call was refused for it."""
    async with keyring.running(tmp_path) as ring:
        signed = ring.centre.iam.signed
        card = await ring.stage.ask("/power reboot web[01-08] --batch 2 because kernel")
        await ring.slack.click(SAM, card, "Approve")
        await until(lambda: bool(ring.stage.power_calls()))

        ring.centre.iam.further_keys[NEW_AK] = NEW_SK
        # One part after the other, as no two files change at once.
        ring.put("HUAWEICLOUD_SDK_AK", f"{NEW_AK}\n")
        await asyncio.sleep(0.1)
        put_at = ring.put("HUAWEICLOUD_SDK_SK", f"{NEW_SK}\r\n")
        await asyncio.sleep(put_at + READ_S - time.monotonic())
        by_the_old = signed[demo.ACCESS_KEY]
        await ring.stage.thread_says(card, "rebooted")

        assert signed[NEW_AK] > 0
        assert signed[demo.ACCESS_KEY] == by_the_old
        called = [one for ids in ring.stage.power_calls() for one in ids]
        assert sorted(called) == sorted(ring.stage.ids(*(f"web{n:02}" for n in range(1, 9))))
        assert refused(ring) == []
        assert NEW_SK not in ring.logged()


async def test_a_file_that_is_empty_or_away_keeps_the_secret_before_it(
    tmp_path: pathlib.Path,
) -> None:
    """It is said in the log and by /readyz, which still answers 200, until the file is mended."""
    async with keyring.running(tmp_path) as ring:
        ring.put("HUAWEICLOUD_SDK_SK", "")
        await ring.warns("HUAWEICLOUD_SDK_SK_FILE", of="is empty")
        (tmp_path / "HUAWEICLOUD_SDK_SK").unlink()
        await ring.warns("HUAWEICLOUD_SDK_SK_FILE", of="can't be read")

        await ring.slack.command(DANA, OPS, "/power status web01")
        await ring.stage.told(DANA, "web01")
        ring.put("HUAWEICLOUD_SDK_SK", demo.SECRET_KEY)
        await ring.warns("")

        assert (await ring.ready())["ok"]
        assert "secret.unusable" in ring.logged()
        assert "secret.usable" in ring.logged()
        assert refused(ring) == []


async def test_a_new_key_ends_the_pause_that_the_old_one_began(tmp_path: pathlib.Path) -> None:
    """Nobody waits five minutes for a key that is good."""
    async with keyring.running(tmp_path) as ring:
        ring.centre.iam.further_keys[NEW_AK] = NEW_SK
        ring.centre.iam.account = dataclasses.replace(ring.centre.iam.account, ak="ANOTHER")
        await ring.slack.command(DANA, OPS, "/power status web01")
        await ring.stage.told(DANA, "credentials")

        ring.put("HUAWEICLOUD_SDK_AK", NEW_AK)
        ring.put("HUAWEICLOUD_SDK_SK", NEW_SK)
        await until(lambda: "secret.taken" in ring.logged())
        card = await ring.stage.ask("/power reboot web01 because kernel")
        await ring.slack.click(SAM, card, "Approve")

        await ring.stage.thread_says(card, "rebooted")


async def test_tokens_of_slack_are_exchanged_without_a_restart(tmp_path: pathlib.Path) -> None:
    """What the old token couldn't say is said by the new one; so is a socket opened."""
    async with keyring.running(tmp_path) as ring:
        card = await ring.stage.ask("/power reboot web01 because kernel")
        ring.slack.exchange(bot_token="xoxb-new", app_token="xapp-new")
        await ring.slack.click(SAM, card, "Approve")
        ring.put("SLACK_BOT_TOKEN", "xoxb-new\n")
        ring.put("SLACK_APP_TOKEN", "xapp-new\n")

        await ring.stage.thread_says(card, "rebooted")
        await until(lambda: ring.logged().count("secret.taken") == 2)
        await ring.slack.hub.drop()
        await until(lambda: ring.slack.hub.connected > 0)
        await ring.slack.command(ROSA, OPS, "/power status web01")

        await ring.stage.told(ROSA, "web01")
        assert (await ring.ready())["problems"] == {}


async def test_a_token_that_slack_refuses_is_not_taken(tmp_path: pathlib.Path) -> None:
    """A slip in the file makes nobody mute: the old token holds, and it is said."""
    async with keyring.running(tmp_path) as ring:
        ring.put("SLACK_BOT_TOKEN", "xoxb-slip\n")

        await ring.warns("SLACK_BOT_TOKEN_FILE", of="invalid_auth")
        await ring.slack.command(DANA, OPS, "/power status web01")
        await ring.stage.told(DANA, "web01")

        ring.put("SLACK_BOT_TOKEN", "xoxb-demo\n")
        await ring.warns("")


async def test_signing_secret_and_metrics_token_are_exchanged_over_http(
    tmp_path: pathlib.Path,
) -> None:
    """The next request is compared by the new ones, and the old ones are good for nothing."""
    async with keyring.running(tmp_path, "http") as ring:
        url = str(ring.http.base_url.join("/slack/events"))
        ring.slack.exchange(signing_secret="another-signing-secret")
        ring.put("SLACK_SIGNING_SECRET", "another-signing-secret\n")
        ring.put("POWERBOT_METRICS_TOKEN", "another-token\n")
        await until(lambda: ring.logged().count("secret.taken") == 2)
        ring.slack.use_request_url(url)

        await ring.slack.command(DANA, OPS, "/power status web01")
        await ring.stage.told(DANA, "web01")
        old = {"Authorization": f"Bearer {keyring.METRICS_TOKEN}"}
        new = {"Authorization": "Bearer another-token"}

        assert (await ring.http.get("/metrics", headers=old)).status_code == 401
        assert (await ring.http.get("/metrics", headers=new)).status_code == 200


async def test_another_database_is_taken_at_a_restart_alone(tmp_path: pathlib.Path) -> None:
    """The record of a running bot doesn't change under it."""
    async with keyring.running(tmp_path) as ring:
        ring.put("POWERBOT_DATABASE_URL", f"sqlite:///{tmp_path / 'other.db'}\n")

        await ring.warns("POWERBOT_DATABASE_URL_FILE", of="another database; restart")
        assert not (tmp_path / "other.db").exists()


def test_check_names_the_file_of_a_secret_that_everybody_may_open(tmp_path: pathlib.Path) -> None:
    """But for the token of the metrics, which whoever scrapes them reads too."""
    for name in ("SLACK_BOT_TOKEN", "HUAWEICLOUD_SDK_SK", "POWERBOT_METRICS_TOKEN"):
        (tmp_path / name).write_text("secret")
        (tmp_path / name).chmod(0o644)
    (tmp_path / "SLACK_BOT_TOKEN").chmod(0o640)
    begun = subprocess.run(
        [sys.executable, "-m", "bot", "check", "--offline"],
        env={
            "PATH": os.environ["PATH"],
            **{f"{path.name}_FILE": str(path) for path in tmp_path.iterdir()},
            "POWERBOT_DATABASE_URL": f"sqlite:///{tmp_path / 'powerbot.db'}",
        },
        capture_output=True,
        text=True,
        check=False,
        cwd=pathlib.Path(__file__).parent.parent.parent,
    )

    assert "HUAWEICLOUD_SDK_SK can be read by everybody" in begun.stdout
    assert "SLACK_BOT_TOKEN can be read" not in begun.stdout
    assert "METRICS_TOKEN can be read" not in begun.stdout

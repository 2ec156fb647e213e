"""Log lines: one event a step, in two forms, and never a secret in any of them."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import MutableMapping
from typing import Any

import pytest
import structlog

from bot.operations import logs, redaction

BOT_TOKEN = "xoxb-1234-abcdEFGH"
SECRET_KEY = "plainlookingsecretkey"
SECRETS = {
    "bot token": BOT_TOKEN,
    "app token": "xapp-1-A0-1-deadbeef",
    "refresh token": "xoxe.xoxp-1-abc",
    "response url": "https://hooks.slack.com/commands/T1/2/secret",
    "stand-in's response url": "http://127.0.0.1:9/respond/abc",
    "socket address": "wss://wss.slack.com/link/?ticket=abc&app_id=1",
    "signature": "SDK-HMAC-SHA256 Access=AKIA12345, Signature=0123456789abcdef0123",
    "token in a query": "https://x/?token=abcdef",
    "database address": "postgresql://u:hunter2pw@h/db",
    "own key": SECRET_KEY,
}
# What must not be left of each.
CORES = (
    "1234-abcdEFGH",
    "deadbeef",
    "xoxp-1-abc",
    "T1/2/secret",
    "respond/abc",
    "ticket=abc",
    "0123456789abcdef",
    "abcdef",
    "hunter2pw",
    SECRET_KEY,
)
PAIRS = list(zip(SECRETS.values(), CORES, strict=True))


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    ("secret", "core"), list(zip(SECRETS.values(), CORES, strict=True)), ids=SECRETS
)
def test_a_secret_reaches_no_log_line(
    form: str, secret: str, core: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not as a value, not in a sentence, not nested, not in an error, not from a library."""
    logs.configure(form, "info", secrets=[SECRET_KEY])
    log = structlog.get_logger()

    log.info("step", why=f"it said {secret} there", detail={"deep": [{"url": secret}]})
    try:
        raise RuntimeError(secret)
    except RuntimeError as error:
        log.error("broken", exc_info=error)
    logging.getLogger("a.library").warning("it has %s in it", secret)

    said = capsys.readouterr().err
    assert said.count("\n") >= 3
    assert core not in said


@pytest.mark.parametrize(
    "key", ["bot_token", "secret", "password", "Authorization", "response_url"]
)
def test_what_stands_under_a_secrets_name_is_not_printed(
    key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever it looks like, at any depth."""
    logs.configure("json", "info")

    structlog.get_logger().info("step", detail={"inner": {key: "innocent"}}, **{key: "innocent"})

    assert "innocent" not in capsys.readouterr().err


def test_json_lines_stay_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Taking a secret out leaves a line that can be read by machines."""
    logs.configure("json", "info", secrets=[SECRET_KEY])

    structlog.get_logger().info("step", request="PR-1", why=f'"{SECRET_KEY}"', url=BOT_TOKEN)

    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["request"], line["level"]) == ("step", "PR-1", "info")
    assert line["why"] == f'"{redaction.STARS}"'


def test_watchers_see_what_the_level_hides(capsys: pytest.CaptureFixture[str]) -> None:
    """Figures don't depend on how much is printed."""
    seen: list[str] = []

    def watch(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        seen.append(str(event["event"]))
        return event

    logs.configure("text", "warning", watchers=[watch])
    structlog.get_logger().debug("silent")
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")

    assert seen == ["silent", "quiet", "loud"]
    assert "quiet" not in capsys.readouterr().err


def test_a_request_is_read_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Its id and what it does stand behind the event's name; what has no value isn't printed."""
    logs.configure("text", "info")
    said = "reboot web[01-04] by U0DANA approved U0SAM"

    structlog.get_logger().info(
        "request.running", request="PR-44W2", said=said, user="", detail={}, tries=0
    )

    line = capsys.readouterr().err
    assert f"request.running PR-44W2 {said}" in line
    assert "user" not in line
    assert "detail" not in line
    assert "tries=0" in line


@pytest.mark.parametrize("part", ["http://", "https://a", "://a:", "token=", "Access="])
def test_a_long_line_is_redacted_in_linear_time(part: str) -> None:
    """A vendor's answer may be long; a quadratic search of this one would take minutes."""
    began = time.thread_time()
    redaction.Redactor((SECRET_KEY,)).redact(part * (300_000 // len(part)))
    assert time.thread_time() - began < 3

"""The story in the terminal."""

from __future__ import annotations

import pathlib

import pytest

from bot.sandbox import demo, story


async def test_tour_tells_the_story_and_its_servers_agree(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every step is printed, plain where there is no terminal, and the counters prove it."""
    where = demo.Where(port=0, servers=40, data=tmp_path, operation_s=6.0)

    status = await story.tell(where)

    told = capsys.readouterr().out
    assert status == 0
    for words in (
        "1/6 The bot starts",
        "Nothing is requested yet.",
        "This is your own request",
        "Approved by @sam for sre",
        "kill process",
        "✅ 6 servers rebooted",
        "audit head",
        "web01 1, web02 1, web03 1",
    ):
        assert words in told
    assert "\x1b" not in told

"""Foreign words can't ping, link, format or hide, and stay within their length."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, strategies as st

from bot.slack.blockkit import text
from tests.slack import builders


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("<!channel>", "&lt;!channel&gt;"),
        ("<@U123> & <http://x|y>", "&lt;@U123&gt; &amp; &lt;http://x|y&gt;"),
        ("*bold* and _thin_", "\u2217bold\u2217 and \uff3fthin\uff3f"),
        ("web_01 a*b x~y", "web_01 a*b x~y"),
        ("`rm -rf`", "'rm -rf'"),
        ("safe\u202eevil\u200b\u2066", "safeevil"),
        ("one\ntwo\r\n\tthree\u2028four\x07", "one two three four"),
        (":boom: at 10:30:15", "\u2236boom\u2236 at 10:30:15"),
        ("&lt;!here&gt;", "&amp;lt;!here&amp;gt;"),
        ("\U000e0041\ud800\ufeff", ""),
        ("数据库 é 🔥", "数据库 é 🔥"),
    ],
    ids=[
        "broadcast",
        "mention-and-link",
        "markers",
        "markers-in-names",
        "code",
        "bidi-and-zero-width",
        "breaks-and-controls",
        "emoji-code",
        "escaped-already",
        "tags-and-surrogates",
        "other-scripts",
    ],
)
def test_foreign_words_read_the_same_and_format_nothing(foreign: str, shown: str) -> None:
    """Each way of pinging, linking or hiding is taken from foreign words."""
    assert text.plain(foreign) == shown


@given(st.text(max_size=300), st.integers(min_value=1, max_value=50))
def test_plain_words_have_no_live_character_whatever_comes_in(foreign: str, limit: int) -> None:
    """Whatever was typed, what is shown has no bracket, hidden character or excess length."""
    shown = text.plain(foreign, limit)

    assert "<" not in shown
    assert "`" not in shown
    assert not [char for char in shown if unicodedata.category(char) in text.HIDDEN]
    assert len(text.clean(foreign, limit)) <= limit


def test_literal_words_have_no_brackets_for_plain_text_objects() -> None:
    """Plain text shows entities as they are, so brackets are exchanged instead."""
    assert text.literal("<!here> & co") == "‹!here› & co"


def test_code_keeps_markers_and_loses_backticks() -> None:
    """Inside code only the three entities and the backtick matter."""
    assert text.code("a*b* `x` <y>") == "`a*b* 'x' &lt;y&gt;`"
    assert text.code("") == ""


@pytest.mark.parametrize(
    ("user_id", "shown"),
    [
        ("U0DANA", "<@U0DANA>"),
        ("W123", "<@W123>"),
        ("U0><!here>", "U0&gt;&lt;!here&gt;"),
        ("", "somebody"),
    ],
)
def test_mentions_are_made_from_well_formed_ids_alone(user_id: str, shown: str) -> None:
    """An id that Slack can't have given is shown as a word."""
    assert text.mention(user_id) == shown


def test_groups_are_called_and_long_lists_are_cut() -> None:
    """A user group is called by its own form; at most so many are named."""
    assert (
        text.mentions(["S0ONCALL", "U1", "U2"], limit=2) == "<!subteam^S0ONCALL>, <@U1> and 1 more"
    )


def test_moment_is_shown_in_each_readers_own_time() -> None:
    """Slack makes the date; the fallback names its time zone."""
    assert text.moment(builders.NOW) == "<!date^1800000000^{date_short_pretty} at {time}|08:00 UTC>"


def test_lists_say_how_many_were_left_out() -> None:
    """A list that was cut names the number of parts that are missing."""
    assert text.listed(["aaaa", "bbbb", "cccc"], 12) == "aaaa · and 2 more"
    assert text.listed(["a" * 30], 10) == "a" * 9 + "…"
    assert text.listed([], 10) == ""


def test_numbers_are_spelled_while_they_are_small() -> None:
    """Ten is a word, eleven is a number."""
    assert [text.spelled(2), text.spelled(11)] == ["two", "11"]
    assert [text.count(1, "server"), text.count(2, "server")] == ["1 server", "2 servers"]


def test_long_texts_lose_whole_lines_and_say_how_many() -> None:
    """A line is never cut in two, and the first is always shown."""
    assert text.fitting(["aaaa", "bbbb", "cccc"], 10) == "aaaa\nbbbb\nand 1 line more"
    assert text.fitting(["a" * 30], 10) == "a" * 30

"""What Slack and phones do to typed text is undone, and nothing else."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given, strategies as st

from bot.power.text import typography


@pytest.mark.parametrize(
    ("slack", "typed"),
    [
        ("<http://web01.example|web01.example>", "web01.example"),
        ("<mailto:root@web01.example|root@web01.example>", "root@web01.example"),
        ("<https://jira.example/INC-42>", "https://jira.example/INC-42"),
        ("<@U0AAAAAA1|bob> <@U0AAAAAA1>", "@bob @U0AAAAAA1"),
        ("<#C0OPS|ops> <#C0OPS>", "#ops #C0OPS"),
        ("<!subteam^S0ONCALL1|@oncall>", "@oncall"),
        ("<!here> <!date^1^{date}|today>", "@here today"),
        ("a &amp; b &lt;c&gt;", "a & b <c>"),
        ("&amp;lt;", "&lt;"),
        ("a < b > c <", "a < b > c <"),
    ],
)
def test_slack_forms_become_what_was_typed(slack: str, typed: str) -> None:
    """Links and people become their labels; entities are undone once."""
    assert typography.undo_slack(slack) == typed


@pytest.mark.parametrize(
    ("phone", "typed"),
    [
        ("—dry-run –batch 5", "--dry-run --batch 5"),
        ("web[01–20]", "web[01-20]"),
        ("a\u00a0b\u202fc\u3000d\te", "a b c d e"),
        ("dc:“上海\u00a0A-1”", 'dc:"上海\u00a0A-1"'),
        ("tag:role=“web”", 'tag:role="web"'),
        ("ｗｅｂ０１，ｗｅｂ０２", "web01,web02"),
        ("web‐01", "web-01"),
        ("web∗", "web*"),
    ],
)
def test_phone_typography_becomes_plain_outside_of_quotes(phone: str, typed: str) -> None:
    """Long dashes, curly quotes, hard spaces and full-width letters are understood."""
    assert typography.plain(phone) == typed


def test_every_space_of_unicode_parts_words_and_nothing_else_does() -> None:
    """A blank from a web page parts words like one from a keyboard."""
    every = map(chr, range(sys.maxunicode + 1))
    spaces = {c for c in every if unicodedata.category(c) in {"Zs", "Zl", "Zp"}}
    assert set(typography.SPACES) == spaces | set("\t\n\r\v\f")


def test_a_quote_without_an_end_is_told() -> None:
    """The word goes to the end of the text and says so."""
    assert [word.unclosed for word in typography.words('x dc:"a b')] == [False, True]


def test_free_text_becomes_one_line_without_hidden_characters() -> None:
    """Line ends, control and turning characters go; joiners stay for emoji."""
    assert typography.sentence(" a\n\u202eb\x00 👩\u200d🔧 \ud800") == "a b 👩\u200d🔧"


@pytest.mark.parametrize(
    ("place", "words"),
    [(1, "The first"), (3, "The third"), (11, "The 11th"), (22, "The 22nd"), (101, "The 101st")],
)
def test_a_place_is_said_as_an_ordinal(place: int, words: str) -> None:
    """Small ones are words."""
    assert typography.ordinal(place) == f"{words} character"


@given(st.text(max_size=200))
def test_any_text_is_cut_into_words_that_cover_it(text: str) -> None:
    """Words are in order, and between them there are only spaces."""
    place = 0
    for word in typography.words(text):
        assert set(text[place : word.start]) <= set(typography.SPACES)
        assert word.start < word.end
        place = word.end
    assert set(text[place:]) <= set(typography.SPACES)


@given(st.text(max_size=200))
def test_what_is_shown_of_any_text_is_short_and_visible(text: str) -> None:
    """A mistake never shows what can't be seen."""
    shown = typography.shown(text)

    assert len(shown) <= typography.MOST_SHOWN
    assert not shown or shown.isprintable()

"""What phones and Slack do to text, undone; look-alike characters refused by their names."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from bot.power import errors, typography


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("<http://web01.example|web01.example>", "web01.example"),
        ("<https://web01.example/x|web01.example/x> on", "web01.example/x on"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("<http://web01.example>", "web01.example"),
        ("<https://web01.example/>", "web01.example"),
        ("a &amp; b &lt;c&gt;", "a & b <c>"),
        ("&amp;lt;", "&lt;"),
        ("web01 < web02", "web01 < web02"),
    ],
)
def test_slack_forms_are_read_as_they_were_typed(typed: str, meant: str) -> None:
    """Links stand for their label, and entities for their character, once."""
    assert typography.undo_slack(typed) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("—dry-run", "--dry-run"),
        ("web01 –batch 5", "web01 --batch 5"),
        ("web[01—20]", "web[01-20]"),
        ("web‑01 a−b", "web-01 a-b"),
        ("dc:“A 1”", 'dc:"A 1"'),
        ("dc:„A 1‟ «b»", 'dc:"A 1" "b"'),
        ("don’t", "don't"),
        ("a\u00a0b\u3000c\u202fd\te\nf", "a b c d e f"),
        ("ｗｅｂ［０１－２０］，！ｄｂ：＊", "web[01-20],!db:*"),
    ],
)
def test_phone_typing_becomes_keyboard_typing(typed: str, meant: str) -> None:
    """Dashes, quotes, spaces and full-width characters become plain ones."""
    assert typography.plain(typed) == meant


@given(st.text())
@settings(deadline=None)
def test_plain_text_stays_as_it_is(text: str) -> None:
    """Making text plain twice is the same as once."""
    once = typography.plain(text)

    assert typography.plain(once) == once


@pytest.mark.parametrize(
    ("text", "name", "place"),
    [
        ("wеb01", "cyrillic small letter ie", 2),
        ("web٣", "arabic-indic digit three", 4),
        ("we\u200bb", "zero width space", 3),
        ("\u202eweb", "right-to-left override", 1),
        ("a\x00", "control character U+0000", 2),
        ("a\ud800", "control character U+D800", 2),
        ('dc:"上海" 京', "cjk unified ideograph-4eac", 9),
    ],
)
def test_look_alikes_are_refused_by_name(text: str, name: str, place: int) -> None:
    """A character that isn't ASCII is called by its name and its place."""
    with pytest.raises(errors.UserMistake) as caught:
        typography.refuse_foreign(text)

    assert f"Character {place} is {name}," in caught.value.problem
    assert caught.value.token.isprintable()


def test_quoted_values_may_have_any_printable_character() -> None:
    """Values of other scripts are written in quotes."""
    typography.refuse_foreign('dc:"上海 A-1" tag:"größe"=x')


def test_quoted_values_may_not_have_invisible_characters() -> None:
    """What can't be seen is refused in quotes too."""
    with pytest.raises(errors.UserMistake, match="zero width space"):
        typography.refuse_foreign('dc:"上\u200b海"')

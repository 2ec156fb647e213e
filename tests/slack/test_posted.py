"""Bodies of Slack's requests are read as the standard library reads them, and as Bolt doesn't."""

from __future__ import annotations

import json
import urllib.parse

import pytest
from hypothesis import example, given, strategies as st

from bot.slack.door import signed_posts

FORM = "application/x-www-form-urlencoded"


@given(st.text(max_size=200))
@example("100%")
@example("text=%zz%%41=%3D")
@example("a=b\r\n=\n%0A&b&&c=")
@example("text=web%5B01-20%5D+because+%E4%B8%8A%E6%B5%B7 \t")
@example("text=%ED%A0%80%FF")
def test_form_is_read_as_the_standard_library_reads_it(text: str) -> None:
    """Whatever comes: whole escapes, broken ones, line ends, other alphabets, empty fields."""
    body = "command=/power&" + text.encode(errors="replace").decode()
    read = dict(urllib.parse.parse_qsl(body, keep_blank_values=True))

    assert "payload" in read or signed_posts.read(body, FORM) == read


@given(st.text("%+=&ab0Ff\u00e9 \n", max_size=30))
def test_broken_escapes_are_read_as_the_standard_library_reads_them(text: str) -> None:
    """Texts that are nearly escapes take no way of their own."""
    assert signed_posts.read("&" + text, FORM) == dict(
        urllib.parse.parse_qsl("&" + text, keep_blank_values=True)
    )


@given(st.dictionaries(st.text(min_size=1, max_size=9), st.text(max_size=40), max_size=5))
def test_form_has_the_fields_that_were_sent(fields: dict[str, str]) -> None:
    """A form comes back as it was written."""
    clean = {
        "=" + name.encode(errors="replace").decode(): value.encode(errors="replace").decode()
        for name, value in fields.items()
    }

    assert signed_posts.read(urllib.parse.urlencode(clean), FORM) == clean


def test_command_may_speak_of_a_payload() -> None:
    """Only a field of that name holds an interaction; the word may stand in any text."""
    fields = {"command": "/power", "text": "reboot web01 because payload bay"}

    assert signed_posts.read(urllib.parse.urlencode(fields), FORM) == fields


def test_interaction_and_event_are_read_from_their_json() -> None:
    """A click comes as JSON inside a form, an event as JSON alone."""
    click, event = {"type": "block_actions", "actions": ["é"]}, {"type": "event_callback"}
    sent = urllib.parse.urlencode({"payload": json.dumps(click)})

    assert signed_posts.read(sent, FORM) == click
    assert signed_posts.read(json.dumps(event), signed_posts.JSON) == event
    assert signed_posts.read(json.dumps(event), FORM) == event


@pytest.mark.parametrize(
    "body",
    ["", "{", "payload=", "payload=%5B1%5D", "[1]", "[" * 100_000, "payload=" + "[" * 100_000],
    ids=["empty", "half", "no-json", "list", "list-alone", "deep", "deep-in-form"],
)
def test_unreadable_body_has_no_values(body: str) -> None:
    """Nothing of it is guessed; Bolt then refuses the request for its signature."""
    assert signed_posts.read(body, signed_posts.JSON if body.startswith("[") else FORM) == {}

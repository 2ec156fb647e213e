"""What Slack sends becomes our own values, or nothing at all."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.power import input_fields, inputs, ports
from bot.slack.inbound import envelope, payloads, submissions
from tests.slack import builders

Reader = Callable[..., ports.Inbound | None]
READERS: dict[str, Reader] = {
    "command": payloads.command,
    "mention": payloads.mention,
    "button": payloads.button,
    "form": submissions.form,
    "shortcut": payloads.shortcut,
}
TEAM = {"id": builders.TEAM, "domain": "demo"}
USER = {"id": "U0DANA", "username": "dana", "name": "dana", "team_id": builders.TEAM}


def pressed(**changes: Any) -> dict[str, Any]:
    """Return a press of Approve on a card."""
    given: dict[str, Any] = {
        "type": "block_actions",
        "team": TEAM,
        "user": USER,
        "trigger_id": "1.2.3",
        "channel": {"id": "C0OPS", "name": "ops"},
        "container": {"message_ts": "5.6", "channel_id": "C0OPS", "thread_ts": None},
        "actions": [{"action_id": "pb:approve", "value": "PR-7F3K", "type": "button"}],
        "response_url": "https://hooks.slack.com/x",
        "view": None,
    }
    return {**given, **changes}


def mentioned(**changes: Any) -> dict[str, Any]:
    """Return a mention of the bot."""
    event = {
        "type": "app_mention",
        "user": "U0DANA",
        "channel": "C0INC",
        "ts": "7.8",
        "text": "<@U0BOT> reboot <http://db03.example|db03.example> because a &amp; b",
        **changes,
    }
    return {"team_id": builders.TEAM, "event_id": "Ev1", "event": event}


def test_command_carries_ids_and_words_and_no_names() -> None:
    """Person and place are ids; the text is as it was typed."""
    body = {
        "team_id": builders.TEAM,
        "channel_id": "C0OPS",
        "user_id": "U0DANA",
        "user_name": "somebody-else",
        "text": "off web01 because a &lt; b",
        "trigger_id": "1.2",
        "response_url": "https://hooks.slack.com/x",
        "is_enterprise_install": "false",
        "command": "/power",
    }

    read = payloads.command(body, at=builders.NOW)

    assert read.person == builders.REQUESTER
    assert read.input == inputs.Typed(
        text="off web01 because a < b", called="/power", trigger_id="1.2"
    )
    assert (read.key, read.kind, read.at) == ("command:1.2", "command", builders.NOW)
    assert "hooks" not in repr(read)


@pytest.mark.parametrize("thread_ts", ["", "6.0"], ids=["channel", "thread"])
def test_mention_lives_in_its_thread_without_the_mention(thread_ts: str) -> None:
    """A mention outside of a thread is in the channel; links read as typed."""
    read = payloads.mention(mentioned(thread_ts=thread_ts), at=0)

    assert read is not None
    assert input_fields.text(read.input) == "reboot db03.example because a & b"
    assert read.place.thread_ts == thread_ts
    assert read.key == "mention:C0INC:7.8"


@pytest.mark.parametrize(
    "changes",
    [
        {"subtype": "message_changed"},
        {"subtype": "message_deleted"},
        {"edited": {"user": "U0ELSE", "ts": "9.0"}},
    ],
    ids=["changed", "deleted", "edited-by-another"],
)
def test_news_about_a_message_is_no_mention(changes: dict[str, Any]) -> None:
    """What became of a message says nothing that its author wants."""
    assert payloads.mention(mentioned(**changes), at=0) is None


def test_edit_of_a_mention_is_known_by_its_message() -> None:
    """The edit has a key of its own, and names the message that it is of."""
    edited = payloads.mention(mentioned(edited={"user": "U0DANA", "ts": "9.0"}), at=0)

    assert edited is not None
    assert edited.key == "mention:C0INC:7.8:9.0"
    assert isinstance(edited.input, inputs.Mentioned)
    assert edited.input.edit_of == "mention:C0INC:7.8"


def test_mention_by_a_bot_is_left_alone() -> None:
    """Workflows and bots may not ask."""
    assert payloads.mention(mentioned(bot_id="B1"), at=0) is None


def test_mention_by_a_stranger_carries_the_strangers_team() -> None:
    """In shared channels the person's team counts, not the workspace that delivers."""
    read = payloads.mention(mentioned(user_team="T0OTHER"), at=0)

    assert read is not None
    assert read.person.team_id == "T0OTHER"


def test_button_carries_a_request_id_and_where_it_stands() -> None:
    """Of a press only ids are taken on."""
    read = payloads.button(pressed(), at=0)

    assert read.input == inputs.Pressed(
        do=inputs.Do.APPROVE, message_ts="5.6", trigger_id="1.2.3", request_id="PR-7F3K"
    )
    assert read.place.thread_ts == ""


def test_button_of_a_strangers_hand_carries_the_strangers_team() -> None:
    """Whoever presses in a shared channel is told apart by the team."""
    read = payloads.button(pressed(user={"id": "U0STAN", "team_id": "T0OTHER"}), at=0)

    assert read.person.team_id == "T0OTHER"


@pytest.mark.parametrize(
    ("thread_ts", "place"), [("5.6", ""), ("4.0", "4.0")], ids=["its-own", "anothers"]
)
def test_button_on_a_threads_root_stands_beside_the_thread(thread_ts: str, place: str) -> None:
    """Slack names a root as its own thread; answers to its buttons belong into the channel."""
    container = {"message_ts": "5.6", "channel_id": "C0OPS", "thread_ts": thread_ts}

    assert payloads.button(pressed(container=container), at=0).place.thread_ts == place


@pytest.mark.parametrize(
    "actions",
    [
        [],
        [{"action_id": "other"}],
        [{"action_id": "pb:launch"}],
        [{"action_id": "pb:page.after", "value": "two web*"}],
        [{"value": "PR-7F3K"}],
    ],
    ids=["none", "foreign", "unknown", "bad-page", "no-id"],
)
def test_button_that_isn_t_ours_is_unreadable(actions: list[dict[str, str]]) -> None:
    """Nothing is guessed from a button that we never made."""
    with pytest.raises(payloads.Unreadable):
        payloads.button(pressed(actions=actions), at=0)


def test_form_carries_what_was_typed() -> None:
    """The form's kind, its request's id and the one input."""
    view = {
        "id": "V1",
        "hash": "h1",
        "callback_id": "pb:confirm_count",
        "private_metadata": "PR-7F3K",
        "state": {"values": {"count": {"count": {"value": " 19 "}}}},
    }

    read = submissions.form({"team": TEAM, "user": USER, "view": view}, at=0)

    assert read.input == inputs.FormSent(
        do=inputs.Form.CONFIRM_COUNT, request_id="PR-7F3K", count="19"
    )
    assert read.key == "form:V1:h1"


@pytest.mark.parametrize("callback_id", ["", "confirm_count", "pb:other"])
def test_form_that_isn_t_ours_is_unreadable(callback_id: str) -> None:
    """A foreign form is left alone."""
    body = {"team": TEAM, "user": USER, "view": {"id": "V1", "callback_id": callback_id}}

    with pytest.raises(payloads.Unreadable):
        submissions.form(body, at=0)


@pytest.mark.parametrize(
    ("body", "team"),
    [
        ({"team": {"id": "T1"}}, "T1"),
        ({"team_id": "T2"}, "T2"),
        ({"team": None, "enterprise": {"id": "E1"}}, ""),
        ({"team": {"id": 7}}, ""),
    ],
)
def test_workspace_is_read_from_wherever_slack_puts_it(body: Mapping[str, Any], team: str) -> None:
    """Interactions nest the team, commands and events don't; none is no team of ours."""
    assert envelope.read(body).workspace == team


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("body", [{}, {"user": None, "team": 3, "view": [], "event": "x"}])
def test_nonsense_is_unreadable_and_never_another_error(kind: str, body: dict[str, Any]) -> None:
    """A payload that isn't what it should be is told apart from a bug."""
    with pytest.raises(payloads.Unreadable) as refused:
        READERS[kind](body, at=0)

    assert "input_value" not in str(refused.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(["team", "user", "actions", "container", "view", "event", "text", "channel"])


@given(st.sampled_from(sorted(READERS)), st.dictionaries(KEYS, JSON))
def test_no_payload_breaks_a_reader(kind: str, part: dict[str, Any]) -> None:
    """Whatever comes in a known key, the reader reads or refuses."""
    whole = {**pressed(), **mentioned(), "callback_id": "x", **part}

    with contextlib.suppress(payloads.Unreadable):
        READERS[kind](whole, at=0)


@pytest.mark.parametrize("part", ["<https://", "<@U1|", "<@U1|<https://a|"])
def test_a_long_message_is_read_in_linear_time(part: str) -> None:
    """A message shortcut brings a whole message; a quadratic search of this would take minutes."""
    body = {
        "type": "message_action",
        "callback_id": "power_from_message",
        "user": {"id": "U1", "team_id": "T1"},
        "team": {"id": "T1"},
        "channel": {"id": "C1"},
        "message": {"ts": "1.2", "text": part * (300_000 // len(part))},
        "trigger_id": "t",
        "action_ts": "1.2",
    }
    began = time.thread_time()
    payloads.shortcut(body, at=0.0)
    assert time.thread_time() - began < 3

"""What older versions have queued is still told, and what is queued now reads the same to them."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from bot.power import missing_access, ports
from bot.power.causes import Cause, Late
from bot.power.lifecycle import ServerState, State
from bot.power.messages import decisions, messages, running
from bot.storage.store import Store
from bot.storage.tables import stored_json
from tests import bodies
from tests.storage import builders, goldens

HEAD = "ab" * 32
LACKS = {"lack": "group", "code": "no_such_subteam", "what": "S0ONCALL", "group": "dc-ops"}
ASK = {"ask": {"sre": ["U0SAM"], "dc-ops": ["U0ROSA", "S0ONCALL"]}, "missing": [LACKS]}
CALLED = {"ask": {"sre": ["U0SAM"]}, "missing": ()}
PROOF: dict[str, Any] = {"seq": 12, "head": HEAD, "seal": "1a2b3c4d"}
FREEZE = {"holder": "U0ROSA", "reason": "cooling", "since": 1.5, "until": 0.0}
# As the steps of the version before messages had types have stored them.
BEFORE: list[dict[str, Any]] = [
    {"event": "asked", **ASK},
    {"event": "reminder", "ask": {}, "missing": []},
    {"event": "escalated", **ASK},
    {"event": "nudged", "user": "U0DANA", **ASK},
    {"event": "approved", "user": "U0SAM", "group": "sre", "comment": "", "summary": "1 of 1"},
    {"event": "approval_lost", "users": ["U0SAM"], "reason": "guest"},
    {"event": "commented", "user": "U0SAM", "comment": "机房 is cool"},
    *(
        {"event": event, "reason": "wrong rack", **PROOF, "user": "U0SAM"}
        for event in ("denied", "cancelled", "stopped")
    ),
    *({"event": event, "reason": "late", **PROOF} for event in ("expired", "refused", "void")),
    {"event": "expired"},
    {"event": "break_glass", "user": "U0DANA", "reason": "fire", "review_by": 9.5, **ASK},
    {"event": "review_reminder", "user": "U0DANA", "review_by": 9.5, **ASK},
    {"event": "review_overdue", "user": "U0DANA", "review_by": 9.5, **ASK},
    {"event": "reviewed", "user": "U0ROSA", "comment": "all well"},
    {"event": "held", "reason": "held by freeze", "freezes": [FREEZE]},
    {"event": "held", "reason": "Slack can't say", "freezes": []},
    {"event": "started", "total": 3, "waves": [1, 2]},
    {"event": "stop_asked", "user": "U0SAM", "reason": ""},
    {"event": "looking_up", "user": "U0SAM", "verb": "stop"},
    {"event": "not_looked_up", "user": "U0SAM", "verb": "deny"},
    {
        **{"event": "wave_over", "wave": 1, "steps": [{"name": "drain", "kind": "kubernetes"}]},
        **{"counts": {"proven": 5}, "back": 4, "left": ["web07"]},
    },
    {"event": "put_back", "step": "drain", "kind": "kubernetes", "names": ["web07"]},
    {"event": "seal_broken", "reason": "its record was changed"},
    {"event": "ended", "state": "partial", **PROOF, "began_at": 1.5},
    {
        **{"event": "left_dark", "names": ["web01"], "off": [], "why": "last seen off"},
        **{"state": "unknown", "cause": "left out", "mention": ["U0DANA"]},
    },
    {"event": "late", "late": "went off", "names": ["web01"], "mention": ["U0DANA"]},
    {"event": "looked_enough", "names": ["web01"], "mention": ["U0DANA"]},
    {"event": "card_refused", "why": "not_in_channel"},
]
# As the steps make them now.
NOW = [
    decisions.Asked(**CALLED),
    decisions.Approved(user="U0SAM", group="sre", comment="half \ud800", summary="1 of 1"),
    decisions.closed(State.DENIED, user="U0SAM", reason="no\0", **PROOF),
    decisions.closed(State.EXPIRED),
    running.Held(reason="x", freezes=(ports.Freeze("U", "fire", 1.0),)),
    running.Started(total=3, waves=(1, 2)),
    running.SeenLate(late=Late.DONE, names=["web01"], mention=["U0DANA"]),
]


@pytest.mark.parametrize("body", BEFORE, ids=lambda body: body["event"])
def test_a_body_of_before_is_read_whole_and_written_the_same(body: dict[str, Any]) -> None:
    """Nothing of it is lost, so that either version tells what the other has queued."""
    said = bodies.message(body)

    assert not isinstance(said, messages.Unknown)
    assert bodies.of(said) == body


def test_no_event_of_before_has_lost_its_model() -> None:
    """A row of an older version may still wait, and one of a backup."""
    events = {one.model_fields["event"].default for one in get_args(messages.Message)}

    assert {body["event"] for body in BEFORE} <= events


def test_what_a_released_version_has_queued_is_read() -> None:
    """Every message of its database, as that version has made it."""
    told = [json.loads(row["body"]) for row in goldens.rows("0001")["outbox"]]
    read = [bodies.message(body) for body in told if body]

    assert read
    assert [bodies.of(said) for said in read] == [body for body in told if body]
    assert not any(isinstance(said, messages.Unknown) for said in read)


def test_values_of_a_body_are_values() -> None:
    """Not the words that stand for them."""
    dark = bodies.message({"event": "left_dark", "state": "unknown", "cause": "left out"})
    asked = bodies.message({"event": "asked", **ASK})

    assert isinstance(dark, running.LeftDark)
    assert (dark.state, dark.cause, dark.off) == (ServerState.UNKNOWN, Cause.LEFT_OUT, None)
    assert isinstance(asked, decisions.Asked)
    assert asked.missing == (
        missing_access.Missing(missing_access.Lack.GROUP, "no_such_subteam", "S0ONCALL", "dc-ops"),
    )


@pytest.mark.parametrize(
    ("body", "event", "reason"),
    [
        ({"event": "newest", "reason": "a newer version knows why"}, "newest", "a newer"),
        ({"event": "late", "late": "hovers"}, "late", ""),
        ({"event": ["asked"]}, "['asked']", ""),
        ({}, "", ""),
    ],
)
def test_a_body_that_only_a_newer_version_can_read_is_told_as_far_as_it_goes(
    body: dict[str, Any], event: str, reason: str
) -> None:
    """By its event and its reason."""
    said = bodies.message(body)

    assert isinstance(said, messages.Unknown)
    assert said.event == event
    assert said.reason.startswith(reason)


@pytest.mark.parametrize(
    "body",
    [
        {"event": "left_dark", "names": ["web01"], "state": "hovering", "cause": "gremlins"},
        {"event": "asked", "ask": {"sre": ["U"]}, "missing": [{"lack": "moon"}, 3]},
        {"event": "ended", "state": "exploded", "seq": 3, "head": "ab", "new": {"x": 1}},
    ],
)
def test_a_new_word_in_a_known_body_leaves_the_rest_of_it(body: dict[str, Any]) -> None:
    """Bad news above all must not be lost for it."""
    assert not isinstance(bodies.message(body), messages.Unknown)


@pytest.mark.parametrize("said", NOW, ids=lambda said: said.event)
async def test_a_message_comes_out_of_the_store_as_it_went_in(
    store: Store, said: messages.Message
) -> None:
    """On both databases, whatever people have typed."""

    def work(tx: ports.Tx) -> None:
        tx.create(builders.a_request(card=ports.Card("C0OPS", "1.1")), source_key="k")
        tx.say("PR-2222", "reply", said, key="k", at=10.0)

    await store.write(work)

    (found,) = [one for one in await store.due_messages(now=11.0) if one.kind == "reply"]
    assert found.said == said
    assert stored_json.written_message(said).isascii()

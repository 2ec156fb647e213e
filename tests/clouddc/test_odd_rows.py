"""Records in other shapes than the documented one: nothing unreadable reads as harmless."""

from __future__ import annotations

import json

import pytest

from bot.clouddc import wire
from bot.power.server import Power, RecordPart, Server

ID = "01939592-e8fe-7d9b-9332-000000000001"
WHOLE = {
    "id": ID,
    "name": "web01",
    "manage_state": "in-use",
    "power_state": "on",
    "operation_state": "power-on-succeed",
    "frozen_state": 0,
    "health_state": "OK",
    "location": {"dc": "A", "rack": "R1", "unit": "7"},
    "hardware_attributes": {"sn": "S1", "model": "M"},
    "tags": [{"key": "powerbot", "value": "never"}],
}


def read(**changes: object) -> Server:
    """Return the record with some members changed; `...` leaves one out."""
    record = {key: value for key, value in {**WHOLE, **changes}.items() if value is not ...}
    (found,) = wire.page(json.dumps({"servers": [record]}).encode()).servers
    assert wire.record(json.dumps(record).encode(), found.id) == found
    return found


def test_reader_finds_nothing_unread_in_a_whole_record() -> None:
    """The documented shape, and what an older release leaves out."""
    assert read().unread == ()
    assert read(frozen_state=..., operation_state=..., health_state=...).unread == ()
    assert read(operation_state=None).unread == ()
    assert read(tags=[], location={}).unread == ()
    assert read(tags=[{"key": "a"}, {"key": "b", "value": None}]).unread == ()
    assert (
        read(tags=[{"key": "a", "more": None}, {"key": "b", "value": "", "more": 1}]).unread == ()
    )


NEVER = ("powerbot", "never")


@pytest.mark.parametrize(
    ("tags", "pairs", "clear"),
    [
        (["powerbot=never"], [NEVER], True),
        (["powerbot = never", "spare"], [NEVER, ("spare", "")], True),
        ([{"Key": "powerbot", "Value": "never"}], [NEVER], True),
        ([{"key": "count", "value": 7}], [("count", "7")], True),
        ([{"key": "keep", "value": True}], [("keep", "true")], True),
        ([{"key": 7, "value": "x"}], [("7", "x")], True),
        ([None, {"key": "powerbot", "value": "never"}], [NEVER], False),
        (["powerbot:never"], [NEVER], False),
        ([{"powerbot": "never"}], [NEVER], False),
        ([{"key": "powerbot", "values": ["never"]}], [("key", "powerbot")], False),
        ([{"key": "powerbot", "val": "never"}], [("key", "powerbot"), ("val", "never")], False),
        ([{"key": "powerbot", "value": None, "x": ["never"]}], [("key", "powerbot")], False),
        ([{"key": "powerbot", "Value": "never"}], [NEVER], True),
        ([["powerbot", "never"]], [NEVER], False),
        ({"powerbot": "never"}, [NEVER], False),
        ("powerbot=never,env=prod", [NEVER, ("env", "prod")], False),
        ([{"key": "powerbot", "value": {"a": 1}}], [("key", "powerbot")], False),
        ([{"value": "never"}], [("value", "never")], False),
        ([[]], [], False),
        ([7], [], False),
        ([""], [], False),
        (None, [], False),
        (..., [], False),
        (7, [], False),
    ],
)
def test_reader_keeps_the_tags_that_can_be_read(
    tags: object, pairs: list[tuple[str, str]], clear: bool
) -> None:
    """What isn't clear is kept as a guess, and marked."""
    found = read(tags=tags)

    assert list(found.tags) == pairs
    assert (RecordPart.TAGS not in found.unread) == clear


@pytest.mark.parametrize(
    ("changes", "unread"),
    [
        ({"frozen_state": "frozen"}, RecordPart.FROZEN),
        ({"frozen_state": None}, RecordPart.FROZEN),
        ({"frozen_state": {}}, RecordPart.FROZEN),
        ({"frozen_state": 0.5}, RecordPart.FROZEN),
        ({"manage_state": None}, RecordPart.MANAGED),
        ({"manage_state": ...}, RecordPart.MANAGED),
        ({"name": ...}, RecordPart.NAME),
        ({"name": ""}, RecordPart.NAME),
        ({"name": ["web01"]}, RecordPart.NAME),
        ({"location": "R1"}, RecordPart.RACK),
        ({"location": ...}, RecordPart.ROOM),
        ({"location": {"rack": {"name": "R1"}}}, RecordPart.RACK),
        ({"location": {"dc": None}}, RecordPart.ROOM),
        ({"hardware_attributes": None}, RecordPart.SN),
        ({"hardware_attributes": {"sn": []}}, RecordPart.SN),
        ({"health_state": {"level": 1}}, RecordPart.HEALTH),
        ({"operation_state": {"code": 7}}, RecordPart.OPERATION),
    ],
)
def test_reader_names_what_it_cannot_read(changes: dict[str, object], unread: RecordPart) -> None:
    """The other parts are read all the same."""
    found = read(**changes)

    assert unread in found.unread
    assert found.tags == (NEVER,)
    assert found.id == ID


def test_server_with_an_unreadable_state_is_not_taken_for_ready() -> None:
    """Neither not frozen, nor in use, nor at rest."""
    assert not read(frozen_state="frozen").ready
    assert not read(manage_state={}).ready
    assert read(frozen_state="0").ready
    assert not read(frozen_state="3").ready
    assert read(operation_state=[]).power is Power.UNKNOWN
    assert read(operation_state="POWER-OFF-PROCESSING").power is Power.CHANGING
    assert read().ready

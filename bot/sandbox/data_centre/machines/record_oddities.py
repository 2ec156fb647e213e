"""Records in shapes that the API's pages don't have, as services of many releases send them."""

import enum
from collections.abc import Callable

Record = dict[str, object]


class RecordOddity(enum.StrEnum):
    """What is odd about one server's record."""

    NULL_AMONG_TAGS = "null-among-tags"
    TAGS_AS_TEXTS = "tags-as-texts"
    TAGS_AS_OBJECT = "tags-as-object"
    TAGS_OF_ONE_MEMBER = "tags-of-one-member"
    TAGS_OF_LISTS = "tags-of-lists"
    TAG_WITHOUT_KEY = "tag-without-key"
    TAGS_NULL = "tags-null"
    TAGS_MISSING = "tags-missing"
    FROZEN_WORD = "frozen-word"
    FROZEN_NULL = "frozen-null"
    MANAGE_STATE_NULL = "manage-state-null"
    LOCATION_TEXT = "location-text"
    RACK_OBJECT = "rack-object"
    NAME_NULL = "name-null"
    OPERATION_OBJECT = "operation-object"


def distorted(record: Record, oddity: RecordOddity | None) -> Record:
    """Return the record in its odd shape."""
    if oddity is RecordOddity.TAGS_MISSING:
        return {key: value for key, value in record.items() if key != "tags"}
    if oddity is None:
        return record
    key, change = _CHANGES[oddity]
    return {**record, key: change(record.get(key))}


def _pairs(tags: object) -> list[tuple[str, str]]:
    return [(tag["key"], tag["value"]) for tag in tags] if isinstance(tags, list) else []


_CHANGES: dict[RecordOddity, tuple[str, Callable[[object], object]]] = {
    RecordOddity.NULL_AMONG_TAGS: ("tags", lambda tags: [None]),
    RecordOddity.TAGS_AS_TEXTS: ("tags", lambda tags: [f"{k}={v}" for k, v in _pairs(tags)]),
    RecordOddity.TAGS_AS_OBJECT: ("tags", lambda tags: dict(_pairs(tags))),
    RecordOddity.TAGS_OF_ONE_MEMBER: ("tags", lambda tags: [{k: v} for k, v in _pairs(tags)]),
    RecordOddity.TAGS_OF_LISTS: ("tags", lambda tags: [[k, v] for k, v in _pairs(tags)]),
    RecordOddity.TAG_WITHOUT_KEY: ("tags", lambda tags: [{"value": v} for _, v in _pairs(tags)]),
    RecordOddity.TAGS_NULL: ("tags", lambda tags: None),
    RecordOddity.FROZEN_WORD: ("frozen_state", lambda state: "frozen"),
    RecordOddity.FROZEN_NULL: ("frozen_state", lambda state: None),
    RecordOddity.MANAGE_STATE_NULL: ("manage_state", lambda state: None),
    RecordOddity.LOCATION_TEXT: ("location", lambda place: "R12"),
    RecordOddity.RACK_OBJECT: ("location", lambda place: {"dc": "dc-a", "rack": {"name": "R1"}}),
    RecordOddity.NAME_NULL: ("name", lambda name: None),
    RecordOddity.OPERATION_OBJECT: ("operation_state", lambda word: {"code": 7}),
}

"""Answers are read leniently, whatever the generation of the API, and refusals in all forms."""

from __future__ import annotations

import json

import httpx
import pytest

from bot.clouddc import error_answers, rows, wire
from bot.power import errors
from bot.power.server import RecordPart, Server

from .builders import START, page, row, server_id

ONE, TWO = server_id(1), server_id(2)


def read(*rows: object, **members: object) -> wire.ListPage:
    """A page with these rows, read as one that was asked for with the largest limit."""
    body = json.dumps({"servers": rows} | members).encode()
    return wire.page(body)


def answer(status: int, body: bytes, **headers: str) -> wire.HttpAnswer:
    """An answer as it comes from the network."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return wire.HttpAnswer(status, httpx.Headers(named), body)


@pytest.mark.parametrize("told", [TWO, ONE.upper(), f"{ONE} ", ""])
def test_answer_to_a_single_read_is_of_the_server_that_was_asked_for(told: str) -> None:
    """Any other is no answer, and doesn't say that the server is gone."""
    with pytest.raises(wire.UnreadableAnswer):
        wire.record(json.dumps(row(1, id=told)).encode(), ONE)


def test_record_becomes_a_server_with_all_its_fields() -> None:
    """Nested members are found, and the vendor's error is one text."""
    failed = {"error_code": "iMetal.1", "error_msg": "Fan\nstopped", "error_type": "x"}

    found = wire.record(json.dumps(row(1, error=failed, onboard_time="2026")).encode(), ONE)

    assert found == Server(
        id=ONE,
        name="web01",
        power_state="on",
        operation_state="power-on-succeed",
        health_state="OK",
        sn="SN1",
        dc="A1",
        rack="R12",
        unit="7",
        model="2288H",
        tags=(("env", "prod"),),
        error="iMetal.1: Fan stopped",
    )


def test_record_keeps_words_that_nobody_knows() -> None:
    """New enum words are shown as they come."""
    (found,) = read(row(1, power_state="hibernating", operation_state="melt-processing")).servers

    assert (found.power_state, found.operation_state) == ("hibernating", "melt-processing")


def test_record_with_strange_members_still_names_its_server() -> None:
    """What is of the wrong kind is named as unread; numbers in texts' places are taken."""
    strange = row(1, power_state={}, location=None, tags=[{"key": 7}], error=[], name=None)

    (found,) = read(strange | {"frozen_state": "many", "hardware_attributes": {"sn": 4711}}).servers

    assert found == Server(
        id=ONE, name="", operation_state="power-on-succeed", health_state="OK",
        sn="4711", tags=(("7", ""),),
        unread=(RecordPart.NAME, RecordPart.FROZEN, RecordPart.ROOM, RecordPart.RACK),
    )  # fmt: skip


def test_row_without_an_id_is_counted_and_hides_nobody() -> None:
    """One bad record costs one record."""
    found = read(row(1), {"name": "nobody"}, "text", row(2))

    assert [one.id for one in found.servers] == [ONE, TWO]
    assert found.unreadable == 2


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"servers": 7}', b"\x1f\x8b{", b"[" * 99999])
def test_page_that_is_none_is_unreadable(body: bytes) -> None:
    """Anything but a list of servers is refused."""
    with pytest.raises(wire.UnreadableAnswer):
        wire.page(body)


@pytest.mark.parametrize(
    ("given", "rows", "expected"),
    [
        (TWO, [1], TWO),
        (f"https://elsewhere.invalid/v1/p/physicalservers?limit=9&marker={TWO}", [1], TWO),
        ("https://elsewhere.invalid/?marker=nonsense", [1], ""),
        ("https://[bad", [1], ""),
        ("next", [2, 1], ""),
        ("", [2, 1], ""),
        (None, [], ""),
        (TWO, [], TWO),
    ],
    ids=["id", "url", "url-without-id", "no-url", "word", "none", "empty", "empty-with-marker"],
)  # fmt: skip
def test_page_says_where_the_next_one_starts(
    given: str | None, rows: list[int], expected: str
) -> None:
    """An id, or an address that holds one; anything else says nothing."""
    body = json.dumps(page(*rows, next_marker=given)).encode()

    found = wire.page(body)

    assert found.next_marker == expected
    assert found.last_id == (server_id(rows[-1]) if rows else "")


def test_accepted_ids_are_read_and_references_are_counted() -> None:
    """An id may be a text or the vendor's unresolved reference, which names nobody."""
    entries = [{"id": ONE}, {"id": {"$ref": "#/definitions/UUID"}}, {"id": "web01"}, TWO, 7]
    body = json.dumps({"physical_servers": entries}).encode()

    found = wire.accepted(answer(200, body), "req")

    assert found.server_ids == {ONE, TWO}
    assert (found.unidentified, found.request_id) == (3, "req")


def test_fleet_status_folds_the_spellings_of_bad_health() -> None:
    """`unHealth` and `unhealth` are one word."""
    body = json.dumps(
        {
            "server_status": {
                "unHealth": {"count": 2, "dc_stats": {"A1": 2}},
                "total": {"count": 9},
            },
            "server_power_status": {"on": 7, "off": 1, "unknown": 1},
            "server_manage_state": {"in-use": 9},
        }
    ).encode()

    found = wire.fleet_status(body)

    assert found.health == {"unhealth": 2, "total": 9}
    assert found.power == {"on": 7, "off": 1, "unknown": 1}
    assert found.manage == {"in-use": 9}


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b'{"error_code": "iMetal.0005", "error_msg": "Too many."}', "iMetal.0005", "Too many."),
        (b'{"error_code": "APIGW.0308", "error_msg": "limit:9"}', "APIGW.0308", "limit:9"),
        (b'{"error": {"code": 401, "title": "Bad", "message": "No."}}', "Bad", "No."),
        (b'"Too many requests"', "", "Too many requests"),
        (b"Too many requests", "", "Too many requests"),
        (b"<html><head><title>502 Bad</title></head></html>", "", "502 Bad"),
        (b"<html>", "", ""),
        (b"[1, 2]", "", ""),
        (b"", "", ""),
        (b"\xff\xfe", "", "\ufffd\ufffd"),
    ],
    ids=[
        "object", "gateway", "iam", "string", "text", "html", "bare-html", "list", "empty", "bytes",
    ],
)  # fmt: skip
def test_complaint_is_read_in_every_form(body: bytes, code: str, message: str) -> None:
    """JSON objects, JSON strings, plain text and HTML pages all say something."""
    found = error_answers.complaint(answer(429, body))

    assert (found.code, found.message) == (code, message)


def test_complaint_is_cleaned_and_cut() -> None:
    """Control, invisible and direction characters go, lines become one, length is bounded."""
    text = "a\r\nb\x1b[2J\u202ec\u200b " + "x" * 500

    found = error_answers.complaint(answer(400, json.dumps({"error_msg": text}).encode()))

    assert found.message.startswith("a b [2J c x")
    assert len(found.message) == rows.LONGEST_TEXT


def test_complaint_drops_the_echoed_canonical_request() -> None:
    """What the gateway echoes after a bad signature, and the access key, don't go on."""
    text = "verify aksk signature fail, canonicalRequest:PUT\n/v1/p/\nx-security-token:SECRET"
    body = json.dumps({"error_code": "APIGW.0301", "error_msg": text, "request_id": "r-9"})
    unknown_key = b'{"error_msg": "Get secretKey failed,ak:AKSECRET,err:ak not exist"}'

    found = error_answers.error_for(answer(401, body.encode()), (), now=START)

    assert str(found) == "verify aksk signature fail"
    assert found.request_id == "r-9"
    assert "AKSECRET" not in error_answers.complaint(answer(401, unknown_key)).message


def test_complaint_of_hostile_length_costs_little() -> None:
    """Long runs of what the patterns look for are read in linear time."""
    for piece in (b" ", b"[", b"<title", b"ak:", b"canonical", b"[" + ONE.encode()):
        assert (
            len(error_answers.complaint(answer(400, piece * 60_000)).message) <= rows.LONGEST_TEXT
        )


def test_named_ids_are_those_in_brackets_that_were_asked_for() -> None:
    """Ids of others and ids outside brackets aren't ours to set aside; a long list isn't cut."""
    many = [server_id(number) for number in range(50)]
    text = f"request {TWO}: not found: [{', '.join(reversed(many))}, {server_id(99)}]"
    body = json.dumps({"error_code": "iMetal.0100", "error_msg": text}).encode()

    found = error_answers.error_for(answer(404, body), many[:49], now=START)

    assert isinstance(found, errors.UnknownServers)
    assert found.server_ids == tuple(reversed(many[:49]))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Retry_After": "7"}, 7.0),
        ({"Retry_After": "0"}, 0.0),
        ({"Retry_After": "99999999999999999999"}, 300.0),
        ({"Retry_After": "-5"}, None),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "Fri, 15 Jan 2027 08:00:10 GMT"}, 10.0),
        ({"Retry_After": "Fri, 15 Jan 2027 08:00:10"}, 10.0),
        ({"Retry_After": "Thu, 01 Jan 2026 03:04:15 GMT"}, 0.0),
        ({"Retry_After": "Sat, 16 Jan 2027 08:00:10 GMT"}, 300.0),
        (
            {
                "Retry_After": "Fri, 02 Jan 2026 04:00:20 GMT",
                "Date": "Fri, 02 Jan 2026 04:00:00 GMT",
            },
            20.0,
        ),
    ],
    ids=[
        "none", "seconds", "zero", "huge", "negative", "word", "date", "date-without-zone", "past",
        "far", "by-the-answers-date",
    ],
)  # fmt: skip
def test_retry_after_is_read_in_both_forms(headers: dict[str, str], expected: float | None) -> None:
    """Seconds or a date, never negative, never more than five minutes."""
    assert error_answers.retry_after_s(answer(429, b"", **headers).headers, now=START) == expected


def test_request_id_comes_from_the_header_first_and_is_a_plain_word() -> None:
    """The header wins over the body; anything that isn't an id is dropped."""
    body = b'{"request_id": "from-body"}'

    assert error_answers.request_id(answer(400, body, X_Request_Id="from-header")) == "from-header"
    assert error_answers.request_id(answer(400, body)) == "from-body"
    assert error_answers.request_id(answer(400, b"{}", X_Request_Id="no id <b>")) == ""

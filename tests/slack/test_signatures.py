"""Whatever comes without Slack's signature is refused, said shortly, and counted."""

from __future__ import annotations

import hashlib
import hmac
import time

import aiohttp
import pytest
from multidict import CIMultiDict

from bot.slack.door import signed_posts, turned_away
from bot.slack.door.turned_away import Check
from tests.slack.conftest import Side

SECRET = "0123456789abcdef"
NOW = 1_794_300_000.0
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
BODY = b"command=%2Fpower&team_id=T0DEMO&user_id=U0DANA&channel_id=C0OPS&trigger_id=1&text=list"


def sign(body: bytes, stamp: str, secret: str = SECRET) -> str:
    """Return Slack's signature of a body."""
    signed = b"v0:" + stamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def headers(*stamps: str, body: bytes = BODY, signature: str | None = None) -> CIMultiDict[str]:
    """Return a request's headers, signed where nothing else is given."""
    made = CIMultiDict((signed_posts.TIMESTAMP, stamp) for stamp in stamps)
    given = sign(body, stamps[0] if stamps else "") if signature is None else signature
    if given:
        made.add(signed_posts.SIGNATURE, given)
    return made


@pytest.mark.parametrize(
    ("stamps", "signature", "check", "off_s"),
    [
        ((), None, Check.TIMESTAMP_MISSING, 0),
        (("1794300000",), "", Check.SIGNATURE_MISSING, 0),
        (("now",), None, Check.TIMESTAMP_UNREADABLE, 0),
        (("",), None, Check.TIMESTAMP_UNREADABLE, 0),
        (("-1794300000",), None, Check.TIMESTAMP_UNREADABLE, 0),
        (("1794300000.5",), None, Check.TIMESTAMP_UNREADABLE, 0),
        (("1_794_300_000",), None, Check.TIMESTAMP_UNREADABLE, 0),
        (("９",), None, Check.TIMESTAMP_UNREADABLE, 0),
        (("9" * 5000,), None, Check.TIMESTAMP_UNREADABLE, 0),
        (("1794299000",), None, Check.TIMESTAMP_OLD, 1000),
        (("0",), None, Check.TIMESTAMP_OLD, 1_794_300_000),
        (("1794300400",), None, Check.TIMESTAMP_AHEAD, 400),
        (("1794300000", "1794300000"), None, Check.HEADER_TWICE, 0),
        (("1794300000",), "v0=é", Check.SIGNATURE_DIFFERS, 0),
        (("1794300000",), "v0=\udc80", Check.SIGNATURE_DIFFERS, 0),
        (("1794300000",), "v1=" + "0" * 64, Check.SIGNATURE_DIFFERS, 0),
    ],
)
def test_a_request_that_slack_has_not_signed_is_refused_by_its_check(
    stamps: tuple[str, ...], signature: str | None, check: Check, off_s: int
) -> None:
    """The log and the metrics say which check, and how far off a clock is."""
    found = signed_posts.refusal(
        SECRET, headers(*stamps, signature=signature), BODY, instants=[NOW]
    )

    assert found == signed_posts.PostRefusal(check, off_s)


@pytest.mark.parametrize("stamp", ["1794300000", "1794299700", "1794300300"])
def test_a_request_that_slack_has_signed_lately_passes(stamp: str) -> None:
    """Five minutes either way, as Slack says."""
    assert signed_posts.refusal(SECRET, headers(stamp), BODY, instants=[NOW]) is None


@pytest.mark.parametrize(("age_s", "status"), [(0, 200), (-3600, 200), (1800, 401), (-1800, 401)])
async def test_a_press_is_heard_while_the_wall_is_set_wrongly(
    over_http: Side, http: aiohttp.ClientSession, age_s: int, status: int
) -> None:
    """By the clock that nobody sets, or by the wall; what is old by both is refused."""
    stamp = str(int(over_http.clock.now()) - age_s)
    over_http.clock.set_s = 3600.0
    secret = over_http.workspace.app.signing_secret
    signed = headers(stamp, signature=sign(BODY, stamp, secret))
    signed.add("Content-Type", FORM)

    async with http.post(over_http.request_url, data=BODY, headers=signed) as answer:
        assert answer.status == status


@pytest.mark.parametrize("other", [BODY + b"x", b"", b"\xff" + BODY])
def test_a_body_that_was_not_signed_is_refused(other: bytes) -> None:
    """One letter makes it another request."""
    found = signed_posts.refusal(SECRET, headers("1794300000"), other, instants=[NOW])

    assert found == signed_posts.PostRefusal(Check.SIGNATURE_DIFFERS)


def test_a_flood_of_one_check_is_one_line_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    """An hour of ten thousand a minute stays far below 100 KB, and every one is counted."""
    clock = [0.0]
    away = turned_away.TurnedAway(lambda: clock[0])

    for minute in range(60):
        clock[0] = minute * 60.0
        for _ in range(10_000):
            away.note(Check.SIGNATURE_DIFFERS, off_s=0)

    said = capsys.readouterr()
    lines = (said.out + said.err).splitlines()
    assert away.counts[Check.SIGNATURE_DIFFERS] == 600_000
    assert len(lines) == 60
    assert sum(map(len, lines)) < 20_000
    assert "10000" in lines[5]


async def answered(
    http: aiohttp.ClientSession,
    side: Side,
    body: bytes,
    extra: dict[str, str],
    *,
    ours: bool = True,
) -> int:
    """Post a body that is signed unless the headers say otherwise; return the status."""
    stamp = str(int(time.time()))
    signed = sign(body, stamp, side.workspace.app.signing_secret)
    usual = {signed_posts.TIMESTAMP: stamp, signed_posts.SIGNATURE: signed, "Content-Type": FORM}
    sent = {**(usual if ours else {}), **extra}
    async with http.post(side.request_url, data=body, headers=sent) as answer:
        assert "Traceback" not in await answer.text()
        return answer.status


@pytest.mark.parametrize(
    "extra",
    [
        {signed_posts.TIMESTAMP: "now"},
        {signed_posts.TIMESTAMP: "-1"},
        {signed_posts.TIMESTAMP: "9" * 4000},
        {signed_posts.TIMESTAMP: "1e9"},
        {signed_posts.SIGNATURE: "v0=é"},
        {signed_posts.SIGNATURE: ""},
        {"Content-Type": "application/json; charset=no-such-thing", signed_posts.TIMESTAMP: "1"},
        {"Content-Type": ";;;", signed_posts.TIMESTAMP: "x"},
        {"Content-Encoding": "gzip", signed_posts.TIMESTAMP: "x"},
    ],
)
async def test_an_unsigned_request_is_401_and_never_500(
    over_http: Side, http: aiohttp.ClientSession, extra: dict[str, str]
) -> None:
    """Whoever can reach the address learns nothing, and changes nothing."""
    assert await answered(http, over_http, BODY, extra, ours=True) == 401
    assert over_http.store.inbox == {}


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe",
        b'{"ssl_check":"1","team":5,"user":7,"event":9}',
        b'{"ssl_check":"1","authorizations":[1],"enterprise":[]}',
        b"{" * 3000,
        b"ssl_check=1&payload=x",
        b'ssl_check=1&payload={"team":{"id":[]}}',
        b"",
    ],
)
async def test_an_unsigned_body_of_any_kind_is_never_500(
    over_http: Side, http: aiohttp.ClientSession, body: bytes
) -> None:
    """A look at the certificate may come unsigned, so what looks like one is read, with care."""
    assert await answered(http, over_http, body, {}, ours=False) in (200, 400, 401)
    assert over_http.store.inbox == {}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe", FORM),
        (b"{", JSON),
        (b"[1]", JSON),
        (b"payload=%7B", FORM),
        (b"payload=[]", FORM),
        (
            b'{"type":"event_callback","event":7,"team_id":[],"authorizations":{}}',
            JSON,
        ),
        (b'payload={"type":"block_actions","actions":5,"team":7,"user":[]}', FORM),
        (b"", FORM),
        (b"%", "text/plain; charset=utf-16"),
    ],
)
async def test_a_signed_body_that_makes_no_sense_is_never_500(
    over_http: Side, http: aiohttp.ClientSession, body: bytes, kind: str
) -> None:
    """Bolt takes parts of a body for granted."""
    status = await answered(http, over_http, body, {"Content-Type": kind}, ours=True)

    assert status == 200 or 400 <= status < 500
    assert over_http.store.inbox == {}


async def test_refusals_are_counted_by_check(over_http: Side, http: aiohttp.ClientSession) -> None:
    """An operator sees a clock that is off, and a secret that is wrong."""
    old = str(int(time.time()) - 1000)
    await answered(http, over_http, BODY, {signed_posts.TIMESTAMP: old}, ours=True)
    await answered(http, over_http, BODY, {signed_posts.SIGNATURE: "v0=0"}, ours=True)
    await answered(http, over_http, BODY, {signed_posts.SIGNATURE: "v0=1"}, ours=True)

    counts = over_http.bolt.turned_away.counts
    assert (counts[Check.TIMESTAMP_OLD], counts[Check.SIGNATURE_DIFFERS]) == (1, 2)

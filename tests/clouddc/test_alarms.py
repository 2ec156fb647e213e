"""Alarms are read in one call; what can't be read pauses nothing and is no surprise."""

from __future__ import annotations

import datetime
import email.utils
import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.clouddc import alarms, auth, wire
from bot.power import errors, ports
from tests.support import ticks

from .builders import PROJECT, START, Service, answer, cloud_for, page, refused, server_id


def alarm(number: int, **changes: Any) -> dict[str, Any]:
    """Return an alarm as the vendor's client describes one."""
    dimensions = [{"name": "server_id", "value": server_id(number)}]
    given_ = {
        "alarm_name": "Fan speed low",
        "alarm_status": "alarm",
        "alarm_level": 3,
        "metric": {"metric_name": "fan", "dimensions": dimensions},
    }
    return {**given_, **changes}


def body(*rows: Any, **changes: Any) -> bytes:
    """Return an answer with these alarms."""
    return json.dumps({"alarms": list(rows), "count": len(rows), **changes}).encode()


async def test_alarms_of_some_servers_are_asked_for_by_their_ids() -> None:
    """One call, filtered by the service, and read by the ids that were asked for."""
    service = Service(answer(body(alarm(1), alarm(2), alarm(9))))
    source = alarms.CloudAlarms(cloud_for(service, ticks.GivenClock()))

    found = await source.alarms([server_id(1), server_id(2)])

    assert found.standing == (
        ports.Alarm(server_id(1), "Fan speed low", 3),
        ports.Alarm(server_id(2), "Fan speed low", 3),
    )
    assert found.complete
    url = str(service.requests[0].url)
    assert len(service.requests) == 1
    assert f"resource_id={server_id(1)}%2C{server_id(2)}" in url


async def test_alarms_of_many_servers_are_asked_for_without_their_ids() -> None:
    """An address with hundreds of ids would be refused on the way."""
    service = Service(answer(body(alarm(1), count=500)))
    source = alarms.CloudAlarms(cloud_for(service, ticks.GivenClock()))

    found = await source.alarms([server_id(n) for n in range(60)])

    assert "resource_id" not in str(service.requests[0].url)
    assert not found.complete


@pytest.mark.parametrize("status", [401, 403, 500])
async def test_alarms_that_are_refused_pause_nothing(status: int) -> None:
    """Credentials that may not read alarms may well switch servers; it is tried once."""
    service = Service(refused(status, "APIGW.0301", "No"), answer(page(1)))
    cloud = cloud_for(service, ticks.GivenClock())

    with pytest.raises(errors.CloudError):
        await alarms.CloudAlarms(cloud).alarms([server_id(1)])

    assert cloud.paused_s == 0
    assert len(service.requests) == 1
    assert (await cloud.list_page()).servers


async def test_alarms_are_asked_for_again_by_the_service_s_clock() -> None:
    """A clock that is off refuses any call; it isn't a right that is missing."""
    now = datetime.datetime.fromtimestamp(START, datetime.UTC)
    date = {"Date": email.utils.format_datetime(now + datetime.timedelta(hours=2), usegmt=True)}
    service = Service(
        answer({"error_code": "APIGW.0301", "error_msg": "expired"}, 401, date),
        answer(body(alarm(1)), headers=date),
        answer({"error_code": "APIGW.0301", "error_msg": "No"}, 401, date),
    )
    clock = ticks.GivenClock()
    who = auth.SignedAuth("AK", "SK", PROJECT, clock=clock)
    source = alarms.CloudAlarms(cloud_for(service, clock, who=who))

    found = await source.alarms([server_id(1)])

    assert [one.server_id for one in found.standing] == [server_id(1)]
    dates = [request.headers["X-Sdk-Date"][:11] for request in service.requests]
    assert dates == ["20270115T08", "20270115T10"]
    with pytest.raises(errors.Unauthorized):
        await source.alarms([server_id(1)])
    assert len(service.requests) == 3


async def test_alarms_are_asked_for_again_when_the_clock_has_come_back() -> None:
    """What was learnt of a clock that was off is wrong once it is right again."""
    right = {"Date": "Fri, 15 Jan 2027 08:00:00 GMT"}
    expired = answer({"error_code": "APIGW.0301", "error_msg": "expired"}, 401, right)
    service = Service(expired, answer(body(), headers=right), expired, answer(body(alarm(1))))
    clock = ticks.GivenClock()
    source = alarms.CloudAlarms(
        cloud_for(service, clock, who=auth.SignedAuth("AK", "SK", PROJECT, clock=clock))
    )
    clock.set_s = -7200.0
    await source.alarms([server_id(1)])
    clock.set_s = 0.0

    found = await source.alarms([server_id(1)])

    assert [one.server_id for one in found.standing] == [server_id(1)]


def test_alarms_that_are_over_or_of_others_are_left_out() -> None:
    """A row that can't be read costs itself alone."""
    rows = [
        alarm(1, alarm_status="ok"),
        alarm(1, alarm_status="invalid"),
        alarm(1, alarm_status="alram", alarm_name=None, alarm_level="high"),
        alarm(1, metric=None),
        alarm(1, metric={"dimensions": [3, {"value": 7}]}),
        alarm(3),
        "nonsense",
    ]

    found = alarms.read(body(*rows), frozenset({server_id(1)}))

    assert found.standing == (ports.Alarm(server_id(1), "an alarm", 0),)


@pytest.mark.parametrize("nonsense", [b"", b"{", b"[]", b"{}", b'{"alarms": 3}', b"[" * 50_000])
def test_an_answer_that_is_none_is_unreadable(nonsense: bytes) -> None:
    """Never another error."""
    with pytest.raises(wire.UnreadableAnswer):
        alarms.read(nonsense, frozenset())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.sampled_from(sorted(alarm(1))), JSON) | JSON, max_size=4))
def test_any_rows_are_read_or_left_out(rows: list[Any]) -> None:
    """What the service sends is foreign."""
    alarms.read(body(*rows), frozenset({server_id(1)}))

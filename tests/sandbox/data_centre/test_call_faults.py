"""Calls go wrong on request: before they are carried out, after, or only in their answer."""

import json

import pytest

from bot.sandbox.data_centre import (
    CallFault,
    CallFaultKind,
    CallKind,
    Dropped,
    HttpResponse,
    RetryAfter,
)

from .builders import Bench, accepted_ids, answered, members, refusal


def rebooted_under(fault: CallFault) -> tuple[HttpResponse | Dropped, int]:
    """What a reboot is answered under a fault, and how many reboots arrived."""
    bench = Bench()
    bench.centre.call_faults.queue(fault)
    return bench.power("rebooting", "web01"), bench.centre.reboots_received("web01")


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (CallFaultKind.THROTTLED_JSON, 429, "iMetal.0005"),
        (CallFaultKind.THROTTLED_GATEWAY, 429, "APIGW.0308"),
        (CallFaultKind.UNAUTHORIZED, 401, "iMetal.0003"),
        (CallFaultKind.FORBIDDEN, 403, "iMetal.0004"),
        (CallFaultKind.INTERNAL_ERROR, 500, "iMetal.0099"),
    ],
)
def test_fault_answers_with_its_code_and_nothing_is_rebooted(
    kind: CallFaultKind, status: int, code: str
) -> None:
    """An error in place of the call leaves the machine alone."""
    outcome, reboots = rebooted_under(CallFault(kind))

    assert refusal(outcome) == (status, code)
    assert reboots == 0


@pytest.mark.parametrize(
    ("kind", "status", "content_type"),
    [
        (CallFaultKind.THROTTLED_TEXT, 429, "text/plain"),
        (CallFaultKind.BAD_GATEWAY, 502, "text/html"),
    ],
)
def test_fault_answers_in_another_format(
    kind: CallFaultKind, status: int, content_type: str
) -> None:
    """Plain text and HTML pages come too."""
    outcome, reboots = rebooted_under(CallFault(kind))

    response = answered(outcome)
    assert (response.status, response.header("Content-Type")) == (status, content_type)
    with pytest.raises(ValueError, match="Expecting value"):
        response.json()
    assert reboots == 0


def test_throttling_may_be_a_bare_json_string() -> None:
    """The power-state page types the 429 body as a string."""
    outcome, _ = rebooted_under(CallFault(CallFaultKind.THROTTLED_STRING))

    assert isinstance(answered(outcome).json(), str)


def test_redirect_leads_to_another_host() -> None:
    """A 302 names an address that no client should follow."""
    outcome, reboots = rebooted_under(CallFault(CallFaultKind.REDIRECT))

    assert answered(outcome).status == 302
    assert answered(outcome).header("Location") == "https://elsewhere.invalid/"
    assert reboots == 0


@pytest.mark.parametrize(
    ("form", "value"),
    [
        (RetryAfter.ABSENT, None),
        (RetryAfter.SECONDS, "7"),
        (RetryAfter.DATE, "Fri, 02 Jan 2026 03:04:12 GMT"),
    ],
)
def test_throttling_says_when_to_come_back_if_asked_to(form: RetryAfter, value: str | None) -> None:
    """Retry-After is absent, in seconds, or a date."""
    fault = CallFault(CallFaultKind.THROTTLED_JSON, retry_after=form, retry_after_s=7)

    outcome, _ = rebooted_under(fault)

    assert answered(outcome).header("Retry-After") == value


@pytest.mark.parametrize(
    ("fault", "reboots"),
    [
        (CallFault(CallFaultKind.DROP_BEFORE), 0),
        (CallFault(CallFaultKind.DROP_AFTER), 1),
    ],
    ids=["before", "after"],
)
def test_dropped_call_is_carried_out_or_not_as_asked(fault: CallFault, reboots: int) -> None:
    """A cut connection says nothing about what happened behind it."""
    assert rebooted_under(fault) == (Dropped(applied=bool(reboots)), reboots)


def test_refused_call_that_is_dropped_was_not_carried_out() -> None:
    """Nothing is applied where the answer would have been a refusal."""
    bench = Bench()
    bench.centre.change_server("web01", frozen_state=1)
    bench.centre.queue_fault(CallFaultKind.DROP_AFTER)

    assert bench.power("rebooting", "web01") == Dropped(applied=False)


@pytest.mark.parametrize("kind", [CallFaultKind.INTERNAL_ERROR, CallFaultKind.BAD_GATEWAY])
def test_error_may_come_after_the_call_was_carried_out(kind: CallFaultKind) -> None:
    """A 5xx can hide a reboot that happened."""
    outcome, reboots = rebooted_under(CallFault(kind, applied=True))

    assert answered(outcome).status >= 500
    assert reboots == 1


def test_refusal_is_not_reworded_by_a_late_fault() -> None:
    """When the call was refused, its own code is what comes."""
    bench = Bench()
    bench.centre.change_server("web01", frozen_state=1)
    bench.centre.queue_fault(CallFaultKind.GARBAGE)

    assert refusal(bench.power("rebooting", "web01")) == (400, "iMetal.0101")


@pytest.mark.parametrize(("given", "waits"), [(0.0, 5.0), (2.5, 2.5), (9999.0, 300.0)])
def test_delayed_answer_waits_a_bounded_time(given: float, waits: float) -> None:
    """The call is carried out at once, its answer held back for at most five minutes."""
    outcome, reboots = rebooted_under(CallFault(CallFaultKind.DELAY, delay_s=given))

    assert answered(outcome).delay_s == waits
    assert accepted_ids(outcome)
    assert reboots == 1


def test_ids_may_be_schema_references() -> None:
    """The vendor's own example answers with references in place of ids."""
    outcome, reboots = rebooted_under(CallFault(CallFaultKind.REF_IDS))

    assert accepted_ids(outcome) == [{"$ref": "#/definitions/UUID"}]
    assert reboots == 1


def test_ids_may_be_missing_from_the_answer() -> None:
    """Accepted and not listed: the answer can be short of an id."""
    outcome, reboots = rebooted_under(CallFault(CallFaultKind.MISSING_IDS))

    assert accepted_ids(outcome) == []
    assert reboots == 1


def test_fault_about_ids_leaves_other_answers_alone() -> None:
    """A list has no accepted ids that could be spoilt."""
    bench = Bench()
    bench.centre.queue_fault(CallFaultKind.REF_IDS)

    assert members(bench.get("physicalservers"))["count"] == 20


def test_garbage_is_no_json() -> None:
    """The body of a 200 can be anything."""
    outcome, reboots = rebooted_under(CallFault(CallFaultKind.GARBAGE))

    assert answered(outcome).status == 200
    with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
        answered(outcome).json()
    assert reboots == 1


def test_fault_strikes_only_its_operation_and_only_so_often() -> None:
    """Two failing lists: shows and power calls go through, the third list too."""
    bench = Bench()
    bench.centre.queue_fault(CallFaultKind.INTERNAL_ERROR, CallKind.LIST, times=2)

    assert bench.record("web01")
    assert accepted_ids(bench.power("rebooting", "web01"))
    statuses = [bench.get("physicalservers").status for _ in range(3)]

    assert statuses == [500, 500, 200]


def test_fault_can_strike_the_log_in() -> None:
    """IAM goes wrong like any other."""
    bench = Bench()
    bench.centre.queue_fault(CallFaultKind.BAD_GATEWAY, CallKind.TOKEN)

    assert [bench.log_in().status for _ in range(2)] == [502, 201]


def test_fault_by_chance_strikes_some_calls_until_taken_back() -> None:
    """A probability of a half strikes about half, of zero none."""
    bench = Bench()
    fault = CallFault(CallFaultKind.INTERNAL_ERROR, CallKind.LIST)
    bench.centre.call_faults.at_random(fault, 0.5)

    struck = sum(bench.get("physicalservers").status == 500 for _ in range(200))
    bench.centre.call_faults.at_random(fault, 0)

    assert 60 < struck < 140
    assert bench.centre.call_faults.chances() == []
    assert bench.get("physicalservers").status == 200


def test_all_call_faults_can_be_taken_back() -> None:
    """Clearing forgets what was queued and what came by chance."""
    bench = Bench()
    bench.centre.queue_fault(CallFaultKind.GARBAGE, times=5)
    bench.centre.call_faults.at_random(CallFault(CallFaultKind.FORBIDDEN), 1.0)

    bench.centre.call_faults.clear()

    assert bench.get("physicalservers").status == 200
    assert bench.centre.call_faults.waiting() == []

"""The figures of `/metrics`: what the log tells is counted, what there is is read."""

from __future__ import annotations

from typing import Any

import prometheus_client
from prometheus_client import parser

from bot.operations import metrics
from bot.power import ports
from bot.power.lifecycle import State
from bot.storage.store import Store
from tests.storage import builders


def seen(*events: dict[str, Any]) -> metrics.Metrics:
    """Return metrics that have watched some events."""
    counted = metrics.Metrics()
    for event in events:
        counted.watch(None, "info", event)
    return counted


def value(counted: metrics.Metrics, name: str, **labels: str) -> float:
    """Return one figure."""
    found = counted.registry.get_sample_value(f"powerbot_{name}", labels)
    return found or 0.0


def test_calls_to_clouddc_are_counted_by_their_answer() -> None:
    """A status where there was an answer, the kind of failure where there was none."""
    call = {"event": "clouddc.call", "operation": "switch", "duration_s": 0.2}

    counted = seen({**call, "status": 200}, {**call, "status": 429}, {**call, "outcome": "NotSent"})

    for result in ("200", "429", "NotSent"):
        assert value(counted, "cloud_calls_total", operation="switch", result=result) == 1
    assert value(counted, "cloud_call_seconds_count", operation="switch") == 3


def test_refusals_and_unknown_outcomes_are_counted() -> None:
    """Each by the word that the audit log has for it."""
    counted = seen(
        {"event": "plan.refused", "detail": {"why": "no rule"}},
        {"event": "call.unknown", "detail": {}},
        {"event": "reporter.not_taken", "why": "ratelimited"},
    )

    assert value(counted, "refusals_total", reason="plan.refused") == 1
    assert value(counted, "unknown_calls_total") == 1
    assert value(counted, "slack_refusals_total", reason="ratelimited") == 1


def test_the_wait_for_approval_is_measured_once_and_memory_is_bounded() -> None:
    """From the request to the first decision; requests that nobody decides are forgotten."""
    many = [
        {"event": "request.pending", "request": f"PR-{n}", "detail": {}}
        for n in range(metrics.MOST_WAITING + 1)
    ]
    counted = seen(
        *many,
        {"event": "approval.given", "request": "PR-1", "detail": {}},
        {"event": "request.running", "request": "PR-1", "detail": {}},
        {"event": "request.running", "request": "PR-1", "detail": {}},
        {"event": "request.denied", "request": "PR-0", "detail": {}},
    )

    assert value(counted, "approval_wait_seconds_count") == 1


def test_the_figures_are_in_a_form_that_prometheus_reads() -> None:
    """The text parses, with names of our own."""
    counted = seen({"event": "request.pending", "request": "PR-1", "detail": {}})
    text = prometheus_client.generate_latest(counted.registry).decode()

    names = {family.name for family in parser.text_string_to_metric_families(text)}

    assert {"powerbot_steps", "powerbot_loop_lag_seconds"} <= names


async def test_figures_come_from_the_database(store: Store) -> None:
    """Requests by state, what waits for Slack and since when, what isn't dealt with."""

    def fill(tx: ports.Tx) -> None:
        tx.create(builders.a_request("PR-1", State.PENDING), source_key="a")
        tx.create(builders.a_request("PR-2", State.RUNNING), source_key="b")
        tx.show_card("PR-1", at=50.0)
        tx.receive(builders.an_inbound())
        tx.audit(builders.an_entry())

    await store.write(fill)

    found = await store.figures()

    assert (found.requests["pending"], found.requests["running"]) == (1, 1)
    assert (found.pending_since, found.messages_waiting, found.message_since) == (100.0, 1, 50.0)
    assert (found.payloads_open, found.payload_since, found.audit_seq) == (1, 100.0, 1)
    assert found.unknown_outcomes == 0


async def test_freezes_and_reviews_that_are_owed_are_counted(store: Store) -> None:
    """Only of requests that ran; of several the first that is due tells how late it is."""

    def fill(tx: ports.Tx) -> None:
        tx.freeze(ports.Freeze("U0SAM", "cooling", 5.0))
        for number, state in enumerate([State.FAILED, State.RUNNING, State.DENIED]):
            id_ = f"PR-{number}"
            tx.create(builders.a_request(id_, state), source_key=id_)
            tx.open_review(ports.Review(id_, "U0DANA", ("sre",), 1.0, due_at=300.0 - number))

    await store.write(fill)

    found = await store.figures()

    assert (found.freezes, found.reviews_open, found.review_due_at) == (1, 2, 299.0)


def test_no_series_says_when_another_began() -> None:
    """They would double the text."""
    counted = seen({"event": "plan.refused", "detail": {}})

    assert "_created" not in prometheus_client.generate_latest(counted.registry).decode()

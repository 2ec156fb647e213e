"""What an operator watches, in Prometheus' form.

What happens is counted from the log's events, so that what is logged is counted and nothing
else needs to know of it; what there is at a moment is read when somebody asks.
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

import prometheus_client
from prometheus_client import core, registry

from bot import VERSION, app
from bot.operations.metric_names import Figure
from bot.power import errors, inputs
from bot.power.lifecycle import State
from bot.power.policy import freezes
from bot.slack.door.turned_away import Check
from bot.storage.tables import figures

LAG_LOOK_S = 1.0
# Requests whose wait for approval is being measured; of more, the oldest are forgotten.
MOST_WAITING = 2000
REFUSED = (".refused", ".not_checked", ".withdrawn", ".held")
# What ends a wait at once, and what comes of a request that had its last approval before.
DECIDED = frozenset({"request.denied", "request.expired", "request.cancelled"})
APPROVED = frozenset({"request.running", "request.void", "request.stopped"})
# How the events of steps around waves begin.
AROUND = "step."
WAITS_S = (1, 5, 15, 60, 300, 900, 1800, 3600, 14400)


@dataclasses.dataclass(slots=True)
class _Wait:
    """How long a request waits for its people: since when, and until its newest approval."""

    asked_at: float
    approved_at: float | None = None


class Metrics:
    """The figures of one process; `watch` is a processor of the log."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        # When each series began doubles the text, and nobody asks for it.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = prometheus_client.CollectorRegistry()
        prometheus_client.ProcessCollector(registry=self.registry)
        self._steps = self._counter(
            Figure.STEPS,
            "Steps of requests by log event, and for steps around a wave by kind and outcome.",
            "event",
            "kind",
            "outcome",
        )
        self._refusals = self._counter(Figure.REFUSALS, "Refusals by log event.", "reason")
        self._unknown = self._counter(Figure.UNKNOWN_CALLS, "Power calls whose outcome is unknown.")
        self._calls = self._counter(
            Figure.CLOUD_CALLS, "Calls to CloudDC, by operation and answer.", "operation", "result"
        )
        self._slack = self._counter(
            Figure.SLACK_REFUSALS, "Messages that Slack hasn't accepted.", "reason"
        )
        self._call_s = self._histogram(
            Figure.CLOUD_CALL_SECONDS, "Duration of calls to CloudDC.", "operation"
        )
        self._waited_s = self._histogram(
            Figure.APPROVAL_WAIT_SECONDS, "Time from request to decision.", buckets=WAITS_S
        )
        self.unusable_files = prometheus_client.Gauge(
            Figure.SECRET_FILES_UNUSABLE.series,
            "Secret files that can't be used; their previous secrets are still in use.",
            registry=self.registry,
        )
        self._lag_s = self._histogram(Figure.LOOP_LAG_SECONDS, "How late the event loop is.")
        self._waiting: collections.OrderedDict[str, _Wait] = collections.OrderedDict()

    async def text(self, bot: app.Bot) -> bytes:
        """Return all figures in Prometheus' text form."""
        now = registry.CollectorRegistry(auto_describe=False)
        now.register(_Collected([family async for family in _moment(bot)]))
        counted = prometheus_client.generate_latest(self.registry)
        return counted + prometheus_client.generate_latest(now)

    def watch(
        self, _: object, __: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Count one event of the log."""
        name = str(event["event"])
        if name == "clouddc.call":
            result = str(event.get("status") or event.get("outcome"))
            self._calls.labels(str(event["operation"]), result).inc()
            self._call_s.labels(str(event["operation"])).observe(float(event["duration_s"]))
        elif name == "reporter.not_taken":
            self._slack.labels(str(event["why"])).inc()
        elif "detail" in event:
            self._count_step(name, event)
        return event

    async def watch_loop(self, _: app.Bot) -> None:
        """Measure until cancelled how late the event loop runs."""
        while True:
            due = time.monotonic() + LAG_LOOK_S
            await asyncio.sleep(LAG_LOOK_S)
            self._lag_s.observe(max(0.0, time.monotonic() - due))

    def _count_step(self, name: str, event: Mapping[str, Any]) -> None:
        """Count one step of a request; of a step around a wave its kind and what came of it."""
        request_id, detail = str(event.get("request") or ""), event["detail"]
        kind = str(detail.get("kind") or "") if isinstance(detail, Mapping) else ""
        around = name.startswith(AROUND)
        outcome = name.removeprefix(AROUND) if around else ""
        self._steps.labels(name, kind if around else "", outcome).inc()
        if name.endswith(REFUSED):
            self._refusals.labels(name).inc()
        if name == "call.unknown":
            self._unknown.inc()
        self._measure_wait(name, request_id)

    def _measure_wait(self, name: str, request_id: str) -> None:
        """Measure from the request to its last approval, or to the end that came instead.

        Which approval was the last shows once the request goes on: an approved one may still wait
        for a freeze to end or for another request.
        """
        now = self._monotonic()
        if name == "request.pending":
            self._waiting[request_id] = _Wait(now)
            while len(self._waiting) > MOST_WAITING:
                self._waiting.popitem(last=False)
        elif name == "approval.given" and request_id in self._waiting:
            self._waiting[request_id].approved_at = now
        elif name in DECIDED | APPROVED and (wait := self._waiting.pop(request_id, None)):
            ended_at = now if name in DECIDED else wait.approved_at
            # A request that nobody need approve has not waited for anybody.
            if ended_at is not None:
                self._waited_s.observe(ended_at - wait.asked_at)

    def _counter(self, name: Figure, help_: str, *labels: str) -> prometheus_client.Counter:
        return prometheus_client.Counter(name.series, help_, labels, registry=self.registry)

    def _histogram(self, name: Figure, help_: str, *labels: str, **more: Any) -> Any:
        return prometheus_client.Histogram(
            name.series, help_, labels, registry=self.registry, **more
        )


class _Collected(registry.Collector):
    """Figures read beforehand, handed to Prometheus when it collects."""

    def __init__(self, families: list[core.Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[core.Metric]:
        """Return the figures of this moment, as Prometheus asks for them."""
        yield from self._families


async def _moment(bot: app.Bot) -> Any:
    """Yield the figures that are read anew at each scrape."""
    try:
        found = await bot.store.figures()
    except errors.StoreUnavailable:
        yield _gauge(Figure.DATABASE_UP, "Whether the database answers.", 0)
    else:
        yield _gauge(Figure.DATABASE_UP, "Whether the database answers.", 1)
        for family in _of_database(found, bot.processor.now()):
            yield family
        yield _freezes(found.freezes, len(freezes.of_policy(bot.policy(), bot.processor.now())))
    yield _info(Figure.BUILD_INFO, "The version that runs.", VERSION)
    yield _info(Figure.POLICY_INFO, "The policy in force.", bot.policy().version)
    policy_valid = 0 if bot.policy.problem else 1
    yield _gauge(Figure.POLICY_VALID, "Whether the newest policy can be used.", policy_valid)
    yield _gauge(Figure.DRIVING, "Requests that this process drives.", bot.runner.driving)
    yield _gauge(
        Figure.LIST_MISSING_SERVERS, "Servers that CloudDC counts but doesn't list.", _missing(bot)
    )
    yield _gauge(
        Figure.CLOUD_PAUSED_SECONDS, "How long calls are still paused.", bot.power.cloud.paused_s
    )
    yield _gauge(
        Figure.CLOUD_RATE_WAIT_SECONDS,
        "How long a call waits for its turn.",
        bot.power.cloud.waits_s,
    )
    yield _turned_away(bot)
    for family in _of_sockets(bot):
        yield family


def _of_database(found: figures.Figures, now: float) -> Iterator[core.Metric]:
    """Yield the figures that the database counts."""
    states = core.GaugeMetricFamily(Figure.REQUESTS.series, "Requests by state.", labels=["state"])
    for state in State:
        states.add_metric([state.value], found.requests.get(state.value, 0))
    yield states
    yield _gauge(
        Figure.PENDING_AGE_SECONDS,
        "How long the oldest request has been waiting.",
        _age_s(found.pending_since, now),
    )
    yield _gauge(
        Figure.UNKNOWN_OUTCOMES, "Servers whose outcome is unknown.", found.unknown_outcomes
    )
    yield _gauge(Figure.OUTBOX_MESSAGES, "Messages waiting for Slack.", found.messages_waiting)
    yield _gauge(Figure.OUTBOX_REFUSED, "Messages that Slack refuses.", found.messages_refused)
    yield _gauge(
        Figure.OUTBOX_AGE_SECONDS, "The oldest one's wait.", _age_s(found.message_since, now)
    )
    yield _gauge(Figure.INBOX_PAYLOADS, "Payloads waiting to be processed.", found.payloads_open)
    yield _gauge(
        Figure.INBOX_AGE_SECONDS, "The oldest one's wait.", _age_s(found.payload_since, now)
    )
    yield _gauge(
        Figure.STEPS_OUT,
        "Steps that still have a server taken out; `powerbot owed` lists them.",
        found.steps_out,
    )
    yield _gauge(
        Figure.STEPS_OWED,
        "Those that should be back; `powerbot settle` records what you put back by hand.",
        found.steps_owed,
    )
    yield _gauge(
        Figure.REVIEWS_OPEN, "Uses of break glass that nobody has reviewed.", found.reviews_open
    )
    closed = core.GaugeMetricFamily(
        Figure.REVIEWS_CLOSED.series, "Reviews by judgement.", labels=["judgement"]
    )
    for judgement in inputs.Judgement:
        closed.add_metric([judgement.value], found.reviews_closed.get(judgement.value, 0))
    yield closed
    yield _gauge(
        Figure.REVIEW_OVERDUE_SECONDS,
        "How long a review has been overdue.",
        _age_s(found.review_due_at, now),
    )
    yield _gauge(Figure.AUDIT_ROWS, "Number of the newest audit row.", found.audit_seq)


def _info(name: Figure, help_: str, version: str) -> core.Metric:
    """Return which version of something there is: always 1."""
    info = core.GaugeMetricFamily(name.series, help_, labels=["version"])
    info.add_metric([version], 1)
    return info


def _freezes(of_people: int, of_policy: int) -> core.Metric:
    """Return how many freezes stand, by who made them."""
    standing = core.GaugeMetricFamily(Figure.FREEZES.series, "Freezes in force.", labels=["by"])
    standing.add_metric(["person"], of_people)
    standing.add_metric(["policy"], of_policy)
    return standing


def _turned_away(bot: app.Bot) -> core.Metric:
    """Return what was refused before its words were read, by the check that it failed."""
    refused = core.CounterMetricFamily(
        Figure.REFUSED_REQUESTS.series,
        "Requests and frames refused before they were read.",
        labels=["check"],
    )
    for check in Check:
        refused.add_metric([check.value], bot.slack.turned_away.counts[check])
    return refused


def _of_sockets(bot: app.Bot) -> Iterator[core.Metric]:
    """Yield the figures about the connections to Slack; none in HTTP mode."""
    socket = bot.watchdog.socket
    if socket is None:
        return
    now = time.monotonic()
    opened = [line.opened_at for line in socket.lines]
    heard = max((line.heard_at for line in socket.lines), default=0.0)
    yield _gauge(Figure.SOCKETS, "Connections to Slack.", len(opened))
    yield _gauge(
        Figure.SOCKET_AGE_SECONDS,
        "Age of the oldest connection to Slack.",
        _age_s(min(opened, default=0), now),
    )
    yield _gauge(
        Figure.SOCKET_HEARD_SECONDS, "Time since Slack was last heard from.", _age_s(heard, now)
    )
    yield _gauge(
        Figure.SOCKET_OTHERS, "Connections of other processes to the same app.", socket.others
    )


def _missing(bot: app.Bot) -> int:
    """Return how many servers the newest list leaves out."""
    newest = bot.power.latest()
    short = newest.shortfall if newest else None
    return short.missing if short else 0


def _age_s(since: float, now: float) -> float:
    """Return the seconds since an instant; 0 where there is none."""
    return max(0.0, now - since) if since else 0.0


def _gauge(name: Figure, help_: str, value: float) -> core.Metric:
    return core.GaugeMetricFamily(name.series, help_, value=value)

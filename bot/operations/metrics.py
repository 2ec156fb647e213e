"""What an operator watches, in Prometheus' form.

What happens is counted from the log's events, so that what is logged is counted and nothing
else needs to know of it; what there is at a moment is read when somebody asks.
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import prometheus_client
from prometheus_client import registry

from bot import app
from bot.operations import gauges
from bot.operations.metric_names import Figure

LAG_LOOK_S = 1.0  # In seconds.
# Requests whose wait for approval is being measured; of more, the oldest are forgotten.
MOST_WAITING = 2000
REFUSED = (".refused", ".not_checked", ".withdrawn", ".held")
# What ends a wait at once, and what comes of a request that had its last approval before.
DECIDED = frozenset({"request.denied", "request.expired", "request.cancelled"})
APPROVED = frozenset({"request.running", "request.void", "request.stopped"})
# How the events of steps around waves begin.
AROUND = "step."
WAITS_S = (1, 5, 15, 60, 300, 900, 1800, 3600, 14400)  # From a second to four hours.


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
        now.register(gauges.Collected([family async for family in gauges.read(bot)]))
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

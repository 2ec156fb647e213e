"""What there is at this moment, read when somebody asks for the figures: counts, ages, versions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from prometheus_client import core, registry

from bot import VERSION, app
from bot.operations.metric_names import Figure
from bot.power import errors, inputs
from bot.power.lifecycle import State
from bot.power.policy import freezes
from bot.slack.door.turned_away import Check
from bot.storage import figures


class Collected(registry.Collector):
    """Figures read beforehand, handed to Prometheus when it collects."""

    def __init__(self, families: list[core.Metric]) -> None:
        # Prometheus collects without waiting, so the database is asked before.
        self._families = families

    def collect(self) -> Iterator[core.Metric]:
        """Return the figures of this moment, as Prometheus asks for them."""
        yield from self._families


async def read(bot: app.Bot) -> Any:
    """Yield the figures that are read anew at each scrape."""
    try:
        found = await bot.store.figures()
    except errors.StoreUnavailable:
        # Nothing else is told of it: an old count would look like a good one.
        yield _gauge(Figure.DATABASE_UP, "Whether the database answers.", 0)
    else:
        yield _gauge(Figure.DATABASE_UP, "Whether the database answers.", 1)
        for family in _of_database(found, bot.clock.now()):
            yield family
        yield _freezes(found.freezes, len(freezes.of_policy(bot.policy(), bot.clock.now())))
    yield _info(Figure.BUILD_INFO, "The version that runs.", VERSION)
    yield _info(Figure.POLICY_INFO, "The policy in force.", bot.policy().version)
    # The policy in force says nothing of a newer file that can't be used.
    policy_valid = 0 if bot.policy.problem else 1
    yield _gauge(Figure.POLICY_VALID, "Whether the newest policy can be used.", policy_valid)
    yield _gauge(Figure.DRIVING, "Requests that this process drives.", bot.runner.driving)
    yield _gauge(
        Figure.LIST_MISSING_SERVERS, "Servers that CloudDC counts but doesn't list.", _missing(bot)
    )
    yield _gauge(
        Figure.CLOUD_PAUSED_SECONDS,
        "How much longer calls to CloudDC are paused.",
        bot.power.cloud.paused_s,
    )
    yield _gauge(
        Figure.CLOUD_RATE_WAIT_SECONDS,
        "How long a call to CloudDC waits for its turn.",
        bot.power.cloud.waits_s,
    )
    yield _turned_away(bot)
    for family in _of_sockets(bot):
        yield family


def _of_database(found: figures.Figures, now: float) -> Iterator[core.Metric]:
    """Yield the figures that the database counts."""
    states = core.GaugeMetricFamily(Figure.REQUESTS.series, "Requests by state.", labels=["state"])
    for state in State:
        # 0 for a state that nothing is in, so that its series never ends.
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
        Figure.OUTBOX_AGE_SECONDS,
        "How long the oldest message has been waiting for Slack.",
        _age_s(found.message_since, now),
    )
    yield _gauge(Figure.INBOX_PAYLOADS, "Payloads waiting to be processed.", found.payloads_open)
    yield _gauge(
        Figure.INBOX_AGE_SECONDS,
        "How long the oldest payload has been waiting.",
        _age_s(found.payload_since, now),
    )
    yield _gauge(
        Figure.STEPS_OUT,
        "Steps that still have a server taken out; `powerbot owed` lists them.",
        found.steps_out,
    )
    yield _gauge(
        Figure.STEPS_OWED,
        "Steps whose server should be back; `powerbot settle` records what you put back by hand.",
        found.steps_owed,
    )
    yield from _of_reviews(found, now)
    yield _gauge(Figure.AUDIT_ROWS, "Number of the newest audit row.", found.audit_seq)


def _of_reviews(found: figures.Figures, now: float) -> Iterator[core.Metric]:
    """Yield what the database counts of break glass and its reviews."""
    yield _gauge(
        Figure.REVIEWS_OPEN, "Uses of break glass that nobody has reviewed.", found.reviews_open
    )
    closed = core.GaugeMetricFamily(
        Figure.REVIEWS_CLOSED.series, "Reviews by judgement.", labels=["judgement"]
    )
    for judgement in inputs.Judgement:
        # 0 here too, until the first review of this kind.
        closed.add_metric([judgement.value], found.reviews_closed.get(judgement.value, 0))
    yield closed
    yield _gauge(
        Figure.REVIEW_OVERDUE_SECONDS,
        "How long a review has been overdue.",
        _age_s(found.review_due_at, now),
    )


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
    # The clock by which connections note what they hear.
    now = time.monotonic()
    opened = [line.opened_at for line in socket.lines]
    # The one heard last counts: Slack sends each payload through any of them.
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
    # Another machine's clock may be ahead, and no age is below zero.
    return max(0.0, now - since) if since else 0.0


def _gauge(name: Figure, help_: str, value: float) -> core.Metric:
    return core.GaugeMetricFamily(name.series, help_, value=value)

"""Figures that are counted from the log, held against what a real request logs."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
import structlog

from bot.operations import metrics
from tests.workflow.world import DANA, ROSA, SAM, World


def _drop(_: object, __: str, ___: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    raise structlog.DropEvent


@pytest.fixture
def counted(world: World) -> Iterator[metrics.Metrics]:
    """Metrics that watch this world's log, by its clock."""
    found = metrics.Metrics(world.clock.monotonic)

    structlog.configure(processors=[found.watch, _drop])
    yield found
    structlog.reset_defaults()


def waited(counted: metrics.Metrics) -> tuple[float, float]:
    """Return how many waits were measured, and for how long in all."""
    read = counted.registry.get_sample_value
    name = "powerbot_approval_wait_seconds"
    return read(f"{name}_count") or 0.0, read(f"{name}_sum") or 0.0


async def test_the_wait_of_a_real_request_ends_at_its_last_approval(
    world: World, counted: metrics.Metrics
) -> None:
    """The first of two doesn't end it, and what comes after the last isn't waited for people."""
    id_ = await world.ask("reboot db01 because x")
    world.clock.passed_s += 30
    await world.told(SAM, "approve", id_)
    world.clock.passed_s += 12
    await world.told(ROSA, "approve", id_)
    before = waited(counted)
    await world.later(60)

    assert before == (0.0, 0.0)
    assert waited(counted) == (1.0, 42.0)


async def test_the_wait_of_a_request_that_is_denied_or_withdrawn_is_measured_too(
    world: World, counted: metrics.Metrics
) -> None:
    """Each ends with the decision that came instead of an approval."""
    for who, do in ((SAM, "deny"), (DANA, "cancel")):
        id_ = await world.ask("reboot web01 because x")
        world.clock.passed_s += 5
        await world.press(who, do, id_)

    assert waited(counted) == (2.0, 10.0)


async def test_each_state_of_a_request_is_one_line_with_names_and_people(world: World) -> None:
    """So that who reads the log alone knows what was switched, for whom, and with whose yes."""
    with structlog.testing.capture_logs() as logged:
        id_ = await world.ask("reboot db[01-02] because x")
        await world.told(SAM, "approve", id_)
        world.clock.passed_s += 1
        await world.told(ROSA, "approve", id_)
        await world.later(60)
    lines = {
        one["event"]: one["said"] for one in logged if one.get("request") == id_ and "said" in one
    }
    asked, agreed = f"reboot db[01-02] by {DANA}", f" approved {SAM},{ROSA}"

    assert lines["request.pending"] == asked
    assert lines["request.running"] == lines["request.succeeded"] == asked + agreed
    assert lines["call.intended"] == lines["call.accepted"] == "db[01-02]"
    assert lines["servers.settled"] == "db[01-02]"

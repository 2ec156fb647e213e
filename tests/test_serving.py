"""What a process does first when it starts, before it claims anything."""

from __future__ import annotations

import asyncio
import types
from typing import Any, cast

import pytest

from bot import app, serving
from bot.power import errors


class Power:
    """A cloud that is asked for its list; `answers` says how that goes."""

    def __init__(self, answers: Exception | None = None, *, slow: bool = False) -> None:
        self.asked: list[float] = []
        self._answers = answers
        self._slow = slow

    async def snapshot(self, *, not_before: float) -> None:
        """Note the call."""
        self.asked.append(not_before)
        if self._slow:
            await asyncio.Event().wait()
        if self._answers:
            raise self._answers


def starting(power: Power, *, runs: bool) -> app.Bot:
    """Return as much of a bot as its first look needs."""

    async def has_runs() -> bool:
        return runs

    parts: dict[str, Any] = {
        "store": types.SimpleNamespace(has_runs=has_runs),
        "power": power,
        "clock": types.SimpleNamespace(now=lambda: 7.0),
    }
    return cast(app.Bot, types.SimpleNamespace(**parts))


@pytest.mark.parametrize("runs", [True, False])
async def test_fleet_is_read_first_where_a_run_was_left(runs: bool) -> None:
    """Reading a large run takes longer than the first look at its servers should wait."""
    power = Power()
    await serving._look_first(starting(power, runs=runs))
    assert power.asked == [7.0] * runs


async def test_first_look_that_fails_stops_nobody() -> None:
    """Whoever watches the run looks again, and tells what is wrong."""
    power = Power(errors.CloudError("away"))
    await serving._look_first(starting(power, runs=True))
    await asyncio.sleep(0)
    assert power.asked == [7.0]


async def test_first_look_that_takes_long_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A cloud that hangs doesn't keep a stop from being heard."""
    monkeypatch.setattr(serving, "HEAD_START_S", 0.01)
    before = asyncio.all_tasks()
    async with asyncio.timeout(30):
        await serving._look_first(starting(Power(slow=True), runs=True))
    for task in asyncio.all_tasks() - before:
        task.cancel()

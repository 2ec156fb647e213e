"""Calls are counted, not timed: an operation without faults makes no call that it could spare."""

from __future__ import annotations

import pytest

from tests.benchmarks import growth, stage


@pytest.mark.parametrize("count", [60, 1_000, 2_500])
async def test_operation_makes_no_call_that_it_could_spare(count: int) -> None:
    """One power call for fifty servers, one sweep for the plan, and one for each look."""
    counted = await growth.operate(count)

    pages = -(-count // stage.PAGE_ROWS)
    assert counted.puts == -(-count // stage.IDS_PER_CALL)
    assert counted.reads % pages == 0
    # Looks at about 2, 5 and 9 s after the calls: the third at the latest sees the end, after 5 s.
    assert 2 <= counted.reads // pages <= 1 + 3

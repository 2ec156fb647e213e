"""Garbage is looked for when it disturbs nobody, and in any case at some time."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import subprocess
import sys
import weakref

import pytest

from bot.runtime import gc_tuning

SETTLED = """
import gc, sys
from bot.runtime import gc_tuning
gc_tuning.begin()
print(gc.isenabled())
gc_tuning.settle()
print(gc.isenabled(), gc.get_threshold()[2] > 1000, gc.get_freeze_count() > 1000)
print(sys.getswitchinterval() < 0.005)
"""

LOADED = """
import sys
from bot import serving
from bot.operations import health, logs, metrics
print(sorted({"alembic", "psycopg", "sqlalchemy"} & set(sys.modules)))
"""


def test_interpreter_is_set_once_everything_is_loaded() -> None:
    """No garbage is looked for while loading, and full collections no longer come by themselves."""
    told = subprocess.run([sys.executable, "-c", SETTLED], capture_output=True, check=True).stdout

    assert told.decode().split() == ["False", "True", "True", "True", "True"]


class Ring:
    """Something that only a garbage collection can let go of."""

    def __init__(self) -> None:
        self.itself = self


@pytest.mark.parametrize(
    ("driving", "at_latest_s", "gone"),
    [(0, 9.0, True), (1, 9.0, False), (1, 0.0, True)],
    ids=["idle", "busy", "at-latest"],
)
async def test_old_garbage_is_let_go_of_in_idle_moments(
    driving: int, at_latest_s: float, gone: bool
) -> None:
    """A run under way is not stopped for it, until it is high time."""
    gc.disable()
    ring = weakref.ref(Ring())
    looking = asyncio.create_task(
        gc_tuning.collect_when_idle(lambda: driving, look_s=0.001, at_latest_s=at_latest_s)
    )
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(10.0 if gone else 0.05):
            while ring() is not None:  # noqa: ASYNC110 -- a collection sets no event
                await asyncio.sleep(0.001)
    looking.cancel()
    gc.enable()

    assert (ring() is None) is gone


def test_run_loads_no_package_that_it_has_no_use_for() -> None:
    """The dialect of a database that nobody chose costs no start and no memory."""
    told = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, check=True).stdout

    assert told.decode().split() == ["[]"]

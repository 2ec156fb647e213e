"""How the interpreter is set for a process that must answer a click while it watches a fleet.

A full garbage collection looks at every object: with ten thousand servers in memory it stops the
event loop for tenths of a second, and by Python's own thresholds it came several times a second.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable

# Young objects are looked at as often as their number asks for; old ones only when nothing runs.
THRESHOLDS = (2_000, 100, 1_000_000)  # Objects made, then collections of the generation before.
# A thread that computes lets the event loop have its turn after this time. An acknowledgement
# waits for it a dozen times, at each thread and statement that it passes.
SWITCH_S = 0.0002
# Old garbage is looked for this often, in a moment without a run, and this late in any case.
LOOK_S = 30.0
AT_LATEST_S = 3600.0


def begin() -> None:
    """Look for no garbage while everything is loaded: there is none, and it takes a sixth of it."""
    gc.disable()


def settle() -> None:
    """Tune garbage collection for the rest of the process; objects loaded so far are never scanned.

    To be called when everything is loaded.
    """
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    gc.enable()
    sys.setswitchinterval(SWITCH_S)


async def collect_when_idle(
    driving: Callable[[], int], *, look_s: float = LOOK_S, at_latest_s: float = AT_LATEST_S
) -> None:
    """Look for old garbage in idle moments, until cancelled; `driving` tells of runs under way."""
    since_s = 0.0
    while True:
        await asyncio.sleep(look_s)
        since_s += look_s
        if not driving() or since_s >= at_latest_s:
            gc.collect()
            since_s = 0.0

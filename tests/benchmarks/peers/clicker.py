"""Sends clicks at planned times to a port, in the name of a Slack, and prints their acks' p99.

Those of the first seconds don't count: a bot that was just started is slower for a while.
"""

from __future__ import annotations

import asyncio
import sys

from tests.benchmarks import children, load

RATE = 50.0
SECONDS = 10.0


def main() -> None:
    """Send, and tell the seconds."""
    children.stay_off_the_measured_core()
    for _ in ("not counted", "counted"):
        clicks = load.planned(int(sys.argv[1]), "click", sys.argv[2], rate=RATE, seconds=SECONDS)
        found = asyncio.run(clicks)
        if found.refused:
            raise SystemExit(f"{found.refused} clicks were refused")
    print("READY", found.p99_s, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

"""One command for all benchmarks: `python -m tests.benchmarks --profile ci`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import pathlib
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence

import structlog

from bot.runtime import gc_tuning
from tests.benchmarks import (
    busy,
    children,
    committed,
    felt,
    growth,
    ingress,
    operation,
    plot,
    report,
    start_up,
    together,
    work,
)
from tests.benchmarks.rows import CI, FULL, Profile, Row

BENCHMARKS: dict[str, Callable[[Profile], AsyncGenerator[Row]]] = {
    "http": ingress.http_rows,
    "socket": ingress.socket_rows,
    "start": start_up.rows,
    "felt": felt.rows,
    "fold": work.fold_rows,
    "page": work.page_rows,
    "growth": growth.rows,
    "operation": operation.rows,
    "together": together.rows,
    "busy": busy.ack_rows,
    "restart": busy.restart_rows,
    "sdk": operation.sdk_rows,
}


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--profile", choices=("ci", "full"), default="ci")
    parser.add_argument("--only", nargs="*", choices=sorted(BENCHMARKS), default=[])
    parser.add_argument("--json", type=pathlib.Path, help="write everything to this file")
    parser.add_argument("--write", type=pathlib.Path, help="put the table into this Markdown file")
    return parser.parse_args()


async def measured(
    names: Sequence[str], profile: Profile, tell: Callable[[Row], None]
) -> list[str]:
    """Run benchmarks one after another, tell each row as it ends, and return what broke."""
    broken: list[str] = []
    for name in names:
        began, told = time.monotonic(), ""
        try:
            async with contextlib.aclosing(BENCHMARKS[name](profile)) as rows:
                async for row in rows:
                    tell(row)
        except Exception as error:  # One that breaks must not cost what the others measure.
            broken.append(name)
            told = f" BROKEN: {type(error).__name__}: {error}"
        print(f"{name}: {time.monotonic() - began:.0f} s{told}", file=sys.stderr, flush=True)  # noqa: T201
    return broken


def main() -> None:
    """Run and tell; the exit status is 0 whatever the timings are, 1 when one could not be run."""
    asked = arguments()
    profile = FULL if asked.profile == "full" else CI
    children.stay_off_the_measured_core()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    # What is measured in this process is measured as the bot runs.
    gc_tuning.settle()
    began = time.monotonic()
    found: list[Row] = []

    def tell(row: Row) -> None:
        """Print a row, and keep it: a run that is cut still shows what it has measured."""
        found.append(row)
        print(report.as_text(row), flush=True)  # noqa: T201
        if asked.json:
            asked.json.write_text(report.as_json(found, profile, time.monotonic() - began))

    print(report.HEAD, flush=True)  # noqa: T201
    broken = asyncio.run(measured(asked.only or list(BENCHMARKS), profile, tell))
    lasted_s = time.monotonic() - began
    print(f"{len(report.missed(found))} of {len(found)} rows miss their bar")  # noqa: T201
    if asked.write:
        committed.replace_table(asked.write, report.as_markdown(found, profile, lasted_s))
        if plot.LAST:
            asked.write.with_suffix(".svg").write_text(plot.LAST)
    if broken:
        raise SystemExit(1)


if __name__ == "__main__":
    main()

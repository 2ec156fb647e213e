"""The soak command; see the package's docstring."""

from __future__ import annotations

import argparse
import asyncio
import pathlib
import sys
import tempfile

from tests.soak import run


def main() -> int:
    """Run as the arguments say; 1 when something was wrong."""
    usual = run.Wish()
    arguments = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    arguments.add_argument("--requests", type=int, default=usual.requests)
    arguments.add_argument("--seconds", type=float, default=usual.seconds)
    arguments.add_argument("--seed", type=int, default=usual.seed)
    arguments.add_argument("--database", choices=("sqlite", "postgresql"), default=usual.database)
    arguments.add_argument("--replicas", type=int, default=usual.replicas)
    arguments.add_argument("--factor", type=float, default=usual.factor)
    arguments.add_argument("--at-once", type=int, default=usual.at_once)
    arguments.add_argument("--servers", type=int, default=usual.servers)
    arguments.add_argument("--calm", action="store_true", help="without faults")
    arguments.add_argument("--folder", help="keep logs and the SQLite file here")
    given = vars(arguments.parse_args())
    kept = given.pop("folder")
    with tempfile.TemporaryDirectory(prefix="powerbot-soak-") as made:
        folder = pathlib.Path(kept or made)
        folder.mkdir(parents=True, exist_ok=True)
        report = asyncio.run(run.run(run.Wish(**given), folder))
    print(report)  # noqa: T201 -- it is what the command is for
    return 1 if report.finding.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

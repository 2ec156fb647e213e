"""The table: as text for a terminal, as JSON for machines, as Markdown for the repository."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
from collections.abc import Sequence

from tests.benchmarks.rows import Profile, Row, Verdict

LIBRARIES = ("slack-bolt", "slack-sdk", "aiohttp", "httpx", "pydantic", "sqlalchemy", "psycopg")
MEGA = 1024 * 1024
WHAT_WIDTH = 92


def machine() -> dict[str, str]:
    """Return the kind of machine and the versions; nothing that names this one."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    found = {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{pages / MEGA / 1024:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }
    return found | {name: importlib.metadata.version(name) for name in LIBRARIES}


def _processor() -> str:
    info = pathlib.Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def shown(value: float | None, unit: str) -> str:
    """Return a figure as people read it."""
    if value is None:
        return "-"
    digits = 3 if value < 0.1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f}{unit}"


def _range(row: Row) -> str:
    return f"{shown(min(row.values), '')} to {shown(max(row.values), '')}"


HEAD = f"{'measured':>11} {'min to max':>18} {'bar':>8} {'goal':>8}  {'holds':<12} what (beside)"


def as_text(row: Row) -> str:
    """Return a row for a terminal, under the words of `HEAD`."""
    sign = "" if row.bar is None else ">" if row.least else "<"
    line = (
        f"{shown(row.median, row.unit):>11} {_range(row):>18} "
        f"{sign + shown(row.bar, row.unit):>8} {shown(row.goal, row.unit):>8}  "
        f"{row.verdict.value:<12} {row.what} ({row.peer})"
    )
    return f"{line}\n{' ' * 64}{row.note}" if row.note else line


def as_json(rows: Sequence[Row], profile: Profile, lasted_s: float) -> str:
    """Return everything, raw rounds included."""
    return json.dumps(
        {
            "at": _now(),
            "profile": profile.name,
            "lasted_s": round(lasted_s),
            "machine": machine(),
            "rows": [row.as_json() for row in rows],
        },
        indent=1,
    )


def as_markdown(rows: Sequence[Row], profile: Profile, lasted_s: float) -> str:
    """Return the table for the repository."""
    lines = [
        f"Measured {_now()} by `--profile {profile.name}` in {lasted_s / 60:.0f} minutes on: "
        + ", ".join(f"{name} {value}" for name, value in machine().items())
        + ".",
        "",
        "| measured | min to max | bar | goal | holds | what | beside | in figures |",
        "|---:|---:|---:|---:|---|---|---|---|",
    ]
    for row in rows:
        sign = "" if row.bar is None else "≥ " if row.least else "≤ "
        cells = (
            f"**{shown(row.median, row.unit)}**",
            _range(row),
            sign + shown(row.bar, row.unit),
            shown(row.goal, row.unit),
            row.verdict.value,
            row.what,
            row.peer,
            row.note,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def missed(rows: Sequence[Row]) -> list[Row]:
    """Return the rows whose bar doesn't hold."""
    return [row for row in rows if row.verdict is Verdict.MISSED]


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")

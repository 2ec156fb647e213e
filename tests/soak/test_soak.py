"""The soak's short form; the long one is `python -m tests.soak`."""

from __future__ import annotations

import pathlib

import pytest

from tests.soak import run


@pytest.mark.parametrize(
    ("database", "replicas"), [("sqlite", 1), ("postgresql", 2)], ids=["sqlite", "postgresql"]
)
async def test_nobody_loses_a_request_whatever_goes_wrong(
    database: str, replicas: int, tmp_path: pathlib.Path
) -> None:
    """Fifty requests among kills, outages and faults: none lost, doubled, or ended with a lie."""
    wish = run.Wish(
        requests=50,
        seconds=90,
        seed=7,
        database=database,
        replicas=replicas,
        factor=20.0,
        at_once=25,
        servers=100,
    )

    report = await run.run(wish, tmp_path)

    assert report.finding.wrong == [], str(report)
    assert report.finding.audit_rows > 100

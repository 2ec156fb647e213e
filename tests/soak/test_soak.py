"""The soak's short form; the long one is `python -m tests.soak`."""

from __future__ import annotations

import asyncio
import pathlib
from typing import Any

import pytest

from tests.soak import run


class Broken:
    """Faults of which the first can't be caused, and people who don't mind."""

    mended = False

    async def run(self) -> None:
        """Break off."""
        raise LookupError("there is nothing to break")

    async def story(self, _number: int) -> None:
        """Ask for nothing."""
        await asyncio.sleep(0)

    def mend(self) -> None:
        """Note that the faults were taken back."""
        self.mended = True


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


async def test_a_run_whose_faults_broke_off_is_none() -> None:
    """What went well without faults says nothing about them."""
    broken: Any = Broken()

    with pytest.raises(LookupError, match="nothing to break"):
        await run._play(run.Wish(requests=1, seconds=1.0), broken, broken)

    assert broken.mended

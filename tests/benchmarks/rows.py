"""What a benchmark has found, beside its bar and its goal."""

from __future__ import annotations

import dataclasses
import enum
import statistics
from collections.abc import Sequence

# How far the same program may stray from itself in a run before a timing says nothing.
STRAYS = 0.25


class Verdict(enum.StrEnum):
    """Whether a row's bar holds; nothing is promised where there is none."""

    GOAL = "goal"
    BAR = "bar"
    MISSED = "MISSED"
    INCONCLUSIVE = "inconclusive"
    NONE = "-"


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table: the median of paired ratios (or counts), with the range.

    `control` is the median of the same program against itself, None where nothing is timed.
    `least` says that more is better: bar and goal are the least that is wanted.
    """

    what: str
    peer: str
    values: tuple[float, ...]
    unit: str = "x"
    bar: float | None = None
    goal: float | None = None
    least: bool = False
    control: float | None = None
    note: str = ""

    @property
    def median(self) -> float:
        """The middle of the rounds."""
        return statistics.median(self.values)

    @property
    def verdict(self) -> Verdict:
        """What the row's median says; a strayed control says that it can't be said."""
        if self.bar is None:
            return Verdict.NONE
        if self.control is not None and abs(self.control - 1.0) > STRAYS:
            return Verdict.INCONCLUSIVE
        if not self._reaches(self.bar):
            return Verdict.MISSED
        return Verdict.GOAL if self.goal is not None and self._reaches(self.goal) else Verdict.BAR

    def _reaches(self, wanted: float) -> bool:
        return self.median >= wanted if self.least else self.median <= wanted

    def as_json(self) -> dict[str, object]:
        """Return the row with its raw rounds."""
        return {
            **dataclasses.asdict(self),
            "median": self.median,
            "verdict": self.verdict.value,
        }


def ratios(ours: Sequence[float], peers: Sequence[float]) -> tuple[float, ...]:
    """Return ours over the peer's, round by round."""
    return tuple(mine / theirs for mine, theirs in zip(ours, peers, strict=True))


@dataclasses.dataclass(frozen=True)
class Profile:
    """How much is measured: rounds, seconds of each, and whether the large things run."""

    name: str
    rounds: int
    seconds: float
    full: bool


CI = Profile("ci", rounds=3, seconds=0.5, full=False)
FULL = Profile("full", rounds=5, seconds=0.8, full=True)

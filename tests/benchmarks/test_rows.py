"""What a row says of its bar, and where the table is written."""

from __future__ import annotations

import pathlib

import pytest

from tests.benchmarks import committed, report
from tests.benchmarks.rows import CI, Row, Verdict, ratios


def row(
    *values: float,
    least: bool = True,
    control: float | None = 1.0,
    bar: float | None = 4.0,
    goal: float | None = 8.0,
) -> Row:
    """A row of a timing with these rounds."""
    return Row("acks", "a peer", values, least=least, control=control, bar=bar, goal=goal)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ((3.9, 4.1, 9.0), Verdict.BAR),
        ((8.5, 8.1, 1.0), Verdict.GOAL),
        ((3.0, 3.5, 9.0), Verdict.MISSED),
    ],
    ids=["bar", "goal", "missed"],
)
def test_a_row_is_judged_by_its_median(values: tuple[float, ...], verdict: Verdict) -> None:
    """One odd round doesn't decide."""
    assert row(*values).verdict is verdict


def test_a_strayed_control_says_nothing() -> None:
    """When the same program differs from itself by more than a quarter, no bar is judged."""
    assert row(3.0, control=1.3).verdict is Verdict.INCONCLUSIVE
    assert row(3.0, control=None).verdict is Verdict.MISSED


def test_a_row_without_a_bar_promises_nothing() -> None:
    """It is shown for comparison alone."""
    assert row(1.0, bar=None, goal=None).verdict is Verdict.NONE


def test_ratios_are_taken_round_by_round() -> None:
    """Rounds are paired, since the machine changes between them."""
    assert ratios([2.0, 9.0], [1.0, 3.0]) == (2.0, 3.0)


def test_the_report_shows_bar_goal_and_verdict_of_each_row() -> None:
    """All three forms name the row, its figure and whether its bar holds."""
    rows = [row(5.0, 6.0, 7.0), row(0.5, least=False, bar=1.0)]
    printed = "\n".join([report.HEAD, *map(report.as_text, rows)])
    shown = printed, report.as_markdown(rows, CI, 61.0), report.as_json(rows, CI, 61.0)

    for text in shown:
        assert "acks" in text
        assert "bar" in text
        assert "goal" in text
    assert "6.00x" in shown[0]
    assert report.missed(rows) == []


def test_the_table_is_replaced_between_its_marks(tmp_path: pathlib.Path) -> None:
    """The words around the table stay, and so do the marks, for the next time."""
    path = tmp_path / "BENCHMARKS.md"
    path.write_text(f"before\n{committed.BEGIN}old\n{committed.END}after\n")

    committed.replace_table(path, "new")
    committed.replace_table(path, "newer")

    assert path.read_text() == f"before\n{committed.BEGIN}\nnewer\n{committed.END}after\n"
    with pytest.raises(ValueError, match="needs the lines"):
        committed.replace_table(pathlib.Path(__file__).with_name("rows.py"), "new")

"""The drawing of growth is whole, whatever the figures are."""

from __future__ import annotations

from xml.etree import ElementTree

from tests.benchmarks import plot


def test_plot_draws_each_curve_with_its_points() -> None:
    """Every curve has a line, a dot for each size, and its name; zero is drawn at the bottom."""
    curve = [(100, 0.0), (1_000, 30.0), (10_000, 300.0)]

    drawn = ElementTree.fromstring(plot.svg({name: curve for name in "abcd"}))  # noqa: S314

    kinds = [one.tag.rpartition("}")[2] for one in drawn.iter()]
    assert kinds.count("polyline") == 4
    assert kinds.count("circle") == 12
    assert "a: 300" in {one.text for one in drawn.iter()}

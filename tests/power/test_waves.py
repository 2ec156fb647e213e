"""A careful start, then batches, never too many of one rack at once."""

from __future__ import annotations

from hypothesis import given, strategies as st

from bot.power import plan, ports, request, waves

OPTIONS = request.Options()


def rows(*racks: str) -> list[ports.RunServer]:
    """Return one queued server for each rack named."""
    return [ports.RunServer(f"id{n}", f"web{n:02}", rack) for n, rack in enumerate(racks)]


def test_waves_begin_with_the_ramp() -> None:
    """One server first, then five, then batches."""
    terms = plan.Terms(ramp=(1, 5), batch=50)

    assert waves.sizes(terms, OPTIONS, 120) == (1, 5, 50, 50, 14)


def test_waves_are_never_larger_than_the_batch_that_was_asked_for() -> None:
    """`--batch` tightens the ramp too."""
    terms = plan.Terms(ramp=(1, 5), batch=50)

    assert waves.sizes(terms, request.Options(batch=2), 5) == (1, 2, 2)


def test_waves_take_at_most_so_many_of_one_rack() -> None:
    """The cap is per rack, and servers without a rack count as one rack."""
    chosen = waves.choose(rows("r1", "r1", "r2", "", ""), 5, per_rack=1)

    assert [row.rack for row in chosen] == ["r1", "r2", ""]


@given(st.integers(0, 500), st.lists(st.integers(1, 20), max_size=4), st.integers(1, 60))
def test_waves_add_up_to_all_servers(total: int, ramp: list[int], batch: int) -> None:
    """No server is left out and none goes twice."""
    terms = plan.Terms(ramp=tuple(ramp), batch=batch)

    assert sum(waves.sizes(terms, OPTIONS, total)) == total


@given(st.integers(0, 500))
def test_calls_hold_at_most_fifty_servers(total: int) -> None:
    """No call has more than 50 ids, and none is empty."""
    cut = list(waves.calls(range(total)))

    assert sum(map(len, cut)) == total
    assert all(1 <= len(call) <= waves.IDS_PER_CALL for call in cut)

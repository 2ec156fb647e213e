"""A careful start, then batches, never too many of one rack at once."""

from __future__ import annotations

from hypothesis import given, strategies as st

from bot.power import plan, ports, request
from bot.power.run import waves

OPTIONS = request.Options()


def rows(*racks: str) -> list[ports.RunServer]:
    """Return one queued server for each rack named."""
    return [ports.RunServer(f"id{n}", f"web{n:02}", ("", rack)) for n, rack in enumerate(racks)]


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

    assert [row.stood[1] for row in chosen] == ["r1", "r2", ""]


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


def test_the_waves_of_a_power_on_are_cut_by_racks() -> None:
    """Five of one rack and one of another, two at once of each: three waves."""
    terms = plan.Terms(ramp=(), batch=50, max_per_rack=2)
    racks = [("room", "r1")] * 5 + [("room", "r2"), ("other room", "r1")]

    assert waves.spread(terms, OPTIONS, racks, {}) == (4, 2, 1)


def test_what_others_switch_on_leaves_less_room_for_the_first_wave() -> None:
    """Where there is none at all, the first wave comes when they are done."""
    terms = plan.Terms(ramp=(), batch=50, max_per_rack=3)
    racks = [("room", "r1")] * 4
    busy = {("room", "r1"): ports.Busy(1, 2)}
    full = {("room", "r1"): ports.Busy(3, 3)}

    assert waves.spread(terms, OPTIONS, racks, busy) == (1, 3)
    assert waves.spread(terms, OPTIONS, racks, full) == (3, 1)


@given(
    st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=60),
    st.integers(1, 4),
    st.lists(st.integers(1, 9), max_size=3),
    st.integers(1, 20),
)
def test_the_waves_of_the_plan_are_those_of_the_run(
    racks: list[str], per_rack: int, ramp: list[int], batch: int
) -> None:
    """What the plan says is what is chosen, wave by wave, when nothing comes between."""
    terms = plan.Terms(ramp=tuple(ramp), batch=batch, max_per_rack=per_rack)
    left = rows(*racks)
    sizes: list[int] = []
    while left:
        most = waves.size(terms, OPTIONS, len(sizes))
        chosen = waves.choose(left, most, per_rack=per_rack)
        sizes.append(len(chosen))
        left = [row for row in left if row not in chosen]

    planned = waves.spread(terms, OPTIONS, [("", rack) for rack in racks], {})
    assert list(planned) == sizes

"""A page that is read again gives what it would give for the first time, at less cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.clouddc import rereading, wire
from bot.runtime import foreground

from .builders import server_id

LIMIT = 1000


@pytest.fixture(autouse=True, scope="module")
def small_slices() -> Iterator[None]:
    """Pages of forty rows are read in as many slices as those of a thousand."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rereading, "SLICE", 7)
        patch.setattr(rereading, "READ", 3)
        yield


def row(number: int, **more: object) -> dict[str, Any]:
    """A row as the service writes it."""
    return {"id": server_id(number), "name": f"web{number}", "power_state": "on", **more}


def written(*rows: object, **more: object) -> bytes:
    """A page as the service writes it, without spaces."""
    page = {"servers": rows, "page_info": {"next_marker": None}, "count": len(rows), **more}
    return json.dumps(page, separators=(",", ":")).encode()


async def sweep(reader: rereading.Rereader, body: bytes) -> wire.Page:
    """Read one page as a whole sweep."""
    reader.begin()
    return await reader.page(body)


ROWS = [row(number, tags=[{"key": "role", "value": "web"}]) for number in range(40)]


async def test_row_that_has_not_changed_is_the_same_object() -> None:
    """Only what changed is read anew, and the page is as if all had been."""
    reader = rereading.Rereader(foreground.Foreground())
    changed = [*ROWS[:7], ROWS[7] | {"power_state": "off"}, *ROWS[8:]]

    first = await sweep(reader, written(*ROWS))
    second = await sweep(reader, written(*changed, count=99))

    assert second == wire.page(written(*changed, count=99))
    same = [one is other for one, other in zip(first.servers, second.servers, strict=True)]
    assert [place for place, it in enumerate(same) if not it] == [0, 7, 39]


async def test_row_is_forgotten_that_the_last_sweep_did_not_have() -> None:
    """Memory holds two sweeps at most."""
    reader = rereading.Rereader(foreground.Foreground())
    first = await sweep(reader, written(*ROWS))
    await sweep(reader, written(*ROWS[:20]))

    third = await sweep(reader, written(*ROWS))

    assert third.servers[10] is first.servers[10]
    assert third.servers[30] is not first.servers[30]


@pytest.mark.parametrize(
    "odd",
    [
        {"nics": [{"id": "a"}, {"id": "b"}]},
        {"name": '},{"id":"x'},
        {"peers": [ROWS[1], ROWS[2]]},
        {"id": None},
    ],
    ids=["nested", "in-a-text", "nested-rows", "without-id"],
)
async def test_odd_row_is_read_as_it_would_be_alone(odd: dict[str, object]) -> None:
    """Rows within rows, or what looks like their border, mislead nobody, on any sweep."""
    reader = rereading.Rereader(foreground.Foreground())
    rows = [*ROWS[:5], ROWS[5] | odd, *ROWS[6:]]

    for body in (written(*ROWS), written(*rows), written(*rows), written(*ROWS)):
        assert await sweep(reader, body) == wire.page(body)


@pytest.mark.parametrize("length", [0, 100, 900, -1, -2])
async def test_page_that_was_cut_off_is_refused(length: int) -> None:
    """Known rows don't make a whole page of half a one."""
    reader = rereading.Rereader(foreground.Foreground())
    await sweep(reader, written(*ROWS))
    body = written(*ROWS)
    between = body.rindex(rereading.BETWEEN)

    for half in (body[:length], body[:between], body[: between + 1]):
        with pytest.raises(wire.Unreadable):
            await sweep(reader, half)
        await sweep(reader, body)


@given(st.lists(st.lists(st.integers(0, 30), max_size=30), min_size=2, max_size=4), st.data())
async def test_every_sweep_is_read_as_if_it_were_the_first(
    sweeps: list[list[int]], data: st.DataObject
) -> None:
    """Whatever comes, goes, repeats or changes from sweep to sweep."""
    reader = rereading.Rereader(foreground.Foreground())
    for numbers in sweeps:
        states = data.draw(st.lists(st.sampled_from("ab"), min_size=30, max_size=30))
        rows = [row(n, power_state=state) for n, state in zip(numbers, states, strict=False)]
        body = written(*rows)

        assert await sweep(reader, body) == wire.page(body)


async def test_server_that_has_changed_keeps_its_strings_and_tags() -> None:
    """Reading it anew takes room for its record alone; another server shares its tags."""
    reader = rereading.Rereader(foreground.Foreground())
    before = (await sweep(reader, written(*ROWS))).servers
    changed = [{**one, "power_state": "off"} for one in ROWS]
    after = (await sweep(reader, written(*changed))).servers
    for old, new in zip(before, after, strict=True):
        assert (old.power_state, new.power_state) == ("on", "off")
        assert old.id is new.id
        assert old.name is new.name
        assert before[0].tags is new.tags == (("role", "web"),)

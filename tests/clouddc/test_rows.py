"""Rows of a page: each is read by itself, and stays what it was while it doesn't change."""

from __future__ import annotations

import asyncio
import json

import pytest

from bot.clouddc import rows, wire
from bot.power import server
from tests.clouddc.builders import page, row, server_id

ONE, TWO = server_id(1), server_id(2)


def read(*given: object) -> tuple[server.Server, ...]:
    """The servers of a page with these rows."""
    return wire.page(json.dumps({"servers": given}).encode()).servers


def kept(row: server.Server, known: dict[str, server.Server]) -> server.Server:
    """The server as the inventory keeps it."""
    ((id_, found),) = rows.kept([row], known)
    assert id_ is found.id
    return found


@pytest.mark.parametrize("left", [1, 100, 900, -1, -2])
async def test_page_that_was_cut_off_is_refused(left: int) -> None:
    """Half a page is no short page."""
    body = json.dumps(page(*range(1, 9))).encode()[:left]

    with pytest.raises(wire.UnreadableAnswer):
        await wire.page_in_turns(body)


@pytest.mark.parametrize(
    "odd",
    [{"nics": [{"id": "a"}]}, {"name": '},{"id":"x'}, {"peers": [row(3)]}, {"tags": ["a=b"]}],
    ids=["nested", "border-in-a-text", "rows-in-a-row", "undocumented"],
)
async def test_page_gives_one_server_for_each_row(odd: dict[str, object]) -> None:
    """Whatever a row holds, those beside it are what they are alone."""
    body = json.dumps({"servers": [row(1), row(2) | odd, row(4)]}, separators=(",", ":")).encode()

    found = await wire.page_in_turns(body)

    assert found == wire.page(body)
    assert [one.id for one in found.servers] == [ONE, TWO, server_id(4)]
    assert found.servers[0] == wire.record(json.dumps(row(1)).encode(), ONE)


async def test_other_tasks_go_on_while_a_large_page_is_read() -> None:
    """A thousand rows are read in a few turns of the event loop, not in one."""
    body = json.dumps(page(*range(1, 1001))).encode()
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    found = await wire.page_in_turns(body)
    beside.cancel()

    assert len(found.servers) == 1000
    assert turns >= 1000 // wire.ROWS_AT_ONCE - 1


def test_server_that_has_not_changed_stays_the_record_that_it_was() -> None:
    """One that has changed keeps what it still has: plans and runs hold the same strings."""
    (before,), (same,) = read(row(1)), read(row(1))
    (after,) = read(row(1, power_state="off"))

    found = kept(after, {ONE: before})

    assert kept(same, {ONE: before}) is before
    assert (found, found.power_state) == (after, "off")
    assert (found.id is before.id, found.name is before.name, found.tags is before.tags) == (
        True,
    ) * 3
    assert kept(after, {}) is after

"""Work on a large fleet rests while a payload of Slack's is in hand, though never for long."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time

import pytest

from bot.runtime import foreground


async def at_work(first: foreground.Foreground, done: list[int], items: int = 10) -> None:
    """Go through some items in slices of two, and note each slice by its first item."""
    async for some in first.slices(range(items), 2):
        done.append(some[0])


async def test_slices_hold_every_item_once() -> None:
    """The last slice is what is left; nothing makes none."""
    first = foreground.Foreground()

    assert [some async for some in first.slices(range(5), 2)] == [[0, 1], [2, 3], [4]]
    assert [some async for some in first.slices(range(0), 2)] == []


async def test_work_rests_while_a_payload_is_in_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the slice that was begun is brought to its end; after the payload the work goes on."""
    monkeypatch.setattr(foreground, "LONGEST_REST_S", 60.0)
    first, done = foreground.Foreground(), list[int]()
    working = asyncio.create_task(at_work(first, done))
    await asyncio.sleep(0)
    with first.first():
        for _ in range(50):
            await asyncio.sleep(0)
        assert done == [0]

    await working
    assert done == [0, 2, 4, 6, 8]


async def test_work_waits_for_all_payloads_in_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has its acknowledgement doesn't speak for the others."""
    monkeypatch.setattr(foreground, "LONGEST_REST_S", 60.0)
    first, done = foreground.Foreground(), list[int]()
    with contextlib.ExitStack() as other, first.first():
        other.enter_context(first.first())
        working = asyncio.create_task(at_work(first, done))
        other.close()
        for _ in range(50):
            await asyncio.sleep(0)
        assert done == [0]
    await working


async def test_work_goes_on_beside_a_payload_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of payloads slows a run down; it doesn't stop it."""
    monkeypatch.setattr(foreground, "LONGEST_REST_S", 0.001)
    first, done = foreground.Foreground(), list[int]()
    with first.first():
        await at_work(first, done)
    assert done == [0, 2, 4, 6, 8]


def test_nobody_rests_for_a_payload_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a form's own answer needs to read doesn't wait for that answer at every slice."""
    monkeypatch.setattr(foreground, "LONGEST_REST_S", 0.001)
    first, waits = foreground.Foreground(), list[float]()
    monkeypatch.setattr(first._open, "wait", waits.append)
    with first.first():
        first.pause()
        time.sleep(0.002)
        rested = len(waits)
        first.pause()
    assert len(waits) == rested


async def test_payload_that_comes_in_meanwhile_is_seen_before_the_next_slice() -> None:
    """A request takes some turns of the event loop from its socket to its handler."""
    first, done, seen = foreground.Foreground(), list[int](), list[int]()

    async def come_in() -> None:
        for _ in range(foreground.TURNS - 1):
            await asyncio.sleep(0)
        with first.first():
            seen.append(len(done))

    working = asyncio.create_task(at_work(first, done))
    coming = asyncio.create_task(come_in())
    await asyncio.gather(working, coming)
    assert seen == [1]


def rests(first: foreground.Foreground, work: threading.Thread) -> bool:
    """Whether a thread goes on only when the payload that is in hand now has been dealt with."""
    with first.first():
        work.start()
        work.join(0.05)
        resting = work.is_alive()
    work.join()
    return resting


def test_thread_rests_while_a_payload_is_in_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """It shares the interpreter with the event loop."""
    monkeypatch.setattr(foreground, "LONGEST_REST_S", 60.0)
    first = foreground.Foreground()

    assert rests(first, threading.Thread(target=first.pause))
    assert rests(first, threading.Thread(target=lambda: list(first.politely([1, 2, 3]))))


async def test_polite_items_are_the_same_items() -> None:
    """However often they are gone through."""
    items = list(range(2 * foreground.SLICE + 1))
    polite = foreground.Foreground().politely(items)

    assert list(polite) == list(polite) == items
    assert (len(polite), polite[1], polite[-2:]) == (len(items), 1, items[-2:])


async def test_work_in_a_thread_breathes() -> None:
    """Deep within it nobody needs to know whose thread it is; in the event loop nothing waits."""
    first, pauses = foreground.Foreground(), list[str]()
    first.pause = lambda: pauses.append(threading.current_thread().name)  # type: ignore[method-assign]

    def work(told: str) -> str:
        foreground.breathe()
        return told

    assert await first.in_thread(work, "done") == "done"
    foreground.breathe()

    [name] = pauses
    assert name != threading.current_thread().name

"""What is out when its run has ended: in the hands of one process, and none of it lapses."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import pathlib
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

from bot.execution.steps import still_out
from bot.power import ports
from bot.power.lifecycle import ServerState
from bot.power.request import Action
from bot.power.run import step_ledger
from bot.power.steps.states import StepState
from bot.power.steps.wave_parts import Part
from bot.sandbox import data_centre
from tests.execution.steps import stage
from tests.support import virtual

ON = data_centre.Power.ON
LONG = ('kind = "note"\nurl = "http://k8s"\nwithin = "60s"',
        'kind = "note"\nurl = "http://k8s"\nwithin = "10m"')  # fmt: skip
SHORT = ('lasts = "2h"', 'lasts = "4m"')


@dataclasses.dataclass
class Counted:
    """A kind of step that counts what one process asks of it."""

    kind: object
    asked: list[str]

    def __getattr__(self, name: str) -> object:
        """Return a question that is counted."""
        ask = getattr(self.kind, name)

        async def asked(*args: object) -> object:
            self.asked.append(name)
            return await ask(*args)

        return asked


def process(play: stage.Stage) -> tuple[stage.Stage, list[str]]:
    """Return one more process on the same store, and what it will have asked the outside."""
    new, asked = play.restarted(), list[str]()
    kinds = {name: Counted(one, asked) for name, one in play.outside.kinds().items()}
    context = dataclasses.replace(new.here.context, step_clients=kinds)  # type: ignore[arg-type]
    return stage.Stage(dataclasses.replace(new.here, context=context), play.outside), asked


@contextlib.asynccontextmanager
async def kept(play: stage.Stage) -> AsyncIterator[None]:
    """Look after what stands again and again, as a process does, while the block lasts."""

    async def run() -> None:
        while True:
            await play.keep()
            await play.here.clock.sleep(5.0)

    keeping = asyncio.create_task(run())
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def part_of(play: stage.Stage, id_: str, step: str) -> Part:
    """Return the one part of a step."""
    [found] = [one for one in await play.parts(id_) if one.step.name == step]
    return found


async def owing(play: stage.Stage, name: str) -> str:
    """Let a reboot end with a note that couldn't be taken off; it is due to be tried again."""
    play.outside.refuses = {f"back {name}": "403 forbidden"}
    found, rows = await play.run(Action.REBOOT, [name])
    play.outside.refuses = {}
    assert rows[name].state is ServerState.PROVEN
    return found.id


async def unwell(play: stage.Stage, name: str) -> str:
    """Let a reboot end with a server that isn't well: flagged and noted, owed, and not due."""
    play.outside.answers = lambda one, now: "HTTP 503" if one == name else ""
    found, rows = await play.run(Action.REBOOT, [name])
    assert rows[name].state is ServerState.UNWELL
    return found.id


async def ask_back(play: stage.Stage, id_: str) -> None:
    """Press Put back."""
    found, _ = await play.here.ended(id_)
    now = play.here.clock.now()
    assert await play.here.store.write(lambda tx: step_ledger.ask_back(tx, found, now=now))


@virtual.on_given_time
async def test_what_hangs_lets_no_flag_of_another_request_lapse(tmp_path: pathlib.Path) -> None:
    """A note that nobody takes off for ten minutes, and a flag that ends after four."""
    async with stage.opened(tmp_path, LONG, SHORT, resting=ON) as play:
        first, second = play.here.ready(2)
        await owing(play, first)
        await unwell(play, second)
        play.outside.silent = True
        async with kept(play):
            for _ in range(130):
                await play.here.clock.sleep(5.0)
                assert ("flag", second) in play.outside.standing()
                await play.promised()


@virtual.on_given_time
async def test_what_hangs_lets_no_flag_of_its_own_request_lapse(tmp_path: pathlib.Path) -> None:
    """Put back was pressed: the flag waits for its turn behind the note, and stands until then."""
    async with stage.opened(tmp_path, LONG, SHORT, resting=ON) as play:
        [name] = play.here.ready(1)
        id_ = await unwell(play, name)
        play.outside.silent = True
        await ask_back(play, id_)
        async with kept(play):
            for _ in range(115):
                await play.here.clock.sleep(5.0)
                assert ("flag", name) in play.outside.standing()
                await play.promised()
            play.outside.silent = False
            await play.here.clock.sleep(70.0)
        assert not play.outside.standing()
        assert set((await play.states(id_)).values()) == {StepState.PUT_BACK, StepState.FAILED}


@virtual.on_given_time
async def test_what_one_process_is_putting_back_no_other_takes(tmp_path: pathlib.Path) -> None:
    """However long it takes, as long as that process lives; once it has died, another does."""
    async with stage.opened(tmp_path, LONG, resting=ON) as play:
        [name] = play.here.ready(1)
        id_ = await owing(play, name)
        play.outside.silent = True
        (first, asked), (second, also) = process(play), process(play)
        await play.here.clock.sleep(10.0)
        putting = asyncio.create_task(first.keep())
        await play.here.clock.sleep(1.0)
        for _ in range(25):
            await second.keep()
            await play.here.clock.sleep(20.0)
        assert len(asked) > 90
        assert not also

        putting.cancel()
        await asyncio.gather(putting, return_exceptions=True)
        before = len(asked)
        play.outside.silent = False
        await play.here.clock.sleep(125.0)
        await second.keep()
        assert (await part_of(play, id_, "drain")).servers[0].state is StepState.PUT_BACK
        assert (len(asked), also) == (before, ["after"])
        await play.promised()


@virtual.on_given_time
async def test_who_was_frozen_while_another_took_over_does_nothing_more(
    tmp_path: pathlib.Path,
) -> None:
    """It neither asks nor writes, and the other ends what it began."""
    async with stage.opened(tmp_path, LONG, resting=ON) as play:
        [name] = play.here.ready(1)
        id_ = await owing(play, name)
        play.outside.silent = True
        (first, asked), (second, _) = process(play), process(play)
        await play.here.clock.sleep(10.0)
        frozen = asyncio.create_task(first.keep())
        await play.here.clock.sleep(30.0)
        key, now = (await part_of(play, id_, "drain")).key, play.here.clock.now()
        await play.here.store.write(lambda tx: tx.look_at_part(key, next_at=now))
        going = asyncio.create_task(second.keep())
        await asyncio.wait_for(frozen, 45.0)
        before = len(asked)
        await play.here.clock.sleep(60.0)
        assert len(asked) == before
        assert not going.done()
        play.outside.silent = False
        await going
        assert (await part_of(play, id_, "drain")).servers[0].state is StepState.PUT_BACK
        await play.promised()


@virtual.on_given_time
async def test_a_press_while_a_part_is_in_hand_is_not_lost(tmp_path: pathlib.Path) -> None:
    """The press is for another server of the part, and is dealt with in the same go."""
    async with stage.opened(tmp_path, LONG, resting=ON) as play:
        names = play.here.ready(3)
        play.outside.answers = lambda one, now: "HTTP 503" if one == names[2] else ""
        play.outside.refuses = {f"back {names[1]}": "403 forbidden"}
        found, rows = await play.run(Action.REBOOT, names)
        assert rows[names[2]].state is ServerState.UNWELL
        play.outside.refuses, play.outside.silent = {}, True
        await play.here.clock.sleep(10.0)
        keeping = asyncio.create_task(play.keep())
        await play.here.clock.sleep(20.0)
        await ask_back(play, found.id)
        await play.here.clock.sleep(20.0)
        play.outside.silent = False
        await keeping
        assert not play.outside.standing() - {("flag", names[2])}
        states = await play.states(found.id)
        assert {states["drain", name] for name in names} == {StepState.PUT_BACK}
        await play.promised()


@dataclasses.dataclass
class Moving:
    """A store in which something happens behind each transaction: the next finds the next part."""

    finds: list[tuple[Part, dict[str, ports.Lock]]]

    async def read(self, work: Callable[[Any], set[str]]) -> set[str]:
        """Answer a transaction by one moment."""
        part, locks = self.finds.pop(0)
        self.finds.append((part, locks))

        class Moment:
            def part(self, key: str) -> Part:
                return part

            def lock_holders(self, ids: list[str]) -> dict[str, ports.Lock]:
                return {id_: lock for id_, lock in locks.items() if id_ in ids}

        return work(Moment())


@virtual.on_given_time
async def test_what_is_due_and_who_is_at_work_there_are_read_at_one_moment(
    tmp_path: pathlib.Path,
) -> None:
    """Of two moments that forbid it, one each way, nobody makes one that allows it."""
    async with stage.opened(tmp_path, resting=ON) as play:
        [name] = play.here.ready(1)
        id_ = await owing(play, name)
        found, rows = await play.here.ended(id_)
        due = await part_of(play, id_, "drain")
        done = dataclasses.replace(due, servers=())
        lock = {rows[name].server_id: ports.Lock("PR-OTHER", "reboot", 0.0)}

        async def wanted(*finds: tuple[Part, dict[str, ports.Lock]]) -> set[str]:
            context = dataclasses.replace(play.here.context, store=cast("Any", Moving([*finds])))
            hand = still_out._Hand(context, found, {due.key: due}, {due.key: 0.0})
            return await hand._wanted(due.key)

        assert await wanted((due, {})) == {rows[name].server_id}
        assert await wanted((due, lock), (done, {})) == set()
        assert await wanted((done, {}), (due, lock)) == set()


@virtual.on_given_time
async def test_what_is_owed_is_audited_once_and_again_where_its_reason_changes(
    tmp_path: pathlib.Path,
) -> None:
    """However often it is tried, and refused in the same words."""
    async with stage.opened(tmp_path, resting=ON) as play:
        [name] = play.here.ready(1)
        id_ = await owing(play, name)
        for words in ("403 forbidden", "the node is locked", "the node is locked"):
            play.outside.refuses = {f"back {name}": words}
            for _ in range(4):
                await play.here.clock.sleep(61.0)
                await play.keep()
        assert (await part_of(play, id_, "drain")).owed[0].detail.endswith("the node is locked")
        assert (await play.audited(id_)).count("step.owed") == 2

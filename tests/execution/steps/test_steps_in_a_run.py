"""What is done around waves, in which order, and what becomes of servers for which it can't be."""

from __future__ import annotations

import asyncio
import json
import pathlib
from typing import Any, cast

import pytest

from bot.execution.steps import after
from bot.power import lifecycle, ports
from bot.power.causes import Cause
from bot.power.lifecycle import ServerState
from bot.power.request import Action, Options
from bot.power.steps.states import Shown, StepState
from bot.sandbox import data_centre
from bot.storage import figures as figures_
from tests.execution import crashing, world
from tests.execution.steps import stage
from tests.support import leases, virtual

ON = data_centre.Power.ON


@virtual.on_given_time
async def test_each_wave_is_taken_out_proven_and_put_back_before_the_next(
    tmp_path: pathlib.Path,
) -> None:
    """In the order of the list before, in the opposite one after; the look is after the steps."""
    async with stage.opened(tmp_path, resting=ON) as play:
        names = play.here.ready(3)
        found, rows = await play.run(Action.REBOOT, names)

        assert found.state is lifecycle.State.SUCCEEDED
        assert {row.state for row in rows.values()} == {ServerState.PROVEN}
        told = [(what, step) for what, step, _, _ in play.outside.heard if what != "probe"]
        wave = [("before", "quiet"), ("before", "drain"), ("after", "drain"), ("after", "quiet")]
        assert told == wave * 2
        assert not play.outside.standing()
        assert {s for s in (await play.states(found.id)).values()} == {
            StepState.PUT_BACK,
            StepState.DONE,
        }
        await play.promised()
        calls = play.here.centre.power_calls()
        drained = [
            at for what, step, _, at in play.outside.heard if (what, step) == ("before", "drain")
        ]
        assert len(calls) == len(drained) == 2
        assert await play.audited(found.id) == 2 * [
            "step.intended", "step.done", "step.intended", "step.done", "step.done",
            "step.put_back", "step.put_back",
        ]  # fmt: skip


@virtual.on_given_time
async def test_the_thread_is_told_once_a_wave(tmp_path: pathlib.Path) -> None:
    """With what was done and what became of the servers."""
    async with stage.opened(tmp_path, resting=ON) as play:
        await play.run(Action.REBOOT, play.here.ready(3))
        first, second = await play.replies()
        assert (first["wave"], first["counts"]) == (1, {"proven": 1})
        assert (second["wave"], second["counts"]) == (2, {"proven": 2})
        assert [one["name"] for one in second["steps"]] == ["answering", "quiet", "drain"]
        assert second["left"] == []


@virtual.on_given_time
async def test_a_server_that_is_proven_and_not_well_stays_out_and_is_owed(
    tmp_path: pathlib.Path,
) -> None:
    """It is a failure, with the probe's name and last words; the others are heard again."""
    async with stage.opened(tmp_path, resting=ON) as play:
        names = play.here.ready(3)
        play.outside.answers = lambda name, now: "HTTP 503" if name == names[2] else ""
        found, rows = await play.run(Action.REBOOT, names)

        assert rows[names[2]].state is ServerState.UNWELL
        assert (rows[names[2]].probe, rows[names[2]].detail) == ("answering", "HTTP 503")
        assert found.state is lifecycle.State.PARTIAL
        states = await play.states(found.id)
        assert states["quiet", names[2]] is StepState.OWED
        assert states["drain", names[2]] is StepState.OWED
        assert states["quiet", names[1]] is StepState.PUT_BACK
        assert play.outside.standing() == {("flag", names[2]), ("note", names[2])}
        await play.promised()


@virtual.on_given_time
async def test_the_limit_of_failures_counts_who_is_not_well(tmp_path: pathlib.Path) -> None:
    """The run stops itself, and the servers that weren't sent have nothing taken out."""
    async with stage.opened(tmp_path, resting=ON) as play:
        names = play.here.ready(3)
        play.outside.answers = lambda name, now: "connection refused"
        terms = stage.PACED.model_copy(update={"max_failures": 1})
        _, rows = await play.run(Action.REBOOT, names, terms)
        assert [rows[name].state for name in names] == [
            ServerState.UNWELL, ServerState.NOT_SENT, ServerState.NOT_SENT,
        ]  # fmt: skip
        assert play.outside.standing() == {("flag", names[0]), ("note", names[0])}
        await play.promised()


@virtual.on_given_time
async def test_a_server_whose_drain_is_refused_is_set_aside_alone(tmp_path: pathlib.Path) -> None:
    """What was done for it before is put back, and it counts as a failure."""
    async with stage.opened(tmp_path, resting=ON) as play:
        names = play.here.ready(3)
        play.outside.refuses = {names[1]: "a budget forbids it"}
        found, rows = await play.run(Action.REBOOT, names)

        assert rows[names[1]].state is ServerState.BLOCKED
        assert rows[names[1]].cause is Cause.STEP
        assert rows[names[1]].sends == 0
        # Its flag refuses first.
        assert rows[names[1]].detail.startswith("quiet: ")
        assert rows[names[2]].state is ServerState.BLOCKED
        assert rows[names[0]].state is ServerState.PROVEN
        assert not play.outside.standing()
        await play.promised()
        assert found.state is lifecycle.State.PARTIAL


@virtual.on_given_time
async def test_a_drain_that_never_ends_is_put_back(tmp_path: pathlib.Path) -> None:
    """Its time is over: the server is set aside with the last words, uncordoned and heard again."""
    async with stage.opened(tmp_path, resting=ON) as play:
        names = play.here.ready(3)
        play.outside.stuck = {names[1]}
        _, rows = await play.run(Action.REBOOT, names)
        assert rows[names[1]].state is ServerState.BLOCKED
        assert rows[names[1]].detail == "drain: 3 pods left"
        assert rows[names[2]].state is ServerState.PROVEN
        assert not play.outside.standing()
        await play.promised()
        assert (await play.replies())[-1]["back"] == 2


@virtual.on_given_time
async def test_no_try_outlasts_the_time_of_its_step(tmp_path: pathlib.Path) -> None:
    """An outside that hangs costs a wave what `within` says, not a long try on top."""
    async with stage.opened(tmp_path, ('within = "60s"', 'within = "5s"'), resting=ON) as play:
        [name] = play.here.ready(1)
        play.outside.stuck = {name}
        _, rows = await play.run(Action.REBOOT, [name])
        assert rows[name].state is ServerState.BLOCKED
        asked = [one.within_s for one in play.outside.asked if one.step.name == "drain"]
        assert len(asked) > 2
        assert max(asked) < 5.1
        assert min(asked) >= 2.0


@virtual.on_given_time
async def test_a_step_that_need_not_be_done_is_said_and_the_server_is_sent(
    tmp_path: pathlib.Path,
) -> None:
    """What it did by half is put back, and it is no failure of the server."""
    change = ('kind = "note"\n', 'kind = "note"\nmust = false\n')
    async with stage.opened(tmp_path, change, resting=ON) as play:
        names = play.here.ready(2)
        play.outside.stuck = {names[1]}
        found, _ = await play.run(Action.REBOOT, names)
        assert found.state is lifecycle.State.SUCCEEDED
        assert "step.failed" in await play.audited(found.id)
        assert not play.outside.standing()
        await play.promised()


@virtual.on_given_time
async def test_the_thread_says_for_whom_a_step_was_refused_that_need_not_be_done(
    tmp_path: pathlib.Path,
) -> None:
    """The wave went on without it."""
    change = ('kind = "note"\n', 'kind = "note"\nmust = false\n')
    async with stage.opened(tmp_path, change, resting=ON) as play:
        [name] = play.here.ready(1)
        play.outside.refuses = {name: "the pool is locked"}
        found, _ = await play.run(Action.REBOOT, [name], options=Options(without=("quiet",)))
        assert found.state is lifecycle.State.SUCCEEDED
        [reply] = await play.replies()
        assert reply["missed"] == [
            {"name": "drain", "names": [name], "why": "the pool is locked", "must": False},
        ]  # fmt: skip
        assert [one["name"] for one in reply["steps"]] == ["answering"]


@virtual.on_given_time
async def test_a_step_without_an_answer_is_not_told_as_done(tmp_path: pathlib.Path) -> None:
    """The wave went on without it; what may have been done is put back, and still not told."""
    change = ('kind = "note"\n', 'kind = "note"\nmust = false\n')
    async with stage.opened(tmp_path, change, resting=ON) as play:
        [name] = play.here.ready(1)
        play.outside.deaf = True
        found, _ = await play.run(Action.REBOOT, [name], options=Options(without=("quiet",)))
        assert found.state is lifecycle.State.SUCCEEDED
        [reply] = await play.replies()
        [drain] = [one for one in reply["steps"] if one["name"] == "drain"]
        assert (drain["unsure"], drain["confirmed"]) == ([name], False)
        assert reply["missed"] == [
            {"name": "drain", "names": [name], "why": "no answer", "must": False},
        ]  # fmt: skip
        assert "step.failed" in await play.audited(found.id)
        await play.promised()


UNFILLED = 'node = "{tag:pool}"\n'
WHY = "it has no tag pool, which {tag:pool} stands for"


@virtual.on_given_time
@pytest.mark.parametrize("must", [True, False])
async def test_a_step_that_a_record_lacks_a_value_for_is_said(
    tmp_path: pathlib.Path, must: bool
) -> None:
    """In the thread, in the audit and among the request's steps; a must sets the server aside."""
    word = str(must).lower()
    change = ('kind = "note"\n', f'kind = "note"\n{UNFILLED}must = {word}\n')
    async with stage.opened(tmp_path, change, resting=ON) as play:
        [name] = play.here.ready(1)
        found, rows = await play.run(Action.REBOOT, [name])
        assert rows[name].state is (ServerState.BLOCKED if must else ServerState.PROVEN)
        [reply] = await play.replies()
        assert reply["missed"] == [{"name": "drain", "names": [name], "why": WHY, "must": must}]
        assert (await play.audited(found.id)).count("step.failed") == 1
        [part] = [one for one in await play.parts(found.id) if one.step.name == "drain"]
        assert [(one.state, one.detail) for one in part.servers] == [(StepState.FAILED, WHY)]
        assert not [one for one in play.outside.heard if one[1] == "drain"]
        assert not play.outside.standing()
        await play.promised()


@virtual.on_given_time
async def test_a_probe_that_a_record_lacks_a_value_for_sets_the_server_aside(
    tmp_path: pathlib.Path,
) -> None:
    """Before anything is done to it: afterwards nobody could say whether it is well."""
    change = ('tcp = "{name}:22"', 'tcp = "{tag:pool}:22"')
    async with stage.opened(tmp_path, change, resting=ON) as play:
        [name] = play.here.ready(1)
        _, rows = await play.run(Action.REBOOT, [name])
        assert (rows[name].state, rows[name].detail) == (ServerState.BLOCKED, f"answering: {WHY}")
        assert not play.outside.heard
        assert not play.here.calls()
        [reply] = await play.replies()
        assert reply["missed"] == [
            {"name": "answering", "names": [name], "why": WHY, "must": True},
        ]  # fmt: skip


@virtual.on_given_time
async def test_an_off_asks_for_no_value_of_a_probe(tmp_path: pathlib.Path) -> None:
    """After it nobody asks the probe."""
    change = ('tcp = "{name}:22"', 'tcp = "{tag:pool}:22"')
    async with stage.opened(tmp_path, change, resting=ON) as play:
        [name] = play.here.ready(1)
        _, rows = await play.run(Action.OFF, [name])
        assert rows[name].state is ServerState.PROVEN


@virtual.on_given_time
async def test_what_is_owed_stays_owed_while_it_is_tried_and_keeps_its_age(
    tmp_path: pathlib.Path,
) -> None:
    """Since the first time, however often it is tried; a silence's day counts from there too."""
    async with stage.opened(tmp_path, resting=ON) as play:
        [name] = play.here.ready(1)
        play.outside.refuses = {f"back {name}": "403 forbidden"}
        found, _ = await play.run(Action.REBOOT, [name])

        async def drained() -> tuple[StepState, Shown | None, float]:
            [part] = [one for one in await play.parts(found.id) if one.step.name == "drain"]
            [one] = part.servers
            return one.state, one.shown, one.shown_since

        state, shown, since = await drained()
        assert (state, shown) == (StepState.OWED, Shown.OWED)
        for _ in range(5):
            await play.here.clock.sleep(61.0)
            await play.keep()
            assert await drained() == (StepState.OWED, Shown.OWED, since)
        play.outside.refuses = {}
        play.outside.silent = True
        await play.here.clock.sleep(61.0)
        keeping = asyncio.create_task(play.keep())
        await play.here.clock.sleep(5.0)
        assert await drained() == (StepState.PUTTING_BACK, Shown.OWED, since)
        figures = await play.here.store.read(figures_.read)  # type: ignore[arg-type]
        assert (figures.steps_out, figures.steps_owed) == (1, 1)
        play.outside.silent = False
        await keeping
        assert (await drained())[:2] == (StepState.PUT_BACK, None)


@virtual.on_given_time
async def test_what_is_foreign_stays_as_it_is(tmp_path: pathlib.Path) -> None:
    """A server that somebody else has taken out is rebooted, and never put back by us."""
    async with stage.opened(tmp_path, resting=ON) as play:
        names = play.here.ready(1)
        play.outside.foreign = set(names)
        await play.run(Action.REBOOT, names)
        told = [(what, step) for what, step, _, _ in play.outside.heard if step == "drain"]
        assert told == [("before", "drain")]
        await play.promised()


@virtual.on_given_time
async def test_off_leaves_servers_out_and_a_later_on_puts_them_back(
    tmp_path: pathlib.Path,
) -> None:
    """Whoever takes them out is remembered, server by server."""
    async with stage.opened(tmp_path, resting=ON) as play:
        names = play.here.ready(2)
        off, rows = await play.run(Action.OFF, names)
        assert {row.state for row in rows.values()} == {ServerState.PROVEN}
        assert len(play.outside.standing()) == 4
        assert set((await play.states(off.id)).values()) == {StepState.DONE, StepState.FAILED}
        await play.promised()

        on, rows = await play.run(Action.ON, names[:1])
        assert rows[names[0]].state is ServerState.PROVEN
        await play.promised()
        assert {name for _, name in play.outside.standing()} == {names[1]}
        back = [one for one in play.outside.asked if one.step.name == "drain"][-1]
        assert (back.request_id, back.wave) == (off.id, 1)
        assert on.id != off.id


@virtual.on_given_time
async def test_an_offs_flag_ends_by_itself_and_counts_as_ended(tmp_path: pathlib.Path) -> None:
    """At `lasts`; nothing is asked for it."""
    async with stage.opened(tmp_path, resting=ON) as play:
        names = play.here.ready(1)
        found, _ = await play.run(Action.OFF, names)
        await play.here.clock.sleep(7300.0)
        await play.keep()
        states = await play.states(found.id)
        assert states["quiet", names[0]] is StepState.PUT_BACK
        assert states["drain", names[0]] is StepState.DONE
        await play.promised()


@virtual.on_given_time
async def test_a_cycle_is_taken_out_once_and_put_back_when_it_is_on(tmp_path: pathlib.Path) -> None:
    """Both of its calls are within the wave."""
    async with stage.opened(tmp_path, resting=ON) as play:
        names = play.here.ready(2)
        found, _ = await play.run(Action.CYCLE, names, world.ALL_AT_ONCE)
        assert found.state is lifecycle.State.SUCCEEDED
        told = [(what, step) for what, step, _, _ in play.outside.heard if what != "probe"]
        assert told == [
            ("before", "quiet"), ("before", "drain"), ("after", "drain"), ("after", "quiet"),
        ]  # fmt: skip
        await play.promised()


@virtual.on_given_time
async def test_an_unknown_reboot_stays_out_and_is_owed(tmp_path: pathlib.Path) -> None:
    """It is neither probed nor put back."""
    async with stage.opened(tmp_path, resting=ON) as play:
        names = play.here.ready(1)
        play.here.centre.call_faults.queue(
            data_centre.CallFault(data_centre.CallFaultKind.DROP_BEFORE, data_centre.CallKind.POWER)
        )
        found, rows = await play.run(Action.REBOOT, names)
        assert rows[names[0]].state is ServerState.UNKNOWN
        assert not [one for one in play.outside.heard if one[0] == "probe"]
        states = await play.states(found.id)
        assert states["quiet", names[0]] is states["drain", names[0]] is StepState.OWED
        await play.promised()


@virtual.on_given_time
async def test_a_lost_answer_is_looked_for_and_never_doubled(tmp_path: pathlib.Path) -> None:
    """What was done and not heard of is taken as ours."""
    async with stage.opened(tmp_path, resting=ON) as play:
        play.outside.lost = 1
        found, _ = await play.run(Action.REBOOT, play.here.ready(1))
        assert found.state is lifecycle.State.SUCCEEDED
        assert [what for what, step, _, _ in play.outside.heard if step == "quiet"] == [
            "before", "find", "after",
        ]  # fmt: skip
        await play.promised()


@virtual.on_given_time
async def test_the_thread_does_not_say_done_of_a_step_that_never_answered(
    tmp_path: pathlib.Path,
) -> None:
    """Each answer was lost: whether it took effect isn't known, whatever was put back since."""
    async with stage.opened(tmp_path, ('lasts = "2h"', 'lasts = "2h"\nwithin = "5s"')) as play:
        names = play.here.ready(2)
        play.outside.silent, play.outside.lost = True, 1000
        await play.run(Action.REBOOT, names)
        play.outside.lost = 0
        first, _ = await play.replies()
        [quiet] = [one for one in first["steps"] if one["name"] == "quiet"]
        assert (quiet["unsure"], quiet["confirmed"]) == ([names[0]], False)


@virtual.on_given_time
async def test_what_does_not_arrive_is_sent_again(tmp_path: pathlib.Path) -> None:
    """Until its time is over."""
    async with stage.opened(tmp_path, resting=ON) as play:
        play.outside.dropped = 4
        found, _ = await play.run(Action.REBOOT, play.here.ready(1))
        assert found.state is lifecycle.State.SUCCEEDED
        await play.promised()


@virtual.on_given_time
async def test_stop_ends_the_half_before_and_puts_back(tmp_path: pathlib.Path) -> None:
    """No further step, no call; what was taken out goes back."""
    async with stage.opened(tmp_path, resting=ON) as play:
        names = play.here.ready(1)
        play.outside.stuck = set(names)
        id_ = await play.here.approved(Action.REBOOT, names, stage.PACED)
        lease = await play.here.claimed()
        driving = asyncio.create_task(play.here.drive(lease))
        await play.here.clock.sleep(10.0)
        now = play.here.clock.now()
        await play.here.store.write(
            lambda tx: tx.request_stop(id_, user_id="U0SAM", reason="", at=now)
        )
        await driving
        found, rows = await play.here.ended(id_)
        assert found.state is lifecycle.State.STOPPED
        assert rows[names[0]].state is ServerState.NOT_SENT
        assert not play.here.calls()
        assert not play.outside.standing()
        await play.promised()


@virtual.on_given_time
async def test_stop_is_heard_and_flags_are_lengthened_while_the_outside_asks_for_patience(
    tmp_path: pathlib.Path,
) -> None:
    """An answer that asks for a minute's rest is no minute in which nothing else is looked at."""
    changes = (('lasts = "2h"', 'lasts = "20s"'), ('within = "60s"\n[[step]]\nname = "answering"',
               'within = "10m"\n[[step]]\nname = "answering"'))  # fmt: skip
    async with stage.opened(tmp_path, *changes, resting=ON) as play:
        [name] = play.here.ready(1)
        play.outside.stuck, play.outside.again_s = {name}, 60.0
        id_ = await play.here.approved(Action.REBOOT, [name], stage.PACED)
        driving = asyncio.create_task(play.here.drive(await play.here.claimed()))
        await play.here.clock.sleep(15.0)
        for _ in range(30):
            await play.here.clock.sleep(5.0)
            assert ("flag", name) in play.outside.standing()
        now = play.here.clock.now()
        await play.here.store.write(
            lambda tx: tx.request_stop(id_, user_id="U0SAM", reason="", at=now)
        )
        await driving
        assert play.here.clock.now() - now < 8.0
        assert (await play.here.ended(id_))[0].state is lifecycle.State.STOPPED
        assert not play.outside.standing()
        await play.promised()


@virtual.on_given_time
async def test_what_cannot_be_put_back_is_owed_tried_again_and_paid(tmp_path: pathlib.Path) -> None:
    """By itself, after the run."""
    async with stage.opened(tmp_path, resting=ON) as play:
        names = play.here.ready(1)
        play.outside.refuses = {f"back {names[0]}": "403 forbidden"}
        found, rows = await play.run(Action.REBOOT, names)
        assert rows[names[0]].state is ServerState.PROVEN
        assert (await play.states(found.id))["drain", names[0]] is StepState.OWED
        await play.promised()
        await play.here.clock.sleep(10.0)
        await play.keep()
        assert (await play.states(found.id))["drain", names[0]] is StepState.OWED
        play.outside.refuses = {}
        await play.here.clock.sleep(61.0)
        await play.keep()
        assert (await play.states(found.id))["drain", names[0]] is StepState.PUT_BACK
        await play.promised()
        assert (await play.replies())[-1]["event"] == "put_back"


@virtual.on_given_time
async def test_what_is_put_back_late_leaves_what_has_the_same_words(
    tmp_path: pathlib.Path,
) -> None:
    """A wave that was set aside whole gives its number to the next, whose flag stays up."""
    async with stage.opened(tmp_path, resting=ON) as play:
        first, second = play.here.ready(2)
        play.outside.stuck = {first}
        play.outside.refuses = {f"lower {first}": "403 forbidden"}
        play.outside.answers = lambda name, now: "HTTP 503"
        found, rows = await play.run(Action.REBOOT, [first, second])
        assert [rows[one].state for one in (first, second)] == [
            ServerState.BLOCKED, ServerState.UNWELL,
        ]  # fmt: skip
        assert {part.wave for part in await play.parts(found.id)} == {1}
        assert play.outside.standing() == {
            ("flag", first), ("flag", second), ("note", second),
        }  # fmt: skip
        await play.promised()

        play.outside.refuses = {}
        await play.here.clock.sleep(61.0)
        await play.keep()
        assert play.outside.standing() == {("flag", second), ("note", second)}
        await play.promised()


@virtual.on_given_time
async def test_a_death_between_put_back_and_reply_is_told_once_by_the_next(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the process before has put back, the next one says."""
    async with stage.opened(tmp_path, resting=ON) as play:
        names = play.here.ready(1)
        id_ = await play.here.approved(Action.REBOOT, names, stage.PACED)

        async def die(*_: object, **__: object) -> None:
            if (await play.states(id_)).get(("quiet", names[0])) is StepState.PUT_BACK:
                raise crashing.Crash

        monkeypatch.setattr(after, "_tell", die)
        with pytest.raises(crashing.Crash):
            await play.drive()
        monkeypatch.undo()
        assert not await play.replies()
        await leases.end_all(play.here.store)
        await play.restarted().drive()
        (told,) = await play.replies()
        assert (told["wave"], told["back"], told["left"]) == (1, 1, [])


@virtual.on_given_time
async def test_an_on_says_in_the_earlier_thread_what_it_has_put_back(
    tmp_path: pathlib.Path,
) -> None:
    """In one transaction with it, so that no death leaves it unsaid."""
    async with stage.opened(tmp_path, resting=ON) as play:
        names = play.here.ready(1)
        off, _ = await play.run(Action.OFF, names)
        on, _ = await play.run(Action.ON, names)
        asked = "SELECT request_id, body FROM outbox WHERE kind = 'reply' ORDER BY id"
        found = await play.here.store.read(lambda tx: cast("Any", tx).query(asked))
        back = [(row.request_id, json.loads(row.body)) for row in found]
        told = [(id_, one["step"]) for id_, one in back if one["event"] == "put_back"]
        assert told == [(off.id, "drain"), (off.id, "quiet")]
        assert on.id != off.id


@virtual.on_given_time
async def test_a_flag_is_lengthened_while_its_wave_runs(tmp_path: pathlib.Path) -> None:
    """At half its time, so that it never ends in the middle."""
    async with stage.opened(tmp_path, ('lasts = "2h"', 'lasts = "20s"'), resting=ON) as play:
        names = play.here.ready(1)
        play.outside.stuck = set()
        gaps: list[float] = []

        def answer(name: str, now: float) -> str:
            if ("flag", name) not in play.outside.standing():
                gaps.append(now)
            return ""

        play.outside.answers = answer
        found, _ = await play.run(Action.REBOOT, names)
        assert found.state is lifecycle.State.SUCCEEDED
        assert not gaps
        assert "lengthen" in {what for what, _, _, _ in play.outside.heard}
        await play.promised()


@virtual.on_given_time
async def test_a_flag_is_lengthened_while_a_freeze_holds_its_run(tmp_path: pathlib.Path) -> None:
    """A server of an earlier wave that isn't well stays silenced for as long as people wait."""
    async with stage.opened(tmp_path, ('lasts = "2h"', 'lasts = "40s"'), resting=ON) as play:
        names = play.here.ready(2)
        play.outside.answers = lambda name, now: "HTTP 503" if name == names[0] else ""
        id_ = await play.here.approved(Action.REBOOT, names, stage.PACED)
        driving = asyncio.create_task(play.here.drive(await play.here.claimed()))
        now = play.here.clock.now()
        freeze = ports.Freeze("U0SAM", "year end", now, now + 3600.0)
        while ("flag", names[0]) not in play.outside.standing():
            await play.here.clock.sleep(0.5)
        calls = play.here.calls
        while not calls():
            await play.here.clock.sleep(0.5)
        await play.here.store.write(lambda tx: tx.freeze(freeze))
        states: dict[tuple[str, str], StepState] = {}
        while states.get(("quiet", names[0])) is not StepState.OWED:
            await play.here.clock.sleep(5.0)
            states = await play.states(id_)
        for _ in range(60):
            await play.here.clock.sleep(5.0)
            assert ("flag", names[0]) in play.outside.standing()
            await play.promised()
        assert len(calls()) == 1, "the freeze held nothing"
        await play.here.store.write(lambda tx: tx.unfreeze(freeze))
        await driving
        assert len(calls()) == 2
        await play.promised()


@virtual.on_given_time
async def test_a_flag_is_lengthened_while_a_note_is_put_back(tmp_path: pathlib.Path) -> None:
    """What goes back first may take longer than a flag lasts."""
    async with stage.opened(tmp_path, ('lasts = "2h"', 'lasts = "20s"'), resting=ON) as play:
        names = play.here.ready(1)
        id_ = await play.here.approved(Action.REBOOT, names, stage.PACED)
        driving = asyncio.create_task(play.here.drive(await play.here.claimed()))
        states: dict[tuple[str, str], StepState] = {}
        while states.get(("answering", names[0])) is not StepState.DONE:
            await play.here.clock.sleep(0.05)
            states = await play.states(id_)
        play.outside.silent = True
        for _ in range(10):
            await play.here.clock.sleep(5.0)
            assert ("flag", names[0]) in play.outside.standing()
        play.outside.silent = False
        await driving
        assert not play.outside.standing()
        await play.promised()


@virtual.on_given_time
async def test_a_flag_is_lengthened_while_it_is_owed_for_a_day(tmp_path: pathlib.Path) -> None:
    """Then it ends by itself, and is owed no more."""
    async with stage.opened(tmp_path, resting=ON) as play:
        names = play.here.ready(1)
        play.outside.answers = lambda name, now: "HTTP 503"
        found, _ = await play.run(Action.REBOOT, names)
        for _ in range(23):
            await play.here.clock.sleep(3600.0)
            await play.keep()
            assert ("flag", names[0]) in play.outside.standing()
            await play.promised()
        for _ in range(6):
            await play.here.clock.sleep(3600.0)
            await play.keep()
        assert play.outside.standing() == {("note", names[0])}
        await play.promised()
        assert (await play.states(found.id))["drain", names[0]] is StepState.OWED


@virtual.on_given_time
async def test_a_probe_before_the_wave_sets_it_aside(tmp_path: pathlib.Path) -> None:
    """Before any step."""
    quorum = 'name = "quorum"\nkind = "probe"\ntcp = "db:1"\nwhen = "before"\nwithin = "20s"\n'
    changes = (
        ('steps = ["quiet"', 'steps = ["quorum", "quiet"'),
        ('[[step]]\nname = "quiet"', f'[[step]]\n{quorum}[[step]]\nname = "quiet"'),
    )
    async with stage.opened(tmp_path, *changes, resting=ON) as play:
        names = play.here.ready(1)
        play.outside.answers = lambda name, now: "" if name else "value 0"
        found, rows = await play.run(Action.REBOOT, names)
        assert rows[names[0]].state is ServerState.BLOCKED
        assert rows[names[0]].detail == "quorum: value 0"
        assert {what for what, _, _, _ in play.outside.heard} == {"probe"}
        assert found.state is lifecycle.State.FAILED
        assert await play.audited(found.id) == ["step.failed"]
        assert (await play.states(found.id)) == {("quorum", names[0]): StepState.FAILED}


@virtual.on_given_time
async def test_a_probe_before_the_wave_that_need_not_be_well_is_said(
    tmp_path: pathlib.Path,
) -> None:
    """And the wave goes."""
    quorum = 'name = "quorum"\nkind = "probe"\ntcp = "db:1"\nwhen = "before"\nwithin = "20s"\n'
    changes = (
        ('steps = ["quiet"', 'steps = ["quorum", "quiet"'),
        ('[[step]]\nname = "quiet"', f'[[step]]\n{quorum}must = false\n[[step]]\nname = "quiet"'),
    )
    async with stage.opened(tmp_path, *changes, resting=ON) as play:
        names = play.here.ready(1)
        play.outside.answers = lambda name, now: "" if name else "value 0"
        found, _ = await play.run(Action.REBOOT, names)
        assert found.state is lifecycle.State.SUCCEEDED
        [reply] = await play.replies()
        assert reply["missed"] == [
            {"name": "quorum", "names": names, "why": "value 0", "must": False},
        ]  # fmt: skip
        assert [one["name"] for one in reply["steps"]] == ["answering", "quiet", "drain"]


@virtual.on_given_time
async def test_the_card_says_which_probe_a_wave_waits_for(tmp_path: pathlib.Path) -> None:
    """With its last words while it waits, and no more once it is well."""
    quorum = 'name = "quorum"\nkind = "probe"\ntcp = "db:1"\nwhen = "before"\nwithin = "60s"\n'
    changes = (
        ('steps = ["quiet"', 'steps = ["quorum", "quiet"'),
        ('[[step]]\nname = "quiet"', f'[[step]]\n{quorum}[[step]]\nname = "quiet"'),
    )
    async with stage.opened(tmp_path, *changes, resting=ON) as play:
        names = play.here.ready(1)
        well: list[bool] = []
        play.outside.answers = lambda name, now: "" if name or well else "value 0"
        id_ = await play.here.approved(Action.REBOOT, names, stage.PACED)
        driving = asyncio.create_task(play.here.drive(await play.here.claimed()))
        await play.here.clock.sleep(12.0)
        assert [one.says for one in await play.parts(id_)] == ["waiting for quorum (value 0)"]
        well.append(True)
        await driving
        assert not any(one.says for one in await play.parts(id_))
        assert (await play.here.ended(id_))[0].state is lifecycle.State.SUCCEEDED
        assert await play.states(id_)
        await play.promised()


@virtual.on_given_time
async def test_flapping_past_the_time_is_not_well(tmp_path: pathlib.Path) -> None:
    """One bad answer begins it anew."""
    async with stage.opened(tmp_path, resting=ON) as play:
        names = play.here.ready(1)
        play.outside.answers = lambda name, now: "HTTP 502" if int(now) % 9 < 5 else ""
        _, rows = await play.run(Action.REBOOT, names)
        assert rows[names[0]].state is ServerState.UNWELL


@virtual.on_given_time
async def test_settling_may_run_past_the_time_to_become_well(tmp_path: pathlib.Path) -> None:
    """Who becomes well in the last second of it still has to stay so."""
    async with stage.opened(tmp_path, ('settle = "10s"', 'settle = "90s"'), resting=ON) as play:
        names = play.here.ready(1)
        began: list[float] = []

        def answer(name: str, now: float) -> str:
            began.append(now)
            return "connection refused" if now - began[0] < 50 else ""

        play.outside.answers = answer
        _, rows = await play.run(Action.REBOOT, names)
        assert rows[names[0]].state is ServerState.PROVEN
        assert began[-1] - began[0] >= 140


@virtual.on_given_time
async def test_what_a_request_leaves_out_is_left_out(tmp_path: pathlib.Path) -> None:
    """By the options that are under its seal."""
    async with stage.opened(tmp_path, resting=ON) as play:
        names = play.here.ready(1)
        await play.run(Action.REBOOT, names, options=Options(without=("drain",)))
        assert {step for _, step, _, _ in play.outside.heard} == {"quiet", "answering"}
        await play.run(Action.CYCLE, names, options=Options(without=("all",)))
        assert {what for what, _, _, _ in play.outside.heard[-1:]} == {"after"}
        await play.promised()


@virtual.on_given_time
async def test_groups_go_one_after_another(tmp_path: pathlib.Path) -> None:
    """No wave has servers of two groups, and the order is the policy's."""
    async with stage.opened(tmp_path, resting=ON) as play:
        names = play.here.ready(6)
        order = f'[order]\nreboot = ["{names[4]} {names[5]}", "{names[0]} {names[1]}"]\n'
        given = stage.rules(text=stage.HEAD + order + stage.RULE + stage.STEPS)
        play.here.rule(policy=lambda: given)
        await play.run(Action.REBOOT, names, world.ALL_AT_ONCE)
        waves = [
            set(n) for what, step, n, _ in play.outside.heard if (what, step) == ("before", "drain")
        ]
        assert waves == [set(names[4:]), set(names[:2]), set(names[2:4])]

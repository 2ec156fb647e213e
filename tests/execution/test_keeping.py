"""Servers that must stay on are counted on the whole list, even where the policy comes to ask late.

The wave has read its own servers by then, since nothing else was needed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
from collections.abc import AsyncIterator

import pytest

from bot.clouddc import wire
from bot.execution import preflight
from bot.power import ports, server
from bot.power.lifecycle import ServerState
from bot.power.policy import policy
from bot.power.request import Action
from bot.sandbox import data_centre
from tests.execution import world
from tests.execution.test_limits import named
from tests.support import virtual

LATER_S = 60.0


@contextlib.asynccontextmanager
async def large(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[world.World, list[str], list[policy.Policy]]]:
    """Run a world of many pages, with three servers of which two will have to stay on.

    The third is off. The last value is the policy in force, alone in a list.
    """
    # A limit too large for a test: the 120 servers are twelve pages of these.
    monkeypatch.setattr(wire, "LARGEST_PAGE", 10)
    async with world.opened(folder, resting=data_centre.Power.ON) as here:
        trio = here.ready(3)
        here.centre.act_externally(trio[2], data_centre.Action.OFF)
        await here.clock.sleep(LATER_S)
        await here.power.snapshot(not_before=here.clock.now())
        await here.clock.sleep(LATER_S)
        rules = [policy.EMPTY]
        here.rule(policy=lambda: rules[0])
        yield here, trio, rules


def keeping(trio: list[str]) -> policy.Policy:
    """Return a policy by which two of the three stay on."""
    return dataclasses.replace(policy.EMPTY, keeps=(policy.Keep(named(*trio), "@trio", 2),))


async def held(here: world.World, name: str) -> None:
    """Switch a server off, and expect that it stays on and that nobody waited for it."""
    lists = here.centre.counts()[data_centre.Operation.LIST]
    began = here.clock.monotonic()

    _, rows = await here.carried_out(Action.OFF, [name])

    assert here.calls() == []
    assert (rows[name].state, rows[name].detail) == (
        ServerState.BLOCKED,
        "at least 2 of @trio must stay on",
    )
    assert here.centre.counts()[data_centre.Operation.LIST] == lists + 1
    assert here.clock.monotonic() - began < preflight.RACK_LOOK_S


@virtual.on_given_time
async def test_without_a_keep_the_servers_of_the_wave_are_enough(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the tests after this one would show nothing."""
    async with large(tmp_path, monkeypatch) as (here, trio, _):
        lists = here.centre.counts()[data_centre.Operation.LIST]

        _, rows = await here.carried_out(Action.OFF, trio[:1])

        assert rows[trio[0]].state is ServerState.PROVEN
        assert here.centre.counts()[data_centre.Operation.LIST] == lists


@virtual.on_given_time
async def test_a_keep_that_comes_while_a_wave_reads_its_servers_is_obeyed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anybody is chosen: the wave begins anew, with the list."""
    async with large(tmp_path, monkeypatch) as (here, trio, rules):
        read = here.power.poller.records

        async def records(
            ids: tuple[str, ...], *, not_before: float, whole: bool = False
        ) -> server.Records:
            found = await read(ids, not_before=not_before, whole=whole)
            rules[0] = keeping(trio)
            return found

        monkeypatch.setattr(here.power.poller, "records", records)
        await held(here, trio[0])


@virtual.on_given_time
@pytest.mark.parametrize("look", [1, 2])
async def test_a_keep_that_comes_before_a_call_is_obeyed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, look: int
) -> None:
    """After the servers were read, or were chosen: whoever is judged then isn't sent."""
    async with large(tmp_path, monkeypatch) as (here, trio, rules):
        looks: list[str] = []

        async def rejudge(found: ports.Request, _: server.Records) -> str:
            looks.append(found.id)
            if len(looks) == look:
                rules[0] = keeping(trio)
            return ""

        here.rule(rejudge=rejudge)
        await held(here, trio[0])

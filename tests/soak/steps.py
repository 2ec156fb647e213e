"""Steps around waves with two replicas on one PostgreSQL, killed and frozen whenever it hurts.

`python -m tests.soak.steps --stories 20 --seed 1` plays stories of six requests each, against
stand-ins for Alertmanager, Kubernetes, a load balancer and the services, and holds what stands
outside against what the store says stands. All waits are a tenth of the usual ones.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import dataclasses
import pathlib
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any

from bot.power import lifecycle, ports
from bot.power.steps.states import StepState
from bot.power.steps.wave_parts import Part
from bot.sandbox import data_centre, demo_policy, racks, surroundings
from bot.sandbox.surroundings import surroundings as standing
from bot.storage import opening
from bot.storage.admin import audit_chain
from bot.storage.engine import connections
from tests.soak import hurried, stage
from tests.soak.person import Person
from tests.support import databases

FACTOR = 10.0
SERVERS = 24
LIST_S = 3.0
OPERATION_S = 10.0
PATIENCE_S = 90.0
# How often a replica is killed or frozen in a story, at least and at most.
HURTS = (4, 9)
Orders = Sequence[Sequence[tuple[str, str]]]
# What is asked for, each line in a channel of its own, one after another.
ORDERS: Orders = (
    (("reboot", "web[01-03]"),),
    (("reboot", "web04"),),
    (("cycle", "web05"),),
    (("off", "web06"), ("on", "web06")),
    (("off", "web07"),),
)
REBOOTED = ("web01", "web02", "web03", "web04")
SHORTER = {
    'lasts = "2h"': 'lasts = "15s"\nwithin = "5s"',
    'within = "2m"': 'within = "8s"',
    'secret = "env:LB_HOOK_SECRET"': 'secret = "env:LB_HOOK_SECRET"\nwithin = "5s"',
    'within = "15s"\nsettle = "3s"\nevery = "1s"': 'within = "6s"\nsettle = "1s"\nevery = "200ms"',
}
FAULTS = (
    surroundings.Fault.LOST,
    surroundings.Fault.DROPPED,
    surroundings.Fault.UNAVAILABLE,
    surroundings.Fault.LIMITED,
    surroundings.Fault.HANGS,
    surroundings.Fault.GARBLED,
)
PARTS = (surroundings.Part.ALERTMANAGER, surroundings.Part.KUBERNETES, surroundings.Part.BALANCER)


@dataclasses.dataclass
class Told:
    """What a batch of stories has shown."""

    stories: int = 0
    caused: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    requests: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    servers: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    steps: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    broken: list[tuple[int, str]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Story:
    """One story: the stage with what surrounds it, what goes wrong, and what it has shown."""

    on: stage.Stage
    around: surroundings.Surroundings
    rng: random.Random
    told: Told
    orders: Orders = ORDERS
    hurts: tuple[int, int] = HURTS

    async def play(self) -> None:
        """Ask for everything at once while things go wrong; then mend all, and wait for the end."""
        spoiling = asyncio.create_task(self._spoil())
        hurting = asyncio.create_task(self._hurt(spoiling))
        try:
            async with asyncio.TaskGroup() as group:
                for place, orders in zip(stage.CHANNELS, self.orders, strict=False):
                    group.create_task(self._order(place, orders))
        finally:
            for task in (spoiling, hurting):
                task.cancel()
            await asyncio.gather(spoiling, hurting, return_exceptions=True)
        self.around.faults.lift()
        self.around.services.faults.clear()

    async def _order(self, place: str, orders: Iterable[tuple[str, str]]) -> None:
        """Ask for changes one after another, each in a channel that is told of nothing else."""
        for number, (action, names) in enumerate(orders):
            person = Person(self.on, f"{stage.CHANNELS[stage.CHANNELS.index(place) + 5 * number]}")
            await person.ask(names, action)
            await person.approve()
            if action == "off" and self.on.centre.machine(names).up_since(self.on.centre.now()):
                # What wasn't switched off can't be switched on.
                return
            # A replica that has polled nothing of it may still have the list from before.
            await asyncio.sleep(LIST_S)

    async def _hurt(self, spoiling: asyncio.Task[None]) -> None:
        """Kill or freeze one of the replicas some times; then mend what is broken."""
        for _ in range(self.rng.randint(*self.hurts)):
            await asyncio.sleep(self.rng.uniform(0.5, 3.0))
            one = self.rng.choice(self.on.replicas)
            if self.rng.random() < 0.7:
                one.kill()
                self.told.caused["killed"] += 1
            else:
                # A lease lasts for three seconds.
                await one.freeze(self.rng.uniform(0.5, 6.0))
                self.told.caused["frozen"] += 1
        spoiling.cancel()
        self.around.faults.lift()

    async def _spoil(self) -> None:
        """Let calls go wrong, and services be unwell for a while or for good."""
        for name, fault in (
            (self.rng.choice(REBOOTED), surroundings.ServiceFault.UNWELL),
            ("web05", self.rng.choice([*surroundings.ServiceFault, None])),
        ):
            if fault is not None:
                self.around.services.faults[name] = fault
        while True:
            await asyncio.sleep(self.rng.uniform(0.1, 1.0))
            part, fault = self.rng.choice(PARTS), self.rng.choice(FAULTS)
            self.around.faults.set(part, fault, self.rng.randint(1, 3))
            self.told.caused[fault.value] += 1

    async def reckon(self) -> None:
        """Hold what stands against what the store says stands, once all that is due was done.

        Raises:
            AssertionError: a promise was broken; its text says which.
        """
        kept = opening.open_store(self.on.database_url)
        try:
            await self._all_agree(kept)
            await self._ended_well(kept)
        finally:
            await kept.close()
        with connections.reading(self.on.database_url) as connection:
            assert audit_chain.verify(connection).ok, "the audit chain"
        assert self.on.slack.violations == []

    async def _all_agree(self, kept: Any) -> None:
        """Wait until nothing is under way, and the outside is what the store says."""
        found: list[str] = ["nothing was looked at"]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while found:
                    await asyncio.sleep(0.2)
                    found = list(await self._differences(kept))
        assert not found, "; ".join(found)

    async def _differences(self, kept: Any) -> Iterator[str]:
        """Return in what the outside and the store differ, and what is still to be done."""
        parts: list[Part] = await kept.read(lambda tx: tx.standing_parts())
        outside, stored = self._outside(time.time()), _stored(parts, time.time())
        said = [
            f"{kind}: {sorted(outside[kind] ^ stored[kind])} outside or in the store alone"
            for kind in outside
            if outside[kind] != stored[kind]
        ]
        for part in parts:
            under_way = part.of(StepState.INTENDED, StepState.PUTTING_BACK)
            due = [one for one in part.standing if one.due]
            said += [f"{part.key}: {one.subject.name} is {one.state}" for one in under_way or due]
        return iter(said)

    def _outside(self, now: float) -> dict[str, set[tuple[str, str]]]:
        """Return what stands outside by kind: the request, or the silence, and the server."""
        around = self.around
        silences = {
            (one.id, name)
            for one in around.alertmanager.store.active()
            for name in around.racks.names
            if one.ends_at.timestamp() > now and one.matches(standing.labels(name))
        }
        cordons = {
            (node.annotations.get("powerbot/cordoned-by", "nobody"), name)
            for name, node in around.kubernetes.cluster.nodes.items()
            if node.unschedulable
        }
        told = {(request, name) for name, request in around.balancer.out.items()}
        return {"silence": silences, "drain": cordons, "webhook": told}

    async def _ended_well(self, kept: Any) -> None:
        """Every request has ended, no server was rebooted twice, and none that is well is out."""
        asked = set(lifecycle.State) - {lifecycle.State.PLANNED, lifecycle.State.EXPIRED}
        found: list[ports.Request] = await kept.read(lambda tx: tx.requests(states=asked))
        assert len(found) >= len(self.orders), f"{len(found)} requests"
        out = {name for stands in self._outside(time.time()).values() for _, name in stands}
        for one in found:
            assert one.state in lifecycle.ENDED, f"{one.id} is {one.state}"
            rows: list[ports.RunServer] = await kept.read(
                lambda tx, id_=one.id: tx.run_servers(id_)
            )
            proven = {row.name for row in rows if row.state is lifecycle.ServerState.PROVEN}
            if one.order.action.value in ("reboot", "cycle"):
                assert not proven & out, f"{one.id}: {proven & out} are well, and out"
            self.told.requests[one.state.value] += 1
            self.told.servers.update(row.state.value for row in rows)
            parts: list[Part] = await kept.read(lambda tx, id_=one.id: tx.parts(id_))
            self.told.steps.update(
                f"{part.step.name} {taken.state.value}" for part in parts for taken in part.servers
            )
        for name in REBOOTED:
            asked_for = sum(
                name in (target.name for target in one.order.targets)
                for one in found
                if one.order.action.value == "reboot"
            )
            received = self.on.centre.machine(name).received[data_centre.Action.REBOOT]
            assert received <= asked_for, f"{name}: {received} reboots, {asked_for} requests"


def _stored(parts: Iterable[Part], now: float) -> dict[str, set[tuple[str, str]]]:
    """Return what the store says stands, as `Story._outside` tells it."""
    found: dict[str, set[tuple[str, str]]] = {"silence": set(), "drain": set(), "webhook": set()}
    for part in parts:
        whose = part.outside_id if part.step.kind == "silence" else part.request_id
        if not part.until or part.until > now:
            found[part.step.kind] |= {
                (whose, one.subject.name) for one in part.standing if one.stands
            }
    return found


@contextlib.asynccontextmanager
async def telling(folder: pathlib.Path, url: str, seed: int, told: Told) -> AsyncIterator[Story]:
    """Two replicas that have connected, with everything around their servers."""
    async with stage.standing(
        folder, url, replicas=2, factor=FACTOR, servers=SERVERS, operation_s=OPERATION_S, seed=seed
    ) as on:
        around = surroundings.Surroundings(racks.of(on.centre))
        around.services.boot_s = 0.5
        around.kubernetes.cluster.pace = surroundings.Pace(0.3, 0.3)
        served = await surroundings.start(around)
        try:
            _add_steps(on.folder / "policy.toml", served.url)
            for one in on.replicas:
                one.main = hurried.main
                one.give(racks.variables(around))
                one.start()
            await on.ready()
            yield Story(on, around, random.Random(f"{seed}/steps"), told)
        finally:
            await asyncio.gather(*(one.stop() for one in on.replicas))
            await served.stop()


def _add_steps(policy: pathlib.Path, url: str) -> None:
    """Put the demo's steps, in a hurry, before the last rule of a policy."""
    steps = demo_policy.STEPS.replace("{url}", url).replace('servers = "@web"', 'servers = "web*"')
    steps = "\n".join(line for line in steps.splitlines() if "dc-ops" not in line)
    for before, after in SHORTER.items():
        assert before in steps, before
        steps = steps.replace(before, after)
    text = policy.read_text()
    first = text.index("[[rule]]")
    policy.write_text(f"{text[:first]}{steps}\n{text[first:]}")


async def story(folder: pathlib.Path, url: str, seed: int, told: Told) -> None:
    """Play one story, and hold it against what was promised.

    Raises:
        AssertionError: a promise was broken.
    """
    async with telling(folder, url, seed, told) as playing:
        await playing.play()
        await playing.reckon()
        told.stories += 1


def tell(told: Told, took_s: float) -> str:
    """Return what was shown as lines to read."""
    counted = {
        "caused": told.caused,
        "requests": told.requests,
        "servers": told.servers,
        "steps": told.steps,
    }
    lines = [f"{told.stories} stories in {took_s:.0f} s"]
    lines += [f"{name}: {dict(one.most_common())}" for name, one in counted.items()]
    lines += [f"BROKEN with --seed {seed}: {why}" for seed, why in told.broken]
    return "\n".join(lines)


def run() -> int:
    """Play, and print what happened."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.steps")
    parser.add_argument("--stories", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=pathlib.Path, help="keep logs here")
    given = parser.parse_args()
    told, began = Told(), time.monotonic()
    with tempfile.TemporaryDirectory() as made, databases.postgres() as server:
        for seed in range(given.seed, given.seed + given.stories):
            folder = (given.folder or pathlib.Path(made)) / str(seed)
            folder.mkdir(parents=True)
            try:
                asyncio.run(story(folder, server.fresh(), seed, told))
            except (AssertionError, TimeoutError, ExceptionGroup) as error:
                told.broken.append((seed, f"{type(error).__name__}: {error}"))
                sys.stdout.write(f"seed {seed}: BROKEN\n")
            else:
                sys.stdout.write(f"seed {seed}: held\n")
            sys.stdout.flush()
    sys.stdout.write(tell(told, time.monotonic() - began) + "\n")
    return 1 if told.broken else 0


if __name__ == "__main__":
    sys.exit(run())

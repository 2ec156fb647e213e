"""Silences, against a real Alertmanager and its stand-in with every fault."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from bot.power.steps import definition, protocol
from bot.sandbox import surroundings
from bot.steps.kinds import silence
from tests.acceptance.test_http import free_port
from tests.sandbox.surroundings import builders as stages
from tests.steps import builders, daemons

MATCH = (("instance", "{name}(:[0-9]+)?"),)
COMMENT = "PR-7F3K wave 2 quiet: kernel 6.8.5 (dana)"


@dataclasses.dataclass(frozen=True)
class Bench:
    """A silence kind, a step of its, and what stands in an Alertmanager."""

    kind: silence.Silence
    step: definition.Step
    api: httpx.AsyncClient

    async def silences(self, *states: str) -> list[dict[str, Any]]:
        """Return the silences in these states, active by default."""
        rows = (await self.api.get("/silences")).json()
        return [row for row in rows if row["status"]["state"] in (states or ("active",))]

    async def values(self) -> list[str]:
        """Return the pattern of each active silence."""
        return sorted(row["matchers"][0]["value"] for row in await self.silences())

    async def before(self, *names: str, **changed: Any) -> protocol.Answer:
        """Take servers out."""
        asked = builders.asked(self.step, *names, **changed)
        return await self.kind.before(asked)

    async def after(self, *names: str, **changed: Any) -> protocol.Answer:
        """Put servers back."""
        asked = builders.asked(self.step, *names, **changed)
        return await self.kind.after(asked)


def step(*urls: str, **changed: Any) -> definition.Step:
    """Return a step that silences."""
    given: dict[str, Any] = {"match": MATCH, "lasts_s": 7200.0}
    return definition.Step(name="quiet", kind="silence", urls=urls, **(given | changed))


@contextlib.asynccontextmanager
async def bench(url: str, secret: str = "", **changed: Any) -> AsyncIterator[Bench]:
    """Set up a bench at one Alertmanager."""
    headers = {"Authorization": secret} if secret else {}
    api = httpx.AsyncClient(base_url=f"{url}/api/v2", headers=headers, trust_env=False)
    auth = {"auth": "AM_AUTH"} if secret else {}
    async with api, builders.http() as http:
        yield Bench(silence.Silence(http), step(url, **auth, **changed), api)


@contextlib.asynccontextmanager
async def simulated(
    monkeypatch: pytest.MonkeyPatch, **changed: Any
) -> AsyncIterator[tuple[Bench, stages.Stage]]:
    """Set up a bench at the stand-in."""
    async with stages.staged() as stage:
        secret = stage.around.secrets.alertmanager
        monkeypatch.setenv("AM_AUTH", secret)
        async with bench(f"{stage.url}/alertmanager", secret, **changed) as made:
            yield made, stage


@pytest_asyncio.fixture(params=["real", "stand-in"])
async def at(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bench]:
    """A bench at a real Alertmanager, and at the stand-in."""
    if request.param == "real":
        async with daemons.alertmanager(tmp_path) as url, bench(url) as made:
            yield made
        return
    async with simulated(monkeypatch) as (made, _):
        yield made


async def test_one_silence_is_made_for_the_servers_of_a_wave(at: Bench) -> None:
    """With who, what and why, and for as long as the step says."""
    answer = await at.before("web01", "web02")

    [made] = await at.silences()
    assert (made["createdBy"], made["comment"]) == ("powerbot", COMMENT)
    assert made["matchers"] == [
        {
            "name": "instance",
            "value": "(?:web01(:[0-9]+)?)|(?:web02(:[0-9]+)?)",
            "isRegex": True,
            "isEqual": True,
        }
    ]
    assert builders.words(answer) == {name: ("done", "", True) for name in ("web01", "web02")}
    assert answer.outside_id == made["id"]
    assert answer.until == pytest.approx(time.time() + 7200, abs=5)


async def test_a_silence_is_ended_and_ending_it_again_does_no_harm(at: Bench) -> None:
    """What isn't there any more is done."""
    made = await at.before("web01")
    answers = [await at.after("web01", outside_id=made.outside_id) for _ in range(2)]

    assert await at.silences() == []
    assert [builders.words(one)["web01"] for one in answers] == [("done", "", False)] * 2


async def test_a_silence_is_narrowed_to_those_that_stay_out(at: Bench) -> None:
    """The new one is ours, the old one has ended, and it ends when it would have."""
    made = await at.before("web01", "web02", "web03")
    staying = builders.subjects("web03")

    answer = await at.after("web01", "web02", outside_id=made.outside_id, staying=staying)

    [left] = await at.silences()
    assert left["matchers"][0]["value"] == "web03(:[0-9]+)?"
    assert answer.outside_id == left["id"] != made.outside_id
    assert answer.until == pytest.approx(made.until, abs=0.01)
    assert [row["id"] for row in await at.silences("expired")] == [made.outside_id]
    await at.after("web03", outside_id=answer.outside_id)
    assert await at.silences() == []


async def test_a_silence_is_lengthened_in_place(at: Bench) -> None:
    """It keeps its id, its conditions and its comment."""
    made = await at.before("web01")
    asked = builders.asked(at.step, "web01", outside_id=made.outside_id)

    answer = await at.kind.lengthen(asked, made.until + 3600)

    [row] = await at.silences()
    assert row["id"] == answer.outside_id == made.outside_id
    assert (row["comment"], row["matchers"][0]["value"]) == (COMMENT, "web01(:[0-9]+)?")
    there = await at.kind.find(asked)
    assert there is not None
    assert there.until == pytest.approx(made.until + 3600, abs=0.01)


async def test_what_somebody_has_ended_is_not_made_again(at: Bench) -> None:
    """Neither when it would be lengthened, nor when it would be narrowed."""
    made = await at.before("web01", "web02")
    await at.api.delete(f"/silence/{made.outside_id}")
    asked = builders.asked(at.step, "web01", "web02")

    lengthened = await at.kind.lengthen(asked, made.until)
    narrowed = await at.after("web01", staying=builders.subjects("web02"))

    assert builders.words(lengthened)["web01"] == ("refused", silence.ENDED, False)
    assert builders.words(narrowed)["web01"][0] == "done"
    assert await at.silences() == []


async def test_an_operators_silence_is_never_touched(at: Bench) -> None:
    """Whatever it says, and though it is of the same servers."""
    made = await at.before("web01", "web02")
    [ours] = await at.silences()
    theirs = {key: ours[key] for key in ("matchers", "startsAt", "endsAt", "comment")}
    await at.api.post("/silences", json=theirs | {"createdBy": "olga"})

    await at.after("web01", outside_id=made.outside_id, staying=builders.subjects("web02"))
    await at.kind.lengthen(builders.asked(at.step, "web02"), made.until + 60)
    await at.after("web02", outside_id=made.outside_id)

    assert [row["createdBy"] for row in await at.silences()] == ["olga"]


async def test_parts_of_a_large_wave_are_told_apart(at: Bench) -> None:
    """Each by its number; one is put back without the other."""
    first = await at.before("web01", part=1, parts=2)
    second = await at.before("web02", part=2, parts=2)
    comments = {row["comment"] for row in await at.silences()}

    await at.after("web01", part=1, parts=2, outside_id=first.outside_id)

    assert comments == {
        "PR-7F3K wave 2 quiet 1/2: kernel 6.8.5 (dana)",
        "PR-7F3K wave 2 quiet 2/2: kernel 6.8.5 (dana)",
    }
    assert [row["id"] for row in await at.silences()] == [second.outside_id]


async def test_a_part_of_200_servers_is_one_silence(at: Bench) -> None:
    """And its pattern is one that Alertmanager takes."""
    names = [f"web{number:03d}.rack-7.example" for number in range(200)]

    await at.before(*names)

    [value] = await at.values()
    assert value.count("|") == 199
    assert r"(?:web199\.rack-7\.example(:[0-9]+)?)" in value


async def test_labels_that_differ_together_silence_no_server_that_is_not_meant(at: Bench) -> None:
    """web01 of one hall and web02 of another: not web01 of the other."""
    two = dataclasses.replace(
        at, step=at.step.model_copy(update={"match": (*MATCH, ("dc", "{dc}"), ("job", "node"))})
    )
    servers = (
        builders.subject("web01", dc="a"),
        builders.subject("web02", dc="b"),
        builders.subject("web03", dc="a"),
    )

    made = await two.before(servers=servers)

    shown = [
        {matcher["name"]: matcher["value"] for matcher in row["matchers"]}
        for row in await at.silences()
    ]
    instances = {row["dc"]: row["instance"] for row in shown}
    assert instances == {
        "a": "(?:web01(:[0-9]+)?)|(?:web03(:[0-9]+)?)",
        "b": "web02(:[0-9]+)?",
    }
    assert len(made.outside_id.split()) == 2
    narrowed = await two.after(servers=servers[:2], staying=servers[2:])
    assert await at.silences() != []
    assert len(narrowed.outside_id.split()) == 1
    await two.after(servers=servers[2:])
    assert await at.silences() == []


@pytest.mark.parametrize("fault", ["lost", "garbled", "500", "503"])
async def test_a_lost_answer_is_looked_for_and_never_a_second_made(
    monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Whether or not the call was done, and by `find` as by the next try."""
    async with simulated(monkeypatch) as (at, stage):
        kind = surroundings.Fault(fault)
        stage.around.faults.set(surroundings.Part.ALERTMANAGER, kind, method="POST")

        first = await at.before("web01")
        found = await at.kind.find(builders.asked(at.step, "web01"))
        second = await at.before("web01", tried=1)

        assert builders.words(first)["web01"][::2] == ("again", True)
        acted = fault in ("lost", "garbled")
        assert builders.words(found)["web01"][0] == ("done" if acted else "refused")
        assert builders.words(second)["web01"] == ("done", "", True)
        assert [row["id"] for row in await at.silences()] == [second.outside_id]
        assert len(stage.around.alertmanager.store.all()) == 1


@pytest.mark.parametrize("fault", ["lost", "garbled", "500", "503", "429", "dropped"])
@pytest.mark.parametrize("staying", [(), ("web02",)])
async def test_a_half_that_was_lost_is_put_back_by_the_next_try(
    monkeypatch: pytest.MonkeyPatch, fault: str, staying: tuple[str, ...]
) -> None:
    """Narrowed or ended, once."""
    async with simulated(monkeypatch) as (at, stage):
        made = await at.before("web01", "web02")
        for method in ("POST", "DELETE"):
            kind = surroundings.Fault(fault)
            stage.around.faults.set(surroundings.Part.ALERTMANAGER, kind, method=method)
        asked = {"outside_id": made.outside_id, "staying": builders.subjects(*staying)}

        first = await at.after("web01", **asked)
        second = await at.after("web01", tried=1, **asked)

        assert builders.words(first)["web01"][::2] in (("again", True), ("done", False))
        assert builders.words(second)["web01"] == ("done", "", False)
        assert await at.values() == [f"{name}(:[0-9]+)?" for name in staying]


@pytest.mark.parametrize("fault", ["429", "hangs", "dropped"])
async def test_the_next_address_of_a_cluster_is_asked(
    monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """At once where nothing was done, else with the next try."""
    async with simulated(monkeypatch) as (at, stage):
        dead = f"http://127.0.0.1:{free_port()}"
        urls = (dead, *at.step.urls)
        step = at.step.model_copy(update={"urls": urls})

        answer = await at.kind.before(builders.asked(step, "web01"))

        assert builders.words(answer)["web01"] == ("done", "", True)
        stage.around.faults.set(surroundings.Part.ALERTMANAGER, surroundings.Fault(fault))
        wanted = builders.asked(step, "web02", wave=3, within_s=0.9)
        first = await at.kind.before(wanted)
        assert builders.words(first)["web02"][0] == "again"
        again = dataclasses.replace(wanted, tried=1, within_s=5.0)
        second = await at.kind.before(again)
        assert builders.words(second)["web02"] == ("done", "", True)
        assert len(await at.silences()) == 2


async def test_too_many_calls_say_when_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as the answer's Retry-After says; nothing stands."""
    async with simulated(monkeypatch) as (at, stage):
        stage.around.faults.set(surroundings.Part.ALERTMANAGER, surroundings.Fault.LIMITED)

        answer = await at.before("web01")

        assert builders.words(answer)["web01"] == ("again", "HTTP 429: too many requests", False)
        assert answer.again_s == 1.0


@pytest.mark.parametrize("fault", ["401", "403"])
async def test_an_alertmanagers_refusal_is_the_last_word_and_shows_no_secret(
    monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Though the other side repeats it."""
    async with simulated(monkeypatch) as (at, stage):
        part = surroundings.Part.ALERTMANAGER
        stage.around.faults.set(part, surroundings.Fault(fault))

        answer = await at.before("web01")

        assert builders.words(answer)["web01"] == ("refused", f"HTTP {fault}: not for ***", False)
        stage.around.faults.set(part, surroundings.Fault(fault))
        back = await at.after("web01")
        assert builders.words(back)["web01"] == ("refused", f"HTTP {fault}: not for ***", True)


async def test_an_endless_answer_and_a_redirect_are_read_no_further(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither takes memory, nor leads elsewhere."""
    async with simulated(monkeypatch) as (at, stage):
        part = surroundings.Part.ALERTMANAGER
        stage.around.faults.set(part, surroundings.Fault.ENDLESS, method="GET")
        endless = await at.after("web01")
        stage.around.faults.set(part, surroundings.Fault.REDIRECTS)
        redirected = await at.before("web01")

        assert builders.words(endless)["web01"][0] == "again"
        assert builders.words(redirected)["web01"][:2] == (
            "refused",
            "HTTP 307: 307: Temporary Redirect",
        )


async def test_a_secret_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its variable; nothing is sent."""
    async with simulated(monkeypatch) as (at, stage):
        monkeypatch.delenv("AM_AUTH")

        answer = await at.before("web01")

        assert builders.words(answer)["web01"] == ("refused", "AM_AUTH isn't set", False)
        assert stage.around.calls.noted() == []


async def test_a_server_without_the_value_is_named() -> None:
    """The record has no rack, which the pattern needs."""
    async with builders.http() as http:
        asked = builders.asked(step("http://127.0.0.1:9", match=(("rack", "{rack}"),)), "web01")
        answer = await silence.Silence(http).before(asked)

    assert builders.words(answer)["web01"][0] == "refused"
    assert "rack" in builders.words(answer)["web01"][1]


async def test_check_asks_every_address(at: Bench) -> None:
    """And names the one that doesn't answer."""
    dead = f"http://127.0.0.1:{free_port()}"

    assert await at.kind.check(at.step) == ""
    step = at.step.model_copy(update={"urls": (*at.step.urls, dead)})
    assert await at.kind.check(step) == f"{dead}: connection refused"

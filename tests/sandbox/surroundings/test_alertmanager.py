"""Silences: what the stand-in does is what a real Alertmanager does."""

from __future__ import annotations

import datetime
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.sandbox.surroundings import builders
from tests.steps import daemons

FOREVER = "00000000-0000-4000-8000-000000000000"


@pytest_asyncio.fixture(params=["stand-in", "real"])
async def http(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of Alertmanager's API, of the stand-in and of the real one."""
    if request.param == "real":
        async with daemons.alertmanager(tmp_path) as url, client(url, "") as made:
            yield made
        return
    async with builders.staged() as stage:
        secret = stage.around.secrets.alertmanager
        async with client(f"{stage.url}/alertmanager", secret) as made:
            yield made


def client(url: str, secret: str) -> httpx.AsyncClient:
    """Return a client."""
    headers = {"Authorization": secret} if secret else {}
    return httpx.AsyncClient(base_url=f"{url}/api/v2", headers=headers, trust_env=False)


def silence(value: str = "web01", hours: float = 1, **changed: object) -> dict[str, Any]:
    """Return a silence to post."""
    now = datetime.datetime.now(datetime.UTC)
    ends = now + datetime.timedelta(hours=hours)
    matcher = {"name": "instance", "value": value, "isRegex": True, "isEqual": True}
    made = {
        "matchers": [matcher],
        "startsAt": now.isoformat(),
        "endsAt": ends.isoformat(),
        "createdBy": "powerbot",
        "comment": "PR-7F3K wave 1 quiet: kernel (dana)",
    }
    return made | changed


async def posted(http: httpx.AsyncClient, body: dict[str, Any]) -> str:
    """Post a silence and return its id."""
    answer = await http.post("/silences", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["silenceID"])


async def states(http: httpx.AsyncClient) -> dict[str, str]:
    """Return the state of each silence."""
    listed = (await http.get("/silences")).json()
    return {one["id"]: one["status"]["state"] for one in listed}


async def test_a_silence_is_made_shown_and_listed(http: httpx.AsyncClient) -> None:
    """With what was posted, and as active."""
    made = await posted(http, silence())

    shown = (await http.get(f"/silence/{made}")).json()
    assert shown["status"]["state"] == "active"
    assert shown["comment"] == "PR-7F3K wave 1 quiet: kernel (dana)"
    assert await states(http) == {made: "active"}


async def test_a_silence_that_lasts_longer_keeps_its_id(http: httpx.AsyncClient) -> None:
    """Only its end has changed."""
    made = await posted(http, silence())
    shown = (await http.get(f"/silence/{made}")).json()

    later = silence(hours=2, id=made, startsAt=shown["startsAt"])
    again = await posted(http, later)

    assert again == made
    assert await states(http) == {made: "active"}


async def test_a_silence_of_fewer_gets_a_new_id(http: httpx.AsyncClient) -> None:
    """The one before has ended by itself."""
    made = await posted(http, silence("web01|web02"))

    narrower = await posted(http, silence("web02", id=made))

    assert narrower != made
    assert await states(http) == {made: "expired", narrower: "active"}


async def test_a_silence_is_ended_once(http: httpx.AsyncClient) -> None:
    """To end it again changes nothing, and it stays listed."""
    made = await posted(http, silence())

    first = await http.delete(f"/silence/{made}")
    second = await http.delete(f"/silence/{made}")

    assert (first.status_code, second.status_code) == (200, 200)
    assert await states(http) == {made: "expired"}


async def test_unknown_silences_are_not_found(http: httpx.AsyncClient) -> None:
    """Whether shown or changed; this version says so with 500 to who ends one."""
    assert (await http.get(f"/silence/{FOREVER}")).status_code == 404
    assert (await http.delete(f"/silence/{FOREVER}")).status_code == 500
    assert (await http.post("/silences", json=silence(id=FOREVER))).status_code == 404


@pytest.mark.parametrize(
    "changed",
    [
        {"endsAt": "2020-01-01T00:00:00Z"},
        {"matchers": []},
        {"matchers": [{"name": "instance", "value": ".*", "isRegex": True}]},
        {"matchers": [{"name": "instance", "value": "web01(", "isRegex": True}]},
    ],
    ids=["in the past", "of nothing", "of everything", "no pattern"],
)
async def test_what_is_no_silence_is_refused(
    http: httpx.AsyncClient, changed: dict[str, object]
) -> None:
    """And nothing is made of it."""
    answer = await http.post("/silences", json=silence() | changed)

    assert answer.status_code in (400, 422)
    assert await states(http) == {}


async def test_status_answers_when_it_is_ready(http: httpx.AsyncClient) -> None:
    """As whoever checks the address wants to see."""
    assert (await http.get("/status")).json()["versionInfo"]


async def test_a_wrong_secret_is_refused() -> None:
    """The stand-in wants its Authorization header."""
    async with builders.staged() as stage, client(f"{stage.url}/alertmanager", "no") as http:
        assert (await http.get("/silences")).status_code == 401


async def test_a_pattern_matches_whole_values_of_active_silences() -> None:
    """web1 isn't web10, and a silence of a server leaves the others heard."""
    async with builders.staged("web1", "web10") as stage:
        async with client(f"{stage.url}/alertmanager", stage.around.secrets.alertmanager) as http:
            made = await posted(http, silence("web1(:[0-9]+)?"))
        around = stage.around

        assert [row["name"] for row in around.of_note() if row["silenced"]] == ["web1"]
        around.alertmanager.store.expire(made)
        assert around.of_note() == []

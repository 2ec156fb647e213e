"""The least rights that SECURITY names for a drain are what a drain asks for, and suffice."""

from __future__ import annotations

import pathlib
from typing import Any

import kubernetes_validate
import pytest
import yaml

from bot.power.steps import definition
from bot.steps import cluster
from bot.steps.kinds import drain
from tests.sandbox.surroundings import builders as stages
from tests.steps import builders

SECURITY = pathlib.Path(__file__).parent.parent.parent / ".github" / "SECURITY.md"


def manifests() -> list[dict[str, Any]]:
    """Return the objects of the page's manifest."""
    text = SECURITY.read_text().partition("```yaml\n")[2].partition("```")[0]
    return list(yaml.safe_load_all(text))


def granted() -> set[tuple[str, str]]:
    """Return verb and resource of each right that the page grants."""
    role = next(one for one in manifests() if one["kind"] == "ClusterRole")
    return {
        (verb, resource)
        for rule in role["rules"]
        for verb in rule["verbs"]
        for resource in rule["resources"]
    }


def test_the_page_grants_what_a_drain_asks_for_and_no_more() -> None:
    """The same rights that `powerbot check` asks about."""
    asked = {(verb, f"{resource}/{part}".rstrip("/")) for verb, resource, part in cluster.RIGHTS}

    assert granted() == asked


async def test_these_rights_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node is drained and given back by an account that has no other."""
    async with stages.staged() as stage, builders.http() as http:
        monkeypatch.setenv("K8S_AUTH", stage.around.secrets.kubernetes)
        stage.around.kubernetes.rights = granted()
        urls = (f"{stage.url}/kubernetes",)
        step = definition.Step(
            name="drain", kind="drain", urls=urls, auth="K8S_AUTH", node="{name}"
        )
        kind, asked = drain.Drain(http), builders.asked(step, "web01")
        assert await kind.check(step) == ""
        for _ in range(5):
            answer = await kind.before(asked)
            stage.now += 1.0
        back = await kind.after(asked)

    assert builders.words(answer)["web01"] == ("done", "", True)
    assert builders.words(back)["web01"] == ("done", "", False)


def test_the_manifest_is_one_that_kubernetes_takes() -> None:
    """By the schemas of its own API."""
    for one in manifests():
        kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)

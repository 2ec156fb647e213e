"""The stand-in for Kubernetes: nodes, pods that leave in their time, budgets, rights."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bot.sandbox import surroundings
from tests.sandbox.surroundings import builders

PATCH = {"Content-Type": "application/merge-patch+json"}
EVICTION = {"apiVersion": "policy/v1", "kind": "Eviction"}


@contextlib.asynccontextmanager
async def cluster() -> AsyncIterator[tuple[builders.Stage, httpx.AsyncClient]]:
    """Serve a cluster of three nodes; gives its stage and a client of its API."""
    async with builders.staged() as stage:
        headers = {"Authorization": stage.around.secrets.kubernetes}
        url = f"{stage.url}/kubernetes/api/v1"
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as http:
            yield stage, http


async def pods(http: httpx.AsyncClient, node: str) -> list[dict[str, Any]]:
    """Return the pods of a node as the API lists them."""
    answer = await http.get("/pods", params={"fieldSelector": f"spec.nodeName={node}"})
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def movable(stage: builders.Stage, node: str) -> list[str]:
    """Return the names of the pods that a drain waits for."""
    return [pod.name for pod in stage.around.kubernetes.cluster.movable(node)]


async def evict(http: httpx.AsyncClient, name: str) -> httpx.Response:
    """Ask for an eviction."""
    body = {**EVICTION, "metadata": {"name": name, "namespace": "shop"}}
    return await http.post(f"/namespaces/shop/pods/{name}/eviction", json=body)


async def test_a_cordon_is_a_patch_that_may_name_the_version_it_knows() -> None:
    """Somebody else's change in between is a conflict."""
    async with cluster() as (_, http):
        seen = (await http.get("/nodes/web01")).json()["metadata"]["resourceVersion"]
        body: dict[str, Any] = {
            "metadata": {"resourceVersion": seen, "annotations": {"powerbot/cordoned-by": "PR-1"}},
            "spec": {"unschedulable": True},
        }

        first = await http.patch("/nodes/web01", json=body, headers=PATCH)
        second = await http.patch("/nodes/web01", json=body, headers=PATCH)

        assert (first.status_code, second.status_code) == (200, 409)
        node = (await http.get("/nodes/web01")).json()
        assert node["spec"] == {"unschedulable": True}
        assert node["metadata"]["annotations"] == {"powerbot/cordoned-by": "PR-1"}


async def test_null_takes_an_annotation_away() -> None:
    """As in every merge patch."""
    async with cluster() as (stage, http):
        stage.around.kubernetes.cluster.nodes["web01"].annotations["mine"] = "yes"

        body = {"metadata": {"annotations": {"mine": None}}}
        await http.patch("/nodes/web01", json=body, headers=PATCH)

        assert stage.around.kubernetes.cluster.nodes["web01"].annotations == {}


async def test_an_evicted_pod_leaves_in_its_time_and_another_starts_elsewhere() -> None:
    """Never on a node that is cordoned."""
    async with cluster() as (stage, http):
        stage.around.kubernetes.cluster.nodes["web01"].unschedulable = True
        name = movable(stage, "web01")[0]

        assert (await evict(http, name)).status_code == 201
        assert name in movable(stage, "web01")
        stage.now += 1.0

        assert name not in movable(stage, "web01")
        assert len(movable(stage, "web01")) == 1
        assert len(movable(stage, "web02") + movable(stage, "web03")) == 5
        assert (await evict(http, name)).status_code == 404


async def test_evictions_keep_the_disruption_budget() -> None:
    """429 until those that started elsewhere are ready."""
    async with cluster() as (stage, http):
        stage.around.kubernetes.cluster.may_miss = 1
        first, second = movable(stage, "web01")
        stage.around.kubernetes.cluster.nodes["web01"].unschedulable = True

        assert (await evict(http, first)).status_code == 201
        assert (await evict(http, second)).status_code == 429
        stage.now += 2.0
        assert (await evict(http, second)).status_code == 201


async def test_pods_are_told_apart_as_a_drain_must() -> None:
    """A DaemonSet's, a mirror, a finished one, and those that can go."""
    async with cluster() as (_, http):
        listed = await pods(http, "web01")

    assert len(listed) == 5
    assert sum("ownerReferences" in one["metadata"] for one in listed) == 1
    assert sum("annotations" in one["metadata"] for one in listed) == 1
    assert sum(one["status"]["phase"] == "Succeeded" for one in listed) == 1


async def test_long_lists_come_in_pages() -> None:
    """By limit and continue."""
    async with cluster() as (_, http):
        params = {"fieldSelector": "spec.nodeName=web01", "limit": "3"}
        first = (await http.get("/pods", params=params)).json()
        rest = {**params, "continue": first["metadata"]["continue"]}
        second = (await http.get("/pods", params=rest)).json()

    assert [len(page["items"]) for page in (first, second)] == [3, 2]
    assert second["metadata"] == {}


async def test_who_lacks_a_right_is_refused_and_can_ask_for_it() -> None:
    """By SelfSubjectAccessReview, which needs no right."""
    async with cluster() as (stage, http):
        stage.around.kubernetes.rights.discard(("patch", "nodes"))
        refused = await http.patch("/nodes/web01", json={}, headers=PATCH)
        reviews = f"{stage.url}/kubernetes/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        allowed = []
        for verb in ("get", "patch"):
            spec = {"resourceAttributes": {"verb": verb, "resource": "nodes"}}
            answer = await http.post(reviews, json={"spec": spec})
            allowed.append(answer.json()["status"]["allowed"])

    assert refused.status_code == 403
    assert allowed == [True, False]


@pytest.mark.parametrize("secret", ["", "Bearer wrong"])
async def test_a_wrong_token_is_refused(secret: str) -> None:
    """So is none."""
    async with cluster() as (_, http):
        answer = await http.get("/nodes/web01", headers={"Authorization": secret})

    assert answer.status_code == 401


async def test_pods_wait_for_a_node_while_none_takes_them() -> None:
    """And go to the first that does."""
    stage = builders.Stage(("web01",))
    cluster = stage.around.kubernetes.cluster
    cluster.nodes["web01"].unschedulable = True
    for pod in cluster.movable("web01"):
        cluster.evict("shop", pod.name)
    stage.now += 5.0
    assert (cluster.movable("web01"), cluster.healthy()) == ([], 0)

    cluster.nodes["web01"].unschedulable = False
    cluster.movable("web01")
    stage.now += 5.0

    assert (len(cluster.movable("web01")), cluster.healthy()) == (2, 2)
    assert surroundings.PodKind.DAEMON in {pod.kind for pod in cluster.pods_on("web01")}

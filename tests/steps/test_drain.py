"""Drains, against the stand-in for Kubernetes with every fault. There is no real one here."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.power.steps import definition, protocol
from bot.sandbox import surroundings
from bot.steps import cluster as cluster_
from bot.steps.kinds import drain
from tests.sandbox.surroundings import builders as stages
from tests.steps import builders

KUBERNETES = surroundings.Part.KUBERNETES


@dataclasses.dataclass(frozen=True)
class Bench:
    """A drain, a step of its, and the cluster that it works on."""

    stage: stages.Stage
    kind: drain.Drain
    step: definition.Step

    @property
    def cluster(self) -> surroundings.Cluster:
        """The cluster."""
        return self.stage.around.kubernetes.cluster

    def node(self, name: str = "web01") -> tuple[bool, str]:
        """Return whether a node is cordoned, and for which request."""
        node = self.cluster.nodes[name]
        return node.unschedulable, node.annotations.get(drain.OURS, "")

    def fault(self, fault: str, times: int | None = 1, method: str = "") -> None:
        """Let calls go wrong."""
        self.stage.around.faults.set(KUBERNETES, surroundings.Fault(fault), times, method)

    async def before(self, *names: str, **changed: Any) -> protocol.Answer:
        """Do one round of taking servers out."""
        asked = builders.asked(self.step, *(names or ("web01",)), **changed)
        return await self.kind.before(asked)

    async def after(self, *names: str, **changed: Any) -> protocol.Answer:
        """Put servers back."""
        asked = builders.asked(self.step, *(names or ("web01",)), **changed)
        return await self.kind.after(asked)

    async def drained(self, *names: str) -> None:
        """Do rounds until the servers are drained; a second passes between them."""
        for tried in range(20):
            answer = await self.before(*names, tried=tried)
            if {word for word, _, _ in builders.words(answer).values()} == {"done"}:
                return
            self.stage.now += 1.0
        raise AssertionError(builders.words(answer))


@contextlib.asynccontextmanager
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """Set up a bench."""
    async with stages.staged() as stage, builders.http() as http:
        monkeypatch.setenv("K8S_AUTH", stage.around.secrets.kubernetes)
        urls = (f"{stage.url}/kubernetes",)
        step = definition.Step(
            name="drain", kind="drain", urls=urls, auth="K8S_AUTH", node="{name}"
        )
        yield Bench(stage, drain.Drain(http), step)


async def test_a_node_is_cordoned_emptied_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pods of DaemonSets, mirrors and finished ones stay."""
    async with bench(monkeypatch) as at:
        first = await at.before()
        cordoned = at.node()
        await at.drained("web01")
        kinds = {pod.kind.value for pod in at.cluster.pods_on("web01")}
        back = await at.after()

        assert builders.words(first)["web01"] == ("again", "2 pods left", True)
        assert cordoned == (True, "PR-7F3K")
        assert kinds == {"daemon", "mirror", "finished"}
        assert builders.words(back)["web01"] == ("done", "", False)
        assert at.node() == (False, "")


async def test_an_answer_says_how_many_pods_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """In words for the card, and says when to ask again."""
    async with bench(monkeypatch) as at:
        answer = await at.before("web01")

    assert builders.words(answer)["web01"] == ("again", "2 pods left", True)
    assert answer.again_s == 1.0


async def test_disruption_budgets_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never more pods away at once than they allow."""
    async with bench(monkeypatch) as at:
        at.cluster.may_miss = 1
        healthy: list[int] = []
        for tried in range(30):
            answer = await at.before("web01", "web02", tried=tried)
            healthy.append(at.cluster.healthy())
            if {word for word, _, _ in builders.words(answer).values()} == {"done"}:
                break
            at.stage.now += 0.5

        assert min(healthy) == 5
        assert at.cluster.movable("web01") == at.cluster.movable("web02") == []


async def test_a_budget_that_never_allows_it_leaves_what_is_ours_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that it is put back when the time is up."""
    async with bench(monkeypatch) as at:
        at.cluster.may_miss = 0

        answers = [await at.before(tried=tried) for tried in range(3)]
        back = await at.after()

        assert builders.words(answers[-1])["web01"] == ("again", "2 pods left", True)
        assert builders.words(back)["web01"] == ("done", "", False)
        assert at.node() == (False, "")


@pytest.mark.parametrize("mark", [{}, {drain.OURS: "PR-OLD1"}])
async def test_what_somebody_else_has_cordoned_stays_theirs(
    monkeypatch: pytest.MonkeyPatch, mark: dict[str, str]
) -> None:
    """Evicted all the same; not uncordoned by us, also if it was another request of ours."""
    async with bench(monkeypatch) as at:
        at.cluster.nodes["web01"].unschedulable = True
        at.cluster.nodes["web01"].annotations |= mark

        first = await at.before()
        await at.drained("web01")
        back = await at.after()

        assert builders.words(first)["web01"] == ("again", "2 pods left", False)
        assert builders.words(back)["web01"] == ("done", "", False)
        assert at.node() == (True, mark.get(drain.OURS, ""))


async def test_a_node_that_was_taken_over_meanwhile_is_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They took our annotation away, or it is gone from the cluster: nothing is owed."""
    async with bench(monkeypatch) as at:
        await at.drained("web01", "web02")
        del at.cluster.nodes["web01"].annotations[drain.OURS]
        del at.cluster.nodes["web02"]

        back = await at.after("web01", "web02")

        assert {one for one in builders.words(back).values()} == {("done", "", False)}
        assert at.node() == (True, "")


async def test_a_mark_of_ours_goes_though_somebody_has_uncordoned_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As `kubectl uncordon` does, which leaves annotations."""
    async with bench(monkeypatch) as at:
        await at.drained("web01")
        at.cluster.nodes["web01"].unschedulable = False

        await at.after()

        assert at.node() == (False, "")


@pytest.mark.parametrize("half", ["before", "after"])
async def test_a_conflict_is_read_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, half: str
) -> None:
    """A few times in a round; one that goes on is tried again later."""
    async with bench(monkeypatch) as at:
        if half == "after":
            await at.drained("web01")
        at.fault("409", 2, "PATCH")
        do = at.before if half == "before" else at.after

        await do()
        assert at.node() == ((True, "PR-7F3K") if half == "before" else (False, ""))


async def test_a_node_that_changes_all_the_time_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing of ours stands there meanwhile."""
    async with bench(monkeypatch) as at:
        at.fault("409", None, "PATCH")

        answer = await at.before()

        said = "somebody else keeps changing the node"
        assert builders.words(answer)["web01"] == ("again", said, False)


@pytest.mark.parametrize("fault", ["lost", "garbled", "500", "503", "429", "dropped"])
@pytest.mark.parametrize("method", ["GET", "PATCH", "POST"])
async def test_lost_answers_end_in_one_cordon_and_no_pod_left(
    monkeypatch: pytest.MonkeyPatch, fault: str, method: str
) -> None:
    """Whichever call it was; what may stand is known before."""
    async with bench(monkeypatch) as at:
        at.fault(fault, 1, method)

        first = await at.before()
        if method == "PATCH":
            assert builders.words(first)["web01"][::2] == ("again", True)
        await at.drained("web01")

        assert at.node() == (True, "PR-7F3K")
        assert at.cluster.movable("web01") == []


@pytest.mark.parametrize("fault", ["lost", "garbled", "500", "429", "dropped"])
@pytest.mark.parametrize("method", ["GET", "PATCH"])
async def test_lost_answers_end_in_no_cordon_of_ours(
    monkeypatch: pytest.MonkeyPatch, fault: str, method: str
) -> None:
    """It stands until that is certain."""
    async with bench(monkeypatch) as at:
        await at.drained("web01")
        at.fault(fault, 1, method)

        first = await at.after()
        second = await at.after(tried=1)

        assert builders.words(first)["web01"][::2] == ("again", True)
        assert builders.words(second)["web01"] == ("done", "", False)
        assert at.node() == (False, "")


async def test_a_pod_that_is_gone_already_is_as_good_as_evicted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """404 of an eviction."""
    async with bench(monkeypatch) as at, builders.http() as http:
        api = cluster_.Api(http, at.step, 5.0)
        [pod, *_] = await api.pods("web01")

        with pytest.raises(cluster_.Gone):
            await api.evict(dataclasses.replace(pod, name="nobody"))


@pytest.mark.parametrize("fault", ["401", "403"])
async def test_a_clusters_refusal_is_the_last_word_and_shows_no_secret(
    monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Each server is set aside with it; one that was cordoned before is known to be."""
    async with bench(monkeypatch) as at:
        at.fault(fault, None)
        first = await at.before("web01", "web02")
        said = ("refused", f"HTTP {fault}: not for ***", False)
        assert builders.words(first) == {"web01": said, "web02": said}
        at.stage.around.faults.lift()
        at.fault(fault, None, "POST")
        second = await at.before("web01")

        assert builders.words(second)["web01"][::2] == ("refused", True)
        assert at.node() == (True, "PR-7F3K")


async def test_a_round_ends_when_its_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though every call hangs; what may stand is known."""
    async with bench(monkeypatch) as at:
        at.fault("hangs", None, "PATCH")
        out = await at.before(within_s=0.3)
        at.stage.around.faults.lift()
        await at.drained("web01")
        at.fault("hangs", None, "GET")
        back = await at.after(within_s=0.3)

    assert builders.words(out)["web01"] == ("again", "no answer", True)
    assert builders.words(back)["web01"] == ("again", "no answer", True)


async def test_a_server_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is no node, or can't be the name of one."""
    async with bench(monkeypatch) as at:
        odd = (*builders.subjects("web01", "db01"), builders.subject("Web_02"))

        answer = await at.before(servers=odd)

        found = builders.words(answer)
        assert found["web01"] == ("again", "2 pods left", True)
        assert found["db01"] == ("refused", "there is no node db01", False)
        assert found["Web_02"][0] == "refused"


async def test_a_list_of_pods_that_goes_on_is_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Page by page."""
    monkeypatch.setattr(cluster_, "PAGE", 1)
    async with bench(monkeypatch) as at, builders.http() as http:
        pods = await cluster_.Api(http, at.step, 5.0).pods("web01")

    assert len(pods) == 2


async def test_check_names_the_rights_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """By asking the cluster itself; nothing is changed."""
    async with bench(monkeypatch) as at:
        rights = at.stage.around.kubernetes.rights
        good = await at.kind.check(at.step)
        rights -= {("patch", "nodes"), ("create", "pods/eviction")}
        lacking = await at.kind.check(at.step)
        monkeypatch.delenv("K8S_AUTH")
        unset = await at.kind.check(at.step)

    assert good == ""
    assert lacking == "the account isn't allowed to patch nodes, create pods/eviction"
    assert unset == "K8S_AUTH isn't set"


async def test_a_pod_speaks_to_its_own_cluster_with_its_own_account(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """Its token and certificates are read at each use; outside of a pod that is said."""
    (tmp_path / "token").write_text("of-the-account\n")
    monkeypatch.setattr(cluster_, "ACCOUNT", tmp_path)
    step = definition.Step(name="drain", kind="drain", node="{name}")
    async with builders.http() as http:
        api = cluster_.Api(http, step, 5.0)
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
        outside = await drain.Drain(http).check(step)
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
        url, headers, ca = api.place()

    assert outside == "url isn't set, and Powerbot doesn't run in a pod"
    assert (url, ca) == ("https://10.96.0.1:6443", str(tmp_path / "ca.crt"))
    assert headers == {"Authorization": "Bearer of-the-account"}

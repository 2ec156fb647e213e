"""A Kubernetes cluster whose nodes are servers: pods that leave, start elsewhere, and budgets.

No HTTP, and a clock that is given. Nothing runs in the background: each look first lets pass what
was due by then. Every node has a pod of a DaemonSet, a mirror pod and a finished one beside the
pods that can go.
"""

from __future__ import annotations

import enum
import math
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from random import Random

NAMESPACE = "shop"


class PodKind(enum.StrEnum):
    """What a pod is to a drain."""

    APP = "app"
    DAEMON = "daemon"
    MIRROR = "mirror"
    FINISHED = "finished"


class TooFew(Exception):
    """An eviction would break a disruption budget; answered as 429."""


@dataclass(slots=True)
class Node:
    """A node and what an administrator may change of it."""

    name: str
    uid: str
    unschedulable: bool = False
    annotations: dict[str, str] = field(default_factory=dict)
    version: int = 1


@dataclass(slots=True)
class Pod:
    """A pod; `node` "" while it waits for one, `gone_at` when it ends, once it was told to."""

    name: str
    uid: str
    kind: PodKind
    node: str
    ready_at: float = -math.inf
    gone_at: float = math.inf
    namespace: str = NAMESPACE

    @property
    def leaving(self) -> bool:
        """Whether it was told to end."""
        return self.gone_at < math.inf


@dataclass(slots=True)
class Pace:
    """How long a pod takes to end and to start elsewhere, in seconds."""

    ends_s: float = 1.0
    starts_s: float = 1.0


class Cluster:
    """The nodes and pods; `may_miss` is how many of the application's pods may be away at once."""

    def __init__(
        self,
        names: Iterable[str],
        clock: Callable[[], float],
        is_up: Callable[[str], bool] = lambda _: True,
        *,
        pods_each: int = 2,
        may_miss: int = 4,
        pace: Pace | None = None,
    ) -> None:
        """`is_up` says whether a node's server is on and answers."""
        self.pace = pace or Pace()
        self.may_miss = may_miss
        self._clock = clock
        self._is_up = is_up
        self._rng = Random("cluster")
        self.nodes = {name: Node(name, self._uid()) for name in names}
        self._pods: dict[str, Pod] = {}
        self._wanted = 0
        for name in self.nodes:
            self._furnish(name, pods_each)

    def pods_on(self, node: str) -> list[Pod]:
        """Return the pods of a node, those that are leaving too."""
        self._advance()
        return [pod for pod in self._pods.values() if pod.node == node]

    def movable(self, node: str) -> list[Pod]:
        """Return the pods of a node that a drain has to wait for."""
        return [pod for pod in self.pods_on(node) if pod.kind is PodKind.APP]

    def movable_counts(self) -> Counter[str]:
        """Return how many pods a drain would have to wait for on each node."""
        self._advance()
        return Counter(pod.node for pod in self._apps())

    def healthy(self) -> int:
        """Return how many pods of the application are ready."""
        self._advance()
        return sum(self._is_healthy(pod) for pod in self._apps())

    def evict(self, namespace: str, name: str) -> None:
        """Tell a pod to end, and let another start elsewhere.

        Raises:
            KeyError: there is no such pod.
            TooFew: the budget doesn't allow it now.
        """
        pod = self.pod(namespace, name)
        if pod.leaving:
            return
        if pod.kind is PodKind.APP:
            if self.healthy() - self._is_healthy(pod) < self._wanted - self.may_miss:
                raise TooFew(name)
            self._add(PodKind.APP, "")
        pod.gone_at = self._clock() + self.pace.ends_s
        self._advance()

    def pod(self, namespace: str, name: str) -> Pod:
        """Return a pod.

        Raises:
            KeyError: there is none of this name.
        """
        self._advance()
        found = self._pods[name]
        if found.namespace != namespace:
            raise KeyError(name)
        return found

    def _advance(self) -> None:
        now = self._clock()
        for pod in [pod for pod in self._pods.values() if pod.gone_at <= now]:
            del self._pods[pod.name]
        waiting = [pod for pod in self._apps() if not pod.node and not pod.leaving]
        if not waiting:
            return
        load = {name: 0 for name, node in self.nodes.items() if self._takes(node)}
        for pod in self._apps():
            if pod.node in load:
                load[pod.node] += 1
        for pod in waiting if load else ():
            pod.node = min(load, key=lambda name: load[name])
            pod.ready_at = now + self.pace.starts_s
            load[pod.node] += 1

    def _takes(self, node: Node) -> bool:
        return not node.unschedulable and self._is_up(node.name)

    def _is_healthy(self, pod: Pod) -> bool:
        if not pod.node or pod.leaving or pod.ready_at > self._clock():
            return False
        return self._is_up(pod.node)

    def _apps(self) -> Iterator[Pod]:
        return (pod for pod in self._pods.values() if pod.kind is PodKind.APP)

    def _furnish(self, node: str, pods_each: int) -> None:
        for kind in (PodKind.DAEMON, PodKind.MIRROR, PodKind.FINISHED):
            self._add(kind, node)
        for _ in range(pods_each):
            self._add(PodKind.APP, node)
            self._wanted += 1

    def _add(self, kind: PodKind, node: str) -> None:
        tail = f"{self._rng.getrandbits(40):010x}"
        name = f"{_NAMES[kind]}-{node}" if kind is PodKind.MIRROR else f"{_NAMES[kind]}-{tail}"
        self._pods[name] = Pod(name, self._uid(), kind, node)

    def _uid(self) -> str:
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))


_NAMES = {
    PodKind.APP: "front",
    PodKind.DAEMON: "node-exporter",
    PodKind.MIRROR: "kube-proxy",
    PodKind.FINISHED: "nightly-report",
}

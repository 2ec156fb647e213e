"""Everything around the racks in one place, and how it stands for each server."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from aiohttp import web

from bot.sandbox.surroundings import (
    alertmanager,
    calls,
    cluster,
    faults,
    kubernetes,
    prometheus,
    receiver,
    services,
    silences,
)

# Where each part stands on the one address that they share.
ALERTMANAGER, KUBERNETES, BALANCER = "/alertmanager", "/kubernetes", "/balancer"
SERVICES, PROMETHEUS = "/services", "/prometheus"
ALERT = "InstanceDown"
EXPORTER_PORT = 9100
# Servers of these roles are nodes of the cluster.
NODES = ("web", "k8s-worker-")


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the parts want to see: two Authorization headers, and the key of the webhooks."""

    alertmanager: str = "Bearer demo-alertmanager"
    kubernetes: str = "Bearer demo-kubernetes"
    webhook: str = "whsec_cG93ZXJib3QtZGVtby1zZWNyZXQtMDEyMzQ1Njc4OQ=="


@dataclass(frozen=True, slots=True)
class Racks:
    """The servers that stand in the middle: their names, and how each stands.

    `look` raises KeyError for a server that isn't there. `clock` is their time in seconds.
    """

    names: tuple[str, ...]
    look: Callable[[str], services.Standing]
    clock: Callable[[], float]


@dataclass(slots=True)
class Surroundings:
    """The stand-ins around some racks, each under its own path of one address."""

    racks: Racks
    secrets: Secrets = field(default_factory=Secrets)
    wall: Callable[[], float] = time.time
    faults: faults.Faults = field(default_factory=faults.Faults)
    calls: calls.Calls = field(init=False)
    alertmanager: alertmanager.Alertmanager = field(init=False)
    kubernetes: kubernetes.Kubernetes = field(init=False)
    balancer: receiver.Receiver = field(init=False)
    services: services.Services = field(init=False)
    prometheus: prometheus.Prometheus = field(init=False)

    def __post_init__(self) -> None:
        """Put the parts around the racks."""
        racks = self.racks
        self.calls = calls.Calls(self.faults)
        store = silences.Silences(self._time, Random("silences"))
        self.alertmanager = alertmanager.Alertmanager(store, self.secrets.alertmanager)
        self.services = services.Services(racks.look, racks.clock)
        nodes = [name for name in racks.names if name.startswith(NODES)]
        around = cluster.Cluster(nodes, racks.clock, self._is_up, may_miss=max(4, len(nodes) // 6))
        token = self.secrets.kubernetes.removeprefix("Bearer ")
        self.kubernetes = kubernetes.Kubernetes(around, token)
        self.balancer = receiver.Receiver(self.wall, [self.secrets.webhook])
        self.prometheus = prometheus.Prometheus(self._samples)

    def routes(self, prefix: str = "") -> list[web.RouteDef]:
        """List every part's routes under a prefix."""
        return [
            *self.alertmanager.routes(prefix + ALERTMANAGER, self.calls),
            *self.kubernetes.routes(prefix + KUBERNETES, self.calls),
            *self.balancer.routes(prefix + BALANCER, self.calls),
            *self.services.routes(prefix + SERVICES),
            *self.prometheus.routes(prefix + PROMETHEUS, self.calls),
        ]

    def of_note(self) -> list[dict[str, object]]:
        """Return, for each server that isn't as always, how everything around it stands."""
        pods = self.kubernetes.cluster.movable_counts()
        active = self.alertmanager.store.active()
        rows = (self._around(name, pods, active) for name in self.racks.names)
        return [row for row in rows if any(row[key] for key in _OF_NOTE)]

    def _around(
        self, name: str, pods: Mapping[str, int], active: list[silences.Silence]
    ) -> dict[str, object]:
        """Return how everything around a server stands.

        `pods` counts those that still have to leave, None where it is no node; `down` says that
        its service isn't well, and `firing` that somebody is told of it.
        """
        node = self.kubernetes.cluster.nodes.get(name)
        standing = self.racks.look(name)
        # A server that was switched off shows that itself; nobody would be told of it for long.
        down = (standing.up or standing.busy) and not self.services.well(name)
        silenced = bool(active) and any(one.matches(labels(name)) for one in active)
        fault = self.services.faults.get(name)
        return {
            "name": name,
            "silenced": silenced,
            "cordoned": bool(node and node.unschedulable),
            "pods": pods.get(name, 0) if node else None,
            "out": name in self.balancer.out,
            "down": down,
            "firing": down and not silenced,
            "fault": fault.value if fault else None,
        }

    def _is_up(self, name: str) -> bool:
        return self.racks.look(name).up

    def _time(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self.wall(), datetime.UTC)

    def _samples(self) -> list[tuple[str, bool]]:
        return [(labels(name)["instance"], self.services.well(name)) for name in self.racks.names]


_OF_NOTE = ("silenced", "cordoned", "out", "down", "fault")


def labels(name: str) -> Mapping[str, str]:
    """Return the labels of the alert that a server's silence would have to match."""
    return {"alertname": ALERT, "instance": f"{name}:{EXPORTER_PORT}", "job": "node"}

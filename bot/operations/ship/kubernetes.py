"""Manifests for a namespace: two replicas on one PostgreSQL ("Kubernetes API reference")."""

from __future__ import annotations

import urllib.parse
from typing import Any

from bot import settings
from bot.operations.ship import documents, layout

NAME = "powerbot"
LABELS = {"app.kubernetes.io/name": NAME}
MONITORING, INGRESS = "monitoring", "ingress-nginx"  # The usual names; a cluster may have others.
POSTGRES_PORT, TLS_PORT = 5432, 443
HEAD = """\
# Made by `powerbot ship kubernetes`. Fill in the empty values in the Deployment, and the
# image. Before the first `kubectl apply`, in this order:
#   kubectl create configmap {name}-policy --from-file=policy.toml
#   kubectl create secret generic {name} --from-file=secrets/
# where secrets/ has a file for each of: {files}.
# The Secret below is the template: it has no values, and applying it again removes none.
# Prometheus may come from the namespace "{monitoring}", and needs the token for the metrics.
"""


def text(order: layout.ShipOrder) -> str:
    """Return all manifests, one document each."""
    files = ", ".join(map(layout.variable, layout.secrets(order)))
    head = HEAD.format(name=NAME, files=files, monitoring=MONITORING)
    return head + "".join(f"---\n{documents.dumped(one)}" for one in build(order))


def build(order: layout.ShipOrder) -> list[dict[str, Any]]:
    """Return all manifests."""
    return [
        {**_head("v1", "ServiceAccount"), "automountServiceAccountToken": False},
        {**_head("v1", "Secret"), "type": "Opaque"},
        _deployment(order),
        _service(),
        _network_policy(order),
        {
            **_head("policy/v1", "PodDisruptionBudget"),
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": LABELS}},
        },
    ]


def _head(version: str, kind: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": NAME, "labels": LABELS}}


def _deployment(order: layout.ShipOrder) -> dict[str, Any]:
    """Return the Deployment.

    A third process beside two would look like a stranger on the Slack app, so none is surged.
    """
    return {
        **_head("apps/v1", "Deployment"),
        "spec": {
            "replicas": 2,
            "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": _pod(order)},
        },
    }


def _pod(order: layout.ShipOrder) -> dict[str, Any]:
    """Return a pod without a right."""
    return {
        "serviceAccountName": NAME,
        "automountServiceAccountToken": False,
        # A service of this name would put an address into the variable of our port.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": layout.STOP_S,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": layout.USER,
            "runAsGroup": layout.USER,
            "fsGroup": layout.USER,  # The mounted secrets belong to it.
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",  # On one node rather than nowhere.
                "labelSelector": {"matchLabels": LABELS},
            }
        ],
        "initContainers": [_container(order, "migrate")],
        "containers": [{**_container(order, "run"), **_listening(order)}],
        "volumes": [
            {"name": "secrets", "secret": {"secretName": NAME, "defaultMode": 0o440}},
            {"name": "policy", "configMap": {"name": f"{NAME}-policy"}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
        ],
    }


def _container(order: layout.ShipOrder, command: str) -> dict[str, Any]:
    """Return a container that runs one of our commands."""
    environment = layout.environment(order)
    return {
        "name": NAME if command == "run" else command,
        "image": f"{NAME}:latest",
        "command": order.programme.line(command),
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"memory": "512Mi"},  # None for the CPU: who is throttled acks late.
        },
        "volumeMounts": [
            {"name": "secrets", "mountPath": layout.SECRETS, "readOnly": True},
            # The whole folder: a single file would never be seen to change.
            {"name": "policy", "mountPath": layout.CONFIG, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
        ],
    }


def _listening(order: layout.ShipOrder) -> dict[str, Any]:
    """Return a container's port, and who asks it how it is."""

    def asked(path: str, **rest: int) -> dict[str, Any]:
        # A second more than a probe's parts have to answer.
        return {"httpGet": {"path": path, "port": "http"}, "timeoutSeconds": 6, **rest}

    return {
        "ports": [{"name": "http", "containerPort": order.port}],
        # A start in the middle of Slack's outage waits for it, five minutes at most.
        "startupProbe": asked("/healthz", periodSeconds=5, failureThreshold=72),
        "livenessProbe": asked("/healthz", periodSeconds=10, failureThreshold=3),
        "readinessProbe": asked("/readyz", periodSeconds=10, failureThreshold=3),
    }


def _service() -> dict[str, Any]:
    """Return the Service, for Prometheus and, over HTTP, for the proxy with TLS."""
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    return {**_head("v1", "Service"), "spec": {"selector": LABELS, "ports": ports}}


def _network_policy(order: layout.ShipOrder) -> dict[str, Any]:
    """Return who may reach the bot, and whom it may reach: names, PostgreSQL, HTTPS."""
    callers = [MONITORING, *([INGRESS] if order.transport == "http" else [])]
    return {
        **_head("networking.k8s.io/v1", "NetworkPolicy"),
        "spec": {
            "podSelector": {"matchLabels": LABELS},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [_namespace(one) for one in callers], "ports": [_tcp("http")]}],
            "egress": [
                {
                    "to": [_namespace("kube-system")],  # The cluster's DNS.
                    "ports": [_tcp(53), {"protocol": "UDP", "port": 53}],
                },
                {"ports": [_tcp(port) for port in sorted(_reached(order.given))]},
            ],
        },
    }


def _reached(given: settings.Settings) -> set[int]:
    """Return the ports of what the bot calls: PostgreSQL, Slack, CloudDC and its IAM."""
    database = urllib.parse.urlsplit(given.database_url).port or POSTGRES_PORT
    called = (given.slack_api_url, given.endpoint, given.iam)
    return {database, *(urllib.parse.urlsplit(one).port or TLS_PORT for one in called)}


def _namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def _tcp(port: int | str) -> dict[str, Any]:
    return {"protocol": "TCP", "port": port}

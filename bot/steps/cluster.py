"""The part of Kubernetes' API that a drain needs (kubernetes.io, API reference v1.30).

Errors are of two sorts: those that trying again would mend, and those that it wouldn't.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import urllib.parse
from collections.abc import Mapping
from typing import Any

from bot.power.steps import definition
from bot.steps import credentials, http_calls

# Where a pod finds its own service account (kubernetes.io, Accessing the API from a Pod).
ACCOUNT = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount")
# One call alone, so that a server that hangs doesn't use up a whole round.
LONGEST_CALL_S = 10.0
# As many as kubectl asks for at once (kubernetes.io, `kubectl get --chunk-size`).
PAGE = 500
# A node has about a hundred pods (kubernetes.io, large clusters), so 10,000 are a fault.
MOST_PAGES = 20
# What SECURITY.md grants and nothing more; a test holds the two together.
RIGHTS = (
    ("get", "nodes", ""),
    ("patch", "nodes", ""),
    ("list", "pods", ""),
    ("create", "pods", "eviction"),
)
REVIEW = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}


class KubernetesRefused(Exception):
    """Kubernetes won't; trying again wouldn't help. The words hold no secret."""


class Later(Exception):
    """Nothing is certain, and it may be otherwise soon; `left`: the request may have arrived."""

    def __init__(self, words: str, *, left: bool = False) -> None:
        super().__init__(words)
        self.left = left


class Gone(Exception):
    """There is no such object, or not any more."""


class Changed(Exception):
    """The object has changed since it was read."""


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """A node as it was read; `annotation` is who has cordoned it by its annotation."""

    name: str
    version: str  # Its resource version: a change of anybody's makes it another.
    unschedulable: bool
    annotations: Mapping[str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Pod:
    """A pod that a drain waits for; `leaving` once it was told to end."""

    name: str
    namespace: str
    uid: str
    leaving: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Api:
    """One cluster, spoken to as a step says; each call takes `within_s` at most."""

    http: http_calls.Http
    step: definition.Step
    within_s: float

    async def node(self, name: str) -> Node:
        """Read a node.

        Raises:
            Gone, KubernetesRefused, Later, SecretMissing: it can't be read.
        """
        return _node(await self._json("GET", f"/api/v1/nodes/{_quoted(name)}"), name)

    async def patch(self, node: Node, metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
        """Change a node, if it still is as it was read.

        Raises:
            Changed, Gone, KubernetesRefused, Later, SecretMissing: it wasn't changed, or may be.
        """
        # With the version that was read, a change of somebody else's in between is refused.
        body = {"metadata": {"resourceVersion": node.version, **metadata}, "spec": spec}
        path = f"/api/v1/nodes/{_quoted(node.name)}"
        await self._json("PATCH", path, body, "application/merge-patch+json")

    async def pods(self, node: str) -> list[Pod]:
        """Return the pods of a node that a drain waits for.

        Raises:
            KubernetesRefused, Later, SecretMissing: they can't be read.
        """
        found: list[Pod] = []
        # Kubernetes filters by node itself; without this a cluster's every pod would come.
        asked = {"fieldSelector": f"spec.nodeName={node}", "limit": str(PAGE)}
        for _ in range(MOST_PAGES):
            page = await self._json("GET", f"/api/v1/pods?{urllib.parse.urlencode(asked)}")
            items = page.get("items")
            if not isinstance(items, list):
                raise Later("an answer that can't be understood")
            found += [_pod(item) for item in items if _goes(item)]
            asked["continue"] = str((page.get("metadata") or {}).get("continue") or "")
            if not asked["continue"]:
                return found
        raise KubernetesRefused("more pods than we read")

    async def evict(self, pod: Pod) -> None:
        """Evict a pod through the eviction API, within its disruption budget.

        Raises:
            Gone: it has ended.
            KubernetesRefused, Later, SecretMissing: it stays for now (Later: by its budget).
        """
        path = f"/api/v1/namespaces/{_quoted(pod.namespace)}/pods/{_quoted(pod.name)}/eviction"
        named = {"name": pod.name, "namespace": pod.namespace}
        # A StatefulSet's next pod has the same name, and mustn't be evicted in its place.
        only = {"preconditions": {"uid": pod.uid}} if pod.uid else {}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": named}
        try:
            await self._json("POST", path, body | {"deleteOptions": only})
        except Changed:
            # A pod of the same name that isn't the one we mean.
            raise Gone(pod.name) from None

    async def what_is_missing(self) -> str:
        """Return which of the rights that a drain needs we don't have.

        Raises:
            KubernetesRefused, Later, SecretMissing: it can't be asked.
        """
        # Kubernetes itself says what it would allow, so that nothing has to be tried out.
        missing = []
        for verb, resource, part in RIGHTS:
            named = {"verb": verb, "resource": resource} | ({"subresource": part} if part else {})
            body = {**REVIEW, "spec": {"resourceAttributes": named}}
            path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
            answer = await self._json("POST", path, body)
            if not (answer.get("status") or {}).get("allowed"):
                missing.append(f"{verb} {resource}{'/' if part else ''}{part}")
        return f"the account isn't allowed to {', '.join(missing)}" if missing else ""

    async def _json(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """Make one call.

        Raises:
            Gone, Changed, KubernetesRefused, Later, SecretMissing: it didn't work.
        """
        url, headers, ca = self.place()
        sent = json.dumps(body).encode() if body is not None else b""
        headers |= {"Accept": "application/json"} | ({"Content-Type": content_type} if sent else {})
        try:
            call = http_calls.HttpCall(method, url + path, self.within_s, headers, sent, ca)
            reply = await self.http.send(call)
        except http_calls.NoAnswer as error:
            raise Later(error.words, left=error.left) from None
        return _understood(reply)

    def place(self) -> tuple[str, dict[str, str], str]:
        """Return the address, the headers and the certificates, by default those of our own pod.

        Raises:
            SecretMissing: a secret can't be had, or there is neither an address nor a pod.
        """
        step = self.step
        headers = credentials.header(step.auth)
        if step.urls:
            return step.urls[0], headers, step.ca
        host = os.environ.get("KUBERNETES_SERVICE_HOST", "")
        if not host:
            raise credentials.SecretMissing("url isn't set, and Powerbot doesn't run in a pod")
        port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        if not headers:
            # Read at each call: Kubernetes exchanges this token while the pod runs.
            token = credentials.from_file("the pod's token", ACCOUNT / "token")
            headers = {"Authorization": f"Bearer {token}"}
        # An IPv6 address stands in brackets within a URL (RFC 3986, section 3.2.2).
        shown = f"[{host}]" if ":" in host else host
        return f"https://{shown}:{port}", headers, step.ca or str(ACCOUNT / "ca.crt")


def _understood(reply: http_calls.Reply) -> dict[str, Any]:
    """Return what an answer holds.

    Raises:
        Gone, Changed, KubernetesRefused, Later: it is none of success.
    """
    words = http_calls.status_words(reply)
    if reply.status == 404:
        raise Gone(words)
    if reply.status == 409:
        raise Changed(words)
    # An eviction that a budget forbids now is answered 429 (kubernetes.io, API eviction).
    if reply.passing:
        raise Later(words, left=True)
    if not reply.good:
        raise KubernetesRefused(words)
    found = reply.json()
    if not isinstance(found, dict):
        raise Later("an answer that can't be understood", left=True)
    return found


def _node(found: Mapping[str, Any], name: str) -> Node:
    metadata, spec = found.get("metadata") or {}, found.get("spec") or {}
    return Node(
        name,
        str(metadata.get("resourceVersion") or ""),
        bool(spec.get("unschedulable")),
        metadata.get("annotations") or {},
    )


def _pod(found: Mapping[str, Any]) -> Pod:
    metadata = found["metadata"]
    return Pod(
        str(metadata.get("name")),
        str(metadata.get("namespace")),
        str(metadata.get("uid") or ""),
        bool(metadata.get("deletionTimestamp")),
    )


def _goes(found: Mapping[str, Any]) -> bool:
    """Whether a pod has to leave: it isn't a DaemonSet's, no mirror, and not finished."""
    metadata = found.get("metadata") or {}
    owners = metadata.get("ownerReferences") or ()
    # A DaemonSet would put its pod back at once, cordoned or not, as kubectl drain knows.
    if any(one.get("controller") and one.get("kind") == "DaemonSet" for one in owners):
        return False
    # The kubelet runs these from its own files, and the API can't end them.
    if "kubernetes.io/config.mirror" in (metadata.get("annotations") or {}):
        return False
    return (found.get("status") or {}).get("phase") not in ("Succeeded", "Failed")


def _quoted(name: str) -> str:
    # A slash in a name would lead the call to another object.
    return urllib.parse.quote(name, safe="")

"""The part of Kubernetes' API that a drain needs (API reference v1.30 of kubernetes.io).

Nodes by GET and PATCH, pods of a node, evictions of `policy/v1`, and what the caller may do.
"""

from __future__ import annotations

import json

from aiohttp import web

from bot.sandbox.surroundings import calls
from bot.sandbox.surroundings.cluster import Cluster, Node, Pod, PodKind, TooFew
from bot.sandbox.surroundings.faults import Part

Answer = web.StreamResponse
PATCHES = ("application/merge-patch+json", "application/strategic-merge-patch+json")
MOST_PODS = 500
# Verb and resource, as a ClusterRole has them.
RIGHTS = frozenset(
    {("get", "nodes"), ("patch", "nodes"), ("list", "pods"), ("create", "pods/eviction")}
)


class Kubernetes:
    """Answers calls about nodes and pods; `token` is the bearer it wants, "" for none."""

    def __init__(self, cluster: Cluster, token: str = "") -> None:
        self.cluster = cluster
        self.token = token
        self.rights = set(RIGHTS)

    def routes(self, prefix: str, through: calls.Calls) -> list[web.RouteDef]:
        """List the routes under a prefix."""

        def wrapped(handler: calls.Handler, *right: str) -> calls.Handler:
            return through.through(Part.KUBERNETES, self._known(handler, *right))

        core = f"{prefix}/api/v1"
        reviews = f"{prefix}/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        evictions = f"{core}/namespaces/{{namespace}}/pods/{{pod}}/eviction"
        return [
            web.get(f"{core}/nodes/{{node}}", wrapped(self._show, "get", "nodes")),
            web.patch(f"{core}/nodes/{{node}}", wrapped(self._patch, "patch", "nodes")),
            web.get(f"{core}/pods", wrapped(self._pods, "list", "pods")),
            web.post(evictions, wrapped(self._evict, "create", "pods/eviction")),
            web.post(reviews, wrapped(self._review)),
        ]

    def _known(self, handler: calls.Handler, *right: str) -> calls.Handler:
        async def answered(request: web.Request) -> Answer:
            if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
                return _status(401, "Unauthorized", "Unauthorized")
            if right and right not in self.rights:
                verb, resource = right
                return _status(
                    403, "Forbidden", f'{resource} is forbidden: cannot {verb} "{resource}"'
                )
            return await handler(request)

        return answered

    async def _show(self, request: web.Request) -> Answer:
        node = self.cluster.nodes.get(request.match_info["node"])
        return web.json_response(_node(node)) if node else _no_node(request)

    async def _patch(self, request: web.Request) -> Answer:
        node = self.cluster.nodes.get(request.match_info["node"])
        if node is None:
            return _no_node(request)
        if request.content_type not in PATCHES:
            return _status(415, "UnsupportedMediaType", f"{request.content_type} is no patch")
        try:
            body = await calls.json_object(request)
        except calls.Unreadable as error:
            return _status(400, "BadRequest", str(error))
        metadata, spec = body.get("metadata") or {}, body.get("spec") or {}
        if not isinstance(metadata, dict) or not isinstance(spec, dict):
            return _status(400, "BadRequest", "metadata and spec are objects")
        if metadata.get("resourceVersion") not in (None, str(node.version)):
            said = f"Operation cannot be fulfilled on {node.name}: the object has been modified"
            return _status(409, "Conflict", said)
        _change(node, metadata.get("annotations") or {}, spec)
        return web.json_response(_node(node))

    async def _pods(self, request: web.Request) -> Answer:
        selector = request.query.get("fieldSelector", "")
        kind, _, node = selector.partition("=")
        if kind != "spec.nodeName":
            return _status(400, "BadRequest", f"field label not supported: {selector}")
        pods = self.cluster.pods_on(node)
        first = int(request.query.get("continue") or 0)
        last = first + min(int(request.query.get("limit") or MOST_PODS), MOST_PODS)
        more = {"continue": str(last)} if last < len(pods) else {}
        items = [_pod(pod) for pod in pods[first:last]]
        return web.json_response({"kind": "PodList", "metadata": more, "items": items})

    async def _evict(self, request: web.Request) -> Answer:
        namespace, name = request.match_info["namespace"], request.match_info["pod"]
        try:
            body = await calls.json_object(request)
            if body.get("kind") != "Eviction" or body.get("apiVersion") != "policy/v1":
                raise calls.Unreadable("the body is no Eviction of policy/v1")
            self.cluster.evict(namespace, name)
        except calls.Unreadable as error:
            return _status(400, "BadRequest", str(error))
        except KeyError:
            return _status(404, "NotFound", f'pods "{name}" not found')
        except TooFew:
            said = "Cannot evict pod as it would violate the pod's disruption budget."
            return _status(429, "TooManyRequests", said)
        return web.json_response({"kind": "Status", "status": "Success"}, status=201)

    async def _review(self, request: web.Request) -> Answer:
        try:
            body = await calls.json_object(request)
        except calls.Unreadable as error:
            return _status(400, "BadRequest", str(error))
        spec = body.get("spec")
        asked = spec.get("resourceAttributes") if isinstance(spec, dict) else None
        if not isinstance(asked, dict):
            return _status(422, "Invalid", "spec.resourceAttributes is required")
        part = f"/{asked['subresource']}" if asked.get("subresource") else ""
        allowed = (asked.get("verb"), f"{asked.get('resource')}{part}") in self.rights
        return web.json_response({**body, "status": {"allowed": allowed}}, status=201)


def _change(node: Node, annotations: dict[str, str | None], spec: dict[str, object]) -> None:
    """Merge a patch into a node (RFC 7386: null takes away)."""
    for key, value in annotations.items():
        if value is None:
            node.annotations.pop(key, None)
        else:
            node.annotations[key] = value
    if "unschedulable" in spec:
        node.unschedulable = bool(spec["unschedulable"])
    node.version += 1


def _node(node: Node) -> dict[str, object]:
    return {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {
            "name": node.name,
            "uid": node.uid,
            "resourceVersion": str(node.version),
            "annotations": node.annotations,
        },
        "spec": {"unschedulable": True} if node.unschedulable else {},
    }


def _pod(pod: Pod) -> dict[str, object]:
    metadata: dict[str, object] = {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid}
    if pod.leaving:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    if pod.kind is PodKind.DAEMON:
        metadata["ownerReferences"] = [
            {"kind": "DaemonSet", "name": "node-exporter", "controller": True}
        ]
    if pod.kind is PodKind.MIRROR:
        metadata["annotations"] = {"kubernetes.io/config.mirror": pod.uid}
    phase = "Succeeded" if pod.kind is PodKind.FINISHED else "Running"
    return {"metadata": metadata, "spec": {"nodeName": pod.node}, "status": {"phase": phase}}


def _no_node(request: web.Request) -> web.Response:
    return _status(404, "NotFound", f'nodes "{request.match_info["node"]}" not found')


def _status(code: int, reason: str, message: str) -> web.Response:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
    text = json.dumps(body | {"reason": reason, "message": message})
    return web.Response(status=code, text=text, content_type="application/json")

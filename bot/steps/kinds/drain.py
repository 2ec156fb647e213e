"""Cordon Kubernetes nodes and evict their pods within disruption budgets; afterwards uncordon.

A cordon of ours carries the request's id, in the same PATCH. What somebody else has cordoned, or
has taken over, stays theirs. Each try is one round: whoever waits for pods asks again.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable

from bot.power.steps import definition, kinds, placeholders, protocol
from bot.steps import cluster, credentials, http_calls, kind_file

OURS = "powerbot/cordoned-by"  # An annotation of the node; its value is the request's id.
MOST_AT_ONCE = 5  # Nodes of one wave that are asked about together.
# How often somebody else's change in between is read and tried again, in one round.
MOST_CONFLICTS = 5
AGAIN_S = 1.0  # Before pods that are still ending are counted again.


@dataclasses.dataclass(frozen=True, slots=True)
class Drain:
    """Implements `protocol.StepClient`."""

    http: http_calls.Http

    async def before(self, asked: protocol.Try) -> protocol.Answer:
        """Cordon, and evict what can go now."""
        return await self._each(asked, _drain)

    async def after(self, asked: protocol.Try) -> protocol.Answer:
        """Uncordon what is ours."""
        return await self._each(asked, _uncordon)

    async def find(self, asked: protocol.Try) -> protocol.Answer | None:
        """A cordon is known by its annotation; whoever cordons again finds it."""
        return None

    async def lengthen(self, asked: protocol.Try, until: float) -> protocol.Answer:
        """A cordon has no end of its own, so there is nothing to extend."""
        return protocol.done(asked.servers, stands=True)

    async def check(self, step: definition.Step) -> str:
        """Ask whether we may patch nodes and evict, and read what that needs."""
        try:
            return await cluster.Api(self.http, step, cluster.LONGEST_CALL_S).what_is_missing()
        except (credentials.SecretMissing, cluster.KubernetesRefused, cluster.Later) as error:
            return str(error)

    async def _each(self, asked: protocol.Try, half: Half) -> protocol.Answer:
        """Do one half for each server, some at a time."""
        places = asyncio.Semaphore(MOST_AT_ONCE)
        api = cluster.Api(self.http, asked.step, min(asked.within_s, cluster.LONGEST_CALL_S))

        async def one(subject: protocol.Subject) -> protocol.Each:
            node = _Node(api, asked, subject)
            try:
                async with places, asyncio.timeout(asked.within_s):
                    return await half(node)
            except TimeoutError:
                return protocol.Each(protocol.TryResult.AGAIN, "no answer", stands=True)

        found = await asyncio.gather(*map(one, asked.servers))
        ids = (each.id for each in asked.servers)
        waits = any(each.word is protocol.TryResult.AGAIN for each in found)
        return protocol.Answer(
            dict(zip(ids, found, strict=True)), again_s=AGAIN_S if waits else 0.0
        )


@dataclasses.dataclass(slots=True)
class _Node:
    """One node in one round; `stands` is whether a cordon of ours stands there, or may."""

    api: cluster.Api
    asked: protocol.Try
    subject: protocol.Subject
    stands: bool = False

    @property
    def name(self) -> str:
        """The node's name.

        Raises:
            Unfilled: the server has no value for it.
        """
        return placeholders.node(self.asked.step.node, self.subject)

    def is_ours(self, node: cluster.Node) -> bool:
        """Whether this request has cordoned it, and nobody has taken it over."""
        return node.annotations.get(OURS) == self.asked.request_id


Half = Callable[[_Node], Awaitable[protocol.Each]]


async def _drain(one: _Node) -> protocol.Each:
    """Cordon a node and evict its pods, as far as that goes now."""
    # A try before this one may have cordoned, though its answer was lost.
    one.stands = one.asked.tried > 0
    try:
        one.stands = await _cordon(one)
        left = await _evict(one)
    except cluster.Gone:
        return protocol.Each(protocol.TryResult.REFUSED, f"there is no node {one.name}")
    except (placeholders.Unfilled, credentials.SecretMissing, cluster.KubernetesRefused) as error:
        return protocol.Each(protocol.TryResult.REFUSED, str(error), one.stands)
    except cluster.Later as error:
        return protocol.Each(protocol.TryResult.AGAIN, str(error), one.stands or error.left)
    if not left:
        return protocol.Each(protocol.TryResult.DONE, stands=one.stands)
    pods = "1 pod left" if left == 1 else f"{left} pods left"
    return protocol.Each(protocol.TryResult.AGAIN, pods, one.stands)


async def _cordon(one: _Node) -> bool:
    """Cordon a node; return whether the cordon is ours.

    Raises:
        Gone, KubernetesRefused, Later, SecretMissing, Unfilled: it can't be done now.
    """
    for _ in range(MOST_CONFLICTS):
        node = await one.api.node(one.name)
        # Cordoned by somebody else: its pods are evicted, and it isn't ours to uncordon.
        if node.unschedulable:
            return one.is_ours(node)
        try:
            # One PATCH for both, so that no crash leaves a cordon that nobody knows for ours.
            annotations = {"annotations": {OURS: one.asked.request_id}}
            await one.api.patch(node, annotations, {"unschedulable": True})
        except cluster.Changed:
            continue
        return True
    raise cluster.Later("somebody else keeps changing the node")


async def _evict(one: _Node) -> int:
    """Ask for the end of every pod that has to leave; return how many are left.

    Raises:
        KubernetesRefused, Later, SecretMissing: it can't be asked now.
    """
    pods = await one.api.pods(one.name)
    gone = 0
    for pod in pods:
        # It was evicted before and takes its grace period; asking again would change nothing.
        if pod.leaving:
            continue
        try:
            await one.api.evict(pod)
        except cluster.Gone:
            gone += 1
        except cluster.Later:
            # Its budget doesn't allow it now; another pod's may.
            continue
    return len(pods) - gone


async def _uncordon(one: _Node) -> protocol.Each:
    """Take our cordon away; what isn't ours any more is left as it is."""
    try:
        for _ in range(MOST_CONFLICTS):
            node = await one.api.node(one.name)
            # Somebody took it over in mid-run: it is theirs now, and isn't owed either.
            if not one.is_ours(node):
                return protocol.Each(protocol.TryResult.DONE)
            try:
                # In a merge patch null takes a member away (RFC 7396).
                await one.api.patch(node, {"annotations": {OURS: None}}, {"unschedulable": None})
            except cluster.Changed:
                continue
            return protocol.Each(protocol.TryResult.DONE)
    except cluster.Gone:
        return protocol.Each(protocol.TryResult.DONE)
    except (placeholders.Unfilled, credentials.SecretMissing, cluster.KubernetesRefused) as error:
        return protocol.Each(protocol.TryResult.REFUSED, str(error), stands=True)
    except cluster.Later as error:
        return protocol.Each(protocol.TryResult.AGAIN, str(error), stands=True)
    words = "somebody else keeps changing the node"
    return protocol.Each(protocol.TryResult.AGAIN, words, stands=True)


BRINGS = kind_file.Brought(
    kinds.named(kinds.DRAIN),
    Drain,
    mend="give its service account the ClusterRole of SECURITY.md.",
)

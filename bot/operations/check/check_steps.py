"""`powerbot check` asks the address of each step around waves; nothing is taken out."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot.around import client, opening
from bot.operations.check.findings import Finding, bad, good
from bot.power.around import kinds, step as step_
from bot.power.policy import policy

MENDS = {
    kinds.SILENCE: "check url and auth of the step; Alertmanager must answer /api/v2/status.",
    kinds.DRAIN: "give its service account the ClusterRole of SECURITY.md.",
    kinds.WEBHOOK: "check url and secret; the receiver must answer powerbot.test with 2xx.",
    kinds.PROBE: "check url and auth; Prometheus must answer /-/ready.",
}


async def look(rules: policy.Policy) -> AsyncIterator[Finding]:
    """Yield a finding for each step whose address can be asked without a server."""
    if not rules.steps:
        return
    http = client.Client()
    try:
        known = opening.all_kinds(http)
        for step in rules.steps:
            if not _asks(step):
                continue
            problem = await known[step.kind].check(step)
            yield _finding(step, problem)
    finally:
        await http.aclose()


def _asks(step: step_.Step) -> bool:
    """Whether a step has an address of its own: a probe of servers has none."""
    return step.kind != kinds.PROBE or bool(step.promql)


def _finding(step: step_.Step, problem: str) -> Finding:
    """Return what one address has said."""
    if not problem:
        return good("steps", f"{step.name} ({step.kind}) answers")
    said = f"{step.name} ({step.kind}): {problem.rstrip('.')}."
    return bad("steps", said, MENDS.get(step.kind, "check the step in the policy."))

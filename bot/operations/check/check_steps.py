"""`powerbot check` asks the address of each step around waves; nothing is taken out."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot.operations.check.findings import CheckResult, bad, good
from bot.power.policy import policy
from bot.power.steps import definition
from bot.steps import all_kinds, http_client


async def look(rules: policy.Policy) -> AsyncIterator[CheckResult]:
    """Yield a finding for each step whose address can be asked without a server."""
    if not rules.steps:
        return
    # One for all steps, closed even where one of them fails.
    http = http_client.Client()
    try:
        known = all_kinds.all_kinds(http)
        for step in rules.steps:
            problem = await known[step.kind].check(step)
            # None: only with a server would there be something to ask.
            if problem is not None:
                yield _finding(step, problem)
    finally:
        await http.aclose()


def _finding(step: definition.Step, problem: str) -> CheckResult:
    """Return what one address has said."""
    if not problem:
        return good("steps", f"{step.name} ({step.kind}) answers")
    said = f"{step.name} ({step.kind}): {problem.rstrip('.')}."
    return bad("steps", said, all_kinds.mend(step.kind))

"""What is odd about the steps of a readable policy."""

from __future__ import annotations

from collections.abc import Iterator

from bot.power.around import kinds, placeholders, step as step_
from bot.power.policy import policy


def contradictions(rules: policy.Policy) -> Iterator[str]:
    """Yield a sentence for each thing that can't be meant."""
    for step in rules.steps:
        if kinds.named(step.kind).lengthens and step.lasts_s < step.within_s:
            yield (
                f'Step "{step.name}": lasts is shorter than within, so it could end before it is '
                "known to stand; make lasts longer."
            )


def notes(rules: policy.Policy) -> Iterator[str]:
    """Yield what can be meant and often isn't: one thing that stands for all servers."""
    for step in rules.steps:
        if step.node and not placeholders.names(step.node):
            same = "the same node is drained for every server"
            yield f'Step "{step.name}": node has no {{name}}, so {same}.'
        if step.when is step_.When.BEFORE:
            continue
        for key, text in (("http", step.http), ("tcp", step.tcp), ("promql", step.promql)):
            if text and not placeholders.names(text):
                same = "one answer stands for every server"
                yield f'Step "{step.name}": {key} has no {{name}}, so {same}.'

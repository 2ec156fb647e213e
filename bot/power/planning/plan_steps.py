"""Which steps stand around the waves of a plan, and the line that says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.power import plan, request
from bot.power.planning.question import duration
from bot.power.policy import policy
from bot.power.request import Action
from bot.power.steps import definition, kinds


def around(
    rules: policy.Policy, judging: Sequence[policy.Rule], options: request.Options
) -> tuple[plan.RuleSteps, ...]:
    """Return the steps of the rules that judge a plan's servers, without those left out."""
    found = ((rule.name, rules.steps_of(rule, options.without)) for rule in judging)
    return tuple(
        plan.RuleSteps(rule=name, steps=tuple(map(_told, steps))) for name, steps in found if steps
    )


def _told(step: definition.Step) -> plan.Stepped:
    """Return a step as the plan names it."""
    looks = not kinds.named(step.kind).takes_out
    return plan.Stepped(
        name=step.name,
        kind=step.kind,
        when=step.when,
        within_s=step.within_s if looks else 0.0,
        settle_s=step.settle_s if looks else 0.0,
    )


def lines(made: plan.Plan) -> Iterator[str]:
    """Yield what is done around each wave, a line for each set of steps.

    Such as `Around each wave: quiet, drain; then answering for 30s (within 5m)`.
    """
    # Rules with the same steps share a line.
    sets: dict[tuple[plan.Stepped, ...], list[str]] = {}
    for one in made.around:
        sets.setdefault(one.steps, []).append(one.rule)
    for steps, names in sets.items():
        of = f" of {', '.join(names)}" if len(sets) > 1 else ""
        if told := _line(steps, made.order.action):
            yield f"Around each wave{of}: {told}"
    if left_out := made.order.options.without:
        every = request.EVERY_STEP in left_out
        yield f"Left out: {'every step around the waves' if every else ', '.join(left_out)}"


def _line(steps: Sequence[plan.Stepped], action: Action) -> str:
    """Return steps in the order in which they are done: asked first, taken out, then proven."""
    looks = [one for one in steps if not kinds.named(one.kind).takes_out]
    first = [one for one in looks if one.when is definition.When.BEFORE]
    # A server that is switched off answers no probe.
    then = [one for one in looks if one.when is definition.When.AFTER and action is not Action.OFF]
    out = [one.name for one in steps if kinds.named(one.kind).takes_out]
    parts = [f"first {', '.join(map(_probe, first))}"] if first else []
    if out and action is not Action.ON:
        parts.append(", ".join(out))
    if then:
        parts.append(f"then {', '.join(map(_probe, then))}")
    if out and action is Action.OFF:
        parts.append("it stays out")
    if out and action is Action.ON:
        parts.append("what was taken out before is put back")
    return "; ".join(parts)


def _probe(one: plan.Stepped) -> str:
    """Return a probe with its times, like `answering for 30s (within 5m)`."""
    settle = f" for {duration(one.settle_s)}" if one.settle_s else ""
    return f"{one.name}{settle} (within {duration(one.within_s)})"

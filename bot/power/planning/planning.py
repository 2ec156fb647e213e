"""Makes the plan: what would happen to each server, what it takes, and why it may not be.

Nothing is done and nothing is asked for yet; the same question and facts give the same plan.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from bot.power import plan, ports, request, server
from bot.power.approval import judging
from bot.power.planning import plan_lines, plan_refusals, plan_steps
from bot.power.planning.plan_lines import Judged
from bot.power.planning.question import Facts, Question
from bot.power.policy import freezes, policy
from bot.power.run import waves


def make(
    question: Question, rules: policy.Policy, snapshot: server.Snapshot, facts: Facts
) -> plan.Plan:
    """Make the plan for a question, refusals included."""
    found = plan_lines.judge(question, rules, snapshot, facts)
    acting = [judged for judged in found if judged.acts]
    terms = _terms(question, rules, facts, acting)
    refusals = tuple(_refusals(question, rules, snapshot, facts, acting, terms))
    sizes = _sizes(question, rules, terms, acting, facts)
    lines = _lines(question, rules, found, sizes)
    return plan.Plan(
        order=_order(question, lines),
        lines=lines,
        snapshot_at=snapshot.started_at,
        terms=terms,
        policy_version=rules.version,
        refusals=refusals,
        named=freezes.holders(facts.freezes) if refusals else (),
        waves=sizes,
        reading=question.reading,
        typed=question.typed,
        calls=_calls(question, terms, acting, sizes),
        earlier=plan_lines.earlier(found, facts),
        overlaps=plan_lines.overlaps(found, facts),
        around=plan_steps.around(rules, _judging(rules, acting), question.options),
    )


def _lines(
    question: Question, rules: policy.Policy, found: Sequence[Judged], sizes: Sequence[int]
) -> tuple[plan.PlanLine, ...]:
    """Return the servers with the waves they go with; those to switch on go by room in racks."""
    acting = [judged for judged in found if judged.acts]
    groups = _in_order(question.action, rules, acting)
    turns = [judged.record.id for group in groups for judged in group]
    of: dict[str, int] = {}
    # Which server goes with which wave of an `on` depends on racks at that moment.
    if question.action is not request.Action.ON or len(sizes) == 1:
        numbers = (number for number, size in enumerate(sizes, 1) for _ in range(size))
        of = dict(zip(turns, numbers, strict=False))
    return tuple(judged.line(of.get(judged.record.id, 0)) for judged in found)


def _order(question: Question, lines: Sequence[plan.PlanLine]) -> request.Order:
    """Return what the seal covers: only the servers that would be acted on."""
    return request.Order(
        scope=question.scope,
        place=question.place,
        action=question.action,
        targets=tuple(line for line in lines if line.verdict is plan.Verdict.ACT),
        reason=question.reason,
        requester=question.requester,
        options=question.options,
        retry_of=question.retry_of,
    )


def _judging(rules: policy.Policy, acting: Sequence[Judged]) -> tuple[policy.Rule, ...]:
    """Return the rules that judge the servers acted on, in the policy's order."""
    names = {judged.rule.name for judged in acting if judged.rule}
    return tuple(rule for rule in rules.rules if rule.name in names)


def _terms(
    question: Question, rules: policy.Policy, facts: Facts, acting: Sequence[Judged]
) -> plan.Terms:
    """Return what the strictest server needs, and what a freeze wants on top.

    The requester's other servers within the split window count too, so that ten requests of
    one server need what one request of ten needs.
    """
    counted = len({judged.record.id for judged in acting} | set(facts.recent_servers))
    judging_rules = _judging(rules, acting)
    terms = judging.strictest(judging_rules, counted, facts.requester_groups)
    freezes = [
        freeze
        for freeze in rules.freezes
        if freeze.override and freeze.holds(question.action, question.now)
    ]
    # Only where every rule lets this person; a freeze's override comes on top all the same.
    needs = () if question.options.break_glass and terms.break_glass else terms.needs
    override = judging.strictest_needs(freeze.override for freeze in freezes)
    return terms.model_copy(
        update={
            "needs": judging.added_needs(needs, override),
            "confirm_count": len(acting) >= rules.limits.confirm_above,
            "counted": counted,
            "overrides": tuple(freeze.name for freeze in freezes),
        }
    )


def _refusals(
    question: Question,
    rules: policy.Policy,
    snapshot: server.Snapshot,
    facts: Facts,
    acting: Sequence[Judged],
    terms: plan.Terms,
) -> Iterator[str]:
    """Yield every reason for which this may not be asked, the most general first."""
    # Every other refusal would follow from this one.
    if rules is policy.EMPTY:
        yield plan_refusals.NO_POLICY
        return
    judged = _judging(rules, acting)
    yield from plan_refusals.by_place(question, rules, facts)
    yield from plan_refusals.by_person(rules, facts)
    yield from plan_refusals.by_freeze(question, rules, facts)
    yield from plan_refusals.by_list(question, snapshot)
    yield from plan_refusals.by_size(len(acting), rules)
    yield from plan_refusals.by_reason(question, judged)
    yield from (said for _, said in plan_refusals.by_options(question.options, terms))
    yield from plan_refusals.by_steps(question, judged, terms)
    yield from plan_refusals.by_break_glass(question, rules, judged, facts)
    yield from plan_refusals.by_quorum(question, terms, facts)


def _sizes(
    question: Question,
    rules: policy.Policy,
    terms: plan.Terms,
    acting: Sequence[Judged],
    facts: Facts,
) -> tuple[int, ...]:
    """Return the sizes of the waves; an option that is refused anyway doesn't shape them."""
    batch = question.options.batch
    usable = batch is None or batch >= 1
    options = question.options if usable else request.Options()
    found: tuple[int, ...] = ()
    for group in _in_order(question.action, rules, acting):
        first = len(found)
        if question.action is request.Action.ON:
            # What others are switching on now counts for the first wave alone.
            busy = {} if found else facts.busy_racks
            found += waves.spread(terms, options, _racks(group), busy, first=first)
        else:
            found += waves.sizes(terms, options, len(group), first=first)
    return found


def _in_order(
    action: request.Action, rules: policy.Policy, acting: Sequence[Judged]
) -> list[list[Judged]]:
    """Return the servers group by group, as their turns come; one group where none is named."""
    if not rules.order.groups(action):
        return [list(acting)]
    found: dict[int, list[Judged]] = {}
    for judged in acting:
        found.setdefault(rules.order.place(action, judged.record), []).append(judged)
    return [found[place] for place in sorted(found)]


def _calls(
    question: Question, terms: plan.Terms, acting: Sequence[Judged], sizes: Sequence[int]
) -> int:
    """Return the number of power calls without faults: a cycle switches on by racks."""
    calls = sum(-(-size // waves.IDS_PER_CALL) for size in sizes)
    if question.action is not request.Action.CYCLE:
        return calls
    racks = iter(_racks(acting))
    at_once = request.Options(batch=len(acting) or 1)
    all_of_it = terms.model_copy(update={"ramp": (), "batch": len(acting) or 1})
    for size in sizes:
        back_on = waves.spread(all_of_it, at_once, itertools.islice(racks, size), {})
        calls += sum(-(-one // waves.IDS_PER_CALL) for one in back_on)
    return calls


def _racks(acting: Sequence[Judged]) -> list[ports.Rack]:
    """Return the rack of each server, in the plan's order."""
    return [waves.rack_of(judged.record.dc, judged.record.rack) for judged in acting]

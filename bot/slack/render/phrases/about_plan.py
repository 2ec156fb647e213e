"""How a request would be carried out, for whoever decides: rules, waves, options, cut names."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence

from bot.power import plan, server
from bot.power.approval import quorum
from bot.power.plan import Verdict
from bot.power.planning import plan_steps
from bot.power.steps import kinds
from bot.power.text import folding
from bot.slack.blockkit import naming, text

MOST_WAVES = 8  # Sizes in one line.
MOST_RULES = 5
MOST_OVERLAPS = 5  # Requests that are named; of more there is the count.
MOST_STEPS = 16  # As many as Details explain.
RULE_CHARS = 60
NAMES_CHARS = 150
AROUND_CHARS = 300
# Of more servers than these a cut list isn't told rule by rule.
MOST_SORTED = 2000
BEHIND_CHARS = 120  # Room for what is said behind a cut list.
SEVERAL = 2


def servers(planned: plan.Plan, limit: int) -> str:
    """Return the servers to act on, with how they stand: `*web[01-06]* (all on)`."""
    acting = planned.lines_with(Verdict.ACT)
    if not acting:
        return names(planned, limit)
    return f"*{names(planned, limit)}* ({states(acting)})"


def states(lines: Sequence[plan.PlanLine]) -> str:
    """Return the power states before, like `all on`, or counted where they differ."""
    counts = Counter(server.power_of(line.power_before) for line in lines)
    if len(counts) > 1:
        return ", ".join(f"{counts[one]:,} {one.value}" for one in server.Power if counts[one])
    [state] = counts
    if state is server.Power.UNKNOWN:
        return "power state unknown"
    return f"all {state.value}" if len(lines) > 1 else state.value


def set_aside(planned: plan.Plan) -> str:
    """Return how many named servers the plan leaves out; Details says which, and why."""
    skipped = Counter(line.reason for line in planned.lines_with(Verdict.SKIP))
    blocked = len(planned.lines_with(Verdict.BLOCKED))
    told = [
        f"{count:,} {text.plain(reason, RULE_CHARS) or 'skipped'}"
        for reason, count in skipped.most_common(MOST_RULES)
    ]
    more = skipped.total() - sum(count for _, count in skipped.most_common(MOST_RULES))
    told += [f"{more:,} more"] if more else []
    told += [f"{blocked:,} blocked"] if blocked else []
    return f"Left out: {', '.join(told)}" if told else ""


def overlaps(planned: plan.Plan, found: Sequence[plan.Overlap]) -> str:
    """Return which servers are in other requests too: `⚠️ web49 is also in PR-4DNF (reboot)`."""
    labels = {target.server_id: target.label for target in planned.order.targets}
    told = []
    for one in found[:MOST_OVERLAPS]:
        names = [labels[id_] for id_ in one.server_ids if id_ in labels]
        verb = "is" if len(names) == 1 else "are"
        doing = f"{one.action.value}, {text.plain(one.state, RULE_CHARS)}"
        told.append(
            f"⚠️ {naming.folded(names, NAMES_CHARS)} {verb} also in "
            f"{text.plain(one.request_id, RULE_CHARS)} ({doing})"
        )
    more = len(found) - MOST_OVERLAPS
    told += [f"⚠️ and some in {text.count(more, 'other request')}"] if more > 0 else []
    return "\n".join(told)


def lines(planned: plan.Plan) -> str:
    """Return the waves, the options, and rules where there are several, a line each."""
    found = (waves(planned), around(planned), _ruled(planned), _options(planned))
    return "\n".join(line for line in found if line)


def _ruled(planned: plan.Plan) -> str:
    """Return the rules with the servers of each; a single one says nothing to who decides."""
    told = by_rule(planned)
    return f"*Rules:* {'; '.join(told)}" if len(told) > 1 else ""


def by_rule(planned: plan.Plan) -> list[str]:
    """Return each rule of the servers to act on; where there are several, with its servers."""
    found: dict[str, list[folding.Named]] = {rule: [] for rule in planned.terms.rules[:MOST_RULES]}
    for line in planned.lines_with(Verdict.ACT):
        if line.rule in found:
            found[line.rule].append(line.label)
    if len(found) < SEVERAL:
        return [text.plain(rule, RULE_CHARS) for rule in found]
    return [
        f'"{text.plain(rule, RULE_CHARS)}" for {naming.folded(names, NAMES_CHARS)}'
        for rule, names in found.items()
    ]


def waves(planned: plan.Plan) -> str:
    """Return the sizes of the waves, and when the run stops by itself; one server needs neither."""
    if not planned.waves or sum(planned.waves) == 1:
        return ""
    # What was typed is stricter than the policy, or it would have been refused.
    most = planned.order.options.max_failures or planned.terms.max_failures
    stops = "stops after the first failure" if most == 1 else f"stops after {most:,} failures"
    return f"{sizes(planned)}; {stops}"


def sizes(planned: plan.Plan) -> str:
    """Return the sizes of the waves as a sentence begins: `In waves of 1, 5 and 13`; literal."""
    told = in_waves(planned.waves)
    return f"{told[:1].upper()}{told[1:]}"


def in_waves(found: Sequence[int]) -> str:
    """Return sizes of waves, like `in waves of 1, 5 and 13`; literal, and mostly short."""
    if not found:
        return ""
    if len(found) == 1:
        return "in one wave"
    if len(set(found)) == 1:
        return f"in {len(found):,} waves of {found[0]:,}"
    told = [f"{size:,}" for size in found[:MOST_WAVES]]
    if len(found) > MOST_WAVES:
        return f"in waves of {', '.join(told)} and {len(found) - MOST_WAVES:,} more"
    return f"in waves of {quorum.joined(told, ' and ')}"


def around(planned: plan.Plan) -> str:
    """Return what is done around each wave, a line for each set of steps."""
    return "\n".join(text.plain(line, AROUND_CHARS) for line in plan_steps.lines(planned))


def explained(planned: plan.Plan) -> str:
    """Return what each step around the waves does, for whoever reads its name the first time."""
    steps = {step.name: step.kind for one in planned.around for step in one.steps}
    told = [
        f"*{text.plain(name, RULE_CHARS)}* {kinds.named(kind).means}"
        for name, kind in list(steps.items())[:MOST_STEPS]
        # A stored plan may name a kind that this version doesn't have.
        if kind in kinds.known() and kinds.named(kind).means
    ]
    return "; ".join(told)


def _options(planned: plan.Plan) -> str:
    """Return the options that were typed and change how it runs."""
    given = planned.order.options
    parts = [
        f"--batch {given.batch}" if given.batch is not None else "",
        f"--pause {given.pause_s:g}s" if given.pause_s is not None else "",
        f"--max-failures {given.max_failures}" if given.max_failures is not None else "",
        f"--without {','.join(given.without)}" if given.without else "",
        "--break-glass" if given.break_glass else "",
    ]
    told = " ".join(part for part in parts if part)
    return f"*Options:* {text.code(told)}" if told else ""


def names(planned: plan.Plan, limit: int) -> str:
    """Return the servers to act on, safe for mrkdwn; a cut list says whose rules are behind it."""
    shown, behind = _cut(planned, limit)
    return f"{naming.folded(shown, limit)}{text.plain(behind)}"


def names_literal(planned: plan.Plan, limit: int) -> str:
    """Return the same for plain_text, in no more than `limit` characters and a little."""
    shown, behind = _cut(planned, limit)
    return f"{naming.folded_literal(shown, limit)}{text.literal(behind)}"


def _cut(planned: plan.Plan, limit: int) -> tuple[Sequence[folding.Named], str]:
    """Return the names to show, and what stands behind the cut where rules differ."""
    order = planned.order
    labels = naming.target_names(order)
    if len(planned.terms.rules) < SEVERAL or len(labels) > MOST_SORTED:
        return labels, ""
    rules = {line.server_id: line.rule for line in planned.lines_with(Verdict.ACT)}
    return _told(
        tuple((target.label, rules.get(target.server_id, "")) for target in order.targets), limit
    )


# A card is drawn again and again from one plan.
@functools.lru_cache(maxsize=16)
def _told(
    ruled: tuple[tuple[folding.Named, str], ...], limit: int
) -> tuple[Sequence[folding.Named], str]:
    """Cut a list so that it is known which of its servers are behind the cut."""
    ordered = sorted(ruled, key=lambda one: _natural(one[0]))
    labels = [label for label, _ in ordered]
    if len(folding.fold(labels, marked=True)) <= limit:
        return labels, ""
    low, high = 0, len(labels)
    # By halves, for folding a thousand names takes a while.
    while low < high:
        middle = (low + high + 1) // 2
        fits = len(folding.fold(labels[:middle], marked=True)) <= limit - BEHIND_CHARS
        low, high = (middle, high) if fits else (low, middle - 1)
    counts = Counter(rule for _, rule in ordered[low:])
    under = ", ".join(
        f"{count} of them under rule {text.cut(rule, RULE_CHARS // 2)}"
        # The rarest rule first: that is the one that would be overlooked.
        for rule, count in sorted(counts.items(), key=lambda item: (item[1], item[0]))[:MOST_RULES]
    )
    more = f"{len(labels) - low} more, {under}"
    return labels[:low], f" and {more}" if low else more


def _natural(label: folding.Named) -> tuple[folding.Key, str]:
    """Return the key by which a list is in order."""
    name = label.name if isinstance(label, folding.Apart) else label
    return folding.natural(name), str(label)

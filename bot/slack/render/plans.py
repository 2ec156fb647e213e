"""The plan that only the requester sees, with Request: what would happen to each named server."""

from __future__ import annotations

from collections.abc import Sequence

from bot.power import plan
from bot.power.inputs import Do
from bot.power.plan import Verdict
from bot.power.text import folding
from bot.slack import action_ids
from bot.slack.blockkit import blocks, naming, text, words
from bot.slack.render.phrases import about_freezes, about_plan, about_request, server_health
from bot.workflow import answers

# Verdict and reason groups that are shown one by one; the others are counted.
MOST_GROUPS = 5
NAMES_CHARS = 500
# Of a plan that can't be asked for, and of servers that are left alone, less is enough.
FEW_CHARS = 120
READING_CHARS = 300
REASON_CHARS = 200
MOST_WATCHED = 3  # Requests that hold a server of this plan.
RULE_CHARS = 60
MOST_EARLIER = 5
UNDONE_CHARS = 100  # Of a heading's 150.


def render(shown: answers.PlanShown) -> blocks.Message:
    """Return the plan; it has buttons when it may be asked for."""
    planned = shown.plan
    conditions, servers = blocks.section(_conditions(planned)), blocks.section(_lines(shown))
    # What forbids it comes before the servers that it would have been about.
    first, then = (conditions, servers) if planned.refusals else (servers, conditions)
    body = [
        blocks.header(_heading(planned)),
        *([first] if planned.refusals else []),
        *_reading(planned),
        *([] if planned.refusals else [first]),
        then,
        blocks.context(_small_print(shown)),
    ]
    buttons = _buttons(shown)
    if buttons:
        body.append(blocks.button_row(buttons))
    return blocks.Message(_fallback(shown), tuple(body))


def _meant(planned: plan.Plan) -> Sequence[plan.PlanLine]:
    """Return the servers that the plan speaks of: those to act on, or else all that were named."""
    return planned.lines_with(Verdict.ACT) or planned.lines


def _title(planned: plan.Plan) -> str:
    """Return what was asked, like `Reboot 19 servers`; "0 servers" would name nothing."""
    return words.title(planned.order.action, len(_meant(planned)))


def _heading(planned: plan.Plan) -> str:
    """Return what it would do, as a question where it may be asked for."""
    title, verb = _title(planned), words.VERBS[planned.order.action]
    # Before all else: nothing can come of it.
    if planned.order.options.dry_run:
        return f"Dry run: {title.lower()}"
    if planned.refusals:
        return f"🚫 Can't {title.lower()}"
    if not planned.order.targets:
        return f"Nothing to {verb}"
    if breaks_glass(planned):
        return f"🔨 Break glass: {title.lower()} now"
    if planned.undoes is not None:
        said = text.cut(about_request.reason(planned), UNDONE_CHARS)
        return f"↩️ {text.literal(said)}: {title.lower()}?"
    return f"{words.ACTION_SIGNS[planned.order.action]} {title}?"


def _is_in_title(planned: plan.Plan) -> bool:
    """Whether the heading says already, whole, what it is for."""
    asked = planned.undoes is not None and may_be(planned) and not planned.order.options.incident
    return asked and len(about_request.reason(planned)) <= UNDONE_CHARS


def may_be(planned: plan.Plan) -> bool:
    """Whether nothing forbids a plan, and it would act on something."""
    return bool(planned.order.targets and not planned.refusals)


def breaks_glass(planned: plan.Plan) -> bool:
    """Whether Request starts it at once, without anybody's approval that it would need."""
    return planned.order.options.break_glass and not planned.terms.needs


def _reading(planned: plan.Plan) -> tuple[blocks.Block, ...]:
    """Return which servers were meant, said in words, where the terms narrow each other."""
    if not planned.reading:
        return ()
    said = text.plain(planned.reading, READING_CHARS)
    return (blocks.section(f"*Read as:* {said}: {text.count(len(planned.lines), 'server')}"),)


def _lines(told: answers.PlanShown) -> str:
    """Return all named servers, folded by verdict and reason."""
    planned = told.plan
    ordered = _groups(planned)
    shown = [_group(told, *key, lines) for key, lines in ordered[:MOST_GROUPS]]
    if len(ordered) > MOST_GROUPS:
        rest = sum(len(lines) for _, lines in ordered[MOST_GROUPS:])
        shown.append(f"and {text.count(rest, 'server')} more, for other reasons")
    earlier = [about_request.earlier(one, told.now) for one in planned.earlier[:MOST_EARLIER]]
    overlaps = about_plan.overlaps(planned, planned.overlaps)
    why = "" if _is_in_title(planned) else about_request.why(planned)
    found = [*shown, *earlier, overlaps, server_health.lines(planned), why]
    return "\n".join(line for line in found if line) or "No server."


def _groups(planned: plan.Plan) -> list[tuple[tuple[Verdict, str], list[plan.PlanLine]]]:
    """Return all named servers by verdict and reason, those to act on first."""
    groups: dict[tuple[Verdict, str], list[plan.PlanLine]] = {}
    for line in planned.lines:
        groups.setdefault((line.verdict, line.reason), []).append(line)
    return sorted(groups.items(), key=lambda item: list(Verdict).index(item[0][0]))


def _room(planned: plan.Plan, verdict: Verdict) -> int:
    """Return how many characters the names of a group may take."""
    return NAMES_CHARS if verdict is Verdict.ACT and not planned.refusals else FEW_CHARS


def _is_cut(planned: plan.Plan) -> bool:
    """Whether not every server is named."""
    groups = _groups(planned)
    return len(groups) > MOST_GROUPS or any(
        len(folding.fold([line.label for line in lines], marked=True)) > _room(planned, verdict)
        for (verdict, _), lines in groups
    )


def _group(
    shown: answers.PlanShown, verdict: Verdict, reason: str, lines: Sequence[plan.PlanLine]
) -> str:
    """Return servers of one verdict, the reason, and the states that they are in now."""
    told = text.named(text.plain(reason, REASON_CHARS), [lines[0].holder])
    room, count = _room(shown.plan, verdict), len(lines)
    names = naming.folded([line.label for line in lines], room)
    if verdict is Verdict.ACT:
        return f"*{names}* ({about_plan.states(lines)}{f'; {told}' if told else ''})"
    if verdict is Verdict.SKIP:
        return f"{count:,} {told or 'skipped'}: {names}"
    return f"🚫 {count:,} blocked: {names}{f' ({told})' if told else ''}"


def _conditions(planned: plan.Plan) -> str:
    """Return who must approve and why, and how it would run; or what forbids it."""
    if planned.refusals:
        told = [
            f"🚫 {about_freezes.spoken(refusal, planned.named, 600)}"
            for refusal in planned.refusals[:6]
        ]
        return "\n".join(["*This can't be requested:*", *told])
    wanted = planned.terms.needs
    total = sum(need.count for need in wanted)
    needed = (
        f"*Needs {text.count(total, 'approval')}:* {about_request.needs(wanted)}{_rules(planned)}"
        if wanted
        else f"*Needs no approval*{_rules(planned)}"
    )
    # The paragraph about break glass says it better.
    if breaks_glass(planned) and not wanted:
        needed = ""
    lines = (
        needed,
        _counted(planned),
        about_plan.waves(planned),
        about_plan.around(planned),
        _glass(planned),
    )
    return "\n".join(line for line in lines if line)


def _rules(planned: plan.Plan) -> str:
    """Return the rules that say so; where there are several, with the servers of each."""
    told = about_plan.by_rule(planned)
    if len(told) > 1:
        return f" (the strictest of the rules: {'; '.join(told)})"
    return "".join(f' (rule "{rule}")' for rule in told)


def _counted(planned: plan.Plan) -> str:
    """Return why more is needed than so many servers alone would need."""
    counted, count = planned.terms.counted, len(planned.order.targets)
    found = []
    if counted > count and not breaks_glass(planned):
        all_of_them = text.count(counted, "server")
        found.append(f"Counted with your other open and recent requests: {all_of_them}.")
    if planned.terms.overrides:
        passed = ", ".join(text.plain(name, RULE_CHARS) for name in planned.terms.overrides[:3])
        found.append(f"The freeze adds approvals: {passed}.")
    return " ".join(found)


def _glass(planned: plan.Plan) -> str:
    """Return the warning of a request that asks nobody first."""
    if not planned.order.options.break_glass:
        return ""
    if planned.terms.needs:
        return "🔨 *Break glass:* it needs only the freeze's approvals, and is reviewed afterwards."
    return (
        f"🔨 *Break glass*{_rules(planned)}: it starts at once, without approval and in public, "
        "and somebody else must review it."
    )


def _small_print(shown: answers.PlanShown) -> str:
    """Return which plan this is, and how old the states are that it was made on."""
    age_s = max(0.0, shown.now - shown.plan.snapshot_at)
    parts = [
        about_request.small_print(shown.plan.order, shown.request_id),
        f"states read {words.read_ago(age_s)}",
        f"replaces {text.plain(shown.replaces, 20)}" if shown.replaces else "",
        shown.shortfall.sentence if shown.shortfall else "",
    ]
    return " · ".join(part for part in parts if part)


def _fallback(shown: answers.PlanShown) -> str:
    """Return the plan in one line that stands alone."""
    planned = shown.plan
    names = naming.folded([line.label for line in _meant(planned)], 300)
    if planned.refusals:
        why = about_freezes.spoken(planned.refusals[0], planned.named, 300)
        return f"{_heading(planned)} ({names}): {why}"
    if not may_be_asked(shown):
        return f"{_heading(planned)} ({names}). Nothing is requested."
    after = f"{text.plain(about_request.undoing(planned.undoes))}: " if planned.undoes else ""
    # In a notification, too, nobody must take a plan for the deed.
    return f"{after}{_title(planned)} ({names})? Nothing is requested yet."


def may_be_asked(shown: answers.PlanShown) -> bool:
    """Whether a plan can be asked for: a dry run and a refused one can't."""
    return bool(shown.request_id) and may_be(shown.plan)


def _buttons(shown: answers.PlanShown) -> tuple[blocks.Button, ...]:
    """Return Request, unless there is nothing to request, and what may be watched instead."""
    planned = shown.plan
    holders = dict.fromkeys(line.held_by for line in planned.lines if line.held_by)
    # What holds a server may be watched, even where nothing can be requested.
    watching = tuple(_watch(id_) for id_ in list(holders)[:MOST_WATCHED])
    if not may_be_asked(shown):
        return watching
    id_, title = shown.request_id, about_request.title(planned.order).lower()
    change = blocks.Button(Do.CHANGE, id_, spoken=f"Change this plan: {title}")
    every = blocks.Button(Do.DETAILS, id_, label="Show all", apart="all")
    return (_asking(shown), change, *([every] if _is_cut(planned) else []), *watching)


def _asking(shown: answers.PlanShown) -> blocks.Button:
    """Return Request; what nobody is asked about first says so, and asks once more."""
    order, id_ = shown.plan.order, shown.request_id
    if not breaks_glass(shown.plan):
        spoken = f"{action_ids.LABELS[Do.REQUEST]}: {about_request.title(order).lower()}"
        return blocks.Button(Do.REQUEST, id_, style="primary", spoken=spoken)
    at_once = words.at_once(order.action)
    asked = f"{about_request.title(order)} without approval? "
    names = about_plan.names_literal(
        shown.plan, blocks.CONFIRM_CHARS - len(asked) - naming.MORE_CHARS
    )
    return blocks.Button(
        Do.REQUEST,
        id_,
        style="danger",
        label=f"{at_once} without approval",
        # Where the number of servers is typed, that is the second question.
        confirm=None
        if shown.plan.terms.confirm_count
        else blocks.confirm("Break glass?", asked + names, at_once, danger=True),
        spoken=f"{at_once} without approval: {about_request.title(order).lower()}",
    )


def _watch(request_id: str) -> blocks.Button:
    """Return a button that shows the request which is at work on a server of this plan."""
    # Behind its dot an action id has no capitals and no dashes (`action_ids.OURS`).
    label, apart = f"Watch {request_id}", request_id.lower().replace("-", "_")
    return blocks.Button(Do.DETAILS, request_id, label=label, apart=apart)

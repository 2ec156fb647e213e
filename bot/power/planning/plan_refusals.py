"""Why a request may not be made at all: whole sentences, each with what to do instead."""

from __future__ import annotations

import collections
from collections.abc import Iterator, Sequence

from bot.power import missing_access, plan, request, server, vocabulary
from bot.power.approval import judging, quorum
from bot.power.approval.may_approve import Refusal
from bot.power.command import command, command_line, offered_lines
from bot.power.planning.question import Facts, Question, duration
from bot.power.policy import freezes, policy, reason_patterns

NO_POLICY = (
    "No policy file is in force, so nothing can be changed; an operator can find out why with "
    "powerbot check."
)


def by_place(question: Question, rules: policy.Policy, facts: Facts) -> Iterator[str]:
    """Yield what is wrong with the channel."""
    channel = facts.channel
    if question.place.channel_id not in rules.allow:
        yield "The policy doesn't allow requests in this channel; ask in one that it names."
    if channel.is_shared:
        yield "This channel is shared with another company, so no request can be made in it."
    if channel.is_archived:
        yield "This channel is archived; ask in another one."
    elif not channel.is_member:
        yield "Powerbot isn't in this channel: type /invite @Powerbot, then ask again."


def by_person(rules: policy.Policy, facts: Facts) -> Iterator[str]:
    """Yield what forbids this person to ask for anything now."""
    named, limits = rules.requester_groups, rules.limits
    if not any(group in named for group in facts.requester_groups):
        if unread := sorted(group for group in facts.unread_groups if group in named):
            listed = quorum.joined(unread, " and ")
            what, again = f"Whether you are in {listed}", "try again in a moment"
            yield missing_access.unchecked(what, unread, facts.lacking, again)
        else:
            yield "No rule of the policy names you as a requester; ask somebody who is named."
    if facts.open_requests >= limits.max_open_per_user:
        yield (
            f"You have {facts.open_requests} open requests, and {limits.max_open_per_user} is "
            "the limit; cancel one, or wait until one has ended."
        )
    if facts.requests_last_hour >= limits.max_requests_per_hour:
        yield (
            f"You have made {facts.requests_last_hour} requests within an hour, and "
            f"{limits.max_requests_per_hour} is the limit; wait a little."
        )


def by_freeze(question: Question, rules: policy.Policy, facts: Facts) -> Iterator[str]:
    """Yield the freezes that nothing passes; those with an override add approvals instead."""
    if facts.freezes:
        yield freezes.refusal(facts.freezes)
    for freeze in rules.freezes:
        if freeze.holds(question.action, question.now) and not freeze.override:
            until = freeze.ends.isoformat(sep=" ", timespec="minutes")
            yield f'{question.action.value} is frozen by "{freeze.name}" until {until}.'


def by_list(question: Question, snapshot: server.Snapshot) -> Iterator[str]:
    """Yield that a list which falls short can't say what a selection means."""
    # A single name is either there or not; a range may miss what isn't shown.
    if snapshot.shortfall and question.selected:
        yield (
            f"{snapshot.shortfall.sentence} A range, pattern or selector could miss some of "
            "them: name each server in full, or try again when the list is complete."
        )


def by_size(count: int, rules: policy.Policy) -> Iterator[str]:
    """Yield what is wrong with the number of servers that would be acted on."""
    most = rules.limits.max_servers
    if not count:
        yield "There is nothing to do: none of these servers would be acted on."
    elif count > most:
        yield f"{count:,} servers would be acted on; {most:,} is the limit for one request."


def by_reason(question: Question, judged: Sequence[policy.Rule]) -> Iterator[str]:
    """Yield the rules whose pattern neither the reason nor the incident has."""
    for rule in judged:
        given = (question.reason, question.options.incident)
        if rule.reason and not reason_patterns.found_in_reason(rule.reason, *given):
            yield f'Rule "{rule.name}" requires {rule.reason} in the reason{_line(question)}.'


def _line(question: Question) -> str:
    """Return the line that was typed with its end open: what a rule wants, nobody can invent."""
    targets, because = question.typed, f"because {command_line.OPEN_END}"
    said = command.Change(question.action, targets, question.options)
    line = said.line(targets).removeprefix(vocabulary.PREFIX)
    whole = f"{question.called}{line} {because} {question.reason}".rstrip()
    return f"; type: {whole}" if targets and len(whole) <= offered_lines.MOST_CHARACTERS else ""


def by_options(options: request.Options, terms: plan.Terms) -> Iterator[tuple[str, str]]:
    """Yield the options that would loosen the policy, each with why: they may only tighten it."""
    counts = (
        ("--batch", options.batch, terms.batch),
        ("--max-failures", options.max_failures, terms.max_failures),
    )
    for name, given, most in counts:
        if given is not None and not 1 <= given <= most:
            wish = f"{name} with a number from 1 to {most}" if most > 1 else f"{name} 1"
            yield (
                name,
                f"The policy allows at most {most}, so {name} {given} doesn't work; type {wish}.",
            )
    pause_s = options.pause_s
    if pause_s is not None and pause_s < terms.pause_s:
        least = duration(terms.pause_s)
        said = f"so --pause {duration(pause_s)} is too short; type --pause {least}."
        yield "--pause", f"The policy pauses for at least {least}, {said}"


def by_steps(question: Question, judged: Sequence[policy.Rule], terms: plan.Terms) -> Iterator[str]:
    """Yield the steps that may not be left out; break glass leaves out any."""
    for word in question.options.without:
        having = [rule for rule in judged if word in (request.EVERY_STEP, *rule.steps)]
        if not any(rule.steps for rule in having):
            yield f"--without {word}: no rule here has a step of this name{_steps_of(judged)}."
            continue
        # In an incident the steps' own systems may be what is down.
        if question.options.break_glass and terms.break_glass:
            continue
        for rule in having:
            named = rule.steps if word == request.EVERY_STEP else (word,)
            if kept := [one for one in named if one not in rule.may_skip]:
                listed = quorum.joined(kept, " and ")
                yield (
                    f'Rule "{rule.name}" doesn\'t let anybody leave out {listed}; remove '
                    f"--without {word}."
                )


def _steps_of(judged: Sequence[policy.Rule]) -> str:
    """Say which steps there are."""
    found = dict.fromkeys(name for rule in judged for name in rule.steps)
    return f"; the steps are {quorum.joined(found, ' and ')}" if found else "; remove it"


def by_break_glass(
    question: Question, rules: policy.Policy, judged: Sequence[policy.Rule], facts: Facts
) -> Iterator[str]:
    """Yield what forbids to act without approval."""
    if not question.options.break_glass:
        return
    if question.place.channel_id not in rules.incident:
        yield "Break glass isn't allowed in this channel; use one that the policy names for it."
    for rule in judged:
        if not judging.may_break_glass([rule], facts.requester_groups):
            yield f'Rule "{rule.name}" doesn\'t let you break glass; ask without --break-glass.'
    if facts.unreviewed:
        yield not_reviewed(facts.unreviewed)
    if not question.reason.strip():
        yield "Break glass needs a reason: end the line with because and what has happened."


def not_reviewed(request_ids: Sequence[str]) -> str:
    """Say that a debt bars the next break glass."""
    listed = quorum.joined(request_ids, " and ")
    return (
        f"Your last use of break glass hasn't been reviewed yet ({listed}): ask an approver to "
        "press Review on its card, or ask without --break-glass."
    )


def by_quorum(question: Question, terms: plan.Terms, facts: Facts) -> Iterator[str]:
    """Yield why no set of people could approve this, as far as the groups are known."""
    if facts.roster is None:
        return
    without = {question.requester.user_id, *facts.unable}
    gaps = quorum.unfillable(terms.needs, facts.roster, without)
    if not gaps:
        return
    groups = tuple(group for group, _ in gaps)
    if unread := tuple(group for group in groups if group in facts.roster.unreadable):
        listed = quorum.joined(unread, " and ")
        what, again = f"Who is in {listed}", "try again in a moment"
        yield missing_access.unchecked(what, unread, facts.lacking, again)
        return
    if not any(facts.roster.members.get(group) for group in groups):
        listed = quorum.joined(groups, " and ")
        yield (
            f"Nobody could get this approved: nobody is in {listed}. An operator must add people "
            "to it in the policy, or a Slack admin to its user group."
        )
        return
    wishes = quorum.joined((f"{quorum.spelled(n)} more in {group}" for group, n in gaps), " and ")
    others = f"it needs {wishes}; you don't count, and nobody counts twice{_uncounted(facts)}"
    yield f"Nobody could get this approved: {others}."


def _uncounted(facts: Facts) -> str:
    """Say how many people of the groups couldn't approve, and why."""
    counts = collections.Counter(facts.unable.values())
    told = [f"{counts[reason]} {UNABLE.get(reason, reason.value)}" for reason in counts]
    return f" (not counted: {quorum.joined(told, ' and ')})" if told else ""


UNABLE = {
    Refusal.GUEST: "a guest",
    Refusal.BOT: "a bot",
    Refusal.DEACTIVATED: "deactivated",
    Refusal.EXTERNAL: "from another company, or unknown here",
    Refusal.OTHER_TEAM: "from another workspace",
}

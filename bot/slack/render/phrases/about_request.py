"""What a request needs, who has given it, and what it is about, as lines of mrkdwn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.power import lifecycle, plan, ports, request
from bot.power.text import times
from bot.slack.blockkit import naming, text, words

REASON_CHARS = 500
GROUP_CHARS = 60
SCOPE_CHARS = 60
MOST_APPROVALS = 10  # In one line.
MOST_APPROVERS = 3  # Of each group, on a card.
COMMENT_CHARS = 200
EARLIER_CHARS = 150
RAN = lifecycle.ENDED - lifecycle.NEVER_RAN
# By the words that a stored plan has for them.
_STATES = {
    "not proven": "accepted, not confirmed",
    "timed out": "accepted, not confirmed in time",
    "unknown": "not confirmed, the answer was lost",
    "superseded": "not confirmed, something else happened",
}


def needs(wanted: Sequence[plan.Need]) -> str:
    """Return approvals that are needed, like `sre and dc-ops`, or `two from sre`."""
    # Where one of each is enough, the groups alone say it.
    several = any(need.count > 1 for need in wanted)
    return text.joined(
        [
            f"{text.spelled(need.count)} from {_group(need.group)}"
            if several
            else _group(need.group)
            for need in wanted
        ]
    )


def _group(name: str) -> str:
    return text.plain(name, GROUP_CHARS)


def missing(found: ports.Request) -> tuple[plan.Need, ...]:
    """Return what is still needed."""
    given = [approval.group for approval in found.approvals]
    left = (
        need.model_copy(update={"count": need.count - given.count(need.group)})
        for need in found.plan.terms.needs
    )
    return tuple(need for need in left if need.count > 0)


def waits_for(found: ports.Request, called: Mapping[str, Sequence[str]]) -> str:
    """Return whose approval is missing, like `sre: @sam, @rosa and 2 more`; mostly short.

    `called` has, by group, those who could approve when it was asked for, as far as they could be
    looked up; without it the groups alone are told.
    """
    left = missing(found)
    # Who has asked can't approve, and who has approved needn't again.
    given = {one.person.user_id for one in found.approvals} | {found.order.requester.user_id}
    who = [[one for one in called.get(need.group, ()) if one not in given] for need in left]
    if not any(who):
        return needs(left)
    named = [
        f"{needs([need])}{f': {text.mentions(ids, MOST_APPROVERS)}' if ids else ''}"
        for need, ids in zip(left, who, strict=True)
    ]
    return "; ".join(named)


def quorum(found: ports.Request) -> str:
    """Return how far the approvals are, like `1 of 2 approvals, still needs dc-ops`."""
    total = sum(need.count for need in found.plan.terms.needs)
    left = missing(found)
    given = total - sum(need.count for need in left)
    # "0 of 2 approvals" would say less.
    if left and not given:
        return f"needs {needs(left)}"
    line = f"{given} of {text.count(total, 'approval')}"
    return f"{line}, still needs {needs(left)}" if left else line


def comments(found: ports.Request) -> list[str]:
    """Return what approvers have said, a line each."""
    return [
        f"💬 {text.mention(one.person.user_id)}: {text.plain(one.comment, COMMENT_CHARS)}"
        for one in found.approvals[:MOST_APPROVALS]
        if one.comment
    ]


def _yes(approval: ports.Approval) -> str:
    return f"{text.mention(approval.person.user_id)} ({_group(approval.group)})"


def people(found: ports.Request) -> str:
    """Return who asked and who approved, in one line; of what has run, with their reason.

    Beside what has failed, a reason that stands by itself reads as the cause of the failure.
    """
    who = text.mention(found.order.requester.user_id)
    asked = f"Started by {who} without approval" if alone(found) else f"Asked by {who}"
    if found.state in RAN and (given := _given(found.plan)):
        asked = f"{asked}: {given}"
    agreed = text.joined([_yes(one) for one in found.approvals[:MOST_APPROVALS]])
    return f"{asked} · approved by {agreed}" if agreed else asked


def alone(found: ports.Request) -> bool:
    """Whether it began by break glass, and nobody was asked at all."""
    return found.order.options.break_glass and not found.plan.terms.needs


def reason(made: plan.Plan) -> str:
    """Return why it is asked for, not yet safe for Slack; what undoes another names that one."""
    if made.undoes is None:
        return made.order.reason
    told = undoing(made.undoes)
    return f"{told} ({made.undoes.reason})" if made.undoes.reason else told


def undoing(found: plan.Undone) -> str:
    """Return which request is undone: a cycle is brought to its end."""
    did = "Back on after" if found.action is request.Action.CYCLE else "Undo of"
    return f"{did} {found.request_id}"


def why(made: plan.Plan) -> str:
    """Return the reason and the incident as a quotation, or an empty text.

    It is called a reason, since beside servers in trouble it reads as the bot's own finding.
    """
    given = _given(made)
    return f"> *Reason:* {given}" if given else ""


def _given(made: plan.Plan) -> str:
    parts = [text.plain(made.order.options.incident, 100), text.plain(reason(made), REASON_CHARS)]
    return " · ".join(part for part in parts if part)


def earlier(found: plan.Earlier, now: float | None = None) -> str:
    """Return that servers were sent something already of which nobody has seen that it happened.

    With `now` it says how long ago that was, without it when.
    """
    names = naming.folded(found.names, EARLIER_CHARS)
    verb = "was" if len(found.names) == 1 else "were"
    call = words.CALLS[ports.Method(found.method)]
    # The clock that noted it may be ahead of ours.
    ago = f"{times.duration(max(0.0, now - found.sent_at))} ago" if now is not None else ""
    when = ago or text.moment(found.sent_at)
    state = _STATES.get(found.state, found.state)
    return f"⚠️ {names} {verb} sent {call} by {text.plain(found.request_id, 20)} {when}: {state}"


def small_print(order: request.Order, request_id: str) -> str:
    """Return what tells a request from others: its id, the region, and what it follows."""
    parts = [
        request_id,
        text.plain(order.scope.region, SCOPE_CHARS),
        f"follows {text.plain(order.retry_of, 20)}" if order.retry_of else "",
    ]
    return " · ".join(part for part in parts if part)


def proof(made: plan.Plan) -> str:
    """Return what identifies a plan to whoever looks into it: project, seal, policy, rules."""
    order, rules = made.order, made.terms.rules
    parts = [
        f"project {text.plain(order.scope.project_id, SCOPE_CHARS)}",
        f"seal {order.short_seal}",
        f"policy {text.plain(made.policy_version, 20)}",
        # Several are told with their servers, further up.
        f"rule {text.plain(rules[0], GROUP_CHARS)}" if len(rules) == 1 else "",
    ]
    return " · ".join(part for part in parts if part)


def title(order: request.Order) -> str:
    """Return what is asked, like `Reboot 19 servers`."""
    return words.title(order.action, len(order.targets))

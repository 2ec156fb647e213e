"""What a request needs, who has given it, and what it is about, as lines of mrkdwn."""

from __future__ import annotations

from collections.abc import Sequence

from bot.power import plan, ports, request
from bot.slack.blockkit import naming, text, words

REASON_CHARS = 500
GROUP_CHARS = 60
SCOPE_CHARS = 60
MOST_APPROVALS = 10
EARLIER_CHARS = 150
_STATES = {
    "not proven": "accepted, not proven",
    "timed out": "accepted, not proven in time",
    "unknown": "not proven, its answer was lost",
    "superseded": "not proven, something else happened",
}


def needs(wanted: Sequence[plan.Need]) -> str:
    """Return approvals that are needed, like `one from sre, one from dc-ops`."""
    return ", ".join(
        f"{text.spelled(need.count)} from {text.plain(need.group, GROUP_CHARS)}" for need in wanted
    )


def missing(found: ports.Request) -> tuple[plan.Need, ...]:
    """Return what is still needed."""
    given = [approval.group for approval in found.approvals]
    left = (
        need.model_copy(update={"count": need.count - given.count(need.group)})
        for need in found.plan.terms.needs
    )
    return tuple(need for need in left if need.count > 0)


def quorum(found: ports.Request) -> str:
    """Return how far the approvals are, like `1 of 2 approvals · still needs one from dc-ops`."""
    total = sum(need.count for need in found.plan.terms.needs)
    left = missing(found)
    given = total - sum(need.count for need in left)
    line = f"{given} of {text.count(total, 'approval')}"
    return f"{line} · {'still needs' if given else 'needs'} {needs(left)}" if left else line


def approved_by(found: ports.Request) -> str:
    """Return who has approved and for which group, one line each, or an empty text."""
    lines = [_approval(approval) for approval in found.approvals[:MOST_APPROVALS]]
    return "\n".join(lines)


def _approval(approval: ports.Approval) -> str:
    """Return one approval with its comment."""
    comment = f": {text.plain(approval.comment, 200)}" if approval.comment else ""
    group = text.plain(approval.group, GROUP_CHARS)
    return f"✔ Approved by {text.mention(approval.person.user_id)} ({group}){comment}"


def why(order: request.Order) -> str:
    """Return the reason and the incident, or an empty text."""
    parts = [text.plain(order.options.incident, 100), text.plain(order.reason, REASON_CHARS)]
    given = " · ".join(part for part in parts if part)
    return f"*Why:* {given}" if given else ""


def earlier(found: plan.Earlier, now: float | None = None) -> str:
    """Return that servers were sent something already of which nobody has seen that it happened.

    With `now` it says how long ago that was, without it when.
    """
    names = naming.folded(found.names, EARLIER_CHARS)
    verb = "was" if len(found.names) == 1 else "were"
    call = words.CALLS[ports.Method(found.method)]
    ago = f"{text.duration(max(0.0, now - found.sent_at))} ago" if now is not None else ""
    when = ago or text.moment(found.sent_at)
    state = _STATES.get(found.state, found.state)
    return f"⚠️ {names} {verb} sent {call} by {text.plain(found.request_id, 20)} {when}: {state}"


def small_print(order: request.Order, request_id: str) -> str:
    """Return what identifies a request: id, region, project, seal."""
    scope = order.scope
    parts = [
        request_id,
        text.plain(scope.region, SCOPE_CHARS),
        f"project {text.plain(scope.project_id, SCOPE_CHARS)}" if scope.project_id else "",
        f"seal {order.short_seal}",
        f"follows {text.plain(order.retry_of, 20)}" if order.retry_of else "",
    ]
    return " · ".join(part for part in parts if part)


def title(order: request.Order) -> str:
    """Return what is asked, like `Reboot 19 servers`."""
    return words.title(order.action, len(order.targets))

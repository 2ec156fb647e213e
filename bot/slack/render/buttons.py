"""The buttons of a request: those that its state allows, the next step first.

Red is for what switches machines off, or stops a run; to deny is safe.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.power import plan, ports
from bot.power.inputs import Do
from bot.power.lifecycle import ServerState, State
from bot.power.request import Action
from bot.power.run import retry_and_undo
from bot.slack import action_ids
from bot.slack.blockkit import blocks, naming, text
from bot.slack.render.phrases import about_plan, about_request, about_steps, outcomes, server_health

DIALOG_ILL_CHARS = 60
REGION_CHARS = 60  # Of the 300 that a dialog has.
# Ends after which the same may still be needed, and nothing of it was sent.
ASKED_AGAIN = frozenset({State.EXPIRED, State.DENIED, State.VOID})


def of_card(
    request: ports.Request, servers: Sequence[ports.RunServer]
) -> tuple[blocks.Button, ...]:
    """Return the buttons that make sense in this state; the state decides again at the click."""
    details = button(request, Do.DETAILS)
    if request.state in (State.PLANNED, State.PENDING):
        return (approve(request), button(request, Do.DENY), details, button(request, Do.CANCEL))
    if request.state is State.APPROVED:
        return (stop(request), details, button(request, Do.CANCEL))
    if request.state is State.RUNNING:
        # A second press of Stop would change nothing.
        halt = () if request.stopped_by else (stop(request, servers),)
        return (*halt, details)
    return (*_what_follows(request, servers), details)


def of_requester(request: ports.Request) -> tuple[blocks.Button, ...]:
    """Return what the requester may do where nobody else sees the card."""
    return (button(request, Do.NUDGE),) if request.state is State.PENDING else ()


def _what_follows(
    request: ports.Request, servers: Sequence[ports.RunServer]
) -> tuple[blocks.Button, ...]:
    """Return what may follow an end."""
    found = []
    if request.state in ASKED_AGAIN or request.held_back:
        found.append(button(request, Do.AGAIN))
    if request.state in outcomes.RUN_ENDS:
        action = request.order.action
        if outcomes.left_dark(servers, action):
            cycle = action is Action.CYCLE
            # It isn't pressed before somebody has seen to what refused the power-on.
            refused = any(row.state is ServerState.REJECTED and row.step for row in servers)
            back_on = button(request, Do.BACK_ON, style="" if refused else "primary")
            found.append(back_on if cycle else button(request, Do.UNDO))
        if outcomes.retryable(servers, action):
            found.append(_retry(request, retry_and_undo.untouched(action, servers)))
        if about_steps.has_out(request):
            found.append(put_back(request))
        if request.review is not None and not request.review.closed_at:
            found.append(button(request, Do.VERDICT))
    return tuple(found)


def _retry(request: ports.Request, untouched: int) -> blocks.Button:
    """Return Retry, under its own name where nothing was sent to any of the servers."""
    if not untouched:
        return button(request, Do.RETRY)
    label = "Do the other one" if untouched == 1 else f"Do the other {untouched:,}"
    spoken = f"{label} of {request.id}: {about_request.title(request.order)}"
    return blocks.Button(Do.RETRY, request.id, label=label, spoken=spoken)


def button(request: ports.Request, do: Do, *, style: str = "") -> blocks.Button:
    """Return one button for this request."""
    spoken = f"{action_ids.LABELS[do]} {request.id}: {about_request.title(request.order)}"
    return blocks.Button(do, request.id, style=style, spoken=spoken)


def approve(request: ports.Request) -> blocks.Button:
    """Return Approve, which asks once more and names what would happen."""
    order = request.order
    region = text.literal(order.scope.region, REGION_CHARS)
    asked, how = f"{about_request.title(order)} in {region}: ", _how(request.plan)
    names = about_plan.names_literal(
        request.plan, blocks.CONFIRM_CHARS - len(asked) - len(how) - naming.MORE_CHARS
    )
    # Red where so many go off that their number has to be typed.
    grave = order.action in (Action.OFF, Action.CYCLE) and bool(request.plan.terms.confirm_count)
    title, asked = f"Approve {request.id}?", asked + names + how
    dialog = blocks.confirm(title, asked, "Approve", danger=grave)
    spoken = f"Approve {request.id}: {about_request.title(order)}"
    style = "danger" if grave else "primary"
    return blocks.Button(Do.APPROVE, request.id, style=style, confirm=dialog, spoken=spoken)


def _how(planned: plan.Plan) -> str:
    """Return what else an approval is given to: servers that aren't well, and the waves."""
    ill = naming.folded_literal(server_health.ill_names(planned), DIALOG_ILL_CHARS)
    unwell = f". ⚠️ With alarms or poor health: {ill}" if ill else ""
    waves = f". {about_plan.sizes(planned)}" if len(planned.waves) > 1 else ""
    return f"{unwell}{waves}." if unwell or waves else ""


def stop(request: ports.Request, servers: Sequence[ports.RunServer] = ()) -> blocks.Button:
    """Return Stop, which asks once more."""
    left = outcomes.stopping(servers) if servers else "what hasn't been sent won't be touched"
    asked = f"{left[:1].upper()}{left[1:]}. What is in progress can't be recalled."
    dialog = blocks.confirm(f"Stop {request.id}?", asked, "Stop", danger=True)
    spoken = f"{action_ids.LABELS[Do.STOP]} {request.id}: {about_request.title(request.order)}"
    return blocks.Button(Do.STOP, request.id, style="danger", confirm=dialog, spoken=spoken)


def put_back(request: ports.Request) -> blocks.Button:
    """Return Put back, which asks once more: a server that isn't well gets its work back."""
    asked = "Everything that is still out is put back at once, whatever the state of its servers."
    label = action_ids.LABELS[Do.PUT_BACK]
    dialog = blocks.confirm(f"{label} {request.id}?", asked, label)
    spoken = f"{label} {request.id}: {about_request.title(request.order)}"
    return blocks.Button(Do.PUT_BACK, request.id, confirm=dialog, spoken=spoken)

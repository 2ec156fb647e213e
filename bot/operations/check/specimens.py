"""Every kind of message and form, each at its largest, made by the renderers that make real ones.

Nothing in them is real: a request of 500 servers with long names, every state, every outcome.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from typing import Any

import pydantic

from bot.power import causes, lifecycle, plan, ports, request, server, server_history
from bot.power.command import help_text
from bot.power.lifecycle import ServerState, State
from bot.power.messages import messages as told
from bot.power.plan import Verdict
from bot.power.request import Action
from bot.power.steps import definition, protocol, states, wave_parts
from bot.power.targets import search
from bot.slack.blockkit import blocks, modals, paging, views as forms
from bot.slack.render import cards, home, private_answers as private, request_modal, thread_replies
from bot.slack.render.phrases import about_freezes
from bot.workflow import answers

NOW = 1_800_000_000.0  # Seconds since the epoch.
SERVERS = 500  # A request's default bound (`max_servers`).
REASON = ("the longest reason that anybody may give " * 20)[:500].strip()  # The grammar's bound.
ID, CHANNEL = "PR-7F3K", "C0SPECIMEN"
WHO = request.Person(user_id="U0SPECIMEN", team_id="T0SPECIMEN")
PEOPLE = [f"U0SPECIMEN{number}" for number in range(20)]  # As many as a list mentions.
URL = "https://specimen.slack.com/"
# What messages of a thread may carry; each takes those that it knows.
FACTS: Mapping[str, Any] = {
    "user": WHO.user_id,
    "users": PEOPLE,
    "ask": {"sre": PEOPLE, "dc-ops": ["S0SPECIMEN"]},
    "reason": REASON,
    "comment": REASON,
    "summary": "2 of 3 approvals",
    "group": "dc-ops",
    "by": WHO.user_id,
    "holder": WHO.user_id,
    "since": NOW,
    "until": NOW,
    "names": [f"specimen-{number}" for number in range(SERVERS)],
    "total": SERVERS,
    "waves": [10] * 50,
    "head": "ab" * 32,  # As long as a SHA-256 in hex.
    "seal": "0123abcd",
    "seq": 12,
    "review_by": NOW,
    "why": "channel_not_found",
    "late": causes.Late.DONE,
}


def messages() -> dict[str, blocks.Message]:
    """Return the largest message of each kind, by what it is."""
    found = {f"the card of a request that is {state}": _card(state) for state in State}
    found |= {f"the thread's {name}": message for name, message in _replies()}
    found |= {f"the answer {name}": message for name, message in _answers()}
    found["the notice of a freeze"] = about_freezes.notice(
        told.FreezeTurned.model_validate({**FACTS, "event": "freeze.on"})
    )
    return found


def views() -> dict[str, forms.View]:
    """Return the largest form of each kind, and the Home tab, by what it is."""
    offers = tuple(
        search.Offer(f"specimen-{number}", f"specimen-{number}", "rack R12, on")
        for number in range(100)  # As many options as a field takes.
    )
    channels = tuple(ports.Channel(f"{CHANNEL}{number}", "operations") for number in range(20))
    return {
        "the form of a request": request_modal.render(
            answers.FormShown(request.Place(channel_id=CHANNEL), offers, channels, (REASON,))
        ),
        "the second step of that form": request_modal.review(_plan_shown()),
        "the form for the number": modals.confirm_count(
            answers.CountWanted(ID, SERVERS, Action.REBOOT)
        ),
        "the form of a denial": modals.deny_reason(answers.ReasonWanted(ID)),
        "the form of a comment": modals.comment(answers.CommentWanted(ID)),
        "the form of a review": modals.verdict(answers.VerdictWanted(ID)),
        "the view while one waits": forms.loading(forms.external_id(ID)),
        "the Home tab": home.render(_home(), answers.Note(REASON), URL),
    }


def _plan() -> plan.Plan:
    """Return a plan for as many servers as a request may have by default."""
    lines = tuple(
        plan.PlanLine(
            server_id=f"id-{number}",
            name=_name(number),
            rack="R12",
            verdict=Verdict.ACT,
            rule="databases",
            power_before="on",
            health="Critical" if number % 3 == 0 else "OK",
        )
        for number in range(SERVERS)
    )
    order = request.Order(
        scope=request.Scope(region="cn-east-3", project_id="0" * 32),
        place=request.Place(channel_id=CHANNEL),
        action=Action.REBOOT,
        targets=lines,
        reason=REASON,
        requester=WHO,
    )
    needs = (plan.Need(group="sre", count=2), plan.Need(group="dc-ops", count=1))
    return plan.Plan(
        order=order,
        lines=lines,
        snapshot_at=NOW,
        terms=plan.Terms(needs=needs, rules=("databases", "everything else")),
        policy_version="0123456789ab",
        waves=(3, 10, *(50,) * 10),
        calls=12,
    )


def _name(number: int) -> str:
    """Return a name that folds with few others."""
    # Both factors are prime, so that hardly two names are neighbours.
    return f"rack{number % 97:02}-node-{number * 7919 % 100_000:05}.specimen.example"


def _request(state: State) -> ports.Request:
    """Return a request in a state, with everything that is ever shown of one."""
    approvals = tuple(
        ports.Approval(request.Person(user_id=one, team_id=WHO.team_id), "sre", NOW, REASON)
        for one in PEOPLE
    )
    return ports.Request(
        id=ID,
        state=state,
        plan=_plan(),
        created_at=NOW,
        changed_at=NOW,
        expires_at=NOW,
        use_by=NOW,
        card=ports.Card(CHANNEL, "1800000000.000100"),
        stopped_by=WHO.user_id,
        stop_reason=REASON,
        end_reason=REASON,
        approvals=approvals,
    )


def _servers() -> tuple[ports.RunServer, ...]:
    """Return a run in which every outcome stands."""
    states = list(ServerState)
    return tuple(
        ports.RunServer(
            f"id-{number}", _name(number), state=states[number % len(states)], detail=REASON[:120]
        )
        for number in range(SERVERS)
    )


def _card(state: State) -> blocks.Message:
    """Return the card of a request in a state."""
    # Only what has run has outcomes of servers.
    ran = state is State.RUNNING or state in lifecycle.ENDED - lifecycle.NEVER_RAN
    return cards.render(_request(state), _servers() if ran else ())


def _replies() -> Iterator[tuple[str, blocks.Message]]:
    """Yield each thing that a thread is told, and that its requester is told alone."""
    # The end with the most to tell.
    found, servers = _request(State.PARTIAL), _servers()
    for kind in _members(told.Message):
        # One whose event may be any text has no list of them.
        events = typing.get_args(kind.model_fields["event"].annotation) or ("news",)
        for event in events:
            one: Any = kind.model_validate({**FACTS, "event": event})
            yield f"reply {event}", thread_replies.render(found, servers, one)
            yield f"direct message {event}", thread_replies.direct(found, servers, one, URL)


def _members(union: Any) -> Iterator[type[pydantic.BaseModel]]:
    """Yield the models of a union, whatever is nested in it."""
    if isinstance(union, type) and issubclass(union, pydantic.BaseModel):
        yield union
    for inner in typing.get_args(union):
        yield from _members(inner)


def _answers() -> Iterator[tuple[str, blocks.Message]]:
    """Yield each private answer."""
    found, servers = _request(State.PENDING), _servers()
    fleet = tuple(
        server.Server(id=f"id-{number}", name=_name(number), power_state="on")
        for number in range(SERVERS)
    )
    snapshot = server.Snapshot({one.id: one for one in fleet}, NOW)
    yes = (server_history.Yes(WHO.user_id, "sre"),) * 20
    deed = server_history.Deed(found, NOW, WHO.user_id, yes, True, ServerState.PROVEN, 12, 19)
    turn = paging.Turn(2, "list all", WHO.user_id)
    said: dict[str, private.Said] = {
        "to a mistake": answers.Mistake(REASON, REASON, f"/power {REASON}"),
        "to a click": answers.Note(REASON, comment_on=ID, nudge_for=ID),
        "with a plan": _plan_shown(),
        "to status": answers.FleetShown("all", snapshot, fleet, NOW),
        "to list": answers.FleetShown("all", snapshot, fleet, NOW, detailed=True),
        "to show": answers.RequestShown(_request(State.PARTIAL), servers, NOW),
        "to Details": answers.RequestShown(found, (), NOW),
        "to requests": answers.RequestsShown((found,) * 40, (found,) * 40, NOW),
        "to history": answers.HistoryShown("all", (found,) * 90, 500, True),
        "to why": answers.WhyShown(fleet[0], snapshot, (deed,) * 40, NOW),
        "to help": answers.HelpShown(help_text.help_text(None)),
    }
    for name, one in said.items():
        yield name, private.render(one, turn, URL)


def _plan_shown() -> answers.PlanShown:
    """Return a plan as its requester sees it."""
    return answers.PlanShown(_plan(), ID, NOW)


def _home() -> answers.HomeShown:
    """Return a Home tab with everything on it."""
    pending, running = (_request(State.PENDING),) * 9, (_request(State.RUNNING),) * 9
    ended = (_request(State.PARTIAL),) * 8
    freezes = (ports.Freeze(WHO.user_id, REASON, NOW),) * 9
    owed = wave_parts.Taken(protocol.Subject(id="i", name=REASON), states.StepState.OWED, since=NOW)
    drain = definition.Step(name="drain", kind="drain")
    part = wave_parts.Part("k", ID, 1, drain, servers=(owed,))
    left = dataclasses.replace(_request(State.PARTIAL), ended_at=NOW)
    out = (answers.StillOut(left, (part,), may=True),) * 5
    return answers.HomeShown(pending, pending, running, ended, freezes, NOW, out=out, more_out=True)

"""Requests, plans and runs in the field's words, for tests of what Slack is shown."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec

from bot.power import inputs, plan, ports, request
from bot.power.lifecycle import ServerState, State
from bot.power.request import Action

NOW = 1_800_000_000.0
TEAM = "T0DEMO"
REQUESTER = request.Person(user_id="U0DANA", team_id=TEAM)
HOSTILE = "<!channel> <@U123> <http://x|y> `rm` *b* \u202eevil\u200b & :boom: \x07end"


def names(first: int, last: int, stem: str = "web") -> list[str]:
    """Return names like web01 to web20."""
    return [f"{stem}{number:02}" for number in range(first, last + 1)]


def order(
    servers: list[str] | None = None, action: Action = Action.REBOOT, **changes: Any
) -> request.Order:
    """Return what is asked, for some named servers."""
    targets = tuple(
        request.Target(server_id=f"id-{name}", name=name, rack="R1")
        for name in (names(1, 19) if servers is None else servers)
    )
    given: dict[str, Any] = {
        "scope": request.Scope(region="cn-east-3", project_id="p123"),
        "place": request.Place(channel_id="C0OPS"),
        "action": action,
        "targets": targets,
        "reason": "kernel panic after 6.8.4",
        "requester": REQUESTER,
    }
    return request.Order(**{**given, **changes})


def planned(asked: request.Order | None = None, **changes: Any) -> plan.Plan:
    """Return a plan that acts on everything it names."""
    asked = asked or order()
    lines = tuple(
        plan.PlanLine(server_id=target.server_id, name=target.name, verdict=plan.Verdict.ACT)
        for target in asked.targets
    )
    given: dict[str, Any] = {
        "order": asked,
        "lines": lines,
        "snapshot_at": NOW - 4,
        "terms": plan.Terms(
            needs=(plan.Need(group="sre", count=1), plan.Need(group="dc-ops", count=1)),
            rules=("databases",),
        ),
        "policy_version": "0123456789ab",
        "waves": (1, 5, 13),
        "calls": 3,
    }
    return plan.Plan(**{**given, **changes})


def request_in(state: State, made: plan.Plan | None = None, **changes: Any) -> ports.Request:
    """Return a stored request in a state."""
    given: dict[str, Any] = {
        "id": "PR-7F3K",
        "state": state,
        "plan": made or planned(),
        "created_at": NOW,
        "changed_at": NOW,
        "expires_at": NOW + 1800,
        "card": ports.Card("C0OPS"),
    }
    return ports.Request(**{**given, **changes})


def approval(user_id: str = "U0SAM", group: str = "sre", comment: str = "") -> ports.Approval:
    """Return one person's yes."""
    return ports.Approval(request.Person(user_id=user_id, team_id=TEAM), group, NOW, comment)


def rows(**groups: list[str]) -> list[ports.RunServer]:
    """Return a run's servers by state, like `proven=["web01"], timed_out=["web02"]`."""
    found = []
    for word, members in groups.items():
        state = ServerState(word.replace("_", " "))
        found += [ports.RunServer(f"id-{name}", name, ("", "r1"), state) for name in members]
    return found


def with_detail(servers: list[ports.RunServer], detail: str) -> list[ports.RunServer]:
    """Return the servers with a reason each."""
    return [msgspec.structs.replace(row, detail=detail) for row in servers]


LINE = inputs.Typed(text="reboot web01")


def inbound(given: inputs.Input = LINE, key: str = "k1", **changes: Any) -> ports.Inbound:
    """Return a payload as the listeners hand it on."""
    made = ports.Inbound(key, REQUESTER, request.Place(channel_id="C0OPS"), given, NOW)
    return dataclasses.replace(made, **changes)

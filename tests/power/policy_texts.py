"""Policy files, servers and facts that the tests of policy, plan and approval share."""

from __future__ import annotations

from typing import Any

from bot.power import ports, request, server
from bot.power.approval import quorum
from bot.power.planning.question import Facts, Question
from bot.power.policy import policy, policy_file
from bot.power.request import Action

CONTRACT = """\
version = 1
[channels]
allow = ["C0OPS", "C0INC"]        # requests may be made here
incident = ["C0INC"]              # break glass may be used here
[people]
sre = ["U0AAAAAA1", "U0AAAAAA2", "S0ONCALL1"]
dc-ops = ["U0BBBBBB1"]
[groups]
web = ["web*", "tag:role=web"]
db = "db[01-09]"
[protected]
servers = ["tag:powerbot=never", "pdu*"]
[limits]
max_servers = 500
confirm_above = 10
max_requests_per_hour = 60
max_open_per_user = 5
split_window = "15m"
[defaults]
expires = "30m"
use_within = "15m"
remind = "10m"
escalate = "20m"
deny_reason = false
cooldown = "0s"
on_change = "skip"
batch = 50
ramp = [1, 5]
pause = "0s"
max_failures = 1
max_per_rack = 10
[[freeze]]
name = "year end"
from = 2026-12-20T00:00:00+01:00
until = 2027-01-03T00:00:00+01:00
actions = ["off", "reboot", "cycle"]
override = { dc-ops = 1 }
[[keep]]
servers = "@db"
on = 2
[[rule]]
name = "databases"
servers = "@db"
actions = ["off", "reboot", "cycle"]
requesters = ["sre"]
approvers = { sre = 1, dc-ops = 1 }
reason = "INC-[0-9]+"
[[rule]]
name = "everything else"
servers = "*"
actions = ["on", "off", "reboot", "cycle"]
requesters = ["sre"]
approvers = { sre = 1 }
from_servers = { 10 = { sre = 2 }, 50 = { sre = 2, dc-ops = 1 } }
break_glass = ["sre"]
review_within = "24h"
"""

# 10 November 2026, when no freeze of the contract's example holds.
NOW = 1794300000.0
# 24 December 2026, within its freeze.
CHRISTMAS = 1798100000.0

ANN, BOB, CAT = "U0AAAAAA1", "U0AAAAAA2", "U0BBBBBB1"
ROSTER = quorum.Roster(
    {
        "sre": {
            ANN: "listed in the policy",
            BOB: "listed in the policy",
            "U0CALL": "in S0ONCALL1",
        },
        "dc-ops": {CAT: "listed in the policy"},
    }
)


def edited(*changes: tuple[str, str], text: str = CONTRACT) -> policy.Policy:
    """Read the contract's policy with some of its text replaced."""
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    return policy_file.read(text)


def box(name: str, power: str = "on", **more: Any) -> server.Server:
    """Return a server whose id is made of its name."""
    return server.Server(f"id-{name}", name, power_state=power, **more)


def boxes(prefix: str, count: int, power: str = "on") -> tuple[server.Server, ...]:
    """Return servers that are numbered from 1."""
    return tuple(box(f"{prefix}{number:02}", power) for number in range(1, count + 1))


def fleet(*servers: server.Server) -> server.Snapshot:
    """Return a snapshot of these servers."""
    return server.Snapshot({record.id: record for record in servers}, started_at=NOW - 2)


def asked(action: Action, *servers: server.Server, **more: Any) -> Question:
    """Return a question of Ann's, in the channel for operations."""
    given: dict[str, Any] = {
        "requester": request.Person(user_id=ANN, team_id="T1"),
        "place": request.Place(channel_id="C0OPS"),
        "scope": request.Scope(region="cn-east-3", project_id="p"),
        "now": NOW,
    }
    return Question(action, servers, **{**given, **more})


def known(**more: Any) -> Facts:
    """Return what is known of Ann, who is in sre, and of an ordinary channel."""
    given: dict[str, Any] = {
        "channel": ports.Channel("C0OPS", "ops"),
        "requester_groups": frozenset({"sre"}),
    }
    return Facts(**{**given, **more})


def yes(user_id: str, group: str = "sre") -> ports.Approval:
    """Return one person's approval."""
    return ports.Approval(request.Person(user_id=user_id, team_id="T1"), group, NOW)

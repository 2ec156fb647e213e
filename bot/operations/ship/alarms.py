"""What wakes somebody: each alarm's condition, what it says, its heading in the runbook, its rule.

A condition is put together of the figures' own names; a rule is as Prometheus' docs have it
("Alerting rules").
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from bot.operations.metric_names import Figure
from bot.operations.ship import documents

# The job under which Prometheus scrapes the bot, in every artefact.
JOB = "powerbot"
PAGE, TICKET = "page", "ticket"  # Somebody is woken, or it waits for the morning.
RUNBOOK = ".github/OPERATING.md"
_LEFT_OUT = re.compile(r"[^\w\- ]")  # What GitHub leaves out of an anchor.
HEAD = """\
# Made by `powerbot ship alerts`. Check it with `promtool check rules alerts.yml`.
# The bot's job in scrape_configs is called "{job}"; /metrics needs the token in {token}.
"""


@dataclasses.dataclass(frozen=True, slots=True)
class AlertRule:
    """One alarm; `expr` is PromQL, `lasts` how long it must hold, `severity` page or ticket.

    `heading` is a heading of OPERATING, where the section ends in the command to type.
    """

    name: str
    expr: str
    lasts: str
    severity: str
    summary: str
    heading: str


ALARMS = (
    AlertRule(
        "PowerbotDown",
        # A bot that was never scraped has no series, which only `absent` sees.
        f'up{{job="{JOB}"}} == 0 or absent(up{{job="{JOB}"}})',
        "2m",
        PAGE,
        "Powerbot doesn't answer: nobody can switch a server, and nobody can press Stop.",
        "The bot is down",
    ),
    AlertRule(
        "PowerbotDatabaseDown",
        f"{Figure.DATABASE_UP.series} == 0",
        "1m",
        PAGE,
        "Powerbot can't reach its database: it accepts no requests and sends nothing.",
        "The database is away",
    ),
    AlertRule(
        "PowerbotKeysRefused",
        f"{Figure.CLOUD_PAUSED_SECONDS.series} > 0",  # Over by itself in five minutes.
        "0m",
        PAGE,
        "CloudDC refuses the bot's key: nothing is sent for five minutes.",
        "Keys refused",
    ),
    AlertRule(
        "PowerbotNoSocket",
        f"{Figure.SOCKETS.series} == 0 or {Figure.SOCKET_HEARD_SECONDS.series} > 120",
        "2m",
        PAGE,
        "Slack can't reach Powerbot: commands and buttons do nothing.",
        "Slack doesn't reach the bot",
    ),
    AlertRule(
        "PowerbotMessagesWait",
        f"max({Figure.OUTBOX_AGE_SECONDS.series}) > 300",  # In seconds, as all ages here.
        "1m",
        PAGE,
        "Slack accepts no messages: cards and threads are more than five minutes behind.",
        "Token revoked",
    ),
    AlertRule(
        "PowerbotClicksWait",
        f"max({Figure.INBOX_AGE_SECONDS.series}) > 60",
        "1m",
        PAGE,
        "A command or a click has waited for more than a minute.",
        "Card stuck",
    ),
    AlertRule(
        "PowerbotSlackRefusesMessages",
        f"max({Figure.OUTBOX_REFUSED.series}) > 0",
        "5m",
        TICKET,
        "Slack refuses one of Powerbot's messages: somebody isn't being told something.",
        "Slack refuses messages",
    ),
    AlertRule(
        "PowerbotCallUnknown",
        f"sum(increase({Figure.UNKNOWN_CALLS.total}[10m])) > 0",  # One is enough.
        "0m",
        PAGE,
        "CloudDC never answered a power call: a server may or may not have been switched.",
        "A call's outcome is unknown",
    ),
    AlertRule(
        "PowerbotStepsOwed",
        f"max({Figure.STEPS_OWED.series}) > 0",  # It is tried again by itself meanwhile.
        "15m",
        TICKET,
        "A server that should be back is still drained, silenced or out of its balancer: "
        "`powerbot owed` lists it, `powerbot settle` records what you put back by hand.",
        "Something is still out",
    ),
    AlertRule(
        "PowerbotListFallsShort",
        f"max({Figure.LIST_MISSING_SERVERS.series}) > 0",
        "15m",
        TICKET,
        "CloudDC counts more servers than it lists: some can't be seen or switched.",
        "Servers are missing from the list",
    ),
    AlertRule(
        "PowerbotPolicyUnusable",
        f"{Figure.POLICY_VALID.series} == 0",
        "1m",
        TICKET,
        "The new policy file can't be used: the previous one is still in force.",
        "The policy can't be used",
    ),
    AlertRule(
        "PowerbotReviewOverdue",
        f"max({Figure.REVIEW_OVERDUE_SECONDS.series}) > 3600",
        "5m",
        TICKET,
        "Somebody used break glass, and nobody reviewed it in time.",
        "A review is overdue",
    ),
    AlertRule(
        "PowerbotSecretFileUnusable",
        f"{Figure.SECRET_FILES_UNUSABLE.series} > 0",
        "2m",
        TICKET,
        "A secret's file can't be used: the previous secret is still in use.",
        "A secret's file can't be used",
    ),
    AlertRule(
        "PowerbotRefusesRequests",
        # A scanner sends a few.
        f"sum by (check) (increase({Figure.REFUSED_REQUESTS.total}[10m])) > 10",
        "5m",
        TICKET,
        "Powerbot turns requests away unread, by this check: {{ $labels.check }}.",
        "Requests are turned away",
    ),
    AlertRule(
        "PowerbotOthersOnApp",
        # Each replica counts the others too: only more than all have is a stranger's.
        f"max({Figure.SOCKET_OTHERS.series} + {Figure.SOCKETS.series})"
        f" > sum({Figure.SOCKETS.series})",
        "10m",
        PAGE,
        "Another process uses this Slack app and receives some of the clicks.",
        "Another process uses the Slack app",
    ),
    AlertRule(
        "PowerbotSlow",
        f"histogram_quantile(0.99, sum by (le) (rate({Figure.LOOP_LAG_SECONDS.bucket}[5m]))) > 1",
        "5m",
        TICKET,
        "Powerbot is starved: its event loop runs more than a second late.",
        "The bot is slow",
    ),
)


def alert_rules(token: str, page: str = RUNBOOK) -> str:
    """Return the rules; `token` is the setting for the metrics, `page` where OPERATING.md is."""
    made = {"groups": [{"name": "powerbot", "rules": [rule(one, page) for one in ALARMS]}]}
    dumped = documents.dumped(made)
    return HEAD.format(job=JOB, token=token) + dumped


def rule(alarm: AlertRule, page: str = RUNBOOK) -> dict[str, Any]:
    """Return one rule."""
    return {
        "alert": alarm.name,
        "expr": alarm.expr,
        "for": alarm.lasts,
        "labels": {"severity": alarm.severity},
        "annotations": {
            "summary": alarm.summary,
            "runbook_url": runbook_url(alarm.heading, page),
        },
    }


def runbook_url(heading: str, page: str = RUNBOOK) -> str:
    """Return the address of a heading; `page` is the address of OPERATING.md."""
    return f"{page}#{anchor(heading)}"


def anchor(heading: str) -> str:
    """Return a heading's anchor as GitHub makes it."""
    return _LEFT_OUT.sub("", heading.lower()).replace(" ", "-")

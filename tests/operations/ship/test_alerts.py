"""Alert rules: read by the real promtool, each fired once, each with a place in the runbook."""

from __future__ import annotations

import pathlib
import re
import subprocess
from typing import Any

import pytest
import yaml

from bot.operations.metric_names import Figure
from bot.operations.ship import alarms
from bot.power.command import command
from tests.operations.ship import tools

OPERATING = tools.PROJECT / alarms.RUNBOOK
HEADING = re.compile(r"^#{2,3} (.+)$", re.MULTILINE)
TOKEN = "POWERBOT_METRICS_TOKEN"
UP = 'up{job="powerbot", instance="a"}'


def lag(bound: str) -> str:
    """Return a bucket of the event loop's lag."""
    return f'{Figure.LOOP_LAG_SECONDS.bucket}{{le="{bound}"}}'


# For each alarm series that make it fire, and ones that don't, as `promtool test rules` has them.
CASES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "PowerbotDown": ({UP: "0x60"}, {UP: "1x60"}),
    "PowerbotDatabaseDown": ({"powerbot_database_up": "0x60"}, {"powerbot_database_up": "1x60"}),
    "PowerbotKeysRefused": (
        {"powerbot_cloud_paused_seconds": "280x60"},
        {"powerbot_cloud_paused_seconds": "0x60"},
    ),
    "PowerbotNoSocket": (
        {"powerbot_sockets": "2x60", "powerbot_socket_heard_seconds": "130+15x60"},
        {"powerbot_sockets": "2x60", "powerbot_socket_heard_seconds": "9x60"},
    ),
    "PowerbotMessagesWait": (
        {"powerbot_outbox_age_seconds": "301+15x60"},
        {"powerbot_outbox_age_seconds": "200x60"},
    ),
    "PowerbotClicksWait": (
        {"powerbot_inbox_age_seconds": "61+15x60"},
        {"powerbot_inbox_age_seconds": "1x60"},
    ),
    "PowerbotSlackRefusesMessages": (
        {"powerbot_outbox_refused": "1x60"},
        {"powerbot_outbox_refused": "0x20 1x5 0x40"},
    ),
    "PowerbotCallUnknown": (
        {"powerbot_unknown_calls_total": "0x30 1x30"},
        {"powerbot_unknown_calls_total": "4x60"},
    ),
    "PowerbotStepsOwed": (
        {"powerbot_steps_owed": "1x80"},
        {"powerbot_steps_owed": "0x20 2x10 0x50"},
    ),
    "PowerbotListFallsShort": (
        {"powerbot_list_missing_servers": "3x80"},
        {"powerbot_list_missing_servers": "0x20 3x10 0x50"},
    ),
    "PowerbotPolicyUnusable": (
        {"powerbot_policy_valid": "0x60"},
        {"powerbot_policy_valid": "1x60"},
    ),
    "PowerbotReviewOverdue": (
        {"powerbot_review_overdue_seconds": "3601+15x60"},
        {"powerbot_review_overdue_seconds": "0+15x60"},
    ),
    "PowerbotSecretFileUnusable": (
        {"powerbot_secret_files_unusable": "1x60"},
        {"powerbot_secret_files_unusable": "0x20 1x4 0x40"},
    ),
    "PowerbotRefusesRequests": (
        {'powerbot_refused_requests_total{check="signature_differs"}': "0+5x60"},
        {'powerbot_refused_requests_total{check="signature_differs"}': "0x20 2x40"},
    ),
    "PowerbotOthersOnApp": (
        {"powerbot_socket_others": "1x80", "powerbot_sockets": "2x80"},
        {
            'powerbot_socket_others{instance="a"}': "2x80",
            'powerbot_socket_others{instance="b"}': "2x80",
            'powerbot_sockets{instance="a"}': "2x80",
            'powerbot_sockets{instance="b"}': "2x80",
        },
    ),
    "PowerbotSlow": (
        {lag("1.0"): "0+1x60", lag("2.5"): "0+9x60", lag("+Inf"): "0+9x60"},
        {lag("1.0"): "0+9x60", lag("2.5"): "0+9x60", lag("+Inf"): "0+9x60"},
    ),
}
AT = "15m"


def rules(folder: pathlib.Path) -> pathlib.Path:
    """Write the rules into a folder."""
    path = folder / "alerts.yml"
    path.write_text(alarms.alert_rules(TOKEN))
    return path


def case(name: str, values: dict[str, str], *, fires: bool) -> dict[str, Any]:
    """Return one case for promtool: whether the alarm is on after a quarter of an hour."""
    alarm = next(one for one in alarms.ALARMS if one.name == name)
    return {
        "interval": "15s",
        "input_series": [{"series": one, "values": value} for one, value in values.items()],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{name}", alertstate="firing"}})',
                "eval_time": AT,
                "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
            },
            {
                "expr": f'count(ALERTS{{alertname="{name}", severity="{alarm.severity}"}})',
                "eval_time": AT,
                "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
            },
        ],
    }


def test_promtool_takes_the_rules(tmp_path: pathlib.Path) -> None:
    """Every rule is one that Prometheus loads."""
    checked = subprocess.run(
        [tools.tool("promtool"), "check", "rules", rules(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr
    assert f"{len(alarms.ALARMS)} rules found" in checked.stdout


def test_every_alarm_fires_when_it_should_and_is_silent_when_it_should_not(
    tmp_path: pathlib.Path,
) -> None:
    """Real rule tests: one that fires and one that doesn't for each alarm there is."""
    assert set(CASES) == {one.name for one in alarms.ALARMS}
    cases = [
        case(name, values, fires=fires)
        for name, both in CASES.items()
        for values, fires in zip(both, (True, False), strict=True)
    ]
    path = tmp_path / "tests.yml"
    path.write_text(yaml.safe_dump({"rule_files": [rules(tmp_path).name], "tests": cases}))

    tested = subprocess.run(
        [tools.tool("promtool"), "test", "rules", path], capture_output=True, text=True, check=False
    )

    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.parametrize("alarm", alarms.ALARMS, ids=lambda one: one.name)
def test_an_alarm_reads_only_figures_that_there_are(alarm: alarms.AlertRule) -> None:
    """A figure that was renamed would leave an alarm that never fires."""
    known = {name for one in Figure for name in (one.series, one.total, one.bucket)}

    assert tools.series(alarm.expr)
    assert tools.series(alarm.expr) <= known | tools.OF_PROMETHEUS


@pytest.mark.parametrize("alarm", alarms.ALARMS, ids=lambda one: one.name)
def test_an_alarms_link_leads_to_a_section_that_ends_in_the_command_to_type(
    alarm: alarms.AlertRule,
) -> None:
    """Whoever is woken types the last lines of the section."""
    url = alarms.rule(alarm, "https://git.example.com/OPERATING.md")["annotations"]["runbook_url"]
    anchors = {alarms.anchor(one): one for one in HEADING.findall(OPERATING.read_text())}

    base, _, fragment = url.partition("#")

    assert base == "https://git.example.com/OPERATING.md"
    assert anchors[fragment] == alarm.heading
    commands_to_type(alarm.heading)


@pytest.mark.parametrize(
    "task", ["Upgrade", "Roll back", "Back up", "Restore", "Token revoked", "Card stuck"]
)
def test_a_task_ends_in_the_commands_to_type(task: str) -> None:
    """Somebody who has this page alone knows what to type."""
    commands_to_type(task)


def commands_to_type(heading: str) -> None:
    """Check that a section ends in commands, and that those of ours exist."""
    text = OPERATING.read_text().partition(f"# {heading}\n")[2]
    section = re.split(r"^#{1,3} ", text, flags=re.MULTILINE)[0].rstrip()
    lines = section.removesuffix("```").rpartition("```\n")[2].splitlines()

    assert section.endswith("```"), heading
    assert lines
    for line in lines:
        if line.startswith("/power "):
            assert command.parse(line.removeprefix("/power "))
        elif line.startswith("powerbot "):
            word = line.split()[1]
            groups = {"audit", "policy", "--version"}
            assert word in tools.COMMANDS | groups, line
        else:
            assert line.split()[0] in {"systemctl", "cat", "cp", "rm", "(umask"}, line


def test_the_link_is_to_this_repository_where_nothing_else_is_said() -> None:
    """And `--docs` makes it whole."""
    made = yaml.safe_load(tools.shipped("alerts", "--docs", "https://docs.example.com/o"))
    plain = yaml.safe_load(tools.shipped("ALERTS"))

    for found, start in ((made, "https://docs.example.com/o#"), (plain, f"{alarms.RUNBOOK}#")):
        links = [one["annotations"]["runbook_url"] for one in found["groups"][0]["rules"]]
        assert links
        assert all(link.startswith(start) for link in links)

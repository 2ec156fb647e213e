"""What the README shows is what the code does."""

from __future__ import annotations

import dataclasses
import inspect
import os
import pathlib
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pydantic
import pytest
import typer

from bot import cli, cli_host, cli_policy, settings
from bot.power import lifecycle, plan
from bot.power.command import command
from bot.power.lifecycle import State
from bot.power.messages import decisions, running
from bot.power.policy import policy, policy_file
from bot.sandbox import demo
from bot.sandbox.data_centre.iam import iam
from bot.slack.blockkit import blocks
from bot.slack.render import cards, plans, thread_replies
from bot.workflow import answers
from tests.slack import builders

README = pathlib.Path(__file__).parent.parent / "README.md"
SECURITY = README.parent / ".github" / "SECURITY.md"
OPERATING = SECURITY.with_name("OPERATING.md")
CONTRIBUTING = SECURITY.with_name("CONTRIBUTING.md")
LARGEST_PICTURE = 200_000
TRIAL: dict[str, Callable[..., None]] = {"demo": cli.demo, "simulate": cli.simulate}


def test_the_state_diagram_is_the_table_of_the_code() -> None:
    """Every arrow of the diagram is a legal change, and every legal change is an arrow."""
    diagram = README.read_text().partition("stateDiagram-v2")[2].partition("```")[0]
    arrows = set(re.findall(r"^\s+(\w+) --> (\w+)$", diagram, re.MULTILINE))
    table = {
        (before.value, after.value)
        for before, following in lifecycle.TRANSITIONS.items()
        for after in following
    }

    assert arrows == table


def seen(message: blocks.Message) -> str:
    """Return what a person reads of a message, with its buttons as the README writes them."""
    texts, buttons = [], []
    for block in message.blocks:
        told = [block["text"], *block.get("elements", ())] if "text" in block else block["elements"]
        texts += [one["text"] for one in told if one["type"] != "button"]
        buttons += [f"[{one['text']['text']}]" for one in told if one["type"] == "button"]
    words = re.sub(r"<!date[^>]+>", "today at 3:42 AM", "\n".join(texts + buttons))
    return re.sub(r"<@U0(\w+)>", lambda found: f"@{found[1].lower()}", words).replace("*", "")


def test_the_conversation_at_the_top_is_what_people_see() -> None:
    """Plan, card, approval and end: each phrase and each button is one that the bot makes."""
    sre = plan.Terms(needs=(plan.Need(group="sre", count=1),), rules=("web",))
    asked = builders.order(builders.names(1, 3))
    lines = [
        plan.PlanLine(
            server_id=one.server_id, name=one.name, verdict=plan.Verdict.ACT,
            power_before="power on", health="OK",
        )
        for one in asked.targets
    ]  # fmt: skip
    made = builders.planned(asked, terms=sre, lines=lines, waves=(1, 2))
    pending = builders.request_in(State.PENDING, made)
    given = dataclasses.replace(pending, approvals=(builders.approval("U0SAM"),))
    rows = [
        msgspec.structs.replace(row, sent_at=builders.NOW)
        for row in builders.rows(proven=builders.names(1, 3))
    ]
    ended = dataclasses.replace(
        given, state=State.SUCCEEDED, ended_at=builders.NOW + 20, end_reason=""
    )
    head = running.Ended(
        state=State.SUCCEEDED, seq=14, head="39f1f807ab12" + "0" * 52, began_at=builders.NOW
    )
    told = [
        plans.render(answers.PlanShown(made, "PR-7F3K", builders.NOW)),
        cards.render(pending, called={"sre": ["U0SAM"]}),
        thread_replies.render(given, (), decisions.Approved(user="U0SAM", group="sre")),
        thread_replies.render(ended, rows, head),
    ]
    real = "\n".join(map(seen, told))

    sample = README.read_text().partition("```\n")[2].partition("```")[0].partition("\n")[2]
    sample = sample.replace("Powerbot", "").replace("(only dana sees it)", "")
    phrases = re.split(r" · |  +|\n|(?<=\]) ", sample)
    missing = [one for one in map(str.strip, phrases) if one and one not in real]
    assert missing == []
    shown = {one for one in re.findall(r"\[\w+…?\]", real)}
    assert shown <= set(phrases)


def readme_policy() -> str:
    """Return the example of a policy file."""
    return README.read_text().partition("```toml\n")[2].partition("```")[0]


def test_the_policy_in_the_readme_can_be_used() -> None:
    """The example is a whole policy file."""
    found = policy_file.read(readme_policy())

    assert [rule.name for rule in found.rules] == ["databases", "everything"]


@pytest.mark.parametrize("arguments", [("policy", "check"), ("check", "--offline")])
def test_the_policy_in_the_readme_passes_the_commands_that_it_names(
    arguments: tuple[str, ...], tmp_path: pathlib.Path
) -> None:
    """Whoever copies it and types the next step is told of no mistake in it."""
    (tmp_path / "policy.toml").write_text(readme_policy())

    done = subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    if arguments[0] == "policy":
        assert (done.returncode, done.stderr) == (0, "")
        assert "Note:" not in done.stdout
    about = [line for line in done.stdout.splitlines() if " policy: " in line]
    assert all(line.startswith("ok ") for line in about)
    assert "The policy can be used." in done.stdout or about


def test_the_readme_fits_a_newcomers_patience() -> None:
    """At most 200 lines, and both commands on its first screen."""
    lines = README.read_text().splitlines()

    assert len(lines) <= 200
    assert any("uv run powerbot demo" in line for line in lines[:35])
    assert any("uv run pytest" in line for line in lines[:35])


@pytest.mark.parametrize("page", [README, SECURITY], ids=lambda page: page.name)
def test_every_file_and_test_that_a_page_names_exists(page: pathlib.Path) -> None:
    """Paths lead somewhere, and a promise's test is one that runs."""
    named = re.findall(r"`((?:bot|tests)/[\w/.]+)(?:::(\w+))?`", page.read_text())

    for path, test in named:
        file = README.parent / path
        assert file.exists(), path
        assert not test or re.search(rf"^(async )?def {test}\(", file.read_text(), re.M), test
    assert len(named) > 10


def test_every_command_that_the_readme_shows_is_understood() -> None:
    """Whoever copies a line from the README gets no mistake for it."""
    shown = README.read_text().partition("## What people type")[2].partition("\n## ")[0]
    lines = re.findall(r"^/power (.+)$", shown, re.MULTILINE)

    assert len(lines) >= 5
    for line in lines:
        assert command.parse(line)


def test_every_subcommand_that_the_readme_shows_is_there() -> None:
    """The README names no command of the program that it doesn't have."""
    named = set(re.findall(r"`?powerbot (?:policy |audit )?([a-z]{3,})", README.read_text()))
    registered = [*cli.app.registered_commands, *cli_policy.app.registered_commands]
    known = {str(one.name or (one.callback and one.callback.__name__)) for one in registered}
    known |= {str(one.name) for one in cli_host.audit_app.registered_commands}

    assert named - {"invite", "into"} <= known


def test_every_setting_has_its_place_in_the_readme() -> None:
    """No setting without a word of explanation, and none that doesn't exist."""
    known: set[str] = set()
    for field in settings.Settings.model_fields.values():
        alias = field.validation_alias
        choices = alias.choices if isinstance(alias, pydantic.AliasChoices) else [alias]
        known |= set(map(str, choices))
    text = README.read_text()
    named = set(re.findall(r"`((?:SLACK|CLOUDDC|POWERBOT|HUAWEICLOUD|HW)_[A-Z_]+)[`=]", text))
    other_names = {name for name in known if name.startswith(("HW_", "HUAWEICLOUD_"))}

    assert named <= known
    assert {name for name in known - other_names if name not in text} == set()


def test_the_lines_for_a_trial_fit_the_stand_ins(tmp_path: pathlib.Path) -> None:
    """What `.env.example` has for a trial are the demo's tokens and people, and simulate's key."""
    text = (README.parent / ".env.example").read_text().partition("# To try ")[2]
    lines = dict(re.findall(r"^# ([A-Z_]+)=(.+)$", text, re.MULTILINE))
    ports = {name: inspect.signature(one).parameters["port"].default for name, one in TRIAL.items()}
    parts = inspect.signature(cli.simulate).parameters
    slack_url = f"http://127.0.0.1:{ports['demo']}/api/"
    played = demo.environment(slack_url, "", tmp_path)

    assert lines == {
        **{name: played[name] for name in lines if name.startswith("SLACK_")},
        "CLOUDDC_ENDPOINT": f"http://127.0.0.1:{ports['simulate']}",
        "CLOUDDC_PROJECT_ID": parts["project_id"].default,
        "HUAWEICLOUD_SDK_AK": parts["ak"].default,
        "HUAWEICLOUD_SDK_SK": iam.Account().sk,
    }
    ids = set(re.findall(r"\b[CU]0[A-Z]+\b", text))
    assert len(ids) == 5
    assert ids <= set(re.findall(r"\b[CU]0[A-Z]+\b", demo.POLICY))


def test_the_pictures_of_the_readme_are_there_and_small() -> None:
    """A clone stays quick."""
    named = re.findall(r"\.github/[\w.]+\.(?:jpg|png)", README.read_text())

    assert len(named) >= 2
    for name in named:
        assert (README.parent / name).stat().st_size < LARGEST_PICTURE


def _program_lines() -> Iterator[str]:
    """Yield each line that a page shows for a shell, without what runs it."""
    for page in map(pathlib.Path.read_text, (README, OPERATING, SECURITY)):
        prose = re.sub(r"```.*?```", "", page, flags=re.S)
        spans = [re.sub(r"\s+", " ", span) for span in re.findall(r"`([^`]+)`", prose)]
        for line in [*spans, *page.splitlines()]:
            yield from re.findall(r"^(?:python3 .*uv run )?(powerbot [a-z].*)$", line)


def test_a_line_for_a_shell_that_a_document_shows_is_taken_by_the_program() -> None:
    """Every command and option of it exists, and the values are of the right kind."""
    lines = set(_program_lines())
    for line in lines:
        found: Any = typer.main.get_command(cli.app)
        words = shlex.split(line.replace("…", "//bot.example.com").replace(" FILE", ""))[1:]
        while hasattr(found, "commands"):
            found = found.commands[words.pop(0)]
        found.make_context("powerbot", words)

    assert len(lines) > 10


def test_the_limits_that_the_faq_tells_are_the_policys_defaults() -> None:
    """A number that is changed in the code changes on the page."""
    told = re.sub(r"\s+", " ", (README.parent / ".github" / "FAQ.md").read_text())
    limits, conduct = policy.Limits(), policy.Conduct()

    assert f"{limits.max_servers} servers a request" in told
    assert f"{limits.max_requests_per_hour} requests an hour" in told
    assert f"{limits.max_open_per_user} open ones a person" in told
    assert f"{conduct.batch} servers a wave" in told


def test_newcomers_find_every_file_that_contributing_names() -> None:
    """A path stands there as long as the file does, and a name in brackets behind it as well."""
    told = re.findall(
        r"`((?:bot|tests|\.github)/[\w./]*)`(?: \(`(\w+)`\))?", CONTRIBUTING.read_text()
    )

    assert len(told) > 15
    for path, name in told:
        there = README.parent / path
        assert there.exists(), path
        assert not name or f"class {name}(" in there.read_text(), f"{name} in {path}"

"""Every line that a document shows is typed, and does to the servers what its words say."""

from __future__ import annotations

import dataclasses
import pathlib
import re
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio

from bot.power import plan
from bot.power.command import help_text
from bot.power.command.command_line import OPEN_END
from bot.power.policy import policy_file
from bot.power.vocabulary import TOPICS, VERBS
from bot.sandbox import data_centre, demo, story
from bot.sandbox.data_centre.machines.actions import Action, Power
from bot.slack.render import request_modal
from bot.workflow import answers
from tests.support import centre as centres, databases, ticks
from tests.workflow import world as world_
from tests.workflow.world import World

ROOT = pathlib.Path(__file__).parent.parent.parent
PAGES = tuple(
    (ROOT / name).read_text()
    for name in ("README.md", ".github/OPERATING.md", ".github/SECURITY.md")
)
Server = data_centre.Server
REASON = "kernel panic after 6.8.4"


def _is(*names: str) -> Callable[[Server], bool]:
    """Return whether a server has one of these names."""
    return lambda row: row.name in names


def _numbered(prefix: str, *numbers: int) -> Callable[[Server], bool]:
    """Return whether a server is one of a row."""
    return _is(*(f"{prefix}{number:02}" for number in numbers))


def _role(role: str) -> Callable[[Server], bool]:
    """Return whether a server has this role by its tag."""
    return lambda row: ("role", role) in row.tags


def _off(row: Server) -> bool:
    """Return whether a server is off."""
    return row.power is Power.OFF


_WEB_BUT_07 = _numbered("web", *range(1, 7), *range(8, 21))
# What the words of each document say that a term means: written by hand, from the words alone.
TERMS: dict[str, Callable[[Server], bool]] = {
    "web01": _is("web01"),
    "web07": _is("web07"),
    "web[01-20]": _numbered("web", *range(1, 21)),
    "web[01-20,25]": _numbered("web", *range(1, 21), 25),
    "web*": lambda row: row.name.startswith("web"),
    "db*": lambda row: row.name.startswith("db"),
    "@web": lambda row: row.name.startswith("web"),
    "@group": lambda row: row.name.startswith("web"),
    "sn:…": _is("web05"),
    "rack:R12": lambda row: row.rack == "R12",
    "room:…": lambda row: row.dc == "A-1",
    "dc:…": lambda row: row.dc == "A-1",
    "room:A-1": lambda row: row.dc == "A-1",
    "dc:A-1": lambda row: row.dc == "A-1",
    '"机房 A-01"': _is("机房 A-01"),
    'dc:"上海 A-1"': lambda row: row.dc == "上海 A-1",
    "tag:role=web": _role("web"),
    "state:off": _off,
    "health:Critical": lambda row: row.health_state == "Critical",
    "!web07": lambda row: row.name.startswith("web") and row.name != "web07",
    "web01 web02": _is("web01", "web02"),
    "@web tag:role=web state:off": lambda row: (
        row.name.startswith("web") and _role("web")(row) and _off(row)
    ),
    "web* & *01": lambda row: row.name.startswith("web") and row.name.endswith("01"),
}
# The same of each line that changes or reads: whom it names.
LINES: dict[str, Callable[[Server], bool]] = {
    f"reboot web[01-03] because {REASON}": _numbered("web", 1, 2, 3),
    f"reboot web[01-06] because {REASON}": _numbered("web", *range(1, 7)),
    "reboot web[10-12] because firmware update": _numbered("web", 10, 11, 12),
    "reboot web[07-09] because new certificates": _numbered("web", 7, 8, 9),
    "reboot web[01-20] !web07 because …": _WEB_BUT_07,
    f"reboot web[01-20] !web07 because {REASON}": _WEB_BUT_07,
    "reboot ONE-SPARE-SERVER --dry-run": _is("web09"),
    "reboot @web --dry-run": TERMS["@web"],
    "off rack:R12 --batch 10 --pause 30s because cooling fails, INC-4711": TERMS["rack:R12"],
    "off web07 because …": _is("web07"),
    "off web[01-20] !web07 --batch 5 because …": _WEB_BUT_07,
    "on tag:role=web state:off --dry-run": lambda row: _role("web")(row) and _off(row),
    "on web[01-03] because …": _numbered("web", 1, 2, 3),
    "on rack:R12 state:off --pause 30s because …": lambda row: row.rack == "R12" and _off(row),
    "cycle db03 because …": _is("db03"),
    "cycle worker03 --break-glass because …": _is("worker03"),
    "status @web": TERMS["@web"],
    "status rack:R12": TERMS["rack:R12"],
    "status": lambda _: True,
    "list state:off": _off,
    "list tag:role=web": _role("web"),
    "list rack:R12 state:off": lambda row: row.rack == "R12" and _off(row),
}
# And of each line about requests: what its typist gets.
TOLD: dict[str, type[answers.Answer]] = {
    "show PR-7F3K": answers.RequestShown,
    "show PR-…": answers.RequestShown,
    "requests": answers.RequestsShown,
    "history": answers.HistoryShown,
    "history db03": answers.HistoryShown,
    "why web01": answers.WhyShown,
    "stop PR-7F3K": answers.Note,
    "stop PR-7F3K because wrong rack": answers.Note,
    "cancel PR-7F3K": answers.Note,
    "freeze REASON [until 04:00]": answers.Note,
    "freeze network work until 04:00": answers.Note,
    "unfreeze": answers.Note,
    "unfreeze all": answers.Note,
    "help": answers.HelpShown,
    "help VERB": answers.HelpShown,
    "help reboot": answers.HelpShown,
    "help targets": answers.HelpShown,
    "help options": answers.HelpShown,
}
# What stands for a whole verb, or for the form.
SHAPES = {"", "VERB TARGETS [OPTIONS] [because REASON]", "list", "stop"}


def _section(page: str, title: str) -> str:
    """Return a section of a page."""
    return page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def _row(name: str) -> list[str]:
    """Return what the README's table of words has in code spans for one row."""
    (found,) = re.findall(rf"^\| {name} \| (.*) \|$", _section(PAGES[0], "What people type"), re.M)
    return re.findall(r"`([^`]+)`", found)


def _shown_lines() -> Iterator[str]:
    """Yield each line that a document shows behind `/power`, and each example of the help."""
    for page in PAGES:
        yield from re.findall(r"`/power ?([^`\n]*)`", page)
        yield from re.findall(r"^(?:dana +)?/power (.+)$", page, re.M)
    for name in ("look", "hold"):
        yield from _row(name)
    yield story.COMMAND.removeprefix("/power ")
    script = (ROOT / "bot/sandbox/web/story.js").read_text()
    yield from re.findall(r'"/power ([^"]+)"', script)
    for helped in (None, *TOPICS, *VERBS):
        yield from re.findall(r"`/power ([^`]+)`", help_text.help_text(helped))


def _shown_terms() -> Iterator[str]:
    """Yield each term that the README, the help or the form shows."""
    yield from (one for one in _row("targets") if one not in {"an id", "&"})
    for left, _ in help_text.TERMS:
        yield from left.split(", ")
    yield from re.findall(r"[\w@*:=-]*(?:\[[\d,-]+\]|\*|[:=]\w+)|@\w+", request_modal.SEARCH)


def _is_usage(line: str) -> bool:
    """Whether a line is how a verb is written, not what somebody would type."""
    usages = {verb.usage for verb in VERBS.values()}
    return line in usages or line in SHAPES


@pytest_asyncio.fixture
async def shown(tmp_path: pathlib.Path) -> AsyncIterator[World]:
    """The demo's policy, and a data centre in which every example has something to name."""
    clock = ticks.GivenClock()
    centre = _fitting(clock)
    async with world_.running(databases.sqlite(tmp_path), clock=clock, centre=centre) as made:
        made.rules = policy_file.read(demo.POLICY)
        yield made


def _fitting(clock: ticks.GivenClock) -> data_centre.DataCentre:
    """Return 400 servers: two racks stand in rooms of other names, one name has a space."""
    rows = {row.name: row for row in data_centre.build(400, seed=0)}
    centre = data_centre.DataCentre(
        tuple(rows.values()),
        clock=clock.monotonic,
        wall=clock.wall,
        account=centres.ACCOUNT,
        pace=data_centre.Pace(5.0),
    )
    for name, row in rows.items():
        if row.rack in {"R02", "R03"}:
            centre.change_server(name, dc="A-1" if row.rack == "R02" else "上海 A-1")
    centre.change_server("worker20", name="机房 A-01")
    return centre


def meant(world: World, who: Callable[[Server], bool]) -> set[str]:
    """Return the names of the servers that are meant, as the data centre has them now."""
    found = set()
    for row in data_centre.build(400, seed=0):
        machine = world.centre.machine(row.id)
        power = machine.look(world.centre.now()).power
        if who(dataclasses.replace(machine.server, power=power)):
            found.add(machine.server.name)
    return found


def _typed(world: World, term: str) -> str:
    """Return a term with something in the place of its dots or of a word that stands for one."""
    serial = world.centre.machine("web05").server.sn
    filled = {"sn:…": f"sn:{serial}", "room:…": "room:A-1", "dc:…": "dc:A-1", "@group": "@web"}
    return filled.get(term, f"web* {term}" if term.startswith("!") else term)


@pytest.mark.parametrize("term", sorted(set(_shown_terms())))
async def test_a_term_that_a_document_shows_names_whom_its_words_say(
    shown: World, term: str
) -> None:
    """No more and no fewer, and there are some."""
    said = await shown.type(f"status {_typed(shown, term)}")

    assert isinstance(said, answers.FleetShown), said
    assert {row.name for row in said.servers} == meant(shown, TERMS[term])
    assert said.servers


@pytest.mark.parametrize("line", sorted(line for line in set(_shown_lines()) if line in LINES))
async def test_a_line_that_a_document_shows_acts_on_whom_its_words_say(
    shown: World, line: str
) -> None:
    """Those whom it names are in the plan, and whoever needs it is acted on."""
    verb = line.split()[0]
    if verb == "on":
        for number in (1, 2, 3):
            shown.centre.act_externally(f"web{number:02}", Action.OFF)
        shown.clock.passed_s += 60.0
    text = line.replace(OPEN_END, "the disk failed").replace("ONE-SPARE-SERVER", "web09")
    expected = meant(shown, LINES[line])
    said = await shown.type(text, channel=world_.INC if "glass" in text else world_.OPS)

    assert expected
    if verb in {"status", "list"}:
        assert isinstance(said, answers.FleetShown), said
        assert {row.name for row in said.servers} == expected
        return
    assert isinstance(said, answers.PlanShown), said
    assert not said.plan.refusals
    assert {one.name for one in said.plan.lines} == expected
    acting = {one.name for one in said.plan.lines_with(plan.Verdict.ACT)}
    off = meant(shown, _off)
    assert acting <= ((expected & off) if verb == "on" else (expected - off))


@pytest.mark.parametrize("line", sorted(line for line in set(_shown_lines()) if line in TOLD))
async def test_a_line_about_requests_that_a_document_shows_is_answered_in_kind(
    shown: World, line: str
) -> None:
    """An id stands for one's own request."""
    request_id = await shown.ask(f"reboot web[01-03] because {REASON}")
    if line.startswith("stop"):
        await shown.press(world_.SAM, "approve", request_id)
    if line.startswith("unfreeze"):
        await shown.type("freeze cooling is being repaired", world_.SAM)
    text = re.sub(r"PR-\S+", request_id, line).replace("VERB", "off")
    text = text.replace("REASON", "network work").replace("[", "").replace("]", "")
    said = await shown.type(text, world_.SAM if "freeze" in line else world_.DANA)

    assert isinstance(said, TOLD[line]), said
    assert not isinstance(said, answers.Note) or said.good, said


def test_no_document_shows_a_line_or_term_whose_meaning_is_not_held_here() -> None:
    """Who adds an example says here what its words mean."""
    lines = {line for line in _shown_lines() if not _is_usage(line)}

    assert lines <= {*LINES, *TOLD}
    assert set(_shown_terms()) <= set(TERMS)


async def test_the_policies_that_are_shown_protect_what_steers_the_power_strips(
    shown: World,
) -> None:
    """All of these servers and no other, by tag and by name."""
    said = await shown.type("status")
    assert isinstance(said, answers.FleetShown)
    steering = {row.name for row in said.servers if row.name.startswith("pdu")}

    for text in (demo.POLICY, PAGES[0].partition("```toml\n")[2].partition("```")[0]):
        rules = policy_file.read(text)
        assert {row.name for row in said.servers if rules.protects(row)} == steering
    assert steering

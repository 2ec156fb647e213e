"""What the README shows is what the code does."""

from __future__ import annotations

import pathlib
import re

from bot.power import lifecycle, policy_file

README = pathlib.Path(__file__).parent.parent / "README.md"


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


def test_the_policy_in_the_readme_can_be_used() -> None:
    """The example is a whole policy file."""
    example = README.read_text().partition("```toml\n")[2].partition("```")[0]

    found = policy_file.read(example)

    assert [rule.name for rule in found.rules] == ["everything"]


def test_the_readme_fits_a_newcomers_patience() -> None:
    """At most 200 lines, and both commands on its first screen."""
    lines = README.read_text().splitlines()

    assert len(lines) <= 200
    assert any("uv run powerbot demo" in line for line in lines[:35])
    assert any("uv run pytest" in line for line in lines[:35])


def test_every_file_that_the_readme_names_exists() -> None:
    """Paths in the README lead somewhere."""
    named = re.findall(r"`((?:bot|tests)/[\w/.]+)`", README.read_text())

    missing = [path for path in named if not (README.parent / path).exists()]

    assert named
    assert missing == []

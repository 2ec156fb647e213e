"""The hashes of what is installed fit the versions that are pinned."""

from __future__ import annotations

import pathlib
import re
import tomllib

PROJECT = pathlib.Path(__file__).parent.parent
PINNED = re.compile(r"([a-z0-9._-]+)==([^ ;\\]+)")
MEND = "run .ci/pin hashes, and commit .requirements.txt and .requirements-build.txt"


BUILD = ".requirements-build.txt"


def entries(file: str = ".requirements.txt") -> dict[str, tuple[str, list[str]]]:
    """Return each requirement's version and hashes, by name."""
    text = (PROJECT / file).read_text().replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        match = PINNED.match(line)
        assert match is not None, line
        found[match[1]] = (match[2], re.findall(r"--hash=sha256:([0-9a-f]{64})\b", line))
    return found


def pyproject() -> dict[str, list[str]]:
    """Return what the project needs, and the pins."""
    read = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    return {
        "needs": read["project"]["dependencies"],
        "pins": read["tool"]["uv"]["constraint-dependencies"],
        "build": read["tool"]["uv"]["build-constraint-dependencies"],
        "build needs": read["build-system"]["requires"],
    }


def test_every_hashed_version_is_the_pinned_one() -> None:
    """Offline: what would be installed with hashes is what the tests have run with."""
    pins = dict(pin.split("==") for pin in pyproject()["pins"])

    assert {name: version for name, (version, _) in entries().items()} == {
        name: pins.get(name) for name in entries()
    }, MEND


def test_every_requirement_has_hashes_and_names_no_registry() -> None:
    """A registry that gives another file is noticed, and none is preferred."""
    assert [name for name, (_, hashes) in entries().items() if not hashes] == [], MEND
    assert "://" not in (PROJECT / ".requirements.txt").read_text()


def test_nothing_that_the_bot_needs_is_without_a_hash() -> None:
    """Each dependency that the project names is there."""
    needed = {re.split(r"[\[<>=~! ]", one)[0] for one in pyproject()["needs"]}

    assert needed - set(entries()) == set(), MEND


def test_what_the_build_needs_is_pinned_and_hashed_too() -> None:
    """The image is built of nothing that a registry could exchange."""
    pins = dict(pin.split("==") for pin in pyproject()["build"])
    found = entries(BUILD)

    assert {name: version for name, (version, _) in found.items()} == pins, MEND
    assert [name for name, (_, hashes) in found.items() if not hashes] == [], MEND
    assert set(pyproject()["build needs"]) <= set(found)
    assert "://" not in (PROJECT / BUILD).read_text()

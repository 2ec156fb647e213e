"""`powerbot policy init`: a start that needs nothing but ids."""

from __future__ import annotations

import pathlib

import pytest

from bot import settings
from bot.operations import policy_check, policy_start

FILLED = (
    ("allow = []", 'allow = ["C0OPS"]'),
    ("sre = []", 'sre = ["U0DANA", "U0SAM"]'),
    ("dc-ops = []", 'dc-ops = ["U0ROSA"]'),
)


def test_a_policy_to_begin_with_passes_once_its_ids_are_filled_in(tmp_path: pathlib.Path) -> None:
    """Before that the check names what is empty; afterwards nothing is left to say."""
    path = tmp_path / "policy.toml"
    said = policy_start.write(path)
    empty = policy_check.look(path)
    text = path.read_text()
    for before, after in FILLED:
        text = text.replace(before, after, 1)
    path.write_text(text)

    assert "policy check" in said
    assert any("[channels] allow is empty" in one for one in empty.problems)
    filled = policy_check.look(path)
    assert (filled.problems, filled.notes) == ((), ())


def test_a_policy_that_is_there_is_never_overwritten(tmp_path: pathlib.Path) -> None:
    """Not a file, and not through a link that leads nowhere."""
    path, link = tmp_path / "policy.toml", tmp_path / "link.toml"
    path.write_text("version = 1")
    link.symlink_to(tmp_path / "elsewhere.toml")

    for one in (path, link):
        with pytest.raises(settings.SettingsError, match="already exists and was left unchanged"):
            policy_start.write(one)
    assert path.read_text() == "version = 1"
    assert not (tmp_path / "elsewhere.toml").exists()


def test_a_policy_that_cannot_be_written_is_told_so(tmp_path: pathlib.Path) -> None:
    """One sentence with the system's reason."""
    with pytest.raises(settings.SettingsError, match="can't be written: No such file"):
        policy_start.write(tmp_path / "none" / "policy.toml")

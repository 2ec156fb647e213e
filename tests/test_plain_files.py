"""Files that somebody else writes: whatever stands in their place, a read ends soon."""

from __future__ import annotations

import os
import pathlib
import threading

import pytest

from bot import plain_files, secret_files, settings
from bot.operations import manifest
from bot.power import errors
from bot.runtime import policy_watch
from bot.steps import credentials

MOST = 1024
KINDS = {
    "folder": "isn't a regular file",
    "pipe": "isn't a regular file",
    "device": "isn't a regular file",
    "loop": "can't be read: Too many levels of symbolic links",
    "gigabyte": "is larger than",
    "latin": "isn't UTF-8; save it as UTF-8",
}


def put(kind: str, path: pathlib.Path) -> pathlib.Path:
    """Put something there that is no text file, or none that can be used."""
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "loop":
            path.symlink_to(path)
        case "gigabyte":
            path.touch()
            os.truncate(path, 1 << 30)
        case _:
            path.write_bytes(b"A=\xff\n")
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_read_that_is_no_file_of_text(kind: str, tmp_path: pathlib.Path) -> None:
    """It ends at once, in words that go on after the name."""
    with pytest.raises(plain_files.NotPlain) as refused:
        plain_files.text(put(kind, tmp_path / "it"), MOST)

    assert str(refused.value).startswith(KINDS[kind])


def test_a_file_is_read_up_to_its_bound_with_plain_newlines(tmp_path: pathlib.Path) -> None:
    """One byte more is too many."""
    path = tmp_path / "it"
    path.write_bytes(b"a\r\nb\n" + b"x" * (MOST - 5))
    read = plain_files.text(path, MOST)
    path.write_bytes(path.read_bytes() + b"x")

    assert read.startswith("a\nb\n")
    with pytest.raises(plain_files.NotPlain, match="is larger than 1 KiB"):
        plain_files.text(path, MOST)


@pytest.mark.parametrize("kind", KINDS)
def test_the_operator_is_told_of_a_policy_that_is_no_file(
    kind: str, tmp_path: pathlib.Path
) -> None:
    """The bot looks every second, and everybody would wait for a pipe."""
    path = put(kind, tmp_path / "policy.toml")

    with pytest.raises(errors.PolicyError) as refused:
        policy_watch.text_of(path)

    assert refused.value.user_message.startswith(f"policy.toml {KINDS[kind]}")


@pytest.mark.parametrize("kind", KINDS)
def test_the_operator_is_told_of_a_manifest_that_is_no_file(
    kind: str, tmp_path: pathlib.Path
) -> None:
    """It differs in all of it."""
    assert manifest.drift(put(kind, tmp_path / "it.yml")) == ["all of it (it can't be read)"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_operator_is_told_of_variables_that_are_no_file(
    kind: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings and the secrets of steps name it in one sentence."""
    monkeypatch.chdir(tmp_path)
    put(kind, tmp_path / ".env")
    says = "is a pipe, and nobody wrote all of it" if kind == "pipe" else KINDS[kind]

    for read in (settings.load, settings.command, settings.label):
        with pytest.raises(settings.SettingsError) as refused:
            read()
        assert str(refused.value).startswith(f".env {says}")
    with pytest.raises(credentials.SecretMissing, match=says[:20]):
        credentials.read("env:LB_SECRET")
    monkeypatch.setenv("LB_SECRET", "from the environment")
    assert credentials.read("env:LB_SECRET") == "from the environment"


def test_variables_come_out_of_a_pipe_as_password_managers_hand_them_over(
    tmp_path: pathlib.Path,
) -> None:
    """Who writes comes when somebody reads, and may take two turns."""
    path = tmp_path / ".env"
    os.mkfifo(path)

    def hand_over() -> None:
        with path.open("w") as writing:
            writing.write("ONE=1\nTW")
            writing.flush()
            writing.write("O=2\n")

    hand = threading.Thread(target=hand_over)
    hand.start()
    found = secret_files.variables_in(path)
    hand.join()

    assert found == {"ONE": "1", "TWO": "2"}
    assert secret_files.variables_in(tmp_path / "none") == {}


def test_a_file_may_begin_with_the_mark_that_some_editors_put_there(tmp_path: pathlib.Path) -> None:
    """Nobody sees it, and a policy or a secret would be refused for it."""
    path = tmp_path / "it"
    path.write_bytes(b"\xef\xbb\xbfversion = 1\r\n")

    assert plain_files.text(path, MOST) == "version = 1\n"
    assert secret_files.SecretFile("token", "TOKEN_FILE", path).read() == "version = 1"

"""Settings: what is taken, and what no child of the process inherits."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest
from typer import testing

from bot import cli, settings

SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_APP_TOKEN": "xapp-1",
    "SLACK_SIGNING_SECRET": "s1",
    "HUAWEICLOUD_SDK_AK": "a1",
    "HW_ACCESS_KEY": "a2",
    "HUAWEICLOUD_SDK_SK": "k1",
    "HW_SECRET_KEY": "k2",
    "HUAWEICLOUD_SDK_SECURITY_TOKEN": "t1",
    "HW_SECURITY_TOKEN": "t2",
    "CLOUDDC_AUTH_TOKEN": "t3",
    "hw_auth_token": "t4",
    "HW_USER_PASSWORD": "p1",
    "POWERBOT_DATABASE_URL": "postgresql://u:p2@h/d",
    "DATABASE_URL": "postgresql://u:p3@h/d",
    "POWERBOT_METRICS_TOKEN": "m1",
}


def test_no_child_inherits_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every one is gone before any child begins, in whatever case it was written."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CLOUDDC_REGION", "cn-east-3")
    given = settings.load(env_file=None)
    settings.forget_secrets()

    printing = [sys.executable, "-c", "import os; print(sorted(os.environ))"]
    child = subprocess.run(printing, capture_output=True, text=True, check=True).stdout

    assert [name for name in SECRETS if name in child] == []
    assert "CLOUDDC_REGION" in child
    assert given.secret_key.get_secret_value() == "k1"
    assert given.metrics_token.get_secret_value() == "m1"


def test_every_field_that_is_secret_is_among_those_that_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A new secret can't be left out."""
    named = {
        name
        for field in settings.Settings.model_fields.values()
        if "Secret" in str(field.annotation)
        for name in getattr(field.validation_alias, "choices", [])
    }
    assert len(named) > 5
    for name in named:
        monkeypatch.setenv(name, "x")
    settings.forget_secrets()

    assert named.isdisjoint(os.environ)


@pytest.mark.parametrize("command", [
    "power", "/power off", "/", "", " /power", "//power", "/pow\u200ber", "/power\u202e", "/\u2800",
])  # fmt: skip
def test_a_command_that_slack_would_not_take_is_refused(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """The sentence names the setting; an empty one is one that isn't set."""
    monkeypatch.setenv("POWERBOT_COMMAND", command)

    if command:
        with pytest.raises(settings.SettingsError, match=r"POWERBOT_COMMAND.*such as /power"):
            settings.load(env_file=None)
    else:
        assert settings.load(env_file=None).command == "/power"


def test_command_is_known_before_all_else_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest is printed before there are tokens, and whatever is wrong with the rest."""
    monkeypatch.setenv("POWERBOT_RATE", "many")
    assert settings.command(env_file=None) == "/power"
    monkeypatch.setenv("POWERBOT_COMMAND", "/ops")
    assert settings.command(env_file=None) == "/ops"
    monkeypatch.setenv("POWERBOT_COMMAND", "ops")
    with pytest.raises(settings.SettingsError, match="POWERBOT_COMMAND"):
        settings.command(env_file=None)


def test_a_bot_may_listen_to_another_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bots live in one workspace."""
    monkeypatch.setenv("POWERBOT_COMMAND", "/power-staging")

    assert settings.load(env_file=None).command == "/power-staging"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "http", "write a whole number from 0 to 65535"),
        ("PORT", "70000", "write a whole number from 0 to 65535"),
        ("POWERBOT_RATE", "0", "write a number above 0"),
        ("POWERBOT_RATE", "nan", "write a number above 0"),
        ("POWERBOT_RATE", "inf", "write a number above 0"),
        ("POWERBOT_SLACK_RATE", "1.5", "write a whole number above 0"),
        ("POWERBOT_SETTLE", "10", "write a duration above zero, such as 500ms, 2s, 10m or 1h"),
        ("POWERBOT_SETTLE", "0s", "write a duration above zero, such as 500ms, 2s, 10m or 1h"),
        ("POWERBOT_LOG", "xml", "write text or json"),
        ("POWERBOT_LOG_LEVEL", "loud", "write debug, info, warning or error"),
        ("POWERBOT_LABEL", "<!here>", "such as staging"),
        ("POWERBOT_LABEL", "a" * 21, "write up to 20 letters"),
        ("POWERBOT_COMMAND", "power", "such as /power"),
    ],
)
def test_a_setting_that_is_refused_names_what_it_takes(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    """One sentence, with the setting's name and without its value."""
    monkeypatch.setenv(name, value)

    with pytest.raises(settings.SettingsError) as refused:
        settings.load(env_file=None)

    assert str(refused.value).startswith(f"{name}: ")
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("POWERBOT_LOG", "JSON", "log", "json"),
        ("POWERBOT_LOG_LEVEL", " Info ", "log_level", "info"),
        ("POWERBOT_SETTLE", "90S", "settle", 90.0),
        ("POWERBOT_LABEL", "Staging 2", "label", "Staging 2"),
    ],
)
def test_the_words_of_settings_are_taken_in_any_case(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, field: str, read: object
) -> None:
    """Nobody should have to guess how a word is written."""
    monkeypatch.setenv(name, value)

    assert getattr(settings.load(env_file=None), field) == read


@pytest.mark.parametrize("form", ["JSONL", "Csv"])
def test_the_form_of_an_export_is_taken_in_any_case(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, form: str
) -> None:
    """What is wrong here is the database alone."""
    monkeypatch.setenv("POWERBOT_DATABASE_URL", f"sqlite:///{tmp_path / 'none.db'}")

    done = testing.CliRunner().invoke(cli.app, ["audit", "export", "--format", form])

    assert done.exception is not None
    assert "--format" not in str(done.exception)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_secret_is_read_from_its_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, ending: str
) -> None:
    """A newline at its end is no part of it; every secret setting may lie in a file."""
    fields = settings.Settings.model_fields
    for field in settings.secret_names():
        name = next(settings.names(fields[field]))
        (tmp_path / name).write_bytes(f"postgresql://h/{name}{ending}".encode())
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))

    given = settings.load(env_file=None)

    for field in settings.secret_names():
        found = getattr(given, field)
        value = found if isinstance(found, str) else found.get_secret_value()
        assert value == f"postgresql://h/{next(settings.names(fields[field]))}"
    assert {one.field for one in given.files} == settings.secret_names()


@pytest.mark.parametrize("twice", ["HW_SECRET_KEY", "HUAWEICLOUD_SDK_SK", "HW_SECRET_KEY_FILE"])
def test_a_secret_that_is_given_twice_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, twice: str
) -> None:
    """Nobody could say which one holds: under its other name too."""
    (tmp_path / "sk").write_text("from-a-file")
    monkeypatch.setenv("HUAWEICLOUD_SDK_SK_FILE", str(tmp_path / "sk"))
    monkeypatch.setenv(twice, str(tmp_path / "sk"))

    with pytest.raises(settings.SettingsError, match=f"HUAWEICLOUD_SDK_SK_FILE and {twice} are"):
        settings.load(env_file=None)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "can't be read: No such file or directory"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"one\ntwo\n", "must be one line of plain characters"),
        (b"\xff\xfe", "isn't UTF-8"),
        (b"x" * 70_000, "is larger than 64 KiB"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, content: bytes | None, says: str
) -> None:
    """One sentence with the variable and the file, never with what stands in it."""
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("SLACK_BOT_TOKEN_FILE", str(path))

    with pytest.raises(settings.SettingsError) as refused:
        settings.load(env_file=None)

    assert str(refused.value).startswith(f"SLACK_BOT_TOKEN_FILE: {path} ")
    assert says in str(refused.value)


def test_neither_a_folder_nor_a_pipe_is_read_for_a_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """A pipe that nobody writes to would hold the start up for ever."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        monkeypatch.setenv("SLACK_BOT_TOKEN_FILE", str(path))
        with pytest.raises(settings.SettingsError, match="SLACK_BOT_TOKEN_FILE: "):
            settings.load(env_file=None)


def test_settings_that_cannot_be_used_end_the_program_with_2_and_one_line(
    tmp_path: pathlib.Path,
) -> None:
    """Whoever started it sees one sentence, and a supervisor a status that it can tell apart."""
    begun = subprocess.run(
        [sys.executable, "-m", "bot", "run"],
        env={"PATH": os.environ["PATH"], "SLACK_BOT_TOKEN_FILE": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        check=False,
        cwd=pathlib.Path(__file__).parent.parent,
    )

    assert begun.returncode == 2
    assert begun.stdout == ""
    assert len(begun.stderr.splitlines()) == 1
    assert "SLACK_BOT_TOKEN_FILE" in begun.stderr


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"HUAWEICLOUD_SDK_AK": "AK"}, "HUAWEICLOUD_SDK_SK is not set"),
        ({"HUAWEICLOUD_SDK_SK": "SK"}, "HUAWEICLOUD_SDK_AK is not set"),
        ({}, "The access key (HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK) is not set"),
    ],
)
def test_the_half_of_a_key_that_is_missing_is_named(given: dict[str, str], named: str) -> None:
    """Whoever has set one of the two is told of the other alone."""
    found = settings.Settings.model_validate(given).missing("socket")

    assert sum(one.startswith(named) for one in found) == 1

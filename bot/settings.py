"""The environment (and a `.env` file in the working directory) as one frozen value.

Every field says its unit and its default; nothing else in Powerbot reads the environment.
A secret NAME may lie in a file that NAME_FILE names.
"""

from __future__ import annotations

import os
import pathlib
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import pydantic
import pydantic.fields

from bot import secret_files, setting_words
from bot.power import errors, vocabulary
from bot.setting_words import Of, Unset

FREE_PORT = "Try --port 0, which picks a free one."


class SettingsError(errors.PowerbotError):
    """A setting is missing or can't be used."""


def _default_database() -> str:
    """Return the SQLite file in the XDG state folder."""
    # Where such files belong ("XDG Base Directory Specification").
    state = os.environ.get("XDG_STATE_HOME") or str(pathlib.Path.home() / ".local" / "state")
    return f"sqlite:///{pathlib.Path(state) / 'powerbot' / 'powerbot.db'}"


def _named(*names: str, default: Any = "") -> Any:
    """Return a field that is read from the first of these variables that is set."""
    return pydantic.Field(default=default, validation_alias=pydantic.AliasChoices(*names))


def _secret(*names: str) -> Any:
    """Return a field for a secret, which is empty where none of these variables is set."""
    return _named(*names, default=pydantic.SecretStr(""))


class Settings(pydantic.BaseModel):
    """All settings. Tokens and keys are secret: they print as stars."""

    model_config = pydantic.ConfigDict(extra="ignore", frozen=True)  # Others' variables are there.

    slack_bot_token: pydantic.SecretStr = _secret("SLACK_BOT_TOKEN")
    slack_app_token: pydantic.SecretStr = _secret("SLACK_APP_TOKEN")
    slack_signing_secret: pydantic.SecretStr = _secret("SLACK_SIGNING_SECRET")
    slack_api_url: str = _named("SLACK_API_URL", default="https://slack.com/api/")
    command: Annotated[str, pydantic.AfterValidator(setting_words.slash_command)] = _named(
        "POWERBOT_COMMAND", default="/power"
    )

    label: Annotated[str, pydantic.AfterValidator(setting_words.label)] = _named("POWERBOT_LABEL")

    clouddc_endpoint: str = _named("CLOUDDC_ENDPOINT")
    clouddc_region: str = _named("CLOUDDC_REGION", "HW_REGION_NAME")
    clouddc_project_id: str = _named(
        "CLOUDDC_PROJECT_ID", "HUAWEICLOUD_SDK_PROJECT_ID", "HW_PROJECT_ID"
    )
    access_key: str = _named("HUAWEICLOUD_SDK_AK", "HW_ACCESS_KEY")
    secret_key: pydantic.SecretStr = _secret("HUAWEICLOUD_SDK_SK", "HW_SECRET_KEY")
    security_token: pydantic.SecretStr = _secret(
        "HUAWEICLOUD_SDK_SECURITY_TOKEN", "HW_SECURITY_TOKEN"
    )
    auth_token: pydantic.SecretStr = _secret("CLOUDDC_AUTH_TOKEN", "HW_AUTH_TOKEN")
    iam_endpoint: str = _named("CLOUDDC_IAM_ENDPOINT")
    user_name: str = _named("HW_USER_NAME")
    user_password: pydantic.SecretStr = _secret("HW_USER_PASSWORD")
    domain_name: str = _named("HW_DOMAIN_NAME")

    database_url: str = pydantic.Field(
        default_factory=_default_database,
        validation_alias=pydantic.AliasChoices("POWERBOT_DATABASE_URL", "DATABASE_URL"),
        repr=False,  # A password may stand in it.
    )
    policy: pathlib.Path = _named("POWERBOT_POLICY", default=pathlib.Path("policy.toml"))
    host: str = _named("POWERBOT_HOST", default="127.0.0.1")  # Only this machine, unless asked for.
    # Platforms set PORT, so it goes first.
    port: Annotated[int, setting_words.number(0, 65535)] = _named(
        "PORT", "POWERBOT_PORT", default=3000
    )
    metrics_token: pydantic.SecretStr = _secret("POWERBOT_METRICS_TOKEN")

    # From a call to the first look at what it did.
    poll_first: setting_words.Seconds = _named("POWERBOT_POLL_FIRST", default=2.0)
    poll_cap: setting_words.Seconds = _named("POWERBOT_POLL_CAP", default=15.0)
    settle: setting_words.Seconds = _named("POWERBOT_SETTLE", default=60.0)
    deadline_power: setting_words.Seconds = _named("POWERBOT_DEADLINE_POWER", default=600.0)
    deadline_reboot: setting_words.Seconds = _named("POWERBOT_DEADLINE_REBOOT", default=1200.0)
    rate: Annotated[float, setting_words.number(0, whole=False)] = _named(  # Calls a second.
        "POWERBOT_RATE", default=5.0
    )
    card_pace: setting_words.Seconds = _named("POWERBOT_CARD_PACE", default=3.0)  # Between edits.
    # A minute, of the 50 or more that chat.update may be called ("Rate limits", tier 3).
    slack_rate: Annotated[int, setting_words.number(0)] = _named("POWERBOT_SLACK_RATE", default=40)

    log: Annotated[str, setting_words.one_of("text", "json")] = _named(
        "POWERBOT_LOG", default="text"
    )
    log_level: Annotated[str, setting_words.one_of("debug", "info", "warning", "error")] = _named(
        "POWERBOT_LOG_LEVEL", default="info"
    )
    _files: tuple[secret_files.SecretFile, ...] = pydantic.PrivateAttr(default=())

    @property
    def files(self) -> tuple[secret_files.SecretFile, ...]:
        """The files that secrets were read from."""
        return self._files

    def secret(self, field: str) -> str:
        """Return the value of a field that is secret."""
        found = getattr(self, field)
        return found.get_secret_value() if isinstance(found, pydantic.SecretStr) else str(found)

    def with_secrets(self, values: Mapping[str, str]) -> Settings:
        """Return the same settings with other secrets, by their fields."""
        plain = type(self).model_fields
        changed = {
            field: pydantic.SecretStr(value)
            if plain[field].annotation is pydantic.SecretStr
            else value
            for field, value in values.items()
        }
        return self.model_copy(update=changed)

    @property
    def endpoint(self) -> str:
        """CloudDC's base address: the given one, else the region's (CloudDC endpoints page)."""
        if self.clouddc_endpoint:
            return self.clouddc_endpoint.rstrip("/")
        return f"https://clouddc.{self.clouddc_region}.myhuaweicloud.com"

    @property
    def iam(self) -> str:
        """IAM's base address: the given one, else the region's."""
        if self.iam_endpoint:
            return self.iam_endpoint.rstrip("/")
        return f"https://iam.{self.clouddc_region}.myhuaweicloud.com"

    @property
    def region(self) -> str:
        """The region's name, or the host of the given address: what plan, card and seal name."""
        return self.clouddc_region or self.endpoint.partition("://")[2]

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that must never be shown; a password in the database's address is one."""
        fields = (getattr(self, name) for name in type(self).model_fields)
        hidden = [one.get_secret_value() for one in fields if isinstance(one, pydantic.SecretStr)]
        address = urllib.parse.urlsplit(self.database_url)
        # A driver's error shows the password as it is, not percent-encoded as in the address.
        return (*hidden, self.access_key, urllib.parse.unquote(address.password or ""))

    def _missing_key(self) -> str:
        """Return the name of the half of the key that is missing, or both."""
        if self.access_key and not self.secret_key.get_secret_value():
            return "HUAWEICLOUD_SDK_SK"
        if self.secret_key.get_secret_value() and not self.access_key:
            return "HUAWEICLOUD_SDK_AK"
        return "The access key (HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK)"

    def missing(self, transport: str) -> list[str]:
        """Return one sentence for each thing without which `powerbot run` can't start."""
        return [one.sentence for one in self.unset(transport)]

    def unset(self, transport: str) -> list[Unset]:
        """Return each thing without which `powerbot run` can't start."""
        token = self.slack_bot_token.get_secret_value()
        place = self.clouddc_endpoint or self.clouddc_region
        by_key = self.access_key and self.secret_key.get_secret_value()
        by_name = self.user_name and self.user_password.get_secret_value()
        log_in = by_key or self.auth_token.get_secret_value() or by_name
        others = "CLOUDDC_AUTH_TOKEN, or HW_USER_NAME and HW_USER_PASSWORD, work too"
        wanted = [
            (token, Of.SLACK, "SLACK_BOT_TOKEN", "the bot token (xoxb-…)"),
            (place, Of.CLOUD, "CLOUDDC_REGION (or CLOUDDC_ENDPOINT)", "such as cn-east-3"),
            (
                self.clouddc_project_id,
                Of.CLOUD,
                "CLOUDDC_PROJECT_ID",
                "the project's id, from My Credentials in the console",
            ),
            (log_in, Of.CLOUD, self._missing_key(), others),
        ]
        if transport == "socket":
            token = self.slack_app_token.get_secret_value()
            wanted.append((token, Of.SLACK, "SLACK_APP_TOKEN", "the app-level token (xapp-…)"))
        else:
            secret = self.slack_signing_secret.get_secret_value()
            name = "SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP)"
            both = "the app-level token (xapp-…), or the signing secret"
            wanted.append((secret, Of.SLACK, name, both))
        return [Unset(of, name, what) for value, of, name, what in wanted if not value]


def _given(env_file: str | None) -> dict[str, str]:
    """Return every variable that isn't empty; the environment goes before the file."""
    try:
        stored = secret_files.variables_in(pathlib.Path(env_file)) if env_file else {}
    except secret_files.Unusable as error:
        raise SettingsError(f"{error}.") from None
    return {name.upper(): value for name, value in [*stored.items(), *os.environ.items()] if value}


def command(env_file: str | None = ".env") -> str:
    """Return the slash command alone: a manifest is wanted before the other settings are there.

    Raises:
        SettingsError: the variable holds something that can't be used.
    """
    given = _given(env_file).get("POWERBOT_COMMAND", vocabulary.PREFIX)
    return _read_alone("POWERBOT_COMMAND", given, setting_words.slash_command)


def label(env_file: str | None = ".env") -> str:
    """Return the label alone, as `command` does.

    Raises:
        SettingsError: the variable holds something that can't be used.
    """
    given = _given(env_file).get("POWERBOT_LABEL", "")
    return _read_alone("POWERBOT_LABEL", given, setting_words.label) if given else ""


def _read_alone(name: str, given: str, read: Callable[[str], str]) -> str:
    """Return one setting, or name it where it can't be used."""
    try:
        return read(given)
    except ValueError as error:
        raise SettingsError(f"{name}: {error}.") from None


def load(env_file: str | None = ".env") -> Settings:
    """Read the settings; what the environment says goes before what the file says.

    An empty variable is one that isn't set.

    Raises:
        SettingsError: a variable holds something that can't be used; it is named, not shown.
    """
    found = _given(env_file)
    variables = {field: names(Settings.model_fields[field]) for field in sorted(secret_names())}
    try:
        files = secret_files.named_in(found, variables)
        made = Settings.model_validate(found | secret_files.contents(files))
    except secret_files.Unusable as error:
        raise SettingsError(f"{error}.") from None
    except pydantic.ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "a setting"
        # What our own checks say, without the library's words in front of it.
        said = first.get("ctx", {}).get("error", first["msg"])
        raise SettingsError(f"{name}: {said}.") from None
    made._files = files
    return made


def unusable_port(host: str, port: int, error: OSError, better: str = "") -> SettingsError:
    """Return why nobody can listen there; `better` says what to try instead."""
    # Asyncio puts the address into its own text; the system's word for the number is shorter.
    number = error.errno or 0
    why = os.strerror(number) if number > 0 else error.strerror
    return SettingsError(f"Port {port} on {host} can't be used: {why}.{better and ' '}{better}")


def forget_secrets() -> None:
    """Take every secret out of the environment once it was read.

    Bolt would read Slack's there on its own, and every child process would inherit them all.
    """
    secret = {name for field in secret_names() for name in names(Settings.model_fields[field])}
    # Read in any case of letters, so forgotten in any.
    for name in [name for name in os.environ if name.upper() in secret]:
        del os.environ[name]


def secret_names() -> frozenset[str]:
    """Return the fields that hold a secret: a database's address may have a password in it."""
    fields = Settings.model_fields.items()
    secret = {name for name, field in fields if field.annotation is pydantic.SecretStr}
    return frozenset({*secret, "access_key", "database_url"})


def names(field: pydantic.fields.FieldInfo) -> Iterator[str]:
    """Yield the names of the variables that a field is read from."""
    choices = field.validation_alias
    if isinstance(choices, pydantic.AliasChoices):
        yield from (name for name in choices.choices if isinstance(name, str))


def file_of(name: str) -> str:
    """Return the variable that names the file of a secret."""
    return name + secret_files.SUFFIX

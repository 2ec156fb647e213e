"""Where things stand on a machine, and under which names the settings reach the bot there."""

from __future__ import annotations

import dataclasses
import pathlib

import pydantic
import pydantic.fields

from bot import setting_words, settings

USER = 10001  # No user of the image, nor likely of the host.
HOME = "/app"
VENV = f"{HOME}/.venv"
STATE = "/var/lib/powerbot"
CONFIG = "/etc/powerbot"
SECRETS = "/run/secrets/powerbot"
# A stop takes at most 25 s; whoever stops the bot waits a little longer before they kill it.
STOP_S = 30
DEFAULT_PORT = 3000
# Settings that each place decides for itself.
_OF_THE_PLACE = frozenset({"host", "port", "policy", "database_url"})
_WAYS_IN = (("access_key", "secret_key", "security_token"), ("auth_token",), ("user_password",))


@dataclasses.dataclass(frozen=True, slots=True)
class Programme:
    """The command line: how the program is called, and which commands it has."""

    name: str
    commands: frozenset[str]

    def line(self, command: str, *, folder: str = f"{VENV}/bin") -> list[str]:
        """Return the arguments that run a command.

        Raises:
            ValueError: there is no such command.
        """
        if command not in self.commands:
            raise ValueError(f"{self.name} has no command {command}")
        return [f"{folder}/{self.name}", command]


@dataclasses.dataclass(frozen=True, slots=True)
class ShipOrder:
    """What an artefact is made from.

    `transport` is `socket` or `http`, `docs` the address of OPERATING.md.
    """

    given: settings.Settings
    programme: Programme
    transport: str = "socket"
    docs: str = ""

    @property
    def port(self) -> int:
        """The port to listen on; one that the system would pick can't be found by a probe."""
        return self.given.port or DEFAULT_PORT


def variable(field: str) -> str:
    """Return the variable that a setting is read from."""
    return next(settings.names(settings.Settings.model_fields[field]))


def file_variable(field: str) -> str:
    """Return the variable that names the file of a secret."""
    return settings.file_of(variable(field))


def plain(order: ShipOrder) -> dict[str, str]:
    """Return what isn't secret: what must be filled in, and what differs from the default."""
    found = {variable("clouddc_region"): "", variable("clouddc_project_id"): ""}
    secret = settings.secret_names()
    for field, about in settings.Settings.model_fields.items():
        value = getattr(order.given, field)
        # A default that nobody has set may change with the version.
        if field in secret | _OF_THE_PLACE or field not in order.given.model_fields_set:
            continue
        if value != about.default:
            found[variable(field)] = f"{value:g}s" if _is_duration(about) else str(value)
    return found


def listening(order: ShipOrder) -> dict[str, str]:
    """Return what makes it reachable from outside of its container."""
    # Nobody outside reaches a container's loopback.
    return {variable("host"): "0.0.0.0", variable("port"): str(order.port)}  # noqa: S104


def secrets(order: ShipOrder) -> list[str]:
    """Return the secrets' fields that this place needs, the database's address among them."""
    slack = "slack_app_token" if order.transport == "socket" else "slack_signing_secret"
    return ["slack_bot_token", slack, *_way_in(order.given), "database_url", "metrics_token"]


def secret_files(order: ShipOrder, folder: str = SECRETS) -> dict[str, str]:
    """Return the variables that name the secrets' files, each called as its setting."""
    return {file_variable(one): f"{folder}/{variable(one)}" for one in secrets(order)}


def _way_in(given: settings.Settings) -> tuple[str, ...]:
    """Return the secrets that log in to the cloud; the keys where the settings have none."""
    for way in _WAYS_IN:
        found = tuple(one for one in way if _revealed(getattr(given, one)))
        if found:
            return found
    return _WAYS_IN[0][:2]  # Keys that last need no security token.


def _revealed(value: object) -> object:
    return value.get_secret_value() if isinstance(value, pydantic.SecretStr) else value


def _is_duration(about: pydantic.fields.FieldInfo) -> bool:
    """Whether a setting is a time, which is written with its unit."""
    validators = [one for one in about.metadata if isinstance(one, pydantic.BeforeValidator)]
    return any(one.func is setting_words.seconds for one in validators)


def policy() -> str:
    """Return where the policy lies: a folder of its own, so that a new one is seen."""
    return str(pathlib.PurePosixPath(CONFIG) / "policy.toml")


def environment(order: ShipOrder, folder: str = SECRETS) -> dict[str, str]:
    """Return the whole environment of a container; `folder` is where its secrets lie."""
    where = {**listening(order), variable("policy"): policy()}
    return {**plain(order), **where, **secret_files(order, folder)}

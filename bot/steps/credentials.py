"""Secrets of steps, read from the environment or a file at each use and kept nowhere."""

from __future__ import annotations

import base64
import binascii
import os
import pathlib
from collections.abc import Iterable

from bot import secret_files

ENV_FILE = pathlib.Path(".env")  # In the working directory, as for the settings.
STARS = "***"
# How a secret that signs begins ("Standard Webhooks").
SIGNING = "whsec_"
# A shorter value would take innocent words with it.
SHORTEST = 6
# The secrets of the settings. A stored step that somebody has changed, or a slip in the policy,
# must not send them to an address; a test holds these against the settings.
OWN = frozenset(
    {
        *("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"),
        *("HUAWEICLOUD_SDK_AK", "HW_ACCESS_KEY", "HUAWEICLOUD_SDK_SK", "HW_SECRET_KEY"),
        *("HUAWEICLOUD_SDK_SECURITY_TOKEN", "HW_SECURITY_TOKEN"),
        *("CLOUDDC_AUTH_TOKEN", "HW_AUTH_TOKEN", "HW_USER_PASSWORD"),
        *("POWERBOT_DATABASE_URL", "DATABASE_URL", "POWERBOT_METRICS_TOKEN"),
    }
)


class SecretMissing(Exception):
    """A secret can't be had now; the words name its variable."""


def read(variable: str) -> str:
    """Return the secret of a variable, or of the file that `VARIABLE_FILE` names.

    Raises:
        SecretMissing: neither is set, the file can't be used, or the secret is Powerbot's own.
    """
    # The policy writes `env:NAME`, so that nobody mistakes the place for the secret itself.
    name = variable.removeprefix("env:")
    if is_own(name):
        raise SecretMissing(f"{name} is Powerbot's own and no step sends it; use another variable")
    # First by itself: what the environment has needs no file.
    if found := os.environ.get(name, "").strip():
        return found
    given = variables()
    if found := (given.get(name) or "").strip():
        return found
    if path := given.get(name + secret_files.SUFFIX):
        return from_file(name, pathlib.Path(path))
    raise SecretMissing(f"{name} isn't set")


def is_own(name: str) -> bool:
    """Whether a variable holds a secret of Powerbot's own, which no step may send."""
    # In any case of letters, since some systems don't tell variables apart by it.
    return name.upper() in OWN


def variables() -> dict[str, str]:
    """Return every variable that is set; as for settings, the environment goes before `.env`.

    Raises:
        SecretMissing: `.env` can't be used.
    """
    try:
        stored = secret_files.variables_in(ENV_FILE)
    except secret_files.Unusable as error:
        raise SecretMissing(str(error)) from None
    given = [*stored.items(), *os.environ.items()]
    return {name: value for name, value in given if value}


def from_file(name: str, path: pathlib.Path) -> str:
    """Return the secret that a file holds.

    Raises:
        SecretMissing: it can't be used.
    """
    try:
        return secret_files.SecretFile(name, name, path).read()
    except secret_files.Unusable as error:
        raise SecretMissing(f"{name}: {error}") from None


def header(variable: str) -> dict[str, str]:
    """Return the Authorization header whose value a variable holds; none for no variable.

    Raises:
        SecretMissing: it can't be had now, or no header can hold it.
    """
    if not variable:
        return {}
    value = read(variable)
    if not (value.isascii() and value.isprintable()):
        raise SecretMissing(f"{variable} has characters that a header can't hold")
    return {"Authorization": value}


def redacted(text: str, *secrets: str) -> str:
    """Return what somebody sent back, without the secrets that were sent to them."""
    # The longest first: a part taken out of it would leave the rest to be read.
    for part in sorted(parts(secrets), key=len, reverse=True):
        text = text.replace(part, STARS)
    return text


def parts(secrets: Iterable[str]) -> set[str]:
    """Return secrets as a whole and in the parts by which they might be repeated."""
    return {part for secret in secrets for part in _parts(secret) if len(part) >= SHORTEST}


def _parts(secret: str) -> list[str]:
    """Return one secret and its parts."""
    scheme, _, token = secret.partition(" ")
    # A proxy may repeat the token without its scheme, or the key without its prefix.
    found = [secret, token or scheme, secret.removeprefix(SIGNING)]
    # Basic hides nothing: who sends the password back in clear has only decoded it.
    if scheme.lower() == "basic":
        try:
            login = base64.b64decode(token, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return found
        found += [login, login.partition(":")[2]]
    return found

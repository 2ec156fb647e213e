"""What others on this machine, or on the way, could read or change; a part of `powerbot check`."""

from __future__ import annotations

import pathlib
import stat
from collections.abc import Iterator
from urllib.parse import urlsplit

from bot import setting_words, settings
from bot.operations.check.findings import CheckResult, bad
from bot.storage.engine import addresses

ENV_FILE = pathlib.Path(".env")


def plain_addresses(given: settings.Settings) -> Iterator[CheckResult]:
    """Say which addresses off this machine are reached without TLS."""
    named = {
        "CLOUDDC_ENDPOINT": given.endpoint,
        "CLOUDDC_IAM_ENDPOINT": given.iam,
        "SLACK_API_URL": given.slack_api_url,
    }
    for name, text in named.items():
        address = urlsplit(text)
        # To this machine itself no network leads.
        if address.scheme != "https" and address.hostname not in setting_words.LOOPBACK:
            said = f"{name} isn't https, so anybody on the network path can read it and answer."
            yield bad("settings", said, "use https://.")


def files(given: settings.Settings) -> Iterator[CheckResult]:
    """Say which files others may read that hold secrets, or change that decide.

    The database itself is made private at every start; its folder is its owner's matter.
    """
    yield from _readable("settings", ENV_FILE, "it holds secrets")
    for one in given.files:
        # Whoever scrapes the metrics, as another user, reads that token too.
        if one.field != "metrics_token":
            yield from _readable("settings", one.path, "it holds a secret")
        yield from _changeable("settings", one.path, "holds a secret")
    yield from _changeable("policy", given.policy, "decides who can switch what")
    if database := addresses.parsed(given.database_url).path:
        yield from _changeable("database", database, "holds the requests and their approvals")
    yield from _changeable("settings", ENV_FILE, "names the database, the policy and the cloud")


def _readable(about: str, path: pathlib.Path, why: str) -> Iterator[CheckResult]:
    """Say that everybody on this machine may read a file."""
    if _mode(path) & stat.S_IROTH:
        said = f"{path.name} can be read by everybody on this machine, and {why}."
        yield bad(about, said, f"run `chmod 600 {path}`.")


def _changeable(about: str, path: pathlib.Path, why: str) -> Iterator[CheckResult]:
    """Say that everybody on this machine may change a file, or put another in its place."""
    if _mode(path) & stat.S_IWOTH:
        said = f"{path.name} can be changed by everybody on this machine, and it {why}."
        yield bad(about, said, f"run `chmod o-w {path}`.")
    folder = path.absolute().parent
    mode = _mode(folder)
    # In a folder with the sticky bit only a file's owner may replace it ("chmod(2)").
    if _mode(path) and mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        said = f"{path.name} can be replaced by everybody on this machine, and it {why}."
        yield bad(about, said, f"run `chmod o-w {folder}`.")


def _mode(path: pathlib.Path) -> int:
    """Return a file's mode, 0 where there is none."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0

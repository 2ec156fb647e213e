"""`powerbot check`: what is wrong with the set-up, and how to fix each thing.

Nothing is changed and no power call is sent. What is asked for online is in `check_slack` and
`check_cloud`.
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator

from bot import setting_words, settings
from bot.operations import manifest, policy_check
from bot.operations.check import check_cloud, check_exposure, check_slack, check_steps
from bot.operations.check.findings import CheckResult, Code, bad, good
from bot.power import errors, ports
from bot.power.policy import policy
from bot.runtime import clocks
from bot.storage import opening
from bot.storage.engine import addresses, connections, database_file, files

REGION = re.compile(r"[a-z0-9-]+")
PROJECT = re.compile(r"[A-Za-z0-9_-]+")
MANIFEST = pathlib.Path("app_manifest.yml")
# How Slack's tokens begin ("Token types" in Slack's docs), and what each is.
KINDS = {
    "xoxb-": "the app's bot token",
    "xoxp-": "a person's token",
    "xapp-": "an app-level token",
    "xoxe.": "a token that rotates",
    "xoxe-": "a refresh token",
    "xoxc-": "a browser session's token",
}


async def run(
    given: settings.Settings, *, offline: bool, clock: ports.Clock | None = None
) -> list[CheckResult]:
    """Look at everything; `offline` leaves out what asks Slack and CloudDC."""
    exposed = check_exposure.files(given)
    looked = [
        *_settings(given),
        *_policy(given),
        _database(given),
        *exposed,
        *_manifest(MANIFEST, given.command, given.label),
    ]
    if offline:
        return looked
    watch = clock or clocks.SystemClock()
    # A token in a wrong place is named already; Slack would only refuse it.
    swapped = any(one.code is Code.WRONG_TOKEN for one in looked)
    if given.slack_bot_token.get_secret_value() and not swapped:
        looked += [one async for one in check_slack.look(given, _usable_policy(given), watch)]
    looked += [one async for one in check_steps.look(_usable_policy(given))]
    if _has_cloud(given):
        # Slack's answers are dated too: a clock that is off is said once.
        looked += [one async for one in check_cloud.look(given, watch) if one not in looked]
    return looked


def _has_cloud(given: settings.Settings) -> bool:
    """Whether CloudDC can be asked with these settings at all."""
    # The transport makes no difference to what CloudDC needs.
    return not any(one.of is setting_words.Of.CLOUD for one in given.unset("socket"))


def _settings(given: settings.Settings) -> Iterator[CheckResult]:
    """Look for settings without which the bot can't start, and for tokens in a wrong place."""
    # As `powerbot run` chooses by itself.
    transport = "socket" if given.slack_app_token.get_secret_value() else "http"
    missing = given.missing(transport)
    for sentence in missing:
        yield bad("settings", sentence, "set it in the environment or in .env.")
    if not missing:
        yield good("settings", f"complete ({transport} transport)")
    yield from _shapes(given)
    yield from _token("SLACK_BOT_TOKEN", given.slack_bot_token.get_secret_value(), "xoxb-")
    yield from _token("SLACK_APP_TOKEN", given.slack_app_token.get_secret_value(), "xapp-")
    yield from check_exposure.plain_addresses(given)


def _shapes(given: settings.Settings) -> Iterator[CheckResult]:
    """Say what can't be a region or a project, whatever else is missing."""
    if given.clouddc_region and not REGION.fullmatch(given.clouddc_region):
        said = "CLOUDDC_REGION isn't the name of a region."
        yield bad("settings", said, "copy it from the console; it looks like cn-east-3.")
    if given.clouddc_project_id and not PROJECT.fullmatch(given.clouddc_project_id):
        said = "CLOUDDC_PROJECT_ID isn't a project's id: it has spaces or punctuation in it."
        yield bad("settings", said, "copy the project's id from My Credentials in the console.")


def _token(name: str, token: str, wanted: str) -> Iterator[CheckResult]:
    """Say when a token is of another kind than its place; its text is never shown."""
    kind = next((what for begins, what in KINDS.items() if token.startswith(begins)), "")
    if not token or token.startswith(wanted):
        return
    found = f"holds {kind}" if kind else "doesn't hold a Slack token"
    mend = f"put {KINDS[wanted]} ({wanted}…) there."
    yield bad("tokens", f"{name} {found}.", mend, Code.WRONG_TOKEN)


def _policy(given: settings.Settings) -> Iterator[CheckResult]:
    """Look at the policy file by itself."""
    problems = policy_check.check(given.policy)
    do = "edit" if _may_be_there(given.policy) else "run `powerbot policy init`, then edit"
    for problem in problems:
        mend = f"{do} {given.policy.name}; `powerbot policy check` tests it."
        yield bad("policy", problem, mend)
    if not problems:
        yield good("policy", f"{given.policy.name} can be used")


def _may_be_there(path: pathlib.Path) -> bool:
    """Whether there is a file; in a folder that this user can't enter there may be one."""
    try:
        return files.is_there(path)
    except OSError:
        return True


def _usable_policy(given: settings.Settings) -> policy.Policy:
    """Return the policy whose people and channels are looked up, empty when there is none."""
    try:
        return policy_check.read(given.policy)
    except errors.PolicyError:
        return policy.EMPTY


def _database(given: settings.Settings) -> CheckResult:
    """Look whether the database can be read and has the newest schema."""
    try:
        path = addresses.parsed(given.database_url).path
        # Opening it would make the file, and a check changes nothing.
        if path is not None and not addresses.is_there(path):
            return good("database", "there is no file yet; the bot creates it when it starts")
        if path is not None:
            # Reading is less particular than the bot's start.
            database_file.prove(path)
        with connections.reading(given.database_url) as connection:
            found = opening.revision(connection)
    except errors.StoreUnavailable as error:
        return _unreadable(error.user_message)
    except connections.driver_errors():
        return _unreadable("it isn't a database, or it is damaged.")
    if found == opening.REVISION:
        return good("database", f"schema {found}")
    # Revisions are four digits each, so they compare as texts.
    if found > opening.REVISION:
        said = f"the schema is {found}, newer than this version's {opening.REVISION}."
        return bad(
            "database",
            said,
            "install the newer Powerbot again, or restore the backup from before it.",
        )
    said = f"the schema is {found or 'empty'}, this version needs {opening.REVISION}."
    return bad("database", said, "run `powerbot migrate`.")


def _unreadable(said: str) -> CheckResult:
    """Return the finding that the database can't be read."""
    mend = "check POWERBOT_DATABASE_URL, the database server, and the permissions of the file."
    return bad("database", f"it can't be read: {said}", mend)


def _manifest(path: pathlib.Path, command: str, label: str) -> Iterator[CheckResult]:
    """Compare the manifest in the working directory, if there is one, with this version's."""
    if not path.exists():
        return
    parts = manifest.drift(path, command, label)
    if parts:
        said = f"{path.name} doesn't fit this version: {', '.join(parts)} differ."
        mend = f"run `powerbot manifest > {path.name}` and paste it into Slack under App Manifest."
        yield bad("manifest", said, mend)
    else:
        yield good("manifest", f"{path.name} fits this version")

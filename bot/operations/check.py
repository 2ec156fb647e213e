"""`powerbot check`: what is wrong with the set-up, each thing with its mend."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator

from bot import app, clock, settings
from bot.clouddc import exchange
from bot.operations import policies
from bot.power import errors
from bot.slack import connection, registered, sending
from bot.storage import engines, opening, schema


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: whether it is good, and else the mend."""

    about: str
    good: bool
    says: str


async def run(given: settings.Settings, *, offline: bool) -> list[Finding]:
    """Look at everything; `offline` leaves out what asks Slack and CloudDC."""
    found = [*_settings(given), *_policy(given), _database(given)]
    if not offline:
        found += [finding async for finding in _slack(given)]
        found.append(await _clouddc(given))
    return found


def _settings(given: settings.Settings) -> list[Finding]:
    """Look for settings without which the bot can't start."""
    transport = "socket" if given.slack_app_token.get_secret_value() else "http"
    missing = given.missing(transport)
    if not missing:
        return [Finding("settings", True, f"complete for the {transport} transport")]
    return [Finding("settings", False, sentence) for sentence in missing]


def _policy(given: settings.Settings) -> list[Finding]:
    """Look at the policy file."""
    problems = policies.check(given.policy)
    if not problems:
        return [Finding("policy", True, f"{given.policy.name} can be used")]
    return [Finding("policy", False, problem) for problem in problems]


def _database(given: settings.Settings) -> Finding:
    """Look whether the database has the newest schema; nothing is changed."""
    try:
        with engines.reading(given.database_url) as connection:
            found = opening.revision(connection)
    except errors.StoreUnavailable as error:
        if engines.sqlite_path(engines.parsed(given.database_url)) is None:
            return Finding("database", False, error.user_message)
        return Finding("database", True, "there is no file yet; the bot makes it at its start")
    if found == schema.REVISION:
        return Finding("database", True, f"schema {found}")
    mend = "run powerbot migrate."
    said = f"the schema is {found or 'empty'}, this version needs {schema.REVISION}. Mend: {mend}"
    return Finding("database", False, said)


async def _slack(given: settings.Settings) -> AsyncIterator[Finding]:
    """Look at Slack's tokens and scopes."""
    async with connection.open_session() as session:
        token = given.slack_bot_token.get_secret_value()
        client = sending.web_client(token, session, given.slack_api_url)
        try:
            identity = await connection.introduce(client)
        except errors.SlackUnavailable as error:
            mend = "put the xoxb- token of the installed app into SLACK_BOT_TOKEN."
            yield Finding("slack", False, f"{error.user_message} Mend: {mend}")
            return
        yield Finding("slack", True, f"team {identity.team} ({identity.team_id})")
        missing = sorted(set(registered.SCOPES) - identity.scopes) if identity.scopes else []
        for scope in missing:
            why = registered.SCOPES[scope]
            mend = f"add it under OAuth & Permissions and install the app again ({why})."
            yield Finding("slack", False, f"The scope {scope} is missing. Mend: {mend}")
        app_token = given.slack_app_token.get_secret_value()
        if app_token:
            try:
                await connection.try_app_token(client, app_token)
            except errors.SlackUnavailable as error:
                mend = "make an app-level token with connections:write."
                yield Finding("slack", False, f"{error.user_message} Mend: {mend}")


async def _clouddc(given: settings.Settings) -> Finding:
    """Look whether CloudDC lets us list the servers."""
    try:
        async with exchange.open_http() as http:
            power = app.cloud_power(given, http, clock.SystemClock())
            found = await power.snapshot(not_before=0.0)
            await power.aclose()
    except (errors.CloudError, settings.SettingsError) as error:
        mend = "look at CLOUDDC_* and the keys, the clock, and the permission to list servers."
        return Finding("clouddc", False, f"{error.user_message} Mend: {mend}")
    return Finding("clouddc", True, f"{len(found.servers)} servers can be read")


def as_text(findings: list[Finding]) -> str:
    """Return one line for each finding."""
    return "\n".join(f"{'ok ' if one.good else 'BAD'} {one.about}: {one.says}" for one in findings)


def as_json(findings: list[Finding]) -> str:
    """Return the findings as JSON."""
    good = all(one.good for one in findings)
    return json.dumps({"ok": good, "findings": [dataclasses.asdict(one) for one in findings]})

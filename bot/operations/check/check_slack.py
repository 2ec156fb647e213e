"""The part of `powerbot check` that asks Slack: tokens, scopes, and whom the policy names."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot import settings
from bot.clouddc import error_answers
from bot.operations.check import check_blocks, check_cloud
from bot.operations.check.findings import CheckResult, Code, bad, good
from bot.power import errors, missing_access, ports
from bot.power.approval import policy_lint
from bot.power.policy import policy
from bot.slack import api_errors, app_features, directory
from bot.slack.door import connection
from bot.slack.inbound import envelope
from bot.workflow.sources import people as people_

CALL_S = 20.0  # Seconds for one call.
# users.info may be asked about 100 times a minute ("Rate limits": tier 4).
MOST_PEOPLE = 80
APP_ID = re.compile(r"xapp-\d+-(A[A-Z0-9]+)-")  # An app-level token names its app.
REINSTALL = "add it under OAuth & Permissions (or update the manifest) and reinstall the app"
MEND_BOT = "copy the Bot User OAuth Token of the installed app into SLACK_BOT_TOKEN."
MEND_APP = "create an app-level token with connections:write under Basic Information."
INVITE = "invite the bot there with /invite, or take the channel out of [channels]."
LEFT = "check the id in [people], or remove it."


class SlackRefused(Exception):
    """Slack has refused a call, or can't be reached; `code` is its word or empty."""

    def __init__(self, code: str = "") -> None:
        super().__init__(code)
        self.code = code


async def look(
    given: settings.Settings, rules: policy.Policy, clock: ports.Clock
) -> AsyncIterator[CheckResult]:
    """Ask Slack about the app, then about everybody and every channel that the policy names."""
    token = given.slack_bot_token.get_secret_value()
    async with connection.open_client(token, given.slack_api_url) as client:
        try:
            who = await _ask(client.auth_test())
        except SlackRefused as refused:
            yield _no_bot(refused)
            return
        skewed_s = error_answers.skew_s(who.headers or {}, clock.now())
        if abs(skewed_s) > check_cloud.MOST_SKEW_S:
            yield check_cloud.clock_is_off(skewed_s)
        granted = connection.granted(who)
        for finding in _scopes(granted):
            yield finding
        async for finding in _app(client, who, given.slack_app_token.get_secret_value(), granted):
            yield finding
        async for finding in check_blocks.look(client, given):
            yield finding
        home = envelope.Home(str(who.get("team_id") or ""), str(who.get("enterprise_id") or ""))
        folk = directory.Directory(client, clock, home=home)
        elsewhere = False
        async for finding in named(folk, rules, str(who.get("team") or ""), granted):
            # Nothing of the policy is in this workspace, which is said once.
            elsewhere = elsewhere or finding.code is Code.ELSEWHERE
            yield finding
        # Without these scopes nobody's rights can be read, which was said by then.
        if not elsewhere and granted >= {"users:read", "usergroups:read"}:
            for problem in await unreachable(folk, rules, home.team_id):
                yield bad("policy", problem, "add more full members to [people].")


async def unreachable(
    folk: directory.Directory, rules: policy.Policy, team_id: str
) -> tuple[str, ...]:
    """Return the rules under which nobody could ask or approve who is able to."""
    who = people_.People(folk, lambda: rules, team_id)
    roster = await who.roster(rules.people.keys())
    before = policy_lint.out_of_reach(rules, policy_lint.offline(rules))
    # What the file alone says is said of the file; what can't be read is said of its group.
    found = policy_lint.out_of_reach(rules, await who.able(roster), unread=False)
    return tuple(one for one in found if one not in before)


async def _ask(call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    """Make one call.

    Raises:
        SlackRefused: Slack said no, or nothing.
    """
    try:
        async with asyncio.timeout(CALL_S):
            return await call
    except SlackApiError as error:
        raise SlackRefused(str(error.response.get("error") or "no reason given")) from None
    except (TimeoutError, aiohttp.ClientError, OSError):
        raise SlackRefused from None


def _no_bot(refused: SlackRefused) -> CheckResult:
    """Return why the bot token doesn't work."""
    if not refused.code:
        mend = "check the network, HTTPS_PROXY and SLACK_API_URL."
        return bad("slack", "Slack can't be reached.", mend)
    return bad("slack", f"Slack refuses SLACK_BOT_TOKEN: {refused.code}.", MEND_BOT)


def _scopes(granted: frozenset[str]) -> Iterator[CheckResult]:
    """Compare the granted scopes with those that this version's manifest asks for."""
    wanted = app_features.scopes()
    for scope in sorted(wanted - granted):
        said = f"The scope {scope} is missing ({app_features.SCOPES[scope]})."
        yield bad("scopes", said, f"{REINSTALL}.")
    unused = sorted(granted - wanted)
    if unused:
        said = f"The app has scopes that Powerbot doesn't need: {', '.join(unused)}."
        yield bad(
            "scopes", said, "remove them and reinstall the app, so that a stolen token can do less."
        )
    if granted == wanted:
        yield good("scopes", f"the {len(wanted)} that are needed, and no others")


async def _app(
    client: AsyncWebClient, who: AsyncSlackResponse, app_token: str, granted: frozenset[str]
) -> AsyncIterator[CheckResult]:
    """Look whether the tokens are a bot's and of one app, and whether a socket may be opened."""
    team = f"{who.get('team')} ({who.get('team_id')})"
    # Only the answer for a bot's token has it ("auth.test").
    if not who.get("bot_id"):
        yield bad("slack", "SLACK_BOT_TOKEN is a person's token.", MEND_BOT)
        return
    yield good("slack", f"team {team}")
    if not app_token:
        return
    try:
        # The one question for an app-level token; the address that comes is never opened.
        await _ask(client.apps_connections_open(app_token=app_token))
        named = APP_ID.match(app_token)
        if named and "users:read" in granted:
            bot: Any = (await _ask(client.bots_info(bot=str(who["bot_id"])))).get("bot") or {}
            if bot.get("app_id") != named[1]:
                said = "SLACK_APP_TOKEN and SLACK_BOT_TOKEN belong to two different apps."
                yield bad("slack", said, "copy both from the same app's pages.")
    except SlackRefused as refused:
        said = f"Slack refuses SLACK_APP_TOKEN: {refused.code or 'no answer'}."
        yield bad("slack", said, MEND_APP)


# -- whom and what the policy names


NEEDED = frozenset({"channels:read", "groups:read", "users:read", "usergroups:read"})


async def named(
    folk: directory.Directory,
    rules: policy.Policy,
    team: str,
    granted: frozenset[str] = NEEDED,
) -> AsyncIterator[CheckResult]:
    """Look up everybody and every channel that the policy names, as far as scopes allow."""
    found: list[CheckResult] = []
    people = sorted({one for group in rules.people.values() for one in group})
    if {"channels:read", "groups:read"} <= granted:
        channels = sorted(rules.allow | rules.incident)
        found += [one for id_ in channels for one in await _channel(folk, id_)]
    if "users:read" in granted:
        # What begins with S is a user group.
        persons = [one for one in people if not one.startswith("S")][:MOST_PEOPLE]
        found += [one for id_ in persons for one in await _person(folk, id_)]
    if "usergroups:read" in granted:
        groups = [one for one in people if one.startswith("S")]
        found += [one for id_ in groups for one in await _group(folk, id_)]
    # One unknown id is mistyped; where all are, the tokens are of another workspace.
    unknown = [one for one in found if one.code is Code.UNKNOWN]
    if len(unknown) > 1 and len(unknown) == len(found):
        said = (
            f"none of the people, groups and channels in the policy exist in the workspace {team}."
        )
        mend = "install the app in the workspace of these people, and use the tokens from there."
        yield bad("slack", said, mend, Code.ELSEWHERE)
        return
    for finding in found:
        if not finding.good:
            yield finding
    if found and all(one.good for one in found):
        yield good("policy", f"its {len(found)} people, groups and channels are all there")


UNKNOWN = "doesn't exist in this workspace."


async def _channel(named: directory.Directory, channel_id: str) -> list[CheckResult]:
    """Look at a channel in which requests may be made."""
    about = f"channel {channel_id}"
    try:
        found = await named.channel(channel_id)
    except errors.SlackUnavailable as error:
        return [_not_read(about, error)]
    shown = f"{about} (#{found.name})" if found.name else about
    if found.is_archived:
        return [bad(about, f"{shown} is archived.", "remove it from [channels].")]
    if found.is_shared:
        said = f"{shown} is shared with another company, so every request in it is refused."
        return [bad(about, said, "allow a channel that only your company uses.")]
    if not found.name:
        return [bad(about, f"{about} {UNKNOWN}", INVITE, Code.UNKNOWN)]
    if not found.is_member:
        return [bad(about, f"the bot isn't in {shown}.", INVITE)]
    return [good(about, f"the bot is in #{found.name}")]


async def _person(named: directory.Directory, user_id: str) -> list[CheckResult]:
    """Look at a person whom the policy names."""
    about = f"person {user_id}"
    try:
        found = await named.member(user_id)
    except errors.SlackUnavailable as error:
        return [_not_read(about, error)]
    shown = f"{about} (@{found.name})" if found.name else about
    if found.is_stranger and not found.name:
        return [bad(about, f"{about} {UNKNOWN}", LEFT, Code.UNKNOWN)]
    elsewhere = bool(named.team_id) and found.team_id != named.team_id
    wrong = (
        (found.deleted, "has left: the account is deactivated."),
        (found.is_stranger, "belongs to another company, so every click is refused."),
        (elsewhere, "belongs to another workspace, so every click is refused."),
        (found.is_bot, "is a bot, so every click is refused."),
        (found.is_restricted, "is a guest, so every click is refused."),
    )
    said = next((words for is_so, words in wrong if is_so), "")
    return [bad(about, f"{shown} {said}", LEFT)] if said else [good(about, shown)]


async def _group(named: directory.Directory, group_id: str) -> list[CheckResult]:
    """Look at a Slack user group that the policy names."""
    about = f"group {group_id}"
    try:
        found = await named.group(group_id)
    except errors.SlackUnavailable as error:
        if any(one.lack is missing_access.Lack.GROUP for one in error.missing):
            mend = "enable it again, or use another one in [people]."
            return [bad(about, f"{about} is disabled or doesn't exist.", mend)]
        return [_not_read(about, error)]
    if not found:
        return [bad(about, f"{about} has no members.", "add people to it in Slack.")]
    return [good(about, f"{len(found)} members")]


def _not_read(about: str, error: errors.SlackUnavailable) -> CheckResult:
    """Return that something could not be read, with Slack's word where there is one."""
    cause = error.__cause__
    code = cause.code if isinstance(cause, api_errors.Undelivered) else ""
    said = f"{about} could not be read{f': {code}' if code else ''}."
    return bad(about, said, missing_access.told(error.missing) or "try again in a moment.")

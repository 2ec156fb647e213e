"""Checks of the policy file before it is trusted: by itself, and against Slack."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Collection

from bot import settings
from bot.operations.check import check_slack
from bot.power import errors
from bot.power.approval import policy_lint, policy_meaning, quorum
from bot.power.policy import policy, policy_file
from bot.runtime import clocks, policy_watch
from bot.slack import directory
from bot.slack.door import connection
from bot.slack.inbound import envelope
from bot.steps import all_kinds, credentials
from bot.workflow.sources import people


@dataclasses.dataclass(frozen=True, slots=True)
class Looked:
    """What the checks of a policy file found; with problems, it is refused."""

    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()
    meaning: tuple[str, ...] = ()  # What its rules come to, in words.


def check(path: pathlib.Path) -> list[str]:
    """Return what is wrong with a policy file by itself; empty when it can be used."""
    return list(look(path).problems)


def look(path: pathlib.Path) -> Looked:
    """Look at a policy file without asking anybody."""
    try:
        rules = read(path)
    except errors.PolicyError as error:
        return Looked((error.user_message,))
    roster = policy_lint.offline(rules)
    problems = (*policy_lint.contradictions(rules), *policy_lint.out_of_reach(rules, roster))
    return Looked(problems, *_told(rules, roster))


async def look_in_slack(path: pathlib.Path, given: settings.Settings) -> Looked:
    """Look at a policy file, and at everybody and every channel that it names.

    Raises:
        SlackUnavailable: Slack refuses the token, or can't be reached.
    """
    alone = look(path)
    try:
        rules = read(path)
    except errors.PolicyError:
        # What can't be read names nobody whom Slack could be asked about.
        return alone
    clock = clocks.SystemClock()
    token = given.slack_bot_token.get_secret_value()
    async with connection.open_client(token, given.slack_api_url) as client:
        identity = await connection.introduce(client)
        home = envelope.Home(identity.team_id, identity.enterprise_id)
        folk = directory.Directory(client, clock, home=home)
        named = [one async for one in check_slack.named(folk, rules, identity.team)]
        who = people.People(folk, lambda: rules, identity.team_id)
        # Without guests, bots and people who have left: none of them counts as approver.
        roster = await who.able(await who.roster(rules.people.keys()))
    problems = (
        *policy_lint.contradictions(rules),
        *(f"{one.says} Fix: {one.mend}" for one in named if not one.good),
        *policy_lint.out_of_reach(rules, roster),
    )
    return Looked(problems, *_told(rules, roster))


def _told(rules: policy.Policy, roster: quorum.Roster) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is no mistake and may surprise, and what the policy means."""
    holes = policy_meaning.holes(rules, clocks.SystemClock().now())
    steps = (
        *policy_meaning.unused_steps(rules),
        *policy_lint.step_notes(rules),
        *policy_meaning.unset_variables(rules, _variables(), credentials.is_own),
    )
    return (*policy_lint.notes(rules, roster), *holes, *steps), tuple(policy_meaning.lines(rules))


def _variables() -> Collection[str]:
    """Return the names of the variables that steps find their secrets by."""
    try:
        return credentials.variables().keys()
    except credentials.SecretMissing:
        # A pipe that is no file any more: it was read for the settings.
        return os.environ.keys()


def read(path: pathlib.Path) -> policy.Policy:
    """Read a policy file.

    Raises:
        PolicyError: there is none, or it can't be used; the first mistake is named.
    """
    # A step's kind is known once its module is loaded.
    all_kinds.learn()
    try:
        text = policy_watch.text_of(path)
    except FileNotFoundError:
        said = f"There is no {path.name} here; without a policy nothing can be changed."
        raise errors.PolicyError(said) from None
    return policy_file.read(text)

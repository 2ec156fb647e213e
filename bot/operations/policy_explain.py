"""`powerbot policy explain`: what would be said to this person in this channel, and why.

Nothing is asked for, nothing is stored. Offline neither Slack nor CloudDC is asked: the servers
are taken as they are typed, and nobody is known to be in a Slack user group.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import AsyncIterator

from bot import cloud, settings
from bot.clouddc import exchange
from bot.operations import policy_check
from bot.power import errors, ports, request, server
from bot.power.approval import quorum
from bot.power.command import command, offered_lines
from bot.power.planning import planning, question, rule_by_rule
from bot.power.policy import policy
from bot.power.targets import targets, terms
from bot.runtime import clocks
from bot.slack import directory
from bot.slack.door import connection
from bot.slack.inbound import envelope
from bot.storage import opening
from bot.storage.engine import plan_cache
from bot.storage.tables import transaction
from bot.workflow import planner
from bot.workflow.sources import people

NO_TEAM = "T0"  # No workspace has this id.
USER = re.compile(r"[UW][A-Z0-9]{2,30}")  # As Slack's ids of people begin.
NOT_ASKED = "Offline: servers are taken as typed, and Slack's user groups are not read."
KEEPS_UNKNOWN = "[[keep]] can't be judged offline, since it isn't known how many servers are on."
NO_RECORD = (
    "There is no database yet: open and recent requests, busy servers and freezes are left out."
)


@dataclasses.dataclass(frozen=True, slots=True)
class Inquiry:
    """Who would type what, and where."""

    user_id: str
    channel_id: str
    words: str


@dataclasses.dataclass(frozen=True, slots=True)
class Explained:
    """The explanation, and whether the request could be made."""

    lines: tuple[str, ...]
    allowed: bool


class Nobody:
    """Implements `ports.Directory` where nobody may be asked."""

    async def member(self, user_id: str) -> ports.Member:
        """Return a full member: whether they are one is not asked."""
        return ports.Member(user_id, NO_TEAM)

    async def group(self, group_id: str) -> frozenset[str]:
        """Refuse: nobody knows who is in it."""
        # The plan then says that the group is unread, as when Slack is away.
        raise errors.SlackUnavailable

    async def channel(self, channel_id: str) -> ports.Channel:
        """Return a channel that the bot is in: whether it is so is not asked."""
        return ports.Channel(channel_id)


async def explain(given: settings.Settings, asked: Inquiry, *, offline: bool) -> Explained:
    """Explain a decision.

    Raises:
        SettingsError: the words are no change of servers, can't be understood, or name nothing.
        PolicyError: the policy can't be used.
        SlackUnavailable: Slack refuses the token, or can't be reached.
        CloudError: CloudDC can't be read.
    """
    # A name is nobody's id, and every rule would seem to leave its person out.
    if not USER.fullmatch(asked.user_id):
        said = f"--user {_printable(asked.user_id)}: write a member ID such as U0123456789."
        raise settings.SettingsError(f"{said} In Slack it is under Copy member ID in a profile.")
    rules = policy_check.read(given.policy)
    try:
        return await _explain(given, asked, rules, offline=offline)
    except errors.UserMistake as mistake:
        typed = offered_lines.TypedLine(asked.words, None, rules.groups)
        # No line is offered that would itself be a mistake.
        line = offered_lines.checked(mistake.suggestion, typed)
        better = f" Try: {line}" if line else ""
        said = _printable(f"{errors.sentence(mistake.token, mistake.problem)}{better}")
        raise settings.SettingsError(said) from mistake


async def _explain(
    given: settings.Settings, asked: Inquiry, rules: policy.Policy, *, offline: bool
) -> Explained:
    """Explain a decision under a policy that can be read."""
    said = command.parse(asked.words)
    if not isinstance(said, command.Change):
        raise settings.SettingsError(
            f"{_printable(asked.words)}: only a change can be explained, "
            "such as: reboot web[01-03]."
        )
    snapshot = typed(said.targets, rules) if offline else await _inventory(given)
    async with _folk(given, offline=offline) as (folk, team_id):
        who = people.People(folk, lambda: rules, team_id)
        person = request.Person(user_id=asked.user_id, team_id=team_id)
        may = await who.may_read(person)
        wanted = _question(given, asked, said, person, rules, snapshot)
        facts, recorded = await _facts(given, rules, who, wanted)
    roster = facts.roster or quorum.Roster({})
    if offline and roster.unreadable:
        # Whether a group that nobody was asked about has enough people is no reason to refuse.
        facts = dataclasses.replace(facts, roster=None)
    # Of servers that were only typed nobody knows how many are left on.
    kept = dataclasses.replace(rules, keeps=()) if offline else rules
    made = planning.make(wanted, kept, snapshot, facts)
    told = rule_by_rule.Told(wanted, facts, rules, made, roster)
    head = f"Policy {rules.version} ({given.policy.name}): {asked.words}"
    lines = [head, f"Asked by {asked.user_id} in {asked.channel_id}"]
    lines += [NOT_ASKED] if offline else []
    lines += [KEEPS_UNKNOWN] if offline and rules.keeps else []
    lines += [] if recorded else [NO_RECORD]
    lines += [] if may.allowed else [f"Refused: {may.sentence}"]
    lines += rule_by_rule.lines(told)
    allowed = may.allowed and not told.made.refusals
    lines.append("This could be requested." if allowed else "This could not be requested.")
    return Explained(tuple(map(_printable, lines)), allowed)


def _printable(line: str) -> str:
    """Return a line that a terminal shows and doesn't obey: what was typed may have escapes."""
    return "".join(char if char.isprintable() else "�" for char in line)


def _question(
    given: settings.Settings,
    asked: Inquiry,
    said: command.Change,
    person: request.Person,
    rules: policy.Policy,
    snapshot: server.Snapshot,
) -> question.Question:
    """Return the question that these words would ask.

    Raises:
        UserMistake: the targets can't be understood, or name nothing.
    """
    named = targets.parse(said.targets, rules.groups).resolve(snapshot, for_change=True)
    return question.Question(
        action=said.action,
        servers=named.servers + named.unsure,
        requester=person,
        place=request.Place(channel_id=asked.channel_id),
        scope=request.Scope(region=given.region, project_id=given.clouddc_project_id),
        now=clocks.SystemClock().now(),
        options=said.options,
        reason=said.reason,
        typed=said.targets,
        reading=named.reading,
        selected=named.selected,
        unsure={row.id: row.unread for row in named.unsure},
    )


async def _facts(
    given: settings.Settings, rules: policy.Policy, who: people.People, wanted: question.Question
) -> tuple[question.Facts, bool]:
    """Return what bears on the question, and whether there was a record to read."""
    known = await planner.known_to_slack(who, wanted)
    try:
        with opening.reading(given.database_url) as connected:
            cache = plan_cache.PlanCache()
            # On a connection that only reads, beside a bot that may run.
            tx = transaction.Transaction(connected, plans=cache, readonly=True)
            return planner.with_record(tx, rules, wanted, known), True
    except errors.StoreUnavailable:
        return known, False


@contextlib.asynccontextmanager
async def _folk(
    given: settings.Settings, *, offline: bool
) -> AsyncIterator[tuple[ports.Directory, str]]:
    """Return whom to ask about people, and the team's id."""
    if offline:
        yield Nobody(), NO_TEAM
        return
    token = given.slack_bot_token.get_secret_value()
    async with connection.open_client(token, given.slack_api_url) as client:
        identity = await connection.introduce(client)
        home = envelope.Home(identity.team_id, identity.enterprise_id)
        yield directory.Directory(client, clocks.SystemClock(), home=home), identity.team_id


async def _inventory(given: settings.Settings) -> server.Snapshot:
    """Return the servers as CloudDC lists them now."""
    async with exchange.open_http() as http:
        power = cloud.power_of(given, http, clocks.SystemClock())
        try:
            return await power.snapshot(not_before=0.0)
        finally:
            await power.aclose()


def typed(text: str, rules: policy.Policy) -> server.Snapshot:
    """Return an inventory of the servers that are typed by name, all of them on.

    Raises:
        UserMistake: the text has terms that only an inventory can answer.
    """
    names: list[str] = []
    for term in targets.parse(text, rules.groups).terms:
        pattern = term.matcher.pattern if isinstance(term.matcher, terms.NamesTerm) else None
        if pattern is None or pattern.is_wild:
            problem = (
                "Offline, only names can be explained; for anything else, leave out --offline."
            )
            raise errors.UserMistake(problem, token=term.typed, suggestion="web[01-20]")
        # What is taken out again needs no server to stand for it.
        names += () if term.takes_out else pattern.names()
    # Ids that no server has, so that nothing of the record speaks of these.
    rows = [server.Server(id=f"typed-{name}", name=name, power_state="on") for name in names]
    return server.Snapshot({row.id: row for row in rows}, started_at=clocks.SystemClock().now())

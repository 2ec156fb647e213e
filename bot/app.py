"""Where the parts are joined: the only module that names concrete classes."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
from slack_sdk.web.async_client import AsyncWebClient

from bot import VERSION, runner, settings
from bot.clouddc import alarms, auth, client, exchange, inventory, rate, watch
from bot.execution import context as execution, executor, lookback, poll_schedule
from bot.power import ports, request
from bot.power.policy import policy as policy_
from bot.power.run import runs, settling
from bot.runtime import clock as clock_, foreground as foreground_, paces as paces_, rules
from bot.slack import directory
from bot.slack.door import connection, sockets, watchdog
from bot.slack.inbound import bolt_registration, desk, grid, guard
from bot.slack.outbound import delivery, publishing, reporter, sending
from bot.storage import opening, store
from bot.workflow import (
    advancing,
    approving,
    asking,
    break_glass,
    choosing,
    freezing,
    lookups,
    nudging,
    planner,
    reviewing,
    standing,
    stopping,
    workflow as workflow_,
)
from bot.workflow.rights import (
    alarming,
    auditing,
    entitling,
    gathering,
    granting,
    people,
    reading,
    refusing,
    rejudging,
    sightings,
)

# A start in the middle of Slack's outage waits so long: platforms that see a process fail at its
# start again and again stop trying.
SLACK_PATIENCE_S = 300.0


@dataclasses.dataclass(frozen=True)
class Ground:
    """What all parts of a bot stand on."""

    given: settings.Settings
    paces: paces_.Paces
    clock: ports.Clock
    foreground: foreground_.Foreground
    web_client: AsyncWebClient
    identity: connection.Identity
    store: store.Store
    power: watch.CloudPower
    log_in: Callable[[settings.Settings], auth.CloudAuth]


@dataclasses.dataclass(frozen=True)
class Bot:
    """The joined parts of one running bot."""

    identity: connection.Identity
    store: store.Store
    power: watch.CloudPower
    policy: rules.PolicyFile
    workflow: workflow_.Workflow
    runner: runner.Runner
    reporter: reporter.Reporter
    desk: desk.Desk
    homes: publishing.Homes
    slack: connection.PromptApp
    watchdog: watchdog.Watchdog
    lookback: lookback.Lookback
    web_client: AsyncWebClient
    log_in: Callable[[settings.Settings], auth.CloudAuth]


def cloud_auth(
    given: settings.Settings, http: httpx.AsyncClient, clock: ports.Clock
) -> auth.CloudAuth:
    """Return the credentials that the settings have: keys first, then a token, then IAM.

    Raises:
        ValueError: a token that can't be sent in a header.
    """
    # A signature is dated by the clock on the wall, wherever it was set to.
    clock = clock.wall if isinstance(clock, clock_.SteadyClock) else clock
    if given.access_key:
        return auth.SignedAuth(
            given.access_key,
            given.secret_key.get_secret_value(),
            given.clouddc_project_id,
            given.security_token.get_secret_value(),
            clock=clock,
        )
    if token := given.auth_token.get_secret_value():
        return auth.TokenAuth(token)
    password = given.user_password.get_secret_value()
    user = auth.IamUser(given.user_name, password, given.domain_name, given.clouddc_project_id)
    return auth.IamAuth(http, given.iam, user, clock=clock)


def cloud_power(
    given: settings.Settings,
    http: httpx.AsyncClient,
    clock: ports.Clock,
    paces: paces_.Paces = paces_.USUAL,
    foreground: foreground_.Foreground | None = None,
) -> watch.CloudPower:
    """Return the power API: one client, one inventory and one poller.

    Raises:
        SettingsError: the endpoint or the project id can't be used.
    """
    try:
        cloud = client.CloudDC(
            http,
            given.endpoint,
            given.clouddc_project_id,
            auth=cloud_auth(given, http, clock),
            bucket=rate.Bucket(given.rate, clock),
            clock=clock,
            jitter=random.Random(),  # noqa: S311 -- it spreads retries and guards nothing
            leave_within_s=paces.leave_s,
        )
    except ValueError as error:
        raise settings.SettingsError(f"CloudDC's settings can't be used: {error}.") from None
    servers = inventory.Inventory(cloud, clock, foreground)
    return watch.CloudPower(cloud, servers, watch.Poller(cloud, servers, clock))


@contextlib.asynccontextmanager
async def joined(
    given: settings.Settings, transport: str, paces: paces_.Paces = paces_.USUAL
) -> AsyncIterator[Bot]:
    """Join all parts, with Slack's tokens tried first; they are closed after the block.

    `transport` is `socket` or `http`.

    Raises:
        SlackUnavailable: Slack refuses the bot token, or can't be reached.
        StoreUnavailable: the database can't be used.
    """
    clock = clock_.SteadyClock(clock_.SystemClock())
    foreground = foreground_.Foreground()
    async with contextlib.AsyncExitStack() as closing:
        token = given.slack_bot_token.get_secret_value()
        web_client = await closing.enter_async_context(
            connection.open_client(token, given.slack_api_url)
        )
        identity = await connection.introduce(web_client, patience_s=SLACK_PATIENCE_S)
        if transport == "socket":
            app_token = given.slack_app_token.get_secret_value()
            await connection.try_app_token(web_client, app_token, patience_s=SLACK_PATIENCE_S)
        kept = opening.open_store(
            given.database_url,
            code_version=VERSION,
            sole=True,
            lease_s=paces.lease_s,
            pause=foreground.pause,
        )
        closing.push_async_callback(kept.close)
        http = await closing.enter_async_context(exchange.open_http())
        power = cloud_power(given, http, clock, paces, foreground)
        closing.push_async_callback(power.aclose)

        def log_in(now: settings.Settings) -> auth.CloudAuth:
            return cloud_auth(now, http, clock)

        slack = (web_client, identity)
        bot = _join(Ground(given, paces, clock, foreground, *slack, kept, power, log_in))
        if transport == "socket":
            bot.watchdog.socket = sockets.SocketMode(bot.slack, app_token, clock)
        yield bot


def _join(on: Ground) -> Bot:
    """Hand every part the parts that it needs."""
    given, clock, kept, identity = on.given, on.clock, on.store, on.identity
    policy = rules.PolicyFile(given.policy, clock)
    sender = sending.Sender(on.web_client, clock, given.label)
    seen = sightings.Sightings(kept, clock)
    home = grid.Home(identity.team_id, identity.enterprise_id)
    folk = directory.Directory(on.web_client, clock, home=home)
    who = people.People(folk, policy, identity.team_id, seen, identity.enterprise_id)
    again = rejudging.Rejudging(kept, who, policy, clock)
    grants = granting.Granting(kept, on.power, who, policy, clock)
    telling = _reporter(on, sender, who.directory, policy)
    acting = _execution(on, policy, again, grants, telling.wake)
    execute = functools.partial(executor.carry_out, acting)
    scope = request.Scope(region=given.region, project_id=given.clouddc_project_id)
    driving: list[runner.Runner] = []

    def wake() -> None:
        telling.wake()
        driving[0].wake()

    heard = alarms.CloudAlarms(on.power.cloud)
    flow = story(kept, on.power, who, policy, clock, scope, again, execute, wake, heard)
    driving.append(runner.Runner(kept, flow.advance, clock, on.paces))
    homes = publishing.Homes(sender, clock, workspace_url=identity.url, command=given.command)
    answering = delivery.Delivery(
        sender, clock, homes, workspace_url=identity.url, label=given.label
    )
    lease_s = on.paces.lease_s
    taking = desk.Desk(
        kept, flow, answering, clock, take_over_lease_s=lease_s, command=given.command
    )
    secret = given.slack_signing_secret.get_secret_value()
    slack = connection.make_app(on.web_client, identity, secret, on.foreground)
    guarding = guard.Guard(
        identity.team_id, sender, identity.app_id, slack.turned_away, identity.enterprise_id
    )
    bolt_registration.Registration(taking, guarding, given.command, given.label).register(slack)
    looking = watchdog.Watchdog(on.web_client, kept, clock)
    return Bot(
        identity,
        kept,
        on.power,
        policy,
        flow,
        driving[0],
        telling,
        taking,
        homes,
        slack,
        looking,
        lookback.Lookback(kept, on.power, clock, telling.wake),
        on.web_client,
        on.log_in,
    )


def _reporter(
    on: Ground, sender: sending.Sender, asked: ports.Directory, policy: rules.PolicyFile
) -> reporter.Reporter:
    """Return what tells Slack of what has happened."""
    return reporter.Reporter(
        on.store,
        sender,
        on.clock,
        pace_s=on.given.card_pace,
        updates_per_minute=on.given.slack_rate,
        workspace_url=on.identity.url,
        paces=on.paces,
        foreground=on.foreground,
        directory=asked,
        rules=policy,
    )


def _execution(
    on: Ground,
    policy: rules.PolicyFile,
    again: rejudging.Rejudging,
    grants: granting.Granting,
    wake: Callable[[], None],
) -> execution.Context:
    """Return what runs are carried out with."""
    given = on.given
    pacing = execution.Pacing(
        settling.Limits(given.settle, given.deadline_power, given.deadline_reboot),
        poll_schedule.usual(given.poll_first, given.poll_cap),
        on.paces.leave_s,
        on.foreground,
    )
    asked = execution.Rules(policy, again.problem, grants.ruling)
    return execution.Context(on.store, on.power, on.clock, asked, pacing, wake)


def story(
    kept: ports.RequestStore,
    power: ports.PowerApi,
    who: people.People,
    policy: Callable[[], policy_.Policy],
    clock: ports.Clock,
    scope: request.Scope,
    again: rejudging.Rejudging,
    execute: Callable[[runs.Lease], Awaitable[None]],
    wake: Callable[[], None] = lambda: None,
    alarm_source: ports.AlarmSource | None = None,
) -> workflow_.Workflow:
    """Join the parts of the workflow, over whatever store, cloud and directory there are."""
    attempts = auditing.Attempts(kept, clock)
    may = entitling.Entitling(who, clock)
    no = refusing.Refusing(may, attempts, clock)
    reads = reading.Reading(kept, power, policy, clock)
    judges = reviewing.Reviewing(kept, who, may, no, policy, clock)
    plans = planner.Planner(kept, gathering.Gathering(who, policy), policy, clock, scope)
    grants = granting.Granting(kept, power, who, policy, clock)
    yes = approving.Approving(kept, who, may, no, again, policy, clock, power, grants)
    glass = break_glass.BreakGlass(kept, who, policy, clock, attempts)
    nudges = nudging.Nudging(kept, who, clock, attempts)
    return workflow_.Workflow(
        kept,
        who,
        plans,
        reads,
        choosing.Choosing(reads, who, policy, clock),
        lookups.Lookups(reads, judges, who, attempts),
        alarming.Alarming(alarm_source, clock),
        asking.Asking(kept, reads, plans, yes, glass, no, clock, nudges),
        yes,
        judges,
        stopping.Stopping(kept, no, clock),
        freezing.Freezing(kept, who, policy, clock, attempts),
        glass,
        nudges,
        advancing.Advancing(kept, reads, nudges, again, grants, execute, clock),
        attempts,
        standing.Standing(kept, who, policy, attempts, clock),
        clock,
        wake,
    )

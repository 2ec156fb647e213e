"""Where the parts are joined: the only module that names concrete classes."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping

from slack_sdk.web.async_client import AsyncWebClient

from bot import VERSION, cloud, runner, settings as settings_
from bot.clouddc import alarms, auth, exchange, poller
from bot.execution import context as execution, executor, lookback, poll_schedule
from bot.execution.steps import still_out
from bot.power import ports, request
from bot.power.run import settling
from bot.power.steps import protocol
from bot.runtime import clocks, policy_watch
from bot.slack import directory
from bot.slack.door import connection, sockets, watchdog
from bot.slack.inbound import bolt_registration, envelope, form_receiver, guard, processor
from bot.slack.outbound import (
    context as outbound,
    delivery,
    home_publisher,
    pacing,
    reporter,
    sending,
)
from bot.steps import all_kinds, http_client
from bot.storage import opening, store
from bot.workflow import context as story_, workflow
from bot.workflow.rights import grants, rejudge
from bot.workflow.sources import alarm_lookup, people

# A start in the middle of Slack's outage waits so long: platforms that see a process fail at its
# start again and again stop trying.
SLACK_PATIENCE_S = 300.0  # Five minutes in seconds.

Learn = Callable[[Iterable[str]], None]  # Told of secrets, so that the log hides them.


@dataclasses.dataclass(frozen=True)
class Basis:
    """What is there before the parts are joined: settings, clock, Slack, store and CloudDC."""

    settings: settings_.Settings
    paces: clocks.Paces
    clock: ports.Clock
    web_client: AsyncWebClient
    identity: connection.Identity
    store: store.Store
    power: poller.CloudPower
    log_in: Callable[[settings_.Settings], auth.CloudAuth]
    kinds: Mapping[str, protocol.StepClient]


@dataclasses.dataclass(frozen=True)
class Bot:
    """The joined parts of one running bot."""

    identity: connection.Identity
    clock: ports.Clock
    store: store.Store
    power: poller.CloudPower
    policy: policy_watch.PolicyFile
    workflow: workflow.Workflow
    runner: runner.Runner
    reporter: reporter.Reporter
    processor: processor.Processor
    homes: home_publisher.HomePublisher
    slack: connection.PromptApp
    watchdog: watchdog.Watchdog
    lookback: lookback.Lookback
    # Looks once after what steps have taken out; returns how many parts that were.
    keep_steps: Callable[[], Awaitable[int]]
    web_client: AsyncWebClient
    # Called again when a key was exchanged while the bot runs.
    log_in: Callable[[settings_.Settings], auth.CloudAuth]


@contextlib.asynccontextmanager
async def joined(
    given: settings_.Settings,
    transport: str,
    paces: clocks.Paces = clocks.USUAL,
    learn: Learn = lambda _: None,
) -> AsyncIterator[Bot]:
    """Join all parts, with Slack's tokens tried first; they are closed after the block.

    `transport` is `socket` or `http`. `learn` is told of the secrets of steps, as they are used.

    Raises:
        SlackUnavailable: Slack refuses the bot token, or can't be reached.
        CloudError: the environment names certificates or a proxy that can't be used.
        StoreUnavailable: the database can't be used.
    """
    # Slack may keep us waiting for minutes, and no wait makes another schema of it.
    opening.prove_usable(given.database_url)
    async with contextlib.AsyncExitStack() as closing:
        token = given.slack_bot_token.get_secret_value()
        web_client = await closing.enter_async_context(
            connection.open_client(token, given.slack_api_url)
        )
        app_token = given.slack_app_token.get_secret_value() if transport == "socket" else None
        identity, trusting = await _met(web_client, app_token)
        clock = clocks.SteadyClock(clocks.SystemClock(), identity.off_s)
        # Only now: its lock file would keep another start out while Slack is awaited.
        kept = opening.open_store(
            given.database_url,
            code_version=VERSION,
            sole=True,
            lease_s=paces.lease_s,
            marking_key=opening.marking_key(token),
        )
        closing.push_async_callback(kept.close)
        # One client for CloudDC and its IAM: reading the certificates again is slow.
        http = await closing.enter_async_context(exchange.open_http(trusting))
        surroundings = http_client.Client(learn=learn)
        closing.push_async_callback(surroundings.aclose)
        power = cloud.power_of(given, http, clock, paces)
        closing.push_async_callback(power.aclose)
        log_in = functools.partial(cloud.login_of, http=http, clock=clock)
        slack = (web_client, identity)
        kinds = all_kinds.all_kinds(surroundings)
        basis = Basis(given, paces, clock, *slack, kept, power, log_in, kinds)
        bot = _join(basis, await _note_workspace(basis))
        if app_token is not None:
            bot.watchdog.socket = sockets.SocketMode(bot.slack, app_token, clock)
        yield bot


async def _met(
    web_client: AsyncWebClient, app_token: str | None
) -> tuple[connection.Identity, ssl.SSLContext]:
    """Try Slack's tokens, and read the certificates while it answers; without Socket Mode one.

    Raises:
        SlackUnavailable: Slack refuses a token, or can't be reached.
        CloudError: the environment names certificates or a proxy that can't be used.
    """
    identity, trusting = await asyncio.gather(
        connection.introduce(web_client, patience_s=SLACK_PATIENCE_S), exchange.trusted()
    )
    if app_token is not None:
        await connection.try_app_token(web_client, app_token, patience_s=SLACK_PATIENCE_S)
    return identity, trusting


async def _note_workspace(basis: Basis) -> frozenset[str]:
    """Note the workspace's address; return the kinds of blocks that it was seen to refuse."""
    before = await basis.store.read(lambda tx: tx.workspace())
    # `powerbot check` notes the refused kinds; a start reads them once.
    seen = dataclasses.replace(before, url=basis.identity.url)
    if seen != before:
        await basis.store.write(lambda tx: tx.note_workspace(seen))
    return seen.refused_blocks


def _join(basis: Basis, without: frozenset[str]) -> Bot:
    """Wire the components; `without` are kinds of blocks that nothing is said with."""
    given, clock, store, identity = basis.settings, basis.clock, basis.store, basis.identity
    policy = policy_watch.PolicyFile(given.policy, clock)
    sender = sending.Sender(basis.web_client, clock, given.label, without)
    context = _story(basis, policy)
    reports = _reporter(basis, sender, context.people.directory, policy)
    # Set when a request may be due.
    due = asyncio.Event()

    # Both loops would find it by themselves, but up to a second later.
    def wake() -> None:
        reports.wake()
        due.set()

    # A run wakes the reporter alone: the runner drives it already.
    runs_with = _execution(basis, context, reports.wake)
    execute = functools.partial(executor.carry_out, runs_with)
    story = workflow.Workflow(context, execute, wake)
    homes = home_publisher.HomePublisher(
        sender, clock, workspace_url=identity.url, command=given.command
    )
    answering = delivery.Delivery(
        sender, clock, homes, workspace_url=identity.url, label=given.label
    )
    processing, slack = _inbound(basis, sender, story, answering)
    return Bot(
        identity=identity,
        clock=clock,
        store=store,
        power=basis.power,
        policy=policy,
        workflow=story,
        runner=runner.Runner(store, story.advance, clock, basis.paces, due),
        reporter=reports,
        processor=processing,
        homes=homes,
        slack=slack,
        watchdog=watchdog.Watchdog(basis.web_client, store, clock),
        lookback=lookback.Lookback(store, basis.power, clock, reports.wake),
        keep_steps=functools.partial(still_out.look, runs_with),
        web_client=basis.web_client,
        log_in=basis.log_in,
    )


def _inbound(
    basis: Basis, sender: sending.Sender, story: workflow.Workflow, answering: delivery.Delivery
) -> tuple[processor.Processor, connection.PromptApp]:
    """Return what processes payloads, and Slack's app whose listeners hand them to it."""
    given, clock, identity = basis.settings, basis.clock, basis.identity
    # A payload of a dead process is taken over as late as a request is.
    patience = processor.Patience(take_over_lease_s=basis.paces.lease_s)
    processing = processor.Processor(basis.store, story, answering, clock, bounds=patience)
    forms = form_receiver.FormReceiver(basis.store, story, processing.receive, clock)
    secret = given.slack_signing_secret.get_secret_value()
    slack = connection.make_app(basis.web_client, identity, secret)
    guarding = guard.Guard(
        identity.team_id, sender, identity.app_id, slack.turned_away, identity.enterprise_id
    )
    bolt_registration.Registration(
        processing, forms, guarding, given.command, given.label
    ).register(slack)
    return processing, slack


def _story(basis: Basis, policy: policy_watch.PolicyFile) -> story_.Context:
    """Return what the steps of the story share."""
    given, clock, identity = basis.settings, basis.clock, basis.identity
    home = envelope.Home(identity.team_id, identity.enterprise_id)
    seen = people.SeenMembers(basis.store, clock)
    who = people.People(
        directory.Directory(basis.web_client, clock, home=home),
        policy,
        identity.team_id,
        seen,
        identity.enterprise_id,
    )
    return story_.Context(
        store=basis.store,
        power=basis.power,
        people=who,
        policy=policy,
        clock=clock,
        scope=request.Scope(region=given.region, project_id=given.clouddc_project_id),
        # Alarms are shown beside a plan and decide nothing.
        alarms=alarm_lookup.AlarmLookup(alarms.CloudAlarms(basis.power.cloud), clock),
    )


def _execution(
    basis: Basis, context: story_.Context, wake: Callable[[], None]
) -> execution.Context:
    """Return what runs are carried out with."""
    given = basis.settings
    pacing = execution.Pacing(
        settling.WatchLimits(given.settle, given.deadline_power, given.deadline_reboot),
        poll_schedule.usual(given.poll_first, given.poll_cap),
        basis.paces.leave_s,
    )
    return execution.Context(
        basis.store,
        basis.power,
        basis.clock,
        asked_by_runs(context),
        pacing,
        wake,
        basis.kinds,
    )


def asked_by_runs(context: story_.Context) -> execution.Rules:
    """Return what a run asks the story before each wave and each call."""
    return execution.Rules(
        context.policy,
        functools.partial(rejudge.problem, context),
        functools.partial(grants.still_stands, context),
    )


def _reporter(
    basis: Basis, sender: sending.Sender, asked: ports.Directory, policy: policy_watch.PolicyFile
) -> reporter.Reporter:
    """Return what tells Slack of what has happened."""
    given, paces = basis.settings, basis.paces
    pace = pacing.Pace(given.card_pace, given.slack_rate, posts_per_s=paces.posts_per_s)
    return reporter.Reporter(
        outbound.Context(
            store=basis.store,
            sender=sender,
            clock=basis.clock,
            pace=pace,
            paces=paces,
            rules=policy,
            directory=asked,
            workspace_url=basis.identity.url,
        )
    )

"""Where the parts are joined: the only module that names concrete classes.

`serve` runs the bot until it is told to stop; everything that it starts it also ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import httpx
import structlog
from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot import (
    calling,
    clock as clock_,
    executor,
    people,
    planner,
    reading,
    rejudging,
    reviewing,
    rules,
    runner,
    settings,
    ticking,
    workflow as workflow_,
)
from bot.clouddc import auth, client, exchange, inventory, rate, watch
from bot.power import errors, ports, request, settling
from bot.slack import (
    connection,
    delivery,
    desk,
    directory,
    guard,
    listeners,
    publishing,
    reporter,
    sending,
)
from bot.storage import opening, store

log = structlog.get_logger()

# How long a stop may take before the process leaves what is under way to the next one.
STOP_S = 20.0
# A payload that a dead replica has left is taken over when its lease ends.
TAKE_OVER_S = 15.0
# Slack redelivers within minutes; the keys that find doubles are kept for three days.
KEEP_KEYS_S = 3 * 86400.0
CODE_VERSION = "0.1.0"


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
    slack: AsyncApp


Routes = Callable[[settings.Settings, Bot], Sequence[web.RouteDef]]


def cloud_auth(
    given: settings.Settings, http: httpx.AsyncClient, clock: ports.Clock
) -> auth.CloudAuth:
    """Return the credentials that the settings have: keys first, then a token, then IAM."""
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
    given: settings.Settings, http: httpx.AsyncClient, clock: ports.Clock
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
        )
    except ValueError as error:
        raise settings.SettingsError(f"CloudDC's settings can't be used: {error}.") from None
    servers = inventory.Inventory(cloud, clock)
    return watch.CloudPower(cloud, servers, watch.Poller(cloud, servers, clock))


@contextlib.asynccontextmanager
async def joined(given: settings.Settings) -> AsyncIterator[Bot]:
    """Join all parts, with Slack's tokens tried first; they are closed after the block.

    Raises:
        SlackUnavailable: Slack refuses the bot token, or can't be reached.
        StoreUnavailable: the database can't be used.
    """
    clock = clock_.SystemClock()
    async with contextlib.AsyncExitStack() as closing:
        session = await closing.enter_async_context(connection.open_session())
        token = given.slack_bot_token.get_secret_value()
        web_client = sending.web_client(token, session, given.slack_api_url)
        identity = await connection.introduce(web_client)
        kept = opening.open_store(given.database_url, code_version=CODE_VERSION, sole=True)
        closing.push_async_callback(kept.close)
        http = await closing.enter_async_context(exchange.open_http())
        power = cloud_power(given, http, clock)
        closing.push_async_callback(power.aclose)
        yield _join(given, clock, kept, power, web_client, identity)


def _join(
    given: settings.Settings,
    clock: ports.Clock,
    kept: store.Store,
    power: watch.CloudPower,
    web_client: AsyncWebClient,
    identity: connection.Identity,
) -> Bot:
    """Hand every part the parts that it needs."""
    policy = rules.PolicyFile(given.policy, clock)
    sender = sending.Sender(web_client, clock)
    who = people.People(directory.Directory(web_client, clock), policy, identity.team_id)
    again = rejudging.Rejudging(who, policy)
    telling = reporter.Reporter(
        kept,
        sender,
        clock,
        pace_s=given.card_pace,
        updates_per_minute=given.slack_rate,
        workspace_url=identity.url,
    )
    acting = executor.Executor(
        kept,
        power,
        calling.Calls(kept, power, clock, telling.wake),
        policy,
        again.problem,
        clock,
        limits=settling.Limits(given.settle, given.deadline_power, given.deadline_reboot),
        poll_first_s=given.poll_first,
        poll_cap_s=given.poll_cap,
        wake=telling.wake,
    )
    scope = request.Scope(region=given.region, project_id=given.clouddc_project_id)
    driving: list[runner.Runner] = []

    def wake() -> None:
        telling.wake()
        driving[0].wake()

    flow = workflow_.Workflow(
        kept,
        who,
        planner.Planner(kept, who, policy, clock, scope),
        reading.Reading(kept, power, policy, clock),
        reviewing.Reviewing(kept, who, policy, clock, power, again),
        again,
        acting.carry_out,
        clock,
        wake,
    )
    driving.append(runner.Runner(kept, flow.advance, clock))
    homes = publishing.Homes(sender, clock, workspace_url=identity.url)
    taking = desk.Desk(kept, flow, delivery.Delivery(sender, homes), clock)
    slack = connection.make_app(web_client, identity, given.slack_signing_secret.get_secret_value())
    listeners.Listeners(taking, guard.Guard(identity.team_id, sender)).register(slack)
    return Bot(identity, kept, power, policy, flow, driving[0], telling, taking, homes, slack)


async def serve(given: settings.Settings, transport: str, routes: Routes | None = None) -> None:
    """Run the bot over `socket` or `http` until SIGTERM or SIGINT.

    Raises:
        SlackUnavailable: Slack refuses a token, or can't be reached.
        StoreUnavailable: the database can't be used.
    """
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    async with joined(given) as bot, contextlib.AsyncExitStack() as closing:
        if bot.store.restored:
            await bot.store.write(lambda tx: ticking.after_restore(tx, bot.desk.now()))
            await bot.store.settle_restore()
        bot.policy()
        await _listen(given, transport, bot, closing, routes)
        log.info("bot.started", team=bot.identity.team, transport=transport)
        working = [
            asyncio.create_task(bot.runner.run(), name="runner"),
            asyncio.create_task(bot.reporter.run(), name="reporter"),
            asyncio.create_task(_take_over(bot), name="take over"),
            asyncio.create_task(_keep_homes(bot), name="homes"),
        ]
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait([stopped, *working], return_when=asyncio.FIRST_COMPLETED)
        await closing.aclose()
        await _end(bot, [stopped, *working])


async def _listen(
    given: settings.Settings,
    transport: str,
    bot: Bot,
    closing: contextlib.AsyncExitStack,
    routes: Routes | None,
) -> None:
    """Open the way by which Slack reaches us, and the address for health and metrics."""
    paths = list(routes(given, bot)) if routes else []
    if transport == "http":
        secret = given.slack_signing_secret.get_secret_value()
        paths.append(web.post("/slack/events", connection.http_handler(bot.slack, secret)))
    else:
        token = given.slack_app_token.get_secret_value()
        await connection.try_app_token(bot.slack.client, token)
        socket = connection.SocketMode(bot.slack, token)
        await socket.start()
        closing.push_async_callback(socket.close)
        watching = asyncio.create_task(socket.watch(clock_.SystemClock()), name="socket watch")
        closing.callback(watching.cancel)
    site = web.Application()
    site.add_routes(paths)
    listening = web.AppRunner(site, access_log=None)
    await listening.setup()
    closing.push_async_callback(listening.cleanup)
    try:
        await web.TCPSite(listening, given.host, given.port).start()
    except OSError as error:
        raise settings.SettingsError(
            f"Port {given.port} on {given.host} can't be used: {error.strerror}."
        ) from None


async def _keep_homes(bot: Bot) -> None:
    """Keep the Home tabs that are open up to date: whatever concerns them is in the audit log."""

    async def head() -> int:
        return (await bot.store.read(lambda tx: tx.audit_head()))[0]

    await bot.homes.run(bot.workflow.home, head)


async def _take_over(bot: Bot) -> None:
    """Deal with payloads that a dead process has left, and forget the keys of old ones."""
    while True:
        try:
            await bot.desk.recover()
            await bot.store.purge_inbox(before=bot.desk.now() - KEEP_KEYS_S)
        except errors.StoreUnavailable as error:
            log.warning("inbox.store_away", why=error.user_message)
        await asyncio.sleep(TAKE_OVER_S)


async def _end(bot: Bot, tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Finish what is under way, within bounds; what is left is in the store."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOP_S / 2):
            await bot.desk.close()
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOP_S / 4):
            await bot.reporter.deliver_due()
    broken = [one for one in ended if isinstance(one, Exception)]
    if broken:
        raise broken[0]
    log.info("bot.stopped")

"""From the start of a process to its end: everything that is started here is also ended here.

A stop takes a bounded time. First nothing new is taken in; then what was taken is dealt with, calls
on the wire get their answers written down, and every claim is given back.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog
from aiohttp import web

from bot import app, http_limits, settings
from bot.power import errors, ports
from bot.runtime import clocks, gc_tuning
from bot.slack.door import connection
from bot.workflow import audit_trail, break_glass, freeze, timers

log = structlog.get_logger()

# Slack redelivers within minutes; the keys that find doubles are kept for three days.
KEEP_KEYS_S = 3 * 86400.0
# Plans that came to nothing are kept for so long, for whoever presses their button once more; so
# many are forgotten at once.
KEEP_PLANS_S = 900.0  # A quarter of an hour in seconds.
MOST_FORGOTTEN = 200
# At the start, what was left waits this long: runs for the fleet's list, cards for their runs.
HEAD_START_S = 0.5
# Seconds for releasing what could not be finished before a stop.
LET_GO_S = 1.0

Routes = Callable[[settings.Settings, app.Bot], Sequence[web.RouteDef]]
Observer = Callable[[app.Bot], Coroutine[Any, Any, None]]


async def serve(
    given: settings.Settings,
    transport: str,
    routes: Routes | None = None,
    *,
    observers: Sequence[Observer] = (),
    paces: clocks.Paces = clocks.USUAL,
    learn: app.Learn = lambda _: None,
) -> None:
    """Run the bot over `socket` or `http` until SIGTERM or SIGINT.

    `observers` run beside it and are cancelled at the end. `learn` is told of secrets.

    Raises:
        SlackUnavailable: Slack refuses a token, or can't be reached.
        StoreUnavailable: the database can't be used.
    """
    async with (
        app.joined(given, transport, paces, learn) as bot,
        contextlib.AsyncExitStack() as listening,
    ):
        # Until here a signal ends the process at once: nothing is under way yet.
        stopping = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stopping.set)
        # Before anything is claimed: what an old backup calls open may have been sent since.
        await _settle_restore(bot)
        # Read now, so that a policy which can't be used is in the log at once.
        bot.policy()
        await _listen(given, transport, bot, listening, routes)
        gc_tuning.settle()
        log.info("bot.started", team=bot.identity.team, transport=transport)
        await _look_first(bot)
        driving = asyncio.create_task(bot.runner.run(), name="runner")
        saying = asyncio.create_task(_say(bot), name="reporter")
        beside = _beside(bot, observers, paces)
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait([stopped, driving, saying, *beside], return_when=asyncio.FIRST_COMPLETED)
        log.info("bot.stopping", driving=bot.runner.driving)
        stopped.cancel()
        await _end(bot, listening, (driving, saying), beside, paces.stop_s)


async def _look_first(bot: app.Bot) -> None:
    """Read the fleet if a run was left: how its servers are matters more than what was stored."""
    if not await bot.store.has_runs():
        return
    looking = asyncio.create_task(bot.power.snapshot(not_before=bot.clock.now()))
    # One that fails is made again by whoever watches the run.
    looking.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.wait({looking}, timeout=HEAD_START_S)


async def _settle_restore(bot: app.Bot) -> None:
    """End or hold what a restored backup has open, before anything is driven."""
    if bot.store.restored:
        log.warning("store.restored")
        await bot.store.write(lambda tx: timers.after_restore(tx, bot.clock.now()))
        await bot.store.settle_restore()


async def _listen(
    given: settings.Settings,
    transport: str,
    bot: app.Bot,
    listening: contextlib.AsyncExitStack,
    routes: Routes | None,
) -> None:
    """Open the way by which Slack reaches us, and the address for health and metrics."""
    paths = list(routes(given, bot)) if routes else []
    if transport == "http":
        secret = given.slack_signing_secret.get_secret_value()
        paths.append(
            web.post("/slack/events", connection.http_handler(bot.slack, secret, bot.clock))
        )
    elif bot.watchdog.socket is not None:
        listening.push_async_callback(bot.watchdog.socket.close)
        await bot.watchdog.socket.start()
    bounds = http_limits.bounds_for(http_limits.raise_descriptors())
    door = http_limits.BoundedServer(bot.slack.turned_away, bounds)
    listening.push_async_callback(door.close)
    try:
        await door.open(paths, given.host, given.port)
    except OSError as error:
        raise settings.unusable_port(given.host, given.port, error) from None


def _beside(
    bot: app.Bot, observers: Sequence[Observer], paces: clocks.Paces
) -> list[asyncio.Task[None]]:
    """Start what runs beside the requests and the messages."""
    tidying = gc_tuning.collect_when_idle(lambda: bot.runner.driving)
    return [
        asyncio.create_task(_sweep(bot, paces), name="sweep"),
        asyncio.create_task(_look_back(bot, paces), name="lookback"),
        asyncio.create_task(_keep_steps(bot, paces), name="steps"),
        asyncio.create_task(bot.watchdog.run(), name="watchdog"),
        asyncio.create_task(_keep_homes(bot), name="homes"),
        asyncio.create_task(_note_policies(bot, paces), name="policies"),
        asyncio.create_task(tidying, name="garbage"),
        *(asyncio.create_task(one(bot)) for one in observers),
    ]


async def _note_policies(bot: app.Bot, paces: clocks.Paces) -> None:
    """Write each policy down, with its text, when it comes into force."""
    noted: str | None = None
    while True:
        version = bot.policy().version
        if version != noted:
            found = audit_trail.PolicyInForce(version, bot.policy.text)
            with contextlib.suppress(errors.StoreUnavailable):
                await audit_trail.note_policy(bot.store, found, bot.clock.now())
                noted = version
        await asyncio.sleep(paces.look_s)


async def _say(bot: app.Bot) -> None:
    """Deliver what is due; a run that another process left is checked first, then reported.

    Making the card of a large one would hold its first look up.
    """
    await asyncio.sleep(HEAD_START_S)
    await bot.reporter.run()


async def _keep_homes(bot: app.Bot) -> None:
    """Keep the Home tabs that are open up to date: whatever concerns them is in the audit log."""

    async def head() -> int:
        return (await bot.store.read(lambda tx: tx.audit_head()))[0]

    await bot.homes.run(bot.workflow.home, head)


async def _look_back(bot: app.Bot, paces: clocks.Paces) -> None:
    """Go on looking at servers whose run has ended before they showed what became of them."""
    while True:
        try:
            await bot.lookback.look()
        except errors.StoreUnavailable as error:
            log.warning("lookback.store_away", why=error.user_message)
        await asyncio.sleep(paces.sweep_s)


async def _keep_steps(bot: app.Bot, paces: clocks.Paces) -> None:
    """Look after what is still out when its request has ended: put back, extended, or over."""
    while True:
        try:
            await bot.keep_steps()
        except errors.StoreUnavailable as error:
            log.warning("steps.store_away", why=error.user_message)
        await asyncio.sleep(paces.sweep_s)


async def _sweep(bot: app.Bot, paces: clocks.Paces) -> None:
    """Deal with payloads that a dead process has left, and forget the keys of old ones."""
    frozen: tuple[ports.Freeze, ...] = ()
    while True:
        try:
            await bot.store.shorten_leases()
            await bot.processor.recover()
            await break_glass.remind(bot.workflow.context)
            await freeze.end_due(bot.workflow.context)
            frozen = await freeze.redraw_due(bot.workflow.context, frozen)
            await bot.store.write(functools.partial(_forget_plans, before=bot.clock.now()))
            await bot.store.count_on()
            await bot.store.purge_inbox(before=bot.clock.now() - KEEP_KEYS_S)
        except errors.StoreUnavailable as error:
            log.warning("inbox.store_away", why=error.user_message)
        await asyncio.sleep(paces.sweep_s)


def _forget_plans(tx: ports.Tx, *, before: float) -> None:
    """Delete plans that were never requested and ended a while before an instant."""
    tx.forget_plans(before=before - KEEP_PLANS_S, limit=MOST_FORGOTTEN)


async def _end(
    bot: app.Bot,
    listening: contextlib.AsyncExitStack,
    working: tuple[asyncio.Task[None], asyncio.Task[None]],
    beside: Sequence[asyncio.Task[None]],
    stop_s: float,
) -> None:
    """Finish what is under way, within bounds; what is left is in the store."""
    driving, saying = working
    tasks = [*working, *beside]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(stop_s):
            await listening.aclose()
            # No new call leaves from here on; those on the wire are waited for.
            driving.cancel()
            for task in beside:
                task.cancel()
            await asyncio.wait({asyncio.create_task(bot.processor.close()), driving})
            # What was just decided is still said; a message that is being said is noted, too.
            bot.reporter.end()
            await asyncio.wait({saying})
            await bot.reporter.deliver_due()
    with contextlib.suppress(TimeoutError, errors.StoreUnavailable):
        async with asyncio.timeout(LET_GO_S):
            await bot.processor.let_go()
    for task in tasks:
        task.cancel()
    ended, left = await asyncio.wait(tasks, timeout=1.0)
    if left:
        log.error("bot.stopped_late", left=sorted(task.get_name() for task in left))
    broken = [found for task in ended if not task.cancelled() and (found := task.exception())]
    if broken:
        raise broken[0]
    log.info("bot.stopped")

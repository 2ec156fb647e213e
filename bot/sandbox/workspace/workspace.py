"""The workspace as a whole: puts the parts together, serves them, and is what tests hold on to."""

import functools
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from aiohttp import web

from bot.sandbox.workspace.api.web_api import Client, WebApi
from bot.sandbox.workspace.base import limits
from bot.sandbox.workspace.base.changes import Toast
from bot.sandbox.workspace.base.rates import RateLimiter
from bot.sandbox.workspace.page import page_routes
from bot.sandbox.workspace.people import hands
from bot.sandbox.workspace.people.actions import Actions
from bot.sandbox.workspace.people.desk import Desk
from bot.sandbox.workspace.people.responses import Responder
from bot.sandbox.workspace.state import manifest
from bot.sandbox.workspace.state.directory import Directory, Person
from bot.sandbox.workspace.state.journal import Call, Journal, Violation
from bot.sandbox.workspace.state.state import App, Cast, WorkspaceState
from bot.sandbox.workspace.state.timeline import Message
from bot.sandbox.workspace.state.view_book import View
from bot.sandbox.workspace.transport.delivery import Delivery, Transport
from bot.sandbox.workspace.transport.faults import Faults
from bot.sandbox.workspace.transport.request_url import LOOPBACK, RequestUrl
from bot.sandbox.workspace.transport.socket_hub import SocketHub

Found = TypeVar("Found")
_SHUTDOWN_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Installed:
    """One more app of the workspace."""

    state: WorkspaceState
    hub: SocketHub
    delivery: Delivery
    responder: Responder


class Workspace(Actions):
    """A Slack workspace that runs on this machine, with people in it who do what they are told.

    `start` serves the Web API, Socket Mode and the page's API on loopback. Everything that people
    can do is a method (see `Actions`); everything that can be seen is a method or an attribute.
    """

    def __init__(
        self,
        *,
        app: App | None = None,
        cast: Cast | None = None,
        registered: Mapping[str, Any] = manifest.DEFAULT,
        clock: Callable[[], float] = time.time,
        rng: random.Random | None = None,
        request_url: str | None = None,
        rate_factor: float = 1.0,
        ack_s: float = limits.ACK_S,
        redelivery_delays_s: Sequence[float] = limits.REDELIVERY_DELAYS_S,
        mentionable_groups: Iterable[str] = (),
        strict: bool = True,
    ) -> None:
        """Build a workspace that is not yet served.

        Args:
            app: Tokens, ids and granted scopes.
            cast: Team, people, channels and user groups at the start.
            registered: Commands, shortcuts and events, in the shape of an app manifest.
            clock: Wall seconds, for timestamps, rate limits and everything that expires.
            rng: Makes ids; give a seeded one for ids that repeat.
            request_url: Where payloads are POSTed; None means Socket Mode.
            rate_factor: Scales all rate limits; 2 is twice as generous as Slack.
            ack_s: How long an ack may take, in real seconds.
            redelivery_delays_s: Real seconds before each redelivery of an event.
            mentionable_groups: Ids of user groups that the app may mention.
            strict: Refuse what breaks a rule of ours, such as forged text; else only note it.
        """
        self.app = app or App()
        self._state = WorkspaceState(
            self.app,
            cast or Cast(),
            registered,
            clock=clock,
            rng=rng or random.Random(),
            mentionable_groups=mentionable_groups,
            strict=strict,
        )
        self.chaos = self._state.chaos
        self.hub = SocketHub(self._state)
        self._waits: dict[str, Any] = {"ack_s": ack_s, "redelivery_delays_s": redelivery_delays_s}
        self._rates = functools.partial(RateLimiter, clock, rate_factor)
        self._delivery = Delivery(self._state, self.hub, **self._waits)
        if request_url is not None:
            self.use_request_url(request_url)
        self._responder = Responder(self._state)
        super().__init__(hands.of(self._state, Desk(self._state, self._delivery), self._responder))
        self._api = WebApi(Client(self._state, self._rates(), self.hub))
        self._others: list[Installed] = []
        self._runner: web.AppRunner | None = None

    def exchange(self, **secrets: Any) -> None:
        """Give the app other secrets, by their fields; those before are refused from now on."""
        self._state.exchange(**secrets)
        self.app = self._state.app

    def install(self, app: App, registered: Mapping[str, Any], name: str) -> SocketHub:
        """Install one more app, whose bot is called `name`; return the hub of its sockets.

        It hears its own commands, clicks on what it has posted, its own shortcuts and mentions.
        """
        bot = Person(app.bot_user, name, name, "another app", is_bot=True)
        self.directory.people[bot.id] = bot
        for channel in self.directory.channels.values():
            if self.app.bot_user in channel.members and not channel.is_im:
                channel.members.add(bot.id)
        state = self._state.beside(app, registered)
        hub = SocketHub(state)
        delivery, responder = Delivery(state, hub, **self._waits), Responder(state)
        self._hands.append(hands.of(state, Desk(state, delivery), responder))
        self._api.welcome(Client(state, self._rates(), hub))
        self._others.append(Installed(state, hub, delivery, responder))
        return hub

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, extra_routes: Iterable[web.RouteDef] = ()
    ) -> None:
        """Serve the workspace; port 0 takes any free one.

        Raises:
            ValueError: when the host isn't this machine's loopback: there is no password here.
            OSError: when the address can't be had.
        """
        if host not in LOOPBACK:
            raise ValueError(f"the workspace serves loopback only, not {host}")
        application = web.Application(
            client_max_size=limits.REQUEST_BYTES, middlewares=[page_routes.same_origin]
        )
        application.add_routes([*self._routes(), *extra_routes])
        self._runner = web.AppRunner(
            application, access_log=None, shutdown_timeout=_SHUTDOWN_S, handler_cancellation=True
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError:
            await self._runner.cleanup()
            raise
        shown_host = f"[{host}]" if ":" in host else host
        self._state.served.url = f"http://{shown_host}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close all connections and give up what is still to be delivered."""
        for delivery, hub in (
            (self._delivery, self.hub),
            *((one.delivery, one.hub) for one in self._others),
        ):
            await delivery.stop()
            await hub.stop()
        self._state.changes.bump()
        if self._runner is not None:
            await self._runner.cleanup()

    def use_request_url(self, url: str) -> None:
        """Deliver by signed HTTP requests from now on, instead of Socket Mode.

        Raises:
            ValueError: when the URL isn't on this machine.
        """
        self.deliver_by(RequestUrl(url, self.app.signing_secret, self._state.clock))

    def deliver_by(self, transport: Transport) -> None:
        """Deliver by this transport from now on."""
        self._delivery.transport = transport

    @property
    def url(self) -> str:
        """Where the server is, without a slash at the end."""
        return self._state.base_url

    @property
    def api_url(self) -> str:
        """The `base_url` for a Slack client; ends in `/api/`."""
        return f"{self._state.base_url}/api/"

    @property
    def directory(self) -> Directory:
        """The people, channels and groups; tests may change them while the workspace runs."""
        return self._state.directory

    @property
    def journal(self) -> Journal:
        """Everything that happened."""
        return self._state.journal

    @property
    def violations(self) -> list[Violation]:
        """The rules that the app broke; a good app leaves this empty."""
        return list(self._state.journal.violations)

    def messages(self, channel: str, as_user: str | None = None) -> list[Message]:
        """List a channel's messages, oldest first, as one person sees them or as all do."""
        place = self._state.directory.channel(channel)
        viewer = self._state.directory.person(as_user).id if as_user else ""
        every = self._state.timeline.in_channel(place.id)
        return [message for message in every if message.seen_by(viewer)]

    def thread(self, channel: str, ts: str) -> list[Message]:
        """List a thread, its root first."""
        return self._state.timeline.thread(self._state.directory.channel(channel).id, ts)

    def ephemerals(self, user: str) -> list[Message]:
        """List what only this person sees, oldest first."""
        return self._state.timeline.ephemerals(self._state.directory.person(user).id)

    def direct_messages(self, user: str) -> list[Message]:
        """List what stands in the direct message between this person and the bot."""
        place = self._state.directory.direct_message(self._state.directory.person(user))
        return self._state.timeline.in_channel(place.id)

    def views(self, user: str) -> list[View]:
        """List a person's open modals, the top one last."""
        return self._state.views.stack(self._state.directory.person(user).id)

    def home(self, user: str, *, app: str = "") -> View | None:
        """Return a person's Home tab, if the app has published one."""
        return self._of(app).state.views.homes.get(self._state.directory.person(user).id)

    def toasts(self, user: str) -> list[Toast]:
        """List the short notices that a person has seen."""
        return list(self._state.changes.toasts[self._state.directory.person(user).id])

    def calls(self, method: str | None = None) -> list[Call]:
        """List the Web API calls, oldest first, of one method or of all."""
        every = self._state.journal.api_calls
        return [call for call in every if method in (None, call.method)]

    async def wait_for(self, predicate: Callable[[], Found], timeout_s: float = 30.0) -> Found:
        """Return the predicate's first true value, asking again after each visible change.

        Raises:
            TimeoutError: when it stays false.
        """
        return await self._state.changes.wait_for(predicate, timeout_s)

    def revoke(self, *scopes: str) -> None:
        """Take scopes away from the app, as an install with fewer of them does."""
        self._state.revoked_scopes.update(scopes)

    async def settle(self) -> None:
        """Wait until every event has been acked or given up."""
        await self._delivery.settle()

    def run_step(self, execution_id: str) -> None:
        """Let a Workflow Builder step run, so that functions.complete* can end it."""
        self._state.running_steps.add(execution_id)

    def _routes(self) -> list[web.RouteDef]:
        page = page_routes.Page(self._state, self, Faults(self.chaos, self.hub))
        return [
            web.get("/api/{method}", self._api.handle),
            web.post("/api/{method}", self._api.handle),
            web.get("/ws/{ticket}", self._serve_socket),
            web.post("/respond/{key}", self._take_response),
            *page.routes(),
        ]

    async def _serve_socket(self, request: web.Request) -> web.StreamResponse:
        """Let an app's socket in where its address was given out."""
        ticket = request.match_info["ticket"]
        given = (one.hub for one in self._others if one.hub.has_ticket(ticket))
        return await next(given, self.hub).serve(request)

    async def _take_response(self, request: web.Request) -> web.StreamResponse:
        """Let the app answer to which this response URL was given."""
        key = request.match_info["key"]
        given = (one.responder for one in self._others if one.responder.has(key))
        return await next(given, self._responder).handle(request)

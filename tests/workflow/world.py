"""The whole workflow on a given clock: real store, real executor, a simulated data centre.

Only Slack is left out: people, groups and channels stand in a `Folk` that a test changes, and
what would be said is read from the outbox.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import httpx

from bot import app
from bot.clouddc import exchange
from bot.execution import context as execution, executor, lookback, poll_schedule
from bot.power import errors, inputs, ports, request
from bot.power.lifecycle import State
from bot.power.policy import policy, policy_file
from bot.power.run import runs
from bot.sandbox import data_centre
from bot.storage import opening, store
from bot.storage.engine import connections
from bot.workflow import answers, context, workflow
from bot.workflow.sources import alarm_lookup, people
from tests.support import centre as centres, ticks

TEAM = "T0DEMO"
OPS, INC = "C0OPS", "C0INC"
DANA, SAM, ROSA, OLGA, LEO = "U0DANA", "U0SAM", "U0ROSA", "U0OLGA", "U0LEO"
ONCALL = "S0ONCALL"

POLICY = """\
version = 1
[channels]
allow = ["C0OPS", "C0INC"]
incident = ["C0INC"]
[people]
sre = ["U0DANA", "U0SAM", "U0LEO"]
dc-ops = ["U0ROSA", "S0ONCALL"]
[groups]
db = "db*"
[protected]
servers = ["tag:powerbot=never", "pdu*"]
[defaults]
ramp = []
[[rule]]
name = "databases"
servers = "@db"
actions = ["off", "reboot", "cycle"]
requesters = ["sre"]
approvers = { sre = 1, dc-ops = 1 }
[[rule]]
name = "everything else"
servers = "*"
actions = ["on", "off", "reboot", "cycle"]
requesters = ["sre"]
approvers = { sre = 1 }
from_servers = { 10 = { sre = 1, dc-ops = 1 } }
break_glass = ["sre"]
review_within = "4h"
"""


def policy_of(*changes: tuple[str, str]) -> policy.Policy:
    """Return the policy with some of its text replaced."""
    text = POLICY
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    return policy_file.read(text)


class Folk:
    """Implements `ports.Directory` over people that a test changes; it counts what is asked.

    A name in `away` can't be looked up; what `meanwhile` has for one happens during the look-up.
    """

    def __init__(self) -> None:
        self.members = {
            one: ports.Member(one, TEAM, one.lower()) for one in (DANA, SAM, ROSA, OLGA, LEO)
        }
        self.groups: dict[str, frozenset[str]] = {ONCALL: frozenset({LEO})}
        self.channels = {one: ports.Channel(one, one.lower()) for one in (OPS, INC)}
        self.away: set[str] = set()
        self.asked: list[str] = []
        self.meanwhile: dict[str, Callable[[], Awaitable[object]]] = {}

    def change(self, user_id: str, **fields: Any) -> None:
        """Change what Slack says of a person."""
        self.members[user_id] = dataclasses.replace(self.members[user_id], **fields)

    async def member(self, user_id: str) -> ports.Member:
        """Return a person; an unknown one is a stranger."""
        self._ask(user_id)
        await self._meanwhile(user_id)
        return self.members.get(user_id) or ports.Member(user_id, "", is_stranger=True)

    async def group(self, group_id: str) -> frozenset[str]:
        """Return the members of a user group; one that doesn't exist can't be read."""
        self._ask(group_id)
        if group_id not in self.groups:
            raise errors.SlackUnavailable
        return self.groups[group_id]

    async def channel(self, channel_id: str) -> ports.Channel:
        """Return a channel."""
        self._ask(channel_id)
        await self._meanwhile(channel_id)
        return self.channels.get(channel_id) or ports.Channel(channel_id, is_member=False)

    async def _meanwhile(self, what: str) -> None:
        """Let something happen, once, while somebody waits for this answer."""
        if what in self.meanwhile:
            await self.meanwhile.pop(what)()

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.away:
            raise errors.SlackUnavailable


def pressed(do: str, request_id: str, **words: str) -> inputs.Input:
    """Return a button of a request, or its form: a no is sent with its form, which may be empty."""
    sent = {"do": do, "request_id": request_id, **words}
    if words or do == "deny":
        return inputs.FormSent.model_validate(sent)
    return inputs.Pressed.model_validate(sent)


@dataclasses.dataclass
class World:
    """One process's bot without its Slack side."""

    url: str
    given: ports.Clock
    folk: Folk
    store: store.Store
    near: data_centre.DataCentre | None
    flow: workflow.Workflow = dataclasses.field(init=False)
    back: lookback.Lookback = dataclasses.field(init=False)
    rules: policy.Policy = dataclasses.field(default_factory=lambda: policy_file.read(POLICY))
    keys: itertools.count[int] = dataclasses.field(default_factory=itertools.count)

    @property
    def clock(self) -> ticks.GivenClock:
        """The clock, where it is given."""
        assert isinstance(self.given, ticks.GivenClock)
        return self.given

    @property
    def centre(self) -> data_centre.DataCentre:
        """The data centre, where it is in this process."""
        assert self.near is not None
        return self.near

    def edit(self, *changes: tuple[str, str]) -> None:
        """Put an edited policy in force."""
        self.rules = policy_of(*changes)

    def inbound(
        self,
        who: str,
        given: inputs.Input,
        *,
        channel: str = OPS,
        key: str = "",
    ) -> ports.Inbound:
        """Return a payload of this person."""
        return ports.Inbound(
            key=key or f"{given.kind}:{next(self.keys)}",
            person=request.Person(user_id=who, team_id=TEAM),
            place=request.Place(channel_id=channel),
            input=given,
            at=self.given.now(),
        )

    async def type(self, text: str, who: str = DANA, channel: str = OPS) -> answers.Answer | None:
        """Type after `/power`."""
        given = inputs.Typed(text=text)
        return await self.flow.handle(self.inbound(who, given, channel=channel))

    async def plan(self, text: str, who: str = DANA, channel: str = OPS) -> answers.PlanShown:
        """Type a change and return its plan."""
        shown = await self.type(text, who, channel)
        assert isinstance(shown, answers.PlanShown), shown
        return shown

    async def press(
        self, who: str, do: str, request_id: str, **words: str
    ) -> answers.Answer | None:
        """Press a button of a request, or send its form; a no without words is that of its form."""
        return await self.flow.handle(self.inbound(who, pressed(do, request_id, **words)))

    async def told(self, who: str, do: str, request_id: str, **words: str) -> str:
        """Press a button and return the sentence that the person gets."""
        said = await self.press(who, do, request_id, **words)
        assert isinstance(said, answers.Note), said
        return said.text

    async def ask(self, text: str, who: str = DANA, channel: str = OPS) -> str:
        """Type a change, press Request, and return the request's id."""
        shown = await self.plan(text, who, channel)
        assert not shown.plan.refusals, shown.plan.refusals
        count = str(len(shown.plan.order.targets))
        said = await self.press(who, "confirm_count", shown.request_id, count=count)
        assert isinstance(said, answers.Note), said
        assert said.good, said.text
        if shown.plan.order.options.break_glass:
            await self.show_card(shown.request_id, channel)
        return shown.request_id

    async def show_card(self, request_id: str, channel: str) -> None:
        """Let Slack take the card, without which break glass doesn't start."""
        await self.store.write(lambda tx: tx.set_card(request_id, ports.Card(channel, "1.5")))

    async def drive(self) -> None:
        """Carry on everything that is due at this moment."""
        while claim := await self.store.claim(now=self.given.now(), lease_s=600.0):
            next_at = await self.flow.advance(runs.Lease(claim, lambda: 600.0))
            await self.store.release(claim, next_at=next_at)

    async def later(self, seconds: float) -> None:
        """Let time pass, then carry on what is due."""
        self.clock.passed_s += seconds
        await self.drive()

    async def found(self, request_id: str) -> ports.Request:
        """Return a request as it is stored."""
        stored = await self.store.read(lambda tx: tx.request(request_id))
        assert stored is not None
        return stored

    async def attempts(self, request_id: str) -> list[ports.Attempt]:
        """Return the power calls of a request."""
        return await self.store.read(lambda tx: tx.attempts(request_id))

    async def state(self, request_id: str) -> State:
        """Return a request's state."""
        return (await self.found(request_id)).state

    async def audit(self, event: str = "", request_id: str = "") -> list[Mapping[str, Any]]:
        """Return audit rows, oldest first."""
        rows = await self.store.read(
            lambda tx: tx.audit_rows(request_id=request_id, event=event, limit=10_000)
        )
        return rows[::-1]

    def thread(self, request_id: str) -> list[dict[str, Any]]:
        """Return what was queued for a request's thread, oldest first."""
        said = "SELECT body FROM outbox WHERE request_id = :id AND kind = 'reply' ORDER BY id"
        with connections.reading(self.url) as connection:
            return [json.loads(row.body) for row in connection.rows(said, id=request_id)]

    def events(self, request_id: str) -> list[str]:
        """Return the words of what was queued for a request's thread."""
        return [str(body["event"]) for body in self.thread(request_id)]

    async def look_back(self, seconds: float) -> None:
        """Let time pass while the servers of ended runs are looked at."""
        until = self.clock.passed_s + seconds
        while self.clock.passed_s < until:
            self.clock.passed_s += 5.0
            await self.back.look()

    async def rows(self, request_id: str) -> dict[str, ports.RunServer]:
        """Return the servers of a run, by name."""
        found = await self.store.read(lambda tx: tx.run_servers(request_id))
        return {row.name: row for row in found}

    def calls(self) -> list[int]:
        """Return how many ids each power call had."""
        return [len(entry.ids) for entry in self.centre.power_calls()]


@contextlib.asynccontextmanager
async def running(
    url: str,
    *,
    clock: ports.Clock | None = None,
    folk: Folk | None = None,
    centre: data_centre.DataCentre | None = None,
    way: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[World]:
    """Run a world on a database; what is given is kept from the process before.

    `way` leads to the data centre, where it isn't answered at once.
    """
    clock, folk = clock or ticks.GivenClock(), folk or Folk()
    centre = centre or a_centre(clock)
    async with (
        httpx.AsyncClient(transport=way or centres.prompt(centre)) as http,
        _joined(url, clock, folk, centre, http, centres.NOWHERE) as made,
    ):
        yield made


@contextlib.asynccontextmanager
async def beside(url: str, cloud_url: str, clock: ports.Clock) -> AsyncIterator[World]:
    """Run one of several worlds on a database, over HTTP to a data centre that all share."""
    async with (
        exchange.open_http() as http,
        _joined(url, clock, Folk(), None, http, cloud_url) as made,
    ):
        yield made


@contextlib.asynccontextmanager
async def _joined(
    url: str,
    clock: ports.Clock,
    folk: Folk,
    centre: data_centre.DataCentre | None,
    http: httpx.AsyncClient,
    cloud_url: str,
) -> AsyncIterator[World]:
    """Join the parts."""
    kept = opening.open_store(url, code_version="test")
    made = World(url, clock, folk, kept, centre)
    power = centres.power(http, clock, url=cloud_url)
    seen = people.SeenMembers(kept, clock)
    who = people.People(folk, lambda: made.rules, TEAM, seen)
    story = context.Context(
        store=kept,
        power=power,
        people=who,
        policy=lambda: made.rules,
        clock=clock,
        scope=request.Scope(region="here", project_id="p"),
        alarms=alarm_lookup.AlarmLookup(None, clock),
    )
    often = poll_schedule.usual(0.1, 0.5) if centre is None else poll_schedule.usual()
    pacing = execution.Pacing(schedule=often)
    acting = execution.Context(kept, power, clock, app.asked_by_runs(story), pacing)
    execute = functools.partial(executor.carry_out, acting)
    made.back = lookback.Lookback(kept, power, clock)
    made.flow = workflow.Workflow(story, execute)
    try:
        yield made
    finally:
        await power.aclose()
        await kept.close()


def a_centre(clock: ports.Clock) -> data_centre.DataCentre:
    """Return a data centre of 120 servers whose operations take about five seconds."""
    begun = datetime.datetime.fromtimestamp(clock.now() - clock.monotonic(), datetime.UTC)
    return data_centre.DataCentre(
        data_centre.build(120, seed=0),
        clock=clock.monotonic,
        wall=lambda: begun + datetime.timedelta(seconds=clock.monotonic()),
        account=centres.ACCOUNT,
        pace=data_centre.Pace(5.0),
    )

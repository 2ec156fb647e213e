"""What decides asks for the rows that count: nobody pushes them out with others."""

from __future__ import annotations

import asyncio
import dataclasses

from bot.power import ports, request
from bot.power.lifecycle import ServerState, State
from bot.sandbox import data_centre
from bot.workflow import answers
from tests.workflow.world import DANA, OLGA, ROSA, SAM, TEAM, World

SPLIT = (
    ("from_servers = { 10 = { sre = 1, dc-ops = 1 } }",
     "from_servers = { 5 = { sre = 1, dc-ops = 1 } }"),
)  # fmt: skip
NOISE = 1_010


async def noise(world: World, like: str, count: int, state: State, who: str = DANA) -> None:
    """Store so many requests of a person that came to nothing, newer than all others."""
    found = await world.found(like)
    person = request.Person(user_id=who, team_id=TEAM)
    order = found.order.model_copy(update={"requester": person})
    made = found.plan.model_copy(update={"order": order})
    now = world.clock.now() + 1.0

    def work(tx: ports.Tx) -> None:
        for number in range(count):
            one = ports.Request(f"XX-{state}{number}", state, made, now, now, expires_at=now + 900)
            tx.create(dataclasses.replace(one), source_key=f"noise:{state}{who}{number}")

    await world.store.write(work)


async def run(world: World, text: str) -> str:
    """Ask, approve and drive a request to its end."""
    id_ = await world.ask(text)
    await world.press(SAM, "approve", id_)
    await world.press(ROSA, "approve", id_)
    await world.drive()
    return id_


async def test_unasked_plans_do_not_push_out_what_counts_for_the_quorum(world: World) -> None:
    """Four servers after four need what eight need, whatever was typed in between."""
    world.edit(*SPLIT)
    first = await run(world, "reboot web[01-04] because x")
    await noise(world, first, NOISE, State.PLANNED)

    shown = await world.plan("reboot web[11-14] because x")

    assert shown.plan.terms.counted == 8
    assert {need.group for need in shown.plan.terms.needs} == {"sre", "dc-ops"}


async def test_unasked_plans_do_not_push_out_the_limits_of_a_person(world: World) -> None:
    """Open requests, and those of the last hour, are counted by themselves."""
    world.edit(("[defaults]", "[limits]\nmax_open_per_user = 1\n[defaults]"))
    first = await world.ask("reboot web01 because x")
    await noise(world, first, NOISE, State.PLANNED)

    shown = await world.plan("reboot web02 because x")

    assert any("open" in one for one in shown.plan.refusals), shown.plan.refusals


async def test_plans_that_nobody_asked_for_do_not_count_as_requests_of_the_hour(
    world: World,
) -> None:
    """To look at a plan isn't to ask."""
    world.edit(("[defaults]", "[limits]\nmax_requests_per_hour = 2\n[defaults]"))
    for _ in range(3):
        await world.plan("reboot web01 because x")
    await world.later(901)
    await world.ask("reboot web01 because x")

    shown = await world.plan("reboot web02 because x")

    assert not shown.plan.refusals


async def test_unasked_plans_do_not_push_out_the_cooldown(world: World) -> None:
    """A server that was rebooted a moment ago is cooling down."""
    world.edit(("ramp = []", 'ramp = []\ncooldown = "2h"'))
    first = await run(world, "reboot web01 because x")
    await noise(world, first, NOISE, State.PLANNED, OLGA)
    await noise(world, first, 5, State.EXPIRED, OLGA)

    shown = await world.plan("reboot web01 because x")

    assert not shown.plan.order.targets, shown.plan.lines


async def test_servers_that_a_stopped_run_left_untouched_count_for_nothing(world: World) -> None:
    """Neither for the quorum of the next request nor for the cooldown; what was sent does."""
    world.edit(("ramp = []", 'ramp = []\ncooldown = "2h"\nbatch = 1'))
    world.centre.set_fault("web01", data_centre.MachineFaultKind.FAILS)
    first = await run(world, "reboot web[01-08] because x")
    rows = await world.rows(first)
    assert [name for name, row in rows.items() if row.state is not ServerState.NOT_SENT] == [
        "web01"
    ]

    untouched = await world.plan("reboot web[02-04] because x")
    sent = await world.plan("reboot web01 because x")

    assert [one.name for one in untouched.plan.order.targets] == ["web02", "web03", "web04"]
    assert untouched.plan.terms.counted == 4
    assert not sent.plan.order.targets, sent.plan.lines


async def test_a_server_that_a_cycle_switched_off_counts_though_its_power_on_never_left(
    world: World,
) -> None:
    """The end of its second step isn't all that was done to it."""
    machine = world.centre.machine("web01")
    first = await world.ask("cycle web01 because x")
    await world.press(SAM, "approve", first)
    task = asyncio.create_task(world.drive())
    while machine.performed[data_centre.Action.OFF] == 0:
        await world.clock.sleep(0.0)
        machine.look(world.clock.monotonic())
    await world.press(OLGA, "stop", first)
    await task
    row = (await world.rows(first))["web01"]
    assert (row.state, row.step) == (ServerState.NOT_SENT, 1)

    shown = await world.plan("reboot web02 because x")

    assert shown.plan.terms.counted == 2


async def test_refused_lines_of_an_outsider_do_not_hide_what_was_done(world: World) -> None:
    """Rows that only mention a server aren't what was done to it."""
    first = await run(world, "reboot web01 because x")
    server_id = (await world.found(first)).order.server_ids[0]

    def refuse(tx: ports.Tx) -> None:
        for _ in range(510):
            tx.audit(ports.AuditEntry("plan.refused", 1.0, server_ids=[server_id]))

    await world.store.write(refuse)

    shown = await world.type("why web01", OLGA)
    assert isinstance(shown, answers.WhyShown)
    assert [(one.request.id, one.fate) for one in shown.told] == [(first, "proven")]


async def test_requests_of_other_servers_do_not_push_out_a_servers_history(world: World) -> None:
    """History asks for the requests of these servers, however many others there were."""
    first = await run(world, "reboot web01 because x")
    other = await run(world, "reboot web02 because x")
    await noise(world, other, 510, State.SUCCEEDED)

    shown = await world.type("history web01", OLGA)

    assert isinstance(shown, answers.HistoryShown)
    assert ([one.id for one in shown.requests], shown.more) == ([first], False)


async def test_expired_plans_do_not_push_out_what_ended_lately_on_a_home(world: World) -> None:
    """A Home shows what was asked for."""
    first = await run(world, "reboot web01 because x")
    for number in range(20):
        await world.plan(f"reboot web{number + 11} because x")
    await world.later(901)

    home = await world.flow.home(request.Person(user_id=OLGA, team_id=TEAM))

    assert first in [one.id for one in home.recent]


async def test_a_persons_request_stands_on_their_home_among_hundreds_of_others(
    world: World,
) -> None:
    """What waits for somebody isn't looked for among the newest hundred."""
    mine = await world.ask("reboot db01 because x")
    await noise(world, mine, 150, State.PENDING, OLGA)

    dana = await world.flow.home(request.Person(user_id=DANA, team_id=TEAM))
    rosa = await world.flow.home(request.Person(user_id=ROSA, team_id=TEAM))

    assert [one.id for one in dana.mine] == [mine]
    assert mine in [one.id for one in rosa.waiting_for_me]


async def test_server_that_is_gone_is_found_by_its_name_of_then_and_by_its_id(
    world: World,
) -> None:
    """The record knows it when CloudDC doesn't any more; why and history tell of it."""
    first = await run(world, "reboot web01 because x")
    server_id = (await world.found(first)).order.server_ids[0]
    machine = world.centre.machine("web01")
    world.centre.inventory.machines.remove(machine)
    world.clock.passed_s += 60

    for words in ("web01", server_id):
        why = await world.type(f"why {words}", OLGA)
        assert isinstance(why, answers.WhyShown), why
        assert [one.request.id for one in why.told] == [first]
    for words in ("web01,web02", '"web01"', "web[01-03]"):
        past = await world.type(f"history {words}", OLGA)
        assert isinstance(past, answers.HistoryShown), past
        assert [one.id for one in past.requests] == [first]
    for words in ("web[01-03] !web01", "web01 & state:on"):
        assert isinstance(await world.type(f"history {words}", OLGA), answers.Mistake), words


async def test_plan_that_nobody_asks_for_leaves_the_store_in_an_hour(world: World) -> None:
    """Its row in the audit log stays; who presses its button is told what to do."""
    shown = await world.plan("reboot web01 because x")
    await world.later(3601)

    assert await world.store.read(lambda tx: tx.request(shown.request_id)) is None
    assert [row["request_id"] for row in await world.audit("request.planned")] == [shown.request_id]
    said = await world.press(DANA, "request", shown.request_id)
    assert isinstance(said, answers.Note)
    assert said.text == "This plan is too old to use. Type the command again."


async def test_person_keeps_the_newest_twenty_of_their_plans(world: World) -> None:
    """The store doesn't grow with what one person types and nobody asks for."""
    made = []
    for _ in range(23):
        world.clock.passed_s += 1.0
        made.append((await world.plan("reboot web01 because x")).request_id)

    kept = await world.store.read(lambda tx: tx.requests(states=(State.PLANNED,), limit=None))

    assert {one.id for one in kept} == set(made[-20:])

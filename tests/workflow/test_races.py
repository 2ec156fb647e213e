"""What happens while somebody is being looked up: the record of the last moment decides."""

from __future__ import annotations

from bot.power import ports
from bot.power.lifecycle import State
from bot.sandbox import data_centre
from bot.workflow import deny
from tests.workflow.world import DANA, INC, LEO, OLGA, OPS, ROSA, SAM, World, pressed

GLASS = "reboot web01 --break-glass because INC-1"


async def test_approver_counts_beside_one_who_was_quicker(world: World) -> None:
    """The other one is looked up as well, and both fill their places."""
    id_ = await world.ask("reboot db01 because x")
    world.folk.meanwhile[SAM] = lambda: world.press(ROSA, "approve", id_)

    told = await world.told(SAM, "approve", id_)

    assert told == f"Approved {id_} for sre (you are named in the policy). 2 of 2 approvals"
    assert {one.person.user_id for one in (await world.found(id_)).approvals} == {SAM, ROSA}
    assert await world.state(id_) is State.APPROVED


async def denied_meanwhile(world: World, id_: str, who: str) -> None:
    """Deny while somebody else's rights are read, which happens twice for a click."""
    world.folk.meanwhile[who] = lambda: _again(world, id_, who)


async def _again(world: World, id_: str, who: str) -> None:
    world.folk.meanwhile[who] = lambda: world.press(ROSA, "deny", id_)


async def test_approver_who_comes_after_a_denial_is_told_by_whom(world: World) -> None:
    """Their click is checked against the state of the last moment, and audited."""
    id_ = await world.ask("reboot db01 because x")
    await denied_meanwhile(world, id_, SAM)

    told = await world.told(SAM, "approve", id_)

    assert told == f"{id_} has already ended: denied by {ROSA}."
    assert [row["user_id"] for row in await world.audit("approval.too_late")] == [SAM]


async def test_denial_that_comes_after_another_is_told_by_whom(world: World) -> None:
    """The first denial stands, though it came while the second person was looked up."""
    world.edit(('sre = ["U0DANA", "U0SAM", "U0LEO"]', 'sre = ["U0DANA", "U0SAM"]'))
    id_ = await world.ask("reboot db01 because x")
    world.folk.meanwhile[LEO] = lambda: world.press(ROSA, "deny", id_)

    told = await world.told(LEO, "deny", id_)

    assert told == f"{id_} has already ended: denied by {ROSA}."
    assert [row["user_id"] for row in await world.audit("request.denied")] == [ROSA]


async def test_click_that_was_delivered_twice_counts_once(world: World) -> None:
    """The second finds the first, whichever was looked up sooner."""
    id_ = await world.ask("reboot db01 because x")

    async def again() -> None:
        world.folk.meanwhile[SAM] = lambda: world.press(SAM, "approve", id_)

    world.folk.meanwhile[SAM] = again
    told = await world.told(SAM, "approve", id_)

    assert told == "You have already approved this; it counts once."
    assert len((await world.found(id_)).approvals) == 1


async def test_click_whose_look_up_took_too_long_finds_the_request_expired(world: World) -> None:
    """The deadline is that of the moment in which it would be written."""
    id_ = await world.ask("reboot db01 because x")

    async def too_long() -> None:
        world.clock.passed_s += 1800

    async def twice() -> None:
        world.folk.meanwhile[SAM] = too_long

    world.folk.meanwhile[SAM] = twice
    told = await world.told(SAM, "approve", id_)

    assert "expired" in told
    assert (await world.found(id_)).approvals == ()


async def test_reviewer_who_comes_second_is_told_who_was_first(world: World) -> None:
    """Also when both were looked up at the same time."""
    id_ = await world.ask(GLASS, channel=INC)
    await world.drive()

    async def second() -> None:
        world.folk.meanwhile[SAM] = lambda: world.press(ROSA, "verdict", id_, comment="fine")

    world.folk.meanwhile[SAM] = second
    told = await world.told(SAM, "verdict", id_, comment="not fine")

    assert told == f"{id_} has already been reviewed by {ROSA}."
    assert [row["user_id"] for row in await world.audit("review.too_late")] == [SAM]


async def test_second_break_glass_of_the_same_moment_is_refused(world: World) -> None:
    """Both plans were made before either was asked for; the second press finds the debt."""
    first = await world.plan(GLASS, channel=INC)
    second = await world.plan(GLASS.replace("web01", "web02"), channel=INC)
    world.folk.meanwhile[INC] = lambda: world.press(DANA, "request", first.request_id)

    told = await world.told(DANA, "request", second.request_id)

    assert told.startswith(
        f"Not requested: Your last use of break glass hasn't been reviewed yet ({first.request_id})"
    )
    assert await world.state(second.request_id) is State.REFUSED


async def test_plan_that_no_longer_fits_is_not_asked(world: World) -> None:
    """A server that went off, one that is gone, and a freeze of the last moment."""
    off = await world.plan("reboot web01 because x")
    frozen = await world.plan("reboot web02 because x")
    world.clock.passed_s += 60
    world.centre.act_externally("web01", data_centre.Action.OFF)
    world.clock.passed_s += 60

    was_off = await world.told(DANA, "request", off.request_id)
    world.folk.meanwhile[OPS] = lambda: world.store.write(
        lambda tx: tx.freeze(ports.Freeze(ROSA, "storm", 0.0))
    )
    was_frozen = await world.told(DANA, "request", frozen.request_id)

    assert was_off.startswith("Not requested: ")
    assert was_frozen.startswith("Not requested: Everything is frozen by U0ROSA (storm) since ")


async def test_press_of_request_twice_asks_once(world: World) -> None:
    """The second is told what the first has made of it."""
    shown = await world.plan("reboot web01 because x")
    world.folk.meanwhile[OPS] = lambda: world.press(DANA, "request", shown.request_id)

    told = await world.told(DANA, "request", shown.request_id)

    assert told == f"{shown.request_id} is waiting for approval."
    assert len(await world.audit("request.pending")) == 1


async def test_cooldown_counts_from_the_last_reboot(world: World) -> None:
    """A server that was rebooted lately is left alone, however long ago the plan was."""
    world.edit(("[defaults]", '[defaults]\ncooldown = "48h"'))
    id_ = await world.ask("reboot web01 because x")
    await world.told(SAM, "approve", id_)
    await world.drive()
    world.clock.passed_s += 30 * 3600

    early = await world.plan("reboot web01 because x")
    world.clock.passed_s += 19 * 3600
    late = await world.plan("reboot web01 because x")

    assert early.plan.lines[0].reason == "rebooted less than 48h ago"
    assert late.request_id


async def test_stop_in_the_middle_of_a_run_sends_nothing_more(world: World) -> None:
    """Everybody may; the second who presses it is told who was first."""
    world.edit(("ramp = []", "ramp = [1]\nbatch = 2"))
    id_ = await world.ask("reboot web[01-03] because x")
    await world.told(SAM, "approve", id_)
    told: list[str] = []

    async def stopped_after_the_first_call(seconds: float) -> None:
        if world.calls() and not told:
            told.append(await world.told(OLGA, "stop", id_))
            told.append(await world.told(SAM, "stop", id_))
        await waited(seconds)

    waited = world.clock.sleep
    world.clock.sleep = stopped_after_the_first_call  # type: ignore[method-assign]
    await world.drive()

    assert told == [
        f"{id_} sends nothing more; what was already sent is still watched.",
        f"{id_} is already running; approved by {SAM}; {OLGA} has pressed Stop.",
    ]
    assert (await world.state(id_), world.calls()) == (State.STOPPED, [1])


async def test_approved_request_waits_for_slack_and_is_void_in_the_end(world: World) -> None:
    """An edited policy that can't be judged lets nothing start."""
    id_ = await world.ask("reboot web01 because x")
    await world.told(SAM, "approve", id_)
    world.edit(('sre = ["U0DANA", "U0SAM", "U0LEO"]', 'sre = ["U0DANA", "S0ONCALL"]'))
    world.folk.away.add("S0ONCALL")

    await world.drive()
    waits = await world.state(id_)
    await world.later(900)

    assert (waits, await world.state(id_)) == (State.APPROVED, State.VOID)
    assert world.calls() == []


async def test_comment_brings_no_withdrawn_approval_back(world: World) -> None:
    """It was read while the approval stood, and is written after that was taken away."""
    id_ = await world.ask("reboot db01 because x")
    await world.told(SAM, "approve", id_)
    as_read = await world.found(id_)
    world.folk.change(SAM, deleted=True)
    await world.told(ROSA, "approve", id_)

    sent = world.inbound(SAM, pressed("comment", id_, comment="fine with me"))
    await deny.comment(world.flow.context, sent, as_read, "fine with me")

    approved = {one.person.user_id for one in (await world.found(id_)).approvals}
    assert approved == {ROSA}

"""Break glass: at once, in public, by those whom the rule names, and owed a review."""

from __future__ import annotations

import pathlib

import pytest

from bot.power import request
from bot.power.lifecycle import State
from bot.sandbox.data_centre import MachineFaultKind
from bot.slack.render import cards, home
from bot.workflow import answers, break_glass
from tests.workflow import world as world_
from tests.workflow.world import DANA, INC, LEO, OLGA, OPS, ROSA, SAM, World

HOUR = 3600.0
LINE = "reboot web01 --break-glass because INC-1 nobody answers"


async def broken(world: World) -> str:
    """Break the glass and return the id of the request, whose run has ended."""
    id_ = await world.ask(LINE, channel=INC)
    await world.drive()
    assert await world.state(id_) is State.SUCCEEDED
    return id_


async def test_break_glass_starts_at_once_and_calls_every_approver(world: World) -> None:
    """Nobody is asked first, everybody is told, and somebody else owes a review."""
    id_ = await broken(world)

    said = world.thread(id_)[0]
    found = await world.found(id_)
    assert said["event"] == "break_glass"
    assert said["ask"] == {"dc-ops": [ROSA, LEO], "sre": [SAM, LEO]}
    assert said["reason"] == "INC-1 nobody answers"
    assert found.review is not None
    assert found.review.due_at == pytest.approx(world.clock.start + 4 * HOUR, abs=60)
    assert found.approvals == ()
    assert world.calls() == [1]
    (row,) = await world.audit("request.break_glass")
    assert row["detail"]["reviewers"] == ["dc-ops", "sre"]
    assert row["server_ids"] == list(found.order.server_ids)


@pytest.mark.parametrize(
    ("line", "channel", "who", "said"),
    [
        (LINE, OPS, DANA, "Break glass isn't allowed in this channel"),
        ("reboot web01 --break-glass", INC, DANA, "Break glass needs a reason"),
        ("reboot db01 --break-glass because x", INC, DANA, "doesn't let you break glass"),
        (LINE, INC, OLGA, "No rule of the policy names you"),
    ],
    ids=["elsewhere", "no-reason", "rule-without", "nobody"],
)
async def test_break_glass_is_refused_outside_its_bounds(
    world: World, line: str, channel: str, who: str, said: str
) -> None:
    """Only those the rule names, in incident channels, with a reason; and it is audited."""
    shown = await world.plan(line, who, channel)

    assert any(said in refusal for refusal in shown.plan.refusals)
    assert not shown.request_id
    assert len(await world.audit("plan.refused")) == 1


async def test_breaker_may_not_break_again_before_somebody_else_has_reviewed(
    world: World,
) -> None:
    """The debt bars the next one, in the plan and at the press of Request; a review frees."""
    early = await world.plan("reboot web03 --break-glass because second", channel=INC)
    id_ = await broken(world)

    again = await world.plan("reboot web02 --break-glass because third", channel=INC)
    pressed = await world.told(DANA, "request", early.request_id)
    other = await world.plan("reboot web02 --break-glass because mine", who=LEO, channel=INC)
    asked = await world.plan("reboot web02 because in order", channel=INC)

    assert again.plan.refusals == (
        f"Your last use of break glass hasn't been reviewed yet ({id_}): ask an approver to "
        "press Review on its card, or ask without --break-glass.",
    )
    assert "n't been reviewed yet" in pressed
    assert other.plan.refusals == asked.plan.refusals == ()

    assert await world.press(SAM, "verdict", id_) == answers.VerdictWanted(id_)
    assert "is recorded" in await world.told(
        SAM, "verdict", id_, comment="right so", judgement="not_justified"
    )
    (row,) = await world.audit("review.closed")
    (told,) = [one for one in world.thread(id_) if one["event"] == "reviewed"]
    found = await world.found(id_)
    assert row["detail"]["judgement"] == told["judgement"] == "not_justified"
    assert "*not justified*, reviewed by" in str(cards.render(found, ()).blocks)
    home_ = home.render(await world.flow.home(found.order.requester))
    assert "break glass not justified (<@U0SAM>)" in str(home_)
    free = await world.plan("reboot web02 --break-glass because fourth", channel=INC)
    assert free.plan.refusals == ()


async def test_review_is_closed_once_by_somebody_entitled(world: World) -> None:
    """Not by the breaker, not by a stranger to the rule, not twice; each is told and audited."""
    id_ = await broken(world)

    own = await world.told(DANA, "verdict", id_, comment="fine, I say")
    nobody = await world.told(OLGA, "verdict", id_, comment="fine")
    first = await world.told(ROSA, "verdict", id_, comment="right so")
    second = await world.told(SAM, "verdict", id_, comment="me too")

    found = await world.found(id_)
    assert own == "You used break glass yourself; somebody else must review it."
    assert nobody == "Only people in dc-ops or sre can review this, and you aren't one of them."
    assert first == f"The review of {id_} is recorded; its card and thread show it."
    assert second == f"{id_} has already been reviewed by {ROSA}."
    assert found.review is not None
    assert (found.review.closed_by, found.review.comment) == (ROSA, "right so")
    assert world.events(id_)[-1] == "reviewed"
    assert [row["user_id"] for row in await world.audit("review.refused")] == [DANA, OLGA, SAM]
    assert [row["user_id"] for row in await world.audit("review.closed")] == [ROSA]


async def test_review_waits_for_the_end_of_the_run(world: World) -> None:
    """What came of it belongs to what is reviewed."""
    id_ = await world.ask(LINE, channel=INC)

    said = await world.told(SAM, "verdict", id_, comment="fine")

    assert said == f"{id_} is approved; review it when it has ended."


async def test_review_of_what_owes_none_is_refused(world: World) -> None:
    """A request in order has nothing to review."""
    id_ = await world.ask("reboot web01 because x")

    assert await world.told(SAM, "verdict", id_, comment="x") == f"{id_} needs no review."


async def test_reviewer_who_can_not_be_checked_is_told_to_press_again(world: World) -> None:
    """A group that can't be read lets nobody in, and shuts nobody out for good."""
    id_ = await broken(world)
    world.folk.away.add(world_.ONCALL)

    said = await world.told(OLGA, "verdict", id_, comment="fine")

    assert said == "Whether you are in dc-ops could not be checked; press Review again."


async def test_review_is_reminded_of_and_becomes_overdue_over_a_restart(
    world: World, tmp_path: pathlib.Path
) -> None:
    """Half-way, at the deadline, then once a day, each once, whoever looks."""
    id_ = await broken(world)
    world.clock.passed_s = 2 * HOUR - 60
    assert await break_glass.remind(world.flow.context) == 0
    world.clock.passed_s = 2 * HOUR + 60
    assert await break_glass.remind(world.flow.context) == 1
    assert await break_glass.remind(world.flow.context) == 0

    async with world_.running(world.url, clock=world.clock, centre=world.centre) as again:
        world.clock.passed_s = 4 * HOUR + 60
        assert await break_glass.remind(again.flow.context) == 1
        world.clock.passed_s = 27 * HOUR
        assert await break_glass.remind(again.flow.context) == 0
        world.clock.passed_s = 29 * HOUR
        assert await break_glass.remind(again.flow.context) == 1
        barred = await again.plan("reboot web02 --break-glass because x", channel=INC)

    assert world.events(id_)[-3:] == ["review_reminder", "review_overdue", "review_overdue"]
    assert world.thread(id_)[-1]["ask"] == {"dc-ops": [ROSA, LEO], "sre": [SAM, LEO]}
    assert "n't been reviewed yet" in barred.plan.refusals[0]
    assert len(await world.audit("review.overdue")) == 2


async def test_reminders_of_a_review_have_an_end(world: World) -> None:
    """After two weeks nobody is called any more, and the debt still bars."""
    id_ = await broken(world)
    for _ in range(40):
        world.clock.passed_s += 25 * HOUR
        await break_glass.remind(world.flow.context)

    assert world.events(id_).count("review_overdue") == 16
    barred = await world.plan("reboot web02 --break-glass because x", channel=INC)
    assert barred.plan.refusals


async def test_break_glass_in_a_freeze_waits_for_what_the_freeze_asks(world: World) -> None:
    """The override's approvals come first; then it runs, and still owes its review."""
    world.edit(
        (
            '[[rule]]\nname = "databases"',
            '[[freeze]]\nname = "year end"\nfrom = 2027-01-01T00:00:00Z\n'
            "until = 2027-02-01T00:00:00Z\noverride = { dc-ops = 1 }\n"
            '[[rule]]\nname = "databases"',
        )
    )
    id_ = await world.ask(LINE, channel=INC)
    await world.drive()
    assert await world.state(id_) is State.PENDING
    assert world.calls() == []

    assert "for dc-ops" in await world.told(ROSA, "approve", id_)
    await world.drive()

    found = await world.found(id_)
    assert found.state is State.SUCCEEDED
    assert found.review is not None


async def test_break_glass_that_never_ran_owes_nothing(world: World) -> None:
    """Nothing was used, so nothing is barred."""
    id_ = await world.ask(LINE, channel=INC)
    assert await world.told(DANA, "cancel", id_) == f"{id_} is cancelled."

    free = await world.plan("reboot web02 --break-glass because x", channel=INC)

    assert free.plan.refusals == ()


async def test_protected_servers_stay_so_under_break_glass(world: World) -> None:
    """Break glass goes past approvers, not past the protection: the server is left out."""
    world.edit(('servers = ["tag:powerbot=never", "pdu*"]', 'servers = "web01"'))

    shown = await world.plan("reboot web01 --break-glass because x", channel=INC)

    assert [line.reason for line in shown.plan.lines] == ["protected"]
    assert not shown.request_id


async def test_broken_glass_that_failed_is_reviewed_as_well(world: World) -> None:
    """However it ends, it was used."""
    world.centre.set_fault("web01", MachineFaultKind.FAILS)
    id_ = await world.ask(LINE, channel=INC)
    await world.drive()
    assert await world.state(id_) is State.FAILED

    assert "is recorded" in await world.told(SAM, "verdict", id_, comment="the box was dead")


async def test_review_waits_among_what_waits_for_its_approvers(world: World) -> None:
    """In the list and on the Home of those who may close it, and of nobody else; until it is."""
    id_ = await broken(world)

    async def waiting(who: str) -> tuple[list[str], list[str]]:
        listed = await world.type("requests", who)
        home = await world.flow.home(request.Person(user_id=who, team_id=world_.TEAM))
        assert isinstance(listed, answers.RequestsShown)
        return [one.id for one in listed.waiting_for_me], [one.id for one in home.waiting_for_me]

    assert await waiting(SAM) == await waiting(ROSA) == ([id_], [id_])
    assert await waiting(DANA) == await waiting(OLGA) == ([], [])

    await world.told(SAM, "verdict", id_, comment="right so")
    assert await waiting(ROSA) == ([], [])

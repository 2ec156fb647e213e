"""Who may approve is called when a request begins, and what breaks glass says what it does."""

from __future__ import annotations

import pytest

from bot.power import inputs, plan
from bot.power.lifecycle import State
from bot.sandbox.workspace.blockkit import blocks as stand_in_blocks
from bot.slack.blockkit import modals
from bot.slack.render import plans, request_modal, thread_replies
from bot.workflow import answers
from tests import bodies
from tests.slack import builders
from tests.workflow.world import DANA, INC, LEO, ROSA, SAM, World

GLASS = "reboot web01 --break-glass because INC-42 the shop is down"


def noted(notify: str) -> tuple[str, str]:
    """Return the change that sets whom the thread calls."""
    return ("[defaults]", f'[defaults]\nnotify = "{notify}"')


async def test_who_may_approve_is_called_by_name_as_soon_as_it_is_asked(world: World) -> None:
    """Everybody but the requester, group by group, with what it is about."""
    id_ = await world.ask("reboot db01 because kernel panic")

    (body,) = world.thread(id_)
    said = thread_replies.render(await world.found(id_), (), bodies.message(body)).text

    assert body["event"] == "asked"
    assert body["ask"] == {"sre": [SAM, LEO], "dc-ops": [ROSA, LEO]}
    assert f"<@{DANA}> wants to reboot 1 server (db01): kernel panic" in said
    assert "Needs sre and dc-ops" in said
    assert f"<@{SAM}>" in said
    assert f"<@{ROSA}>" in said


@pytest.mark.parametrize(
    ("notify", "called"),
    [("group", {"sre": [SAM, LEO], "dc-ops": [ROSA, "S0ONCALL"]}), ("none", None)],
)
async def test_the_policy_decides_whom_the_thread_calls(
    world: World, notify: str, called: dict[str, list[str]] | None
) -> None:
    """Slack's user groups instead of their members, or nobody."""
    world.edit(noted(notify))

    id_ = await world.ask("reboot db01 because x")

    assert [body["ask"] for body in world.thread(id_)] == ([called] if called else [])


async def test_a_rule_calls_where_the_defaults_call_nobody(world: World) -> None:
    """Of several rules the one that calls more people wins."""
    world.edit(noted("none"), ('name = "databases"', 'name = "databases"\nnotify = "people"'))

    first, second = (
        await world.ask("reboot web01 because x"),
        await world.ask("reboot db01,web02 because x"),
    )

    assert world.events(first) == []
    assert world.events(second) == ["asked"]


async def test_a_large_group_is_called_by_its_user_group(world: World) -> None:
    """Ten people are called by name; eleven would be a crowd."""
    people = [f"U0P{n:02}" for n in range(11)]
    world.folk.groups["S0ONCALL"] = frozenset(people)
    id_ = await world.ask("reboot db01 because x")
    listed = dict(world.thread(id_)[0])
    found = await world.found(id_)
    called = bodies.message({**listed, "ask": {"sre": people}})
    crowd = thread_replies.render(found, (), called).text

    assert listed["ask"]["dc-ops"] == [ROSA, "S0ONCALL"]
    assert "and 1 more" in crowd
    assert people[10] not in crowd


async def test_nobody_is_called_where_nobody_is_needed(world: World) -> None:
    """Without approvers it starts at once."""
    world.edit(
        (
            "approvers = { sre = 1 }\nfrom_servers = { 10 = { sre = 1, dc-ops = 1 } }",
            "approvers = {}",
        )
    )

    id_ = await world.ask("reboot web01 because x")

    assert "asked" not in world.events(id_)


async def test_break_glass_says_what_its_button_does_and_asks_once_more(world: World) -> None:
    """Red, named after what it does, with the servers in its dialog; other requests don't count."""
    await world.ask("reboot web[02-03] because x")
    shown = await world.plan(GLASS, channel=INC)

    message = plans.render(shown)
    button = message.blocks[-1]["elements"][0]

    stand_in_blocks.check_message(list(message.blocks))
    assert message.blocks[0]["text"]["text"] == "🔨 Break glass: reboot 1 server now"
    assert (button["text"]["text"], button["style"]) == ("Reboot now without approval", "danger")
    assert button["action_id"] == "pb:request"
    assert button["confirm"]["text"]["text"] == "Reboot 1 server without approval? web01"
    assert button["confirm"]["confirm"]["text"] == "Reboot now"
    assert button["confirm"]["style"] == "danger"
    assert "count too" not in str(message.blocks)


async def test_break_glass_in_forms_says_what_sending_them_does(world: World) -> None:
    """The review of the form, and the count that is typed for many servers."""
    shown = await world.plan(GLASS, channel=INC)
    view = request_modal.review(shown)
    count = modals.confirm_count(
        answers.CountWanted("PR-7F3K", 40, shown.plan.order.action, at_once=True)
    )

    assert view["submit"]["text"] == "Reboot now"
    assert (count["title"]["text"], count["submit"]["text"]) == ("Break glass", "Reboot now")
    assert "without approval" in str(count["blocks"])


async def test_a_plan_that_asks_people_keeps_its_button() -> None:
    """Request is no more than a question there."""
    made = builders.planned()
    button = plans.render(answers.PlanShown(made, "PR-7F3K", builders.NOW)).blocks[-1]["elements"][
        0
    ]
    order = made.order.model_copy(
        update={"options": made.order.options.model_copy(update={"break_glass": True})}
    )
    frozen = plans.render(
        answers.PlanShown(made.model_copy(update={"order": order}), "PR-7F3K", builders.NOW)
    )

    assert (button["text"]["text"], button["style"]) == ("Request", "primary")
    assert frozen.blocks[-1]["elements"][0]["text"]["text"] == "Request"


async def test_deny_asks_why_and_takes_a_no_without_a_reason(world: World) -> None:
    """The button opens the form; nothing is decided until it is sent, and it may be left empty."""
    id_ = await world.ask("reboot web01 because x")
    pressed = world.inbound(SAM, inputs.Pressed(do=inputs.Do.DENY, request_id=id_))

    form = await world.flow.handle(pressed)
    before = await world.state(id_)
    said = await world.told(SAM, "deny", id_, reason="")

    assert form == answers.ReasonWanted(id_, needed=False)
    assert before is State.PENDING
    assert said == f"Denied {id_}."
    assert await world.state(id_) is State.DENIED


async def test_nobody_writes_a_reason_for_what_has_ended(world: World) -> None:
    """A click that comes too late is told so at once, without a form."""
    id_ = await world.ask("reboot web01 because x")
    await world.told(DANA, "cancel", id_)

    said = await world.flow.handle(
        world.inbound(SAM, inputs.Pressed(do=inputs.Do.DENY, request_id=id_))
    )

    assert isinstance(said, answers.Note)
    assert "cancelled" in said.text


def test_plans_of_before_call_people() -> None:
    """A plan that was stored without the key is asked for as the default says."""
    old = builders.planned().terms.model_dump(exclude={"notify"})

    assert plan.Terms.model_validate(old).notify is plan.Notify.PEOPLE

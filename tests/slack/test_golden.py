"""Every message in every state keeps Slack's limits and lets no foreign word live."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from slack_sdk.models.blocks import Block

from bot.power import lifecycle, plan, ports, request, server, server_history
from bot.power.lifecycle import ServerState, State
from bot.power.messages import messages
from bot.power.request import Action
from bot.sandbox.workspace.blockkit import blocks as stand_in_blocks
from bot.slack import action_ids
from bot.slack.blockkit import blocks, modals, paging
from bot.slack.render import cards, plans, private_answers as private, thread_replies
from bot.workflow import answers
from tests import bodies
from tests.slack import builders

MANY = [f"rack{n % 97:02}-node-{n * 7919 % 100000:05}.example" for n in range(1200)]
HOSTILE_NAMES = [builders.HOSTILE + str(n) for n in range(60)]


def hostile_order(servers: list[str]) -> request.Order:
    """Return an order whose every foreign word is hostile."""
    return builders.order(
        servers,
        scope=request.Scope(region=builders.HOSTILE, project_id=builders.HOSTILE),
        reason=builders.HOSTILE * 9,
        options=request.Options(incident=builders.HOSTILE, break_glass=True),
        retry_of=builders.HOSTILE,
    )


def hostile_plan(servers: list[str]) -> plan.Plan:
    """Return a plan whose every foreign word is hostile."""
    order = hostile_order(servers)
    lines = tuple(
        plan.PlanLine(
            server_id=target.server_id,
            name=target.name,
            verdict=list(plan.Verdict)[n % 3],
            reason=f"{n % 30} {builders.HOSTILE}",
        )
        for n, target in enumerate(order.targets)
    )
    needs = (plan.Need(group=builders.HOSTILE, count=2),)
    terms = plan.Terms(needs=needs, rules=(builders.HOSTILE,) * 9)
    return builders.planned(order, lines=lines, terms=terms, waves=(1,) * 99, calls=99)


def every_end(servers: list[str]) -> list[ports.RunServer]:
    """Return a run in which every outcome stands, with hostile details."""
    states = list(lifecycle.ServerState)
    return [
        ports.RunServer(
            f"id-{n}", name, state=states[n % len(states)], step=n % 2, detail=builders.HOSTILE
        )
        for n, name in enumerate(servers)
    ]


def golden_cards() -> dict[str, blocks.Message]:
    """Return cards of ordinary, large and hostile requests in every state."""
    found = {}
    sizes = {"small": ["web01"], "many": MANY, "hostile": HOSTILE_NAMES}
    for state in State:
        for size, servers in sizes.items():
            made = (
                hostile_plan(servers)
                if size == "hostile"
                else builders.planned(builders.order(servers))
            )
            found[f"card-{state}-{size}"] = cards.render(
                builders.request_in(
                    state,
                    made,
                    approvals=(builders.approval(comment=builders.HOSTILE),) * 30,
                    stopped_by="U0OLGA",
                    stop_reason=builders.HOSTILE,
                    end_reason=builders.HOSTILE,
                    use_by=builders.NOW,
                ),
                every_end(servers) if state in lifecycle.ENDED else (),
            )
    return found


def golden_replies() -> dict[str, blocks.Message]:
    """Return each reply with hostile bodies, and the direct messages for them."""
    body: dict[str, Any] = {
        "user": "U0SAM",
        "users": ["U0SAM", "not an id <!here>"],
        "mention": ["S0ONCALL", "U0ROSA"],
        "reason": builders.HOSTILE,
        "comment": builders.HOSTILE,
        "group": builders.HOSTILE,
        "summary": builders.HOSTILE,
        "total": 19,
        "waves": [1] * 50,
        "failures": 1,
        "limit": 1,
        "head": "ab" * 32,
        "names": HOSTILE_NAMES,
        "why": builders.HOSTILE,
        "seq": 12,
        "review_by": builders.NOW,
        "late": "went off",
        "steps": [{"name": builders.HOSTILE, "kind": "silence"}] * 40,
        "step": builders.HOSTILE,
        "counts": {"proven": 5, "hovering": 1},
        "left": HOSTILE_NAMES,
        "back": 4,
        "off": HOSTILE_NAMES[:2],
    }
    found = builders.request_in(
        State.PARTIAL,
        hostile_plan(HOSTILE_NAMES),
        end_reason=builders.HOSTILE,
        card=ports.Card("C0OPS", "1.2"),
    )
    servers = every_end(HOSTILE_NAMES)
    made = {}
    for kind in get_args(messages.Message):
        event = kind.model_fields["event"].default or "something <!here> new"
        told = bodies.message({**body, "event": event})
        assert type(told) is kind
        made[f"reply-{event}"] = thread_replies.render(found, servers, told)
        made[f"direct-{event}"] = thread_replies.direct(
            found, servers, told, "https://x.slack.com/a"
        )
    return made


def hostile_fleet() -> tuple[server.Server, ...]:
    """Return servers in every state, ordinary and hostile ones."""
    return tuple(
        server.Server(
            id=name,
            name=name,
            power_state=("on", "off", "", builders.HOSTILE)[n % 4],
            operation_state=builders.HOSTILE,
            health_state=builders.HOSTILE,
            frozen_state=n % 2,
            error=builders.HOSTILE,
        )
        for n, name in enumerate(MANY[:250] + HOSTILE_NAMES)
    )


def golden_answers() -> dict[str, blocks.Message]:
    """Return each private answer, hostile and large."""
    servers = hostile_fleet()
    snapshot = server.Snapshot({one.id: one for one in servers}, builders.NOW - 9)
    found = builders.request_in(State.PENDING, hostile_plan(HOSTILE_NAMES))
    deed = server_history.Deed(
        found,
        builders.NOW,
        "U0DANA",
        (server_history.Yes("U0SAM", builders.HOSTILE),) * 20,
        True,
        ServerState.NOT_PROVEN,
        12,
        19,
    )
    hostile = builders.HOSTILE
    said: dict[str, private.Said] = {
        "mistake": answers.Mistake(hostile, hostile, hostile),
        "note": answers.Note(hostile, good=False),
        "note-offers": answers.Note(hostile, comment_on="PR-7F3K", nudge_for="PR-7F3K"),
        "note-people": answers.Note(
            f"denied by U0SAM: {hostile}", good=False, people=("U0SAM", "<!here>")
        ),
        "plan": answers.PlanShown(hostile_plan(HOSTILE_NAMES), "PR-7F3K", builders.NOW),
        "plan-many": answers.PlanShown(builders.planned(builders.order(MANY)), "PR-7F3K", 0),
        "plan-refused": answers.PlanShown(
            builders.planned(refusals=(hostile,) * 20), "", builders.NOW
        ),
        "fleet": answers.FleetShown(hostile, snapshot, servers, builders.NOW),
        "fleet-rows": answers.FleetShown(hostile, snapshot, servers, builders.NOW, detailed=True),
        "request": answers.RequestShown(found, tuple(every_end(HOSTILE_NAMES)), builders.NOW),
        "request-plan": answers.RequestShown(found, (), builders.NOW),
        "requests": answers.RequestsShown((found,) * 40, (found,) * 40, builders.NOW),
        "no-requests": answers.RequestsShown((), (), builders.NOW),
        "history": answers.HistoryShown(hostile, (found,) * 90, 500, True),
        "why": answers.WhyShown(servers[-1], snapshot, (deed,) * 60, builders.NOW),
        "no-why": answers.WhyShown(servers[0], snapshot, (), builders.NOW),
        "no-history": answers.HistoryShown(hostile, ()),
        "help": answers.HelpShown("/power reboot <servers> [because why]\n" * 400),
    }
    turns = {
        "answer": paging.Turn(2, "list web*"),
        "shared": paging.Turn(1, hostile, "U0SAM"),
        "first": paging.FIRST,
    }
    return {
        f"{kind}-{name}": private.render(one, turn, "https://demo.slack.com/")
        for name, one in said.items()
        for kind, turn in turns.items()
    }


GOLDEN = {**golden_cards(), **golden_replies(), **golden_answers()}


@pytest.mark.parametrize("name", GOLDEN)
def test_messages_keep_slacks_limits_without_being_cut_at_the_door(name: str) -> None:
    """Builders bound what they make, so that the guard at the door has nothing to do."""
    message = GOLDEN[name]

    assert blocks.fitted(message).blocks == message.blocks
    stand_in_blocks.check_message(list(message.blocks))
    if message.plainer:
        stand_in_blocks.check_message(list(message.plainer))
    for block in message.blocks:
        parsed = Block.parse(block)
        assert parsed is not None
        assert parsed.to_dict()["type"] == block["type"]


@pytest.mark.parametrize("name", GOLDEN)
def test_messages_have_words_that_stand_alone(name: str) -> None:
    """Notifications and screen readers have the text alone."""
    message = GOLDEN[name]

    assert message.text.strip()
    assert len(blocks.fitted(message).text) <= blocks.FALLBACK_CHARS


@pytest.mark.parametrize("name", GOLDEN)
def test_messages_let_no_foreign_word_live(name: str) -> None:
    """Nothing foreign pings, links, hides or reorders."""
    message = GOLDEN[name]
    sent = json.dumps([message.text, *message.blocks], ensure_ascii=False)

    for live in ("<!channel", "<!here", "<@U123", "<http:", "\u202e", "\u200b", "`rm`", "\x07"):
        assert live not in sent


@pytest.mark.parametrize("action", list(Action))
def test_forms_keep_slacks_limits(action: Action) -> None:
    """All forms are what Slack takes as a view."""
    views = [
        modals.confirm_count(answers.CountWanted("PR-7F3K", 10000, action)),
        modals.deny_reason(answers.ReasonWanted("PR-7F3K")),
        modals.comment(answers.CommentWanted("PR-7F3K")),
        modals.verdict(answers.VerdictWanted("PR-7F3K")),
    ]

    for view in views:
        stand_in_blocks.check_view(view, "modal")
        assert view["private_metadata"] == "PR-7F3K"


def test_every_button_is_understood_by_the_listeners() -> None:
    """Each action id that a message carries reads back as what it asks for."""
    found = {
        element["action_id"]
        for message in GOLDEN.values()
        for block in message.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    }

    assert found
    assert all(action_ids.read_action_id(action_id) for action_id in found)


def test_every_button_is_called_by_what_stands_on_it() -> None:
    """Who speaks to the screen says what is seen ("WCAG 2.5.3: Label in Name")."""
    for message in GOLDEN.values():
        for block in message.blocks:
            for element in block.get("elements", ()) if block["type"] == "actions" else ():
                seen = element["text"]["text"].removesuffix("…")
                assert seen in element["accessibility_label"]


def test_plan_for_the_largest_request_is_one_phone_screen() -> None:
    """A thousand servers make no wall of text."""
    shown = answers.PlanShown(builders.planned(builders.order(MANY)), "PR-7F3K", builders.NOW)

    assert blocks.characters(plans.render(shown).blocks) < 1500

"""The card tells the state in words, and offers what the state allows."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from bot.power import plan, ports, request
from bot.power.causes import Cause
from bot.power.lifecycle import State
from bot.power.messages import decisions, running
from bot.power.request import Action
from bot.slack.blockkit import blocks
from bot.slack.render import cards, thread_replies
from tests import bodies
from tests.slack import builders

FAILED = builders.rows(proven=["web01"], failed=["web02"])
DONE = builders.rows(proven=["web01", "web02"])


def labels(message: blocks.Message) -> list[str]:
    """Return the words on a message's buttons."""
    return [
        element["text"]["text"]
        for block in message.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    ]


def shown(message: blocks.Message) -> str:
    """Return what a reader sees in a message's paragraphs."""
    return "\n".join(
        block["text"]["text"] for block in message.blocks if block["type"] == "section"
    )


def heading(message: blocks.Message) -> str:
    """Return a card's first line."""
    return str(message.blocks[0]["text"]["text"])


@pytest.mark.parametrize(
    ("state", "action", "servers", "buttons"),
    [
        (State.PENDING, Action.REBOOT, [], ["Approve", "Deny", "Details", "Cancel"]),
        (State.APPROVED, Action.REBOOT, [], ["Stop", "Details", "Cancel"]),
        (State.RUNNING, Action.REBOOT, DONE, ["Stop", "Details"]),
        (State.SUCCEEDED, Action.REBOOT, DONE, ["Details"]),
        (State.PARTIAL, Action.REBOOT, FAILED, ["Retry failed", "Details"]),
        (State.SUCCEEDED, Action.OFF, DONE, ["Undo", "Details"]),
        (State.PARTIAL, Action.OFF, FAILED, ["Undo", "Retry failed", "Details"]),
        (State.DENIED, Action.OFF, [], ["Ask again", "Details"]),
        (State.VOID, Action.OFF, [], ["Ask again", "Details"]),
        (State.CANCELLED, Action.OFF, [], ["Details"]),
        (State.EXPIRED, Action.REBOOT, [], ["Ask again", "Details"]),
    ],
)
def test_card_offers_what_its_state_allows(
    state: State, action: Action, servers: list[ports.RunServer], buttons: list[str]
) -> None:
    """Buttons that make no sense any more are gone."""
    found = builders.request_in(state, builders.planned(builders.order(action=action)))

    assert labels(cards.render(found, servers)) == buttons


def test_a_card_shouts_what_a_cycle_left_off_and_offers_a_power_on_and_no_retry() -> None:
    """A second cycle of a server that is off could only be blocked."""
    row = msgspec.structs.replace(builders.rows(timed_out=["web01"])[0], step=1)
    found = builders.request_in(
        State.FAILED, builders.planned(builders.order(["web01"], Action.CYCLE))
    )

    card = cards.render(found, [row])

    assert labels(card) == ["Power back on", "Details"]
    assert heading(card) == "🚨 web01 is OFF · not switched back on"
    assert "*Next:* <@U0DANA>, or anybody else who can request it, checks it" in shown(card)
    assert "web01 is OFF" in card.text


def test_the_reason_of_what_has_failed_is_its_requesters() -> None:
    """By itself below the failure it would read as what the failure came from."""
    row = builders.rows(failed=["web01"])
    asked = builders.planned(builders.order(["web01"], reason="stuck firmware"))
    states = (State.RUNNING, State.FAILED)

    before, after = (
        shown(cards.render(builders.request_in(one, asked), row, private=True)) for one in states
    )

    assert "> *Reason:* stuck firmware" in before
    assert "Asked by <@U0DANA>: stuck firmware" in after
    assert after.count("stuck firmware") == 1


def test_a_card_that_nobody_approved_is_never_called_approved() -> None:
    """Break glass starts by itself, from its first card on."""
    options = request.Options(break_glass=True)
    glass = builders.planned(
        builders.order(["web01"], options=options), terms=plan.Terms(break_glass=True)
    )

    card = cards.render(builders.request_in(State.APPROVED, glass))

    assert heading(card) == "🔨 Break glass: reboot 1 server · about to start"
    assert "approved" not in shown(card)


def test_the_thread_says_once_at_the_end_that_a_cycle_left_servers_off() -> None:
    """The first line has it; below it stands what came between."""
    row = msgspec.structs.replace(builders.rows(timed_out=["web01"])[0], step=1)
    found = builders.request_in(
        State.FAILED, builders.planned(builders.order(["web01"], Action.CYCLE))
    )

    told = thread_replies.render(found, [row], running.Ended(state=State.FAILED)).text

    assert told.startswith("*🚨 web01 is OFF · not switched back on*")
    assert told.count("OFF") == 1
    assert "Switched off by this power-cycle; the power-on isn't confirmed" in told


def test_a_run_that_another_request_kept_from_everything_says_so_and_offers_to_ask_again() -> None:
    """Nothing was sent, so it may be asked for as it was."""
    (row,) = builders.rows(blocked=["web49"])
    busy = msgspec.structs.replace(row, detail="busy with PR-4DNF", cause=Cause.HELD)
    planned = builders.planned(builders.order(["web49"]))
    found = builders.request_in(State.FAILED, planned, held_back=True)

    card = cards.render(found, [busy])
    told = thread_replies.render(found, [busy], running.Ended(state=State.FAILED)).text

    assert heading(card) == "🚫 Not run: web49 is busy with PR-4DNF"
    assert "Nothing was sent. <@U0DANA> can ask again." in shown(card)
    assert labels(card) == ["Ask again", "Details"]
    assert card.text == "🚫 Not run: web49 is busy with PR-4DNF. Nothing was sent. [PR-7F3K]"
    assert told == "*🚫 Not run: web49 is busy with PR-4DNF*\nNothing was sent."
    assert "PR-4DNF" not in shown(card)


def test_a_pending_card_names_who_may_approve_now() -> None:
    """Three at most, nobody who can't; the groups alone where it isn't known."""
    needs = (plan.Need(group="sre", count=2), plan.Need(group="dc-ops", count=1))
    made = builders.planned(terms=plan.Terms(needs=needs, rules=("all",)))
    found = builders.request_in(State.PENDING, made)
    called = {
        "sre": ["U0DANA", "U0SAM", "U0ROSA", "U0LEO", "U0OLGA", "U0MAX"],
        "dc-ops": ["S0ONCALL"],
    }
    given = dataclasses.replace(found, approvals=(builders.approval("U0SAM", "sre"),))

    named = shown(cards.render(found, called=called))
    after = shown(cards.render(given, called=called))

    assert (
        "*Waiting for two from sre: <@U0SAM>, <@U0ROSA>, <@U0LEO> and 2 more; "
        "dc-ops: <!subteam^S0ONCALL>* · expires" in named
    )
    assert "*Waiting for sre: <@U0ROSA>, <@U0LEO>, <@U0OLGA> and 1 more; dc-ops:" in after
    assert "*Waiting for two from sre and one from dc-ops*" in shown(cards.render(found))


def test_stopped_run_offers_no_second_stop() -> None:
    """Once somebody has pressed Stop, the card says who instead."""
    found = builders.request_in(State.RUNNING, stopped_by="U0OLGA", stop_reason="wrong rack")
    card = cards.render(found, DONE)

    assert labels(card) == ["Details"]
    assert "Stopped by <@U0OLGA>: wrong rack" in shown(card)


def test_a_card_that_stops_says_what_finishes_and_what_stays_untouched() -> None:
    """Nobody reads "under way" of a run that sends nothing more."""
    servers = builders.rows(accepted=["web01", "web02"], queued=["web03", "web04", "web05"])
    found = builders.request_in(State.RUNNING, stopped_by="U0OLGA")

    card = cards.render(found, servers)

    assert heading(card) == "⏹️ Stopping: 2 will finish, 3 won't be touched"
    assert "▓" not in str(card.blocks)


def test_a_cycle_that_stops_half_way_says_what_stays_off() -> None:
    """What is off and won't be switched on isn't untouched."""
    rows = builders.rows(queued=["web01", "web02"])
    rows[0] = msgspec.structs.replace(rows[0], step=1)
    made = builders.planned(builders.order(["web01", "web02"], Action.CYCLE))
    found = builders.request_in(State.RUNNING, made, stopped_by="U0OLGA")

    assert "1 won't be touched, 1 won't be switched back on" in heading(cards.render(found, rows))


def test_a_cycle_half_way_says_what_is_off() -> None:
    """Not "waiting": such a server is off, in counts, names and tasks."""
    rows = [
        msgspec.structs.replace(row, step=1) for row in builders.rows(queued=["web40", "web41"])
    ]
    made = builders.planned(builders.order(["web40", "web41"], Action.CYCLE))
    card = cards.render(builders.request_in(State.RUNNING, made), rows)

    assert heading(card).startswith("🔌 Power-cycling 2 servers · 0 of 2 done")
    assert "◐ web[40-41] off, about to be switched on" in str(card.plainer)
    assert "waiting" not in str(card)
    [tasks] = [block for block in card.blocks if block["type"] == "plan"]
    assert {one["status"] for one in tasks["tasks"]} == {"in_progress"}


@pytest.mark.parametrize(
    ("left", "label"),
    [
        ({"not_sent": builders.names(5, 38)}, "Do the other 34"),
        ({"not_sent": ["web02"]}, "Do the other one"),
        ({"failed": ["web02"], "not_sent": ["web03"]}, "Retry failed"),
    ],
)
def test_what_was_never_sent_is_not_offered_as_failed(
    left: dict[str, list[str]], label: str
) -> None:
    """After Stop nothing has failed; the button is the same, under the right name."""
    card = cards.render(builders.request_in(State.STOPPED), builders.rows(proven=["web01"], **left))

    assert labels(card) == [label, "Details"]
    rest = label.removeprefix("Do ")
    assert (f"decides whether to do {rest}." in shown(card)) == (label != rest)
    assert card.blocks[-1]["elements"][0]["action_id"] == "pb:retry"


def test_failures_are_not_counted_as_done() -> None:
    """One server that timed out is none rebooted."""
    alone = cards.render(builders.request_in(State.PARTIAL), builders.rows(timed_out=["web01"]))
    two = builders.rows(rejected=["web01", "web02"])
    failed = cards.render(builders.request_in(State.FAILED), two)

    assert heading(alone) == "⚠️ web01 timed out"
    assert heading(failed) == "❌ None of 2 rebooted · web[01-02] rejected"
    assert "1 of 1" not in str(alone)


def test_nobody_is_told_that_none_was_rebooted_where_nobody_knows() -> None:
    """A call whose answer was lost may have done it."""
    lost = builders.rows(unknown=["web01", "web02", "web03"])

    told = heading(cards.render(builders.request_in(State.FAILED), lost))

    assert told == "❌ None of 3 confirmed · 3 outcome unknown"


def test_how_long_it_took_is_counted_from_the_beginning_of_the_run() -> None:
    """A cycle's second call isn't where it began."""
    row = msgspec.structs.replace(builders.rows(proven=["web01"])[0], sent_at=builders.NOW + 9)
    found = builders.request_in(State.SUCCEEDED, ended_at=builders.NOW + 20)
    body = {"event": "ended", "head": "ab" * 32, "seq": 3, "began_at": builders.NOW}

    assert "took 20 s" in thread_replies.render(found, [row], bodies.message(body)).text
    unknown = bodies.message({**body, "began_at": 0.0})
    assert "took 11 s" in thread_replies.render(found, [row], unknown).text


def test_card_counts_approvals_by_group() -> None:
    """What is still missing is named by group."""
    found = builders.request_in(State.PENDING, approvals=(builders.approval(),))

    assert heading(cards.render(found)) == "🔁 Reboot 19 servers · needs 1 more approval"
    assert "Asked by <@U0DANA> · approved by <@U0SAM> (sre)" in shown(cards.render(found))
    assert "*Waiting for dc-ops* · expires" in shown(cards.render(found))


def test_card_ends_with_every_outcome_and_counts_that_add_up() -> None:
    """The end line is folded by outcome, with the vendor's words."""
    servers = [
        *builders.rows(proven=[*builders.names(1, 6), *builders.names(8, 18)]),
        *builders.rows(not_proven=["web19"]),
        *builders.with_detail(builders.rows(failed=["web20"]), "BMC <timeout>"),
    ]
    card = cards.render(builders.request_in(State.PARTIAL), servers)

    assert heading(card) == ("⚠️ 17 of 19 rebooted · web19 accepted, not confirmed · web20 failed")
    assert (
        "⚠️ *web19* accepted, not confirmed\n❌ *web20* failed: BMC &lt;timeout&gt;\n"
        "✔ web[01-06,08-18] confirmed\n"
    ) in shown(card)
    assert str(card.blocks).count("web[01-06,08-18]") == 1


@pytest.mark.parametrize(
    ("reason", "by", "said"),
    [
        ("denied by U0SAM", "U0SAM", "Denied by <@U0SAM>"),
        ("denied by U0SAM: by U0ROSA (x)", "U0SAM", "Denied by <@U0SAM>: by U0ROSA (x)"),
        ("denied by U0SAM and <@U0ROSA>", "U0SAM", "Denied by <@U0SAM> and &lt;@U0ROSA&gt;"),
        ("stopped itself at 1 failure", "", "Stopped itself at 1 failure"),
        ("denied by U0SAM", "", "Denied by U0SAM"),
    ],
)
def test_card_names_who_ended_it_and_lets_no_other_words_ping(
    reason: str, by: str, said: str
) -> None:
    """Only the person who ended it becomes a mention, whatever the words look like."""
    found = builders.request_in(State.DENIED, end_reason=reason, ended_by=by)

    assert said in shown(cards.render(found))


def test_expiry_is_never_worded_as_a_denial() -> None:
    """Nobody has said no."""
    found = builders.request_in(State.EXPIRED)
    told = shown(cards.render(found)) + thread_replies.render(found, [], decisions.Expired()).text

    assert "nobody answered in time" in told.lower()
    assert "den" not in told.lower()


def test_approve_asks_once_more_and_names_what_would_happen() -> None:
    """Action, count, first servers and region stand in the dialog."""
    card = cards.render(builders.request_in(State.PENDING))
    approve = card.blocks[-1]["elements"][0]

    assert approve["style"] == "primary"
    assert "style" not in approve["confirm"]
    assert approve["confirm"]["text"]["text"] == (
        "Reboot 19 servers in cn-east-3: web[01-19]. In waves of 1, 5 and 13."
    )
    assert approve["value"] == "PR-7F3K"


def test_dialogs_of_stop_and_of_a_grave_approval_are_as_red_as_their_buttons() -> None:
    """The last press looks as dangerous as the first; one of many servers' power-off is grave."""
    made = builders.planned(builders.order(action=Action.OFF), terms=plan.Terms(confirm_count=True))
    pending = cards.render(builders.request_in(State.PENDING, made)).blocks[-1]["elements"]
    under_way = cards.render(builders.request_in(State.RUNNING)).blocks[-1]["elements"]

    for button in (pending[0], under_way[0]):
        assert button["style"] == button["confirm"]["style"] == "danger"


def test_card_says_how_many_servers_the_plan_leaves_out() -> None:
    """Skipped and blocked servers are counted on the card."""
    made = builders.planned()
    left_out = [
        dataclasses.replace(made.lines[0], verdict=verdict)
        for verdict in (plan.Verdict.SKIP, plan.Verdict.SKIP, plan.Verdict.BLOCKED)
    ]
    made = made.model_copy(update={"lines": (*made.lines, *left_out)})

    card = cards.render(builders.request_in(State.PENDING, made))

    assert "Left out: 2 skipped, 1 blocked" in shown(card)


def test_same_record_gives_the_same_card() -> None:
    """Nothing of the card depends on when it is made, so it needs no edit by itself."""
    found = builders.request_in(State.RUNNING)

    assert cards.render(found, DONE) == cards.render(found, DONE)


def cells(message: blocks.Message) -> list[list[str]]:
    """Return the cells of a message's table, row by row."""
    [table] = [block for block in message.blocks if block["type"] == "table"]
    return [[cell["text"] for cell in row] for row in table["rows"]]


def test_details_before_a_run_show_the_whole_plan_as_a_table() -> None:
    """Whoever is to approve reads each server's line, and where it stands now."""
    lines = (
        plan.PlanLine(server_id="1", name="web01", rack="R1", verdict=plan.Verdict.ACT),
        plan.PlanLine(
            server_id="2", name="web02", verdict=plan.Verdict.SKIP, reason="is off already"
        ),
    )
    made = builders.planned(builders.order(["web01"]), lines=lines)

    shown = cells(cards.render(builders.request_in(State.PENDING, made), private=True))

    assert shown == [
        ["Server", "Rack", "Now", "Health", "Plan", "Why"],
        ["web01", "R1", "–", "–", "reboot", "–"],
        ["web02", "–", "–", "–", "skip", "is off already"],
    ]


def test_details_of_a_large_plan_say_how_many_rows_are_left_out() -> None:
    """A table ends where Slack's ends, and doesn't pretend to be whole."""
    made = builders.planned(builders.order(builders.names(1, 300)))

    message = cards.render(builders.request_in(State.PENDING, made), private=True)

    assert len(cells(message)) == blocks.TABLE_ROWS
    assert "and 201 servers more" in str(message.blocks[-2])


def test_details_have_a_plainer_form_without_a_table() -> None:
    """Where tables are refused, the folded list says the same."""
    message = cards.render(builders.request_in(State.PENDING), private=True)

    assert "table" not in {block["type"] for block in message.plainer}
    assert "web[01-19]" in str(message.plainer)


def test_card_names_the_region_and_details_identify_the_plan() -> None:
    """Where it would happen stands on the card; project, seal and policy are a press away."""
    found = builders.request_in(State.PENDING)
    public, private = (str(cards.render(found, private=one).blocks) for one in (False, True))

    proof = (
        f"project {found.order.scope.project_id}",
        f"seal {found.order.short_seal}",
        f"policy {found.plan.policy_version}",
    )
    assert all(f"PR-7F3K · {found.order.scope.region}" in told for told in (public, private))
    assert all(one in private and one not in public for one in proof)


def test_the_notification_says_who_wants_what_and_what_it_needs() -> None:
    """A phone shows this line alone: person, action, servers, reason, approvals."""
    assert cards.render(builders.request_in(State.PENDING)).text == (
        "<@U0DANA> wants to reboot 19 servers (web[01-19]): kernel panic after 6.8.4. "
        "Needs sre and dc-ops. [PR-7F3K]"
    )

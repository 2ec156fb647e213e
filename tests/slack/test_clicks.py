"""No click is lost or answered twice: stores that fail, doubled payloads, old buttons, forms."""

from __future__ import annotations

import asyncio

import pytest

from bot.power import answers, errors, server
from bot.power.lifecycle import State
from bot.power.request import Action
from bot.sandbox.workspace import Message
from bot.slack import blocks, delivery, desk, guard, listeners, sending
from tests.slack import builders, fakes
from tests.slack.conftest import Side


async def pending(side: Side) -> Message:
    """Put a card that waits for approval into the channel."""
    side.store.add(builders.request_in(State.PENDING))
    side.store.queue("PR-7F3K", "card", {})
    await side.settle()
    return side.card()


async def test_typist_learns_that_nothing_was_stored_when_the_database_is_away(
    connected: Side,
) -> None:
    """A payload that could not be stored is acknowledged with a text that says so."""
    connected.store.away_for = 1

    outcome = await connected.workspace.command("dana", "ops", "/power reboot web01")
    await connected.settle()

    assert outcome.ok
    assert "nothing was changed" in connected.whispers("dana")[-1].text
    assert connected.workflow.handled == []


async def test_approver_learns_that_nothing_was_stored_when_the_database_is_away(
    connected: Side,
) -> None:
    """A button's acknowledgement carries no text, so the response URL does."""
    card = await pending(connected)
    connected.store.away_for = 1

    outcome = await connected.workspace.click("sam", card, "Approve")
    await connected.settle()

    assert outcome.ok
    assert "nothing was changed" in connected.whispers("sam")[-1].text
    assert connected.workflow.handled == []


async def test_doubled_envelope_is_dealt_with_once(over_socket: Side) -> None:
    """The second delivery of a payload is acknowledged, and nothing more."""
    over_socket.workspace.chaos.duplicate_next()

    await over_socket.workspace.command("dana", "ops", "/power reboot web01")
    await over_socket.settle()

    assert len(over_socket.workflow.handled) == 1
    assert len(over_socket.whispers("dana")) == 1


async def test_listener_that_breaks_before_its_ack_still_acknowledges(connected: Side) -> None:
    """Bolt would send nothing at all for an exception, so none reaches it."""
    card = await pending(connected)
    connected.store.broken = True

    outcome = await connected.workspace.click("sam", card, "Approve")
    form = await connected.workspace.command("sam", "ops", "/power list")

    assert outcome.ok
    assert form.ok
    assert [one.text for one in connected.whispers("sam")] == [guard.BROKEN] * 2


async def test_listener_that_breaks_is_answered_in_words_and_logged_without_payload(
    sender: sending.Sender, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before its ack as after it, a broken listener leaves the person with an answer."""

    async def breaks_before(ack: guard.Ack, body: object) -> None:
        raise RuntimeError("secret words")

    async def breaks_after(ack: guard.Ack, body: object) -> None:
        await ack()
        raise RuntimeError("secret words")

    for broken, said in ((breaks_before, guard.BROKEN), (breaks_after, "")):
        ack = Acked()
        await guard.Guard(builders.TEAM, sender).around(broken)(
            ack=ack, body={"command": "/power", "team_id": builders.TEAM}
        )
        assert ack.response == said
    assert "secret words" not in capsys.readouterr().out


class Acked:
    """Remembers the acknowledgement, as Bolt's own does."""

    def __init__(self) -> None:
        self.response: object = None

    async def __call__(self, text: object = "", **rest: object) -> object:
        """Acknowledge."""
        self.response = rest or text
        return self.response


async def test_payload_of_another_workspace_is_refused_in_words(
    sender: sending.Sender,
) -> None:
    """One bot serves one workspace; every other is told so, and nothing is stored."""

    async def never(ack: guard.Ack, body: object) -> None:
        raise AssertionError

    ack = Acked()
    body = {"command": "/power", "team_id": "T0OTHER"}
    await guard.Guard(builders.TEAM, sender).around(never)(ack=ack, body=body)

    assert ack.response == guard.WRONG_TEAM


async def test_form_of_another_workspace_shows_the_refusal_in_its_input(
    sender: sending.Sender,
) -> None:
    """A form can only be answered by an error at one of its inputs."""

    async def never(ack: guard.Ack, body: object) -> None:
        raise AssertionError

    ack = Acked()
    view = {"blocks": [{"type": "section"}, {"type": "input", "block_id": "reason"}]}
    body = {"type": "view_submission", "team": {"id": "T0OTHER"}, "view": view}
    await guard.Guard(builders.TEAM, sender).around(never)(ack=ack, body=body)

    assert ack.response == {
        "response_action": "errors",
        "errors": {"reason": guard.WRONG_TEAM},
    }


async def test_old_button_tells_its_presser_that_it_is_no_longer_valid(connected: Side) -> None:
    """Buttons stay clickable for ever; one that nobody knows is acknowledged and explained."""
    row = {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": action_id,
                "text": {"type": "plain_text", "text": words},
            }
            for action_id, words in (("v0_approve", "Old"), ("pb:launch", "Unknown"))
        ],
    }
    ts = await connected.sender.post("C0OPS", blocks.Message("old", (row,)))
    message = next(one for one in connected.workspace.messages("ops") if one.ts == ts)

    for words in ("Old", "Unknown"):
        outcome = await connected.workspace.click("sam", message, words)
        await connected.settle()
        assert outcome.ok
        assert connected.whispers("sam")[-1].text == listeners.OLD_BUTTON
    assert connected.store.inbox == {}


async def test_twin_of_a_card_is_closed_when_its_button_shows_that_it_lives(
    connected: Side,
) -> None:
    """After a crash two cards may stand; the one that isn't noted loses its buttons."""
    twin = await pending(connected)
    connected.store.change("PR-7F3K", card=None)
    connected.store.queue("PR-7F3K", "card", {})
    await connected.settle()

    await connected.workspace.click("olga", twin, "Cancel")
    await connected.settle()

    assert twin.buttons == []
    assert "newer one" in twin.words
    assert connected.card().ts != twin.ts


async def test_requester_types_the_count_of_a_large_request(connected: Side) -> None:
    """A wrong number keeps the form open; the right one requests."""
    await connected.workspace.command("dana", "ops", "/power reboot web[01-19]")
    await connected.settle()
    connected.workflow.says = [answers.CountWanted("PR-7F3K", 19, Action.REBOOT)]
    await connected.workspace.click("dana", connected.whispers("dana")[-1], "Request")
    await connected.settle()

    wrong = await connected.workspace.submit("dana", {"count": {"count": "20"}})
    right = await connected.workspace.submit("dana", {"count": {"count": " 19 "}})
    await connected.settle()

    assert wrong.errors == {"count": "That isn't the number of servers in the plan."}
    assert right.ok
    assert connected.workflow.handled[-1].body["do"] == "confirm_count"
    assert connected.workflow.handled[-1].body["count"] == "19"
    assert connected.card().buttons == ["Approve", "Deny", "Cancel"]
    assert connected.workspace.violations == []


async def test_approver_gives_the_reason_of_a_denial_in_a_form(connected: Side) -> None:
    """Deny opens a form; the reason stands in the thread, harmless."""
    card = await pending(connected)
    connected.workflow.says = [answers.ReasonWanted("PR-7F3K")]
    await connected.workspace.click("sam", card, "Deny")
    await connected.settle()

    await connected.workspace.submit("sam", {"reason": {"reason": "not now <!here>"}})
    await connected.settle()

    assert connected.workflow.handled[-1].place.channel_id == "C0OPS"
    reply = connected.workspace.thread("ops", card.ts)[-1]
    assert reply.text == "⛔ Denied by <@U0SAM>: not now &lt;!here&gt;\nNothing was sent."
    assert connected.card().buttons == ["Details"]
    assert connected.workspace.violations == []


async def test_form_of_a_request_that_is_gone_says_so(connected: Side) -> None:
    """What the form names is looked up; nothing that it carries is trusted."""
    card = await pending(connected)
    connected.workflow.says = [answers.ReasonWanted("PR-GONE")]
    await connected.workspace.click("sam", card, "Deny")
    await connected.settle()

    outcome = await connected.workspace.submit("sam", {"reason": {"reason": "no"}})

    assert outcome.errors == {"reason": "This request doesn't exist any more."}


async def test_form_is_not_lost_when_the_database_is_away(connected: Side) -> None:
    """The form stays open with what was typed, and says that nothing was done."""
    card = await pending(connected)
    connected.workflow.says = [answers.ReasonWanted("PR-7F3K")]
    await connected.workspace.click("sam", card, "Deny")
    await connected.settle()
    connected.store.away_for = 1

    outcome = await connected.workspace.submit("sam", {"reason": {"reason": "no"}})

    assert "nothing was changed" in outcome.errors["reason"]


async def test_expired_trigger_is_told_instead_of_a_form(connected: Side) -> None:
    """A form that can't be opened any more leaves the person with an answer."""
    card = await pending(connected)
    connected.workspace.chaos.fail("views.open", "error", error="expired_trigger_id")
    connected.workflow.says = [answers.ReasonWanted("PR-7F3K")]

    await connected.workspace.click("sam", card, "Deny")
    await connected.settle()

    assert "press the button again" in connected.whispers("sam")[-1].text


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (errors.SlackUnavailable(), "could not be checked"),
        (errors.UserMistake("unknown name", token="web99", suggestion="web9"), "web99"),
        (RuntimeError("token xoxb-1"), desk.BROKEN),
    ],
    ids=["own-error", "mistake", "bug"],
)
async def test_person_gets_one_sentence_for_each_error_of_the_workflow(
    connected: Side, raised: Exception, said: str
) -> None:
    """An error becomes its sentence; of a bug nothing is shown but that there is one."""
    connected.workflow.says = [raised]

    await connected.workspace.command("dana", "ops", "/power reboot web99")
    await connected.settle()

    shown = connected.whispers("dana")[-1].text
    assert said in shown
    assert "xoxb-1" not in shown
    assert connected.store.finished == set(connected.store.inbox)


async def test_typist_gets_a_direct_message_where_no_other_way_is_open(connected: Side) -> None:
    """With the response URL used up and the bot outside the channel, the answer still comes."""
    payload = builders.inbound(
        place=builders.order().place.model_copy(update={"channel_id": "C0DEV"})
    )
    await connected.desk.receive(payload)

    connected.desk.start(payload)
    await connected.settle()

    assert "Plan: reboot 19 servers" in connected.workspace.direct_messages("dana")[-1].text


async def test_desk_takes_over_what_a_dead_process_left(connected: Side) -> None:
    """A payload that was stored but not dealt with is dealt with after the start."""
    await connected.desk.receive(builders.inbound())

    taken = await connected.desk.recover()
    again = await connected.desk.recover()
    await connected.settle()

    assert (taken, again) == (1, 1)
    assert len(connected.workflow.handled) == 1
    assert connected.store.finished == {"k1"}


async def test_desk_tries_again_while_the_database_is_away_after_the_ack(side: Side) -> None:
    """A click that was acknowledged is a promise: a short outage doesn't break it."""
    side.workflow.says = [errors.StoreUnavailable(), answers.Note("Done.")]
    await side.desk.receive(builders.inbound())

    side.desk.start(builders.inbound())
    await side.desk.close()

    assert len(side.workflow.handled) == 2
    assert side.store.finished == {"k1"}


async def test_desk_leaves_a_payload_in_the_store_when_the_database_stays_away(
    side: Side,
) -> None:
    """What can't be marked as done isn't forgotten either."""
    side.workflow.says = [answers.Note("Done.")]
    await side.desk.receive(builders.inbound())
    side.store.away_for = 99

    side.desk.start(builders.inbound())
    await side.desk.close()

    assert side.store.finished == set()


@pytest.fixture
def slow_desk(side: Side) -> desk.Desk:
    """A desk that waits ten milliseconds for a database that takes longer."""
    side.store.gate = asyncio.Event()
    answering = delivery.Delivery(side.sender)
    return desk.Desk(side.store, side.workflow, answering, side.clock, ack_within_s=0.01)


async def test_slow_database_doesn_t_cost_the_ack(side: Side, slow_desk: desk.Desk) -> None:
    """When storing takes long the person is told so, and the payload is dealt with later."""
    ack = Acked()

    await slow_desk.take(builders.inbound(), ack)
    assert ack.response == desk.SLOW
    _open(side.store)
    await slow_desk.close()

    assert len(side.workflow.handled) == 1


async def test_slow_database_that_then_fails_is_told(side: Side, slow_desk: desk.Desk) -> None:
    """A late failure to store reaches the person too."""
    side.store.away_for = 1

    await slow_desk.take(builders.inbound("button", body={"do": "approve"}), Acked())
    _open(side.store)
    await slow_desk.close()

    assert "nothing was changed" in side.whispers("dana")[-1].text
    assert side.workflow.handled == []


def _open(store: fakes.Store) -> None:
    """Let the slow database answer."""
    assert store.gate is not None
    store.gate.set()


async def test_shortcuts_and_events_are_acknowledged(connected: Side) -> None:
    """Shortcuts go the same way as commands; an event that nobody needs is acknowledged."""
    message = connected.workspace.say("sam", "ops", "web01 is down & out")
    connected.workflow.says = [answers.Note("One."), answers.Note("Two.")]

    first = await connected.workspace.shortcut("dana", "power_from_message", "ops", message.ts)
    second = await connected.workspace.shortcut("dana", "power_request")
    connected.workspace.open_home("dana")
    await connected.settle()

    assert (first.ok, second.ok) == (True, True)
    assert [one.body["text"] for one in connected.workflow.handled] == ["web01 is down & out", ""]
    assert connected.whispers("dana")[-1].text == "One."
    assert connected.workspace.direct_messages("dana")[-1].text == "Two."


async def test_reader_turns_the_pages_of_a_long_list(connected: Side) -> None:
    """The next page takes the place of the one before, from the line that was typed."""
    servers = tuple(
        one_server(name) for name in builders.names(1, 99) + builders.names(1, 51, "db")
    )
    snapshot = snapshot_of(servers)
    shown = answers.FleetShown("all servers", snapshot, servers, builders.NOW, detailed=True)
    connected.workflow.says = [shown, shown]

    await connected.workspace.command("dana", "ops", "/power list")
    await connected.settle()
    await connected.workspace.click("dana", connected.whispers("dana")[-1], "Next page")
    await connected.settle()

    assert connected.workflow.handled[-1].body["text"] == "list"
    assert connected.workflow.handled[-1].body["page"] == 2
    pages = connected.whispers("dana")
    assert len(pages) == 1
    assert pages[0].buttons == ["Page before"]
    assert "db51 · on" in pages[0].words
    assert connected.workspace.violations == []


def one_server(name: str) -> server.Server:
    """Return a server that is on."""
    return server.Server(id=f"id-{name}", name=name, power_state="on")


def snapshot_of(servers: tuple[server.Server, ...]) -> server.Snapshot:
    """Return a snapshot of these servers."""
    return server.Snapshot({one.id: one for one in servers}, builders.NOW)


def test_fakes_know_the_states_of_a_request() -> None:
    """The store in memory refuses a change that the table doesn't have."""
    store = fakes.Store(fakes.Clock())
    store.add(builders.request_in(State.DENIED))

    assert not fakes.Tx(store).transition("PR-7F3K", State.APPROVED)

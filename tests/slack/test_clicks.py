"""No click is lost or answered twice: stores that fail, doubled payloads, old buttons, pages."""

from __future__ import annotations

import pytest

from bot.power import inputs, server
from bot.slack.blockkit import blocks
from bot.slack.inbound import bolt_registration, guard
from bot.slack.outbound import sending
from bot.workflow import answers
from tests.slack import builders
from tests.slack.conftest import Side, pending
from tests.slack.fakes import Acked


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
        assert connected.whispers("sam")[-1].text == bolt_registration.OLD_BUTTON
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
    assert "newer card" in twin.words
    assert connected.card().ts != twin.ts


async def test_shortcuts_and_events_are_acknowledged(connected: Side) -> None:
    """Shortcuts go the same way as commands; so does a Home that is opened."""
    message = connected.workspace.say("sam", "ops", "web01 is down & out")
    connected.workflow.says = [answers.Note("One."), answers.Note("Two."), None]

    first = await connected.workspace.shortcut("dana", "power_from_message", "ops", message.ts)
    second = await connected.workspace.shortcut("dana", "power_request")
    connected.workspace.open_home("dana")
    await connected.settle()

    assert (first.ok, second.ok) == (True, True)
    used = [one.input for one in connected.workflow.handled]
    words = [one.words for one in used if isinstance(one, inputs.ShortcutUsed)]
    assert [line.split("\n")[0] for line in words] == ["web01 is down & out", ""]
    assert connected.workflow.handled[0].place.thread_ts == message.ts
    assert connected.workspace.views("dana")[-1].words == "Two."


async def test_reader_turns_the_pages_of_a_long_list(connected: Side) -> None:
    """The next page takes the place of the one before, from the line that was typed."""
    servers = tuple(
        one_server(name) for name in builders.names(1, 19) + builders.names(1, 11, "db")
    )
    snapshot = snapshot_of(servers)
    shown = answers.FleetShown("all servers", snapshot, servers, builders.NOW, detailed=True)
    connected.workflow.says = [shown, shown]

    await connected.workspace.command("dana", "ops", "/power list")
    await connected.settle()
    await connected.workspace.click("dana", connected.whispers("dana")[-1], "Next")
    await connected.settle()

    turned = connected.workflow.handled[-1].input
    assert isinstance(turned, inputs.Repeated)
    assert (turned.text, turned.page) == ("list", 2)
    pages = connected.whispers("dana")
    assert len(pages) == 1
    assert pages[0].buttons == ["Previous", "Share"]
    assert "'db11'" in str(pages[0].blocks)
    assert connected.workspace.violations == []


def one_server(name: str) -> server.Server:
    """Return a server that is on."""
    return server.Server(id=f"id-{name}", name=name, power_state="on")


def snapshot_of(servers: tuple[server.Server, ...]) -> server.Snapshot:
    """Return a snapshot of these servers."""
    return server.Snapshot({one.id: one for one in servers}, builders.NOW)


async def test_shared_answer_stands_in_the_channel_without_buttons(connected: Side) -> None:
    """Asked anew by the line that the button carries; the private one stays."""
    servers = (one_server("web01"),)
    shown = answers.FleetShown("web01", snapshot_of(servers), servers, builders.NOW)
    connected.workflow.says = [shown, shown]
    await connected.workspace.command("dana", "ops", "/power status web01")
    await connected.settle()

    await connected.workspace.click("dana", connected.whispers("dana")[-1], "Share")
    await connected.settle()

    posted = connected.workspace.messages("C0OPS")[-1]
    assert connected.workflow.handled[-1].input.name == "share"
    assert "shared by <@U0DANA>" in posted.words
    assert posted.buttons == []
    assert len(connected.whispers("dana")) == 1


async def test_answer_that_could_not_be_shared_is_told(connected: Side) -> None:
    """Slack may refuse it; nobody waits for what doesn't come."""
    servers = (one_server("web01"),)
    shown = answers.FleetShown("web01", snapshot_of(servers), servers, builders.NOW)
    connected.workflow.says = [shown, shown]
    await connected.workspace.command("dana", "ops", "/power status web01")
    await connected.settle()
    connected.workspace.chaos.fail("chat.postMessage", "error", error="restricted_action")

    await connected.workspace.click("dana", connected.whispers("dana")[-1], "Share")
    await connected.settle()

    assert "not shared" in connected.whispers("dana")[-1].text

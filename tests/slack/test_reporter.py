"""Slack is told the newest state, at a bounded pace, once, and wherever it still can be told."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any

import pytest

from bot.power import ports
from bot.power.lifecycle import State
from bot.power.messages import running as running_messages
from bot.runtime import clocks
from bot.slack import api_errors, directory
from bot.slack.outbound import card_poster, context as outbound, pacing, reporter
from bot.slack.render import cards
from tests.slack import builders
from tests.slack.conftest import Side
from tests.support import ticks


async def running(side: Side, done: int = 0) -> None:
    """Store a run with so many servers done, and ask for its card."""
    servers = builders.rows(proven=builders.names(1, done), queued=builders.names(done + 1, 19))
    side.store.servers["PR-7F3K"] = servers
    side.store.queue("PR-7F3K", "card", {})
    await side.reporter.deliver_due()


@pytest.fixture
def shown(side: Side) -> Side:
    """Slack's side with a run that has no card yet."""
    side.store.add(builders.request_in(State.RUNNING))
    return side


async def test_card_is_posted_once_and_noted_at_once(shown: Side) -> None:
    """The card's place is in the store right after the post, with the request's id on it."""
    await running(shown)

    card = shown.card()
    assert shown.store.requests["PR-7F3K"].card == ports.Card("C0OPS", card.ts)
    assert card.metadata == {
        "event_type": "power_request",
        "event_payload": {"request_id": "PR-7F3K", "state": "running"},
    }
    call = shown.workspace.calls("chat.postMessage")[-1]
    assert (call.args["unfurl_links"], call.args["unfurl_media"]) == (False, False)


async def test_card_is_edited_at_most_once_in_three_seconds(shown: Side) -> None:
    """States between two edits are left out; the newest wins."""
    await running(shown)
    for done in (1, 2, 3):
        await running(shown, done)
    assert shown.workspace.calls("chat.update") == []

    await shown.clock.pass_s(3)
    await shown.reporter.deliver_due()

    assert len(shown.workspace.calls("chat.update")) == 1
    assert "3 of 19 done" in shown.card().words


async def test_end_state_waits_for_no_pace(shown: Side) -> None:
    """The end is shown at once, even right after an edit."""
    await running(shown)
    shown.store.change("PR-7F3K", state=State.SUCCEEDED)

    await running(shown, 19)

    assert "✅ 19 servers rebooted" in shown.card().words


async def test_card_that_would_look_the_same_is_not_sent_again(shown: Side) -> None:
    """An edit that changes nothing costs nothing."""
    await running(shown)
    await shown.clock.pass_s(10)

    await running(shown)

    assert shown.workspace.calls("chat.update") == []
    assert shown.store.outbox == []


async def test_card_that_is_gone_is_posted_anew(shown: Side) -> None:
    """Somebody has deleted the card: another takes its place, and the thread follows it."""
    await running(shown)
    first = shown.card()
    await shown.client.chat_delete(channel="C0OPS", ts=first.ts)
    await shown.clock.pass_s(5)

    await running(shown, 4)

    second = shown.store.requests["PR-7F3K"].card
    assert second is not None
    assert second.ts != first.ts


async def test_replies_wait_for_their_card_and_keep_their_order(shown: Side) -> None:
    """Nothing is said outside of a thread, and nothing overtakes."""
    for event in ("approved", "started", "stop_asked", "held", "seal_broken"):
        shown.store.queue("PR-7F3K", "reply", {"event": event, "user": "U0SAM"})
    await shown.reporter.deliver_due()
    assert shown.workspace.messages("ops") == []

    shown.store.queue("PR-7F3K", "card", {})
    await shown.settle()

    said = [one.text[:3] for one in shown.workspace.thread("ops", shown.card().ts)[1:]]
    assert [one.strip() for one in said] == ["✔ A", "▶️", "⏹️", "⏸️", "🚨 *"]


async def test_reply_posts_the_card_itself_when_nobody_does(shown: Side) -> None:
    """A card message that was lost doesn't hold its thread back for ever."""
    shown.store.queue("PR-7F3K", "reply", {"event": "started", "total": 19})
    await shown.reporter.deliver_due()
    await shown.clock.pass_s(40)

    await shown.reporter.deliver_due()

    assert shown.workspace.thread("ops", shown.card().ts)[-1].text.startswith("▶️ Started")


async def test_long_retry_after_is_honoured_by_everything(shown: Side) -> None:
    """After a 429 nothing is sent until Slack's time has passed."""
    await running(shown)
    await shown.clock.pass_s(5)
    shown.workspace.chaos.fail("chat.update", "status", status=429, retry_after_s=20)
    await running(shown, 1)
    calls = len(shown.workspace.calls("chat.update"))

    await shown.clock.pass_s(19)
    await shown.reporter.deliver_due()
    assert len(shown.workspace.calls("chat.update")) == calls
    await shown.clock.pass_s(2)
    await shown.reporter.deliver_due()

    assert "1 of 19 done" in shown.card().words


async def test_end_goes_to_the_requester_when_the_channel_is_closed(shown: Side) -> None:
    """An archived channel takes no card and no reply; the requester learns the end alone."""
    shown.workspace.directory.channel("ops").is_archived = True
    shown.store.change("PR-7F3K", state=State.EXPIRED, card=ports.Card("C0OPS", ""))
    shown.store.queue("PR-7F3K", "card", {})
    shown.store.queue("PR-7F3K", "reply", {"event": "expired"})
    shown.store.queue("PR-7F3K", "direct", {"event": "expired"})

    await shown.clock.pass_s(31)
    await shown.settle()

    [told] = shown.workspace.direct_messages("dana")
    assert "Expired" in told.text
    assert shown.store.outbox == []


async def test_requester_who_ended_it_is_told_alone_when_the_channel_is_closed(
    shown: Side,
) -> None:
    """One's own cancelling has no direct message, unless nobody can read the thread any more."""
    shown.workspace.directory.channel("ops").is_archived = True
    shown.store.change("PR-7F3K", state=State.CANCELLED)
    shown.store.queue("PR-7F3K", "reply", {"event": "cancelled", "user": "U0DANA"})

    await shown.settle()

    [told] = shown.workspace.direct_messages("dana")
    assert "Cancelled" in told.text


async def test_plan_that_was_never_asked_for_is_shown_to_nobody(side: Side) -> None:
    """A plan that was cancelled before its Request has neither card nor thread."""
    side.store.add(builders.request_in(State.CANCELLED, card=None))
    side.store.queue("PR-7F3K", "card", {})
    side.store.queue("PR-7F3K", "reply", {"event": "cancelled", "user": "U0DANA"})

    await side.settle()

    assert side.workspace.calls("chat.postMessage") == []
    assert side.store.outbox == []


async def test_revoked_token_keeps_messages_for_later(shown: Side) -> None:
    """What an operator can mend is tried again, ever more slowly."""
    shown.workspace.chaos.fail("chat.postMessage", "error", count=2, error="token_revoked")
    shown.store.queue("PR-7F3K", "card", {})

    await shown.reporter.deliver_due()
    assert shown.store.outbox[0].error == "token_revoked"
    await shown.settle()

    assert shown.store.outbox == []


async def test_reporter_outlives_an_unknown_request_and_an_absent_store(side: Side) -> None:
    """Neither ends the loop."""
    side.store.queue("PR-NONE", "card", {})
    side.store.away_for = 1

    assert await side.reporter.deliver_due() == 0
    assert await side.reporter.deliver_due() == 1
    assert side.store.outbox == []


async def test_large_card_is_made_beside_the_event_loop(
    shown: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread makes it, while clicks are answered; it says what it would have said."""
    threads, render = list[threading.Thread](), cards.render

    def noted(*given: Any, **more: Any) -> Any:
        threads.append(threading.current_thread())
        return render(*given, **more)

    monkeypatch.setattr(cards, "render", noted)
    monkeypatch.setattr(card_poster, "LARGE", 1)
    found, rows = shown.store.requests["PR-7F3K"], builders.rows(queued=builders.names(1, 19))
    shown.store.servers[found.id] = rows
    shown.store.queue(found.id, "card", {})
    await shown.reporter.deliver_due()

    assert shown.card().text == render(found, rows).text
    assert threads
    assert threading.current_thread() not in threads


async def test_loop_delivers_when_woken(shown: Side) -> None:
    """The loop doesn't wait for its next look when something was queued."""
    clock = ticks.HandClock(shown.clock.now())
    telling = reporter.Reporter(outbound.Context(shown.store, shown.sender, clock))
    loop = asyncio.create_task(telling.run())
    await asyncio.sleep(0)

    shown.store.queue("PR-7F3K", "card", {})
    telling.wake()
    await shown.workspace.wait_for(lambda: shown.workspace.messages("ops"))

    loop.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await loop


def test_pace_keeps_some_edits_for_ends() -> None:
    """Progress stops a little before the minute's limit; ends may use the rest."""
    pace = pacing.Pace(3.0, 10)
    for number in range(5):
        pace.edited(f"PR-{number}", 100.0)

    assert pace.edit_wait_s("PR-X", 110.0, ended=False) == 50.0
    assert pace.edit_wait_s("PR-X", 110.0, ended=True) == 0.0
    assert pace.edit_wait_s("PR-X", 161.0, ended=False) == 0.0


def test_pace_lets_a_channel_have_a_short_burst() -> None:
    """Three posts at once, then one a second."""
    pace = pacing.Pace(3.0, 40)
    for _ in range(3):
        assert pace.post_wait_s("C1", 100.0) == 0.0
        pace.posted("C1", 100.0)

    assert pace.post_wait_s("C1", 100.0) == 1.0
    assert pace.post_wait_s("C1", 101.0) == 0.0
    assert pace.post_wait_s("C2", 100.0) == 0.0


def test_pace_forgets_old_cards_and_channels() -> None:
    """What is remembered is bounded."""
    pace = pacing.Pace(3.0, 40)
    for number in range(max(pacing.MOST_CARDS, pacing.MOST_CHANNELS) + 5):
        pace.shown(f"PR-{number}", 1.0)
        pace.posted(f"C{number}", 1.0)

    assert pace.edit_wait_s("PR-0", 1.0, ended=False) == 0.0
    assert pace.post_wait_s("C0", 1.0) == 0.0


@pytest.mark.parametrize("times", [2, 60], ids=["for-a-moment", "for-a-minute"])
async def test_delivery_is_noted_after_the_database_was_away_in_between(
    shown: Side, times: int
) -> None:
    """Without the note the same would be told twice, however long the outage was."""
    shown.store.queue("PR-7F3K", "direct", {"event": "started", "total": 19})
    shown.store.notes_away_for = times

    await shown.reporter.deliver_due()

    assert shown.store.outbox == []
    assert len(shown.workspace.direct_messages("dana")) == 1


async def test_card_s_place_is_noted_before_anybody_else_could_post_it(shown: Side) -> None:
    """A card is held by who has posted it until the store knows where it stands."""
    shown.store.queue("PR-7F3K", "card", {})
    shown.store.writes_away_for = 60

    await shown.reporter.deliver_due()

    card = shown.store.requests["PR-7F3K"].card
    assert card is not None
    assert card.ts == shown.card().ts


async def test_post_doesn_t_leave_when_its_lease_is_nearly_over(shown: Side) -> None:
    """What Slack has asked to wait for may be another's by then; it is claimed anew."""
    telling = reporter.Reporter(
        outbound.Context(
            shown.store, shown.sender, shown.clock, paces=ticks.faster(clocks.USUAL, 10)
        )
    )
    shown.workspace.chaos.fail("chat.postMessage", "status", status=429, retry_after_s=2)
    shown.store.queue("PR-7F3K", "direct", {"event": "started", "total": 19})

    await telling.deliver_due()
    first = len(shown.workspace.direct_messages("dana"))
    await telling.deliver_due()

    assert (first, len(shown.workspace.direct_messages("dana"))) == (0, 1)


async def test_failures_of_old_messages_are_forgotten(shown: Side) -> None:
    """What failed here may be delivered by another process, which nobody here is told."""
    for number in range(reporter.MOST_FAILING + 5):
        message = ports.OutboxMessage(number, "PR-7F3K", "reply", None, 1, 0, 0.0)
        shown.reporter._failed(message, api_errors.Undelivered("not_allowed"))

    assert len(shown.reporter._failures) == reporter.MOST_FAILING
    assert 0 not in shown.reporter._failures


async def test_bug_in_one_message_doesn_t_hold_up_the_others(shown: Side) -> None:
    """A record that can't be shown is tried again much later."""
    shown.store.add(builders.request_in(State.RUNNING, id="PR-GOOD"))
    shown.store.servers["PR-7F3K"] = [None]  # type: ignore[list-item]
    for request_id in ("PR-7F3K", "PR-GOOD"):
        shown.store.queue(request_id, "card", {})

    await shown.reporter.deliver_due()

    assert [row.error for row in shown.store.outbox] == ["AttributeError"]
    assert "PR-GOOD" in shown.card().text


async def test_a_colleague_in_the_reason_of_a_no_is_named_where_it_is_shown(shown: Side) -> None:
    """On the card, in the thread and to the requester; the record has the id, since no no waits."""
    people = directory.Directory(shown.client, shown.clock)
    telling = reporter.Reporter(
        outbound.Context(shown.store, shown.sender, shown.clock, directory=people)
    )
    shown.store.servers["PR-7F3K"] = builders.rows(queued=["web01"])
    shown.store.change("PR-7F3K", stopped_by="U0ROSA", stop_reason="@U0SAM saw smoke")
    shown.store.queue("PR-7F3K", "card", {})
    await telling.deliver_due()
    stopped = running_messages.StopAsked(user="U0ROSA", reason="@U0SAM saw smoke")
    for kind in ("reply", "direct"):
        shown.store.queue("PR-7F3K", kind, stopped)
    await telling.deliver_due()
    await shown.clock.pass_s(3)
    await telling.deliver_due()

    card = shown.card()
    thread = [one.words for one in shown.workspace.messages("ops") if one.ts != card.ts]
    direct = shown.workspace.direct_messages("dana")[-1].words
    assert "@sam saw smoke" in card.words
    assert ["@sam saw smoke" in one for one in thread] == [True]
    assert "@sam saw smoke" in direct
    assert shown.store.requests["PR-7F3K"].stop_reason == "@U0SAM saw smoke"

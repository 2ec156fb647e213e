"""Slack refuses a card, a thread, a call, an edit or a person: it is told, and nothing is lost."""

from __future__ import annotations

import dataclasses

import pytest

from bot.power import ports
from bot.power.lifecycle import State
from bot.slack import api_errors
from bot.slack.api_errors import NoCardReason
from bot.slack.outbound import posting, reporter, response_urls
from bot.slack.render import refused_cards, thread_replies
from bot.workflow import answers
from tests import bodies
from tests.slack import builders
from tests.slack.conftest import Side

OPS = "C0OPS"
DAY_S = 86400.0


@pytest.fixture
def asked(side: Side) -> Side:
    """A request that was asked for a moment ago; its card waits."""
    side.store.add(builders.request_in(State.PENDING))
    side.store.queue("PR-7F3K", "card", {})
    return side


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("restricted_action", NoCardReason.READ_ONLY),
        ("restricted_action_read_only_channel", NoCardReason.READ_ONLY),
        ("restricted_action_thread_only_channel", NoCardReason.THREADS_ONLY),
        ("not_in_channel", NoCardReason.NOT_A_MEMBER),
        ("channel_not_found", NoCardReason.NOT_A_MEMBER),
        ("is_archived", NoCardReason.ARCHIVED),
        ("team_access_not_granted", NoCardReason.NOT_ALLOWED),
        ("no_permission", NoCardReason.NOT_ALLOWED),
        ("msg_too_long", NoCardReason.OTHER),
        ("message_limit_exceeded", NoCardReason.OTHER),
        ("a_word_of_next_year", NoCardReason.OTHER),
    ],
)
async def test_requester_learns_within_seconds_why_there_is_no_card(
    asked: Side, code: str, why: NoCardReason
) -> None:
    """In private, once, with what to do; the card comes as soon as the channel takes it."""
    asked.workspace.chaos.refuse("chat.postMessage", code, OPS)
    began = asked.clock.monotonic()

    for _ in range(5):
        await asked.reporter.deliver_due()
        await asked.clock.pass_s(2)
    assert asked.clock.monotonic() - began <= 10
    [told] = asked.workspace.direct_messages("dana")
    assert all(words in told.text for words in refused_cards.WORDS[why])
    assert code in told.text
    assert [one.event for one in asked.store.audited] == ["card.refused"]

    asked.workspace.chaos.allow()
    await asked.clock.pass_s(reporter.LONGEST_CARD_WAIT_S)
    await asked.reporter.deliver_due()
    assert "needs 2 approvals" in asked.card().words
    assert len(asked.workspace.direct_messages("dana")) == 1
    assert asked.store.outbox == []


@pytest.mark.parametrize("code", ["missing_scope", "token_revoked", "account_inactive"])
async def test_requester_is_told_beside_what_they_pressed_where_the_token_may_say_nothing(
    connected: Side, code: str
) -> None:
    """Through the response URL, once and for half an hour; without one it waits for the token."""
    connected.workflow.says = [answers.Note("Requested as PR-7F3K.")]
    await connected.workspace.command("dana", "ops", "/power reboot web01 because disk")
    await connected.settle()
    for method in ("chat.postMessage", "chat.postEphemeral", "auth.test"):
        connected.workspace.chaos.refuse(method, code)
    connected.store.add(builders.request_in(State.PENDING))
    connected.store.queue("PR-7F3K", "card", {})

    await _deliver(connected, for_s=120.0)
    [_, told] = connected.whispers("dana")
    assert refused_cards.WORDS[NoCardReason.TOKEN][0] in told.text
    assert code in told.text
    assert [one.message.kind for one in connected.store.outbox] == ["card"]

    await connected.clock.pass_s(response_urls.GOOD_S)
    connected.store.add(builders.request_in(State.PENDING, id="PR-8G4L"))
    connected.store.queue("PR-8G4L", "card", {})
    await _deliver(connected, for_s=120.0)
    assert len(connected.whispers("dana")) == 2
    assert [one.message.kind for one in connected.store.outbox] == ["card", "card", "direct"]


async def _deliver(side: Side, *, for_s: float) -> None:
    """Let the reporter work for some time."""
    began = side.clock.monotonic()
    while side.clock.monotonic() - began < for_s:
        await side.reporter.deliver_due()
        await side.clock.pass_s(2)


async def test_requester_is_told_in_the_channel_where_no_direct_message_arrives(
    asked: Side,
) -> None:
    """Whichever of the two ways is open."""
    asked.workspace.chaos.refuse("chat.postMessage", "restricted_action_thread_only_channel", OPS)
    asked.workspace.chaos.refuse("chat.postMessage", "messages_tab_disabled", "U0DANA")

    await asked.settle()

    [told] = asked.whispers("dana")
    assert "allows posts in threads only" in told.text


async def test_requester_isn_t_told_of_a_refusal_that_is_over(asked: Side) -> None:
    """The card is there before the message about it has left."""
    asked.workspace.chaos.fail("chat.postMessage", "error", error="not_in_channel")

    await asked.reporter.deliver_due()
    asked.store.change("PR-7F3K", card=ports.Card(OPS, "1.5"))
    await asked.settle()

    assert asked.workspace.direct_messages("dana") == []


async def test_requester_isn_t_told_that_slack_is_away(asked: Side) -> None:
    """What passes by itself is waited for."""
    asked.workspace.chaos.fail("chat.postMessage", "status", status=503, count=3)
    asked.workspace.chaos.fail("chat.postMessage", "status", status=429, retry_after_s=9)

    await asked.settle()

    assert asked.workspace.direct_messages("dana") == []
    assert asked.store.audited == []


def test_every_word_of_slack_s_has_a_sentence() -> None:
    """A refusal without a sentence would be a program's error in somebody's face."""
    assert set(refused_cards.WORDS) == set(NoCardReason)
    assert api_errors.CLOSED.isdisjoint(api_errors.OF_TOKEN | api_errors.AWAY | api_errors.GONE)


# -- threads


@pytest.mark.parametrize(
    "code",
    [
        "restricted_action_thread_locked",
        "restricted_action_non_threadable_channel",
        "cannot_reply_to_message",
        "thread_not_found",
    ],
)
async def test_replies_go_to_the_channel_where_the_thread_takes_none(
    asked: Side, code: str
) -> None:
    """Each says which request it speaks of; the second one doesn't try the thread again."""
    asked.workspace.chaos.refuse("chat.postMessage", code, OPS, where="threads")
    asked.store.queue("PR-7F3K", "reply", {"event": "approved", "user": "U0SAM"})
    asked.store.queue("PR-7F3K", "reply", {"event": "started", "total": 19})

    await asked.settle()

    card, *said = asked.workspace.messages("ops")
    assert card.buttons[:2] == ["Approve", "Deny"]
    assert [one.thread_ts for one in said] == [None, None]
    assert all("PR-7F3K" in one.text for one in said)
    assert "Approved by" in said[0].text
    assert len(asked.workspace.calls("chat.postMessage")) == 4


async def test_card_of_a_locked_thread_stands_in_the_channel_with_its_replies(
    side: Side,
) -> None:
    """Where the incident's thread takes nothing, the card begins a thread of its own."""
    root = side.workspace.say("sam", "ops", "web01 is down")
    place = builders.order().place.model_copy(update={"thread_ts": root.ts})
    found = builders.request_in(State.PENDING, builders.planned(builders.order(place=place)))
    side.store.add(found)
    side.workspace.chaos.refuse(
        "chat.postMessage", "restricted_action_thread_locked", OPS, containing=root.ts
    )
    side.store.queue("PR-7F3K", "card", {})
    side.store.queue("PR-7F3K", "reply", {"event": "started", "total": 19})

    await side.settle()

    assert side.card().thread_ts is None
    assert [one.thread_ts for one in side.workspace.messages("ops")][-1] == side.card().ts


# -- calls of user groups


@pytest.mark.parametrize("word", ["restricted_action", "a_word_of_next_year"])
async def test_reminder_is_said_without_the_call_that_is_kept_to_a_few(
    shown: Side, word: str
) -> None:
    """The same message, with the user group named in words."""
    shown.workspace.chaos.refuse("chat.postMessage", word, OPS, containing="<!subteam^")
    body = {"event": "reminder", "ask": {"dc-ops": ["S0ONCALL"]}}
    shown.store.queue("PR-7F3K", "reply", body)

    await shown.settle()

    said = shown.workspace.thread("ops", shown.card().ts)[-1]
    assert "Still waiting" in said.text
    assert "dc-ops:* user group S0ONCALL" in said.text
    assert "S0ONCALL" in said.words
    assert shown.store.audited == []


@pytest.fixture
async def shown(asked: Side) -> Side:
    """A request whose card is there."""
    await asked.settle()
    return asked


# -- cards that nobody may edit


@pytest.mark.parametrize("code", ["edit_window_closed", "cant_update_message"])
async def test_card_that_nobody_may_edit_is_posted_anew_at_the_start_and_the_end(
    shown: Side, code: str
) -> None:
    """Progress in between makes no new card."""
    shown.workspace.chaos.refuse("chat.update", code)
    states = [*[State.PENDING] * 2, State.APPROVED, *[State.RUNNING] * 6, *[State.FAILED] * 3]
    for number, state in enumerate(states):
        rows = builders.rows(
            proven=builders.names(1, 1 + number), queued=builders.names(2 + number, 19)
        )
        shown.store.servers["PR-7F3K"] = rows
        shown.store.change("PR-7F3K", state=state, changed_at=builders.NOW + number)
        shown.store.queue("PR-7F3K", "card", {})
        await shown.clock.pass_s(4)
        await shown.settle()

    cards = [one for one in shown.workspace.messages("ops") if one.metadata]
    assert len(cards) == 3
    assert len(shown.workspace.calls("chat.update")) == 3
    assert "❌ 10 of 19" in cards[-1].text
    assert shown.store.outbox == []


# -- people who can't be told


@pytest.mark.parametrize(
    "code", ["user_not_found", "cannot_dm_bot", "messages_tab_disabled", "user_disabled"]
)
async def test_direct_message_that_is_refused_for_good_is_given_up_after_a_day(
    shown: Side, code: str
) -> None:
    """It is tried ever more seldom, puts nobody behind, and is audited in the end."""
    shown.workspace.chaos.refuse("chat.postMessage", code, "U0DANA")
    shown.store.queue("PR-7F3K", "direct", {"event": "started", "total": 19})
    calls = len(shown.workspace.calls("chat.postMessage"))

    await shown.reporter.deliver_due()
    assert [row.refused for row in shown.store.outbox] == [True]
    for _ in range(110):
        await shown.clock.pass_s(900)
        await shown.reporter.deliver_due()

    assert shown.store.outbox == []
    assert len(shown.workspace.calls("chat.postMessage")) - calls < 110
    [row] = shown.store.audited
    assert (row.event, row.detail["why"]) == ("reply.undeliverable", code)


async def test_direct_message_waits_for_an_operator_s_mend(shown: Side) -> None:
    """A revoked token is nobody's absence: it counts as behind, and is never given up."""
    shown.workspace.chaos.refuse("chat.postMessage", "token_revoked", "U0DANA")
    shown.store.queue("PR-7F3K", "direct", {"event": "started", "total": 19})
    await shown.reporter.deliver_due()
    await shown.clock.pass_s(2 * DAY_S)
    await shown.reporter.deliver_due()
    assert [row.refused for row in shown.store.outbox] == [False]

    shown.workspace.chaos.allow()
    await shown.settle()

    assert len(shown.workspace.direct_messages("dana")) == 1


async def test_deactivated_requester_is_not_taken_for_a_token_that_is_gone(shown: Side) -> None:
    """Slack has one word for both; who has left puts nobody behind, and is given up after a day."""
    shown.workspace.directory.people["U0DANA"].deleted = True
    shown.store.queue("PR-7F3K", "direct", {"event": "started", "total": 19})

    await shown.reporter.deliver_due()
    assert [row.refused for row in shown.store.outbox] == [True]
    await shown.clock.pass_s(2 * DAY_S)
    await shown.reporter.deliver_due()

    assert shown.store.outbox == []
    assert shown.store.audited[-1].detail["why"] == api_errors.RECIPIENT_INACTIVE


async def test_token_whose_account_is_gone_is_not_taken_for_a_requester_who_left(
    shown: Side,
) -> None:
    """It refuses the other calls as well: an operator's to mend, and never given up."""
    for method in ("chat.postMessage", "auth.test"):
        shown.workspace.chaos.refuse(method, "account_inactive")
    shown.store.queue("PR-7F3K", "direct", {"event": "started", "total": 19})

    await shown.reporter.deliver_due()
    await shown.clock.pass_s(2 * DAY_S)
    await shown.reporter.deliver_due()

    assert [row.refused for row in shown.store.outbox] == [False]


# -- a busy channel


async def test_new_card_goes_before_the_replies_of_other_requests(side: Side) -> None:
    """A channel takes one post a second: first new cards, then ends, then the rest."""
    for number in range(8):
        state = State.FAILED if number == 5 else State.RUNNING
        card = ports.Card(OPS, side.workspace.say("sam", "ops", "a card").ts)
        found = builders.request_in(state, id=f"PR-{number}", card=card)
        side.store.add(found)
        side.store.queue(found.id, "reply", {"event": "held", "reason": f"{number}"})
    await side.reporter.deliver_due()
    side.store.add(builders.request_in(State.PENDING))
    side.store.queue("PR-7F3K", "card", {})

    for _ in range(40):
        await side.clock.pass_s(0.25)
        await side.reporter.deliver_due()

    said = [one for one in side.workspace.messages("ops") if one.bot]
    assert "⏸️ Waiting: 5" in said[0].text
    assert said[3].metadata
    assert len(said) == 9


async def test_replies_follow_their_own_new_card(side: Side) -> None:
    """However urgent an end is, it comes after the card whose thread it stands in."""
    side.store.add(builders.request_in(State.EXPIRED))
    side.store.queue("PR-7F3K", "reply", {"event": "expired"})
    side.store.queue("PR-7F3K", "card", {})

    await side.settle()

    card, said = side.workspace.messages("ops")
    assert (bool(card.metadata), said.thread_ts) == (True, card.ts)


def test_reply_outside_of_its_thread_names_its_request_with_a_link() -> None:
    """A reader of the channel finds the card."""
    found = builders.request_in(State.RUNNING)
    reply = thread_replies.render(found, (), bodies.message({"event": "held", "reason": "frozen"}))

    outside = posting.outside(found, reply, "https://demo.slack.com/x")

    assert outside.text.startswith("*<https://demo.slack.com/x|PR-7F3K>*")
    assert dataclasses.replace(outside, text="", blocks=()) == dataclasses.replace(
        reply, text="", blocks=()
    )

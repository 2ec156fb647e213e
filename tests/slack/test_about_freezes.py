"""Freezes as people see them: told in channels, on cards, lists and Home, and by whom they are."""

from __future__ import annotations

import dataclasses

import pytest

from bot.power import ports, server
from bot.power.lifecycle import State
from bot.power.messages import messages, running
from bot.power.policy import freezes
from bot.sandbox.workspace.blockkit import blocks as stand_in_blocks
from bot.slack import api_errors, directory
from bot.slack.outbound import context as outbound, notice_poster, pacing
from bot.slack.render import (
    cards,
    home,
    private_answers as rendering,
    refused_cards,
    thread_replies,
)
from bot.slack.render.phrases import about_freezes
from bot.workflow import answers
from tests import bodies
from tests.slack import builders
from tests.slack.conftest import Side

HELD = ports.Freeze("U0ROSA", "cooling is being repaired", 1_700_000_000.0, 1_700_003_600.0)
HOST = ports.Freeze("host:deploy", "kernel", 1_700_000_000.0)
LINE = (
    "🧊 *Frozen by <@U0ROSA>* since <!date^1700000000^{date_short_pretty} at {time}|22:13 UTC>, "
    "until <!date^1700003600^{date_short_pretty} at {time}|23:13 UTC>: cooling is being repaired"
)


def body(
    event: str = "freeze.on", by: str = "U0ROSA", freeze: ports.Freeze = HELD
) -> messages.News:
    """Return news about a freeze, as they are stored."""
    return bodies.news({"event": event, "by": by, **dataclasses.asdict(freeze)})


def notice(number: int = 1, channel: str = "C0OPS") -> ports.Notice:
    """Return a notice that waits."""
    return ports.Notice(number, channel, body(), 0, 0.0)


def test_freeze_is_named_with_holder_reason_and_both_instants() -> None:
    """In each reader's own time; one from the host under its own name."""
    assert about_freezes.line(HELD) == LINE
    assert about_freezes.lines([HOST]).startswith("🧊 *Frozen by host:deploy* since <!date^")
    assert about_freezes.lines([HELD] * 8).endswith("and 3 more freezes")


def test_note_shows_the_holder_of_a_freeze_and_everybody_else_by_name_once() -> None:
    """Whoever is named for the freeze and for the note is no mention within a mention."""
    told = (
        f"You have no freeze of your own. Everything is frozen by {freezes.told([HELD])}. Ask "
        "U0SAM."
    )
    shown = rendering.render(answers.Note(told, good=False, people=("U0ROSA", "U0SAM")))

    assert "is frozen by <@U0ROSA> (cooling" in shown.text
    assert shown.text.endswith("Ask <@U0SAM>.")
    assert shown.text.count("<@") == 2


@pytest.mark.parametrize(
    ("event", "by", "begins"),
    [
        ("freeze.on", "U0ROSA", "🧊 *<@U0ROSA> froze all power changes*: cooling"),
        ("freeze.changed", "U0ROSA", "🧊 *<@U0ROSA> changed their freeze of all power"),
        ("freeze.off", "U0ROSA", "🟢 *<@U0ROSA> lifted their freeze*: cooling"),
        ("freeze.off", "U0SAM", "🟢 *<@U0SAM> lifted the freeze by <@U0ROSA>*: cooling"),
        ("freeze.ended", "", "🟢 *The freeze by <@U0ROSA> has ended by itself*: cooling"),
    ],
)
def test_channel_is_told_who_did_what_to_whose_freeze(event: str, by: str, begins: str) -> None:
    """With reason and end."""
    told = about_freezes.notice(body(event, by)).text

    assert told.startswith(begins)
    assert "<!date^1700003600^" in told


async def test_announcement_has_unfreeze_which_asks_once_more(side: Side) -> None:
    """Everybody sees the same message; Slack takes it, whatever the reason is."""
    hostile = dataclasses.replace(HELD, reason=builders.HOSTILE)
    made = about_freezes.notice(body(freeze=hostile))
    await side.sender.post("C0OPS", made)

    [shown] = side.workspace.messages("C0OPS")
    assert shown.buttons == ["Unfreeze"]
    [lift] = made.blocks[-1]["elements"]
    assert lift["confirm"]["confirm"]["text"] == "Unfreeze"
    assert lift["accessibility_label"] == "Unfreeze: lift this freeze"
    for over in ("freeze.off", "freeze.ended"):
        assert "pb:unfreeze" not in str(about_freezes.notice(body(over)).blocks)


def test_reason_of_a_freeze_can_not_ping_or_forge() -> None:
    """It is foreign text wherever it stands."""
    hostile = dataclasses.replace(HELD, reason=builders.HOSTILE)

    for told in (about_freezes.notice(body(freeze=hostile)).text, about_freezes.line(hostile)):
        assert "<!channel>" not in told
        assert "\u202e" not in told


def test_holder_in_a_sentence_is_shown_by_name_and_nobody_else() -> None:
    """A refusal names people by their ids; words in a reason aren't read as one."""
    told = about_freezes.spoken(
        "Everything is frozen by U0ROSA (by U0SAM (cooling)) since 2023-11-14 22:13 UTC.",
        freezes.holders([HELD]),
    )

    assert told == (
        "Everything is frozen by <@U0ROSA> (by U0SAM (cooling)) since "
        "<!date^1699999980^{date_short_pretty} at {time}|22:13 UTC>."
    )


@pytest.mark.parametrize("state", [State.PENDING, State.APPROVED, State.RUNNING])
def test_card_of_a_request_that_is_held_back_names_the_freeze(state: State) -> None:
    """Who looks at it learns why nothing happens; one that has ended says nothing of it."""
    card = cards.render(builders.request_in(state), freezes=[HELD])
    ended = cards.render(builders.request_in(State.SUCCEEDED), freezes=[HELD])

    stand_in_blocks.check_message(list(card.blocks))
    assert LINE in str(card.blocks)
    assert "Frozen" not in str(ended.blocks)


def test_reply_of_a_held_run_names_each_freeze() -> None:
    """A run that starts no new call says whose freeze it waits for."""
    told = thread_replies.render(
        builders.request_in(State.RUNNING),
        [],
        running.Held(
            reason="held by freeze of U0ROSA (cooling) since 2023-11-14 22:13 UTC",
            freezes=[HELD, HOST],
        ),
    )

    assert LINE in told.text
    assert "Frozen by host:deploy" in told.text


def test_lists_and_home_begin_with_the_freezes_that_stand() -> None:
    """Whoever looks at servers or requests sees why none can be asked for."""
    fleet = answers.FleetShown(
        "all servers", server.Snapshot({}, 0.0), (), 1.0, freezes=(HELD, HOST)
    )
    requests = answers.RequestsShown((), (), 1.0, (HELD,))
    opened = answers.HomeShown((), (), (), (), (HELD, HOST), 1.0)

    assert rendering.render(fleet).blocks[0]["text"]["text"].startswith(LINE)
    assert rendering.render(requests).blocks[0]["text"]["text"] == LINE
    assert home.render(opened)["blocks"][0]["text"]["text"].startswith(LINE)


async def test_notice_reaches_its_channel_once(side: Side) -> None:
    """It is posted to everybody, and taken out of the store."""
    side.store.notices.append(notice())

    await side.reporter.deliver_due()
    await side.reporter.deliver_due()

    (said,) = side.workspace.messages("ops")
    assert "froze all power changes" in said.text
    assert side.store.notices == []


async def test_notice_survives_slacks_trouble(side: Side) -> None:
    """It is tried again until Slack takes it."""
    side.workspace.chaos.fail("chat.postMessage", "status", count=2, status=503)
    side.store.notices.append(dataclasses.replace(notice(), created_at=side.clock.now()))

    await side.reporter.deliver_due()
    waiting = len(side.store.notices)
    await side.settle()
    for _ in range(5):
        await side.clock.pass_s(60.0)
        await side.reporter.deliver_due()

    assert waiting == 1
    assert len(side.workspace.messages("ops")) == 1


async def test_channel_that_is_closed_or_shared_is_not_told(side: Side) -> None:
    """Nothing is tried for ever, nothing leaves the company, and the audit says so."""
    pace = pacing.Pace(3.0, 40)
    people = directory.Directory(side.client, side.clock)
    telling = notice_poster.NoticePoster(
        outbound.Context(side.store, side.sender, side.clock, pace, directory=people)
    )
    side.store.notices += [notice(1, "C0GONE"), notice(2, "C0SHARED")]

    await telling.deliver_due()

    assert side.store.notices == []
    assert sorted(entry.detail["why"] for entry in side.store.audited) == [
        "channel_not_found",
        "shared with another company",
    ]


@pytest.mark.parametrize("code", ["not_in_channel", "restricted_action"])
async def test_whoever_froze_learns_once_that_a_channel_does_not_hear_of_it(
    side: Side, code: str
) -> None:
    """In a direct message: nobody else would tell them that the channel works on unwarned."""
    side.workspace.chaos.refuse("chat.postMessage", code, "C0OPS")
    at_host = dataclasses.replace(notice(2), news=body(by="host:root"))
    side.store.notices += [notice(1), at_host]

    for _ in range(5):
        await side.reporter.deliver_due()
        await side.clock.pass_s(60.0)

    [told] = side.workspace.direct_messages("rosa")
    assert told.text.startswith("🚫 Your freeze is in force, but Slack doesn't accept")
    assert f"<#C0OPS>: {refused_cards.WORDS[api_errors.why(code)][0]} ({code})" in told.text


async def test_announcement_is_edited_when_its_freeze_is_over(side: Side) -> None:
    """Nothing new is posted and nothing is left to press, also where a channel became shared."""
    ts = await side.sender.post("C0OPS", about_freezes.notice(body()))
    end = ports.FreezeEnd(HELD, "U0SAM", 1_700_000_060.0)
    side.store.notices.append(dataclasses.replace(notice(), ts=ts, end=end))

    await side.reporter.deliver_due()

    [shown] = side.workspace.messages("C0OPS")
    assert shown.text.startswith("🧊 *<@U0ROSA> froze all power changes*: cooling")
    assert "🟢 Lifted by <@U0SAM>" in shown.text
    assert (shown.buttons, side.store.notices) == ([], [])


@pytest.mark.parametrize(
    "code", ["message_not_found", "cant_update_message", "edit_window_closed", "is_archived"]
)
async def test_announcement_that_can_not_be_edited_is_let_be(side: Side, code: str) -> None:
    """It was deleted, or its channel archived: nobody needs to hear of that, and it ends."""
    side.workspace.chaos.refuse("chat.update", code)
    end = ports.FreezeEnd(HELD, "", side.clock.now())
    side.store.notices.append(dataclasses.replace(notice(), ts="1.1", end=end))

    await side.reporter.deliver_due()

    assert side.store.notices == []
    assert side.store.audited == []
    assert side.workspace.messages("C0OPS") == []


async def test_edit_of_an_announcement_survives_slacks_trouble(side: Side) -> None:
    """It is tried again, for a day from the freeze's end on however old the message is."""
    ts = await side.sender.post("C0OPS", about_freezes.notice(body()))
    side.workspace.chaos.fail("chat.update", "status", count=2, status=503)
    end = ports.FreezeEnd(HELD, "", side.clock.now())
    side.store.notices.append(dataclasses.replace(notice(), ts=ts, end=end))

    await side.reporter.deliver_due()
    waiting = len(side.store.notices)
    for _ in range(5):
        await side.clock.pass_s(60.0)
        await side.reporter.deliver_due()

    [shown] = side.workspace.messages("C0OPS")
    assert (waiting, shown.buttons, side.store.notices) == (1, [], [])


def test_announcement_of_a_freeze_that_is_over_says_how_it_ended() -> None:
    """Who and when, without its button; one that ended by itself names nobody."""
    lifted = about_freezes.over(ports.FreezeEnd(HELD, "U0SAM", 1_700_000_060.0))
    ended = about_freezes.over(ports.FreezeEnd(HELD, "", 1_700_003_600.0))

    assert lifted.text.startswith(
        "🧊 *<@U0ROSA> froze all power changes*: cooling is being repaired"
    )
    assert "🟢 Lifted by <@U0SAM>, <!date^1700000060^" in lifted.text
    assert "🟢 It ended by itself, <!date^1700003600^" in ended.text
    assert "pb:unfreeze" not in str(lifted.blocks)

"""Freezes as people see them: in lines of their own, as news in channels, and in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from bot.power import inputs, ports
from bot.power.messages import messages
from bot.power.policy import freezes
from bot.slack import action_ids, api_errors
from bot.slack.blockkit import blocks, text
from bot.slack.render import refused_cards

REASON_CHARS = 300  # Of whoever froze.
ASKED_CHARS = 150
# Freezes that a list shows; the others are counted.
MOST_SHOWN = 5
LIFT = "`unfreeze` lifts your own freeze, `unfreeze all` everybody's."
SAID: Mapping[messages.FreezeEvent, str] = {
    "freeze.on": "🧊 *{by} froze all power changes*",
    "freeze.changed": "🧊 *{by} changed their freeze of all power changes*",
    "freeze.off": "🟢 *{by} lifted the freeze by {whose}*",
    "freeze.ended": "🟢 *The freeze by {whose} has ended by itself*",
}


def who(freeze: ports.Freeze) -> str:
    """Return the holder of a freeze."""
    return text.mention(freeze.holder) if freeze.holder else "the policy"


def line(freeze: ports.Freeze) -> str:
    """Return a freeze that stands."""
    reason = text.plain(freeze.reason, REASON_CHARS)
    return f"🧊 *Frozen by {who(freeze)}* {times(freeze)}: {reason}"


def times(freeze: ports.Freeze) -> str:
    """Return since when a freeze stands, and until when."""
    until = f", until {text.moment(freeze.until)}" if freeze.until else ""
    return f"since {text.moment(freeze.since)}{until}"


def lines(standing: Sequence[ports.Freeze]) -> str:
    """Return all freezes that stand, a line each."""
    told = [line(freeze) for freeze in standing[:MOST_SHOWN]]
    more = len(standing) - MOST_SHOWN
    return "\n".join([*told, f"and {text.count(more, 'more freeze')}"] if more > 0 else told)


def section(standing: Sequence[ports.Freeze]) -> list[blocks.Block]:
    """Return a block with all freezes that stand, or nothing."""
    return [blocks.section(lines(standing))] if standing else []


def lift_button(freeze: ports.Freeze, *, own: bool = False, apart: str = "") -> blocks.Button:
    """Return the button that lifts one freeze; it asks once more unless it is one's `own`."""
    reason = text.literal(freeze.reason, ASKED_CHARS)
    asked = f"{reason}\nIts holder and approvers can lift it; then calls are sent again."
    dialog = None if own else blocks.confirm("Lift this freeze?", asked, "Unfreeze")
    # What is heard begins with what is seen, for whoever speaks to the screen.
    label = action_ids.LABELS[inputs.Do.UNFREEZE]
    spoken = f"{label}: lift {'your own' if own else 'this'} freeze"
    return blocks.Button(
        inputs.Do.UNFREEZE, freezes.key(freeze), confirm=dialog, spoken=spoken, apart=apart
    )


def spoken(sentence: str, people: Sequence[str] = (), limit: int = text.LONGEST_FOREIGN) -> str:
    """Return one of our sentences for mrkdwn: these people by name, instants in readers' time."""
    return text.dated(text.named(text.plain(sentence, limit), people))


def notice(news: messages.News) -> blocks.Message:
    """Return the message that tells a channel about a freeze."""
    match news:
        case messages.FreezeTurned():
            return _turned(news)
        # Queued by a newer version, of which this one reads no more.
        case messages.Unknown():
            told = f"🧊 *A freeze has changed*: {text.plain(news.reason, REASON_CHARS)}"
            return blocks.Message(told, (blocks.section(told),))
        case _:
            assert_never(news)


def unannounced(news: messages.FreezeTurned, channel_id: str, code: str) -> blocks.Message:
    """Return what whoever froze or lifted is told when a channel doesn't hear of it."""
    stands = news.event in messages.STANDS
    what = "Your freeze is in force" if stands else "The freeze is lifted"
    where = text.channel(channel_id) or "a channel"
    why, _ = refused_cards.WORDS[api_errors.why(code)]
    told = (
        f"🚫 {what}, but Slack doesn't accept the announcement in {where}: {why} "
        f"({text.plain(code, 60)}). Tell the people there yourself."
    )
    return blocks.Message(told, (blocks.section(told),))


def over(end: ports.FreezeEnd) -> blocks.Message:
    """Return what takes the place of an announced freeze that is over: nothing is left to press."""
    reason = text.plain(end.freeze.reason, REASON_CHARS)
    froze = SAID["freeze.on"].format(by=who(end.freeze))
    ended = f"Lifted by {text.mention(end.by)}" if end.by else "It ended by itself"
    told = f"{froze}: {reason}\n🟢 {ended}, {text.moment(end.at)}."
    return blocks.Message(told, (blocks.section(told),))


def _turned(news: messages.FreezeTurned) -> blocks.Message:
    """Return what became of one freeze."""
    freeze = ports.Freeze(news.holder, news.reason, news.since, news.until)
    said = SAID[news.event].format(by=text.mention(news.by), whose=who(freeze))
    if news.event == "freeze.off" and news.by == freeze.holder:
        said = f"🟢 *{text.mention(news.by)} lifted their freeze*"
    reason = text.plain(freeze.reason, REASON_CHARS)
    if news.event not in messages.STANDS:
        told = f"{said}: {reason}\nIt was in force {times(freeze)}."
        return blocks.Message(told, (blocks.section(told),))
    end = f"Until {text.moment(freeze.until)}." if freeze.until else "Until it is lifted."
    told = f"{said}: {reason}\n{end} No new call is sent while it lasts. {LIFT}"
    # Everybody sees the same message, so it can't know whose own it is.
    lift = blocks.button_row([lift_button(freeze)])
    return blocks.Message(told, (blocks.section(told), lift))

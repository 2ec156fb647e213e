"""What is said in a request's thread, and to the requester: one short message for each event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from bot.power import ports
from bot.power.causes import Late
from bot.power.messages import decisions, messages, running
from bot.power.text import times
from bot.slack.blockkit import blocks, naming, text, words
from bot.slack.render import headlines, left_off, refused_cards, thread_decisions
from bot.slack.render.phrases import (
    about_freezes,
    about_plan,
    about_request,
    about_steps,
    outcomes,
)

# Digits of a head that are enough for a proof, together with its row number.
HEAD_CHARS = 12
MOST_STEPS = 16
WORD_CHARS = 60
VERB_CHARS = 20
_LAST_WORDS = (decisions.Closed, running.Ended)  # Those that carry a proof.
BACK_ON = "Press Power back on, on the card, to plan a power-on of exactly these."


def render(
    request: ports.Request, servers: Sequence[ports.RunServer], told: messages.Message
) -> blocks.Message:
    """Return the reply for a message of the outbox."""
    match told:
        case running.LeftDark():
            return left_off.left_dark(request, told)
        case running.CardRefused():
            return refused_cards.render(request, told)
        case decisions.Closed():
            return _with_proof(request, servers, thread_decisions.closed(told), told)
        case running.Ended():
            return _with_proof(request, servers, _ended(request, servers), told)
        case _:
            return _plain(_news(request, told))


def direct(
    request: ports.Request,
    servers: Sequence[ports.RunServer],
    told: messages.Message,
    link: str = "",
) -> blocks.Message:
    """Return the same news for the requester alone, with a link to the card when there is one."""
    reply = render(request, servers, told)
    place = f" · <{link}|open the card>" if link else ""
    # What proves the log stands in the thread, where everybody sees it.
    first = reply.blocks[0]["text"]["text"] if isinstance(told, _LAST_WORDS) else reply.text
    return _plain(f"*{request.id}* {about_request.title(request.order)}{place}\n{first}")


def _plain(said: str) -> blocks.Message:
    """Return a message of one text."""
    return blocks.Message(said, (blocks.section(said),))


def _news(
    request: ports.Request,
    told: decisions.AnyWaiting
    | decisions.AnyGlass
    | running.Held
    | running.AnyRunning
    | running.SeenLate
    | running.LookedEnough
    | messages.Unknown,
) -> str:
    """Return what happened, in words."""
    match told:
        case decisions.Waiting():
            return thread_decisions.waiting(request, told)
        case decisions.Glass():
            return thread_decisions.glass(request, told)
        case running.Running():
            return _running(request, told)
        case running.Held():
            return _held(told)
        case running.SeenLate():
            return _late(request, told)
        case running.LookedEnough():
            return _looked_enough(told)
        case messages.Unknown():
            event = text.plain(told.event, WORD_CHARS).capitalize()
            return f"{event or 'News'}{thread_decisions.because(told.reason)}"
        case _:
            assert_never(told)


# -- during the run


def _running(request: ports.Request, told: running.AnyRunning) -> str:
    """Return what happened to a run on its way."""
    match told:
        case running.Started():
            return _started(request, told)
        case running.TakenOver():
            return (
                f"↻ Restarted; picked up after {told.done:,} of {told.total:,}. Powerbot first "
                "checks what was already sent; nothing is sent twice."
            )
        case running.StopAsked():
            who = text.mention(told.user)
            return (
                f"⏹️ Stopped by {who}{thread_decisions.because(told.reason)}\nNo more servers will "
                "be touched; what is in progress can't be recalled."
            )
        case running.LookingUp():
            who, verb = text.mention(told.user), text.plain(told.verb, VERB_CHARS)
            return f"⏸️ Held while {who}'s right to {verb} is looked up: no new call is sent."
        case running.NotLookedUp():
            who, verb = text.mention(told.user), text.plain(told.verb, VERB_CHARS)
            return (
                f"⏹️ Slack didn't say within 60 s who {who} is. A no doesn't wait for Slack, so "
                f"their {verb} counts."
            )
        case running.SealBroken():
            return (
                f"🚨 *The seal is broken*{thread_decisions.because(told.reason)}.\nNothing more "
                "is sent for this request. Tell an operator at once: something other than "
                "Powerbot has written to the database."
            )
        case running.WaveOver():
            return about_steps.wave_over(told, request)
        case running.PutBack():
            return about_steps.put_back(told)
        case running.StepSettled():
            return about_steps.settled(told)
        case _:
            assert_never(told)


def _started(request: ports.Request, told: running.Started) -> str:
    order = f", {about_plan.in_waves(told.waves)}" if len(told.waves) > 1 else ""
    verb = words.VERBS[request.order.action]
    return f"▶️ Started: {verb} {text.count(told.total, 'server')}{order}"


def _held(told: running.Held) -> str:
    if told.freezes:
        standing = [
            ports.Freeze(one.holder, one.reason, one.since, one.until) for one in told.freezes
        ]
        return f"⏸️ Held by freeze\n{about_freezes.lines(standing)}"
    return f"⏸️ Waiting{thread_decisions.because(told.reason)}"


# -- the end


def _ended(request: ports.Request, servers: Sequence[ports.RunServer]) -> str:
    """Return how a run has ended: in one line, then its servers by outcome."""
    action = request.order.action
    why = text.plain(request.end_reason)
    lines = [
        headlines.ended(request, servers),
        f"{why[:1].upper()}{why[1:]}",
        "Nothing was sent." if request.held_back else "",
        # Names that the first line has taken whole aren't said once more.
        outcomes.dark(servers, action, headlines.NAMES_CHARS),
        ""
        if outcomes.is_told(servers)
        else outcomes.told(outcomes.lit(servers, action), action, limit=2000),
        outcomes.unsure(servers, action),
        about_steps.still_out(request),
    ]
    return "\n".join(line for line in lines if line)


def _late(request: ports.Request, told: running.SeenLate) -> str:
    """Say what was seen of servers after the end."""
    names = naming.folded(told.names, outcomes.NAMES_CHARS)
    if told.late is Late.WENT_OFF:
        cry = f"🚨 *{names} went off after all:* this request's power-off took effect late."
        return f"{cry}\n{text.mentions(told.mention)}: {BACK_ON}"
    return f"🕑 {names}: {words.late(told.late, request.order.action)}"


def _looked_enough(told: running.LookedEnough) -> str:
    """Say that nobody looks any more at servers that may be off."""
    names = naming.folded(told.names, outcomes.NAMES_CHARS)
    ended = f"🚨 Powerbot has stopped checking {names}, which it hasn't seen come back on."
    return f"{ended}\n{text.mentions(told.mention)}: {BACK_ON}"


def _with_proof(
    request: ports.Request,
    servers: Sequence[ports.RunServer],
    said: str,
    told: decisions.AnyClosed | running.Ended,
) -> blocks.Message:
    """Return the last word of a thread, with how long it took and what proves the log later."""
    # An older version has queued it without one.
    if not told.head:
        return _plain(said)
    figures = _figures(request, servers, told)
    both = (blocks.section(said), blocks.context(figures))
    return blocks.Message(f"{said}\n{figures}", both)


def _figures(
    request: ports.Request,
    servers: Sequence[ports.RunServer],
    told: decisions.AnyClosed | running.Ended,
) -> str:
    """Return how long it took, and the audit's head as `--anchor` takes it."""
    began_at = told.began_at if isinstance(told, running.Ended) else 0.0
    took_s = outcomes.took_s(request, servers, began_at)
    whole = text.plain(told.head, 64)  # SHA-256 in hex.
    # Without its number a piece of a hash proves too little.
    head = f"#{told.seq}:{whole[:HEAD_CHARS]}" if told.seq else whole
    parts = [
        f"took {times.duration(took_s)}" if took_s else "",
        f"audit head {head}",
    ]
    return " · ".join(part for part in parts if part)

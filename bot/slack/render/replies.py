"""What is said in a request's thread, and to the requester: one short message for each event."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.power import missing, ports
from bot.power.causes import Late
from bot.slack.blockkit import blocks, naming, text, words
from bot.slack.render import alarm, conduct, frozen, outcomes, refused_cards, terms

WORDS_CHARS = 500
MOST_NAMED = 40
LACKS_CHARS = 800
# With the number of its row so many digits of a head are enough to prove by.
HEAD_CHARS = 12
# A new request calls so many people of each group; a reminder calls more.
MOST_CALLED = 10
ASKED_CHARS = 200
BACK_ON = "Power back on, on the card, plans a power-on of exactly these."
# Events after which nothing follows; they are worth a direct message when the channel is gone.
ENDINGS = frozenset({"ended", "denied", "cancelled", "stopped", "expired", "refused", "void"})


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """One row of the outbox with the request that it speaks of."""

    request: ports.Request
    servers: Sequence[ports.RunServer]
    body: Mapping[str, Any]

    def word(self, key: str, limit: int = WORDS_CHARS) -> str:
        """Return a foreign text of the body, safe for mrkdwn."""
        return text.plain(str(self.body.get(key) or ""), limit)

    def number(self, key: str) -> int:
        """Return a number of the body, 0 when it has none."""
        found = self.body.get(key)
        return int(found) if isinstance(found, int | float) else 0

    def people(self, key: str) -> list[str]:
        """Return a list of ids of the body."""
        found = self.body.get(key)
        return [str(one) for one in found] if isinstance(found, list | tuple) else []

    @property
    def who(self) -> str:
        """The person who did it, as a mention."""
        return text.mention(str(self.body.get("user") or ""))

    @property
    def asked(self) -> str:
        """Everybody who is asked, by the group that they would answer for."""
        return self.called(MOST_NAMED)

    def called(self, most: int) -> str:
        """Return so many of each group that is asked, a line for each group."""
        found = self.body.get("ask")
        groups = found if isinstance(found, Mapping) else {}
        lines = [
            f"*{text.plain(str(group), 60)}:* {text.mentions(list(map(str, ids)), most)}"
            for group, ids in groups.items()
            if ids
        ]
        lacks = missing.told(missing.read(self.body.get("missing")))
        return "\n".join([*lines, f"⚠️ {text.plain(lacks, LACKS_CHARS)}"] if lacks else lines)

    def because(self, key: str = "reason") -> str:
        """Return a reason with its colon, or nothing."""
        found = self.word(key)
        return f": {found}" if found else ""


def render(
    request: ports.Request, servers: Sequence[ports.RunServer], body: Mapping[str, Any]
) -> blocks.Message:
    """Return the reply for an outbox body `{"event": ...}`."""
    if body.get("event") == "left_dark":
        return alarm.left_dark(request, body)
    if body.get("event") == refused_cards.EVENT:
        return refused_cards.render(request, body)
    event = Event(request, servers, body)
    teller = TELLERS.get(str(body.get("event")), _unknown)
    told = teller(event)
    if not body.get("head"):
        return blocks.Message(told, (blocks.section(told),))
    figures = _figures(event)
    both = (blocks.section(told), blocks.context(figures))
    return blocks.Message(f"{told}\n{figures}", both)


def direct(
    request: ports.Request,
    servers: Sequence[ports.RunServer],
    body: Mapping[str, Any],
    link: str = "",
) -> blocks.Message:
    """Return the same news for the requester alone, with a link to the card when there is one."""
    reply = render(request, servers, body)
    place = f" · <{link}|open the card>" if link else ""
    told = f"*{request.id}* {terms.title(request.order)}{place}\n{reply.text}"
    return blocks.Message(told, (blocks.section(told),))


# -- before the run


def _asked(event: Event) -> str:
    order, wanted = event.request.order, event.request.plan.terms.needs
    what = terms.title(order)
    names = conduct.names(event.request.plan, ASKED_CHARS)
    reason = text.plain(order.reason, WORDS_CHARS)
    return (
        f"👋 {text.mention(order.requester.user_id)} wants to {what[0].lower()}{what[1:]} ({names})"
        f"{': ' + reason if reason else ''}\n"
        f"Needs {terms.needs(wanted)}{_deadline(event)}\n{event.called(MOST_CALLED)}"
    ).rstrip()


def _approved(event: Event) -> str:
    group = f" for {event.word('group', 60)}" if event.body.get("group") else ""
    summary = event.word("summary") or terms.quorum(event.request)
    return f"✔ Approved by {event.who}{group}{event.because('comment')}\n{summary}"


def _approval_lost(event: Event) -> str:
    people = text.mentions(event.people("users")) or event.who
    return (
        f"✖ An approval was taken away: {people} may not approve any more{event.because()}.\n"
        f"{terms.quorum(event.request)}"
    )


def _denied(event: Event) -> str:
    return f"⛔ Denied by {event.who}{event.because()}\nNothing was sent."


def _cancelled(event: Event) -> str:
    return f"↩️ Cancelled by {event.who}\nNothing was sent."


def _stopped(event: Event) -> str:
    return f"⏹️ Stopped by {event.who} before it started\nNothing was sent."


def _expired(event: Event) -> str:
    return "⌛ Expired: nobody answered in time. Nothing was sent; ask again if it is still needed."


def _refused(event: Event) -> str:
    return f"🚫 Refused{event.because()}\nNothing was sent."


def _void(event: Event) -> str:
    return f"⚪ Void{event.because()}\nNothing was sent; ask again if it is still needed."


def _reminder(event: Event) -> str:
    waiting = f"⏳ Still waiting: {terms.quorum(event.request)}{_deadline(event)}"
    return f"{waiting}\n{event.asked}".rstrip()


def _nudged(event: Event) -> str:
    asks = f"👋 {event.who} asks again: {terms.quorum(event.request)}{_deadline(event)}"
    return f"{asks}\n{event.asked}".rstrip()


def _escalated(event: Event) -> str:
    asked = "📣 Nobody has decided yet. Everybody who may approve is asked now."
    waiting = f"{terms.quorum(event.request)}{_deadline(event)}"
    return f"{asked}\n{waiting}\n{event.asked}".rstrip()


def _deadline(event: Event) -> str:
    expires_at = event.request.expires_at
    return f", until {text.moment(expires_at)}" if expires_at else ""


def _break_glass(event: Event) -> str:
    first = event.request.plan.terms.needs
    starts = "It starts without approval." if not first else "It needs what the freeze asks for."
    return (
        f"🔨 Break glass by {event.who}{event.because()}\n"
        f"{starts} Somebody else must review it{_review_by(event)}: press Review on the card "
        f"when it has ended.\n{event.asked}"
    ).rstrip()


def _review_by(event: Event) -> str:
    due = event.body.get("review_by")
    return f" until {text.moment(float(due))}" if isinstance(due, int | float) else ""


def _review_reminder(event: Event) -> str:
    asked = f"🔎 The break glass by {event.who} waits for a review{_review_by(event)}."
    return f"{asked} Press Review on the card.\n{event.asked}".rstrip()


def _review_overdue(event: Event) -> str:
    asked = f"🔎 The review of the break glass by {event.who} is overdue: it was due"
    bars = "Until somebody presses Review on the card, they can't break glass again."
    return f"{asked}{_review_by(event).replace(' until', '')}. {bars}\n{event.asked}".rstrip()


def _reviewed(event: Event) -> str:
    return f"🔎 Reviewed by {event.who}{event.because('comment')}"


def _commented(event: Event) -> str:
    return f"💬 {event.who}{event.because('comment')}"


# -- during the run


def _started(event: Event) -> str:
    waves = [str(size) for size in event.people("waves")]
    order = f", in waves of {', '.join(waves[:8])}{', …' if len(waves) > 8 else ''}"
    total = text.count(event.number("total"), "server")
    verb = words.VERBS[event.request.order.action]
    return f"▶️ Started: {verb} {total}{order if len(waves) > 1 else ''}"


def _stop_asked(event: Event) -> str:
    return f"⏹️ Stop was pressed by {event.who}{event.because()}\nNo new call is sent."


def _stopping_itself(event: Event) -> str:
    failures, limit = event.number("failures"), event.number("limit")
    return (
        f"⏹️ Stopping itself at {text.count(failures, 'failure')} (the limit is {limit}). "
        "No new call is sent; what was sent is watched to its end."
    )


def _held(event: Event) -> str:
    found = event.body.get("freezes")
    standing = [frozen.read(one) for one in found] if isinstance(found, list) else []
    if standing:
        return f"⏸️ Held by freeze\n{frozen.lines(standing)}"
    return f"⏸️ Waiting{event.because()}"


def _looking_up(event: Event) -> str:
    verb = event.word("verb", 20)
    return f"⏸️ Held while {event.who}'s right to {verb} is looked up: no new call is sent."


def _not_looked_up(event: Event) -> str:
    return (
        f"⏹️ Slack could not say who {event.who} is for 60 s. A no doesn't wait for Slack, "
        f"so their {event.word('verb', 20)} counts."
    )


def _seal_broken(event: Event) -> str:
    return (
        f"🚨 *The seal is broken*{event.because()}.\nNothing more is sent for this request. "
        "Tell an operator at once: the database was written to by somebody else."
    )


# -- the end


def _ended(event: Event) -> str:
    request, servers = event.request, event.servers
    action = request.order.action
    lines = [
        f"{words.SIGNS[request.state]} *{request.state.value.capitalize()}*"
        f"{': ' + text.plain(request.end_reason) if request.end_reason else ''}",
        outcomes.dark(servers, action),
        outcomes.told(servers, action, limit=2000),
        outcomes.counted(servers, action),
        outcomes.unsure(servers, action),
    ]
    return "\n".join(line for line in lines if line)


def _late(event: Event) -> str:
    """Say what was seen of servers after the end."""
    names = naming.folded(event.people("names"), outcomes.NAMES_CHARS)
    late = Late(str(event.body.get("late") or ""))
    if late is Late.WENT_OFF:
        cry = f"🚨 *{names} went off after all:* the power-off of this request has shown late."
        return f"{cry}\n{text.mentions(event.people('mention'))}: {BACK_ON}"
    return f"🕑 {names}: {words.late(late, event.request.order.action)}"


def _looked_enough(event: Event) -> str:
    """Say that nobody looks any more at servers that may be off."""
    names = naming.folded(event.people("names"), outcomes.NAMES_CHARS)
    ended = f"🚨 Powerbot has stopped looking at {names}, which it hasn't seen come on again."
    return f"{ended}\n{text.mentions(event.people('mention'))}: {BACK_ON}"


def _figures(event: Event) -> str:
    """Return how long it took, the audit's head as `--anchor` takes it, and the seal."""
    began_at = event.body.get("began_at")
    began = float(began_at) if isinstance(began_at, int | float) else 0.0
    took_s = outcomes.took_s(event.request, event.servers, began)
    seq = event.number("seq")
    whole = event.word("head", 64)
    head = f"#{seq}:{whole[:HEAD_CHARS]}" if seq else whole
    parts = [
        f"took {text.duration(took_s)}" if took_s else "",
        f"audit head {head}" if whole else "",
        f"seal {event.word('seal', 64) or event.request.order.short_seal}",
    ]
    return " · ".join(part for part in parts if part)


def _unknown(event: Event) -> str:
    """Say that something happened, for an event that a newer Powerbot has queued."""
    return f"{event.word('event', 60).capitalize() or 'News'}{event.because()}"


TELLERS: dict[str, Callable[[Event], str]] = {
    "asked": _asked,
    "approved": _approved,
    "approval_lost": _approval_lost,
    "denied": _denied,
    "cancelled": _cancelled,
    "stopped": _stopped,
    "expired": _expired,
    "refused": _refused,
    "void": _void,
    "reminder": _reminder,
    "escalated": _escalated,
    "nudged": _nudged,
    "commented": _commented,
    "break_glass": _break_glass,
    "review_reminder": _review_reminder,
    "review_overdue": _review_overdue,
    "reviewed": _reviewed,
    "started": _started,
    "stop_asked": _stop_asked,
    "stopping_itself": _stopping_itself,
    "held": _held,
    "looking_up": _looking_up,
    "not_looked_up": _not_looked_up,
    "seal_broken": _seal_broken,
    "ended": _ended,
    "late": _late,
    "looked_enough": _looked_enough,
}

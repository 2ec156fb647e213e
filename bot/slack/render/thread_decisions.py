"""What a thread says of a request before it runs: approvals, ends, break glass and reviews."""

from __future__ import annotations

import dataclasses
from typing import assert_never

from bot.power import missing_access, ports
from bot.power.messages import base, decisions
from bot.slack.blockkit import text, words
from bot.slack.render import headlines
from bot.slack.render.phrases import about_plan, about_request

WORDS_CHARS = 500  # Of what somebody has said.
GROUP_CHARS = 60
MOST_NAMED = 40  # Of each group, in a reminder.
LACKS_CHARS = 800  # Of what must be mended before everybody can be called.
# People of each group that a new request mentions; a reminder mentions more.
MOST_CALLED = 10


def waiting(request: ports.Request, told: decisions.AnyWaiting) -> str:
    """Return what happened to a request that waits for approval."""
    match told:
        case decisions.Asked():
            return _asked(request, told)
        case decisions.Reminded():
            still = f"⏳ Still waiting for {_missing(request)}{_deadline(request)}"
            return f"{still}\n{called(told)}".rstrip()
        case decisions.Escalated():
            still = f"📣 Not decided yet: {about_request.quorum(request)}{_deadline(request)}"
            return f"{still}. Please decide:\n{called(told)}".rstrip()
        case decisions.Nudged():
            who = text.mention(told.user)
            asks = f"👋 {who} asks again: {about_request.quorum(request)}{_deadline(request)}"
            return f"{asks}\n{called(told)}".rstrip()
        case decisions.Approved():
            return _approved(request, told)
        case decisions.ApprovalLost():
            people = text.mentions(told.users) or text.mention(told.user)
            lost = f"✖ An approval no longer counts, since {people} can't approve this any more"
            return f"{lost}{because(told.reason)}.\n{about_request.quorum(request)}"
        case decisions.Commented():
            return f"💬 {text.mention(told.user)}{because(told.comment)}"
        case _:
            assert_never(told)


def _asked(request: ports.Request, told: decisions.Asked) -> str:
    """Return who wants what, why, and whose approval it takes."""
    needed = f"Needs {about_request.needs(request.plan.terms.needs)}{_deadline(request)}"
    return f"👋 {headlines.wish(request)}\n{needed}\n{called(told, MOST_CALLED)}".rstrip()


def _approved(request: ports.Request, told: decisions.Approved) -> str:
    """Return who has approved, and what is still needed, or what begins now."""
    group = f" for {text.plain(told.group, GROUP_CHARS)}" if told.group else ""
    who = text.mention(told.user)
    return f"✔ Approved by {who}{group}{because(told.comment)}\n{_after(request, told)}"


def _after(request: ports.Request, told: decisions.Approved) -> str:
    """Return what followed an approval at its time: others may have approved since."""
    by = [one.person.user_id for one in request.approvals]
    # It was withdrawn since, so the sentence of then has to do.
    if told.user not in by:
        return text.plain(told.summary, WORDS_CHARS) or about_request.quorum(request)
    # As it stood then, for a thread is read from above.
    then = request.approvals[: by.index(told.user) + 1]
    left = about_request.missing(dataclasses.replace(request, approvals=then))
    if left:
        return f"Still needs {about_request.needs(left)}"
    waves = request.plan.waves
    how = f", {about_plan.in_waves(waves)}" if len(waves) > 1 else ""
    return f"▶️ Starting: {headlines.small(about_request.title(request.order))}{how}"


def _missing(request: ports.Request) -> str:
    return about_request.needs(about_request.missing(request))


def closed(told: decisions.AnyClosed) -> str:
    """Return how a request has ended that never ran."""
    who, why = text.mention(told.user), because(told.reason)
    match told:
        case decisions.Denied():
            return f"⛔ Denied by {who}{why}\nNothing was sent."
        case decisions.Cancelled():
            return f"↩️ Cancelled by {who}{why}\nNothing was sent."
        case decisions.Stopped():
            return f"⏹️ Stopped by {who} before it started{why}\nNothing was sent."
        case decisions.Expired():
            late = "⌛ Expired: nobody answered in time. Nothing was sent."
            return f"{late} Ask again if it is still needed."
        case decisions.Refused():
            return f"🚫 Refused{why}\nNothing was sent."
        case decisions.Void():
            return f"⚪ Not carried out{why}\nNothing was sent. Ask again if it is still needed."
        case _:
            assert_never(told)


def glass(request: ports.Request, told: decisions.AnyGlass) -> str:
    """Return what happened to break glass, or to its review."""
    who = text.mention(told.user)
    match told:
        case decisions.GlassBroken():
            needs = request.plan.terms.needs
            starts = "It needs the freeze's approvals." if needs else "It starts without approval."
            until = f" by {text.moment(told.review_by)}" if told.review_by else ""
            return (
                f"🔨 Break glass by {who}{because(told.reason)}\n"
                f"{starts} Somebody else must review it{until}: press Review on the card "
                f"when it has ended.\n{called(told)}"
            ).rstrip()
        case decisions.ReviewDue():
            until = f", due by {text.moment(told.review_by)}" if told.review_by else ""
            waits = f"🔎 The use of break glass by {who} is waiting for review{until}."
            return f"{waits} Press Review on the card.\n{called(told)}".rstrip()
        case decisions.ReviewOverdue():
            was_due = f" {text.moment(told.review_by)}" if told.review_by else ""
            late = f"🔎 The review of break glass by {who} is overdue: it was due{was_due}."
            bars = f"Until somebody presses Review on the card, {who} can't use break glass again."
            return f"{late} {bars}\n{called(told)}".rstrip()
        case decisions.Reviewed():
            # Reviews of before there were judgements.
            if told.judgement is None:
                return f"🔎 Reviewed by {who}{because(told.comment)}"
            found = words.JUDGEMENTS[told.judgement].lower()
            return f"🔎 {who} reviewed the use of break glass: *{found}*{because(told.comment)}"
        case _:
            assert_never(told)


def because(reason: str) -> str:
    """Return a foreign reason with its colon, or nothing."""
    found = text.plain(reason, WORDS_CHARS)
    return f": {found}" if found else ""


def called(told: base.Calling, most: int = MOST_NAMED) -> str:
    """Return so many of each group that is asked, a line for each group."""
    lines = [
        f"*{text.plain(group, GROUP_CHARS)}:* {text.mentions(ids, most)}"
        for group, ids in told.ask.items()
        if ids
    ]
    lacks = missing_access.told(told.missing)
    return "\n".join([*lines, f"⚠️ {text.plain(lacks, LACKS_CHARS)}"] if lacks else lines)


def _deadline(request: ports.Request) -> str:
    return f" · expires {text.moment(request.expires_at)}" if request.expires_at else ""

"""How an answer reaches the one person it is for, by the most private way that is open."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable

import structlog

from bot.power import answers as facts, ports
from bot.slack import (
    actions,
    answers,
    blocks,
    home,
    modals,
    publishing,
    request_form,
    sending,
    text,
    views,
)

log = structlog.get_logger()

REPLACED = "This card was replaced by a newer one; use that one."
NO_VIEW = facts.Note("The form could not be opened in time; try again.", good=False)
# A form that is pushed by an acknowledgement is there a moment after it; waits in seconds.
VIEW_AGAIN_S = (0.2, 0.5, 1.0, 2.0)
NO_FORM = facts.Note("The form could not be opened in time; press the button again.", good=False)


Private = (
    answers.Said
    | facts.CountWanted
    | facts.ReasonWanted
    | facts.CommentWanted
    | facts.VerdictWanted
    | facts.FormShown
)


class Delivery:
    """Gives answers to people."""

    def __init__(
        self,
        sender: sending.Sender,
        clock: ports.Clock,
        homes: publishing.Homes | None = None,
    ) -> None:
        """Without `homes`, nobody's Home tab is drawn."""
        self._sender = sender
        self._clock = clock
        self._homes = homes

    async def deliver(self, inbound: ports.Inbound, answer: facts.Answer) -> None:
        """Give an answer to the person who asked; one that can't be given is logged."""
        if self._homes is not None and inbound.body.get("home"):
            await self._at_home(self._homes, inbound, answer)
        elif isinstance(answer, facts.HomeShown):
            return
        elif not await self._shown_in_view(inbound, answer):
            await self._privately(inbound, answer)

    async def _at_home(
        self, homes: publishing.Homes, inbound: ports.Inbound, answer: facts.Answer
    ) -> None:
        """Answer on the Home tab what was opened or pressed there."""
        match answer:
            case facts.HomeShown():
                await homes.opened(inbound.person, answer, str(inbound.body.get("hash") or ""))
            case facts.Note():
                await homes.told(inbound.person, answer.text)
            case facts.RequestShown():
                refused = await self._open(inbound, home.details(answer))
                if refused is not None:
                    await homes.told(inbound.person, refused.text)
            case _:
                await self._privately(inbound, answer)

    async def _privately(self, inbound: ports.Inbound, answer: Private) -> None:
        """Give an answer as a form or as a private message."""
        said: answers.Said | None
        match answer:
            case facts.FormShown():
                said = NO_VIEW
            case facts.CountWanted():
                said = await self._open(inbound, modals.confirm_count(answer))
            case facts.ReasonWanted():
                said = await self._open(inbound, modals.deny_reason(answer))
            case facts.CommentWanted():
                said = await self._open(inbound, modals.comment(answer))
            case facts.VerdictWanted():
                said = await self._open(inbound, modals.verdict(answer))
            case _:
                said = answer
        if said is not None:
            await self._say(inbound, said)

    async def open_loading(self, inbound: ports.Inbound) -> None:
        """Open a form that says that it is being made: its trigger id lives three seconds."""
        view, trigger_id = inbound.body.get("view"), inbound.body.get("trigger_id")
        if not view or not trigger_id:
            return
        try:
            await self._sender.open_view(str(trigger_id), views.loading(str(view)))
        except sending.Undelivered as error:
            # It may be open already: a process that takes over finds its trigger id used.
            log.warning("slack.form_not_opened", key=inbound.key, why=error.code)

    async def _shown_in_view(self, inbound: ports.Inbound, answer: facts.Answer) -> bool:
        """Show an answer in the form that waits for it, if there is one."""
        external = str(inbound.body.get("view") or "")
        view = _as_view(inbound, answer) if external else None
        if view is None:
            return False
        view["external_id"] = external
        # Only a form that an acknowledgement has pushed may not be there yet.
        waits = VIEW_AGAIN_S if inbound.kind == "form" else ()
        for wait_s in (*waits, None):
            try:
                await self._sender.update_view(external, view)
            except sending.Undelivered as error:
                if error.code != "not_found" or wait_s is None:
                    log.info("slack.view_gone", key=inbound.key, why=error.code)
                    return False
                await self._clock.sleep(wait_s)
            else:
                return True
        return False  # pragma: no cover -- the loop returns at its last wait

    async def _open(self, inbound: ports.Inbound, view: dict[str, object]) -> facts.Note | None:
        """Open a form; when that fails the person is told so instead."""
        try:
            await self._sender.open_view(str(inbound.body.get("trigger_id") or ""), view)
        except sending.Undelivered as error:
            log.warning("slack.form_not_opened", key=inbound.key, why=error.code)
            return NO_FORM
        return None

    async def _say(self, inbound: ports.Inbound, answer: answers.Said) -> None:
        """Send a message by the first way that takes it."""
        page = inbound.body.get("page")
        message = answers.render(
            answer,
            page=page if isinstance(page, int) else 1,
            line=str(inbound.body.get("text") or ""),
        )
        ways = [
            lambda: self._respond(inbound, message, replace=_replaces(inbound, answer)),
            lambda: self._whisper(inbound, message),
            lambda: self._direct(inbound, message),
        ]
        for way in ways:
            if await _goes(way, inbound.key):
                return
        log.error("slack.not_answered", key=inbound.key)

    async def _respond(
        self, inbound: ports.Inbound, message: blocks.Message, *, replace: bool
    ) -> bool:
        """Use the response URL, if there is one."""
        if inbound.response_url:
            await self._sender.respond(inbound.response_url, message, replace=replace)
        return bool(inbound.response_url)

    async def _whisper(self, inbound: ports.Inbound, message: blocks.Message) -> bool:
        """Show it to this person alone, in the channel and thread where they are."""
        place, user = inbound.place, inbound.person.user_id
        if place.channel_id:
            await self._sender.whisper(user, place.channel_id, message, place.thread_ts)
        return bool(place.channel_id)

    async def _direct(self, inbound: ports.Inbound, message: blocks.Message) -> bool:
        """Send it as a direct message: the last way, open even where the bot isn't a member."""
        await self._sender.post(inbound.person.user_id, message)
        return True

    async def close_card(self, channel: str, ts: str) -> None:
        """Take the buttons from a card that a newer one has replaced."""
        message = blocks.Message(REPLACED, (blocks.section(REPLACED),))
        try:
            await self._sender.update(channel, ts, message)
        except sending.Undelivered as error:
            log.warning("slack.twin_not_closed", why=error.code)


def _as_view(inbound: ports.Inbound, answer: facts.Answer) -> views.View | None:
    """Return an answer as a view, None for one that is a form of its own kind."""
    match answer:
        case facts.FormShown():
            return request_form.render(answer)
        case facts.PlanShown():
            return request_form.review(answer)
        case facts.CountWanted() | facts.ReasonWanted() | facts.HomeShown():
            return None
        case facts.CommentWanted() | facts.VerdictWanted():
            return None
        case facts.Note(good=True):
            return views.saying(_with_place(answers.render(answer), inbound))
        case _:
            return views.saying(answers.render(answer))


def _with_place(message: blocks.Message, inbound: ports.Inbound) -> blocks.Message:
    """Add to a note where the request's card stands: a form may have been opened elsewhere."""
    where = text.channel(inbound.place.channel_id)
    added = (blocks.context(f"Its card and its thread are in {where}"),) if where else ()
    return dataclasses.replace(message, blocks=(*message.blocks, *added))


async def _goes(way: Callable[[], Awaitable[bool]], key: str) -> bool:
    """Whether this way took the answer."""
    try:
        return await way()
    except sending.Undelivered as error:
        log.info("slack.way_closed", key=key, why=error.code)
        return False


def _replaces(inbound: ports.Inbound, answer: answers.Said) -> bool:
    """Whether the answer takes the place of the private message whose button was pressed.

    A plan that was asked for is done with; a refusal leaves it, so that it can be tried again.
    """
    if not inbound.body.get("ephemeral"):
        return False
    if isinstance(answer, facts.FleetShown):
        return inbound.body.get("do") == actions.Do.PAGE
    asked = inbound.body.get("do") in (actions.Do.REQUEST, actions.Do.CANCEL)
    return asked and isinstance(answer, facts.Note) and answer.good

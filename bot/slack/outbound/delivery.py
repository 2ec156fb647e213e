"""How an answer reaches the one person it is for, by the most private way that is open."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
from collections.abc import Awaitable, Callable

import structlog

from bot.power import input_fields, inputs, ports
from bot.slack import api_errors
from bot.slack.blockkit import blocks, labels, modals, paging
from bot.slack.outbound import card_poster, home_publisher, open_forms, sending
from bot.slack.render import home, private_answers, workflow_step
from bot.slack.render.phrases import about_freezes
from bot.workflow import answers

log = structlog.get_logger()

REPLACED = "A newer card has replaced this one; use the newer card."
# What may be shown to a whole channel; the rest concerns one person.
SHAREABLE = (
    answers.FleetShown,
    answers.RequestShown,
    answers.RequestsShown,
    answers.HistoryShown,
    answers.WhyShown,
)
# Waits before a step is told again that it can't go on, in seconds.
STEP_AGAIN_S = (1.0, 5.0, 15.0, 60.0)
NOT_SHARED = answers.Note("Slack didn't accept it, so it was not shared; try again.", good=False)
NO_VIEW = answers.Note("The form could not be opened in time; try again.", good=False)
NO_FORM = answers.Note("The form could not be opened in time; press the button again.", good=False)


Private = (
    private_answers.Said
    | answers.CountWanted
    | answers.ReasonWanted
    | answers.CommentWanted
    | answers.VerdictWanted
    | answers.FormShown
)


class Delivery:
    """Gives answers to people."""

    def __init__(
        self,
        sender: sending.Sender,
        clock: ports.Clock,
        homes: home_publisher.HomePublisher | None = None,
        *,
        workspace_url: str = "",
        label: str = "",
    ) -> None:
        """Without `homes`, nobody's Home tab is drawn; `workspace_url` is for links.

        `label` is what help begins with.
        """
        self._label = label
        self._sender = sender
        self._clock = clock
        self._homes = homes
        self._workspace_url = workspace_url
        self._forms = open_forms.Forms(sender, clock)
        self._plans = open_forms.PlanPlaces()

    async def deliver(self, inbound: ports.Inbound, answer: answers.Answer) -> None:
        """Give an answer to the person who asked; one that can't be given is logged."""
        if self._homes is not None and _is_at_home(inbound.input):
            await self._at_home(self._homes, inbound, answer)
        # Without a publisher there is no Home to draw it on.
        elif isinstance(answer, answers.HomeShown):
            return
        elif inbound.kind is inputs.Kind.STEP:
            await self._to_step(inbound, answer)
        else:
            await self._close_freeze(inbound, answer)
            await self._replace_plan(inbound, answer)
            if not (await self._shared(inbound, answer) or await self._forms.show(inbound, answer)):
                await self._privately(inbound, answer)

    async def _replace_plan(self, inbound: ports.Inbound, answer: answers.Answer) -> None:
        """Show a plan that was changed in the form in the place of the one that it was."""
        if isinstance(answer, answers.FormShown) and answer.replaces:
            self._plans.keep(inbound)
        if not (isinstance(answer, answers.PlanShown) and answer.replaces):
            return
        url = self._plans.passed_on(inbound.person.user_id, answer.replaces, answer.request_id)
        if url and isinstance(inbound.input, inputs.RequestFilled):
            message = await self._message(answer, _turn(inbound))
            on_plan = dataclasses.replace(inbound, response_url=url)
            await _goes(lambda: self._respond(on_plan, message, replace=True), inbound.key)

    async def _at_home(
        self, homes: home_publisher.HomePublisher, inbound: ports.Inbound, answer: answers.Answer
    ) -> None:
        """Answer on the Home tab what was opened or pressed there."""
        match answer:
            case answers.HomeShown():
                was = inbound.input
                version = was.hash if isinstance(was, inputs.HomeOpened) else ""
                await homes.opened(inbound.person, answer, version)
            case answers.Note():
                await homes.told(inbound.person, answer)
            case answers.RequestShown():
                refused = await self._open(inbound, home.details(answer))
                if refused is not None:
                    await homes.told(inbound.person, refused)
            case _:
                await self._privately(inbound, answer)

    async def _privately(self, inbound: ports.Inbound, answer: Private) -> None:
        """Give an answer as a form or as a private message."""
        said: private_answers.Said | None
        match answer:
            case answers.FormShown():
                # A form comes here only when the view that waits for it is gone.
                said = NO_VIEW
            case answers.CountWanted():
                # The form carries no response URL to replace the plan by.
                self._plans.keep(inbound)
                said = await self._open(inbound, modals.confirm_count(answer))
            case answers.ReasonWanted():
                said = await self._open(inbound, modals.deny_reason(answer))
            case answers.CommentWanted():
                said = await self._open(inbound, modals.comment(answer))
            case answers.VerdictWanted():
                said = await self._open(inbound, modals.verdict(answer))
            case _:
                said = answer
        if said is not None:
            await self._say(inbound, said)

    async def open_loading(self, inbound: ports.Inbound) -> None:
        """Open the form that a payload asks for, before anything is known to fill it."""
        await self._forms.open_loading(inbound)

    async def asks_why(self, inbound: ports.Inbound, wanted: answers.ReasonWanted) -> bool:
        """Open the form that asks why somebody denies; False when that can't be done any more."""
        return await self._open(inbound, modals.deny_reason(wanted)) is None

    async def _open(self, inbound: ports.Inbound, view: dict[str, object]) -> answers.Note | None:
        """Open a form; if that fails, say so to the person instead."""
        try:
            await self._sender.open_view(input_fields.trigger_id(inbound.input), view)
        except api_errors.Undelivered as error:
            log.warning("slack.form_not_opened", key=inbound.key, why=error.code)
            return NO_FORM
        return None

    async def _to_step(self, inbound: ports.Inbound, answer: answers.Answer) -> None:
        """Show the person whom a step names the plan; a step that can't go on fails at once."""
        why = workflow_step.refusal(answer)
        # The workflow waits for its step, so that comes before the person.
        if why:
            await self._fail_step(inbound, why)
        if isinstance(answer, answers.PlanShown | answers.Mistake | answers.Note):
            await self._say(inbound, answer)

    async def _fail_step(self, inbound: ports.Inbound, why: str) -> None:
        """End a step, a few times over while Slack is away: its workflow would wait for ever."""
        for wait_s in (*STEP_AGAIN_S, 0.0):  # 0 marks the last try.
            try:
                await self._sender.end_step(workflow_step.execution_id(inbound.key), None, why)
            except api_errors.Undelivered as error:
                log.warning("slack.step_not_ended", key=inbound.key, why=error.code)
                if error.code in workflow_step.OVER or not wait_s:
                    return
                await self._clock.sleep(wait_s)
            else:
                return

    async def _shared(self, inbound: ports.Inbound, answer: answers.Answer) -> bool:
        """Show an answer to the whole channel when that is asked for; False when it isn't."""
        if not input_fields.is_shared(inbound.input) or not isinstance(answer, SHAREABLE):
            return False
        # Everybody is to see who has shown it to them.
        turn = dataclasses.replace(_turn(inbound), shared_by=inbound.person.user_id)
        message = await self._message(answer, turn)
        place = inbound.place
        try:
            await self._sender.post(place.channel_id, message, place.thread_ts)
        except api_errors.Undelivered as error:
            log.warning("slack.not_shared", key=inbound.key, why=error.code)
            await self._say(inbound, NOT_SHARED)
        return True

    async def _message(self, answer: private_answers.Said, turn: paging.Turn) -> blocks.Message:
        """Return an answer as a Slack message; nobody else waits while a large fleet is folded."""
        render = functools.partial(private_answers.render, answer, turn, self._workspace_url)
        large = private_answers.servers_in(answer) >= card_poster.LARGE
        message = await asyncio.to_thread(render) if large else render()
        helps = isinstance(answer, answers.HelpShown)
        return labels.on_help(message, self._label) if helps else message

    async def _say(self, inbound: ports.Inbound, answer: private_answers.Said) -> None:
        """Send a message by the first way that takes it."""
        inbound = self._plans.found(inbound)
        message = await self._message(answer, _turn(inbound))
        # From the most private; a response URL works where the bot isn't a member, too.
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
        if url := inbound.response_url:
            await self._sender.respond(url, message, replace=replace, user=inbound.person.user_id)
        return bool(url)

    async def _whisper(self, inbound: ports.Inbound, message: blocks.Message) -> bool:
        """Show it to this person alone, in the channel or the thread where they are.

        In a thread without replies Slack would show it nowhere ("chat.postEphemeral").
        """
        place, user = inbound.place, inbound.person.user_id
        thread_ts = "" if input_fields.is_alone(inbound.input) else place.thread_ts
        if place.channel_id:
            await self._sender.whisper(user, place.channel_id, message, thread_ts)
        return bool(place.channel_id)

    async def _direct(self, inbound: ports.Inbound, message: blocks.Message) -> bool:
        """Send it as a direct message: the last way, open even where the bot isn't a member."""
        await self._sender.post(inbound.person.user_id, message)
        return True

    async def _close_freeze(self, inbound: ports.Inbound, answer: answers.Answer) -> None:
        """Take the button from the announcement in which a freeze was lifted, or was found over."""
        was = inbound.input
        if isinstance(answer, answers.Note) and answer.ended and isinstance(was, inputs.Pressed):
            # Everybody's message; where it can't be changed, its button still tells who was first.
            message = about_freezes.over(answer.ended)
            try:
                await self._sender.update(inbound.place.channel_id, was.message_ts, message)
            except api_errors.Undelivered as error:
                log.warning("slack.freeze_not_closed", why=error.code)

    async def close_card(self, channel: str, ts: str) -> None:
        """Take the buttons from a card that a newer one has replaced."""
        message = blocks.Message(REPLACED, (blocks.section(REPLACED),))
        try:
            await self._sender.update(channel, ts, message)
        except api_errors.Undelivered as error:
            log.warning("slack.twin_not_closed", why=error.code)


async def _goes(way: Callable[[], Awaitable[bool]], key: str) -> bool:
    """Whether this way took the answer."""
    try:
        return await way()
    except api_errors.Undelivered as error:
        log.info("slack.way_closed", key=key, why=error.code)
        return False


def _turn(inbound: ports.Inbound) -> paging.Turn:
    """Return which page of what line a payload asks for."""
    was = inbound.input
    page = was.page if isinstance(was, inputs.Repeated) else 1
    return paging.Turn(page, input_fields.text(was), called=inbound.called)


def _replaces(inbound: ports.Inbound, answer: private_answers.Said) -> bool:
    """Whether the answer takes the place of the private message whose button was pressed.

    A plan that was asked for, or can't be any more, is done with; another refusal leaves it, so
    that it can be tried again.
    """
    was = inbound.input
    # A card belongs to all, and is never replaced by one person's answer.
    if not input_fields.is_ephemeral(was):
        return False
    # A page takes the place of a page; all else is shown beside it.
    if isinstance(answer, SHAREABLE):
        return isinstance(was, inputs.Repeated) and was.do is inputs.Do.PAGE
    do = was.do if isinstance(was, inputs.Pressed | inputs.FormSent) else None
    if isinstance(answer, answers.PlanShown):
        return do is inputs.Do.AGAIN or bool(answer.replaces)
    asked = do in (inputs.Do.REQUEST, inputs.Do.CANCEL, inputs.Form.CONFIRM_COUNT)
    return asked and isinstance(answer, answers.Note) and (answer.good or answer.over)


def _is_at_home(given: inputs.Input) -> bool:
    """Whether it was done on the app's Home tab, where its answer stands."""
    return isinstance(given, inputs.HomeOpened) or (
        isinstance(given, inputs.Pressed) and given.home
    )

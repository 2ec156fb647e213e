"""Forms that one person has open: shown at once, filled when there is something to say.

A form carries no response URL, so the plan behind it is remembered, for the answer to replace it.
That is a convenience of this process: without it the answer stands below the plan.
"""

from __future__ import annotations

import collections
import dataclasses

import structlog

from bot.power import input_fields, inputs, ports
from bot.slack import api_errors
from bot.slack.blockkit import blocks, text, views
from bot.slack.outbound import sending
from bot.slack.render import private_answers, request_modal
from bot.workflow import answers

log = structlog.get_logger()

# A form that is pushed by an acknowledgement is there a moment after it; waits in seconds.
AGAIN_S = (0.2, 0.5, 1.0, 2.0)
MOST_KEPT = 500  # Plans.


class Forms:
    """Opens forms, and shows answers in those that wait for one."""

    def __init__(self, sender: sending.Sender, clock: ports.Clock) -> None:
        self._sender = sender
        self._clock = clock

    async def open_loading(self, inbound: ports.Inbound) -> None:
        """Open a form that says that it is being made: its trigger id lives three seconds."""
        view, trigger_id = input_fields.view(inbound.input), input_fields.trigger_id(inbound.input)
        if not view or not trigger_id:
            return
        try:
            await self._sender.open_view(trigger_id, views.loading(view))
        except api_errors.Undelivered as error:
            # It may be open already: a process that takes over finds its trigger id used.
            log.warning("slack.form_not_opened", key=inbound.key, why=error.code)

    async def show(self, inbound: ports.Inbound, answer: answers.Answer) -> bool:
        """Show an answer in the form that waits for it; False when there is none (any more)."""
        external = input_fields.view(inbound.input)
        view = _as_view(inbound, answer) if external else None
        if view is None:
            return False
        # Once more, or a second answer wouldn't find it.
        view["external_id"] = external
        # Only a form that an acknowledgement has pushed may not be there yet.
        waits = AGAIN_S if inbound.kind is inputs.Kind.FORM else ()
        for wait_s in (*waits, None):
            try:
                await self._sender.update_view(external, view)
            except api_errors.Undelivered as error:
                if error.code != "not_found" or wait_s is None:
                    log.info("slack.view_gone", key=inbound.key, why=error.code)
                    return False
                await self._clock.sleep(wait_s)
            else:
                return True
        return False  # pragma: no cover -- the loop returns at its last wait


def _as_view(inbound: ports.Inbound, answer: answers.Answer) -> views.View | None:
    """Return an answer as a view, None for one that is a form of its own kind."""
    match answer:
        case answers.FormShown():
            return request_modal.render(answer)
        case answers.PlanShown():
            return request_modal.review(answer)
        case answers.CountWanted() | answers.ReasonWanted() | answers.HomeShown():
            return None
        case answers.CommentWanted() | answers.VerdictWanted():
            return None
        case answers.Note(good=True):
            return views.saying(_with_place(private_answers.render(answer), inbound))
        case _:
            return views.saying(private_answers.render(answer))


def _with_place(message: blocks.Message, inbound: ports.Inbound) -> blocks.Message:
    """Add to a note where the request's card stands: a form may have been opened elsewhere."""
    where = text.channel(inbound.place.channel_id)
    added = (blocks.context(f"Its card and its thread are in {where}"),) if where else ()
    return dataclasses.replace(message, blocks=(*message.blocks, *added))


class PlanPlaces:
    """The response URLs of plans, by person and request; the oldest give way."""

    def __init__(self) -> None:
        self._urls: collections.OrderedDict[tuple[str, str], str] = collections.OrderedDict()

    def keep(self, inbound: ports.Inbound) -> None:
        """Remember where the plan stands whose button was pressed."""
        if not (inbound.response_url and input_fields.is_ephemeral(inbound.input)):
            return
        self._urls[_key(inbound)] = inbound.response_url
        self._urls.move_to_end(_key(inbound))
        if len(self._urls) > MOST_KEPT:
            self._urls.popitem(last=False)

    def passed_on(self, user_id: str, old: str, new: str) -> str:
        """Return where a plan stands, and remember it as the place of another that replaces it."""
        if url := self._urls.pop((user_id, old), ""):
            self._urls[user_id, new] = url
        return url

    def found(self, inbound: ports.Inbound) -> ports.Inbound:
        """Return a count that was sent as if it had been pressed on its plan."""
        sent = inbound.input
        if not isinstance(sent, inputs.FormSent) or sent.do is not inputs.Form.CONFIRM_COUNT:
            return inbound
        url = self._urls.pop(_key(inbound), "")
        if not url:
            return inbound
        on_plan = sent.model_copy(update={"ephemeral": True})
        return dataclasses.replace(inbound, response_url=url, input=on_plan)


def _key(inbound: ports.Inbound) -> tuple[str, str]:
    return inbound.person.user_id, input_fields.request_id(inbound.input)

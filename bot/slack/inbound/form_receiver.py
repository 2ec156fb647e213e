"""Forms while they are still open: what is offered in them, and what is wrong with them."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import structlog

from bot.power import errors, inputs, ports, request
from bot.power.command import form
from bot.power.targets import search
from bot.power.text import typography
from bot.slack import action_ids
from bot.slack.blockkit import modals, text, views
from bot.slack.inbound import admission, guard

log = structlog.get_logger()

# Slack wants options within 3 s, as it wants acknowledgements ("block_suggestion payload").
OFFER_WITHIN_S = 2.0
# A field's error has no limit in Slack's docs; more than this doesn't fit under a field.
ERROR_CHARS = 300
# As long as the input of the form lets words be; a program that sends forms may not.
MOST_WORDS = modals.REASON_CHARS


class FormOffers(Protocol):
    """What knows the servers and the policy."""

    async def offers(self, person: request.Person, typed: str) -> Sequence[search.Offer]:
        """Return what fits what somebody has typed into the field for servers."""

    def problems(
        self, place: request.Place, sent: inputs.RequestFilled
    ) -> Mapping[form.FormField, str]:
        """Return what is wrong with a request form, by field; it waits for nobody."""


class FormReceiver:
    """Hands on a form that is good, and shows in it what isn't."""

    def __init__(
        self,
        store: ports.RequestStore,
        workflow: FormOffers,
        receive: Callable[..., Awaitable[None]],
        clock: ports.Clock,
        *,
        offer_within_s: float = OFFER_WITHIN_S,
    ) -> None:
        """`receive` takes a form, its `ack`, and what the acknowledgement is to show."""
        self._store = store
        self._workflow = workflow
        self._receive = receive
        self._searches = admission.Searches(clock)
        self._offer_within_s = offer_within_s

    async def receive(self, inbound: ports.Inbound, ack: guard.Ack) -> None:
        """Take a form, or show what is wrong with it.

        Raises:
            StoreUnavailable: nothing could be read or stored, and nothing will be done with it.
        """
        match inbound.input:
            case inputs.RequestFilled() as sent:
                await self._receive_filled(inbound, sent, ack)
            case inputs.FormSent() as sent:
                await self._receive_sent(inbound, sent, ack)
            case _:
                await self._receive(inbound, ack)

    async def _receive_filled(
        self, inbound: ports.Inbound, sent: inputs.RequestFilled, ack: guard.Ack
    ) -> None:
        """Take the request form: what is wrong stands at its field, else the plan is made."""
        problems = self._workflow.problems(inbound.place, sent)
        if problems:
            shown = {
                field.value: text.literal(words, ERROR_CHARS) for field, words in problems.items()
            }
            await ack(response_action="errors", errors=shown)
            return
        # Pushed with the acknowledgement, since a plan takes longer than Slack waits.
        planning = views.loading(sent.view, views.PLANNING)
        await self._receive(inbound, ack, response_action="push", view=planning)

    async def _receive_sent(
        self, inbound: ports.Inbound, sent: inputs.FormSent, ack: guard.Ack
    ) -> None:
        """Take a form about a request; what is wrong stands at its input."""
        found = await self._store.read(lambda tx: tx.request(sent.request_id))
        problems = _problems(sent, found)
        if found is None or problems:
            await ack(response_action="errors", errors=problems)
            return
        # A form stands nowhere; its answer is read where the request is.
        placed = dataclasses.replace(inbound, place=_seen_at(found))
        if sent.do is inputs.Form.REVIEW:
            asking = views.loading(sent.view, views.ASKING)
            await self._receive(placed, ack, response_action="update", view=asking)
        else:
            await self._receive(placed, ack)

    async def offers(self, person: request.Person, typed: str) -> Sequence[search.Offer]:
        """Return what fits what was typed, or nothing when that can't be said in time."""
        if not self._searches.admits(person.user_id):
            return ()
        try:
            async with asyncio.timeout(self._offer_within_s):
                return await self._workflow.offers(person, typed)
        except (TimeoutError, errors.PowerbotError) as error:
            log.warning("slack.nothing_offered", why=type(error).__name__)
            return ()


def _problems(sent: inputs.FormSent, found: ports.Request | None) -> dict[str, str]:
    """Return what is wrong with a form, by input; the stored request is what counts."""
    field = action_ids.FIELDS[sent.do]
    typed = sent.count or sent.reason or sent.comment  # Each form has one of them.
    if found is None:
        return {field.value: "This request doesn't exist any more."}
    wants_count = sent.do is inputs.Form.CONFIRM_COUNT or found.plan.terms.confirm_count
    count = str(len(found.order.targets))
    if field is action_ids.Field.COUNT and wants_count and typography.plain(typed) != count:
        return {field.value: "That isn't the number of servers in the plan."}
    needed = found.plan.terms.deny_reason
    if field is action_ids.Field.REASON and needed and not typed:
        return {field.value: "A reason is needed."}
    if sent.do is inputs.Form.VERDICT and sent.judgement is None:
        return {action_ids.Field.JUDGEMENT.value: "Choose one."}
    if field is action_ids.Field.COMMENT and not typed:
        return {field.value: "Write a few words."}
    if field is not action_ids.Field.COUNT and len(typed) > MOST_WORDS:
        return {field.value: f"At most {MOST_WORDS} characters; this has {len(typed):,}."}
    return {}


def _seen_at(found: ports.Request) -> request.Place:
    """Return where a private answer about a request is seen: in its thread if that has replies."""
    place = found.order.place
    began = found.source.startswith(ports.MENTION) or (found.card is not None and found.card.ts)
    return place if began else request.Place(channel_id=place.channel_id)

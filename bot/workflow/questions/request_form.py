"""The request form: what it offers while somebody types, and what is wrong with what was chosen.

All of it is answered from the newest snapshot that there is; nothing here waits for CloudDC but
the opening of a form.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.power import errors, inputs, plan, ports, request
from bot.power.approval import judging
from bot.power.command import command, form
from bot.power.planning import plan_refusals
from bot.power.policy import policy, reason_patterns
from bot.power.targets import search
from bot.workflow import answers
from bot.workflow.context import Context
from bot.workflow.questions import queries
from bot.workflow.rights import authorise

NOT_CHANGED = "request.refused_to_ask"
NOT_YOURS = "Only the person who made this plan can change it."
STEPS_LOST = (
    "The form has no --without, so no step would be left out; to leave steps out, type the command."
)
CUT_SERVERS = "Not every server of the plan could be filled in; add the ones that are missing."
# A field takes at most 100 choices ("Block elements: multi-select").
MOST_TERMS = 100
# A select takes at most 100 options ("Block elements: select menu").
MOST_CHANNELS = 100
NOTHING_NAMED = "That message names no server in the inventory; choose some here."
CUT_SHORT = "The message is very long; check that the servers named near its end are here."
NO_CHANNEL = "Powerbot isn't in any channel that the policy allows, so nothing can be requested."
NO_INVENTORY = "The inventory can't be read right now, so the search may find nothing."


async def offers(context: Context, person: request.Person, typed: str) -> Sequence[search.Offer]:
    """Return what fits what was typed so far; nothing to somebody who may not look.

    Raises:
        SlackUnavailable: the person could not be looked up.
    """
    snapshot = context.power.latest()
    # Names of servers are shown to full members alone, letter by letter too.
    if snapshot is None or not (await context.people.may_read(person)).allowed:
        return ()
    return await context.search.find(snapshot, context.policy().groups, typed)


async def open_form(context: Context, inbound: ports.Inbound) -> answers.FormShown:
    """Return the form for a person, with the servers that their message names.

    Raises:
        SlackUnavailable: the channels could not be looked up.
    """
    used = inbound.input if isinstance(inbound.input, inputs.ShortcutUsed) else None
    notes: list[str] = []
    chosen: tuple[search.Offer, ...] = ()
    try:
        snapshot = await queries.inventory(context)
    # A form without offers is better than none: the plan judges what is chosen.
    except errors.CloudError:
        notes.append(NO_INVENTORY)
    else:
        rows = search.servers_in(used.words if used else "", snapshot)
        chosen = search.chosen(rows, snapshot)
        notes += [CUT_SHORT] if used and used.more else []
    # A message shortcut alone has both; a global one has no channel.
    if used and inbound.place.channel_id and not chosen:
        notes.append(NOTHING_NAMED)
    channels = await _channels(context, inbound.place)
    if channels is not None and not channels:
        notes.append(NO_CHANNEL)
    return answers.FormShown(inbound.place, chosen, channels, tuple(notes))


async def change(
    context: Context, inbound: ports.Inbound, found: ports.Request
) -> answers.FormShown | answers.Note:
    """Return the form filled in with what a plan was made of, for whoever made it.

    What is sent is read and planned as if it were new; the plan stays as it is until then.

    Raises:
        SlackUnavailable: the channels could not be looked up.
    """
    if found.order.requester.user_id != inbound.person.user_id:
        return await authorise.decline(context, inbound, NOT_CHANGED, found, NOT_YOURS)
    notes = [STEPS_LOST] if found.order.options.without else []
    offered, cut = await _planned(context, found.plan)
    channels = await _channels(context, found.order.place)
    notes += [CUT_SERVERS] if cut else []
    notes += [NO_CHANNEL] if channels == () else []
    place, order = found.order.place, found.order
    return answers.FormShown(place, offered, channels, tuple(notes), order, found.id)


async def _planned(context: Context, made: plan.Plan) -> tuple[tuple[search.Offer, ...], bool]:
    """Return a plan's servers as they were typed, and whether some of them are left out.

    Terms that no choice can hold, and servers that were not typed, are chosen one by one.
    """
    # Quotes and `&` bind several words, which a choice each would tear apart.
    whole = any(sign in made.typed for sign in '&"“”')
    terms = (made.typed,) if whole else tuple(made.typed.split())
    fit = len(terms) <= MOST_TERMS and all(len(term) <= search.MOST_VALUE for term in terms)
    if terms and fit:
        # Terms stay terms: a server that came since is in a range as it was typed.
        return tuple(search.Offer(term, term) for term in dict.fromkeys(terms)), False
    try:
        snapshot = await queries.inventory(context)
    except errors.CloudError:
        return (), True
    ids = [line.server_id for line in made.lines]
    rows = [snapshot.servers[id_] for id_ in ids if id_ in snapshot.servers]
    offered = search.chosen(rows, snapshot)
    return offered, len(rows) < len(ids) or len(offered) >= search.MOST_FOLDED


async def _channels(context: Context, place: request.Place) -> tuple[ports.Channel, ...] | None:
    """Return the channels to choose from, or None where the door has one that is allowed."""
    allowed = context.policy().allow
    if place.channel_id in allowed:
        return None
    ids = sorted(allowed)[:MOST_CHANNELS]
    found = await asyncio.gather(*map(context.people.directory.channel, ids))
    return tuple(
        # Whatever else is chosen would be refused by the plan.
        one
        for one in found
        if one.is_member and not one.is_shared and not one.is_archived
    )


def read_form(context: Context, place: request.Place, sent: inputs.Filled) -> form.ReadForm:
    """Return a form that was sent as a change, or what is wrong with it, by field.

    What takes Slack or CloudDC to know is left to the plan, which is shown before anything
    is asked for.
    """
    rules = context.policy()
    snapshot = context.power.latest()
    found = form.read(sent.filled, rules.groups, snapshot)
    if found.change is None:
        return found
    problems: dict[form.FormField, str] = {}
    if place.channel_id not in rules.allow:
        # A form that was opened in a channel has no field for it.
        chose = isinstance(sent, inputs.RequestFilled) and sent.chose_channel
        field = form.FormField.CHANNEL if chose else form.FormField.SERVERS
        problems[field] = "Requests aren't allowed in this channel."
    if snapshot is not None:
        try:
            # On the newest list without a call: Slack waits three seconds for the form's answer.
            servers = queries.resolve(
                context, found.change.targets, snapshot, for_change=True
            ).servers
        except errors.UserMistake as mistake:
            held = form.offered(mistake, sent.filled, rules.groups, snapshot)
            problems[form.FormField.SERVERS] = form.sentence(held)
        else:
            found_rules = (judging.rule_for(rules, row) for row in servers)
            judged = tuple({rule.name: rule for rule in found_rules if rule}.values())
            problems |= _refused(found.change, place, rules, judged, len(servers))
    return form.ReadForm(found.change, problems)


def _refused(
    change: command.Change,
    place: request.Place,
    rules: policy.Policy,
    judged: Sequence[policy.Rule],
    count: int,
) -> dict[form.FormField, str]:
    """Return what the rules want of the reason and of the options, by field."""
    found: dict[form.FormField, str] = {}
    for rule in judged:
        given = (change.reason, change.options.incident)
        if rule.reason and not reason_patterns.found_in_reason(rule.reason, *given):
            found[form.FormField.REASON] = f'Rule "{rule.name}" requires {rule.reason} in it.'
    if change.options.break_glass and place.channel_id not in rules.incident:
        found[form.FormField.BREAK_GLASS] = "Break glass isn't allowed in this channel."
    elif change.options.break_glass and not change.reason:
        found[form.FormField.REASON] = "Break glass needs a reason."
    by_option = {name: field for field, name in form.OPTIONS.items()}
    # The strictest rule's limits, as the plan would have them.
    loose = plan_refusals.by_options(change.options, judging.strictest(judged, count))
    return found | {by_option[name]: sentence for name, sentence in loose}

"""Slack's payloads become our own values here; behind this door nobody sees a raw dict.

Only user and team ids say who somebody is. Names, texts, values and metadata are routing data.
"""

from __future__ import annotations

import contextlib
import html
import re
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import pydantic

from bot.power import inputs, ports, request
from bot.slack import action_ids
from bot.slack.blockkit import labels, views
from bot.slack.inbound import payload_models

M = TypeVar("M", bound=payload_models.Payload)

ID_CHARS = 255  # Slack's bound for the ids that an app gives.
PAGE_VALUE = re.compile(r"(\d{1,4}) (.*)", re.DOTALL)
# Events about a message that is there already ("message event": subtypes).
TELLS_OF_A_CHANGE = frozenset({"message_changed", "message_deleted", "message_replied"})
# No part can hold < or >, so that the work stays linear in the length of the text.
MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>")
# How people speak to the bot in a channel; a copied line is completed by Slack.
UNLABELLED = labels.mentioned("")
# In messages Slack writes links as <address|label> ("Formatting text for app surfaces").
LINK = re.compile(r"<(?:https?://|mailto:|tel:)([^<|>]*)(?:\|([^<>]*))?>")


class Unreadable(ValueError):
    """A payload isn't what Slack's docs promise, so nothing was done with it."""


class NotOurs(Unreadable):
    """A button that this version doesn't make."""


def command(body: Mapping[str, Any], *, at: float) -> ports.Inbound:
    """Read a slash command.

    Raises:
        Unreadable: the payload isn't one.
    """
    read = checked(payload_models.SlashCommand, body)
    # Each use has a trigger id of its own.
    key = f"command:{read.trigger_id}"
    # Without words there is a form to open, and what comes of it is shown there.
    view = "" if read.text.strip() else views.external_id(key)
    # Slack escapes &, < and > in what was typed.
    text, length = _bounded(html.unescape(read.text))
    return ports.Inbound(
        key=key,
        person=request.Person(user_id=read.user_id, team_id=read.team_id),
        place=request.Place(channel_id=read.channel_id),
        input=inputs.Typed(
            called=read.command[:ID_CHARS],
            text=text,
            length=length,
            trigger_id=read.trigger_id,
            view=view,
        ),
        at=at,
        response_url=read.response_url,
    )


def mention(
    body: Mapping[str, Any], *, at: float, called: str = UNLABELLED
) -> ports.Inbound | None:
    """Read a mention of the bot; None when a bot has written it, or when it tells of a change.

    A message is known by its channel and ts: Slack announces one again, under another event id,
    when it was edited or a link in it was unfolded.

    Raises:
        Unreadable: the payload isn't one.
    """
    read = checked(payload_models.MentionEvent, body)
    event = read.event
    if event.bot_id or event.subtype in TELLS_OF_A_CHANGE:
        return None
    # Another's edit isn't what this person wants.
    if event.edited.user not in ("", event.user):
        return None
    # Across companies the author's team isn't the one that the event came to.
    team = event.user_team or event.source_team or read.team_id
    key = f"{ports.MENTION}{event.channel}:{event.ts}"
    is_edit = bool(event.edited.ts)
    text, length = _bounded(_mentioned_text(event.text))
    return ports.Inbound(
        key=f"{key}:{event.edited.ts}" if is_edit else key,
        person=request.Person(user_id=event.user, team_id=team),
        place=request.Place(channel_id=event.channel, thread_ts=event.thread_ts),
        input=inputs.Mentioned(
            called=called,
            text=text,
            length=length,
            message_ts=event.ts,
            edit_of=key if is_edit else "",
        ),
        at=max(at, read.event_time),
    )


def button(body: Mapping[str, Any], *, at: float) -> ports.Inbound:
    """Read a press of one of our buttons.

    Raises:
        NotOurs: this version makes no such button.
        Unreadable: the payload isn't one.
    """
    read = checked(payload_models.BlockActions, body)
    pressed = read.actions[0]
    do = action_ids.read_action_id(pressed.action_id)
    if do is None:
        raise NotOurs("no button of ours")
    if do is inputs.Do.PAGE or do is inputs.Do.SHARE:
        return _repeated(do, read, at)
    if do is inputs.Do.NEW:
        return _new(read, at)
    where, key = read.container, f"button:{read.trigger_id}"
    return ports.Inbound(
        key=key,
        person=person(read.user, read.team),
        place=_place(read),
        input=inputs.Pressed(
            do=do,
            message_ts=where.message_ts,
            ephemeral=where.is_ephemeral,
            home=where.type == "view",
            trigger_id=read.trigger_id,
            request_id=pressed.value[:ID_CHARS],
            view=views.external_id(key) if do is inputs.Do.CHANGE else "",
        ),
        at=at,
        response_url=read.response_url,
    )


def _place(read: payload_models.BlockActions) -> request.Place:
    """Return where a button stands; a thread's root names itself, its answers go beside it."""
    where = read.container
    thread_ts = "" if where.thread_ts == where.message_ts else where.thread_ts
    return request.Place(channel_id=read.channel.id or where.channel_id, thread_ts=thread_ts)


def _repeated(
    do: Literal[inputs.Do.PAGE, inputs.Do.SHARE], read: payload_models.BlockActions, at: float
) -> ports.Inbound:
    """Read a turn of a page, or Share: the line that was typed, once more."""
    found = PAGE_VALUE.fullmatch(read.actions[0].value)
    if found is None:
        raise Unreadable("a page button without a page")
    return ports.Inbound(
        key=f"button:{read.trigger_id}",
        person=person(read.user, read.team),
        place=_place(read),
        input=inputs.Repeated(
            do=do,
            page=int(found.group(1)),
            text=found.group(2),
            ephemeral=read.container.is_ephemeral,
            trigger_id=read.trigger_id,
        ),
        at=at,
        response_url=read.response_url,
    )


def _new(read: payload_models.BlockActions, at: float) -> ports.Inbound:
    """Read the button that opens the request form, as a command without words does."""
    key = f"button:{read.trigger_id}"
    return ports.Inbound(
        key=key,
        person=person(read.user, read.team),
        place=_place(read),
        input=inputs.Typed(trigger_id=read.trigger_id, view=views.external_id(key)),
        at=at,
        response_url=read.response_url,
    )


def home(body: Mapping[str, Any], *, at: float) -> ports.Inbound | None:
    """Read that somebody opened the app's Home; None when it was another tab.

    Raises:
        Unreadable: the payload isn't one.
    """
    read = checked(payload_models.HomeEvent, body)
    if read.event.tab != "home":
        return None
    return ports.Inbound(
        key=f"event:{read.event_id}",
        person=request.Person(user_id=read.event.user, team_id=read.team_id),
        place=request.Place(channel_id=""),
        input=inputs.HomeOpened(hash=read.event.view.hash[:ID_CHARS]),
        at=at,
    )


def shortcut(body: Mapping[str, Any], *, at: float) -> ports.Inbound:
    """Read a global or a message shortcut.

    Raises:
        Unreadable: the payload isn't one.
    """
    read = checked(payload_models.ShortcutUse, body)
    thread_ts = read.message.thread_ts or read.message.ts
    key = f"shortcut:{read.trigger_id}"
    words, is_cut = _searched(_undone(read.message.words))
    return ports.Inbound(
        key=key,
        person=person(read.user, read.team),
        place=request.Place(channel_id=read.channel.id, thread_ts=thread_ts),
        input=inputs.ShortcutUsed(
            words=words,
            more=is_cut,
            lone=not read.message.thread_ts,
            trigger_id=read.trigger_id,
            view=views.external_id(key),
        ),
        at=at,
        response_url=read.response_url,
    )


def checked(model: type[M], body: Mapping[str, Any]) -> M:
    """Return the payload as a model.

    Raises:
        Unreadable: it isn't one; the error names fields and never their contents.
    """
    # Nearly all fit as they are, so the copy without nulls is for the others.
    with contextlib.suppress(pydantic.ValidationError):
        return model.model_validate(body)
    # Slack sends null as well as nothing for a field that isn't there.
    try:
        return model.model_validate(_without_nulls(body))
    except pydantic.ValidationError as error:
        fields = sorted({".".join(map(str, one["loc"])) for one in error.errors()})
        raise Unreadable(f"{model.__name__}: {', '.join(fields)}") from None


def _without_nulls(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a payload without the keys that are null, two levels deep as Slack nests them."""
    kept = {key: value for key, value in body.items() if value is not None}
    for key, value in kept.items():
        if isinstance(value, dict):
            kept[key] = {inner: part for inner, part in value.items() if part is not None}
    return kept


def person(user: payload_models.Party, team: payload_models.Party) -> request.Person:
    """Return who did it; in shared channels a person's team differs from the workspace."""
    if not user.id:
        raise Unreadable("nobody is named")
    return request.Person(user_id=user.id, team_id=user.team_id or team.id)


def _bounded(words: str) -> tuple[str, int]:
    """Return what was typed, or no words and the length of what is too long to be meant."""
    return ("", len(words)) if len(words) > payload_models.TEXT_CHARS else (words, 0)


def _mentioned_text(markdown: str) -> str:
    """Return a message's words: the first mention removed, links as they were typed."""
    unlinked = LINK.sub(
        lambda found: found.group(2) or found.group(1), MENTION.sub("", markdown, count=1)
    )
    return html.unescape(unlinked.strip())


def _searched(words: str) -> tuple[str, bool]:
    """Return the words in which servers are looked for, and whether there were more.

    The end of what is kept is a word's end: half a name may be another server's.
    """
    if len(words) <= payload_models.MESSAGE_CHARS:
        return words, False
    # One character more shows whether the last word is whole.
    kept = words[: payload_models.MESSAGE_CHARS + 1].rstrip()
    return kept[: len(kept) - len(kept.split()[-1])] if kept else "", True


def _undone(markdown: str) -> str:
    """Return a whole message's words, links by their labels and addresses, entities undone."""
    unlinked = LINK.sub(lambda found: f"{found.group(1)} {found.group(2) or ''}", markdown)
    return html.unescape(unlinked)

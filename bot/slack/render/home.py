"""The app's Home tab of one person: what waits for them, theirs, running, ended, frozen.

Made from the record alone; the times in it are instants, so that the same record always gives
the same page. Sizes are those of "Views" in Slack's docs: at most 100 blocks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from bot.power import lifecycle, missing_access, ports, vocabulary
from bot.power.inputs import Do
from bot.power.lifecycle import State
from bot.power.run import retry_and_undo
from bot.slack.blockkit import blocks, naming, text, words
from bot.slack.render import buttons, cards, headlines
from bot.slack.render.phrases import about_freezes, about_plan, about_request, about_steps, outcomes
from bot.workflow import answers

# Requests that a list shows; the others are counted and are one `requests` away.
MOST_ROWS = 5
MOST_RECENT = 8
NAMES_CHARS = 200  # Of one row.
REASON_CHARS = 150
NOTE_CHARS = 600  # Of one sentence that answers what was pressed.
UNKNOWN = "There may be more waiting for you than is listed here."
NOTHING = "Nothing is waiting for you, and nothing is running."
POWER_BACK_ON = "The card has *Power back on*; check the servers before you press it."
HOW_TO = "Or type {example} in a channel where requests can be made; {help} shows the rest."

Row = Callable[[ports.Request], list[blocks.Block]]


def render(
    shown: answers.HomeShown,
    notice: answers.Note | None = None,
    workspace_url: str = "",
    called: str = vocabulary.PREFIX,
) -> blocks.Block:
    """Return the Home tab; `notice` answers what was pressed on it last.

    `called` is the name of the slash command.
    """
    lists: Sequence[tuple[str, Sequence[ports.Request], Row]] = (
        ("Waiting for you", shown.waiting_for_me, _waiting),
        ("Your requests", shown.mine, _mine),
        ("Running", shown.running, _running),
    )
    body = [_answer(notice)] if notice else []
    # Numbered, since no two ids of a view may be equal ("Actions block").
    for number, one in enumerate(shown.freezes[:MOST_ROWS]):
        body += _freeze(one, shown, number)
    if len(shown.freezes) > MOST_ROWS:
        body.append(blocks.context(f"and {len(shown.freezes) - MOST_ROWS} more freezes"))
    # Without it a short list would look like little to do.
    if lacks := missing_access.told(shown.missing):
        body.append(blocks.section(f"⚠️ {UNKNOWN} {text.plain(lacks, 900)}"))
    # What waits for this person comes first, in colour too.
    new = blocks.Button(Do.NEW, "form", style="" if shown.waiting_for_me else "primary")
    body.append(blocks.button_row([new]))
    for title, requests, row in lists:
        body += _listed(title, requests, row, workspace_url, called)
    # Apart from all else that ended: somebody has to act on these.
    dark = [
        one for one in shown.recent if retry_and_undo.dark(one.order.action, _loose(shown, one))
    ]
    if not dark and not shown.out and not any(requests for _, requests, _ in lists):
        # An empty page would look like one that failed to load.
        body.append(blocks.section(NOTHING))
    body += _left_off(shown, dark, workspace_url)
    body += _still_out(shown, workspace_url, called)
    body += _recent(shown, [one for one in shown.recent if one not in dark], workspace_url)
    body.append(blocks.context(_how_to(called)))
    return {"type": "home", "blocks": body}


def _how_to(called: str) -> str:
    """Return how one asks, in a line to copy."""
    example = text.code(f"{called} reboot web[01-03] because …")
    return HOW_TO.format(example=example, help=text.code(f"{called} help"))


def alone(note: answers.Note) -> blocks.Block:
    """Return a Home tab of one answer: why somebody may not use Powerbot, or what a press did."""
    return {"type": "home", "blocks": [_answer(note)]}


def _answer(note: answers.Note) -> blocks.Block:
    """Return an answer as replies have it: with people by name, and instants in readers' time."""
    told = about_freezes.spoken(note.text, note.people, NOTE_CHARS)
    return blocks.section(f"{'👉' if note.good else '🚫'} {told}")


def details(shown: answers.RequestShown) -> dict[str, Any]:
    """Return a window with one request in full; it has no input and changes nothing."""
    card = cards.render(shown.request, shown.servers, private=True, freezes=shown.freezes)
    return {
        "type": "modal",
        "title": {"type": "plain_text", "text": shown.request.id},
        "close": {"type": "plain_text", "text": "Close"},
        # Tables are for messages alone ("Table block": surfaces).
        "blocks": list(card.plainer or card.blocks),
    }


def _freeze(freeze: ports.Freeze, shown: answers.HomeShown, number: int) -> list[blocks.Block]:
    """Return one freeze that stands, with Unfreeze for whoever may; the policy's is its file's."""
    told = blocks.section(f"{about_freezes.line(freeze)}\nNo new call is sent while it lasts.")
    own = freeze.holder == shown.viewer
    # The policy's own has no holder, and ends with its file.
    if not freeze.holder or not (own or shown.lifts_all):
        return [told]
    return [
        told,
        blocks.button_row([about_freezes.lift_button(freeze, own=own, apart=str(number))]),
    ]


def _listed(
    title: str, requests: Sequence[ports.Request], row: Row, workspace_url: str, called: str
) -> list[blocks.Block]:
    """Return a list with its heading, or nothing."""
    if not requests:
        return []
    body = [blocks.header(f"{title} ({len(requests)})")]
    for found in requests[:MOST_ROWS]:
        body += [_about(found, workspace_url), *row(found)]
    more = len(requests) - MOST_ROWS
    if more > 0:
        line = text.code(f"{called} requests")
        body.append(blocks.context(f"and {more} more: {line} lists them"))
    return body


def _about(found: ports.Request, workspace_url: str) -> blocks.Block:
    """Return what a request is, in three short lines."""
    order = found.order
    reason = text.plain(about_request.reason(found.plan), REASON_CHARS)
    lines = [
        f"*{about_request.title(order)}* · {cards.linked(found, workspace_url)}",
        about_plan.names(found.plan, NAMES_CHARS),
        f"{words.sign(found)} {found.told_as.capitalize()}{_how_far(found)}",
        f"by {text.mention(order.requester.user_id)}{f': {reason}' if reason else ''}",
    ]
    return blocks.section("\n".join(line for line in lines if line))


def _how_far(found: ports.Request) -> str:
    """Return what a request that is pending, or owes a review, still needs, and until when."""
    if found.review is not None and found.state in lifecycle.ENDED:
        return f" · review by {text.moment(found.review.due_at)}"
    if found.state is not State.PENDING:
        return ""
    until = f" · expires {text.moment(found.expires_at)}" if found.expires_at else ""
    return f": {about_request.quorum(found)}{until}"


def _waiting(found: ports.Request) -> list[blocks.Block]:
    """Return the buttons of a request that waits for this person."""
    # Of what has ended only a review still waits.
    if found.state in lifecycle.ENDED:
        review = buttons.button(found, Do.VERDICT, style="primary")
        return [blocks.button_row([review, buttons.button(found, Do.DETAILS)])]
    deny = buttons.button(found, Do.DENY)
    return [blocks.button_row([buttons.approve(found), deny, buttons.button(found, Do.DETAILS)])]


def _mine(found: ports.Request) -> list[blocks.Block]:
    """Return the buttons of one's own request."""
    if found.state is State.RUNNING:
        return _running(found)
    row = [buttons.button(found, Do.CANCEL), buttons.button(found, Do.DETAILS)]
    return [blocks.button_row(row)]


def _running(found: ports.Request) -> list[blocks.Block]:
    """Return the buttons of a request under way."""
    stop = [] if found.stopped_by else [buttons.stop(found)]
    return [blocks.button_row([*stop, buttons.button(found, Do.DETAILS)])]


def _still_out(shown: answers.HomeShown, workspace_url: str, called: str) -> list[blocks.Block]:
    """Return what is out or owed, and Put back for whoever may."""
    if not shown.out:
        return []
    body = [blocks.header("Still out")]
    for number, one in enumerate(shown.out):
        body.append(
            blocks.section(about_steps.out_on_home(one, cards.linked(one.request, workspace_url)))
        )
        # While it runs, its own steps put it back.
        if one.may and one.request.ended_at:
            button = dataclasses.replace(buttons.put_back(one.request), apart=str(number))
            body.append(blocks.button_row([button]))
    more = "More is out: " if shown.more_out else ""
    line = text.code(f"{called} owed")
    body.append(blocks.context(f"{more}{line} lists every server, with age and reason."))
    return body


def _left_off(
    shown: answers.HomeShown, dark: Sequence[ports.Request], workspace_url: str
) -> list[blocks.Block]:
    """Return the cycles that have left servers off, before all else that has ended."""
    if not dark:
        return []
    lines = [
        f"{headlines.ended(found, _loose(shown, found))}\n{_about_ended(found, workspace_url)}"
        for found in dark[:MOST_RECENT]
    ]
    more = len(dark) - MOST_RECENT
    lines += [f"and {more} more"] if more > 0 else []
    return [
        blocks.header("Left off"),
        *blocks.paragraphs("\n".join(lines)),
        blocks.context(POWER_BACK_ON),
    ]


def _loose(shown: answers.HomeShown, found: ports.Request) -> Sequence[ports.RunServer]:
    """Return the servers of an ended request that aren't proven."""
    return shown.loose.get(found.id, ())


def _recent(
    shown: answers.HomeShown, recent: Sequence[ports.Request], workspace_url: str
) -> list[blocks.Block]:
    """Return what ended lately, one line each."""
    if not recent:
        return []
    lines = [_ended(found, _loose(shown, found), workspace_url) for found in recent[:MOST_RECENT]]
    return [blocks.header("Recently finished"), *blocks.paragraphs("\n".join(lines))]


def _ended(found: ports.Request, loose: Sequence[ports.RunServer], workspace_url: str) -> str:
    """Return one ended request as a line; `loose` are its servers that aren't proven."""
    parts = [
        f"{words.sign(found)} {found.told_as.capitalize()}",
        _about_ended(found, workspace_url),
        outcomes.loose_ends(loose, found.order.action),
        _judged(found),
    ]
    return " · ".join(part for part in parts if part)


def _about_ended(found: ports.Request, workspace_url: str) -> str:
    """Return what an ended request was, whose, and since when it has ended."""
    order = found.order
    parts = [
        f"{about_request.title(order)} ({naming.folded(naming.target_names(order), 80)})",
        cards.linked(found, workspace_url),
        f"by {text.mention(order.requester.user_id)}",
        text.moment(found.ended_at or found.changed_at),
    ]
    return " · ".join(parts)


def _judged(found: ports.Request) -> str:
    """Return what the review of its break glass found, if there was one."""
    if found.review is None or found.review.judgement is None:
        return ""
    judged = words.JUDGEMENTS[found.review.judgement].lower()
    return f"🔨 break glass {judged} ({text.mention(found.review.closed_by)})"

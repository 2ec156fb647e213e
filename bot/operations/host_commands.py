"""Requests from the host's command line, for when Slack is away.

The same steps as clicks, on the record beside a running bot or without one: the database decides
who was quicker, each deed is audited as `host:USER`, and the bot tells Slack of it as soon as it
can. The host looks, stops, cancels and freezes; it never asks for a change and never approves one.
Freezes are `host_freezes`'.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pwd
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import NoReturn

from bot import VERSION, settings
from bot.power import errors, inputs, lifecycle, ports, request, vocabulary
from bot.power.command import command, request_ids
from bot.power.lifecycle import State
from bot.power.steps import wave_parts
from bot.runtime import clocks
from bot.storage import opening
from bot.workflow import answers, audit_trail, stop as stopping
from bot.workflow.record import Record
from bot.workflow.rights import authorise

LISTED = lifecycle.OPEN - {State.PLANNED}  # A mere plan holds nothing up.
# Past requests that `requests --all` shows.
MOST_PAST = 200
# What the audit keeps of a word that names no request.
LONGEST = 200


class NotDone(errors.PowerbotError):
    """It was not done; the sentence says why, and what to type instead."""


@dataclasses.dataclass(frozen=True, slots=True)
class HostView:
    """A request, its servers and what its steps have taken out, as the record has them.

    `workspace_url` is the address that Slack has told the bot, empty before its first start.
    """

    request: ports.Request
    servers: Sequence[ports.RunServer]
    parts: Sequence[wave_parts.Part]
    workspace_url: str = ""


@contextlib.asynccontextmanager
async def opened(given: settings.Settings) -> AsyncIterator[Record]:
    """Open the record for the block, beside a running bot or without one.

    Raises:
        StoreUnavailable: the database can't be reached, holds no record, or is of another version.
    """
    async with opening.beside(given.database_url, VERSION) as store:
        yield Record(store=store, clock=clocks.SystemClock())


def operator() -> request.Person:
    """Return who types, as the audit names them: the operating system's user, by their uid."""
    # Not $USER, which whoever types may set.
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        # In a container a user often has no name.
        name = str(uid)
    return request.Person(user_id=f"{request.HOST_PREFIX}{name}", team_id="")


async def requests(record: Record, *, every: bool = False) -> list[HostView]:
    """Return the requests that haven't ended, newest first; with `every` the newest of all."""
    states = frozenset(State) - {State.PLANNED} if every else LISTED
    most = MOST_PAST if every else None

    def work(tx: ports.Tx) -> list[HostView]:
        found = tx.requests(states=states, asked=True, limit=most)
        return [_shown(tx, one) for one in found]

    return await record.store.read(work)


async def show(record: Record, typed: str) -> HostView:
    """Return one request.

    Raises:
        NotDone: there is no such request.
    """
    return await _found(record, request_id(typed))


async def _found(record: Record, id_: str) -> HostView:
    """Return the request of an id.

    Raises:
        NotDone: there is none.
    """

    def work(tx: ports.Tx) -> HostView | None:
        found = tx.request(id_)
        return _shown(tx, found) if found else None

    if (shown := await record.store.read(work)) is None:
        raise NotDone(f"There is no request {id_}; `powerbot requests` lists the open ones.")
    return shown


async def stop(record: Record, typed: str, reason: str = "") -> str:
    """Stop a run: no new call leaves after this.

    Raises:
        NotDone: it doesn't run, has ended, or somebody was quicker.
    """
    # What the audit keeps as typed, in the words that Slack's people use.
    line = f"stop {typed}"
    found = await meant(record, typed, line, "stop.refused")
    if found.state in lifecycle.OPEN - {State.RUNNING}:
        # The two verbs are easily mixed up, so the other one is offered.
        why = f"{found.id} isn't running yet. To cancel it, type: powerbot cancel {found.id}"
        await refuse(record, line, "stop.refused", found, why)
    kept, too_long = request_ids.reason_of_a_no(reason)
    stopped = await stopping.stop(record, said(record, line), found, kept)
    return done(answers.not_kept(stopped, too_long))


async def cancel(record: Record, typed: str, reason: str = "") -> str:
    """Take a request back before its first call.

    Raises:
        NotDone: it runs, has ended, or somebody was quicker.
    """
    line = f"cancel {typed}"
    found = await meant(record, typed, line, "cancel.refused")
    if found.state is State.RUNNING:
        why = f"{found.id} is already running. To stop it, type: powerbot stop {found.id}"
        await refuse(record, line, "cancel.refused", found, why)
    kept, too_long = request_ids.reason_of_a_no(reason)
    withdrawn = await stopping.withdraw(record, said(record, line), found, kept)
    return done(answers.not_kept(withdrawn, too_long))


async def meant(record: Record, typed: str, line: str, event: str) -> ports.Request:
    """Return the request that is to be acted on; that there is none is audited as this event.

    Raises:
        NotDone: there is no such request.
    """
    try:
        return (await _found(record, request_id(typed, line.split()[0]))).request
    except NotDone as refused:
        why = refused.user_message
        await audit_trail.refused(record, said(record, line), event, asked=typed[:LONGEST], why=why)
        raise


async def refuse(record: Record, line: str, event: str, found: ports.Request, why: str) -> NoReturn:
    """Audit that what was typed about a request is refused, and refuse it.

    Raises:
        NotDone: always.
    """
    note = await authorise.decline(record, said(record, line), event, found, why)
    raise NotDone(note.text)


def request_id(typed: str, verb: str = "show") -> str:
    """Return a request's id, however it was typed after this verb.

    Raises:
        NotDone: it isn't one.
    """
    if len(words := typed.split()) != 1:
        which = f"Say which request to {verb}; `powerbot requests` lists the open ones."
        raise NotDone(f"{verb} takes one request's id, and nothing else." if words else which)
    # By the grammar of Slack's commands, so that an id may be typed here as there.
    asked = parsed(f"show {typed}")
    if not isinstance(asked, command.Show):
        raise NotDone("Say which request; `powerbot requests` lists the open ones.")
    return asked.request_id


def _shown(tx: ports.Tx, found: ports.Request) -> HostView:
    """Return a request with all that is shown of it."""
    return HostView(found, tx.run_servers(found.id), tx.parts(found.id), tx.workspace().url)


def parsed(line: str) -> command.Command:
    """Read a line as Slack's are read.

    Raises:
        NotDone: it can't be understood.
    """
    try:
        return command.parse(line)
    except errors.UserMistake as mistake:
        raise NotDone(mistake.problem) from mistake


def said(record: Record, line: str) -> ports.Inbound:
    """Return what was typed, as the steps take it."""
    return ports.Inbound(
        # Drawn anew each time: the same line typed twice is meant twice.
        key=f"{request.HOST_PREFIX}{uuid.uuid4().hex}",
        person=operator(),
        place=request.Place(channel_id=""),
        input=inputs.Typed(text=line, called=vocabulary.PROGRAM),
        at=record.clock.now(),
    )


def done(answer: answers.Note) -> str:
    """Return what was done.

    Raises:
        NotDone: nothing was.
    """
    if not answer.good:
        raise NotDone(answer.text)
    return answer.text

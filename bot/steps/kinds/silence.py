"""Silence the alerts of a wave's servers in Alertmanager, and let them be heard again.

Ours are known by who made them and by their comment, so that a lost answer is looked for and none
is made twice: each half lists what of ours is there, and makes it what it should be.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Iterable, Sequence

from bot.power.steps import definition, kinds, placeholders, protocol
from bot.steps import alertmanager, credentials, http_calls, kind_file

LONGEST_CALL_S = 8.0  # One call to one address, however much time there is.
LONGEST_REASON = 1000  # Characters; a silence's comment is for people to read.
ENDED = "somebody else has ended the silence"
Work = Callable[[alertmanager.Alertmanager], Awaitable[protocol.Answer]]


@dataclasses.dataclass(frozen=True, slots=True)
class Silence:
    """Implements `protocol.StepClient`.

    Where more than one label tells servers apart, one part has several silences, so that exactly
    its servers are silenced; its `outside_id` has their ids with blanks between.
    """

    http: http_calls.Http

    async def before(self, asked: protocol.Try) -> protocol.Answer:
        """Make the silence; after a first try look first whether it was made."""
        until = asked.now + asked.step.lasts_s

        async def make(at: alertmanager.Alertmanager) -> protocol.Answer:
            wanted = conditions(asked.step, asked.servers)
            # The first try of a half has nothing to look for, and saves reading a long list.
            there = await _ours(at, asked) if asked.tried else []
            ids = await _become(at, asked, there, wanted, until)
            return protocol.done(asked.servers, outside_id=ids, until=until, stands=True)

        return await self._at_one(asked, make, stands=False)

    async def after(self, asked: protocol.Try) -> protocol.Answer:
        """End the silence, or let only those stay silent that stay out."""

        async def end(at: alertmanager.Alertmanager) -> protocol.Answer:
            there = await _ours(at, asked)
            # What somebody has ended is not made again for those that stay out.
            wanted = conditions(asked.step, asked.staying) if there else []
            until = max((one.until for one in there), default=0.0)
            ids = await _become(at, asked, there, wanted, until)
            return protocol.done(asked.servers, outside_id=ids, until=until)

        return await self._at_one(asked, end, stands=True)

    async def find(self, asked: protocol.Try) -> protocol.Answer | None:
        """Look at every address: they may not have told each other yet."""
        unsure: protocol.Answer | None = None
        for url in asked.step.urls:
            try:
                there = await _ours(self._address(asked.step, url, asked.within_s), asked)
            except (
                alertmanager.AlertmanagerRefused,
                alertmanager.Elsewhere,
                credentials.SecretMissing,
            ) as error:
                unsure = protocol.again(asked.servers, str(error), stands=True)
                continue
            if there:
                # The first that ends decides when all are lengthened.
                ids, until = _joined(one.id for one in there), min(one.until for one in there)
                return protocol.done(asked.servers, outside_id=ids, until=until, stands=True)
        return unsure or protocol.refused(asked.servers, "there is no silence of ours")

    async def lengthen(self, asked: protocol.Try, until: float) -> protocol.Answer:
        """Let the silence last until then, with the conditions that it has."""

        async def last(at: alertmanager.Alertmanager) -> protocol.Answer:
            there = await _ours(at, asked)
            known = [(one, one.conditions) for one in there if one.conditions is not None]
            if not known:
                return protocol.refused(asked.servers, ENDED)
            ids = [await at.post(same, one.comment, until, one) for one, same in known]
            return protocol.done(asked.servers, outside_id=_joined(ids), until=until, stands=True)

        return await self._at_one(asked, last, stands=True)

    async def check(self, step: definition.Step) -> str:
        """Ask each address how it is."""
        problems = []
        for url in step.urls:
            try:
                await self._address(step, url, LONGEST_CALL_S * len(step.urls)).status()
            except (
                alertmanager.AlertmanagerRefused,
                alertmanager.Elsewhere,
                credentials.SecretMissing,
            ) as error:
                problems.append(f"{url}: {error}")
        return "; ".join(problems)

    async def _at_one(self, asked: protocol.Try, work: Work, *, stands: bool) -> protocol.Answer:
        """Do it at the first address that answers, within the time that there is."""
        try:
            async with asyncio.timeout(asked.within_s):
                return await self._at_first(asked, work, stands=stands)
        except TimeoutError:
            return protocol.again(asked.servers, "no answer", stands=True)

    async def _at_first(self, asked: protocol.Try, work: Work, *, stands: bool) -> protocol.Answer:
        """Do it at the first address that answers; each try begins one further on."""
        # Another address each time, so that one that takes calls and fails isn't asked alone.
        urls, first = asked.step.urls, asked.tried % len(asked.step.urls)
        words, again_s = "no answer", 0.0
        for url in (*urls[first:], *urls[:first]):
            try:
                return await work(self._address(asked.step, url, asked.within_s))
            except (
                placeholders.Unfilled,
                credentials.SecretMissing,
                alertmanager.AlertmanagerRefused,
            ) as error:
                return protocol.refused(asked.servers, str(error), stands=stands)
            # Not to the next address: it may not know yet of what was made here.
            except alertmanager.Unsure as error:
                return protocol.again(asked.servers, str(error), stands=True)
            except alertmanager.Elsewhere as error:
                words, again_s = str(error), max(again_s, error.again_s)
        return protocol.again(asked.servers, words, stands=stands, again_s=again_s)

    def _address(
        self, step: definition.Step, url: str, within_s: float
    ) -> alertmanager.Alertmanager:
        """Return one address, whose calls leave time for the other ones.

        Raises:
            SecretMissing: the secret can't be had.
        """
        # One share more than addresses: the one that answers is listed, then written to.
        share_s = min(LONGEST_CALL_S, within_s / (len(step.urls) + 1))
        headers = credentials.header(step.auth)
        return alertmanager.Alertmanager(self.http, url, headers, step.ca, share_s)


async def _ours(
    at: alertmanager.Alertmanager, asked: protocol.Try
) -> list[alertmanager.OwnSilence]:
    """Return the silences of one part of a step that haven't ended.

    Raises:
        AlertmanagerRefused, Elsewhere: they can't be read.
    """
    # Another part may have the same comment, after a wave that was set aside whole.
    others = {one for joined in asked.others for one in joined.split()}
    return [one for one in await at.ours(_mark(asked)) if one.id not in others]


async def _become(
    at: alertmanager.Alertmanager,
    asked: protocol.Try,
    there: Sequence[alertmanager.OwnSilence],
    wanted: Sequence[alertmanager.Conditions],
    until: float,
) -> str:
    """Change, make and end silences until those of one part are the wanted ones; return their ids.

    Raises:
        AlertmanagerRefused, Elsewhere: nothing is done.
        Unsure: some of it is, or may be.
    """
    kept: dict[alertmanager.Conditions, str] = {}
    spare = []
    for one in there:
        has = one.conditions
        # One that is right already isn't touched: a change would give it another id.
        if has is not None and has in wanted and has not in kept:
            kept[has] = one.id
        else:
            spare.append(one)
    began = False
    try:
        for each in wanted:
            if each not in kept:
                # Changing ours leaves no moment in which its alerts would be heard.
                instead = spare.pop(0) if spare else None
                kept[each] = await at.post(each, _comment(asked), until, instead)
                began = True
        # Ended only when the wanted ones stand, for the same reason.
        for one in spare:
            await at.expire(one.id)
    except (alertmanager.AlertmanagerRefused, alertmanager.Elsewhere) as error:
        if began:
            raise alertmanager.Unsure(str(error)) from None
        raise
    return _joined(kept.values())


def conditions(
    step: definition.Step, servers: Sequence[protocol.Subject]
) -> list[alertmanager.Conditions]:
    """Return the conditions of each silence that some servers need together.

    Labels that are the same for all servers, and one more, go into one silence. Where two labels
    differ, a silence of all their values would silence servers that aren't meant.

    Raises:
        Unfilled: a server has no value for a placeholder.
    """
    filled = [
        [(label, placeholders.pattern(text, one)) for label, text in step.match] for one in servers
    ]
    if not filled:
        return []
    width = range(len(step.match))
    # The label that differs most goes into the pattern, which makes the fewest silences.
    widest = max(width, key=lambda at: len({row[at] for row in filled}))
    groups: dict[tuple[tuple[str, str], ...], dict[str, None]] = {}
    for row in filled:
        same = tuple(row[at] for at in width if at != widest)
        groups.setdefault(same, {})[row[widest][1]] = None
    label = step.match[widest][0]
    return [tuple(sorted((*same, (label, _any_of(values))))) for same, values in groups.items()]


def _any_of(patterns: Iterable[str]) -> str:
    """Return a pattern that matches what any of them does."""
    each = list(patterns)
    # In brackets: a bar within one pattern would else split it.
    return each[0] if len(each) == 1 else "|".join(f"(?:{one})" for one in each)


def _mark(asked: protocol.Try) -> str:
    """Return how the comments of one part begin, and no other part's."""
    part = f" {asked.part}/{asked.parts}" if asked.parts > 1 else ""
    return f"{asked.request_id} wave {asked.wave} {asked.step.name}{part}: "


def _comment(asked: protocol.Try) -> str:
    """Return a comment that says for what and by whom."""
    return f"{_mark(asked)}{asked.reason[:LONGEST_REASON]} ({asked.requester})"


def _joined(ids: Iterable[str]) -> str:
    """Return the ids of one part's silences as one."""
    return " ".join(sorted(ids))


BRINGS = kind_file.Brought(
    kinds.named(kinds.SILENCE),
    Silence,
    mend="check url and auth of the step; Alertmanager must answer /api/v2/status.",
)

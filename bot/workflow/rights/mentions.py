"""Colleagues who are mentioned in a reason, by their names: nobody is called by it."""

from __future__ import annotations

import re

from bot.power import errors, ports
from bot.power.command import command_line
from bot.power.text import typography

# What is left of Slack's form for a person, which carries an id and seldom a name.
PERSON = re.compile(r"(?<!\S)@([UW][A-Z0-9]{2,30})\b")
MOST_PEOPLE = 5
UNSAFE = re.compile(r"[<>@&|`]")


async def named(reason: str, directory: ports.Directory) -> str:
    """Return a reason with names for ids, as it was where somebody can't be looked up."""
    ids = list(dict.fromkeys(PERSON.findall(reason)))[:MOST_PEOPLE]
    names = {one: await _name(one, directory) for one in ids}
    told = PERSON.sub(lambda found: names.get(found[1]) or found[0], reason)
    return told if len(told) <= command_line.MOST_REASON else reason


async def _name(user_id: str, directory: ports.Directory) -> str:
    """Return how somebody is called, or an empty text."""
    try:
        member = await directory.member(user_id)
    except errors.SlackUnavailable:
        return ""
    name = UNSAFE.sub("", typography.sentence(member.name)).strip()
    return f"@{name}" if name else ""

"""The servers that a text speaks of, such as an alert: found by name, folded name, id or serial.

Only ever a suggestion: a person looks at what was found before anything is planned.
"""

from __future__ import annotations

import re

from bot.power import errors, server
from bot.power.targets import name_pattern, terms
from bot.power.text import folding

# What is looked at of a message; Slack's largest has 40,000 characters.
MOST_CHARACTERS = 40_000
MOST_WORDS = 4_000
MOST_SERVERS = 1_000
# One folded name in an alert stands for a handful of servers, not for a data centre.
MOST_RANGE = 500
WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]|\[[0-9,-]{1,60}\])*")


def servers_in(words: str, snapshot: server.Snapshot) -> tuple[server.Server, ...]:
    """Return the servers that a text names, each once, in natural order."""
    known = _known(snapshot)
    found: dict[str, server.Server] = {}
    if len(words) > MOST_CHARACTERS:
        # Half a name may be another server's.
        words = words[: MOST_CHARACTERS + 1].rpartition(" ")[0]
    matches = WORD.finditer(words)
    for _, match in zip(range(MOST_WORDS), matches, strict=False):
        for name in _readings(match[0]):
            row = known.get(name.lower())
            if row is not None:
                found[row.id] = row
        if len(found) >= MOST_SERVERS:
            break
    return tuple(sorted(found.values(), key=lambda row: (folding.natural(row.name), row.id)))


def _known(snapshot: server.Snapshot) -> dict[str, server.Server]:
    """Return servers by everything that means exactly one of them, in small letters."""
    found: dict[str, server.Server] = {}
    doubled: set[str] = set()
    for row in snapshot.servers.values():
        for key in {row.name.lower(), row.id.lower(), row.sn.lower()} - {""}:
            if found.setdefault(key, row) is not row:
                doubled.add(key)
    return {key: row for key, row in found.items() if key not in doubled}


def _readings(word: str) -> list[str]:
    """Return what a word may mean: itself, without its domain, or the names of its ranges."""
    bare = word.rstrip("._-")
    if "[" in bare:
        return _written_out(bare)
    if terms.SERVER_ID.fullmatch(bare):
        return [bare]
    # Alerts write "web01.example.com:9100" for the server that the inventory calls web01.
    return [bare, bare.split(".")[0]]


def _written_out(word: str) -> list[str]:
    """Return the names that a word with ranges stands for, when they are few."""
    try:
        pattern = name_pattern.parse(word)
    except errors.UserMistake:
        return []
    return list(pattern.names()) if pattern.count <= MOST_RANGE else []

"""A small fleet that the tests of the command language speak of."""

from __future__ import annotations

from collections.abc import Iterable

from bot.power import errors, server
from bot.power.command import command, offered_lines
from bot.power.targets import targets

GROUPS = {
    "web": ("web*", "tag:role=web"),
    "db": "db[01-09]",
    "both": "@web @db",
    "loop": "@pool",
    "pool": "@loop",
    "everything": "*",
}


NODES = [f"r{rack}n{n:02}" for rack in (1, 2) for n in range(1, 11)]


def server_id(number: int) -> str:
    """Return an id as CloudDC writes it."""
    return f"{number:08x}-0000-4000-8000-000000000000"


def snapshot(servers: Iterable[server.Server]) -> server.Snapshot:
    """Return servers as one sweep saw them."""
    return server.Snapshot({row.id: row for row in servers}, 0.0)


def named(*names: str) -> server.Snapshot:
    """Return servers of these names, and nothing else known of them."""
    return snapshot(server.Server(server_id(n), name) for n, name in enumerate(names))


def fleet() -> server.Snapshot:
    """Return 20 web servers, 3 databases, 20 nodes in 2 racks, and 2 servers of one name."""
    rows = [
        server.Server(
            server_id(n),
            f"web{n:02}",
            power_state="off" if n == 7 else "on",
            rack="R10" if n <= 10 else "R11",
            dc="上海 A-1",
            health_state="OK",
            tags=(("role", "web"), ("owned by", "team a")),
        )
        for n in range(1, 21)
    ]
    rows += [
        server.Server(
            server_id(100 + n),
            f"db{n:02}",
            power_state="on",
            rack="R12",
            dc="A-2",
            sn=f"SN10{n}",
            health_state="Critical",
            tags=(("role", "db"),),
        )
        for n in range(1, 4)
    ]
    rows += [server.Server(server_id(200 + n), name) for n, name in enumerate(NODES)]
    twins = [server.Server(server_id(n), "twin") for n in (300, 301)]
    return snapshot(rows + twins)


def names(text: str, known: server.Snapshot | None = None) -> list[str]:
    """Return the names of the servers that target text means."""
    found = targets.parse(text, GROUPS).resolve(known or fleet())
    return [row.name for row in found.servers]


def mistake(text: str) -> errors.UserMistake | None:
    """Return what is wrong with a typed line, its suggestion a whole line to copy."""
    said: command.Command | None = None
    try:
        said = command.parse(text)
        if isinstance(said, command.Change | command.Read) and said.targets:
            names(said.targets)
    except errors.UserMistake as found:
        line = found.suggestion
        if isinstance(said, command.Change | command.Read) and line:
            line = said.line(line)
        line = offered_lines.checked(line, offered_lines.TypedLine(text, fleet(), GROUPS))
        offered = f"/power {line}" if line else ""
        return errors.UserMistake(found.problem, token=found.token, suggestion=offered)
    return None

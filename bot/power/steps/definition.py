"""A step as the policy file has it: what is done around each wave of the rules that name it."""

from __future__ import annotations

import enum

from bot.power import request


class When(enum.StrEnum):
    """On which side of a wave a probe asks."""

    BEFORE = "before"  # About the world: a probe without a server.
    AFTER = "after"  # About each server that is proven.


class Step(request.Frozen):
    """One `[[step]]`, frozen; the store keeps it as JSON beside what it took out.

    `kind` is a name of `kinds`. `match` has (label, anchored regular expression). `auth` and
    `secret` are names of environment variables, never values. Times are seconds: `lasts_s` is a
    silence's end, `within_s` bounds the step, `settle_s` is how long a probe must stay well and
    `every_s` how often it looks. `must`: servers for which it can't be done aren't touched.
    """

    name: str
    kind: str
    urls: tuple[str, ...] = ()  # Of one cluster; the first that answers is used.
    match: tuple[tuple[str, str], ...] = ()
    lasts_s: float = 0.0
    auth: str = ""
    secret: str = ""
    ca: str = ""  # A file of certificates; empty for the system's.
    node: str = ""
    http: str = ""
    tcp: str = ""
    promql: str = ""
    when: When = When.AFTER
    must: bool = True
    within_s: float = 30.0  # The kind's own, unless the file says another.
    settle_s: float = 0.0
    every_s: float = 5.0  # Between two looks of a probe.

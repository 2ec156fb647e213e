"""The bill: which plays share a demo, and which of them are given every time."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable

from bot.sandbox import demo
from tests.acceptance.playing import Player
from tests.acceptance.plays import asking, deciding, mistakes, reading, running

Play = Callable[[Player], Awaitable[None]]
HALL, FLEET = 40, 700
RULES = """\
[[rule]]
name = "caches"
servers = "cache*"
actions = ["off"]
requesters = ["sre"]
approvers = { sre = 1 }
expires = "4s"
remind = "1s"
escalate = "2s"

[[rule]]
name = "databases"
reason = "CHG-[0-9]+"
"""
STRICT = demo.POLICY.replace('[[rule]]\nname = "databases"\n', RULES)


@dataclasses.dataclass(frozen=True)
class Evening:
    """Plays that are given one after the other in one demo.

    `sample` are those of them that are given every time. Without `policy` it is the demo's own.
    """

    plays: tuple[Play, ...]
    sample: tuple[Play, ...] = ()
    servers: int = HALL
    policy: str = ""


# One person's requests of a quarter of an hour are counted together, and from 20 servers on a
# second group must agree: an evening asks for fewer.
BILL = (
    Evening(
        (
            *(asking.plan_and_cancel, asking.form, asking.change),
            *(deciding.deny, running.retry, deciding.home),
        ),
        sample=(asking.form, deciding.deny),
    ),
    Evening((running.cycle_gone_wrong, running.stop), sample=(running.cycle_gone_wrong,)),
    Evening(
        (asking.mention, asking.without_a_step, deciding.break_glass, running.put_back),
        sample=(deciding.break_glass, running.put_back),
    ),
    Evening(
        (
            *(reading.help_pages, reading.past, asking.selectors, mistakes.slips, running.undo),
            *(running.waves, mistakes.late_click, deciding.at_once, deciding.freeze),
        ),
        sample=(reading.past,),
    ),
    Evening((reading.many_servers, mistakes.too_many), servers=FLEET),
    Evening((mistakes.ticket, deciding.expiry), policy=STRICT),
)

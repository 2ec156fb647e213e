"""What the steps work on that ask neither Slack nor CloudDC: the record of everything."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from bot.power import ports
from bot.power.policy import policy


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The store, and the time of what is written there."""

    store: ports.RequestStore
    clock: ports.Clock


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ruled(Record):
    """The record with the policy that says who is told, and what may be done."""

    policy: Callable[[], policy.Policy]

"""A power request: what was asked, by whom, where, and the seal that approvals are given to.

The servers and the options of a request never change; any change is a new request.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any, ClassVar

import pydantic

from bot.power.text import folding


class Action(enum.StrEnum):
    """What may be done to a server; the value is the verb that people type."""

    ON = "on"
    OFF = "off"
    REBOOT = "reboot"
    CYCLE = "cycle"  # Off and, once that is proven, on again: two calls.


class Frozen(pydantic.BaseModel):
    """A value that is never changed after it was made, and that knows all of its keys."""

    # An unknown key is refused: dropped, it would change what was sealed.
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


class Person(Frozen):
    """Who did something: user and team from a verified payload, the only identity that counts."""

    user_id: str
    team_id: str


class Place(Frozen):
    """Where a request was made; its card and its thread live there."""

    channel_id: str
    thread_ts: str = ""


# Stands for every step around a wave, where one could be named.
EVERY_STEP = "all"


class Options(Frozen):
    """What people may add to a request; None means that the policy decides.

    `pause_s` is in seconds; `batch` is servers in a wave; `max_failures` is over the whole run.
    `without` are names of steps that are left out, or `all`.
    """

    dry_run: bool = False
    batch: int | None = None
    pause_s: float | None = None
    max_failures: int | None = None
    incident: str = ""
    break_glass: bool = False
    without: tuple[str, ...] = ()

    @property
    def sealed(self) -> dict[str, Any]:
        """What the seal covers; what older plans didn't have is there only where it is set."""
        # Plans from before this option must keep the seal that was approved.
        left_out = set() if self.without else {"without"}
        return self.model_dump(mode="json", exclude=left_out)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server as the plan froze it: by id, with the state that the plan was made on.

    A plan may hold ten thousand; a model of pydantic's would take ten times the memory.
    `operation_before` and `sn` are kept of servers that are acted on alone.
    """

    # A stored plan with a key that isn't known was written by a newer version.
    __pydantic_config__: ClassVar = pydantic.ConfigDict(extra="forbid")

    server_id: str
    name: str
    rack: str = ""
    power_before: str = ""  # The vendor's word when it was planned.
    operation_before: str = ""  # The vendor's word then; `operation_state` outlasts its operation.
    sn: str = ""  # Another one under the same id is another machine.
    apart: str = ""  # Rack, unit or serial number, where names are alike.

    @property
    def label(self) -> folding.Named:
        """The name as lists show it, with what tells it from others of its name."""
        return folding.Apart(self.name, self.apart) if self.apart else self.name


class Scope(Frozen):
    """The cloud account's part that a request speaks of."""

    region: str
    project_id: str


class Order(Frozen):
    """What the seal covers, whole."""

    scope: Scope
    place: Place
    action: Action
    targets: tuple[Target, ...]
    reason: str = ""
    requester: Person
    options: Options = Options()
    retry_of: str = ""

    @property
    def server_ids(self) -> tuple[str, ...]:
        """The ids of all targets, in the plan's order."""
        return tuple(target.server_id for target in self.targets)

    @property
    def by_id(self) -> Mapping[str, Target]:
        """All targets by the ids of their servers, made anew: a plan is kept for long."""
        return {target.server_id: target for target in self.targets}

    @functools.cached_property
    def seal(self) -> str:
        """SHA-256 (64 hex digits) over everything that an approval is given to.

        Covered are region and project, channel, action, server ids, reason, requester and
        options; the observed states are evidence beside it, read again before each call.
        """
        sealed = {
            "action": self.action.value,
            "channel": self.place.channel_id,
            "options": self.options.sealed,
            "project": self.scope.project_id,
            "reason": self.reason,
            "region": self.scope.region,
            "requester": self.requester.model_dump(mode="json"),
            "retry_of": self.retry_of,
            # Sorted: the order of a plan's lines is no part of what is approved.
            "servers": sorted(self.server_ids),
        }
        # One spelling for one order, or the seal would depend on how JSON is written.
        canonical = json.dumps(sealed, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def short_seal(self) -> str:
        """The first eight digits of the seal: what card, thread and audit show."""
        return self.seal[:8]


# Letters and digits that nobody confuses, on a screen or over the telephone.
ID_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
ID_PREFIX = "PR-"
# How somebody at the host is named in the audit, before their user name.
HOST_PREFIX = "host:"
# 31 signs make 923,521 ids; one that was ever used is drawn again.
ID_LENGTH = 4


def request_id(number: int) -> str:
    """Return a request's id, like `PR-7F3K`, for a number that was drawn at random."""
    digits = ""
    for _ in range(ID_LENGTH):
        number, rest = divmod(number, len(ID_ALPHABET))
        digits = ID_ALPHABET[rest] + digits
    return ID_PREFIX + digits

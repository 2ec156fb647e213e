"""What the file of a kind brings: the kind's keys and words, and the client that does it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from bot.power.steps import kinds, protocol
from bot.steps import http_calls


@dataclasses.dataclass(frozen=True, slots=True)
class Brought:
    """One kind. `mend` is what to do, in an imperative, when its check finds something wrong."""

    kind: kinds.StepKind
    client: Callable[[http_calls.Http], protocol.StepClient]
    mend: str

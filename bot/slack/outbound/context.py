"""The shared context with which everything for Slack is rendered and sent."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from bot.power import ports
from bot.power.policy import policy
from bot.runtime import clocks
from bot.slack.outbound import pacing, sending


@dataclasses.dataclass(frozen=True, slots=True)
class Context:
    """The record to report on, and the way to Slack with its pace.

    `rules` is the policy of this moment, for the freezes in it; `workspace_url` is for links.
    With a `directory`, no channel that another company shares hears of freezes.
    """

    store: ports.RequestStore
    sender: sending.Sender
    clock: ports.Clock
    # One for all posters, since Slack counts the whole app's calls.
    pace: pacing.Pace = dataclasses.field(default_factory=pacing.Pace)
    paces: clocks.Paces = clocks.USUAL
    rules: Callable[[], policy.Policy] = lambda: policy.EMPTY
    directory: ports.Directory | None = None
    workspace_url: str = ""

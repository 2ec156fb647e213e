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
    """The record to report on, and the way to Slack with its pace."""

    store: ports.RequestStore
    sender: sending.Sender
    clock: ports.Clock
    # One for all posters, since Slack counts the whole app's calls.
    pace: pacing.Pace = dataclasses.field(default_factory=pacing.Pace)
    paces: clocks.Paces = clocks.USUAL
    rules: Callable[[], policy.Policy] = lambda: policy.EMPTY  # Now in force, for its freezes.
    # Asked whether another company shares a channel, which then hears of no freezes.
    directory: ports.Directory | None = None
    workspace_url: str = ""  # For links.

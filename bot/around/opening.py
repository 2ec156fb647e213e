"""Every kind of step with the client that does it."""

from __future__ import annotations

from collections.abc import Mapping

from bot.around import client, drain, probe, silence, webhook
from bot.power.around import asking, kinds


def all_kinds(http: client.Client) -> Mapping[str, asking.Around]:
    """Return what does each kind's steps, by the kind's name."""
    return {
        kinds.SILENCE: silence.Silence(http),
        kinds.DRAIN: drain.Drain(http),
        kinds.WEBHOOK: webhook.Webhook(http),
        kinds.PROBE: probe.Probe(http),
    }

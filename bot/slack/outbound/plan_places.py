"""Where plans stand whose number of servers is being typed, so that the answer replaces them.

A form carries no response URL. What is kept here is a convenience of this process: without it
the answer stands below the plan.
"""

from __future__ import annotations

import collections
import dataclasses

from bot.power import inputs, ports

MOST_KEPT = 500


class PlanPlaces:
    """The response URLs of plans, by person and request; the oldest give way."""

    def __init__(self) -> None:
        self._urls: collections.OrderedDict[tuple[str, str], str] = collections.OrderedDict()

    def keep(self, inbound: ports.Inbound) -> None:
        """Remember where the plan stands whose button was pressed."""
        if not (inbound.response_url and inputs.is_ephemeral(inbound.input)):
            return
        self._urls[_key(inbound)] = inbound.response_url
        self._urls.move_to_end(_key(inbound))
        if len(self._urls) > MOST_KEPT:
            self._urls.popitem(last=False)

    def found(self, inbound: ports.Inbound) -> ports.Inbound:
        """Return a count that was sent as if it had been pressed on its plan."""
        sent = inbound.input
        if not isinstance(sent, inputs.FormSent) or sent.do is not inputs.Form.CONFIRM_COUNT:
            return inbound
        url = self._urls.pop(_key(inbound), "")
        if not url:
            return inbound
        on_plan = sent.model_copy(update={"ephemeral": True})
        return dataclasses.replace(inbound, response_url=url, input=on_plan)


def _key(inbound: ports.Inbound) -> tuple[str, str]:
    return inbound.person.user_id, inputs.request_id(inbound.input)

"""The active alarms of some servers: one call, tried once; a plan can do without it.

An alarm names its server only among the dimensions of its metric (CloudDC API, ListAlarms page).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.clouddc import client, error_answers, exchange, rows, wire
from bot.power import ports

# Ids beyond this would make an address that gateways refuse; then all alarms are asked for.
MOST_IDS = 40
# A longer list would say no more on a plan, which is marked incomplete then.
MOST_ALARMS = 100
# The vendor's own client spells the word for a standing alarm wrongly, so that the query can't
# ask for it: alarms that are over are left out here.
OVER = frozenset({"ok", "invalid"})
NAME_CHARS = 80  # Characters of an alarm's name that a plan has room for.


@dataclasses.dataclass(frozen=True)
class CloudAlarms:
    """The alarms of one project."""

    cloud: client.CloudDC

    async def alarms(self, server_ids: Sequence[str]) -> ports.Alarms:
        """Return the alarms that stand for these servers.

        Raises:
            CloudError: they could not be read.
        """
        wanted = frozenset(server_ids)
        # The query takes several ids with commas between (CloudDC API, ListAlarms page).
        query = f"limit={MOST_ALARMS}"
        if len(wanted) <= MOST_IDS:
            query += f"&resource_id={'%2C'.join(sorted(wanted))}"
        url = f"{self.cloud.servers_url}/alarms?{query}"
        call = exchange.Call(error_answers.Operation.ALARMS, "GET", url)
        return await self.cloud.look(call, lambda body: read(body, wanted))


def read(body: bytes, wanted: frozenset[str]) -> ports.Alarms:
    """Read a ListAlarms answer, as far as it speaks of these servers.

    Raises:
        UnreadableAnswer: it isn't one.
    """
    try:
        answer = json.loads(body)
        rows = answer["alarms"]
        total = answer.get("count")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise wire.UnreadableAnswer("the answer isn't as documented") from error
    if not isinstance(rows, list):
        raise wire.UnreadableAnswer("the answer isn't as documented")
    found = [one for row in rows if isinstance(row, dict) for one in _alarms(row, wanted)]
    return ports.Alarms(tuple(found), complete=not isinstance(total, int) or total <= len(rows))


def _alarms(row: Mapping[str, Any], wanted: frozenset[str]) -> Iterator[ports.Alarm]:
    """Yield a row's alarm, once for each of the servers that it names."""
    # A word that isn't known counts as standing: a needless warning does no harm.
    if str(row.get("alarm_status", "")).lower() in OVER:
        return
    level = row.get("alarm_level")
    name = rows.clean(str(row.get("alarm_name") or "an alarm"), longest=NAME_CHARS)
    for server_id in sorted(set(_named(row)) & wanted):
        yield ports.Alarm(server_id, name, level if isinstance(level, int) else 0)


def _named(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield the values of a metric's dimensions, one of which is the server's id."""
    metric = row.get("metric")
    dimensions = metric.get("dimensions") if isinstance(metric, dict) else None
    for one in dimensions if isinstance(dimensions, list) else ():
        if isinstance(one, dict) and isinstance(one.get("value"), str):
            yield one["value"]

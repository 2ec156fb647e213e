"""What single reads have said of servers lately, beside the newest list: the newer word counts."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping

from bot.clouddc import inventory
from bot.power import ports, server
from bot.runtime import single_flight

# Nothing is judged on a record older than this, in seconds, nor on a list that is.
FORGET_S = 30.0
# A server whose single read came to no answer is looked for in the list for so long, in seconds:
# everybody who watches would wait for it again, round after round.
SPARED_S = 120.0


@dataclasses.dataclass(frozen=True, slots=True)
class _Seen:
    """What was read of one server, None where there was none of its id, and since when."""

    record: server.Server | None
    began: single_flight.Began


class SingleReads:
    """Remembers what servers that were read by themselves had in their records."""

    def __init__(self, servers: inventory.Inventory, clock: ports.Clock) -> None:
        self._inventory = servers
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        # Until when (monotonic) which servers aren't read by themselves.
        self._spared: dict[str, float] = {}

    def note(
        self,
        asked: Iterable[str],
        found: Mapping[str, server.Server],
        began: single_flight.Began,
    ) -> None:
        """Remember what a round saw of the servers that it asked for; forget what is old."""
        young = self._seen.items()
        kept = {id_: one for id_, one in young if one.began.age_s(self._clock) <= FORGET_S}
        self._seen = kept | {id_: _Seen(found.get(id_), began) for id_ in asked}

    def spare(self, ids: Iterable[str]) -> None:
        """Leave servers whose single reads came to no answer to the list, for a while."""
        now = self._clock.monotonic()
        kept = {id_: until for id_, until in self._spared.items() if until > now}
        self._spared = kept | dict.fromkeys(ids, now + SPARED_S)

    def spares(self, ids: Iterable[str]) -> bool:
        """Whether one of these servers is left to the list."""
        if not self._spared:
            return False
        now = self._clock.monotonic()
        return any(self._spared.get(id_, 0.0) > now for id_ in ids)

    def at_hand(
        self, ids: Collection[str], not_before: float, *, whole: bool
    ) -> server.Records | None:
        """Return records of all these servers that were read at `not_before` or later, if known.

        With `whole` they are a snapshot.
        """
        listed, began = self._inventory.latest(), self._inventory.latest_began
        if listed and began and began.is_since(not_before, self._clock):
            newer = self._newer(ids, began)
            # What has become of a server that is gone is for a newer list to say.
            gone = any(one.record is None for one in newer.values())
            return None if gone else _laid_over(listed, newer)
        return None if whole else self._alone(ids, not_before)

    def on_list(self, ids: Collection[str]) -> server.Snapshot | None:
        """Return the newest list, with what was seen of these servers since."""
        listed, began = self._inventory.latest(), self._inventory.latest_began
        return _laid_over(listed, self._newer(ids, began)) if listed and began else None

    def gone_at(self, ids: Collection[str]) -> float:
        """Return when (epoch seconds) one of them was last found to be gone, else 0."""
        seen = self._of(ids).values()
        return max((one.began.at for one in seen if one.record is None), default=0.0)

    def _alone(self, ids: Collection[str], not_before: float) -> server.Records | None:
        """Return what single reads alone have, if that is all of these servers."""
        seen = self._of(ids)
        found = {
            id_: one.record
            for id_, one in seen.items()
            if one.record is not None and one.began.is_since(not_before, self._clock)
        }
        if not found or len(found) < len(ids):
            return None
        return server.Records(found, min(one.began.at for one in seen.values()))

    def _newer(self, ids: Collection[str], began: single_flight.Began) -> dict[str, _Seen]:
        """Return what was seen of these servers after a list had begun."""
        seen = self._of(ids).items()
        return {id_: one for id_, one in seen if one.began.ticks > began.ticks}

    def _of(self, ids: Collection[str]) -> dict[str, _Seen]:
        """Return what was seen of these servers."""
        # Of a large fleet mostly nothing was, and thousands of ids need not be gone through.
        if not self._seen:
            return {}
        return {id_: one for id_ in ids if (one := self._seen.get(id_)) is not None}


def _laid_over(listed: server.Snapshot, newer: Mapping[str, _Seen]) -> server.Snapshot:
    """Return a list with what was seen since: it is of the same age or younger."""
    if not newer:
        return listed
    servers = dict(listed.servers)
    for id_, one in newer.items():
        if one.record is None:
            servers.pop(id_, None)
        else:
            servers[id_] = one.record
    return dataclasses.replace(listed, servers=servers)

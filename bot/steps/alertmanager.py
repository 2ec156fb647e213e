"""Silences of ours in one Alertmanager, by its API v2 (`api/v2/api.yaml` of Alertmanager).

Errors are of three sorts: it won't, it wasn't done here, and it may have been done.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.power.text import times
from bot.steps import http_calls

CREATED_BY = "powerbot"
# A silence that begins in the past begins now, by Alertmanager's clock; ours may be ahead of it.
EARLIER_S = 3600.0
NOT_FOUND = 404  # There is no silence of this id (Alertmanager API v2, `silence` path).
EXPIRED = "expired"  # The state of a silence that has ended; it is listed for days after that.
UNREADABLE = "an answer that can't be understood"

# A silence's conditions, sorted: (label, regular expression that matches its whole value).
Conditions = tuple[tuple[str, str], ...]


class AlertmanagerRefused(Exception):
    """Alertmanager won't; trying again wouldn't help. The words hold no secret."""


class Elsewhere(Exception):
    """Nothing was done at this address; another may do it, or the same one in `again_s`."""

    def __init__(self, words: str, again_s: float = 0.0) -> None:
        super().__init__(words)
        self.again_s = again_s  # Seconds that its Retry-After asks for, 0 without one.


class Unsure(Exception):
    """It may have been done; whoever goes on looks first."""


@dataclasses.dataclass(frozen=True, slots=True)
class OwnSilence:
    """A silence of ours that hasn't ended.

    `conditions` is None where somebody has made them others than we make, `starts_at` is as
    Alertmanager writes it, and `until` is in epoch seconds.
    """

    id: str
    conditions: Conditions | None
    comment: str
    starts_at: str
    until: float


@dataclasses.dataclass(frozen=True, slots=True)
class Alertmanager:
    """One address; each call takes `within_s` at most."""

    http: http_calls.Http
    url: str
    headers: Mapping[str, str] = dataclasses.field(repr=False)
    ca: str
    within_s: float

    async def status(self) -> None:
        """Ask Alertmanager for its status.

        Raises:
            AlertmanagerRefused, Elsewhere: it isn't well.
        """
        await self._read("/api/v2/status")

    async def ours(self, mark: str) -> list[OwnSilence]:
        """Return the silences of ours whose comments begin so, but for those that have ended.

        Raises:
            AlertmanagerRefused, Elsewhere: they can't be read.
        """
        # The whole list: the API filters by what is silenced, not by comment or author.
        rows = await self._read("/api/v2/silences")
        if not isinstance(rows, list):
            # It may be a proxy that answers here, and Alertmanager at another address.
            raise Elsewhere(UNREADABLE)
        return [_standing(row) for row in rows if _is_ours(row, mark)]

    async def post(
        self, wanted: Conditions, comment: str, until: float, instead: OwnSilence | None = None
    ) -> str:
        """Make a silence, or change one; return its id, which may be a new one.

        Raises:
            AlertmanagerRefused, Elsewhere: it isn't done.
            Unsure: it may be.
        """
        now = datetime.datetime.now(datetime.UTC).timestamp()
        body = {
            "matchers": [
                {"name": name, "value": value, "isRegex": True, "isEqual": True}
                for name, value in wanted
            ],
            # A changed start would make Alertmanager end this silence and make another.
            "startsAt": instead.starts_at if instead else times.rfc3339(now - EARLIER_S),
            "endsAt": times.rfc3339(until),
            "createdBy": CREATED_BY,
            "comment": comment,
        }
        # With an id the silence is changed; Alertmanager may answer with a new one.
        reply = await self._write("POST", "/api/v2/silences", body | _id_of(instead))
        if reply.status == NOT_FOUND:
            raise Elsewhere("it doesn't know the silence")
        _check(reply)
        made = reply.json()
        if not isinstance(made, dict) or not isinstance(made.get("silenceID"), str):
            # It took the silence and we don't know its id: it is looked for by its comment.
            raise Unsure(UNREADABLE)
        return str(made["silenceID"])

    async def expire(self, silence_id: str) -> None:
        """End a silence; one that has ended, or isn't there, is as good.

        Raises:
            AlertmanagerRefused, Elsewhere: it isn't ended.
            Unsure: it may be.
        """
        path = f"/api/v2/silence/{silence_id}"
        try:
            reply = await self._write("DELETE", path)
        except Unsure:
            # Version 0.25 answers 500 where there is none of this id, as to any fault of its own.
            if not await self._has_ended(path):
                raise
            return
        if reply.status != NOT_FOUND:
            _check(reply)

    async def _has_ended(self, path: str) -> bool:
        try:
            reply = await self._send("GET", path)
        except http_calls.NoAnswer:
            return False
        found = reply.json()
        ended = isinstance(found, dict) and _state(found) == EXPIRED
        return reply.status == NOT_FOUND or (reply.good and ended)

    async def _read(self, path: str) -> Any:
        """GET a path and return its JSON.

        Raises:
            AlertmanagerRefused, Elsewhere: it can't be read.
        """
        try:
            reply = await self._send("GET", path)
        except http_calls.NoAnswer as error:
            raise Elsewhere(error.words) from None
        _check(reply)
        return reply.json()

    async def _write(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> http_calls.Reply:
        """Make a call that changes something.

        Raises:
            Elsewhere: it never left.
            Unsure: it may have been done.
        """
        try:
            reply = await self._send(method, path, body)
        except http_calls.NoAnswer as error:
            if error.left:
                raise Unsure(error.words) from None
            raise Elsewhere(error.words) from None
        # The fault may have come after the act, so that whoever goes on looks first.
        if reply.status >= 500:
            raise Unsure(http_calls.status_words(reply))
        return reply

    async def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> http_calls.Reply:
        """Make one call.

        Raises:
            NoAnswer: there is none.
        """
        sent = json.dumps(body).encode() if body is not None else b""
        headers = dict(self.headers) | ({"Content-Type": "application/json"} if sent else {})
        call = http_calls.HttpCall(method, self.url + path, self.within_s, headers, sent, self.ca)
        return await self.http.send(call)


def _check(reply: http_calls.Reply) -> None:
    """Raise unless an answer is a success.

    Raises:
        AlertmanagerRefused, Elsewhere: it is none.
    """
    if reply.passing:
        raise Elsewhere(http_calls.status_words(reply), reply.again_s)
    if not reply.good:
        raise AlertmanagerRefused(http_calls.status_words(reply))


def _is_ours(row: object, mark: str) -> bool:
    """Whether a silence is one that we have made for this part, and hasn't ended."""
    # An operator's own silence is never touched, whatever its comment says.
    if not isinstance(row, dict) or row.get("createdBy") != CREATED_BY:
        return False
    return str(row.get("comment", "")).startswith(mark) and _state(row) != EXPIRED


def _state(row: Mapping[str, Any]) -> str:
    """Return `active`, `pending` or `expired`."""
    status = row.get("status")
    return str(status.get("state", "")) if isinstance(status, dict) else ""


def _standing(row: Mapping[str, Any]) -> OwnSilence:
    """Read a silence of ours.

    Raises:
        Elsewhere: it can't be understood.
    """
    try:
        return OwnSilence(
            str(row["id"]),
            _conditions(row["matchers"]),
            str(row["comment"]),
            str(row["startsAt"]),
            datetime.datetime.fromisoformat(str(row["endsAt"])).timestamp(),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Elsewhere(UNREADABLE) from None


def _conditions(rows: Sequence[Mapping[str, Any]]) -> Conditions | None:
    """Return matchers as we make them, None where they are of another sort."""
    # Without `isEqual` a matcher is a positive one (Alertmanager API v2, `matcher`).
    if not all(row.get("isRegex") and row.get("isEqual", True) for row in rows):
        return None
    return tuple(sorted((str(row["name"]), str(row["value"])) for row in rows))


def _id_of(instead: OwnSilence | None) -> dict[str, str]:
    return {"id": instead.id} if instead else {}

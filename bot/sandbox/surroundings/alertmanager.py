"""Alertmanager's API v2, as far as silences go (`api/v2/openapi.yaml` of Alertmanager)."""

from __future__ import annotations

from datetime import UTC, datetime

from aiohttp import web

from bot.sandbox.surroundings import calls, silences
from bot.sandbox.surroundings.faults import Part

Answer = web.StreamResponse


class Missing(ValueError):
    """Something that every silence has is missing; answered as 422."""


class Alertmanager:
    """Answers calls about silences; `secret` is the Authorization header it wants, "" for none."""

    def __init__(self, store: silences.Silences, secret: str = "") -> None:
        self.store = store
        self.secret = secret

    def routes(self, prefix: str, through: calls.Calls) -> list[web.RouteDef]:
        """List the routes under a prefix, as `--web.route-prefix` has them."""

        def wrapped(handler: calls.Handler) -> calls.Handler:
            return through.through(Part.ALERTMANAGER, self._known(handler))

        base = f"{prefix}/api/v2"
        return [
            web.get(f"{base}/status", wrapped(self._status)),
            web.get(f"{base}/silences", wrapped(self._list)),
            web.post(f"{base}/silences", wrapped(self._post)),
            web.get(f"{base}/silence/{{id}}", wrapped(self._show)),
            web.delete(f"{base}/silence/{{id}}", wrapped(self._expire)),
        ]

    def _known(self, handler: calls.Handler) -> calls.Handler:
        async def answered(request: web.Request) -> Answer:
            given = request.headers.get("Authorization", "")
            if self.secret and given != self.secret:
                return web.Response(status=401, text=f"Unauthorized: {given}")
            return await handler(request)

        return answered

    async def _status(self, _: web.Request) -> Answer:
        version = {"version": "0.25.0", "branch": "simulated"}
        return web.json_response({"cluster": {"status": "ready"}, "versionInfo": version})

    async def _list(self, _: web.Request) -> Answer:
        now = self.store.now()
        return web.json_response([shown(one, now) for one in self.store.all()])

    async def _show(self, request: web.Request) -> Answer:
        try:
            found = self.store.find(request.match_info["id"])
        except silences.UnknownSilence:
            return web.Response(status=404)
        return web.json_response(shown(found, self.store.now()))

    async def _post(self, request: web.Request) -> Answer:
        try:
            wanted = _read(await calls.json_object(request))
            made = self.store.post(wanted)
        except silences.UnknownSilence:
            return web.json_response("silence not found", status=404)
        except Missing as error:
            return web.json_response({"code": 602, "message": str(error)}, status=422)
        except (calls.Unreadable, silences.BadSilence, ValueError) as error:
            return web.json_response(str(error), status=400)
        return web.json_response({"silenceID": made})

    async def _expire(self, request: web.Request) -> Answer:
        try:
            self.store.expire(request.match_info["id"])
        except silences.UnknownSilence:
            # As version 0.25 does; later ones answer 404.
            return web.json_response("silence not found", status=500)
        return web.Response()


def shown(silence: silences.Silence, now: datetime) -> dict[str, object]:
    """Return a silence as the API shows it."""
    return {
        "id": silence.id,
        "status": {"state": silence.state(now)},
        "updatedAt": _instant(silence.updated_at),
        "comment": silence.comment,
        "createdBy": silence.created_by,
        "startsAt": _instant(silence.starts_at),
        "endsAt": _instant(silence.ends_at),
        "matchers": [
            {
                "name": matcher.name,
                "value": matcher.value,
                "isRegex": matcher.is_regex,
                "isEqual": matcher.is_equal,
            }
            for matcher in silence.matchers
        ],
    }


def _read(body: dict[str, object]) -> silences.Silence:
    """Read what was posted.

    Raises:
        Missing: something is missing.
        BadSilence: a matcher can't be read.
        ValueError: an instant can't be read.
    """
    words = {key: body.get(key) for key in ("comment", "createdBy", "startsAt", "endsAt")}
    for key, value in words.items():
        if not isinstance(value, str) or not value:
            raise Missing(f"{key} in body is required")
    rows = body.get("matchers")
    if not isinstance(rows, list) or not rows:
        raise Missing("matchers in body should have at least 1 items")
    starts_at, ends_at = (
        datetime.fromisoformat(str(words[key])).astimezone(UTC) for key in ("startsAt", "endsAt")
    )
    return silences.Silence(
        id=str(body.get("id") or ""),
        matchers=silences.read_matchers(rows),
        starts_at=starts_at,
        ends_at=ends_at,
        created_by=str(words["createdBy"]),
        comment=str(words["comment"]),
        updated_at=starts_at,
    )


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

"""The page's own API, `/ui/*`: what a person sees, and everything that a person can do, as JSON.

It trusts whoever reaches it with any persona, so it answers only to pages of this very server.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import web

from bot.sandbox.workspace.base import limits
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.page import page_state
from bot.sandbox.workspace.people.actions import Actions
from bot.sandbox.workspace.state.directory import UnknownNameError
from bot.sandbox.workspace.state.state import WorkspaceState
from bot.sandbox.workspace.state.timeline import Message
from bot.sandbox.workspace.state.view_book import View
from bot.sandbox.workspace.transport.faults import Faults
from bot.sandbox.workspace.transport.request_url import LOOPBACK

_Answer = Callable[[Json], Awaitable[Json]]


class Page:
    """The routes of the page's API."""

    def __init__(self, state: WorkspaceState, actions: Actions, faults: Faults) -> None:
        self._state = state
        self._actions = actions
        self._faults = faults

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        answers: dict[str, _Answer] = {
            "command": self._command,
            "message": self._message,
            "click": self._click,
            "submit": self._submit,
            "close": self._close,
            "suggest": self._suggest,
            "shortcut": self._shortcut,
            "home": self._home,
            "react": self._react,
            "chaos": self._chaos,
        }
        posts = [web.post(f"/ui/{name}", _json_route(answer)) for name, answer in answers.items()]
        return [
            *posts,
            web.get("/ui/state", self._show_state),
            web.get("/ui/wait", self._wait),
            web.get("/ui/journal", self._journal),
        ]

    async def _show_state(self, request: web.Request) -> web.Response:
        return self._state_answer(request)

    async def _wait(self, request: web.Request) -> web.Response:
        since = _number(request.query.get("since", "0"))
        await self._state.changes.wait_past(since, limits.LONG_POLL_S)
        return self._state_answer(request)

    async def _journal(self, request: web.Request) -> web.Response:
        entries = self._state.journal.since(_number(request.query.get("since", "0")))
        violations = [one.message for one in self._state.journal.violations]
        return web.json_response({"entries": entries, "violations": violations}, dumps=_dumps)

    def _state_answer(self, request: web.Request) -> web.Response:
        try:
            seen = page_state.of(self._state, request.query.get("as", ""))
        except UnknownNameError as unknown:
            return web.json_response({"ok": False, "error": str(unknown)}, status=404)
        return web.json_response(seen)

    async def _command(self, body: Json) -> Json:
        outcome = await self._actions.command(body["as"], body["channel"], body["text"])
        return outcome.as_json()

    async def _message(self, body: Json) -> Json:
        thread_ts = body.get("thread_ts")
        message = self._actions.say(body["as"], body["channel"], body["text"], thread_ts)
        return {"ok": True, "ts": message.ts}

    async def _click(self, body: Json) -> Json:
        place = self._place(body)
        if isinstance(place, View):
            self._actions.fill(place, body.get("values") or {})
        value = next((body[key] for key in _CHOICES if key in body), None)
        outcome = await self._actions.click(
            body["as"], place, body["action_id"], value, block_id=body.get("block_id")
        )
        return outcome.as_json()

    async def _submit(self, body: Json) -> Json:
        values = body.get("values") or {}
        view = self._state.views.find(body["view_id"])
        return (await self._actions.submit(body["as"], values, view)).as_json()

    async def _close(self, body: Json) -> Json:
        view = self._state.views.find(body["view_id"])
        clear_all = bool(body.get("clear_all"))
        return (await self._actions.close(body["as"], view, clear_all=clear_all)).as_json()

    async def _suggest(self, body: Json) -> Json:
        outcome = await self._actions.suggest(
            body["as"],
            self._place(body),
            body["action_id"],
            body.get("query", ""),
            block_id=body.get("block_id"),
        )
        return {**outcome.as_json(), "options": outcome.answer.get("options", [])}

    async def _shortcut(self, body: Json) -> Json:
        channel, ts = body.get("channel") or "", body.get("ts") or ""
        outcome = await self._actions.shortcut(body["as"], body["callback_id"], channel, ts)
        return outcome.as_json()

    async def _home(self, body: Json) -> Json:
        self._actions.open_home(body["as"])
        return {"ok": True}

    async def _react(self, body: Json) -> Json:
        name = str(body.get("name") or body["reaction"]).strip(":")
        self._actions.react(body["as"], body["channel"], body["ts"], name)
        return {"ok": True}

    async def _chaos(self, body: Json) -> Json:
        await self._faults.cause(body)
        return {"ok": True, "waiting": self._state.chaos.waiting()}

    def _place(self, body: Json) -> Message | View:
        if body.get("view_id"):
            return self._state.views.find(body["view_id"])
        return self._state.timeline.find(body["channel"], body["ts"])


_CHOICES: Final = ("selected_options", "selected_option", "value")


@web.middleware
async def same_origin(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse requests that another site's page sends, or that came under another host's name."""
    host = urlsplit(f"//{request.host}").hostname
    origin = request.headers.get("Origin")
    if host not in LOOPBACK or (origin and urlsplit(origin).netloc != request.host):
        return web.Response(status=403, text="only pages of this server may ask")
    return await handler(request)


def _json_route(answer: _Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            body = await request.json()
            if not isinstance(body, dict) or not body.get("as", "chaos" in request.path):
                raise ValueError("a JSON object with `as` is needed")
            result = await answer(body)
        except KeyError as missing:
            result = {"ok": False, "error": f"{missing} is missing"}
        except (ValueError, TypeError, AttributeError, UnknownNameError) as problem:
            result = {"ok": False, "error": str(problem)}
        return web.json_response(result, dumps=_dumps)

    return handle


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 16 else 0


def _dumps(value: Any) -> str:
    return json.dumps(value, default=str)

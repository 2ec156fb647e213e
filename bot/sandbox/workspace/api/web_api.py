"""The Web API's front door: token, arguments, scopes, rate and faults, then the method itself."""

import json
from dataclasses import dataclass
from typing import Final

from aiohttp import hdrs, web

from bot.sandbox.workspace.api import (
    api_blocks,
    api_chat,
    api_conversations,
    api_people,
    api_views,
    arguments,
)
from bot.sandbox.workspace.api.method import Method
from bot.sandbox.workspace.base.chaos import Fault
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.base.rates import RateLimiter
from bot.sandbox.workspace.base.refusal import RefusedError
from bot.sandbox.workspace.state.state import WorkspaceState
from bot.sandbox.workspace.transport.socket_hub import SocketHub

_METHODS: Final = (
    *api_blocks.METHODS,
    *api_chat.METHODS,
    *api_conversations.METHODS,
    *api_people.METHODS,
    *api_views.METHODS,
)


@dataclass(frozen=True, slots=True)
class Client:
    """An app that calls, its limits, and its sockets."""

    state: WorkspaceState
    rates: RateLimiter
    hub: SocketHub

    def has(self, token: str) -> bool:
        """Say whether a token is the app's."""
        return token in (self.state.app.bot_token, self.state.app.app_token)


class WebApi:
    """Answers `/api/<method>` by GET and POST, each app by its tokens."""

    def __init__(self, first: Client) -> None:
        self._state = first.state
        self._clients = [first]
        self._methods = {method.name: method for method in _METHODS}
        self._methods["apps.connections.open"] = Method(
            "apps.connections.open", self._open_connection, app_token=True
        )

    def welcome(self, client: Client) -> None:
        """Answer one more app."""
        self._clients.append(client)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call, with whatever fault waits for this method."""
        name = request.match_info["method"]
        # A slow answer is slow before the work, so that a caller who gives up has done nothing.
        await self._state.chaos.delay(name)
        fault = self._state.chaos.next_fault(name)
        if fault is not None and fault.kind in ("cut_before", "status", "error"):
            return self._failed(request, name, fault)
        args: Json = {}
        status, headers = 200, {}
        try:
            args = await arguments.read(request)
            token = _token(request, args)
            client = next((one for one in self._clients if one.has(token)), self._clients[0])
            headers["x-oauth-scopes"] = ",".join(client.state.scopes)
            answer = self._answer(client, token, name, args)
        except RefusedError as refused:
            answer = refused.as_answer()
            if refused.error == "ratelimited":
                status = 429
                headers["Retry-After"] = str(answer.pop("retry_after", 1))
        self._state.journal.note_call(name, args, answer, status)
        if fault is not None:
            return self._failed(request, name, fault)
        return _respond(answer, status, headers)

    def _answer(self, client: Client, token: str, name: str, args: Json) -> Json:
        method = self._methods.get(name)
        if method is None:
            raise RefusedError("unknown_method", req_method=name)
        self._check_token(client, method, token)
        self._check_scopes(client, method)
        # A call with bad arguments counts against the limit too.
        wait_s = client.rates.take(name, str(args.get("channel", "")))
        if wait_s:
            raise RefusedError("ratelimited", retry_after=wait_s)
        method.check_arguments(args)
        refused = self._state.chaos.refusal(name, args)
        if refused:
            raise RefusedError(refused)
        return {"ok": True, **method.run(client.state, args)}

    def _check_token(self, client: Client, method: Method, token: str) -> None:
        if not token:
            raise RefusedError("not_authed")
        if not client.has(token):
            raise RefusedError("invalid_auth")
        if (token == client.state.app.app_token) != method.app_token:
            raise RefusedError("not_allowed_token_type")

    def _check_scopes(self, client: Client, method: Method) -> None:
        granted = client.state.scopes
        if method.scopes and not set(method.scopes) & set(granted):
            provided = ",".join(granted)
            raise RefusedError("missing_scope", needed=method.scopes[0], provided=provided)

    def _open_connection(self, state: WorkspaceState, args: Json) -> Json:
        base = state.base_url.replace("http://", "ws://", 1)
        hub = next(one.hub for one in self._clients if one.state is state)
        return {"url": f"{base}/ws/{hub.new_ticket()}"}

    def _failed(self, request: web.Request, name: str, fault: Fault) -> web.StreamResponse:
        self._state.journal.note("fault", name, fault=fault.kind, status=fault.status)
        if fault.kind in ("cut_before", "cut_after"):
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        if fault.kind == "error":
            return _respond({"ok": False, "error": fault.error}, 200, {})
        if fault.status == 429:
            headers = {"Retry-After": str(fault.retry_after_s)}
            return _respond({"ok": False, "error": "ratelimited"}, 429, headers)
        return web.Response(status=fault.status, text="upstream error")


def _token(request: web.Request, args: Json) -> str:
    kind, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else str(args.get("token", ""))


def _respond(answer: Json, status: int, headers: dict[str, str]) -> web.Response:
    return web.json_response(
        answer, status=status, headers=headers, dumps=lambda value: json.dumps(value)
    )

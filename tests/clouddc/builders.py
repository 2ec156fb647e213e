"""Builders for the client's tests: answers, and a client on them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import httpx

from bot.clouddc import auth, client, exchange, throttle
from bot.power import ports
from tests.support import ticks

ENDPOINT = "https://clouddc.cn-east-3.myhuaweicloud.com"
PROJECT = "0123456789abcdef0123456789abcdef"
TOKEN = "token-of-the-tests"
START = ticks.START

Handler = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


class Service:
    """Answers requests one after another from a script, and keeps what came.

    The last answer is given again and again. An exception in the script is raised, as the
    transport would.
    """

    def __init__(self, *script: httpx.Response | Exception) -> None:
        self.script = list(script)
        self.requests: list[httpx.Request] = []
        self.bodies: list[Any] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        # A copy, because a request that is repeated is changed in place.
        came = httpx.Request(request.method, request.url, headers=request.headers)
        self.requests.append(came)
        self.bodies.append(json.loads(request.content) if request.content else None)
        turn = self.script[0] if len(self.script) == 1 else self.script.pop(0)
        if isinstance(turn, Exception):
            raise turn
        return httpx.Response(turn.status_code, headers=turn.headers, content=turn.content)


def server_id(number: int) -> str:
    """A well-formed id."""
    return f"01939592-e8fe-7d9b-9332-{number:012x}"


def ids(count: int, *, first: int = 0) -> list[str]:
    """Some well-formed ids."""
    return [server_id(number) for number in range(first, first + count)]


def row(number: int, **members: object) -> dict[str, object]:
    """A record as the list has it."""
    return {
        "id": server_id(number),
        "name": f"web{number:02}",
        "power_state": "on",
        "operation_state": "power-on-succeed",
        "manage_state": "in-use",
        "frozen_state": 0,
        "health_state": "OK",
        "location": {"dc": "A1", "rack": "R12", "unit": "7"},
        "hardware_attributes": {"sn": f"SN{number}", "model": "2288H", "manufacturer": "Huawei"},
        "tags": [{"key": "env", "value": "prod"}],
    } | members


def page(*numbers: int, next_marker: str | None = None) -> dict[str, Any]:
    """A page of the list."""
    info = {"next_marker": next_marker, "previous_marker": None, "current_count": len(numbers)}
    rows = [row(number) for number in numbers]
    return {"servers": rows, "page_info": info, "count": len(numbers)}


def answer(
    body: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """An answer with a JSON body, or with a text as it stands."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(
        status, headers={"X-Request-Id": "req-1", **(headers or {})}, content=content
    )


def accepted(*numbers: int) -> httpx.Response:
    """The answer to a power call that takes these servers."""
    return answer({"physical_servers": [{"id": server_id(number)} for number in numbers]})


def refused(status: int, code: str, message: str = "No.", **headers: str) -> httpx.Response:
    """The answer to a call that is refused in the service's own form."""
    return answer({"error_code": code, "error_msg": message}, status, headers)


def http_for(handler: Handler) -> httpx.AsyncClient:
    """An HTTP client whose requests go to a handler."""
    return httpx.AsyncClient(transport=httpx.MockTransport(handler), timeout=exchange.TIMEOUT)


def cloud_for(
    handler: Handler,
    clock: ports.Clock,
    *,
    who: auth.CloudAuth | None = None,
    bucket: throttle.Bucket | None = None,
    hold_s: Mapping[throttle.Priority, float] = client.HOLD_S,
    read_whole_s: float = client.READ_WHOLE_S,
    endpoint: str = ENDPOINT,
    project_id: str = PROJECT,
) -> client.CloudDC:
    """A client whose requests go to a handler."""
    return client.CloudDC(
        http_for(handler),
        client.Access(endpoint, project_id, who or auth.TokenAuth(TOKEN)),
        bucket=bucket or throttle.Bucket(1000.0, clock),
        clock=clock,
        jitter=random.Random(1),
        bounds=client.Timeouts(hold_s, read_whole_s),
    )

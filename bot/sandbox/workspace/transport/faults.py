"""Causing faults by a JSON object, for the page and for other processes."""

from collections.abc import Awaitable, Callable
from typing import get_args

from bot.sandbox.workspace.base.chaos import Chaos, FaultKind
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.transport.socket_hub import SocketHub


class Faults:
    """Turns `{"kind": ..., ...}` into a fault."""

    def __init__(self, chaos: Chaos, hub: SocketHub) -> None:
        self._chaos = chaos
        self._hub = hub
        self._kinds: dict[str, Callable[[Json], Awaitable[None]]] = {
            "disconnect": self._disconnect,
            "drop": self._drop,
            "latency": self._latency,
            "fail": self._fail,
            "refuse": self._refuse,
            "duplicate": self._duplicate,
            "lose_ack": self._lose_ack,
            "clear": self._clear,
        }

    async def cause(self, wish: Json) -> None:
        """Cause one fault.

        Raises:
            ValueError: when the kind or one of its details is unknown.
        """
        kind = wish.get("kind")
        if kind not in self._kinds:
            raise ValueError(f"kind must be one of: {', '.join(self._kinds)}")
        await self._kinds[kind](wish)

    async def _disconnect(self, wish: Json) -> None:
        await self._hub.disconnect(str(wish.get("reason", "refresh_requested")))

    async def _drop(self, wish: Json) -> None:
        await self._hub.drop()

    async def _latency(self, wish: Json) -> None:
        self._chaos.set_latency(str(wish.get("method", "any")), float(wish["seconds"]))

    async def _fail(self, wish: Json) -> None:
        fault = wish.get("fault", "status")
        if fault not in get_args(FaultKind):
            raise ValueError(f"fault must be one of: {', '.join(get_args(FaultKind))}")
        details = {key: wish[key] for key in ("status", "error", "retry_after_s") if key in wish}
        count = int(wish.get("count", 1))
        self._chaos.fail(str(wish.get("method", "any")), fault, count, **details)

    async def _refuse(self, wish: Json) -> None:
        if wish.get("where", "anywhere") not in ("anywhere", "threads", "channel"):
            raise ValueError("where must be one of: anywhere, threads, channel")
        details = {key: str(wish[key]) for key in ("where", "containing") if key in wish}
        channel = str(wish.get("channel", ""))
        self._chaos.refuse(str(wish["method"]), str(wish["error"]), channel, **details)

    async def _duplicate(self, wish: Json) -> None:
        self._chaos.duplicate_next(int(wish.get("count", 1)))

    async def _lose_ack(self, wish: Json) -> None:
        self._chaos.lose_acks(int(wish.get("count", 1)))

    async def _clear(self, wish: Json) -> None:
        self._chaos.clear()

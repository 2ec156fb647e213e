"""The part of a transaction that speaks of runs: their servers, calls, steps and locks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from bot.power.records import Attempt, Busy, Lock, RunServer, Touch, UnseenCall
from bot.power.request import Action
from bot.power.steps.states import StepState
from bot.power.steps.wave_parts import Part, Taken


class RunTx(Protocol):
    """What `Tx` has for a run; whatever its owner writes names the fence, `epoch`."""

    # -- runs
    def start_run(self, request_id: str, servers: Sequence[RunServer]) -> None:
        """Store the servers of a run."""

    def run_servers(self, request_id: str) -> list[RunServer]:
        """Return the servers of a run in the plan's order."""

    def update_servers(self, request_id: str, servers: Sequence[RunServer], *, epoch: int) -> None:
        """Replace the rows of these servers.

        Raises:
            LostLease: the fence has moved on.

        """

    def intend(self, attempt: Attempt, *, epoch: int) -> None:
        """Store an attempt before it is sent.

        Raises:
            LostLease: the fence has moved on.

        """

    def answer(self, attempt: Attempt) -> None:
        """Store the outcome of an attempt."""

    def attempts(self, request_id: str) -> list[Attempt]:
        """Return a request's attempts, oldest first."""

    def unsettled(
        self, server_ids: Sequence[str], *, since: float, but: str = ""
    ) -> dict[str, UnseenCall]:
        """Return, by server id, the newest call to it, where nobody has seen that it happened.

        Calls from before `since` (epoch seconds) and those of the request `but` don't count.
        """

    def touched(self, server_ids: Sequence[str], *, since: float, but: str) -> dict[str, Touch]:
        """Return, by server id, the newest that another request has sent to it since."""

    def busy_racks(self, racks: Sequence[str]) -> dict[tuple[str, str], Busy]:
        """Return, by (room, rack), what is being powered on in racks of these names just now."""

    def loose_servers(self, request_ids: Sequence[str]) -> dict[str, list[RunServer]]:
        """Return, by request, the servers of these runs that were sent and aren't proven."""

    def run_server(self, request_id: str, server_id: str) -> RunServer | None:
        """Return one server of a run."""

    def look_again(self, request_id: str, *, until: float, next_at: float) -> None:
        """Have the servers of an ended run polled until then; `next_at` is the first time."""

    def looks_wait(self, *, now: float) -> bool:
        """Whether a poll of an ended run's servers is due."""

    def due_looks(self, *, now: float, again_s: float) -> list[tuple[str, float]]:
        """Take over looks that are due: (request id, until); the next is due `again_s` later."""

    def looked_enough(self, request_id: str) -> None:
        """Look no more at the servers of an ended run."""

    # -- steps around waves
    def intend_parts(self, made: Sequence[Part], *, epoch: int) -> None:
        """Store parts before anything of them leaves.

        Raises:
            LostLease: the fence has moved on.
        """

    def hold_run(self, request_id: str, *, epoch: int) -> None:
        """Make sure that this owner still has the request, until the end of the transaction.

        Raises:
            LostLease: the fence has moved on.
        """

    def parts(self, request_id: str) -> list[Part]:
        """Return all parts of a request, oldest first."""

    def part(self, key: str) -> Part | None:
        """Return a part by its key, with its servers."""

    def standing_parts(self, server_ids: Collection[str] | None = None) -> list[Part]:
        """Return the parts of all requests of which something is out or owed, oldest first.

        With `server_ids`, only those that have one of these servers.
        """

    def move(
        self, key: str, changed: Iterable[Taken], *, before: Collection[StepState]
    ) -> list[str]:
        """Bring servers of a part to a new state where they still are in one of `before`.

        Returns the ids of those that were; the others were dealt with meanwhile.
        """

    def note_part(self, part: Part) -> None:
        """Store what a part is called outside, until when it stands, and what it says."""

    def look_at_part(self, key: str, *, next_at: float) -> None:
        """Have a part of an ended request checked then; 0 for never again."""

    def parts_wait(self, *, now: float) -> bool:
        """Whether a part of a request that may have ended is due."""

    def due_parts(self, *, now: float, until: float) -> list[Part]:
        """Take the parts of ended requests that are due; nobody else does before `until`."""

    def hold_part(self, key: str, *, held: float, until: float) -> None:
        """Keep a part that was taken until `held`, from now on until another instant.

        Raises:
            LostLease: another process has taken it since, or a person wants it checked at once.
        """

    def lock_servers(
        self, request_id: str, server_ids: Sequence[str], *, action: Action, at: float
    ) -> dict[str, str]:
        """Take these servers' locks; return {server id: request id} of those that others hold."""

    def unlock_servers(self, request_id: str) -> None:
        """Release all locks of a request."""

    def lock_holders(self, server_ids: Sequence[str]) -> dict[str, Lock]:
        """Return the locks that are held, by server id."""

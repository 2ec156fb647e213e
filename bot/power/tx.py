"""One transaction, as the workflow sees it: what can be read and written in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from bot.power import inputs, lifecycle, plan
from bot.power.causes import Wait
from bot.power.messages import messages
from bot.power.peers import Inbound, Seen, Workspace
from bot.power.records import Approval, AuditEntry, Card, Freeze, FreezeEnd, Request, Review
from bot.power.run_tx import RunTx


class Tx(RunTx, Protocol):
    """One transaction. Every method is plain and quick; nothing is visible before the commit."""

    # -- inbox
    def receive(self, inbound: Inbound) -> bool:
        """Store a payload; False when its key is there already."""

    def receive_edit(self, inbound: Inbound, message: str) -> bool:
        """Store an edit of a message that nobody has read, or whose last reading was a mistake."""

    def mark_mistaken(self, message: str, *, mistaken: bool = True) -> None:
        """Note whether the last reading of a message was a mistake, so that an edit is read."""

    def finish(self, key: str) -> None:
        """Mark a payload as dealt with, and forget its body and its response URL."""

    # -- requests
    def create(self, made: Request, *, source_key: str) -> bool:
        """Store a new request; False when `source_key` has made one already."""

    def by_source(self, source_key: str) -> Request | None:
        """Return the request that a payload with this key has made."""

    def request(self, request_id: str) -> Request | None:
        """Return a request with its approvals, locked until the end of this transaction."""

    def requests(
        self,
        *,
        states: Iterable[lifecycle.State] = (),
        requester: str = "",
        since: float = 0.0,
        ended_since: float = 0.0,
        asked: bool = False,
        limit: int | None = 100,
    ) -> list[Request]:
        """Return requests, newest first; an empty condition means any, and no limit all.

        With `ended_since` those that ended last come first. `asked` leaves out plans that nobody
        has asked for.
        """

    # -- what bears on the next request: exactly the rows that count
    def count_open(self, user_id: str) -> int:
        """Return how many requests of a person wait or run."""

    def count_asked(self, user_id: str, *, since: float) -> int:
        """Return how many requests a person has asked for since an instant."""

    def recent_servers(self, user_id: str, *, since: float) -> frozenset[str]:
        """Return the servers of a person's open requests, and what ended ones sent since then."""

    def overlapping(self, server_ids: Iterable[str], *, but: str = "") -> list[plan.Overlap]:
        """Return the requests that wait or run for some of these servers, the oldest first.

        Of very many servers only so many are told.
        """

    def show_overlapping(self, request_id: str, *, at: float) -> None:
        """Ask for the cards that tell of this request to be brought to the newest state.

        Those are of the requests for one of its servers that have not begun.
        """

    def leaving(self) -> frozenset[str]:
        """Return the servers that approved requests will turn off or reboot."""

    def last_reboots(self, *, since: float) -> dict[str, float]:
        """Return when servers were last rebooted or cycled, as far as that was since then."""

    def rebooted(
        self, server_ids: Sequence[str], *, since: float
    ) -> list[tuple[str, lifecycle.ServerState, str]]:
        """Return the reboots of these servers that happened or may have, the newest first.

        Of each the server, what became of it, and the request, whose run ended since then.
        """

    def touching(
        self, server_ids: Iterable[str], *, states: Iterable[lifecycle.State], limit: int
    ) -> list[str]:
        """Return the ids of requests that were asked for these servers, the newest first."""

    def newest(self, *, states: Iterable[lifecycle.State], limit: int) -> list[str]:
        """Return the ids of the newest requests in these states."""

    def known_servers(self, words: Sequence[str]) -> list[tuple[str, str]]:
        """Return id and name of every server that a request was for, by its id or its name then."""

    # -- plans that nobody asks for
    def forget_plan(self, request_id: str) -> None:
        """Take a plan that nobody asked for out of the store; the audit log keeps its row."""

    def forget_plans(self, *, before: float, limit: int) -> int:
        """Take plans out of the store that ended before an instant and that nobody asked for."""

    def planned_from(self, user_id: str, source: str) -> str:
        """Return the id of a person's newest plan from payloads whose key begins so, or nothing."""

    def keep_newest_plans(self, user_id: str, *, most: int, but: str) -> None:
        """Let go of a person's oldest plans that were not asked for yet, never of `but`."""

    def transition(
        self,
        request_id: str,
        before: lifecycle.State,
        after: lifecycle.State,
        *,
        at: float,
        reason: str = "",
        by: str = "",
        named: Sequence[str] = (),
        epoch: int | None = None,
        expires_at: float | None = None,
        use_by: float | None = None,
        next_at: float | None = None,
        changed_into: str | None = None,
    ) -> bool:
        """Change a request's state if it is still `before` (and the fence still `epoch`).

        `by` is the user id of the person who ends it, `named` are those in the reason. `next_at`
        is when the runner must look at it next; an end state clears it. `changed_into` is the
        plan that takes the place of this one.
        False when another change won.

        Raises:
            IllegalTransition: the table in `lifecycle` doesn't have this change.

        """

    def approve(self, request_id: str, approval: Approval) -> bool:
        """Add an approval; False when this person's is there already."""

    def withdraw_approval(self, request_id: str, user_id: str) -> None:
        """Take a person's approval away (a right was lost)."""

    def request_stop(self, request_id: str, *, user_id: str, reason: str, at: float) -> bool:
        """Note that a person wants a running request to stop; False when one has already."""

    def hush(self, request_id: str) -> None:
        """Note that the channel of a request is told nothing more about it."""

    def plan_digest(self, request_id: str) -> str:
        """Return the SHA-256 (hex) of the plan's text as it is stored at this moment."""

    def wait(self, request_id: str, waited: Wait | None) -> bool:
        """Note what a request waits for, or that it waits no more; False when that is no news."""

    def card(self, request_id: str) -> Card | None:
        """Return where a request's card stands; quicker than the whole request."""

    def set_card(self, request_id: str, card: Card) -> None:
        """Note where the card stands."""

    # -- reviews that break glass owes
    def open_review(self, review: Review) -> None:
        """Note that a request is to be reviewed; a second time changes nothing."""

    def review(self, request_id: str) -> Review | None:
        """Return the review of a request, open or closed, if it owes one."""

    def unreviewed(self, user_id: str) -> list[Review]:
        """Return the open reviews of a person's break glass, oldest first."""

    def owing(self) -> list[Request]:
        """Return ended requests that still owe a review, the earliest due first."""

    def due_reviews(self, *, now: float, limit: int) -> list[Review]:
        """Return open reviews that somebody is to be reminded of now."""

    def reminded(self, review: Review, *, next_at: float) -> bool:
        """Note a reminder (0: it was the last); False when another process was quicker."""

    def close_review(
        self,
        request_id: str,
        *,
        user_id: str,
        comment: str,
        judgement: inputs.Judgement | None = None,
        at: float,
    ) -> bool:
        """Close a review; False when somebody has closed it already."""

    # -- people who say no
    def see(self, user_id: str, *, full: bool, at: float) -> None:
        """Note what Slack says of a person: whether they are a full member."""

    def workspace(self) -> Workspace:
        """Return what the workspace was seen to be."""

    def note_workspace(self, seen: Workspace) -> None:
        """Note what the workspace is seen to be."""

    def seen(self, user_id: str) -> Seen | None:
        """Return what Slack last said of a person."""

    def acted(self, request_id: str, user_id: str, events: Sequence[str]) -> bool:
        """Whether a person has done one of these to a request."""

    def hold(self, request_id: str, user_id: str, *, verb: str, for_s: float) -> None:
        """Let no new call leave for a request (empty: any) while a person is looked up."""

    def let_go(self, request_id: str, user_id: str) -> None:
        """End what `hold` began."""

    def held_for(self, request_id: str) -> tuple[str, str]:
        """Return whose no is being looked up for a request, and its verb; empty for none."""

    # -- freezes
    def freezes(self, *, now: float) -> list[Freeze]:
        """Return the freezes that stand at this instant, the oldest first."""

    def freeze(self, made: Freeze) -> None:
        """Store a freeze; one that its holder has already is replaced."""

    def unfreeze(self, held: Freeze) -> bool:
        """Let go of exactly this freeze; False when it is gone, or is another by now."""

    def ended_freezes(self, *, now: float) -> list[Freeze]:
        """Return the freezes whose end has come and that nobody has let go of yet."""

    def end_of_freeze(self, holder: str, since: float) -> FreezeEnd | None:
        """Return what became of a freeze; None where no channel was told of its end."""

    def close_announced(self, end: FreezeEnd) -> None:
        """Ask for each announcement of a freeze to say that it is over; a second end is dropped."""

    def is_announced(self, channel_id: str, ts: str) -> bool:
        """Whether a message is known as one that `close_announced` finds."""

    # -- what Slack must be told, and what must be remembered
    def show_card(self, request_id: str, *, at: float) -> None:
        """Ask for the card to be brought to the newest state."""

    def say(
        self, request_id: str, kind: str, said: messages.Message, *, key: str, at: float
    ) -> None:
        """Queue a `reply` or `direct` message; a second one with the same key is dropped."""

    def called(self, request_id: str) -> Mapping[str, Sequence[str]]:
        """Return whom the thread of a request has called at its start, by group; mostly few.

        Whoever has lost the right since, as an approval that was taken back shows, isn't there.
        """

    def show_open_cards(self, *, at: float) -> None:
        """Ask for the cards of all open requests to be brought to the newest state."""

    def announce(self, channel_id: str, news: messages.News, *, key: str, at: float) -> None:
        """Queue a message for a channel; a second one with the same key is dropped."""

    def audit(self, entry: AuditEntry) -> tuple[int, str]:
        """Append to the hash chain; return the number and hash of the new head."""

    def audit_head(self) -> tuple[int, str]:
        """Return the newest row's number and hash."""

    def proof_rows(self, request_id: str, events: Sequence[str]) -> list[Mapping[str, Any]]:
        """Return a request's audit rows of these events, oldest first.

        `intact` says of each whether its hash covers what stands in it.
        """

    def audit_rows(
        self, *, request_id: str = "", server_id: str = "", event: str = "", limit: int = 100
    ) -> list[Mapping[str, Any]]:
        """Return audit rows, newest first; an empty condition means any."""

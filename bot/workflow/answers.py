"""What Powerbot answers to one person: facts; the words for Slack are made in `slack`.

Every answer is private to the person who asked, unless its docstring says otherwise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from bot.power import missing_access, plan, ports, request, server, server_history
from bot.power.steps import wave_parts
from bot.power.targets import search
from bot.power.text import times

# Words that people add to what they decide are bounded, and never cut to fit.
MOST_CHARACTERS = 500
# The servers of ended runs, by request, that were sent something and aren't proven.
Loose = Mapping[str, Sequence[ports.RunServer]]


@dataclasses.dataclass(frozen=True, slots=True)
class Outdated:
    """CloudDC gave nothing newer than a reading of this age.

    `why` is what it failed with; empty where it hasn't answered yet.
    """

    age_s: float  # Of the reading, when it was answered.
    why: str = ""

    @property
    def sentence(self) -> str:
        """The fact in words."""
        why = self.why or "CloudDC hasn't answered yet."
        return f"{why} This uses its list from {times.duration(self.age_s)} ago."


@dataclasses.dataclass(frozen=True, slots=True)
class Mistake:
    """What was typed can't be done: the token, what is wrong, a line to copy (or empty)."""

    problem: str
    token: str = ""  # The part of the line that is wrong, as it was typed.
    suggestion: str = ""  # A whole line to copy; empty where none is safe.


@dataclasses.dataclass(frozen=True, slots=True)
class Note:
    """One or two plain sentences; `good` is False when something was refused.

    `people` are the user ids in the text that are shown as names; `comment_on` is the request
    to which this person may add words now, `nudge_for` the one for which they may nudge.
    `over` says that the plan whose button was pressed is done with, `plan_again` which one can be
    planned once more; `ended` is the freeze whose button was pressed, and is over by now.
    """

    text: str
    good: bool = True
    people: tuple[str, ...] = ()
    comment_on: str = ""
    nudge_for: str = ""
    over: bool = False  # Its buttons are taken away.
    plan_again: str = ""
    ended: ports.FreezeEnd | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class PlanShown:
    """The plan, before anything is asked for; `request_id` is empty for a dry run.

    `shortfall` is there when the list of servers was not whole. `replaces` is the plan of which
    this one was made.
    """

    plan: plan.Plan
    request_id: str
    now: float
    shortfall: server.Shortfall | None = None
    replaces: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class CountWanted:
    """A large plan: the number of servers must be typed before the request is made.

    With `at_once` nobody is asked after that.
    """

    request_id: str
    count: int
    action: request.Action
    at_once: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class ReasonWanted:
    """A person denies, and is asked why; they may leave it open unless it is `needed`."""

    request_id: str
    needed: bool = True  # The rule's `deny_reason`.


@dataclasses.dataclass(frozen=True, slots=True)
class CommentWanted:
    """Words for one's own decision."""

    request_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class VerdictWanted:
    """A review of break glass needs words."""

    request_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class FleetShown:
    """All servers by power state; `title` says which were asked for.

    `reading` says in words what was meant where terms narrow each other, else it is empty.
    """

    title: str
    snapshot: server.Snapshot
    servers: tuple[server.Server, ...]
    now: float
    detailed: bool = False  # `list` rather than `status`.
    reading: str = ""
    freezes: tuple[ports.Freeze, ...] = ()
    outdated: Outdated | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class RequestShown:
    """One request with its servers as they are now."""

    request: ports.Request
    servers: tuple[ports.RunServer, ...]
    now: float
    freezes: tuple[ports.Freeze, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class RequestsShown:
    """Open requests, those that wait for the asker first."""

    waiting_for_me: tuple[ports.Request, ...]
    others: tuple[ports.Request, ...]
    now: float
    freezes: tuple[ports.Freeze, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class OwedShown:
    """What was taken out around waves and stands, or is owed, the oldest first."""

    parts: tuple[wave_parts.Part, ...]
    now: float


@dataclasses.dataclass(frozen=True, slots=True)
class HistoryShown:
    """Past changes of servers, newest first; `looked_at` is how many requests were searched.

    `more` says that there are older ones, which were not.
    """

    title: str
    requests: tuple[ports.Request, ...]
    looked_at: int = 0
    more: bool = False
    loose: Loose = dataclasses.field(default_factory=dict)
    outdated: Outdated | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class WhyShown:
    """One server as it is now, and what was done to it, newest first, from the audit log."""

    row: server.Server
    snapshot: server.Snapshot
    told: tuple[server_history.Deed, ...]
    now: float
    outdated: Outdated | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class HelpShown:
    """Help for one verb, or for all when `verb` is empty."""

    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class StillOut:
    """What one request still has out; `may` says whether the reader may have it put back."""

    request: ports.Request
    parts: tuple[wave_parts.Part, ...]
    may: bool = False  # Whether a button is offered; the press is judged anew.


@dataclasses.dataclass(frozen=True, slots=True)
class HomeShown:
    """What one person sees on opening the app: each request stands in the first list it fits.

    `freezes` are those that stand now, the policy's too. `missing` is what must be mended before
    it is known what else waits for them. `viewer` is who looks; `lifts_all` says whether they may
    lift the freezes of others. `out` are the first requests that have left something out, those
    that owe it before others; `more_out` says that there are more.
    """

    waiting_for_me: tuple[ports.Request, ...]
    mine: tuple[ports.Request, ...]
    running: tuple[ports.Request, ...]
    recent: tuple[ports.Request, ...]
    freezes: tuple[ports.Freeze, ...]
    now: float
    loose: Loose = dataclasses.field(default_factory=dict)
    missing: tuple[missing_access.Missing, ...] = ()
    viewer: str = ""
    lifts_all: bool = False
    out: tuple[StillOut, ...] = ()
    more_out: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class FormShown:
    """The request form; `servers` are chosen already, `notes` stand above the fields.

    `order` is the one whose action, reason and options it is filled in with, if any; `replaces`
    is the plan that was made of it.

    `channels` are those to choose from, None where `place` is one in which requests may be made.
    """

    place: request.Place
    servers: tuple[search.Offer, ...] = ()
    channels: tuple[ports.Channel, ...] | None = None
    notes: tuple[str, ...] = ()
    order: request.Order | None = None
    replaces: str = ""


Answer = (
    Mistake
    | Note
    | PlanShown
    | CountWanted
    | ReasonWanted
    | CommentWanted
    | VerdictWanted
    | FleetShown
    | RequestShown
    | RequestsShown
    | OwedShown
    | HistoryShown
    | WhyShown
    | HelpShown
    | HomeShown
    | FormShown
)


def not_kept(answer: Note, length: int) -> Note:
    """Return an answer that says too that the reason was too long, where `length` isn't 0.

    A no is never held up by its reason.
    """
    if not length:
        return answer
    return dataclasses.replace(answer, text=f"{answer.text} {limit(length)} It wasn't saved.")


def limit(length: int) -> str:
    """Say how long words may be, and how long these are."""
    return f"A reason has at most {MOST_CHARACTERS} characters; this one has {length:,}."

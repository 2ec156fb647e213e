"""Home tabs: published when somebody opens theirs, and again when the record has moved on.

Bounded: the newest 200 people who looked within a quarter of an hour are kept up to date, each
at most every three seconds and all together within Slack's pace. Who looks again is served anew.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Awaitable, Callable

import structlog

from bot.power import errors, ports, request, vocabulary
from bot.slack import api_errors
from bot.slack.outbound import sending
from bot.slack.render import home
from bot.workflow import answers

log = structlog.get_logger()

LOOK_S = 2.0  # In seconds, as all of these.
PACE_S = 3.0
WATCH_S = 900.0
NOTICE_S = 60.0  # Then what was pressed is old news.
MOST_WATCHED = 200  # People.
# "Rate limits": views.publish is tier 4, 100 a minute and more; half of it is left to openings.
MOST_A_MINUTE = 50
MINUTE_S = 60.0
# Errors after which this person's Home can't be kept up to date.
HOPELESS = frozenset({"not_enabled", "user_not_found", "missing_scope", "account_inactive"})

Overview = Callable[[request.Person], Awaitable[answers.HomeShown]]


@dataclasses.dataclass
class Watched:
    """One person's Home as it was published; `head` is the audit log's when it was read."""

    person: request.Person
    opened_at: float
    hash: str = ""
    shown: answers.HomeShown | None = None
    look: str = ""
    head: int = -1
    published_at: float = float("-inf")
    notice: answers.Note | None = None
    noticed_at: float = 0.0


class HomePublisher:
    """The Home tabs that this process has published lately."""

    def __init__(
        self,
        sender: sending.Sender,
        clock: ports.Clock,
        *,
        workspace_url: str = "",
        command: str = vocabulary.PREFIX,
    ) -> None:
        """`workspace_url` is for links, `command` the slash command's name here."""
        self._command = command
        self._sender = sender
        self._clock = clock
        self._workspace_url = workspace_url
        self._watched: collections.OrderedDict[str, Watched] = collections.OrderedDict()
        self._sent: collections.deque[float] = collections.deque()

    async def opened(
        self, person: request.Person, shown: answers.HomeShown, known_hash: str = ""
    ) -> None:
        """Publish a Home that was opened, and keep it up to date for a while."""
        one = self._watch(person)
        one.opened_at, one.notice = self._clock.monotonic(), None
        if known_hash and known_hash != one.hash:
            # Another process has published since; what is there is not what we remember.
            one.hash, one.look = known_hash, ""
        await self._publish(one, shown)

    async def told(self, person: request.Person, note: answers.Note) -> None:
        """Answer on the Home what was pressed there; a Home that isn't known shows that alone."""
        one = self._watch(person)
        one.notice, one.noticed_at = note, self._clock.monotonic()
        if one.shown is not None:
            await self._publish(one, one.shown)
        else:
            await self._send(one, home.alone(note))

    async def run(self, overview: Overview, head: Callable[[], Awaitable[int]]) -> None:
        """Keep all that are watched up to date until cancelled; `head` moves with the record."""
        while True:
            await self._clock.sleep(LOOK_S)
            try:
                await self.look(overview, head)
            except errors.PowerbotError as error:
                log.warning("home.not_read", why=type(error).__name__)

    async def look(self, overview: Overview, head: Callable[[], Awaitable[int]]) -> None:
        """Publish again what has changed, within the pace.

        Raises:
            PowerbotError: the record or the people could not be read.
        """
        self._forget_old()
        if not self._watched:
            return
        seen = await head()
        for one in list(self._watched.values()):
            if self._is_due(one, seen) and self._room():
                # Noted before it is read: what changes meanwhile is drawn at the next look.
                one.head = seen
                await self._publish(one, await overview(one.person))

    def _is_due(self, one: Watched, seen: int) -> bool:
        """Whether a Home may show something old by now, and may be published again."""
        now = self._clock.monotonic()
        ran_out = one.notice is not None and now - one.noticed_at > NOTICE_S
        if ran_out:
            one.notice = None
        return (ran_out or one.head != seen) and now - one.published_at >= PACE_S

    def _room(self) -> bool:
        """Whether another publish of this minute is left for what wasn't opened just now."""
        now = self._clock.monotonic()
        while self._sent and now - self._sent[0] >= MINUTE_S:
            self._sent.popleft()
        return len(self._sent) < MOST_A_MINUTE

    async def _publish(self, one: Watched, shown: answers.HomeShown) -> None:
        """Publish a Home unless Slack shows the same already."""
        view = home.render(shown, one.notice, self._workspace_url, self._command)
        one.shown = shown
        await self._send(one, view)

    async def _send(self, one: Watched, view: dict[str, object]) -> None:
        """Send a Home; when another process was quicker, ours goes once more, over theirs."""
        look = repr(view)
        if look == one.look and one.hash:
            return
        now = self._clock.monotonic()
        self._sent.append(now)
        one.published_at = now
        user = one.person.user_id
        try:
            try:
                one.hash = await self._sender.publish_home(user, view, one.hash)
            except api_errors.Undelivered as error:
                if error.code != "hash_conflict":
                    raise
                # What is to be shown comes from the record, so the newest reader is right.
                one.hash = await self._sender.publish_home(user, view)
        except api_errors.Undelivered as error:
            log.warning("home.not_published", why=error.code)
            # What Slack shows now isn't known, so the next look draws it anew.
            one.hash, one.look, one.head = "", "", -1
            if error.code in HOPELESS:
                self._watched.pop(user, None)
            return
        one.look = look

    def _watch(self, person: request.Person) -> Watched:
        """Return what is known of a person's Home, and let go of the one opened the longest ago."""
        one = self._watched.setdefault(person.user_id, Watched(person, self._clock.monotonic()))
        self._watched.move_to_end(person.user_id)
        while len(self._watched) > MOST_WATCHED:
            self._watched.popitem(last=False)
        return one

    def _forget_old(self) -> None:
        """Let go of Homes that nobody has opened for a while."""
        now = self._clock.monotonic()
        for user, one in list(self._watched.items()):
            if now - one.opened_at > WATCH_S:
                del self._watched[user]

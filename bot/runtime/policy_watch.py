"""The policy file as it is now: looked at every second; a bad new file keeps the old one."""

from __future__ import annotations

import pathlib

import structlog

from bot import plain_files
from bot.power import errors, ports
from bot.power.approval import policy_lint
from bot.power.policy import policy, policy_file

log = structlog.get_logger()

LOOK_S = 1.0  # Seconds between two looks, however often the policy is asked for.
# A file that was changed a moment ago may be half written; it is read once it has settled.
SETTLED_S = 0.2
# What is odd is looked for while everybody waits; a longer file is left to `powerbot policy check`.
MOST_JUDGED = 10_000  # Characters.


def text_of(path: pathlib.Path) -> str:
    """Return the text of a policy file.

    Raises:
        FileNotFoundError: there is none; what to do without one is the caller's.
        PolicyError: it can't be read, is no regular file, is far too long, or isn't UTF-8.
    """
    try:
        # Of characters that take four bytes each it is the limit.
        return plain_files.text(path, 4 * policy_file.MOST_TEXT)
    except plain_files.NotPlain as error:
        raise errors.PolicyError(f"{path.name} {error}.") from None


class PolicyFile:
    """Holds the last policy that could be read, and the problem with a newer one."""

    def __init__(self, path: pathlib.Path, clock: ports.Clock) -> None:
        """`path` need not exist: without a file nothing may be changed."""
        self._path = path
        self._clock = clock
        # The very first question reads the file.
        self._looked_at = float("-inf")
        self._text: str | None = None
        self._missing = False
        # Until a file was read nothing may be changed: no rule allows anything.
        self._policy = policy.EMPTY
        # The text of the policy in force, not that of a newer one which can't be used.
        self.text = ""
        self.problem = ""

    def __call__(self) -> policy.Policy:
        """Return the policy, read again when the file has changed."""
        if self._clock.monotonic() - self._looked_at >= LOOK_S:
            self._looked_at = self._clock.monotonic()
            self._look()
        return self._policy

    def _look(self) -> None:
        """Read the file if its text is new."""
        try:
            if self._is_being_written():
                # The next question looks again, and doesn't wait a second.
                self._looked_at = float("-inf")
                return
            text = text_of(self._path)
        except FileNotFoundError:
            self._gone()
            return
        except errors.PolicyError as error:
            self._complain(error.user_message)
            return
        self._missing = False
        if text != self._text:
            # Remembered before it is understood, so that one mistake is told once.
            self._text = text
            self._take(text)

    def _is_being_written(self) -> bool:
        """Whether the file was changed a moment ago; the first read doesn't wait."""
        try:
            age_s = self._clock.now() - self._path.stat().st_mtime
        except OSError:
            # Why it can't be read is said by whoever reads it.
            return False
        return self._text is not None and 0 <= age_s < SETTLED_S

    def _take(self, text: str) -> None:
        """Put a new text in force, if it can be used."""
        try:
            self._policy = policy_file.read(text)
        except errors.PolicyError as error:
            self._complain(error.user_message)
            return
        self.text, self.problem = text, ""
        log.info("policy.read", version=self._policy.version)
        if len(text) <= MOST_JUDGED:
            for why in policy_lint.oddities(self._policy):
                log.warning("policy.odd", why=why, file=self._path.name)

    def _gone(self) -> None:
        """Allow nothing any more once the file is really gone, at the second look in a row.

        Some editors take a file away before they put the new one in its place.
        """
        if not self._missing and self._text is not None:
            self._missing = True
            return
        if self._text != "":
            log.warning("policy.none", file=self._path.name)
        self._text, self._policy, self.text, self.problem = "", policy.EMPTY, "", ""

    def _complain(self, problem: str) -> None:
        """Keep the old policy and say what is wrong with the new file, once."""
        if problem != self.problem:
            log.error("policy.unusable", why=problem, kept=self._policy.version)
        self.problem = problem

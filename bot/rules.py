"""The policy file as it is now: looked at every second; a bad new file keeps the old one."""

from __future__ import annotations

import pathlib

import structlog

from bot.power import errors, policy, policy_file, ports

log = structlog.get_logger()

LOOK_S = 1.0


class PolicyFile:
    """Holds the last policy that could be read, and the problem with a newer one."""

    def __init__(self, path: pathlib.Path, clock: ports.Clock) -> None:
        """`path` need not exist: without a file nothing may be changed."""
        self._path = path
        self._clock = clock
        self._looked_at = float("-inf")
        self._text: str | None = None
        self._policy = policy.EMPTY
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
            text = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
        except (OSError, UnicodeDecodeError) as error:
            self._complain(f"{self._path.name} can't be read: {type(error).__name__}.")
            return
        if text == self._text:
            return
        self._text = text
        try:
            self._policy = policy_file.read(text) if text else policy.EMPTY
        except errors.PolicyError as error:
            self._complain(error.user_message)
            return
        self.problem = ""
        log.info("policy.read", version=self._policy.version)

    def _complain(self, problem: str) -> None:
        """Keep the old policy and say what is wrong with the new file, once."""
        if problem != self.problem:
            log.error("policy.unusable", why=problem, kept=self._policy.version)
        self.problem = problem

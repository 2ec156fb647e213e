"""Secrets are taken out here, once, before any log line leaves.

Nothing should put a secret into a log event; this is the net below that rule. It knows the
process's own secrets by their values, and those of others by their look.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping
from typing import Any

STARS = "***"
# Slack's token prefixes, its sockets, and CloudDC's signature and token headers.
SECRETS = (
    re.compile(r"xox[a-z]-[A-Za-z0-9-]+|xapp-[A-Za-z0-9-]+|xoxe\.[A-Za-z0-9.-]+"),
    re.compile(r"wss?://[^\s\"']+"),
    re.compile(r"(?<=Signature=)[0-9a-f]{16,}|(?<=Access=)[A-Za-z0-9]+"),
    re.compile(r"(?i)(?<=token=)[^&\s\"']+"),
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
)
# An address is read to its end before it is judged: to look for "/respond/" from each of its
# letters would take quadratic time.
ADDRESS = re.compile(r"https?://[^\s\"']+")
RESPONSE_URLS = ("://hooks.slack.com/", "/respond/")
SECRET_KEYS = re.compile(
    r"(?i)token|secret|password|authorization|signature|response_url|access_key"
)
# A shorter value would take innocent words with it.
SHORTEST_SECRET = 6


class Redactor:
    """Takes secrets out of log events, and out of the lines that are made of them."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """`secrets` are the values of this process's own tokens and keys."""
        self._known: set[str] = set()
        self._own: re.Pattern[str] | None = None
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Take these out from now on, too; one that has been exchanged is still a secret."""
        new = {one for one in secrets if len(one) >= SHORTEST_SECRET}
        if new <= self._known:
            return
        self._known |= new
        own = sorted(self._known, key=len, reverse=True)
        self._own = re.compile("|".join(map(re.escape, own))) if own else None

    def redact(self, text: str) -> str:
        """Return the text with everything that is a secret, or looks like one, replaced."""
        if self._own is not None:
            text = self._own.sub(STARS, text)
        if "://" in text:
            text = ADDRESS.sub(_without_response_url, text)
        for pattern in SECRETS:
            text = pattern.sub(STARS, text)
        return text

    def event(self, _: object, __: str, event: MutableMapping[str, Any]) -> Any:
        """Take out of an event what stands under a secret's name."""
        return _without_named(event)

    def line(self, _: object, __: str, line: Any) -> str:
        """Take out of a finished line what looks like a secret, wherever in the event it stood."""
        return self.redact(str(line))


def _without_response_url(found: re.Match[str]) -> str:
    """Return an address, or stars for one by which anybody could answer in Slack."""
    address = found[0]
    return STARS if any(part in address for part in RESPONSE_URLS) else address


def _without_named(value: Any) -> Any:
    """Return a value with stars under every key that names a secret, at any depth."""
    if isinstance(value, MutableMapping):
        for key, inner in value.items():
            named = isinstance(key, str) and SECRET_KEYS.search(key) and inner
            value[key] = STARS if named else _without_named(inner)
    elif isinstance(value, list):
        value[:] = [_without_named(inner) for inner in value]
    return value

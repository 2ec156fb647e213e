"""Secrets are taken out here, once, before any log line leaves.

Nothing should put a secret into a log event; this is the net below that rule.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any

STARS = "***"
# Slack's token prefixes, its response URLs, and CloudDC's signature and token headers.
SECRETS = (
    re.compile(r"xox[a-z]-[A-Za-z0-9-]+|xapp-[A-Za-z0-9-]+|xoxe\.[A-Za-z0-9.-]+"),
    re.compile(r"https?://hooks\.slack\.com/\S+|https?://\S+/respond/\S+"),
    re.compile(r"(?<=Signature=)[0-9a-f]{16,}|(?<=Access=)[A-Za-z0-9]+"),
    re.compile(r"(?i)(?<=token=)[^&\s\"']+"),
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
)
SECRET_KEYS = re.compile(
    r"(?i)token|secret|password|authorization|signature|response_url|access_key"
)


def redact(text: str) -> str:
    """Return the text with everything that looks like a secret replaced by stars."""
    for pattern in SECRETS:
        text = pattern.sub(STARS, text)
    return text


def processor(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Redact one structlog event: values by their key, and every text by its look."""
    for key, value in event.items():
        if SECRET_KEYS.search(key) and value:
            event[key] = STARS
        elif isinstance(value, str):
            event[key] = redact(value)
    return event

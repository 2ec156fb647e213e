"""The headings of the runbook (`.github/OPERATING.md`) that alerts link to."""

from __future__ import annotations

import re

PAGE = ".github/OPERATING.md"
_LEFT_OUT = re.compile(r"[^\w\- ]")


def anchor(heading: str) -> str:
    """Return a heading's anchor as GitHub makes it."""
    return _LEFT_OUT.sub("", heading.lower()).replace(" ", "-")


def url(heading: str, page: str = PAGE) -> str:
    """Return the address of a heading; `page` is the address of OPERATING.md."""
    return f"{page}#{anchor(heading)}"

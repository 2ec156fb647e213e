"""Where an answer may be sent: the addresses in a payload are Slack's, or aren't used."""

from __future__ import annotations

import re
import urllib.parse

# Response URLs are on these hosts ("Handling user interaction", and GovSlack's own page). Only
# characters that every reader of addresses reads alike may stand in one.
SLACKS = re.compile(r"https://hooks\.slack(?:-gov)?\.com/[A-Za-z0-9/_.~%-]+")
PATH = re.compile(r"/[A-Za-z0-9/_.~%-]+")


def is_slacks(url: str, api_url: str) -> bool:
    """Whether a response URL is Slack's, or on the very host and port that Slack's API is on."""
    if SLACKS.fullmatch(url):
        return True
    base = urllib.parse.urlsplit(api_url)
    front = f"{base.scheme}://{base.netloc}"
    return url.startswith(front) and PATH.fullmatch(url[len(front) :]) is not None

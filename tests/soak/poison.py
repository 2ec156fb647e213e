"""A replica that dies whenever it deals with a shortcut, as if that broke its interpreter."""

from __future__ import annotations

from collections.abc import Mapping

from tests.soak import replica

DEADLY = "slack.begun:shortcut"


def main(environment: Mapping[str, str], log: str, factor: float, *_doom: str) -> None:
    """Run the real bot until a shortcut comes."""
    replica.main(environment, log, factor, DEADLY, "1")

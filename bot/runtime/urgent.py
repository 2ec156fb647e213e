"""A no is urgent: what a task does for it overtakes what waits for the record."""

from __future__ import annotations

import contextvars

_urgent: contextvars.ContextVar[bool] = contextvars.ContextVar("urgent", default=False)


def mark() -> None:
    """Make this task urgent, with whatever it does from now on."""
    _urgent.set(True)


def is_marked() -> bool:
    """Whether this task is urgent."""
    return _urgent.get()

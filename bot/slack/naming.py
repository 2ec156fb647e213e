"""Names of servers as people read them: folded, cut, and set so that they format nothing."""

from __future__ import annotations

from collections.abc import Iterable

from bot.power import folding, request
from bot.slack import text

# A folded list in a message; the whole list is one press of Details away.
LIST_CHARS = 700
# Room for "and 9999 more" behind a list that was cut.
MORE_CHARS = 20


def folded(names: Iterable[str], limit: int = LIST_CHARS) -> str:
    """Return names folded and safe for mrkdwn."""
    return text.plain(folding.fold(names, limit), limit + MORE_CHARS)


def folded_literal(names: Iterable[str], limit: int = LIST_CHARS) -> str:
    """Return names folded and safe for plain_text."""
    return text.literal(folding.fold(names, limit), limit + MORE_CHARS)


def target_names(order: request.Order) -> list[str]:
    """Return the names of a request's servers, in the plan's order."""
    return [target.name for target in order.targets]

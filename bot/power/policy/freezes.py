"""Freezes in words: who holds everything back, why, since when and until when."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence

from bot.power.policy import policy
from bot.power.records import Freeze, FreezeEnd, Request

# Freezes that a sentence names, and characters of each reason; the others are counted.
MOST_TOLD = 3
REASON_CHARS = 150
POLICY = "the policy"
OVER = "That freeze is already over."
NONE_STANDS = "There is no freeze to lift."


def instant(epoch_s: float) -> str:
    """Return an instant as every sentence writes it: `2026-11-29 04:00 UTC`."""
    at = datetime.datetime.fromtimestamp(epoch_s, datetime.UTC)
    return f"{at:%Y-%m-%d %H:%M} UTC"


def told(standing: Sequence[Freeze]) -> str:
    """Return who froze, like `U0SAM (cooling) since ..., until ...`; several one after another."""
    shown = [_one(freeze) for freeze in standing[:MOST_TOLD]]
    more = len(standing) - MOST_TOLD
    return "; and by ".join(shown) + (f"; and {more} more" if more > 0 else "")


def _one(freeze: Freeze) -> str:
    """Return one freeze."""
    short = len(freeze.reason) <= REASON_CHARS
    reason = freeze.reason if short else f"{freeze.reason[: REASON_CHARS - 1]}…"
    until = f", until {instant(freeze.until)}" if freeze.until else ""
    return f"{freeze.holder or POLICY} ({reason}) since {instant(freeze.since)}{until}"


def refusal(standing: Sequence[Freeze]) -> str:
    """Return why nothing may be asked for now."""
    over = "when it is over" if len(standing) == 1 else "when all are over"
    return f"Everything is frozen by {told(standing)}; ask again {over}."


def is_over(end: FreezeEnd) -> str:
    """Return who has lifted a freeze, nobody where it has ended by itself, and when."""
    told = f"was lifted by {end.by}" if end.by else "ended by itself"
    return f"That freeze {told} at {instant(end.at)}."


def is_lifted(left: Sequence[Freeze], *, own: bool = True) -> str:
    """Return the answer to somebody who has lifted a freeze, their `own` or another's."""
    if not left:
        return "The freeze is over."
    which = "Your freeze" if own else "That freeze"
    return f"{which} is lifted, but everything stays frozen by {told(left)}."


def not_yours(left: Sequence[Freeze]) -> str:
    """Return the answer to somebody who lifts a freeze and has none."""
    if not left:
        return NONE_STANDS
    whose = f"You have no freeze of your own. Everything is frozen by {told(left)}."
    return f"{whose} unfreeze all lifts every freeze."


def holding(standing: Sequence[Freeze]) -> str:
    """Return what holds a request back."""
    return f"held by freeze of {told(standing)}"


def of_policy(rules: policy.Policy, now: float) -> tuple[Freeze, ...]:
    """Return the freezes of the policy file that stand now, whichever actions they are for."""
    return tuple(
        _written(one)
        for one in rules.freezes
        if one.starts.timestamp() <= now < one.ends.timestamp()
    )


def over(rules: policy.Policy, found: Request, now: float) -> tuple[Freeze, ...]:
    """Return the freezes of the policy file that hold this request back now."""
    passed = found.plan.terms.overrides
    return tuple(
        _written(one)
        for one in rules.freezes
        if one.holds(found.order.action, now) and one.name not in passed
    )


def _written(one: policy.FreezeWindow) -> Freeze:
    """Return a freeze of the policy file like one of a person."""
    return Freeze("", one.name, one.starts.timestamp(), one.ends.timestamp())


def key(freeze: Freeze) -> str:
    """Return what tells a freeze from a later one of the same holder; a new end doesn't."""
    # The button of an announcement carries it, and must not lift what came later.
    return f"{freeze.since!r} {freeze.holder}"


def of_key(wanted: str) -> tuple[str, float] | None:
    """Return the holder of a freeze and since when it stands, of its key; None for another text."""
    since, _, holder = wanted.partition(" ")
    try:
        return holder, float(since)
    except ValueError:
        return None


def holders(standing: Iterable[Freeze]) -> tuple[str, ...]:
    """Return whom the sentences above name, for those who show names instead of ids."""
    return tuple(freeze.holder for freeze in standing if freeze.holder)

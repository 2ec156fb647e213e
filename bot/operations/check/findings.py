"""What `powerbot check` says: one finding for each check, each failure with its fix."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Sequence

from bot.power.text import spelling


class Code(enum.StrEnum):
    """What a bad finding is, where something else depends on it."""

    OTHER = ""  # Nothing hangs on it.
    WRONG_TOKEN = "wrong token"  # noqa: S105 -- the word for a finding, no secret.
    UNKNOWN = "unknown here"  # Slack knows no such id here.
    ELSEWHERE = "policy of another workspace"  # It knows none of them.


@dataclasses.dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check: whether it is good, and if not, how to fix it."""

    about: str
    good: bool
    says: str
    mend: str = ""
    code: Code = Code.OTHER


def good(about: str, says: str) -> CheckResult:
    """Return that something is as it should be."""
    return CheckResult(about, True, says)


def bad(about: str, says: str, mend: str, code: Code = Code.OTHER) -> CheckResult:
    """Return that something is wrong; `mend` says what to do, as one sentence."""
    return CheckResult(about, False, says, mend, code)


def as_text(findings: Sequence[CheckResult]) -> str:
    """Return one line for each finding."""
    return "\n".join(_line(one) for one in findings)


def _line(one: CheckResult) -> str:
    """Return a finding as a line."""
    mend = f" Fix: {one.mend}" if one.mend else ""
    # It may name people, channels and servers as others have called them.
    told = spelling.seen(f"{one.about}: {one.says}{mend}")
    # One width for both words, so that the lines are read down.
    return f"{'ok  ' if one.good else 'FAIL'} {told}"


def as_json(findings: Sequence[CheckResult]) -> str:
    """Return the findings as JSON."""
    all_good = all(one.good for one in findings)
    return json.dumps({"ok": all_good, "findings": [dataclasses.asdict(one) for one in findings]})

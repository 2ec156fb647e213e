"""The kinds of steps: which keys each has in the policy file, and the words for what it does.

The four that a policy may always name stand here; the file of a further kind brings its own.
"""

from __future__ import annotations

import dataclasses

SILENCE, DRAIN, WEBHOOK, PROBE = "silence", "drain", "webhook", "probe"
# Every kind has these keys.
COMMON = ("name", "kind", "must", "within")


@dataclasses.dataclass(frozen=True, slots=True)
class StepKind:
    """A kind of step: its keys, defaults and words.

    `needs` and `may` are keys of the policy file beside the common ones; of `one_of` exactly one
    is set. `takes_out` says that something stands outside until it is put back; a kind that takes
    nothing out only looks. `most` is how many servers one part of it has at once, 0 for any
    number. `doing`, `done`, `unsure` and `undoing` are what people read: "draining", "drained",
    "drain not confirmed", "uncordoning"; `{step}` stands for the step's name. `means` explains it
    to somebody who has never seen it.
    """

    name: str
    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    within_s: float = 120.0  # Where the policy doesn't say.
    takes_out: bool = True
    lengthens: bool = False  # Whether it ends outside by itself, and can be put off.
    most: int = 0
    doing: str = ""
    done: str = ""
    unsure: str = ""
    undoing: str = ""
    means: str = ""


# Filled at import by the four below, and by the files of further kinds.
_KNOWN: dict[str, StepKind] = {}


def add(kind: StepKind) -> StepKind:
    """Make a kind known; the same name again replaces it."""
    _KNOWN[kind.name] = kind
    return kind


def forget(name: str) -> None:
    """Unregister a kind; nothing happens where there is none of this name."""
    _KNOWN.pop(name, None)


def known() -> tuple[str, ...]:
    """Return the names of all kinds, in the order in which they were made known."""
    return tuple(_KNOWN)


def named(name: str) -> StepKind:
    """Return the kind of this name.

    Raises:
        LookupError: there is none of this name.
    """
    return _KNOWN[name]


add(
    StepKind(
        SILENCE,
        needs=("url", "match", "lasts"),
        may=("auth", "ca"),
        within_s=30.0,
        lengthens=True,
        most=200,  # Servers of one silence; their names form one regular expression.
        doing="silencing",
        done="silenced",
        unsure="silence not confirmed",
        undoing="ending the silence of",
        means="silences the alerts of these servers",
    )
)
add(
    StepKind(
        DRAIN,
        needs=("node",),
        may=("url", "auth", "ca"),
        # Pods take their grace periods, and budgets let few go at a time.
        within_s=600.0,
        doing="draining",
        done="drained",
        unsure="drain not confirmed",
        undoing="uncordoning",
        means="moves the pods off these nodes and keeps new ones away",
    )
)
add(
    StepKind(
        WEBHOOK,
        needs=("url", "secret"),
        may=("auth", "ca"),
        within_s=120.0,
        doing="telling {step} about",
        done="told {step}",
        unsure="telling {step} not confirmed",
        undoing="telling {step} about the return of",
        means="tells another system, which can refuse",
    )
)
add(
    StepKind(
        PROBE,
        may=("url", "auth", "ca", "when", "settle", "every"),
        one_of=("http", "tcp", "promql"),
        within_s=300.0,
        takes_out=False,
        doing="waiting for {step}:",
        done="{step}",
        means="waits until the service answers",
    )
)

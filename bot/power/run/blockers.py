"""What keeps the calls of a run from leaving, each by its kind; the words are for people alone."""

from __future__ import annotations

import dataclasses
import enum

from bot.power import ports


class BlockerKind(enum.StrEnum):
    """What is against another call."""

    # These pass by themselves, and the run waits for that.
    FREEZE = "freeze"
    POLICY_FREEZE = "freeze of the policy"
    RIGHT_LOOKED_UP = "right looked up"  # Somebody's no waits for Slack to say who they are.
    CLOUD = "CloudDC away"  # Can't be read, or refuses the credentials.
    SLACK = "Slack away"  # Can't say whether the approvals still stand.
    # This holds single servers back, until there is room in their racks.
    RACKS_FULL = "racks full"
    # These end a run.
    ENDED = "ended"  # No longer running, by another process or a restored backup.
    STOPPED = "stopped"  # By a person.
    LOCKS_GONE = "locks gone"  # Another request has the servers now.
    FAILURES = "failure limit"
    LOST = "lost"  # What was granted doesn't stand any more.
    POLICY = "policy"  # An edit of it wants more than was given.
    CHANGED = "server changed"  # With `on_change = "stop"` alone.


PASSING = frozenset(
    {
        BlockerKind.FREEZE,
        BlockerKind.POLICY_FREEZE,
        BlockerKind.RIGHT_LOOKED_UP,
        BlockerKind.CLOUD,
        BlockerKind.SLACK,
    }
)


@dataclasses.dataclass(frozen=True, slots=True)
class Blocker:
    """Why no call may leave; a run that is barred for good is halted by it.

    `freezes` are those of people, where they are what bars it. `of` tells it from others of its
    kind: the name of a freeze of the policy, or whose right is looked up.
    `full` are the servers of a call that must wait, since enough of their racks are coming on.
    """

    kind: BlockerKind
    reason: str
    freezes: tuple[ports.Freeze, ...] = ()
    full: frozenset[str] = frozenset()
    of: str = ""

    @property
    def code(self) -> str:
        """What tells it from every other bar of a run, whatever its words are."""
        # By when it began: the same holder's next freeze is another one, and is told.
        held = sorted(f"{one.holder}@{one.since:.3f}" for one in self.freezes)
        return ":".join(part for part in (self.kind.name.lower(), self.of, *held) if part)

    @property
    def passes(self) -> bool:
        """Whether it may end by itself, so that it is worth waiting for."""
        return self.kind in PASSING

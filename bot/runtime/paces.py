"""How often a process looks, and how long its silence is borne before another takes over.

One factor makes all of it faster: a test run of hours then fits into minutes, while every wait
keeps its proportion to the others.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Paces:
    """The process's own waits, in seconds; those of CloudDC and of cards are settings.

    `lease_s`: a process that is silent for this long has lost what it held, and any other goes
    on with it at its next look. `renew_s`: how often a lease is prolonged. `leave_s`: a power call
    leaves within this part of its lease, or not at all. `look_s`: how often
    requests and messages that are due are looked for when nobody wakes the loop. `sweep_s`: how
    often payloads of dead processes are looked for. `stop_s`: a stop takes no longer than this;
    platforms kill after 30 s. `posts_per_s`: what Slack takes in one channel ("Rate limits").
    """

    lease_s: float = 30.0
    renew_s: float = 10.0
    leave_s: float = 10.0
    look_s: float = 1.0
    sweep_s: float = 5.0
    stop_s: float = 25.0
    posts_per_s: float = 1.0

    def faster(self, factor: float) -> Paces:
        """Return the same waits, each divided by a factor; the stop keeps its time."""
        return Paces(
            lease_s=self.lease_s / factor,
            renew_s=self.renew_s / factor,
            leave_s=self.leave_s / factor,
            look_s=max(0.05, self.look_s / factor),
            sweep_s=self.sweep_s / factor,
            stop_s=self.stop_s,
            posts_per_s=self.posts_per_s * factor,
        )


USUAL = Paces()

"""One replica whose steps around waves are in as much of a hurry as the rest of it."""

from __future__ import annotations

from collections.abc import Mapping

from bot.execution.steps import extend, parts_back, still_out, tries
from bot.power.run import step_ledger
from tests.soak import replica

# What is scaled beside the process's own paces: (module, names of its waits in seconds).
SCALED = (
    (still_out, ("OURS_S", "RENEW_S", "TAKE_S")),
    (parts_back, ("OURS_S",)),
    (extend, ("AGAIN_S",)),
    (step_ledger, ("RETRY_S", "FIRST_RETRY_S")),
    (tries, ("TRY_S", "LEAST_TRY_S", "PATIENCE_S", "WAIT_S", "MOST_WAIT_S")),
)


def main(environment: Mapping[str, str], log: str, factor: float, *doom: str) -> None:
    """Run it; see `replica.main`."""
    for module, names in SCALED:
        for name in names:
            setattr(module, name, getattr(module, name) / factor)
    replica.main(environment, log, factor, *doom)

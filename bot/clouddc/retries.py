"""Which reads of CloudDC are tried again, how often, and after how long; a power call never is.

Only reads are retried: when nothing left, when CloudDC asked for fewer calls, and when the answer
was lost, unreadable or the service's own failure. A power call is never sent twice here: whoever
ordered it learns by the kind of error whether anything left (`errors`), and checks the servers
before anything else.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.power import errors, ports

T = TypeVar("T")

WORTH_ANOTHER_TRY = (errors.NotSent, errors.Throttled, errors.OutcomeUnknown)
READ_TRIES = 4
FIRST_DELAY_S = 0.5  # Doubled with each try, and spread by half either way.
# A read gives up when it is asked to wait longer than this.
LONGEST_DELAY_S = 10.0


async def persist(
    read: Callable[[], Awaitable[T]], *, clock: ports.Clock, jitter: random.Random
) -> T:
    """Try a read up to four times, ever more slowly.

    Raises:
        CloudError: the last try's error, or one that no other try would mend.
    """
    for tried in range(1, READ_TRIES):
        try:
            return await read()
        except WORTH_ANOTHER_TRY as error:
            await clock.sleep(delay_s(error, tried, jitter))
    # The last try's error goes to whoever asked, as it is.
    return await read()


def delay_s(error: errors.CloudError, tried: int, jitter: random.Random) -> float:
    """Return how long to wait after a failed try, or raise its error when that is too long."""
    hint_s = error.retry_after_s or 0.0
    if hint_s > LONGEST_DELAY_S:
        raise error
    backed_off_s = FIRST_DELAY_S * 2.0 ** (tried - 1) * jitter.uniform(0.5, 1.5)
    return max(hint_s, backed_off_s)

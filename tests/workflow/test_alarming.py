"""A plan waits a moment for its alarms, and says what it could not learn."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence

from bot.power import errors, ports
from bot.power.plan import Unheard
from bot.workflow.sources import alarm_lookup
from tests.support import ticks

ALARM = ports.Alarm("id-1", "Fan speed low", 3)


@dataclasses.dataclass
class Source:
    """Answers as it was told, and counts."""

    says: ports.Alarms | Exception
    asked: int = 0

    async def alarms(self, server_ids: Sequence[str]) -> ports.Alarms:
        """Answer, fail, or take for ever."""
        self.asked += 1
        if isinstance(self.says, TimeoutError):
            await asyncio.Event().wait()
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def hearing(source: Source | None) -> tuple[alarm_lookup.AlarmLookup, ticks.GivenClock]:
    """Return what asks the source, and its clock."""
    clock = ticks.GivenClock()
    return alarm_lookup.AlarmLookup(source, clock, patience_s=0.01), clock


async def test_alarms_that_stand_are_heard() -> None:
    """Nothing more is said."""
    listening, _ = hearing(Source(ports.Alarms((ALARM,))))

    assert await listening.hear(["id-1"]) == alarm_lookup.Heard((ALARM,))


async def test_a_list_that_was_cut_is_said_to_be() -> None:
    """Nobody takes silence for health."""
    listening, _ = hearing(Source(ports.Alarms((ALARM,), complete=False)))

    assert (await listening.hear(["id-1"])).unheard is Unheard.NOT_ALL


async def test_alarms_that_can_not_be_read_are_said_to_be_missing() -> None:
    """An error or no answer in time, and the plan goes on."""
    for error in (errors.CloudError("no"), errors.NotSent("no"), TimeoutError()):
        listening, _ = hearing(Source(error))
        assert await listening.hear(["id-1"]) == alarm_lookup.Heard(unheard=Unheard.NOT_READ)


async def test_credentials_that_may_not_read_alarms_are_left_in_peace_for_a_while() -> None:
    """One refusal in ten minutes is enough for everybody."""
    source = Source(errors.Refused("no", status=403))
    listening, clock = hearing(source)

    notes = [(await listening.hear(["id-1"])).unheard for _ in range(3)]
    asked = source.asked
    await clock.pass_s(alarm_lookup.QUIET_S)
    await listening.hear(["id-1"])

    assert set(notes) == {Unheard.NOT_ALLOWED}
    assert (asked, source.asked) == (1, 2)


async def test_a_single_refused_signature_is_not_told_as_a_missing_right() -> None:
    """The next plan asks again; only a second refusal in a row is left in peace."""
    source = Source(errors.Refused("no", status=401))
    listening, _ = hearing(source)
    first = (await listening.hear(["id-1"])).unheard
    source.says = ports.Alarms((ALARM,))
    heard = await listening.hear(["id-1"])
    source.says = errors.Refused("no", status=401)
    again = [(await listening.hear(["id-1"])).unheard for _ in range(3)]

    assert first is Unheard.NOT_READ
    assert heard == alarm_lookup.Heard((ALARM,))
    assert again == [Unheard.NOT_READ, Unheard.NOT_ALLOWED, Unheard.NOT_ALLOWED]
    assert source.asked == 4


async def test_nobody_is_asked_about_nothing() -> None:
    """Without servers or without a source there is no call."""
    source = Source(ports.Alarms())

    assert await hearing(source)[0].hear([]) == alarm_lookup.Heard()
    assert await hearing(None)[0].hear(["id-1"]) == alarm_lookup.Heard()
    assert source.asked == 0

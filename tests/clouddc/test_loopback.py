"""The client against the simulated data centre, over real connections."""

from __future__ import annotations

import contextlib
import datetime
import random
import time
from collections.abc import AsyncIterator

import pytest

from bot.clouddc import auth, client, exchange, inventory, poller, throttle
from bot.power import errors, server
from bot.power.ports import Method
from bot.sandbox import data_centre
from bot.sandbox.data_centre import CallFault, CallFaultKind, CallKind, DataCentre, serve
from bot.sandbox.data_centre.api.reading import Listing
from tests.support import ticks

ACCOUNT = data_centre.Account()


class Site:
    """A data centre that listens, and a client of it."""

    def __init__(self, centre: DataCentre, cloud: client.CloudDC, clock: ticks.GivenClock) -> None:
        self.centre = centre
        self.cloud = cloud
        stock = inventory.Inventory(cloud, clock)
        self.power = poller.CloudPower(cloud, stock, poller.Poller(cloud, stock, clock))

    def ids(self, *names: str) -> list[str]:
        """The ids of servers by name."""
        return [self.centre.machine(name).server.id for name in names]


@contextlib.asynccontextmanager
async def site(
    *, servers: int = 20, token: bool = False, sk: str = ACCOUNT.sk, by_url: bool = False
) -> AsyncIterator[Site]:
    """Run a data centre on loopback, with a client that signs or fetches tokens."""
    centre = DataCentre(
        data_centre.build(servers),
        clock=time.monotonic,
        wall=lambda: datetime.datetime.now(datetime.UTC),
        account=ACCOUNT,
        switches=data_centre.Switches(marker_as_url=by_url, dangerous_empty=True),
    )
    running, clock = await serve.start(centre), ticks.GivenClock(time.time())
    user = auth.IamUser(ACCOUNT.user, ACCOUNT.password, ACCOUNT.domain, ACCOUNT.project_id)
    async with exchange.open_http(trust_env=False) as http:
        iam = auth.IamAuth(http, running.url, user, clock=clock)
        signer = auth.SignedAuth(ACCOUNT.ak, sk, ACCOUNT.project_id, clock=clock)
        cloud = client.CloudDC(
            http,
            client.Access(running.url, ACCOUNT.project_id, iam if token else signer),
            bucket=throttle.Bucket(1000.0, clock),
            clock=clock,
            jitter=random.Random(1),
        )
        yield Site(centre, cloud, clock)
    await running.stop()


@pytest.mark.parametrize("token", [False, True], ids=["signed", "token"])
async def test_client_lists_switches_and_sees_servers(token: bool) -> None:
    """Both ways to authenticate work through all calls."""
    async with site(token=token) as place:
        snapshot = await place.power.snapshot(not_before=0.0)
        ids = place.ids("web01", "web02")
        taken = await place.power.switch(Method.REBOOT, ids, "attempt-1")
        seen = await place.power.sighting(ids, not_before=0.0)
        shown = await place.cloud.show(ids[0])
        counts = await place.cloud.status()

        assert len(snapshot.servers) == counts.health["total"] == 20
        assert taken.server_ids == frozenset(ids) <= frozenset(seen.servers)
        assert shown.operation_state == "reboot-processing"
        assert place.centre.reboots_received("web01") == 1


@pytest.mark.parametrize("by_url", [False, True], ids=["id", "url"])
async def test_client_reads_a_list_of_several_pages(by_url: bool) -> None:
    """Markers of both kinds are followed and signed."""
    async with site(servers=2100, by_url=by_url) as place:
        snapshot = await place.power.snapshot(not_before=0.0)

        assert len(snapshot.servers) == 2100
        assert place.centre.counts()[data_centre.Operation.LIST] == 3


@pytest.mark.parametrize(
    ("kind", "applied", "expected"),
    [
        (CallFaultKind.THROTTLED_JSON, False, errors.Throttled),
        (CallFaultKind.THROTTLED_GATEWAY, False, errors.Throttled),
        (CallFaultKind.THROTTLED_STRING, False, errors.Throttled),
        (CallFaultKind.THROTTLED_TEXT, False, errors.Throttled),
        (CallFaultKind.FORBIDDEN, False, errors.Refused),
        (CallFaultKind.INTERNAL_ERROR, True, errors.OutcomeUnknown),
        (CallFaultKind.INTERNAL_ERROR, False, errors.OutcomeUnknown),
        (CallFaultKind.BAD_GATEWAY, True, errors.OutcomeUnknown),
        (CallFaultKind.REDIRECT, False, errors.OutcomeUnknown),
        (CallFaultKind.DROP_BEFORE, False, errors.OutcomeUnknown),
        (CallFaultKind.DROP_AFTER, True, errors.OutcomeUnknown),
        (CallFaultKind.GARBAGE, True, errors.OutcomeUnknown),
    ],
)
async def test_reboot_is_sent_once_whatever_goes_wrong(
    kind: CallFaultKind, applied: bool, expected: type[errors.CloudError]
) -> None:
    """One request arrives for one call, over kept connections too, and the error is honest."""
    async with site() as place:
        await place.power.snapshot(not_before=0.0)
        place.centre.call_faults.queue(CallFault(kind, CallKind.POWER, applied=applied))

        with pytest.raises(errors.CloudError) as caught:
            await place.cloud.switch(Method.REBOOT, place.ids("web01"), "attempt-1")

        assert type(caught.value) is expected
        assert len(place.centre.power_calls()) == 1
        assert place.centre.reboots_received("web01") == int(applied)


@pytest.mark.parametrize("kind", [CallFaultKind.REF_IDS, CallFaultKind.MISSING_IDS])
async def test_answer_that_hides_ids_is_counted(kind: CallFaultKind) -> None:
    """References are counted as unidentified, missing ids are missing."""
    async with site() as place:
        place.centre.queue_fault(kind, CallKind.POWER)

        taken = await place.cloud.switch(Method.ON, place.ids("web01", "web02"), "attempt-1")

        hidden = kind is CallFaultKind.REF_IDS
        assert (len(taken.server_ids), taken.unidentified) == ((0, 2) if hidden else (1, 0))


async def test_refusal_names_the_servers_that_are_meant() -> None:
    """Ids that don't exist, and servers that aren't ready, are named one by one."""
    async with site() as place:
        stranger = "01939592-e8fe-7d9b-9332-4589486377a4"
        place.centre.change_server("web02", frozen_state=1)

        with pytest.raises(errors.UnknownServers) as unknown:
            await place.cloud.switch(Method.ON, [*place.ids("web01"), stranger], "attempt-1")
        with pytest.raises(errors.NotReady) as unready:
            await place.cloud.switch(Method.ON, place.ids("web01", "web02"), "attempt-2")

        assert unknown.value.server_ids == (stranger,)
        assert unready.value.server_ids == tuple(place.ids("web02"))


async def test_forgotten_token_is_fetched_anew_and_the_reboot_arrives_once() -> None:
    """The first request is refused before acting, the second acts."""
    async with site(token=True) as place:
        await place.power.snapshot(not_before=0.0)
        place.centre.invalidate_tokens()

        await place.cloud.switch(Method.REBOOT, place.ids("web01"), "attempt-1")

        assert [call.status for call in place.centre.power_calls()] == [401, 200]
        assert place.centre.reboots_received("web01") == 1


async def test_wrong_secret_key_never_locks_the_key() -> None:
    """Two bad signatures arrive, and what the gateway echoes of them goes nowhere."""
    async with site(sk="wrong") as place:
        for _ in range(20):
            with pytest.raises(errors.Unauthorized) as caught:
                await place.cloud.list_page()
            assert "canonical" not in caught.value.user_message.lower()

        assert place.centre.counts()[data_centre.Operation.LIST] == 2


async def test_a_reboot_whose_first_try_was_refused_happens_once() -> None:
    """A single 401 is asked again; the data centre reboots the server once."""
    async with site() as place:
        await place.power.snapshot(not_before=0.0)
        place.centre.queue_fault(CallFaultKind.UNAUTHORIZED, CallKind.POWER)

        await place.cloud.switch(Method.REBOOT, place.ids("web01"), "attempt-1")

        assert place.centre.reboots_received("web01") == 1


async def test_reads_come_through_a_bad_moment() -> None:
    """A list whose first tries fail is read in the end."""
    async with site() as place:
        for kind in (CallFaultKind.DROP_BEFORE, CallFaultKind.BAD_GATEWAY, CallFaultKind.GARBAGE):
            place.centre.queue_fault(kind, CallKind.LIST)

        assert len((await place.power.snapshot(not_before=0.0)).servers) == 20


@pytest.mark.parametrize("listing", list(Listing))
async def test_sweep_knows_whether_it_has_the_whole_project(listing: Listing) -> None:
    """However the service serves its list, the sweep is whole or says how many are missing."""
    async with site(servers=35) as found:
        found.centre.switches.listing = listing

        snapshot = await found.power.snapshot(not_before=0.0)

    lossy = listing is Listing.LOSSY
    assert len(snapshot.servers) == (32 if lossy else 35)
    assert snapshot.shortfall == (server.Shortfall(32, 35) if lossy else None)


async def test_poll_asks_for_a_server_that_the_list_leaves_out() -> None:
    """A server that a short list doesn't show isn't gone: its own record is read."""
    async with site(servers=35) as found:
        await found.power.snapshot(not_before=0.0)
        found.centre.switches.listing = Listing.LOSSY
        left_out = found.centre.inventory.machines[9].server.id
        others = [one.server.id for one in found.centre.inventory.machines[:9]]

        seen = await found.power.sighting([left_out, *others], not_before=time.time())

    assert left_out in seen.servers
    assert seen.unread == frozenset()

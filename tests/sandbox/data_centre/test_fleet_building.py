"""A fleet is believable, and the same for the same seed."""

import re

import pytest

from bot.sandbox.data_centre import Power
from bot.sandbox.data_centre.machines import fleet


@pytest.mark.parametrize("count", [1, 3, 9, 10, 11, 25, 99, 100, 200, 1000])
def test_fleet_has_exactly_the_servers_that_were_asked_for(count: int) -> None:
    """Any size gives that many servers, with distinct ids, names and serial numbers."""
    servers = fleet.build(count)

    assert len(servers) == count
    for identities in (
        {server.id for server in servers},
        {server.name for server in servers},
        {server.sn for server in servers},
    ):
        assert len(identities) == count


@pytest.mark.parametrize("count", [10, 11, 17, 40, 200])
def test_fleet_always_begins_with_three_web_servers_that_are_on(count: int) -> None:
    """Examples with web[01-03] work in every fleet of ten and more."""
    by_name = {server.name: server for server in fleet.build(count)}

    steady = [by_name[name] for name in ("web01", "web02", "web03")]

    assert all(server.power is Power.ON and server.health_state == "OK" for server in steady)


def test_fleet_of_two_hundred_has_the_documented_mix() -> None:
    """The demo's fleet has the names that its story uses."""
    servers = fleet.build(200)

    names = {server.name for server in servers}
    assert {"web01", "web60", "db24", "cache16", "worker80", "k8s-worker-08", "pdu-ctl01"} <= names
    assert "web61" not in names
    assert {server.dc for server in servers} == {"dc-a", "dc-b"}
    assert {server.rack for server in servers} == {f"R{number:02d}" for number in range(1, 11)}
    assert {server.health_state for server in servers} == {"OK", "Warning", "Critical"}
    assert 1 <= sum(server.power is Power.OFF for server in servers) <= 20
    never = [server.name for server in servers if ("powerbot", "never") in server.tags]
    assert never == ["pdu-ctl01", "pdu-ctl02"]


def test_fleet_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    """A seed names a fleet, ids and states included."""
    assert fleet.build(50, seed=7) == fleet.build(50, seed=7)
    assert fleet.build(50, seed=7)[0].id != fleet.build(50, seed=8)[0].id


def test_fleet_gives_a_server_the_same_id_in_any_size() -> None:
    """web01 stays web01 when the fleet grows."""
    assert fleet.build(10)[0].id == fleet.build(500)[0].id


def test_server_ids_look_like_time_ordered_uuids() -> None:
    """Ids are lower-case UUIDs of version 7, as in the vendor's example."""
    pattern = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

    assert all(pattern.fullmatch(server.id) for server in fleet.build(100))


@pytest.mark.parametrize("count", [0, -1, fleet.MAX_SERVERS + 1])
def test_fleet_refuses_a_size_that_is_out_of_range(count: int) -> None:
    """Nothing and too much are both refused."""
    with pytest.raises(ValueError, match="A fleet has 1 to"):
        fleet.build(count)

"""Lists, records and counts have the documented shape, limits and refusals."""

from urllib.parse import parse_qs, urlsplit

import pytest

from bot.sandbox import data_centre
from bot.sandbox.data_centre import HttpRequest, MachineFaultKind, Switches

from .builders import FIXED_TOKEN, Bench, answered, members, refusal, servers_in

NOBODY = "01939592-e8fe-7d9b-9332-4589486377a4"


def page_info(bench: Bench, target: str) -> dict[str, object]:
    """The page's own account of itself."""
    info = members(bench.get(target))["page_info"]
    assert isinstance(info, dict)
    return info


@pytest.mark.parametrize(
    ("query", "rows"),
    [("", 10), ("?limit=1", 10), ("?limit=0", 10), ("?limit=25", 25), ("?limit=99999", 30)],
    ids=["none", "small", "zero", "within", "large"],
)
def test_list_moves_a_page_size_into_its_range(query: str, rows: int) -> None:
    """Below 10 means 10, above 1000 means 1000, silently."""
    bench = Bench(data_centre.build(30))

    response = bench.get(f"physicalservers{query}")

    assert len(servers_in(response)) == rows
    assert members(response)["count"] == 30


def test_list_page_holds_a_thousand_rows_at_most() -> None:
    """A larger page is asked for in vain."""
    bench = Bench(data_centre.build(1001))

    assert len(servers_in(bench.get("physicalservers?limit=5000"))) == 1000


@pytest.mark.parametrize(
    "query",
    ["limit=ten", "limit=-1", "marker=web01", "manage_state=broken", "&".join(["a=1"] * 60)],
)
def test_list_refuses_a_query_that_makes_no_sense(query: str) -> None:
    """A bad value is 400 iMetal.0001."""
    assert refusal(Bench().get(f"physicalservers?{query}")) == (400, "iMetal.0001")


@pytest.mark.parametrize("as_url", [False, True], ids=["id", "url"])
def test_list_markers_lead_through_the_whole_fleet_once(as_url: bool) -> None:
    """Following next_marker, an id or an address, shows each server exactly once."""
    bench = Bench(data_centre.build(35), switches=Switches(marker_as_url=as_url))
    seen: list[object] = []
    target = "physicalservers?limit=10"
    for _ in range(4):
        response = bench.get(target)
        seen += [row["id"] for row in servers_in(response)]
        marker = page_info(bench, target)["next_marker"]
        if as_url and marker:
            marker = parse_qs(urlsplit(str(marker)).query)["marker"][0]
        target = f"physicalservers?limit=10&marker={marker}"

    assert marker is None
    assert len(seen) == len(set(seen)) == 35
    assert seen == sorted(map(str, seen))


def test_list_page_names_its_neighbours() -> None:
    """A page in the middle has both markers, the first only the next."""
    bench = Bench(data_centre.build(30))
    first = page_info(bench, "physicalservers")

    middle = page_info(bench, f"physicalservers?marker={first['next_marker']}")

    assert first["previous_marker"] is None
    assert middle["previous_marker"]
    assert middle["current_count"] == 10


def test_list_behind_the_last_server_is_empty() -> None:
    """A marker behind everybody gives an empty page without markers."""
    info = page_info(Bench(), f"physicalservers?marker={'f' * 8}-ffff-7fff-bfff-{'f' * 12}")

    assert info == {"next_marker": None, "previous_marker": None, "current_count": 0}


def test_list_filters_by_manage_state_alone() -> None:
    """Only servers in that state come, and count counts them."""
    bench = Bench()
    bench.centre.change_server("web02", manage_state="ready")

    response = bench.get("physicalservers?manage_state=ready")

    assert [row["name"] for row in servers_in(response)] == ["web02"]
    assert members(response)["count"] == 1


def test_server_record_has_every_required_field() -> None:
    """ShowServer and a list row are the same record, with the fields that the model requires."""
    bench = Bench()

    record = bench.record("web01")

    assert record in servers_in(bench.get("physicalservers?limit=100"))
    assert record.keys() >= {
        "id", "name", "project_id", "domain_id", "manage_state", "frozen_state", "power_state",
        "health_state", "onboard_time", "location", "hardware_attributes", "tags",
    }  # fmt: skip
    assert record["location"] == {"dc": "dc-a", "rack": "R01", "unit": "1"}


@pytest.mark.parametrize(
    ("server_id", "expected"),
    [(NOBODY, (404, "iMetal.0100")), ("web01", (400, "iMetal.0001"))],
    ids=["unknown", "no-id"],
)
def test_show_server_refuses_an_id_that_nobody_has(
    server_id: str, expected: tuple[int, str]
) -> None:
    """An unknown id is 404, what is no id is 400."""
    assert refusal(Bench().get(f"physicalservers/{server_id}")) == expected


def test_status_counts_the_fleet() -> None:
    """ShowServerStatus counts power, health and management, in total and by room."""
    bench = Bench(data_centre.build(200))
    bench.centre.set_fault("web01", MachineFaultKind.POWER_UNKNOWN)

    body = members(bench.get("physicalservers/status"))

    status, power, managed = (
        body["server_status"],
        body["server_power_status"],
        body["server_manage_state"],
    )
    assert isinstance(status, dict)
    assert isinstance(power, dict)
    assert isinstance(managed, dict)
    assert status["total"] == {"count": 200, "dc_stats": {"dc-a": 100, "dc-b": 100}}
    assert status["health"]["count"] + status["unHealth"]["count"] == 200
    assert status["isolation"]["count"] == 1
    assert power["unknown"] == 1
    assert sum(power.values()) == sum(managed.values()) == 200


def test_minimal_lists_are_empty_and_well_formed() -> None:
    """Instances answer with an empty list in the documented shape."""
    body = members(Bench().get("instances"))

    assert (body["instances"], body["count"]) == ([], 0)


def test_an_alarm_stands_for_each_server_that_is_not_well() -> None:
    """It names its server among the metric's dimensions; it can be asked for by id, in pages."""
    bench = Bench(data_centre.build(200))
    ill = bench.id_of("web20")

    every = members(bench.get("physicalservers/alarms"))
    alone = members(bench.get(f"physicalservers/alarms?resource_id={ill}%2Cnobody"))
    second = members(bench.get("physicalservers/alarms?limit=1&offset=1"))

    rows, only, page = every["alarms"], alone["alarms"], second["alarms"]
    assert isinstance(rows, list)
    assert isinstance(only, list)
    assert every["count"] == len(rows) > 1
    assert [row["metric"]["dimensions"][0]["value"] for row in only] == [ill]
    assert page == rows[1:2]
    assert refusal(bench.get("physicalservers/alarms?limit=x")) == (400, "iMetal.0001")


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/"),
        ("GET", "/v2/servers"),
        ("GET", "physicalservers/events"),
        ("GET", "physicalservers/power-state"),
        ("DELETE", "physicalservers/status"),
        ("PUT", "physicalservers"),
    ],
)
def test_unknown_api_is_refused_by_the_gateway(method: str, target: str) -> None:
    """What no path means is 404 APIGW.0101, with the request id in the body too."""
    response = answered(Bench().send(method, target))

    assert refusal(response) == (404, "APIGW.0101")
    assert members(response)["request_id"] == response.header("X-Request-Id")


def test_other_project_is_forbidden() -> None:
    """A project that isn't the account's is 403 iMetal.0004."""
    assert refusal(Bench().get("/v1/another/physicalservers")) == (403, "iMetal.0004")


def test_rate_limit_refuses_what_exceeds_a_second() -> None:
    """The request over the limit is 429 APIGW.0308, and a second later there is room again."""
    bench = Bench(switches=Switches(requests_per_s=2))
    statuses = [bench.get("physicalservers").status for _ in range(3)]
    assert statuses == [200, 200, 429]

    bench.clock.passed_s += 1

    assert bench.get("physicalservers").status == 200


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (HttpRequest("PUT", "/v1/p/physicalservers/power-state", (), b"x" * 1_048_577), 413),
        (HttpRequest("GET", "/" + "x" * 9000), 414),
        (HttpRequest("GET", "/", (("X-Long", "x" * 140_000),)), 431),
        (HttpRequest("GET", "/", (("X-Many", "x"),) * 101), 431),
    ],
    ids=["body", "address", "header", "headers"],
)
def test_oversized_request_is_refused_unread(request_: HttpRequest, status: int) -> None:
    """Size is checked before anything else."""
    assert answered(Bench().centre.handle(request_)).status == status


def test_rows_keep_header_case_out_of_the_way() -> None:
    """Header names are found whatever their case."""
    request = HttpRequest("GET", "/", (("x-auth-TOKEN", FIXED_TOKEN),))

    assert request.header("X-Auth-Token") == FIXED_TOKEN


def test_two_servers_may_not_share_a_name() -> None:
    """A fleet that can't exist is refused when the data centre is built."""
    twins = data_centre.build(1) + data_centre.build(1)

    with pytest.raises(ValueError, match="can't share"):
        Bench(twins)

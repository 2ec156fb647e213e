"""What a request costs: the fewest calls that are possible, and reads within the schedule."""

from __future__ import annotations

import pytest

from bot.power.request import Action
from tests.execution import calls
from tests.support import virtual


def name(case: calls.Case) -> str:
    """Return a case in one word."""
    return f"{case.servers}-of-{case.project}-{case.action.value}-by-{case.batch}"


@pytest.mark.parametrize("case", calls.CASES, ids=name)
def test_a_request_makes_the_fewest_calls_that_are_possible(case: calls.Case) -> None:
    """One sweep before, one after each wave, and one power call for fifty servers: exactly."""
    found = virtual.run(lambda: calls.cost(case, calls.QUICK))

    assert found.power_calls == case.power_calls
    assert found.calls == case.fewest


@pytest.mark.parametrize("case", [case for case in calls.CASES if case.servers <= 500], ids=name)
def test_watching_slow_servers_reads_within_its_schedule(case: calls.Case) -> None:
    """Power calls stay the fewest, and the reads are those that growing delays allow."""
    found = virtual.run(lambda: calls.cost(case, calls.REAL))

    assert found.power_calls == case.power_calls
    assert found.reads <= found.reads_allowed


@pytest.mark.parametrize(("servers", "project"), calls.APPROVED)
def test_an_approval_reads_its_servers_or_the_list_and_the_first_check_nothing(
    servers: int, project: int
) -> None:
    """Whichever is fewer calls: one for each server, or one for each thousand of the project."""
    found = virtual.run(lambda: calls.approved(servers, project))

    assert found == calls.Case(servers, project, Action.OFF).sweep


def test_twenty_requests_cost_no_more_sweeps_than_one() -> None:
    """All runs look in one rhythm, so a sweep serves everybody: the bound is that of one run."""
    found = virtual.run(lambda: calls.together(20, 20, calls.REAL))

    assert found.power_calls == 20
    assert found.reads <= found.reads_allowed


def test_the_figures_of_the_field_are_those_of_the_table() -> None:
    """The lower bound as it was worked out by hand."""
    fewest = {(one.servers, one.project, one.action): one.fewest for one in calls.CASES}

    assert fewest[(1, 800, Action.ON)] == 3
    assert fewest[(51, 800, Action.REBOOT)] == 4
    assert fewest[(500, 800, Action.REBOOT)] == 12
    assert fewest[(1000, 1000, Action.OFF)] == 22
    assert fewest[(1000, 3000, Action.OFF)] == 26
    assert fewest[(500, 800, Action.CYCLE)] == 23
    assert fewest[(100, 800, Action.REBOOT)] == 41

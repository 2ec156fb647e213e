"""A reason that spares servers is a mistake: nobody reads it before they are switched off."""

from __future__ import annotations

import pytest

from bot.power import errors, server
from bot.power.command import except_in_reason
from tests.power import fleet

ROWS = tuple(
    server.Server(fleet.server_id(n), f"web{n:02}", rack="R01" if n < 3 else "R02")
    for n in range(1, 6)
)
GROUPS = {"first": "web[01-02]"}


@pytest.mark.parametrize(
    ("reason", "named", "instead"),
    [
        ("the kernel is old, except web05", "web05", "!web05"),
        ("kernel !web05", "web05", "!web05"),
        ("kernel but not WEB04 and web05.", "web[04-05]", "!WEB04 !web05"),
        ("kernel (without web[04-05])", "web[04-05]", "!web[04-05]"),
        ("kernel, leave rack:R01 alone", "web[01-02]", "!rack:R01"),
        ("kernel; skip @first", "web[01-02]", "!@first"),
        ("kernel is old, not on web05", "web05", "!web05"),
        ("kernel, but leave the host web05 alone", "web05", "!web05"),
        ("内核 除了web05", "web05", "!web05"),
        ("kernel except ｗｅｂ０５", "web05", "!web05"),
    ],
)
def test_reason_that_spares_some_of_the_servers_is_refused(
    reason: str, named: str, instead: str
) -> None:
    """It says which, and where to take them out."""
    with pytest.raises(errors.UserMistake) as caught:
        except_in_reason.refuse(reason, ROWS, GROUPS)

    assert f"The reason says to spare {named}, but a reason spares nothing" in caught.value.problem
    assert f"add {instead} to the targets" in caught.value.problem


@pytest.mark.parametrize(
    "reason",
    [
        "",
        "web05 is not answering",
        "not enough memory on web05",
        "INC-42 without a ticket",
        "nothing but web[01-05] is slow",
        "all except db01 are done",
        "but web99 is fine",
        "wow! web05 is slow",
    ],
)
def test_reason_that_spares_none_of_them_is_a_reason(reason: str) -> None:
    """Prose has such words too."""
    except_in_reason.refuse(reason, ROWS, GROUPS)


def test_long_reason_over_a_large_fleet_costs_little() -> None:
    """The work is bounded whatever is typed."""
    rows = tuple(server.Server(str(n), f"web{n:05}") for n in range(10_000))

    except_in_reason.refuse("except " + "web0*x " * 70, rows, {})

"""What was done to one server is taken out of the record by its name, when it is long gone too."""

from __future__ import annotations

import csv
import datetime
import io
import json
import pathlib
from typing import Any

import pytest

from bot import settings
from bot.operations import database_admin
from bot.sandbox import demo
from tests.workflow.world import SAM, World


def settings_of(world: World, folder: pathlib.Path) -> settings.Settings:
    """Return the settings of an operator of this world."""
    given = demo.environment("", "", folder) | {"POWERBOT_DATABASE_URL": world.url}
    with pytest.MonkeyPatch.context() as environment:
        for name, value in given.items():
            environment.setenv(name, value)
        return settings.load(env_file=None)


def exported(world: World, folder: pathlib.Path, server: str, **more: str) -> list[str]:
    """Return the lines that `powerbot audit export --server` prints."""
    read = settings_of(world, folder)
    return [
        *database_admin.export_audit(read, form=more.pop("form", "jsonl"), server=server, **more)
    ]


async def ran(world: World, names: str) -> str:
    """Let a reboot run to its end, and return its id."""
    id_ = await world.ask(f"reboot {names} because x")
    await world.press(SAM, "approve", id_)
    await world.drive()
    return id_


async def test_operator_exports_the_rows_of_a_server_by_its_name(
    world: World, tmp_path: pathlib.Path
) -> None:
    """Its own requests and no others, in both forms; its id does the same."""
    own, both = await ran(world, "web01"), await ran(world, "web[01-02]")
    other = await ran(world, "web03")

    by_name: list[dict[str, Any]] = [json.loads(one) for one in exported(world, tmp_path, "web01")]
    by_id = exported(world, tmp_path, world.centre.machine("web01").server.id)
    table = [*csv.DictReader(exported(world, tmp_path, "web01", form="csv"))]

    assert {row["request_id"] for row in by_name} == {own, both}
    assert other not in {row["request_id"] for row in by_name}
    assert [json.loads(one) for one in by_id] == by_name
    assert [int(row["seq"]) for row in table] == [row["seq"] for row in by_name]


async def test_reader_may_leave_in_the_middle(world: World, tmp_path: pathlib.Path) -> None:
    """`powerbot audit export | head` has no error to show: the rows end before the connection."""
    await ran(world, "web01")
    rows = database_admin.export_audit(settings_of(world, tmp_path), form="jsonl")

    assert json.loads(next(rows))["seq"] == 1
    rows.close()  # type: ignore[attr-defined]


async def test_operator_exports_a_server_by_a_name_that_it_has_no_more(
    world: World, tmp_path: pathlib.Path
) -> None:
    """The record keeps the name of the day when it was asked for."""
    id_ = await ran(world, "web01")
    machine = world.centre.machine("web01")
    world.centre.inventory.machines.remove(machine)

    rows = [json.loads(one) for one in exported(world, tmp_path, "web01")]

    assert {row["request_id"] for row in rows} == {id_}


async def test_operator_is_told_that_no_row_names_a_server(
    world: World, tmp_path: pathlib.Path
) -> None:
    """Nothing printed isn't an answer: the name may be misspelt."""
    await ran(world, "web01")

    with pytest.raises(database_admin.NothingFound, match="web77"):
        exported(world, tmp_path, "web77")
    with pytest.raises(database_admin.NothingFound, match="since 2099"):
        exported(world, tmp_path, "web01", since="2099-01-01")


async def test_a_table_has_its_heading_where_it_has_no_rows_too(
    world: World, tmp_path: pathlib.Path
) -> None:
    """A program that reads columns by name finds them; they are those of every other export."""
    await ran(world, "web01")

    [heading] = exported(world, tmp_path, "", form="csv", since="2099-01-01")

    whole = exported(world, tmp_path, "", form="csv")
    assert whole[0] == heading
    assert heading.split(",") == [*json.loads(exported(world, tmp_path, "")[0])]


async def test_exported_rows_have_names_beside_ids_and_times_that_a_person_can_read(
    world: World, tmp_path: pathlib.Path
) -> None:
    """The columns of before stay as they were; the new ones stand beside them."""
    await ran(world, "web[01-02]")

    rows = [json.loads(one) for one in exported(world, tmp_path, "")]

    pending = next(row for row in rows if row["event"] == "request.pending")
    named = dict(zip(pending["server_ids"], pending["server_names"], strict=True))
    assert named == {world.centre.machine(name).server.id: name for name in ("web01", "web02")}
    for row in rows:
        told = datetime.datetime.fromisoformat(row["time"])
        assert told.timestamp() == pytest.approx(row["at"], abs=0.001)
        assert row["time"].endswith("Z")


@pytest.mark.parametrize("start", [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1",
    "\uff1d1+1", "\uff20SUM(A1)", "\ufe63\uff11", " =1", "\ufeff=1", "\u200b\u00a0+1", "\u2800-1",
])  # fmt: skip
def test_no_cell_of_an_export_is_run_by_a_spreadsheet(start: str) -> None:
    """What somebody typed is text, however it begins; numbers stay numbers."""
    line = database_admin._csv_line([7, -1.5, start, "web01", ["=1"], {"a": "=1"}])

    [cells] = csv.reader(io.StringIO(line, newline=""))
    assert cells == ["7", "-1.5", f"'{start}", "web01", '["=1"]', '{"a": "=1"}']

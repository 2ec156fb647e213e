"""Who may and who may not, from an empty policy to a stranger: each row of `who_may.toml`.

`python -m tests.workflow.test_who_may` writes the answers into the table anew, to be read through.
"""

from __future__ import annotations

import asyncio
import dataclasses
import pathlib
import re
import tempfile
import tomllib
from typing import Any

import pytest

from bot.power.policy import policy, policy_file
from bot.workflow import answers
from tests.support import databases
from tests.workflow import world as world_
from tests.workflow.world import OPS, POLICY, World

TABLE = pathlib.Path(__file__).parent / "who_may.toml"
ROWS: list[dict[str, Any]] = tomllib.loads(TABLE.read_text())["row"]


def edited(changes: list[list[str]]) -> policy.Policy:
    """Return the policy with some of its text replaced."""
    text = POLICY
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after, 1)
    return policy_file.read(text)


async def set_up(world: World, row: dict[str, Any]) -> str:
    """Bring about what a row says and return the request's id."""
    world.rules = edited(row.get("policy", []))
    line, id_ = row.get("asks", "reboot db01 because x"), ""
    if line:
        id_ = await world.ask(line)
    for step in row.get("first", []):
        who, _, did = step.partition(" ")
        if step == "drive":
            await world.drive()
            continue
        said = await do(world, who, did, id_)
        id_ = said.request_id if isinstance(said, answers.PlanShown) else id_
    for user_id, fields in row.get("people", {}).items():
        world.folk.change(user_id, **fields)
    for channel_id, fields in row.get("channels", {}).items():
        was = world.folk.channels[channel_id]
        world.folk.channels[channel_id] = dataclasses.replace(was, **fields)
    if "groups" in row:
        world.folk.groups = (
            {world_.ONCALL: frozenset(row["groups"])} if row["groups"] is not False else {}
        )
    if "edit" in row:
        empty = row["edit"] == "empty"
        world.rules = policy.EMPTY if empty else edited(row["edit"])
    world.folk.away.update(row.get("away", []))
    # The instant itself is meant, not the moment after the look-ups that it took to get here.
    if row.get("wait"):
        begun = (await world.found(id_)).expires_at - (1800 if line else 900)
        world.clock.passed_s = begun - world.clock.start + row["wait"]
    return id_


async def do(
    world: World, who: str, did: str, id_: str, channel: str = OPS
) -> answers.Answer | None:
    """Type or press."""
    if did.startswith("/power "):
        return await world.type(did.removeprefix("/power "), who, channel)
    return await world.press(who, did, id_)


def sentence(said: answers.Answer | None) -> str:
    """Return what a person reads first."""
    match said:
        case answers.Note() | answers.HelpShown():
            return said.text
        case answers.PlanShown() if said.plan.refusals:
            return f"Not to be requested: {said.plan.refusals[0]}"
        case answers.PlanShown():
            blocked = [line.reason for line in said.plan.lines if line.reason]
            return f"Blocked: {blocked[0]}" if blocked else "A plan with Request."
        case answers.Mistake():
            return said.problem
        case _:
            return f"Shown: {type(said).__name__}"


async def answered(row: dict[str, Any]) -> tuple[str, str]:
    """Return what somebody is told, and the last word of the audit about it."""
    with tempfile.TemporaryDirectory() as folder:
        async with world_.running(databases.sqlite(pathlib.Path(folder))) as world:
            id_ = await set_up(world, row)
            before = (await world.store.read(lambda tx: tx.audit_head()))[0]
            said = await do(world, row["who"], row["does"], id_, row.get("channel", OPS))
            new = [one for one in await world.audit() if one["seq"] > before]
            return sentence(said).replace(id_ or "?", "{id}"), word(new, row["who"])


def word(rows: list[Any], who: str) -> str:
    """Return the audit's word for what one person did, with its reason."""
    mine = [one for one in rows if one["user_id"] in (who, "")]
    if not mine:
        return "nothing"
    last = mine[-1]
    why = last["detail"].get("why", "")
    reason = why if isinstance(why, str) and len(why) < 25 and "." in last["event"] else ""
    refused = last["event"].endswith(("refused", "too_late", "not_checked"))
    return f"{last['event']}: {reason}" if refused and reason else last["event"]


def name(row: dict[str, Any]) -> str:
    """Return a row's name."""
    return re.sub(r"\W+", "-", f"{row['who']} {row['does']} {row.get('why', '')}")[:70]


@pytest.mark.parametrize("row", ROWS, ids=[name(row) for row in ROWS])
async def test_person_may_or_is_told_why_not_and_it_is_audited(row: dict[str, Any]) -> None:
    """The sentence and the audit's word are those of the table."""
    assert await answered(row) == (row["says"], row["audit"])


def test_table_has_enough_rows_and_tells_refusals_apart() -> None:
    """At least sixty rows; nobody is refused in words that mean two things."""
    refused = {row["says"] for row in ROWS if "refused" in row["audit"]}

    assert len(ROWS) >= 60
    assert len(refused) >= 25


def write() -> None:
    """Write the answers into the table."""
    kept = [
        line
        for line in TABLE.read_text().splitlines()
        if not line.startswith(("says = ", "audit = "))
    ]
    told = iter([asyncio.run(answered(row)) for row in ROWS])
    out: list[str] = []
    for line in kept:
        out.append(line)
        if line.startswith("does = "):
            out.append("\0")
    text = "\n".join(out) + "\n"
    blocks = text.split("[[row]]")
    for index in range(1, len(blocks)):
        says, word_ = next(told)
        body = blocks[index].replace("\n\0", "")
        lines = body.rstrip("\n").split("\n")
        end = max(i for i, line in enumerate(lines) if re.match(r"[a-z]+ = |\]", line))
        quoted = says.replace("\\", "\\\\").replace('"', '\\"')
        lines[end + 1 : end + 1] = [f'says = "{quoted}"', f'audit = "{word_}"']
        blocks[index] = "\n".join(lines) + "\n\n"
    TABLE.write_text("[[row]]".join(blocks).rstrip() + "\n")


if __name__ == "__main__":
    import structlog

    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    write()

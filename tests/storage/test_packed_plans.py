"""Plans are stored column by column: as small as their differences, and whole when read."""

from __future__ import annotations

import dataclasses
import operator
import random
import uuid
from collections.abc import Sequence

import hypothesis
from hypothesis import strategies

from bot.power import plan, ports, request
from bot.storage.store import Store
from bot.storage.tables import packed_plans, rows
from tests.storage import builders


def large(count: int) -> plan.Plan:
    """Return a plan of many servers, in racks of twenty, one in ten of them skipped."""
    drawn = random.Random(7)
    ids = [str(uuid.UUID(int=drawn.getrandbits(128))) for _ in range(count)]
    lines = tuple(
        plan.PlanLine(
            server_id=id_,
            name=f"web{number:05d}",
            rack=f"R{number // 20}",
            verdict=plan.Verdict.SKIP if number % 10 == 0 else plan.Verdict.ACT,
            reason="it is on already" if number % 10 == 0 else "",
            rule="everything else",
            power_before="on",
            operation_before="" if number % 10 == 0 else "power-on-succeed",
            health="OK",
        )
        for number, id_ in enumerate(ids)
    )
    return of(lines, tuple(line for line in lines if line.verdict is plan.Verdict.ACT))


def of(lines: Sequence[plan.PlanLine], targets: Sequence[request.Target]) -> plan.Plan:
    """Return a plan of these lines and targets."""
    small = builders.a_plan("s1")
    order = small.order.model_copy(update={"targets": tuple(targets)})
    return small.model_copy(update={"order": order, "lines": tuple(lines)})


def test_plan_of_ten_thousand_servers_is_stored_in_six_hundred_kilobytes() -> None:
    """An id of 36 characters and a name each, and hardly anything else."""
    made = large(10_000)

    text = packed_plans.packed(made)

    assert len(text) < 600_000
    assert len(made.model_dump_json()) > 2_500_000
    assert packed_plans.unpacked(text) == made


def test_plan_that_was_read_knows_each_server_once() -> None:
    """A target is its line: a run of ten thousand servers holds its plan to the end."""
    read = packed_plans.unpacked(packed_plans.packed(large(20)))

    acted_on = read.lines_with(plan.Verdict.ACT)
    assert len(acted_on) == 18
    assert all(map(operator.is_, read.order.targets, acted_on))


LINES = strategies.lists(
    strategies.builds(
        plan.PlanLine,
        server_id=strategies.text(max_size=4),
        name=strategies.sampled_from(["a", "b", ""]),
        verdict=strategies.sampled_from(plan.Verdict),
        reason=strategies.sampled_from(["", "x"]),
    ),
    max_size=12,
    unique_by=lambda line: line.server_id,
)
TARGETS = strategies.lists(
    strategies.builds(
        request.Target,
        server_id=strategies.text(max_size=4),
        name=strategies.sampled_from(["a", "b"]),
        power_before=strategies.sampled_from(["", "on"]),
    ),
    max_size=12,
)


@hypothesis.given(LINES, TARGETS, strategies.randoms())
def test_any_plan_comes_back_as_it_was(
    lines: list[plan.PlanLine], strangers: list[request.Target], drawn: random.Random
) -> None:
    """Targets are lines; those of a plan from the first two versions are apart from them."""
    seen = [dataclasses.replace(one, sn=drawn.choice(["", "SN1"])) for one in lines]
    acted_on = drawn.sample(seen, drawn.randint(0, len(seen)))
    named = [one if one in acted_on else line for one, line in zip(seen, lines, strict=True)]
    made = of(named, acted_on) if drawn.random() < 0.5 else of(lines, strangers)

    assert packed_plans.unpacked(packed_plans.packed(made)) == made


async def test_plan_that_an_older_powerbot_has_stored_is_still_read(store: Store) -> None:
    """Version 1 was the whole plan, written out."""
    made = builders.a_request()
    await store.write(lambda tx: tx.create(made, source_key="k1"))

    def age(tx: ports.Tx) -> None:
        text = made.plan.model_dump_json()
        change = tx.change  # type: ignore[attr-defined]
        change("UPDATE plans SET plan = :text", text=text)
        change("UPDATE requests SET plan_version = 1, plan_digest = :digest",
               digest=rows.digest(text))  # fmt: skip

    await store.write(age)

    found = await store.read(lambda tx: tx.request(made.id))
    assert found is not None
    assert found.plan.model_dump_json() == made.plan.model_dump_json()

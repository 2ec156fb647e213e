"""Plans are stored column by column: as small as their differences, and whole when read."""

from __future__ import annotations

import random
import uuid

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
            health="OK",
        )
        for number, id_ in enumerate(ids)
    )
    targets = tuple(
        request.Target(
            server_id=one.server_id,
            name=one.name,
            rack=one.rack,
            power_before="on",
            operation_before="power-on-succeed",
        )
        for one in lines
        if one.verdict is plan.Verdict.ACT
    )
    small = builders.a_plan("s1")
    order = small.order.model_copy(update={"targets": targets})
    return small.model_copy(update={"order": order, "lines": lines})


def test_plan_of_ten_thousand_servers_is_stored_in_six_hundred_kilobytes() -> None:
    """An id of 36 characters and a name each, and hardly anything else."""
    made = large(10_000)

    text = packed_plans.packed(made)

    assert len(text) < 600_000
    assert len(made.model_dump_json()) > 2_500_000
    assert packed_plans.unpacked(text) == made


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
    """Targets are lines as a rule, in the same order; whatever they are, they come back."""
    of_lines = [request.Target(server_id=one.server_id, name=one.name) for one in lines]
    targets = [*drawn.sample(of_lines, len(of_lines)), *(strangers if drawn.random() < 0.5 else [])]
    small = builders.a_plan("s1")
    order = small.order.model_copy(update={"targets": tuple(targets)})
    made = small.model_copy(update={"order": order, "lines": tuple(lines)})

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
    assert found.plan == made.plan

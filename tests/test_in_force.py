"""Which policy was in force when can be read in the audit, with its text."""

from __future__ import annotations

import pathlib

from bot.runtime import policy_watch
from bot.storage import opening
from bot.workflow import audit_trail
from tests.support import ticks
from tests.workflow.world import POLICY


async def test_operator_reads_in_the_audit_which_policy_was_in_force(
    tmp_path: pathlib.Path,
) -> None:
    """A row for each change, with its text; none for a restart under the same policy."""
    kept = opening.open_store(f"sqlite:///{tmp_path / 'policy.db'}")
    stricter = POLICY.replace("ramp = []", "ramp = [1]")
    first, second = (
        audit_trail.PolicyInForce("a1", POLICY),
        audit_trail.PolicyInForce("b2", stricter),
    )

    noted = [await audit_trail.note_policy(kept, one, 1.0) for one in (first, first, second, first)]

    rows = await kept.read(lambda tx: tx.audit_rows(event=audit_trail.POLICY_EVENT))
    await kept.close()
    assert noted == [True, False, True, True]
    assert [row["detail"]["version"] for row in rows] == ["a1", "b2", "a1"]
    assert rows[1]["detail"]["text"] == stricter
    assert rows[1]["detail"]["before"] == "a1"


def test_text_in_force_is_never_that_of_a_file_which_cannot_be_used(
    tmp_path: pathlib.Path,
) -> None:
    """The old policy stays in force, and so does its text."""
    path, clock = tmp_path / "policy.toml", ticks.GivenClock()
    path.write_text(POLICY, encoding="utf-8")
    found = policy_watch.PolicyFile(path, clock)
    assert found().version
    path.write_text("version = 9", encoding="utf-8")
    clock.passed_s += 5

    assert found().version
    assert found.text == POLICY
    assert found.problem

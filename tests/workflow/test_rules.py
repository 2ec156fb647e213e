"""The policy file while it changes: a bad new one keeps the old, and says so once."""

from __future__ import annotations

import os
import pathlib

import pytest
import structlog.testing

from bot.power.policy import policy
from bot.runtime import policy_watch
from tests.support import ticks
from tests.workflow.world import POLICY

BAD = POLICY.replace("approvers", "aprovers", 1)


class Standing:
    """A policy file on a given clock, whose changes are as old as one likes."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.clock = ticks.GivenClock()
        self.path = folder / "policy.toml"
        self.file = policy_watch.PolicyFile(self.path, self.clock)

    def write(self, text: str, age_s: float = 60.0) -> None:
        """Write the file so many seconds ago."""
        self.path.write_text(text)
        at = self.clock.now() - age_s
        os.utime(self.path, (at, at))

    def later(self, seconds: float = 1.0) -> policy.Policy:
        """Let time pass, and return the policy that is in force then."""
        self.clock.passed_s += seconds
        return self.file()


@pytest.fixture
def standing(tmp_path: pathlib.Path) -> Standing:
    """A policy file that is in force."""
    made = Standing(tmp_path)
    made.write(POLICY)
    assert made.file().version
    return made


def test_bad_new_file_keeps_the_old_policy_and_is_told_once(standing: Standing) -> None:
    """In the log and to whoever asks how ready it is, until it is mended."""
    before = standing.file()
    standing.write(BAD)

    with structlog.testing.capture_logs() as logged:
        kept = [standing.later() for _ in range(5)]

    assert kept == [before] * 5
    assert standing.file.problem.startswith('Line 19, [[rule]] "databases"')
    assert [one["event"] for one in logged] == ["policy.unusable"]
    assert logged[0]["kept"] == before.version

    standing.write(POLICY.replace("4h", "5h"))
    assert standing.later().version != before.version
    assert standing.file.problem == ""


def test_file_is_read_again_within_a_second(standing: Standing) -> None:
    """Not at every question, and not later."""
    before = standing.file().version
    standing.write(POLICY.replace("4h", "5h"))

    assert standing.later(0.9).version == before
    assert standing.later(0.1).version != before


def test_file_that_is_being_written_is_not_read_yet(standing: Standing) -> None:
    """Half a policy can be a valid one, with other rules than anybody meant."""
    before = standing.file().version
    half = POLICY.split("[[rule]]")[0]
    standing.clock.passed_s += 1.0
    standing.write(half, age_s=0.05)
    assert standing.file().version == before

    standing.write(POLICY, age_s=0.0)
    assert standing.later(0.3).version == before


def test_empty_file_is_a_bad_one_and_no_policy_of_its_own(standing: Standing) -> None:
    """An editor that has emptied the file before it writes must not stop every request."""
    before = standing.file().version
    standing.write("")

    assert standing.later().version == before
    assert standing.file.problem == "version: this key is missing; write version = 1."


def test_file_that_is_gone_allows_nothing_at_the_second_look(standing: Standing) -> None:
    """One look may fall between the old file and the new one."""
    before = standing.file().version
    standing.path.unlink()

    first, second = standing.later(), standing.later()

    assert (first.version, second) == (before, policy.EMPTY)


def test_file_that_comes_back_in_time_was_never_gone(standing: Standing) -> None:
    """It was replaced."""
    standing.path.unlink()
    standing.later()
    standing.write(POLICY.replace("4h", "5h"))

    assert standing.later().rules


def test_nothing_is_allowed_where_there_never_was_a_file(tmp_path: pathlib.Path) -> None:
    """Reads work, changes don't."""
    made = Standing(tmp_path)

    assert made.file() == policy.EMPTY
    assert made.file.problem == ""


def test_unreadable_file_keeps_the_old_policy(standing: Standing) -> None:
    """Bytes that are no text are told by their kind, not shown."""
    before = standing.file().version
    standing.path.write_bytes(b"\xff\xfe")
    os.utime(standing.path, (1.0, 1.0))

    assert standing.later().version == before
    assert standing.file.problem == "policy.toml isn't UTF-8; save it as UTF-8."


def test_a_policy_that_can_be_read_and_not_be_meant_is_told_in_the_log(standing: Standing) -> None:
    """It holds, since it can be read; what the check would refuse is a warning, once."""
    standing.write(POLICY.replace('allow = ["C0OPS", "C0INC"]', 'allow = ["C0OPS"]'))

    with structlog.testing.capture_logs() as logged:
        held = [standing.later() for _ in range(3)]

    assert held[-1].allow == {"C0OPS"}
    odd = [one for one in logged if one["event"] == "policy.odd"]
    assert [one["log_level"] for one in odd] == ["warning"]
    assert odd[0]["why"].startswith("[channels] incident lists C0INC, but allow doesn't")

"""The soak's judgement of what stands twice in Slack."""

from __future__ import annotations

import json
import pathlib

import pytest

from tests.soak import stage, twins

TAKEN = {"event": "slack.taken", "method": "chat.postMessage", "ts": "100.1"}


def said_twice() -> list[twins.Post]:
    """Return a card, and a reply to it that was posted twice."""
    return [
        twins.Post(100.0, "C1", "", "99.1", "card", "PR-1"),
        twins.Post(101.0, "C1", "99.1", "100.1", "started", ""),
        twins.Post(104.0, "C1", "99.1", "103.1", "started", ""),
    ]


@pytest.mark.parametrize(
    ("answered", "hurt", "explained"),
    [
        (0, (0, 102.0), True),
        (0, (1, 102.0), False),
        (0, (0, 99.0), False),
        (0, (0, 105.0), False),
        (None, (1, 101.5), True),
        (None, (1, 90.0), False),
    ],
    ids=["its-kill", "another-s", "before", "after-the-note", "no-answer", "no-answer-no-kill"],
)
def test_a_twin_is_explained_by_what_happened_to_its_poster(
    answered: int | None, hurt: tuple[int, float], explained: bool, tmp_path: pathlib.Path
) -> None:
    """A kill of the replica that posted, before its note, and nothing else."""
    replicas = [stage.Replica(number, tmp_path, {}, 10.0) for number in range(2)]
    if answered is not None:
        replicas[answered].log.write_text(f"{json.dumps(TAKEN)}\n[]\n" + '{"event": "cut o')
    replicas[hurt[0]].killed_at.append(hurt[1])

    count, wrong = twins.judge(replicas, said_twice())

    assert count == 1
    assert (wrong == []) is explained

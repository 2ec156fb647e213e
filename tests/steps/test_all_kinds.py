"""Every kind that a policy may name has a client that does it; a further one is one file."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Iterator
from typing import Any, cast

import pytest

from bot.power.lifecycle import State as Life
from bot.power.request import Action
from bot.power.steps import kinds
from bot.power.steps.states import StepState
from bot.sandbox import data_centre
from bot.slack.render.phrases import about_steps
from bot.steps import all_kinds, http_calls
from tests.execution.steps import stage
from tests.steps import builders, example
from tests.support import virtual

DUTY = '[[step]]\nname = "duty"\nkind = "pager"\nurl = "http://pager"\n'


@dataclasses.dataclass
class Line:
    """Takes every call of the example, and answers that it is done."""

    heard: list[Any] = dataclasses.field(default_factory=list)

    async def send(self, call: http_calls.HttpCall) -> http_calls.Reply:
        """Note a call."""
        self.heard.append(json.loads(call.body))
        return http_calls.Reply(204, b"", "", 0.0)


@pytest.fixture
def pager() -> Iterator[None]:
    """Know the kind of the example while a test lasts."""
    all_kinds.learn(example)
    yield
    kinds.forget("pager")
    all_kinds.learn.cache_clear()


async def test_every_kind_can_be_done() -> None:
    """Those that Powerbot brings."""
    async with builders.http() as http:
        assert set(all_kinds.all_kinds(http)) == set(kinds.known())
    assert all(all_kinds.mend(kind) for kind in kinds.known())


@pytest.mark.usefixtures("pager")
@virtual.on_given_time
async def test_a_kind_is_added_by_one_file(tmp_path: pathlib.Path) -> None:
    """`example/pager.py` alone: the policy may name it, a run does it, people read its words."""
    line = Line()
    async with stage.opened(tmp_path, resting=data_centre.Power.ON) as play:
        more = stage.RULE.replace('"drain", ', '"drain", "duty", ')
        given = stage.rules(text=stage.HEAD + more + stage.STEPS + DUTY)
        play.here.rule(policy=lambda: given)
        clients = all_kinds.all_kinds(cast("http_calls.Http", line), example)
        kinds_of = {**play.outside.kinds(), **clients}
        play.here.context = dataclasses.replace(play.here.context, step_clients=kinds_of)
        [name] = play.here.ready(1)
        found, _ = await play.run(Action.REBOOT, [name])

        assert found.state is Life.SUCCEEDED
        assert (await play.states(found.id))["duty", name] is StepState.PUT_BACK
        assert line.heard == [
            {"servers": [name], "muted": True}, {"servers": [name], "muted": False},
        ]  # fmt: skip
        assert about_steps.done_word("pager", "duty") == "off the pager"

"""What was stored is seen through: over bugs, outages, slow databases and dead processes."""

from __future__ import annotations

import asyncio

import pytest

from bot.power import errors, inputs
from bot.power.lifecycle import State
from bot.slack.inbound import processor
from bot.slack.outbound import delivery
from bot.workflow import answers
from tests.slack import builders, fakes
from tests.slack.conftest import Side
from tests.slack.fakes import Acked
from tests.support import ticks


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (errors.SlackUnavailable(), "could not be checked"),
        (errors.UserMistake("unknown name", token="web99", suggestion="web9"), "web99"),
        (RuntimeError("token xoxb-1"), processor.BROKEN),
    ],
    ids=["own-error", "mistake", "bug"],
)
async def test_person_gets_one_sentence_for_each_error_of_the_workflow(
    connected: Side, raised: Exception, said: str
) -> None:
    """An error becomes its sentence; of a bug nothing is shown but that there is one."""
    connected.workflow.says = [raised]

    await connected.workspace.command("dana", "ops", "/power reboot web99")
    await connected.settle()

    shown = connected.whispers("dana")[-1].text
    assert said in shown
    assert "xoxb-1" not in shown
    assert connected.store.finished == set(connected.store.inbox)


async def test_typist_gets_a_direct_message_where_no_other_way_is_open(connected: Side) -> None:
    """With the response URL used up and the bot outside the channel, the answer still comes."""
    payload = builders.inbound(
        place=builders.order().place.model_copy(update={"channel_id": "C0DEV"})
    )
    await connected.processor.store(payload)

    connected.processor.begin(payload)
    await connected.settle()

    assert "Reboot 19 servers (web[01-19])?" in connected.workspace.direct_messages("dana")[-1].text


async def test_processor_takes_over_what_a_dead_process_left(connected: Side) -> None:
    """A payload that was stored but not dealt with is dealt with after the start."""
    await connected.processor.store(builders.inbound())

    taken = await connected.processor.recover()
    again = await connected.processor.recover()
    await connected.settle()

    assert (taken, again) == (1, 0)
    assert len(connected.workflow.handled) == 1
    assert connected.store.finished == {"k1"}


async def test_processor_tries_again_while_the_database_is_away_after_the_ack(side: Side) -> None:
    """A click that was acknowledged is a promise: a short outage doesn't break it."""
    side.workflow.says = [errors.StoreUnavailable(), answers.Note("Done.")]
    await side.processor.store(builders.inbound())

    side.processor.begin(builders.inbound())
    await side.processor.close()

    assert len(side.workflow.handled) == 2
    assert side.store.finished == {"k1"}


async def test_processor_leaves_a_payload_in_the_store_when_the_database_stays_away(
    side: Side,
) -> None:
    """What can't be marked as done isn't forgotten either."""
    side.workflow.says = [answers.Note("Done.")]
    await side.processor.store(builders.inbound())
    side.store.away_for = 99

    side.processor.begin(builders.inbound())
    await side.processor.close()

    assert side.store.finished == set()


@pytest.fixture
def slow(side: Side) -> processor.Processor:
    """A processor that waits ten milliseconds for a database that takes longer."""
    side.store.gate = asyncio.Event()
    answering = delivery.Delivery(side.sender, side.clock)
    return processor.Processor(
        side.store,
        side.workflow,
        answering,
        side.clock,
        bounds=processor.Patience(ack_within_s=0.01),
    )


async def test_slow_database_doesn_t_cost_the_ack(side: Side, slow: processor.Processor) -> None:
    """When storing takes long the person is told so, and the payload is dealt with later."""
    ack = Acked()

    await slow.receive(builders.inbound(), ack)
    assert ack.response == processor.SLOW
    _open(side.store)
    await slow.close()

    assert len(side.workflow.handled) == 1


async def test_slow_database_that_then_fails_is_told(side: Side, slow: processor.Processor) -> None:
    """A late failure to store reaches the person too."""
    side.store.away_for = 1

    await slow.receive(builders.inbound(inputs.Pressed(do=inputs.Do.APPROVE)), Acked())
    _open(side.store)
    await slow.close()

    assert "nothing was changed" in side.whispers("dana")[-1].text
    assert side.workflow.handled == []


async def test_slow_database_that_breaks_in_an_odd_way_is_told_and_logged(
    side: Side, slow: processor.Processor, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever a late failure is, the click that was acknowledged isn't left without an answer."""
    side.store.broken = True

    await slow.receive(builders.inbound(inputs.Pressed(do=inputs.Do.APPROVE)), Acked())
    _open(side.store)
    await slow.close()

    assert side.whispers("dana")[-1].text == f"🚫 {processor.BROKEN}"
    assert "slack.not_stored" in capsys.readouterr().out


def _open(store: fakes.Store) -> None:
    """Let the slow database answer."""
    assert store.gate is not None
    store.gate.set()


def test_fakes_know_the_states_of_a_request() -> None:
    """The store in memory refuses a change that the table doesn't have."""
    store = fakes.Store(ticks.GivenClock())
    store.add(builders.request_in(State.DENIED))

    assert not store.move("PR-7F3K", State.APPROVED)

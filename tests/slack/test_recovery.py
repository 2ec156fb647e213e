"""What dead processes left is taken up one by one, and what they died of is set aside."""

from __future__ import annotations

import asyncio

from bot.power import inputs, ports
from bot.slack.inbound import processor, recovery
from bot.slack.outbound import delivery
from bot.workflow import answers
from tests.slack import builders, fakes
from tests.slack.conftest import Side


async def received(side: Side, *keys: str) -> None:
    """Store lines that nobody has dealt with."""
    for key in keys:
        await side.processor.store(builders.inbound(inputs.Typed(text=f"reboot {key}"), key))


async def test_person_is_told_that_their_line_was_set_aside(connected: Side) -> None:
    """After two deaths nobody tries again; it is in the audit, and the others go on."""
    await received(connected, "web01", "web02")
    connected.store.deaths["web01"] = 1

    await connected.processor.recover()
    await connected.settle()

    (row,) = connected.store.audited
    assert (row.event, row.detail["payload"], row.detail["deaths"]) == (
        "payload.set_aside",
        "web01",
        2,
    )
    assert [one.key for one in connected.workflow.handled] == ["web02"]
    assert connected.store.finished == {"web01", "web02"}
    said = [one.text for one in connected.whispers("dana")]
    assert any('"reboot web01"' in text and "won't try again" in text for text in said)


async def test_person_who_said_no_is_told_to_say_it_again(side: Side) -> None:
    """A no that was set aside may not have taken effect, and that is the first thing to know."""
    await side.processor.store(builders.inbound(inputs.Typed(text="stop PR-7F3K"), "no"))
    side.store.deaths["no"] = 1

    await side.processor.recover()
    await side.settle()

    assert "may not have taken effect" in side.whispers("dana")[-1].text


async def test_payload_that_powerbot_has_not_stored_is_not_obeyed(side: Side) -> None:
    """Somebody has written it into the database; whoever it names is asked, and it is audited."""
    pressed = inputs.Pressed(do=inputs.Do.APPROVE, request_id="PR-7F3K")
    await side.processor.store(builders.inbound(pressed, "click"))
    side.store.foreign.add("click")

    await side.processor.recover()
    await side.settle()

    assert side.workflow.handled == []
    assert [(one.event, one.detail["payload"]) for one in side.store.audited] == [
        ("payload.not_ours", "click")
    ]
    assert side.store.finished == {"click"}
    assert "did nothing with it. If it was yours, send it again." in side.whispers("dana")[-1].text


async def test_a_no_is_obeyed_whoever_has_stored_it(side: Side) -> None:
    """One of before an update has no mark, and a Stop waits for no proof."""
    await side.processor.store(builders.inbound(inputs.Typed(text="stop PR-7F3K"), "no"))
    side.store.foreign.add("no")

    await side.processor.recover()
    await side.settle()

    assert [one.key for one in side.workflow.handled] == ["no"]
    assert side.store.audited == []


async def test_a_slow_payload_doesn_t_hold_up_the_rest_for_ever(side: Side) -> None:
    """It has the recovery for itself for a part of its lease; then the next is taken up."""
    gate = asyncio.Event()

    class Slow(fakes.Workflow):
        async def handle(self, inbound: ports.Inbound) -> answers.Answer | None:
            self.handled.append(inbound)
            await gate.wait()
            return answers.Note("Done.")

    workflow = Slow(side.store)
    answering = delivery.Delivery(side.sender, side.clock)
    slow = processor.Processor(
        side.store,
        workflow,
        answering,
        side.clock,
        bounds=processor.Patience(take_over_lease_s=0.06),
    )
    await received(side, "web01", "web02")

    first = await slow.recover()
    alone = [one.key for one in workflow.handled]
    second = await slow.recover()
    gate.set()
    await slow.close()

    assert (first, alone, second) == (1, ["web01"], 1)
    assert side.store.renewed == [["web01"]]
    assert side.store.finished == {"web01", "web02"}


async def test_processor_blames_no_payload_for_a_database_that_was_away(side: Side) -> None:
    """What couldn't be finished is given back, as often as it takes."""
    await received(side, "web01")

    for _ in range(recovery.MOST_DEATHS + 1):
        side.store.writes_away_for = len(processor.AGAIN_AFTER_S) + 1
        await side.processor.recover()
        await side.processor.close()
        assert side.store.finished == set()
    await side.processor.recover()
    await side.processor.close()

    assert side.store.finished == {"web01"}
    assert side.store.audited == []


async def test_processor_gives_back_what_is_under_way_when_it_stops(side: Side) -> None:
    """A process that ends in order has died on nothing."""
    await received(side, "web01")
    side.store.gate = asyncio.Event()
    await side.processor.recover()

    # The line is answered, and waits for the database to note it.
    await side.processor.let_go()
    side.store.gate.set()
    await side.processor.close()

    assert side.store.deaths == {"web01": 0}

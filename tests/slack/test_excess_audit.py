"""Refused payloads leave a trace that is bounded, and their people hear of it."""

from __future__ import annotations

from bot.slack.inbound import admission, excess_audit
from tests.slack.conftest import Side


async def test_person_who_mentions_too_often_is_told_once_and_noted_twice(
    connected: Side,
) -> None:
    """One answer, one row at once, and one with the count of the rest after a minute."""
    over = 5
    for number in range(admission.PAYLOADS_A_MINUTE + over):
        connected.workspace.say("dana", "ops", f"@Powerbot status web{number}")
        if number % 10 == 0:
            # What a slow machine doesn't acknowledge within 3 s comes again and counts again.
            await connected.workspace.settle()
    await connected.workspace.settle()
    await connected.processor.close()
    refused = [one for one in connected.whispers("dana") if "as one person can" in one.text]
    rows = [one for one in connected.store.audited if one.event == excess_audit.EVENT]
    assert (len(refused), [one.detail["refused"] for one in rows]) == (1, [1])

    connected.clock.passed_s += excess_audit.ROW_EVERY_S
    await connected.processor.recover()

    rows = [one for one in connected.store.audited if one.event == excess_audit.EVENT]
    assert sum(one.detail["refused"] for one in rows) == (
        admission.PAYLOADS_A_MINUTE + over - len(connected.store.inbox)
    )
    assert len(rows) == 2


async def test_person_who_types_too_often_reads_so_in_each_answer(connected: Side) -> None:
    """The acknowledgement of a command says it; the next person isn't touched."""
    for number in range(admission.PAYLOADS_A_MINUTE + 3):
        await connected.workspace.command("dana", "ops", f"/power status web{number}")
        await connected.processor.close()
    await connected.workspace.command("sam", "ops", "/power status web01")
    await connected.settle()

    assert "in the last minute" in connected.whispers("dana")[-1].text
    assert not any("in the last minute" in one.text for one in connected.whispers("sam"))
    rows = [one for one in connected.store.audited if one.event == excess_audit.EVENT]
    assert [(one.detail["limit"], one.detail["refused"]) for one in rows] == [("a minute", 1)]

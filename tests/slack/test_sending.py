"""What is sent keeps Slack's sizes, falls back to plain words, and never shows an inner error."""

from __future__ import annotations

import asyncio

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.power import inputs
from bot.sandbox.workspace import Workspace
from bot.slack import api_errors
from bot.slack.blockkit import blocks
from bot.slack.outbound import send_deadline, sending
from tests.slack.conftest import Side
from tests.support import ticks

WORDS = blocks.Message("Words that stand alone.", (blocks.section("*Words* in blocks."),))


async def test_refused_blocks_are_sent_as_plain_words(
    sender: sending.Sender, workspace: Workspace
) -> None:
    """When Slack refuses the blocks, the text still arrives, and an edit keeps both."""
    workspace.chaos.fail("chat.postMessage", "error", error="invalid_blocks")
    ts = await sender.post("C0OPS", WORDS)
    workspace.chaos.fail("chat.update", "error", error="msg_blocks_too_long")
    await sender.update("C0OPS", ts, WORDS)

    sent = workspace.calls("chat.update")[-1].args
    assert sent["text"] == WORDS.text
    assert sent["blocks"][0]["text"] == {
        "type": "plain_text",
        "text": WORDS.text,
        "emoji": False,
    }


async def test_message_that_is_too_large_keeps_its_buttons(
    sender: sending.Sender, workspace: Workspace
) -> None:
    """A card must stay usable, whatever somebody has put into it."""
    row = blocks.button_row([blocks.Button(inputs.Do.STOP, "PR-7F3K")])
    large = blocks.Message("Stop it?", (*[blocks.section("x" * 2900)] * 5, row))
    crowded = blocks.Message("Stop it?", (*[blocks.section("x")] * 60, row))

    for message in (large, crowded):
        await sender.post("C0OPS", message)
        assert workspace.messages("ops")[-1].buttons == ["Stop"]
    assert workspace.violations == []


@pytest.mark.parametrize(
    ("code", "gone", "closed"),
    [
        ("message_not_found", True, False),
        ("edit_window_closed", False, False),
        ("is_archived", False, True),
        ("not_in_channel", False, True),
        ("token_revoked", False, False),
    ],
)
async def test_refusals_are_told_apart(
    sender: sending.Sender, workspace: Workspace, code: str, *, gone: bool, closed: bool
) -> None:
    """Whoever sends must know whether to post anew, to go elsewhere, or to wait."""
    workspace.chaos.fail("chat.update", "error", error=code)

    with pytest.raises(api_errors.Undelivered) as refused:
        await sender.update("C0OPS", "1.2", WORDS)

    assert (refused.value.code, refused.value.gone, refused.value.closed) == (code, gone, closed)


async def test_short_retry_after_is_waited_out_and_a_long_one_is_handed_on(
    sender: sending.Sender, workspace: Workspace, clock: ticks.GivenClock
) -> None:
    """Two seconds are worth waiting for; a minute is for the caller to plan with."""
    workspace.chaos.fail("chat.postMessage", "status", status=429, retry_after_s=2)
    assert await sender.post("C0OPS", WORDS)
    assert clock.slept == [2.0]

    workspace.chaos.fail("chat.postMessage", "status", status=429, retry_after_s=60)
    with pytest.raises(api_errors.Undelivered) as refused:
        await sender.post("C0OPS", WORDS)
    assert (refused.value.code, refused.value.retry_after_s) == ("ratelimited", 60.0)


async def test_used_response_url_is_a_refusal_without_the_address(
    sender: sending.Sender, workspace: Workspace
) -> None:
    """A response URL is a secret; neither it nor Slack's page stands in the error."""
    url = workspace.url + "/respond/secret-part"

    with pytest.raises(api_errors.Undelivered) as refused:
        await sender.respond(url, WORDS)

    assert "secret-part" not in str(refused.value)


async def test_unreachable_slack_is_a_refusal_without_the_address(
    sender: sending.Sender, client: AsyncWebClient
) -> None:
    """The error of a broken connection would name the address."""
    client.base_url = "http://127.0.0.1:9/api/"
    with pytest.raises(api_errors.Undelivered, match=r"^no_answer$"):
        await sender.respond("http://127.0.0.1:9/secret-part", WORDS)


async def test_message_whose_new_blocks_are_refused_is_sent_with_older_ones(side: Side) -> None:
    """A workspace that takes no tables still gets the heading and the buttons."""
    table = blocks.table([["Server"], ["web01"]])
    older = blocks.section("Server: web01")
    side.workspace.chaos.fail("chat.postMessage", "error", error="invalid_blocks")

    await side.sender.post("C0OPS", blocks.Message("web01", (table,), plainer=(older,)))

    sent = [one["type"] for one in side.workspace.messages("ops")[-1].blocks]
    assert sent == ["section"]


async def test_message_whose_blocks_are_all_refused_is_sent_as_words(side: Side) -> None:
    """In the end the text alone is said."""
    table = blocks.table([["Server"], ["web01"]])
    older = blocks.section("older")
    side.workspace.chaos.fail("chat.postMessage", "error", count=2, error="invalid_blocks")

    await side.sender.post("C0OPS", blocks.Message("web01", (table,), plainer=(older,)))

    assert "web01" in side.workspace.messages("ops")[-1].words


def posts(side: Side) -> int:
    """How often a message was posted, or tried to be."""
    calls = side.workspace.journal.api_calls
    return sum(call.method == "chat.postMessage" for call in calls)


async def test_kind_of_block_that_was_refused_is_not_tried_again(side: Side) -> None:
    """One message costs a call more; all that follow are sent with older blocks at once."""
    table, older = blocks.table([["Server"], ["web01"]]), blocks.section("Server: web01")
    side.workspace.chaos.refuse("chat.postMessage", "invalid_blocks", containing='"table"')
    message = blocks.Message("web01", (table,), plainer=(older,))

    await side.sender.post("C0OPS", message)
    before = posts(side)
    await side.sender.post("C0OPS", message)

    assert (before, posts(side)) == (2, 3)
    assert [one["type"] for one in side.workspace.messages("ops")[-1].blocks] == ["section"]


async def test_message_without_older_blocks_keeps_its_own(side: Side) -> None:
    """What says nothing in older blocks is tried as it is."""
    sender = sending.Sender(side.client, side.clock, without=["table"])

    await sender.post("C0OPS", blocks.Message("web01", (blocks.table([["a"], ["b"]]),)))

    assert [one["type"] for one in side.workspace.messages("ops")[-1].blocks] == ["table"]


async def test_nothing_is_tried_again_after_the_instant_by_which_it_must_leave(
    sender: sending.Sender, workspace: Workspace, clock: ticks.GivenClock
) -> None:
    """The client repeats a 503 by itself; by then another process may have said the same."""
    workspace.chaos.fail("chat.postMessage", "status", status=503)
    with send_deadline.leaving_by(clock, clock.monotonic() + 10.0):
        posting = asyncio.create_task(sender.post("C0OPS", WORDS))
    while workspace.chaos.waiting()["faults"]:  # noqa: ASYNC110 -- a fault has no event
        await asyncio.sleep(0.001)
    clock.passed_s += 11.0
    with pytest.raises(send_deadline.TooLate):
        await posting

    assert workspace.calls("chat.postMessage") == []


@pytest.mark.parametrize("looks", [1, 2])
async def test_nothing_is_written_after_the_instant_by_which_it_must_leave(
    sender: sending.Sender, workspace: Workspace, clock: ticks.GivenClock, looks: int
) -> None:
    """Frozen while it connects, or just before the first byte, a process says nothing old."""
    await sender.post("C0OPS", WORDS)
    late = Late(looks)

    with pytest.raises(send_deadline.TooLate), send_deadline.leaving_by(late, 10.0):
        await sender.post("C0OPS", WORDS)

    assert late.looks == looks + 1
    assert len(workspace.calls("chat.postMessage")) == 1


class Late(ticks.GivenClock):
    """A clock that is past every deadline after so many looks."""

    def __init__(self, in_time: int) -> None:
        super().__init__()
        self.in_time = in_time
        self.looks = 0

    def monotonic(self) -> float:
        """Return the seconds that have passed by this look."""
        self.looks += 1
        return 0.0 if self.looks <= self.in_time else 100.0

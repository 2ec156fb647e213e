"""A deploy over a change of schema: what waited and what ran goes on in the new version."""

from __future__ import annotations

import asyncio
import pathlib
import time
from typing import Any

import pytest

from bot.power import lifecycle, ports
from bot.power.lifecycle import ServerState, State
from bot.sandbox import data_centre, workspace
from bot.slack.door import connection
from bot.storage import opening
from bot.storage.admin import audit_chain
from bot.storage.engine import connections
from tests.soak import stage
from tests.soak.person import PATIENCE_S
from tests.storage import goldens

ENDED, CANCELLED, PLANNED = "PR-88X9", "PR-285Y", "PR-TN7K"
PENDING, PENDING_CYCLE, LEFT_PENDING = "PR-4C84", "PR-VJRS", "PR-ERD3"
ACCEPTED, INTERRUPTED = "PR-9CVU", "PR-84DZ"


async def old_card(on: stage.Stage, request_id: str) -> workspace.Message:
    """Post a card as the old version has left it in the channel, with its button."""
    button = {
        "type": "button",
        "action_id": "pb:approve",
        "text": {"type": "plain_text", "text": "Approve"},
        "value": request_id,
    }
    async with connection.open_client(on.slack.app.bot_token, on.slack.api_url) as client:
        client.proxy = None
        posted = await client.chat_postMessage(
            channel="C0OPS",
            text=f"Reboot ({request_id})",
            blocks=[{"type": "actions", "elements": [button]}],
            unfurl_links=False,
            unfurl_media=False,
        )
    return next(one for one in on.slack.messages("C0OPS") if one.ts == posted["ts"])


async def requests(url: str) -> dict[str, tuple[ports.Request, list[ports.RunServer]]]:
    """Return all requests with their servers."""
    kept = opening.open_store(url)

    def look(tx: ports.Tx) -> dict[str, Any]:
        return {one.id: (one, tx.run_servers(one.id)) for one in tx.requests()}

    found = await kept.read(look)
    await kept.close()
    return found


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_deploy_from_the_last_released_schema_loses_nothing(
    kind: str, tmp_path: pathlib.Path, request: pytest.FixtureRequest
) -> None:
    """Pending requests can be approved by their old cards, and running ones come to a true end."""
    if kind == "postgresql":
        url = request.getfixturevalue("postgres").empty()
    else:
        url = f"sqlite:///{tmp_path / 'powerbot.db'}"
    goldens.load(url, "0001", now=time.time())
    async with stage.standing(tmp_path, url, factor=10.0, servers=40, operation_s=40) as on:
        await _notes_cards(on, url)
        # The reboot that the old version has sent is under way when the new one starts.
        web01 = on.centre.machine("web01")
        web01.accept(data_centre.Action.REBOOT, on.centre.now())
        on.replicas[0].start()
        await on.ready()
        reboot, cycle = list(on.slack.messages("C0OPS"))[:2]
        await on.slack.click("U0SAM", reboot, "Approve")
        # Its plan asks for two groups, as the policy of then did.
        await on.slack.click("U0SAM", cycle, "Approve")
        await on.slack.click("U0ROSA", cycle, "Approve")
        found = await _ended(url, {ACCEPTED, INTERRUPTED, PENDING, PENDING_CYCLE})
        await on.replicas[0].stop()

    states = {id_: one.state for id_, (one, _) in found.items()}
    assert states[ENDED] is State.SUCCEEDED
    assert states[CANCELLED] is State.CANCELLED
    assert states[PLANNED] is State.PLANNED
    assert states[LEFT_PENDING] is State.PENDING
    assert states[PENDING] is states[PENDING_CYCLE] is states[ACCEPTED] is State.SUCCEEDED
    # Its call was on the wire when the old version was killed: watched, and never sent again.
    assert [row.state for row in found[INTERRUPTED][1]] == [ServerState.UNKNOWN]
    assert on.centre.machine("web06").received[data_centre.Action.REBOOT] == 0
    assert web01.received[data_centre.Action.REBOOT] == 1
    with connections.reading(url) as connected:
        verdict = audit_chain.verify(connected)
    assert verdict.ok
    assert verdict.rows > len(goldens.rows("0001")["audit"])


async def _notes_cards(on: stage.Stage, url: str) -> None:
    """Bring the database to the newest schema as a release does, and let its cards stand."""
    opening.migrate(url)
    kept = opening.open_store(url)
    for request_id in (PENDING, PENDING_CYCLE):
        card = ports.Card("C0OPS", (await old_card(on, request_id)).ts)

        def note(tx: ports.Tx, request_id: str = request_id, card: ports.Card = card) -> None:
            tx.set_card(request_id, card)

        await kept.write(note)
    await kept.close()


async def _ended(
    url: str, wanted: set[str]
) -> dict[str, tuple[ports.Request, list[ports.RunServer]]]:
    """Wait until these requests have ended, and return all."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = await requests(url)
            if all(found[id_][0].state in lifecycle.ENDED for id_ in wanted):
                return found
            await asyncio.sleep(0.2)

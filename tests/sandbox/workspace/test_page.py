"""The page's API: what a person sees and does, over HTTP."""

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.workspace import Workspace
from tests.sandbox.workspace.builders import QUIET, actions, button, entry, mailbox_of, modal, plain
from tests.sandbox.workspace.conftest import Connect, Ui


async def test_a_page_shows_what_one_person_sees(
    workspace: Workspace, client: AsyncWebClient, ui: Ui
) -> None:
    """Channels, messages and ephemeral ones are those of the persona."""
    await client.chat_postMessage(channel="C0OPS", text="to all", **QUIET)
    await client.chat_postEphemeral(channel="C0OPS", user="U0DANA", text="psst")

    dana, gil = await ui("/ui/state?as=U0DANA"), await ui("/ui/state?as=U0GIL")

    assert [m["text"] for m in dana["messages"]["C0OPS"]] == ["to all", "psst"]
    assert [m["text"] for m in gil["messages"]["C0OPS"]] == ["to all"]
    assert dana["messages"]["C0OPS"][1]["ephemeral"]
    assert [channel["id"] for channel in gil["channels"]] == ["C0OPS"]
    assert {c["id"]: c["member"] for c in dana["channels"]}["C0DEV"] is False
    assert dana["me"]["name"] == "dana"
    assert dana["commands"][0]["command"] == "/power"
    assert {one["callback_id"] for one in dana["shortcuts"]} == {
        "power_request",
        "power_from_message",
    }
    assert (dana["home"], dana["views"], dana["toasts"]) == (None, [], [])


async def test_a_page_waits_for_the_next_change(workspace: Workspace, ui: Ui) -> None:
    """The long poll returns when something changes, with a greater version."""
    version = (await ui("/ui/state?as=U0DANA"))["version"]
    waiting = asyncio.create_task(ui(f"/ui/wait?as=U0DANA&since={version}"))

    await ui("/ui/message", {"as": "U0SAM", "channel": "C0OPS", "text": "hello"})
    state = await asyncio.wait_for(waiting, 60)

    assert state["version"] > version
    assert state["messages"]["C0OPS"][0]["user"] == "U0SAM"


async def test_a_page_can_play_a_whole_story(
    workspace: Workspace, bolt: AsyncApp, connect: Connect, ui: Ui
) -> None:
    """Command, typeahead, submit with errors, click and close all work over HTTP."""

    @bolt.command("/power")
    async def power(ack: Any, command: dict[str, Any], client: Any) -> None:
        await ack()
        typeahead = {"type": "multi_external_select", "action_id": "pick", "min_query_length": 1}
        view = modal(entry(typeahead, block_id="servers"))
        await client.views_open(trigger_id=command["trigger_id"], view=view)
        await client.chat_postMessage(
            channel="C0OPS", text="card", blocks=[actions(button())], **QUIET
        )

    @bolt.options("pick")
    async def offer(ack: Any) -> None:
        await ack(options=[{"text": plain("web01"), "value": "id-1"}])

    @bolt.view("review")
    async def submitted(ack: Any) -> None:
        await ack(response_action="errors", errors={"servers": "locked"})

    @bolt.action("approve")
    async def approve(ack: Any, respond: Any) -> None:
        await ack()
        await respond("noted")

    await connect(bolt)
    me = {"as": "U0DANA", "channel": "C0OPS"}

    assert (await ui("/ui/command", {**me, "text": "/power reboot web01"}))["ok"]
    await workspace.wait_for(lambda: workspace.messages("ops"))
    state = await ui("/ui/state?as=U0DANA")
    (view,), (card,) = state["views"], state["messages"]["C0OPS"]
    field = {"as": "U0DANA", "view_id": view["id"], "block_id": "servers", "action_id": "pick"}
    offers = await ui("/ui/suggest", {**field, "query": "we"})
    values = {"servers": {"pick": ["id-1"]}}
    answer = await ui("/ui/submit", {**me, "view_id": view["id"], "values": values})
    shown = (await ui("/ui/state?as=U0DANA"))["views"][0]
    click = {**me, "ts": card["ts"], "block_id": card["blocks"][0]["block_id"]}
    clicked = await ui("/ui/click", {**click, "action_id": "approve"})
    closed = await ui("/ui/close", {"as": "U0DANA", "view_id": view["id"]})
    await workspace.wait_for(lambda: workspace.ephemerals("dana"))

    assert offers["options"][0]["value"] == "id-1"
    assert (answer["ok"], answer["errors"]) == (False, {"servers": "locked"})
    assert shown["errors"] == {"servers": "locked"}
    assert shown["state"]["values"]["servers"]["pick"]["selected_options"][0]["value"] == "id-1"
    assert clicked["ok"]
    assert closed["ok"]
    assert workspace.ephemerals("dana")[-1].text == "noted"


async def test_a_page_that_has_not_heard_of_an_edit_presses_what_it_still_shows(
    workspace: Workspace, ui: Ui, connect: Connect, bolt: AsyncApp, client: AsyncWebClient
) -> None:
    """The button is gone from the message, and Slack delivers the click all the same."""
    pressed: list[str] = []

    @bolt.action("approve")
    async def approve(ack: Any, body: Any) -> None:
        await ack()
        pressed.append(body["actions"][0]["block_id"])

    await connect(bolt)
    posted = await client.chat_postMessage(
        channel="C0OPS", text="card", blocks=[actions(button())], **QUIET
    )
    (card,) = (await ui("/ui/state?as=U0DANA"))["messages"]["C0OPS"]
    await client.chat_update(channel="C0OPS", ts=posted["ts"], text="over", blocks=[])
    click = {"as": "U0DANA", "channel": "C0OPS", "ts": card["ts"], "action_id": "approve"}

    shown = card["blocks"][0]["block_id"]
    clicked = await ui("/ui/click", {**click, "block_id": shown})
    unknown = await ui("/ui/click", {**click, "block_id": "never"})

    assert clicked["ok"]
    assert pressed == [shown]
    assert "there is no 'approve'" in unknown["error"]


async def test_a_page_can_use_the_rest(workspace: Workspace, ui: Ui) -> None:
    """Shortcuts, Home, reactions and thread replies have routes too."""
    root = await ui("/ui/message", {"as": "U0DANA", "channel": "C0OPS", "text": "web01 is down"})
    where = {"as": "U0DANA", "channel": "C0OPS", "ts": root["ts"]}

    home = await ui("/ui/home", {"as": "U0DANA"})
    reacted = await ui("/ui/react", {**where, "name": ":eyes:"})
    reply = await ui("/ui/message", {**where, "text": "@powerbot", "thread_ts": root["ts"]})
    shortcut = await ui("/ui/shortcut", {**where, "callback_id": "power_from_message"})
    journal = await ui("/ui/journal")

    assert home["ok"]
    assert reacted["ok"]
    assert workspace.messages("ops")[0].reactions == {"eyes": ["U0DANA"]}
    assert workspace.thread("ops", root["ts"])[1].ts == reply["ts"]
    assert shortcut["error"] == "dispatch_failed"
    assert {entry["kind"] for entry in journal["entries"]} >= {"envelope"}


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("/ui/command", {"as": "U0DANA", "channel": "C0OPS"}, "'text' is missing"),
        ("/ui/command", {"as": "U0NOBODY", "channel": "C0OPS", "text": "/x"}, "no person"),
        ("/ui/command", {"as": "U0DANA", "channel": "C0OPS", "text": "/x"}, "unknown_command"),
        ("/ui/click", {"as": "U0DANA", "view_id": "V1", "action_id": "a"}, "no open view"),
        ("/ui/home", {"channel": "C0OPS"}, "`as` is needed"),
        ("/ui/submit", {"as": "U0DANA", "view_id": ["x"]}, "no open view"),
        ("/ui/chaos", {"kind": "earthquake"}, "kind must be one of"),
        ("/ui/chaos", {"kind": "fail", "fault": "x"}, "fault must be one of"),
    ],
)
async def test_a_page_is_told_what_is_wrong(
    ui: Ui, path: str, body: dict[str, Any], error: str
) -> None:
    """A wrong wish is answered with a sentence, not with a crash."""
    answer = await ui(path, body)

    assert answer["ok"] is False
    assert error in answer["error"]


async def test_another_sites_page_is_refused(workspace: Workspace) -> None:
    """Neither a foreign origin nor a foreign host name gets an answer."""
    async with aiohttp.ClientSession(workspace.url) as session:
        for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
            async with session.get("/ui/state?as=U0DANA", headers=headers) as response:
                assert response.status == 403


async def test_nobody_unknown_sees_a_page(workspace: Workspace) -> None:
    """A persona that doesn't exist is a 404, so that the page can ask for another."""
    async with (
        aiohttp.ClientSession(workspace.url) as session,
        session.get("/ui/state?as=U0NOBODY") as response,
    ):
        answer = await response.json()

    assert (response.status, answer["ok"]) == (404, False)


async def test_a_page_clicks_in_a_view_with_what_was_typed(
    workspace: Workspace, client: AsyncWebClient, ui: Ui
) -> None:
    """A button in a modal carries along the fields that are filled in so far."""
    box = mailbox_of(workspace)
    await workspace.command("dana", "ops", "/power")
    field = entry({"type": "plain_text_input", "action_id": "f"}, block_id="a")
    opened = await client.views_open(
        trigger_id=box.received[-1]["trigger_id"], view=modal(field, actions(button()))
    )
    where = {"as": "U0DANA", "view_id": opened["view"]["id"]}

    answer = await ui(
        "/ui/click", {**where, "action_id": "approve", "values": {"a": {"f": "typed"}}}
    )

    assert answer["ok"]
    assert box.received[-1]["view"]["state"]["values"]["a"]["f"]["value"] == "typed"


async def test_others_may_add_routes() -> None:
    """Extra routes are served beside the workspace's own."""

    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="a page")

    workspace = Workspace()
    await workspace.start(extra_routes=[web.get("/", hello)])

    async with aiohttp.ClientSession() as session, session.get(workspace.url) as response:
        text = await response.text()
    await workspace.stop()

    assert text == "a page"


async def test_a_workspace_serves_this_machine_only() -> None:
    """There is no password, so no other host may be bound."""
    with pytest.raises(ValueError, match="loopback only"):
        await Workspace().start(host="192.0.2.1")

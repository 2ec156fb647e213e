"""Corners: what is forgotten, too much, too late, or plain wrong."""

import asyncio
import contextlib
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings, strategies as st
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.sandbox.workspace import App, Cast, Channel, Workspace
from bot.sandbox.workspace.base import limits
from bot.sandbox.workspace.base.rates import RateLimiter
from bot.sandbox.workspace.base.refusal import RefusedError
from bot.sandbox.workspace.blockkit import blocks
from bot.sandbox.workspace.state import manifest
from bot.sandbox.workspace.state.timeline import Timeline
from tests.sandbox.workspace.builders import (
    QUIET,
    Json,
    actions,
    button,
    entry,
    mailbox_of,
    modal,
    plain,
    section,
)
from tests.support import ticks

_KEYS = st.sampled_from(["type", "text", "elements", "fields", "accessory", "rows", "element"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(_KEYS, inner),
    max_leaves=20,
)
_TYPES = st.sampled_from(["section", "actions", "input", "table", "rich_text", "button", "mrkdwn"])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.fixed_dictionaries({"type": _TYPES | JSON}, optional={"text": JSON}) | JSON))
def test_the_validator_never_stumbles(content: list[Any]) -> None:
    """Whatever is sent, it is taken or refused by name."""
    with contextlib.suppress(RefusedError):
        blocks.check_message(content)


async def test_a_view_can_be_found_by_its_own_name(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    """An external id leads to a view, and no two open views share one."""
    box = mailbox_of(workspace)
    await workspace.command("dana", "ops", "/power")
    await workspace.command("sam", "ops", "/power")
    first, second = (one["trigger_id"] for one in box.received)
    named = modal(external_id="mine")
    await client.views_open(trigger_id=first, view=named)

    await client.views_update(external_id="mine", view={**named, "title": plain("Two")})

    assert workspace.views("dana")[0].title == "Two"
    with pytest.raises(SlackApiError, match="duplicate_external_id"):
        await client.views_open(trigger_id=second, view=named)
    with pytest.raises(SlackApiError, match="not_found"):
        await client.views_update(external_id="other", view=named)
    with pytest.raises(SlackApiError, match="not_found"):
        await client.views_update(view_id="V1", view=named)
    with pytest.raises(SlackApiError, match="'not_found'"):
        await client.views_push(trigger_id=second, view=modal())


async def test_a_home_tab_has_versions_too(workspace: Workspace, client: AsyncWebClient) -> None:
    """Publishing again needs the newest hash, if any; nobody unknown has a Home tab."""
    view = {"type": "home", "blocks": [section(), actions(button())]}
    first = await client.views_publish(user_id="U0DANA", view=view)
    await client.views_publish(user_id="U0DANA", view=view)

    with pytest.raises(SlackApiError, match="hash_conflict"):
        await client.views_publish(user_id="U0DANA", view=view, hash=first["view"]["hash"])
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        await client.views_publish(user_id="U0NOBODY", view=view)

    box = mailbox_of(workspace)
    home = workspace.home("dana")
    assert home is not None
    assert home.buttons == ["Approve"]
    workspace.open_home("dana")
    await workspace.settle()
    assert box.received[-1]["event"]["view"]["id"] == home.id
    assert (await workspace.click("dana", home, "Approve")).ok
    assert box.received[-1]["container"] == {"type": "view", "view_id": home.id}


async def test_a_conversation_field_starts_with_the_channel_of_the_command(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    """default_to_current_conversation fills in where the person was."""
    box = mailbox_of(workspace)
    await workspace.command("dana", "incidents", "/power")
    field = {"action_id": "f", "default_to_current_conversation": True}
    one, many = (entry({**field, "type": f"{kind}conversations_select"}) for kind in ("", "multi_"))
    view = modal({**one, "block_id": "a"}, {**many, "block_id": "b"})
    await client.views_open(trigger_id=box.received[-1]["trigger_id"], view=view)

    await workspace.submit("dana")

    values = box.received[-1]["view"]["state"]["values"]
    assert values["a"]["f"]["selected_conversation"] == "C0INC"
    assert values["b"]["f"]["selected_conversations"] == ["C0INC"]


async def test_granted_scopes_open_more_methods() -> None:
    """With im:write and team:read, direct messages can be opened and the team asked for."""
    workspace = Workspace(app=App(scopes=("im:write", "team:read", "im:read", "chat:write")))
    await workspace.start()
    client = AsyncWebClient("xoxb-demo", base_url=workspace.api_url)

    opened = await client.conversations_open(users="U0DANA")
    listed = await client.conversations_list(types="im")
    team = await client.team_info()
    errors = [
        await _error(client.conversations_open(users=users))
        for users in ("U0NOBODY", "U0DEE", "U0DANA,U0SAM", "")
    ]
    errors.append(await _error(client.conversations_list(types="pub")))
    errors.append(await _error(client.conversations_list(limit=5000)))
    errors.append(await _error(client.conversations_list(limit="many")))  # type: ignore[arg-type]
    errors.append(await _error(client.team_info(team="T0OTHER")))
    errors.append(await _error(client.conversations_info(channel="C0NOWHERE")))
    await workspace.stop()

    assert opened["channel"]["id"] == "D0DANA"
    assert [channel["user"] for channel in listed["channels"]] == ["U0DANA"]
    assert team["team"]["id"] == "T0DEMO"
    assert errors == [
        "user_not_found",
        "user_disabled",
        "invalid_user_combination",
        "users_list_not_supplied",
        "invalid_types",
        "invalid_limit",
        "invalid_arguments",
        "team_not_found",
        "channel_not_found",
    ]


async def _error(call: Any) -> str:
    with pytest.raises(SlackApiError) as refused:
        await call
    return str(refused.value.response["error"])


async def test_private_and_archived_channels_are_closed() -> None:
    """A private channel without the bot doesn't exist for it; an archived one takes nothing."""
    channels = [
        Channel("C0HIDE", "hidden", {"U0DANA"}, is_private=True),
        Channel("C0PRIV", "private", {"U0DANA", "U0BOT"}, is_private=True),
        Channel("C0OLD", "old", {"U0DANA", "U0BOT"}, is_archived=True),
    ]
    workspace = Workspace(cast=Cast(channels=channels))
    await workspace.start()
    client = AsyncWebClient("xoxb-demo", base_url=workspace.api_url)

    listed = await client.conversations_list(types="private_channel")
    errors = [
        await _error(client.chat_postMessage(channel="C0HIDE", text="x", **QUIET)),
        await _error(client.conversations_info(channel="C0HIDE")),
        await _error(client.chat_postMessage(channel="C0OLD", text="x", **QUIET)),
    ]
    await workspace.stop()

    assert [channel["name"] for channel in listed["channels"]] == ["private"]
    assert errors == ["channel_not_found", "channel_not_found", "is_archived"]


async def test_a_permalink_in_a_thread_names_the_thread(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    """A reply's link carries its root, and a reply to a reply stays in the thread."""
    root = workspace.say("dana", "ops", "down")
    reply = workspace.say("sam", "ops", "looking", thread_ts=root.ts)
    posted = await client.chat_postMessage(channel="C0OPS", text="x", thread_ts=reply.ts, **QUIET)

    link = await client.chat_getPermalink(channel="C0OPS", message_ts=posted["ts"])

    assert f"thread_ts={root.ts}" in link["permalink"]
    assert root.reply_count == 2
    await client.chat_delete(channel="C0OPS", ts=posted["ts"])
    assert root.reply_count == 1
    workspace.say("dana", "ops", "done")


async def test_a_reply_outlives_its_root(workspace: Workspace, client: AsyncWebClient) -> None:
    """A thread whose root is gone can still lose a reply."""
    root = await client.chat_postMessage(channel="C0OPS", text="root", **QUIET)
    reply = workspace.say("sam", "ops", "a reply", thread_ts=root["ts"])

    await client.chat_delete(channel="C0OPS", ts=root["ts"])
    workspace._state.timeline.delete(reply)

    assert workspace.messages("ops") == []


async def test_a_quiet_field_is_kept_until_the_submission(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    """A choice in an input block is sent only when the app asked for it with dispatch_action."""
    box = mailbox_of(workspace)
    field = {"type": "plain_text_input", "action_id": "f"}
    quiet, loud = entry(field, block_id="a"), entry(field, block_id="b", dispatch_action=True)
    await workspace.command("dana", "ops", "/power")
    await client.views_open(trigger_id=box.received[-1]["trigger_id"], view=modal(quiet, loud))
    (view,) = workspace.views("dana")

    await workspace.click("dana", view, "f", "kept", block_id="a")
    await workspace.click("dana", view, "f", "sent", block_id="b")

    assert len(box.received) == 2
    assert box.received[-1]["actions"][0]["value"] == "sent"
    assert box.received[-1]["view"]["state"]["values"]["a"]["f"]["value"] == "kept"
    with pytest.raises(LookupError, match="no field"):
        workspace.fill(view, {"c": {"f": "x"}})
    await workspace.close("dana", clear_all=True)
    assert workspace.views("dana") == []


async def test_nobody_acts_on_what_only_another_sees(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    """Another's ephemeral message, an unknown menu line and a deaf app are told apart."""
    more = [{"text": plain("Undo"), "value": "undo"}, {"text": plain("Redo"), "value": "redo"}]
    menu = {"type": "overflow", "action_id": "more", "options": more}
    typeahead = {"type": "external_select", "action_id": "f", "min_query_length": 0}
    content = [actions(menu, typeahead)]
    await client.chat_postEphemeral(channel="C0OPS", user="U0DANA", text="x", blocks=content)
    (message,) = workspace.ephemerals("dana")

    with pytest.raises(LookupError, match="doesn't see that"):
        await workspace.click("sam", message, "more", "Undo")
    with pytest.raises(LookupError, match="the menu has no 'Eat'"):
        await workspace.click("dana", message, "more", "Eat")
    assert (await workspace.suggest("dana", message, "f", "")).error == "dispatch_failed"
    assert (await workspace.click("dana", message, "more", "redo")).error == "dispatch_failed"


async def test_a_submission_into_the_void_leaves_the_modal(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    """Without an ack the modal stays, and the person may try again."""
    box = mailbox_of(workspace)
    await workspace.command("dana", "ops", "/power")
    hint = {"type": "plain_text_input", "action_id": "f"}
    view = modal(actions(button()), entry(hint, optional=True))
    await client.views_open(trigger_id=box.received[-1]["trigger_id"], view=view)
    workspace.deliver_by(workspace.hub)

    outcome = await workspace.submit("dana")

    assert outcome.error == "dispatch_failed"
    assert len(workspace.views("dana")) == 1
    assert "Submitting didn't work" in workspace.toasts("dana")[0].text


async def test_a_response_to_a_message_that_is_gone_is_a_new_one(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    """replace_original has nothing to replace once the message was deleted."""
    box = mailbox_of(workspace)
    content = [actions(button())]
    posted = await client.chat_postMessage(channel="C0OPS", text="x", blocks=content, **QUIET)
    await workspace.click("dana", workspace.messages("ops")[0], "Approve")
    await client.chat_delete(channel="C0OPS", ts=posted["ts"])

    await AsyncWebhookClient(box.received[-1]["response_url"]).send(
        text="too late", replace_original=True
    )

    assert [message.text for message in workspace.ephemerals("dana")] == ["too late"]


async def test_a_command_in_words_that_slack_knows_not(workspace: Workspace) -> None:
    """An unknown command or shortcut never reaches the app, and a novel is refused."""
    box = mailbox_of(workspace)

    outcome = await workspace.command("dana", "ops", "/powr list")

    assert outcome.error == "unknown_command"
    assert outcome.as_json() == {"ok": False, "error": "unknown_command", "errors": {}}
    with pytest.raises(LookupError, match="no shortcut"):
        await workspace.shortcut("dana", "nothing")
    with pytest.raises(LookupError, match="no channel"):
        await workspace.command("dana", "nowhere", "/power")
    with pytest.raises(LookupError, match="no modal open"):
        await workspace.submit("dana")
    with pytest.raises(ValueError, match="msg_too_long"):
        workspace.say("dana", "ops", "x" * 40_001)
    assert box.received == []


async def test_a_bad_ack_of_a_command_is_a_violation(workspace: Workspace) -> None:
    """Forged text in an ack is not shown, and the typist is told that it failed."""
    mailbox_of(workspace).answer = {"text": "<!channel>"}

    outcome = await workspace.command("dana", "ops", "/power list")

    assert outcome.error == "bad_answer"
    assert {violation.rule for violation in workspace.violations} == {"forged_text", "bad_answer"}
    assert workspace.ephemerals("dana") == []


async def test_reactions_are_told_to_subscribers_only(workspace: Workspace) -> None:
    """An app without the event hears nothing; one with it hears both directions."""
    curious = Workspace(
        registered={"settings": {"event_subscriptions": {"bot_events": ["reaction_added"]}}}
    )
    boxes = [mailbox_of(workspace), mailbox_of(curious)]
    for one in (workspace, curious):
        message = one.say("dana", "ops", "@powerbot hi @sam")
        one.react("sam", "ops", message.ts, "eyes")
        one.react("sam", "ops", message.ts, "eyes")
        await one.settle()

    kinds = [[payload["event"]["type"] for payload in box.received] for box in boxes]
    assert kinds == [["app_mention"], ["reaction_added"]]
    assert message.text == "<@U0BOT> hi <@U0SAM>"
    assert message.reactions == {}


async def test_a_mention_where_the_bot_is_not_stays_unheard(workspace: Workspace) -> None:
    """The bot hears nothing from a channel that it isn't in, and where it came from elsewhere."""
    box = mailbox_of(workspace)

    workspace.mention("dana", "dev", "hello")
    workspace.mention("stan", "partners", "hello")
    await workspace.settle()

    (payload,) = box.received
    assert payload["is_ext_shared_channel"]
    assert payload["event"]["user_team"] == "T0OTHER"


async def test_a_message_takes_only_so_many_emoji(workspace: Workspace) -> None:
    """A message can't be filled with reactions without end."""
    message = workspace.say("dana", "ops", "x")
    for number in range(limits.REACTIONS):
        workspace.react("dana", "ops", message.ts, f"e{number}")

    with pytest.raises(ValueError, match="too many emoji"):
        workspace.react("dana", "ops", message.ts, "one-more")


async def test_a_bad_post_to_a_response_url_is_refused(workspace: Workspace) -> None:
    """A response URL refuses what chat.postMessage would refuse, and unknown keys."""
    box = mailbox_of(workspace)
    await workspace.command("dana", "ops", "/power")
    url = box.received[-1]["response_url"]

    statuses = [
        (await AsyncWebhookClient(url).send(text="<!channel>")).status_code,
        (await AsyncWebhookClient(url).send(text="")).status_code,
        (await AsyncWebhookClient(f"{workspace.url}/respond/nothing").send(text="x")).status_code,
    ]

    assert statuses == [400, 400, 404]


async def test_an_eleventh_socket_is_sent_away(
    workspace: Workspace, clock: ticks.GivenClock
) -> None:
    """An app may hold ten sockets; an address is good for half a minute."""
    async with aiohttp.ClientSession() as session:
        sockets = [await session.ws_connect(await _address(session, workspace)) for _ in range(10)]
        extra = await session.ws_connect(await _address(session, workspace))
        farewell = await extra.receive_json()
        stale = await _address(session, workspace)
        clock.passed_s += 31
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(stale)
        await sockets[0].send_str("no json")
        await sockets[0].send_json({"envelope_id": "unknown", "payload": "x"})
        await workspace.wait_for(lambda: workspace.hub.connected == 10)
        await workspace.hub.disconnect("warning")
        for socket in [*sockets, extra]:
            await socket.close()

    assert farewell["reason"] == "too_many_websockets"


async def _address(session: aiohttp.ClientSession, workspace: Workspace) -> str:
    headers = {"Authorization": "Bearer xapp-demo"}
    async with session.post(
        f"{workspace.api_url}apps.connections.open", headers=headers
    ) as response:
        return str((await response.json())["url"])


async def test_socket_addresses_are_kept_in_bounded_numbers(workspace: Workspace) -> None:
    """The oldest unused address is forgotten first."""
    first = workspace.hub.new_ticket()
    for _ in range(limits.SOCKET_TICKETS):
        workspace.hub.new_ticket()

    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{workspace.url}/ws/{first}")


async def test_a_wait_ends_with_its_time(workspace: Workspace) -> None:
    """What never becomes true is a time-out, with or without other changes."""
    with pytest.raises(TimeoutError):
        await workspace.wait_for(lambda: False, timeout_s=0.01)


async def test_old_things_are_forgotten(workspace: Workspace, clock: ticks.GivenClock) -> None:
    """Messages, trigger ids and response URLs are kept in bounded numbers."""
    timeline = Timeline(clock.now, workspace._state.rng)
    for _ in range(limits.MESSAGES_PER_CHANNEL + 1):
        timeline.post("C0OPS", "U0DANA", "x")
    tickets = workspace._state.tickets
    first = tickets.new_trigger("U0DANA")
    key = tickets.new_response_url("U0DANA", "C0OPS")
    for _ in range(limits.RESPONSE_URLS):
        tickets.new_trigger("U0DANA")
        tickets.new_response_url("U0DANA", "C0OPS")

    assert len(timeline.in_channel("C0OPS")) == limits.MESSAGES_PER_CHANNEL
    with pytest.raises(RefusedError, match="invalid_trigger_id"):
        tickets.exchange_trigger(first)
    with pytest.raises(RefusedError, match="used_url"):
        tickets.use_response_url(key)


def test_a_rate_factor_scales_and_must_be_positive(clock: ticks.GivenClock) -> None:
    """Twice the factor is twice the burst; a clock that was set back costs nothing."""
    with pytest.raises(ValueError, match="greater than 0"):
        RateLimiter(clock.now, 0)
    generous = RateLimiter(clock.now, 2)

    taken = [generous.take("chat.postMessage", "C0OPS") for _ in range(11)]
    clock.passed_s -= 100
    again = generous.take("chat.postMessage", "C0OPS")
    for number in range(2100):
        generous.take("chat.postMessage", f"C{number}")

    assert taken == [0] * 10 + [1]
    assert again == 1
    assert generous.take("auth.test") == 0


async def test_faults_have_room_for_so_many_methods(workspace: Workspace) -> None:
    """The list of methods with faults has an end."""
    for number in range(limits.FAULTY_METHODS):
        workspace.chaos.set_latency(f"m{number}", 1)

    with pytest.raises(ValueError, match="too many methods"):
        workspace.chaos.fail("one.more")


async def test_a_port_in_use_is_an_error(workspace: Workspace) -> None:
    """A second server on the same port says so, and leaves nothing open."""
    port = int(workspace.url.rsplit(":", 1)[1])

    with pytest.raises(OSError, match="address already in use"):
        await Workspace().start(port=port)


def test_an_empty_manifest_registers_nothing() -> None:
    """What a manifest leaves out doesn't exist."""
    empty: Json = {}

    read = manifest.read(empty)

    assert (read.commands, read.shortcuts, read.bot_events) == ((), (), frozenset())


async def test_events_that_pile_up_are_dropped(workspace: Workspace) -> None:
    """With too many events under way the next ones are written off at once."""
    slow = Workspace(redelivery_delays_s=(60,))
    message = "status"
    for _ in range(limits.PENDING_ENVELOPES + 1):
        slow.mention("dana", "ops", message)
    await asyncio.sleep(0)

    lost = [
        one for one in slow.journal.entries if one.kind == "lost" and "reason" not in one.details
    ]
    await slow.stop()

    assert len(lost) == 1


async def test_no_workspace_gives_an_id_that_another_has_given() -> None:
    """A bot that keeps its database would take a press after a restart for one that it has had."""
    given = []
    for _ in range(2):
        workspace = Workspace()
        box = mailbox_of(workspace)
        await workspace.command("dana", "ops", "/power")
        given.append(box.received[0]["trigger_id"])

    assert given[0] != given[1]

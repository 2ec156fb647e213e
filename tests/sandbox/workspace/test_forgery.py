"""Nothing that foreign text could do to a channel gets through."""

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.workspace import Workspace
from tests.sandbox.workspace.builders import (
    QUIET,
    Json,
    actions,
    button,
    modal,
    mrkdwn,
    plain,
    rich_text,
    section,
)

FORGED_TEXTS = {
    "channel": "hi <!channel>",
    "here": "hi <!here|here>",
    "everyone": "`<!everyone>`",
    "group": "<!subteam^S0ONCALL|@oncall>",
    "unknown person": "ask <@U0NOBODY>",
    "unknown channel": "see <#C0NOWHERE>",
    "masked link": "<https://evil.example|https://status.example.com>",
    "masked host": "<https://evil.example/x|status.example.com>",
    "masked address": "<https://evil.example/x|go to https://status.example.com>",
    "link like a person": "<https://evil.example|@sam>",
    "script": "<javascript:alert(1)|x>",
    "bare bracket": "if a < b",
    "bidi": "reboot \u202e10bew",
    "control": "reboot \x1b[31mweb01",
}


@pytest.mark.parametrize("case", FORGED_TEXTS)
async def test_a_bot_may_not_post_forged_text(
    workspace: Workspace, client: AsyncWebClient, case: str
) -> None:
    """Forged text is refused in the text as in a block, and noted."""
    text = FORGED_TEXTS[case]

    for body in ({"text": text}, {"text": "x", "blocks": [section(text)]}):
        with pytest.raises(SlackApiError, match="forged_text"):
            await client.chat_postMessage(channel="C0OPS", **body, **QUIET)

    assert [violation.rule for violation in workspace.violations] == ["forged_text"] * 2
    assert workspace.messages("ops") == []


FORGED_BLOCKS: dict[str, Json] = {
    "broadcast": rich_text({"type": "broadcast", "range": "channel"}),
    "unknown person": rich_text({"type": "user", "user_id": "U0NOBODY"}),
    "group": rich_text({"type": "usergroup", "usergroup_id": "S0ONCALL"}),
    "masked link": rich_text(
        {"type": "link", "url": "https://evil.example", "text": "good.example.com"}
    ),
    "bidi on a button": actions(button(text=plain("Approve\u202e"))),
    "context": {"type": "context", "elements": [mrkdwn("<!here>")]},
    "markdown": {"type": "markdown", "text": "<!channel>"},
}


@pytest.mark.parametrize("case", FORGED_BLOCKS)
async def test_a_bot_may_not_post_forged_blocks(client: AsyncWebClient, case: str) -> None:
    """Every place in which words are shown is looked at."""
    with pytest.raises(SlackApiError, match="forged_text"):
        await client.chat_postMessage(
            channel="C0OPS", text="x", blocks=[FORGED_BLOCKS[case]], **QUIET
        )


FAIR_TEXTS = {
    "person": "by <@U0DANA> and <@U0SAM|sam>",
    "channel": "in <#C0OPS>",
    "date": "at <!date^1800000000^{date_short_pretty} at {time}|2027-01-15 08:00 UTC>",
    "link": "<https://example.com/PR-1|the request>",
    "own name": "<https://www.example.com/a|example.com/a>",
    "escaped": "&lt;!channel&gt; a &lt; b",
    "lines": "one\ntwo\tthree",
}


@pytest.mark.parametrize("case", FAIR_TEXTS)
async def test_a_bot_may_post_fair_text(
    workspace: Workspace, client: AsyncWebClient, case: str
) -> None:
    """Mentions of known people, dates, honest links and escaped text are fine."""
    await client.chat_postMessage(
        channel="C0OPS",
        text=FAIR_TEXTS[case],
        blocks=[section(FAIR_TEXTS[case]), rich_text({"type": "text", "text": "<!channel>"})],
        **QUIET,
    )

    assert workspace.violations == []


async def test_a_post_must_switch_previews_off(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    """A post without both unfurl arguments is refused and noted."""
    with pytest.raises(SlackApiError, match="unfurl_not_off"):
        await client.chat_postMessage(channel="C0OPS", text="x", unfurl_links=False)

    assert workspace.violations[0].message == "unfurl_media is not false"


async def test_a_lenient_workspace_notes_and_takes(client: AsyncWebClient) -> None:
    """Without `strict` a broken rule is noted, and the message stands."""
    lenient = Workspace(strict=False, mentionable_groups=["S0ONCALL"])
    await lenient.start()
    client.base_url = lenient.api_url

    await client.chat_postMessage(channel="C0OPS", text="<!here>", **QUIET)
    await client.chat_postMessage(channel="C0OPS", text="<!subteam^S0ONCALL>", **QUIET)
    await lenient.stop()

    assert [violation.message for violation in lenient.violations] == ["a live <!here>"]
    assert len(lenient.messages("ops")) == 2


async def test_a_modal_is_looked_at_too(workspace: Workspace, client: AsyncWebClient) -> None:
    """Forged text in a view is refused like any other."""
    view = modal(section("<!channel>"))

    with pytest.raises(SlackApiError, match="forged_text"):
        await client.views_publish(
            user_id="U0DANA", view={"type": "home", "blocks": view["blocks"]}
        )

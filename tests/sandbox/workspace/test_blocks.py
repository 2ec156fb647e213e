"""What the validator takes and refuses, with two independent libraries as builders."""

from typing import Any

import pytest
import slackblocks
from slack_sdk.models import blocks as sdk, views as sdk_views

from bot.sandbox.workspace.base import limits
from bot.sandbox.workspace.base.refusal import RefusedError
from bot.sandbox.workspace.blockkit import blocks
from tests.sandbox.workspace.builders import (
    Json,
    actions,
    button,
    entry,
    modal,
    mrkdwn,
    option,
    plain,
    rich_text,
    section,
    select,
    table,
    task,
)

TEXT = {"type": "plain_text_input", "action_id": "words"}
PLAN = {"type": "plan", "title": "Reboot", "tasks": [task()]}
BAD_MESSAGES: dict[str, tuple[list[Any], str]] = {
    "51 blocks": ([section()] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    "unknown block type": ([{"type": "banner"}], "unsupported type: banner"),
    "block without type": ([{"text": plain("x")}], "missing required field: type"),
    "block that is no object": (["section"], "must be an object [json-pointer:/blocks/0]"),
    "unknown key": ([{**section(), "colour": "red"}], "invalid additional property: colour"),
    "section without words": ([{"type": "section"}], "missing required field: text or fields"),
    "section of 3001": ([section("x" * 3001)], "must be less than 3001 characters"),
    "empty section": ([section("")], "must be more than 0 characters"),
    "11 fields": ([{"type": "section", "fields": [mrkdwn("x")] * 11}], "no more than 10 items"),
    "field of 2001": (
        [{"type": "section", "fields": [mrkdwn("x" * 2001)]}],
        "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
    ),
    "header of 151": ([{"type": "header", "text": plain("x" * 151)}], "less than 151"),
    "mrkdwn in a header": ([{"type": "header", "text": mrkdwn("x")}], "unsupported type: mrkdwn"),
    "11 in a context": ([{"type": "context", "elements": [mrkdwn("x")] * 11}], "no more than 10"),
    "button in a context": ([{"type": "context", "elements": [button()]}], "unsupported type"),
    "no actions": ([actions()], "no less than 1 items allowed"),
    "26 buttons": (
        [actions(*[button(action_id=f"b{n}") for n in range(26)])],
        "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
    ),
    "same action id": ([actions(button(), button())], "`action_id` must be unique"),
    "same block id": (
        [{"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "a"}],
        "`block_id` must be unique",
    ),
    "block id of 256": ([{"type": "divider", "block_id": "a" * 256}], "less than 256"),
    "button text of 76": ([actions(button(text=plain("x" * 76)))], "less than 76"),
    "button value of 2001": ([actions(button(value="x" * 2001))], "less than 2001"),
    "button in green": ([actions(button(style="green"))], "must be one of: primary, danger"),
    "button without text": ([actions({"type": "button"})], "missing required field: text"),
    "text input in actions": ([actions(TEXT)], "unsupported type: plain_text_input"),
    "confirm of 301": (
        [actions(button(confirm={"title": plain("?"), "text": plain("x" * 301)}))],
        "less than 301",
    ),
    "101 options": ([actions(select(options=[option()] * 101))], "no more than 100 items"),
    "select without options": ([actions({"type": "static_select"})], "exactly one of options"),
    "option text of 76": ([actions(select(options=[option("x" * 76)]))], "less than 76"),
    "option value of 151": ([actions(select(options=[option("x", "x" * 151)]))], "less than 151"),
    "foreign initial option": (
        [actions(select(initial_option=option("other", "other")))],
        "initial options must be among the options",
    ),
    "menu of 6": ([actions({"type": "overflow", "options": [option()] * 6})], "no more than 5"),
    "11 checkboxes": (
        [actions({"type": "checkboxes", "options": [option()] * 11})],
        "no more than 10 items",
    ),
    "11 radio buttons": (
        [actions({"type": "radio_buttons", "options": [option()] * 11})],
        "no more than 10 items",
    ),
    "date that is none": (
        [actions({"type": "datetimepicker", "initial_date_time": 12})],
        "must be greater than or equal to 1000000000",
    ),
    "image without words": (
        [{"type": "image", "image_url": "https://example.com/a.png"}],
        "missing required field: alt_text",
    ),
    "table of 101 rows": ([table(101, 1)], "no more than 100 items allowed"),
    "table of 21 columns": ([table(1, 21)], "no more than 20 items allowed"),
    "table of 10,100 letters": ([table(100, 1, "x" * 101)], "table is too large"),
    "two tables": ([table(1, 1), table(1, 1)], "only one table is allowed"),
    "plan with a done task": (
        [{**PLAN, "tasks": [task(status="done")]}],
        "must be one of: pending, in_progress, complete, error",
    ),
    "two plans": ([PLAN, PLAN], "only one plan is allowed"),
    "plan beside a task": ([PLAN, task()], "plan and task_card are not allowed together"),
    "alert": ([{"type": "alert", "text": plain("x")}], "unsupported type: alert"),
    "markdown of 12,001": ([{"type": "markdown", "text": "x" * 12_001}], "less than 12001"),
    "three markdown blocks of 12,300": (
        [{"type": "markdown", "text": "x" * 4100}] * 3,
        "markdown blocks must be less than 12001",
    ),
    "number as text": ([section(7)], "must be a string"),  # type: ignore[arg-type]
    "yes as a boolean": ([{**section(), "expand": "yes"}], "must be a boolean"),
    "date as text": (
        [actions({"type": "datetimepicker", "initial_date_time": "soon"})],
        "must be an integer",
    ),
    "date in the year 2600": (
        [actions({"type": "datetimepicker", "initial_date_time": 10**10})],
        "must be less than or equal to 9999999999",
    ),
    "day that is none": (
        [actions({"type": "datepicker", "initial_date": "tomorrow"})],
        "must be a date like 2026-01-31",
    ),
    "address of a script": ([actions(button(url="javascript:x"))], "must be a valid url"),
    "cell of letters": (
        [{"type": "table", "rows": [[{"type": "raw_number", "value": "1", "text": "1"}]]}],
        "must be a number",
    ),
    "rows that are no list": ([{"type": "table", "rows": "x"}], "must be an array"),
    "text that is no object": ([{"type": "section", "text": "x"}], "must be an object"),
    "confirm that is no object": ([actions(button(confirm="x"))], "must be an object"),
    "rich text in blink": (
        [rich_text({"type": "text", "text": "x", "style": {"blink": True}})],
        "invalid additional property: blink",
    ),
    "rich text of nothing": ([rich_text({"type": "text", "text": ""})], "more than 0 characters"),
}


@pytest.mark.parametrize("case", BAD_MESSAGES)
def test_slack_refuses_a_bad_message(case: str) -> None:
    """Each rule that is broken is named, with a pointer to the place."""
    content, expected = BAD_MESSAGES[case]

    with pytest.raises(RefusedError) as refused:
        blocks.check_message(content)

    answer = refused.value.as_answer()
    assert answer["error"] == "invalid_blocks"
    assert any(expected in error for error in answer["errors"]), answer["errors"]
    assert answer["response_metadata"]["messages"] == answer["errors"]
    assert all("[json-pointer:/blocks" in error for error in answer["errors"])


BAD_MODALS: dict[str, tuple[Json, str]] = {
    "title of 25": (modal(title=plain("x" * 25)), "less than 25"),
    "no title": ({"type": "modal", "blocks": [section()]}, "missing required field: title"),
    "no blocks": ({**modal(), "blocks": []}, "no less than 1 items"),
    "101 blocks": ({**modal(), "blocks": [section()] * 101}, "no more than 100 items"),
    "submit of 25": (modal(submit=plain("x" * 25)), "less than 25"),
    "metadata of 3001": (modal(private_metadata="x" * 3001), "less than 3001"),
    "callback id of 256": (modal(callback_id="x" * 256), "less than 256"),
    "table": (modal(table(1, 1)), "unsupported type: table"),
    "markdown": (modal({"type": "markdown", "text": "x"}), "unsupported type: markdown"),
    "alert of 201": (modal({"type": "alert", "text": plain("x" * 201)}), "less than 201"),
    "input without submit": (
        {"type": "modal", "title": plain("x"), "blocks": [entry(TEXT)]},
        "submit is needed",
    ),
    "placeholder of 151": (
        modal(entry({**TEXT, "placeholder": plain("x" * 151)})),
        "less than 151",
    ),
    "min above max": (
        modal(entry({**TEXT, "min_length": 9, "max_length": 3})),
        "min_length must be less than or equal to max_length",
    ),
    "number input of letters": (
        modal(
            entry({"type": "number_input", "is_decimal_allowed": False, "initial_value": "many"})
        ),
        "must be a number in a string",
    ),
    "number without decimals said": (
        modal(entry({"type": "number_input"})),
        "missing required field: is_decimal_allowed",
    ),
    "button as an input": (modal(entry(button())), "unsupported type: button"),
    "two with focus": (
        modal(
            entry({**TEXT, "focus_on_load": True}),
            entry({**TEXT, "action_id": "b", "focus_on_load": True}),
        ),
        "only one element may have focus_on_load",
    ),
    "home instead": ({"type": "home", "blocks": [section()]}, "must be one of: modal"),
}


@pytest.mark.parametrize("case", BAD_MODALS)
def test_slack_refuses_a_bad_modal(case: str) -> None:
    """Views are judged by their own rules."""
    view, expected = BAD_MODALS[case]

    with pytest.raises(RefusedError) as refused:
        blocks.check_view(view, "modal")

    assert refused.value.error == "invalid_arguments"
    assert any(expected in message for message in refused.value.messages), refused.value.messages


def test_slack_refuses_blocks_that_are_too_long_together() -> None:
    """Blocks that are each allowed may be too much in sum."""
    with pytest.raises(RefusedError, match="msg_blocks_too_long"):
        blocks.check_message([section("x" * 2700)] * 5)


def test_slack_refuses_a_view_of_more_than_250_kilobytes() -> None:
    """A view has a size of its own, whatever its blocks are."""
    with pytest.raises(RefusedError, match="view_too_large"):
        blocks.check_view({**modal(), "blocks": [section("x" * 2900)] * 100}, "modal")


def test_a_report_has_an_end() -> None:
    """A thousand mistakes make no answer of a thousand lines."""
    with pytest.raises(RefusedError) as refused:
        blocks.check_message([{"type": "section", "colour": 1}] * 50)

    assert len(refused.value.messages) == limits.ERRORS_PER_ANSWER


def test_slack_counts_code_points() -> None:
    """An emoji outside of the basic plane counts as one character."""
    blocks.check_message([{"type": "header", "text": plain("🔌" * 150)}])


SDK_BLOCKS: list[sdk.Block] = [
    sdk.HeaderBlock(text="Reboot"),
    sdk.DividerBlock(),
    sdk.SectionBlock(
        text="plain *bold*",
        fields=["a", "b"],
        accessory=sdk.ButtonElement(text="Go", action_id="go", style="danger"),
    ),
    sdk.ContextBlock(elements=[sdk.MarkdownTextObject(text="by <@U0DANA>")]),
    sdk.ImageBlock(image_url="https://example.com/a.png", alt_text="a rack"),
    sdk.ActionsBlock(
        elements=[
            sdk.ButtonElement(
                text="Approve",
                action_id="approve",
                value="PR-1",
                confirm=sdk.ConfirmObject(title="Sure?", text="19 servers"),
            ),
            sdk.StaticSelectElement(
                placeholder="Action",
                action_id="action",
                options=[sdk.Option(text="Reboot", value="reboot")],
            ),
            sdk.StaticMultiSelectElement(
                action_id="groups",
                option_groups=[
                    sdk.OptionGroup(label="web", options=[sdk.Option(text="a", value="a")])
                ],
            ),
            sdk.ExternalDataSelectElement(action_id="server", min_query_length=1),
            sdk.ExternalDataMultiSelectElement(action_id="servers", max_selected_items=3),
            sdk.OverflowMenuElement(
                action_id="more",
                options=[sdk.Option(text="Details", value="d"), sdk.Option(text="Undo", value="u")],
            ),
            sdk.CheckboxesElement(
                action_id="boxes", options=[sdk.Option(text="hard", value="hard")]
            ),
            sdk.RadioButtonsElement(
                action_id="radio", options=[sdk.Option(text="soft", value="soft")]
            ),
            sdk.DateTimePickerElement(action_id="when", initial_date_time=1_800_000_000),
            sdk.ConversationSelectElement(action_id="conversation"),
            sdk.ChannelSelectElement(action_id="channel"),
            sdk.UserSelectElement(action_id="user"),
        ]
    ),
    sdk.RichTextBlock(
        elements=[
            sdk.RichTextListElement(
                style="bullet",
                elements=[
                    sdk.RichTextSectionElement(
                        elements=[
                            sdk.RichTextElementParts.Text(text="because"),
                            sdk.RichTextElementParts.User(user_id="U0DANA"),
                            sdk.RichTextElementParts.Emoji(name="zap"),
                            sdk.RichTextElementParts.Link(url="https://example.com"),
                        ]
                    )
                ],
            ),
            sdk.RichTextPreformattedElement(elements=[sdk.RichTextElementParts.Text(text="log")]),
            sdk.RichTextQuoteElement(elements=[sdk.RichTextElementParts.Text(text="said")]),
        ]
    ),
    sdk.MarkdownBlock(text="**bold**"),
    sdk.PlanBlock(
        title="Reboot 2 servers",
        tasks=[sdk.TaskCardBlock(task_id="1", title="web01", status="in_progress")],
    ),
    sdk.TableBlock(
        rows=[[sdk.RawTextObject(text="server"), sdk.RawTextObject(text="state")]],
        column_settings=[sdk.TableBlockColumnSettings(align="right", is_wrapped=True)],
    ),
]


@pytest.mark.parametrize("block", SDK_BLOCKS, ids=lambda block: str(block.type))
def test_slack_takes_what_the_official_models_build(block: sdk.Block) -> None:
    """What Slack's own Python models build is accepted."""
    blocks.check_message([block.to_dict()])


def test_slack_takes_a_modal_of_the_official_models() -> None:
    """Each input that we may use stands in one modal."""
    inputs: list[Any] = [
        sdk.PlainTextInputElement(action_id="words", multiline=True, max_length=500),
        sdk.NumberInputElement(action_id="count", is_decimal_allowed=False, min_value="1"),
        sdk.ExternalDataMultiSelectElement(action_id="servers", placeholder="Servers"),
        sdk.ConversationSelectElement(action_id="channel", default_to_current_conversation=True),
        sdk.DateTimePickerElement(action_id="when"),
    ]
    view = sdk_views.View(
        type="modal",
        title="Request",
        submit="Request",
        close="Cancel",
        private_metadata="PR-7F3K",
        blocks=[sdk.InputBlock(label="Label", element=one, hint="Hint") for one in inputs],
    )

    blocks.check_view(view.to_dict(), "modal")


SECOND_OPINION: list[Any] = [
    slackblocks.SectionBlock("hello", fields=["a", "b"]),
    slackblocks.HeaderBlock("Reboot"),
    slackblocks.DividerBlock(),
    slackblocks.ContextBlock([slackblocks.Text("by dana")]),
    slackblocks.ActionsBlock([slackblocks.Button("Approve", action_id="a", value="1")]),
    slackblocks.MarkdownBlock("**bold**"),
    slackblocks.ImageBlock("https://example.com/a.png", alt_text="a rack"),
    slackblocks.TableBlock([[slackblocks.RawText("a"), slackblocks.RawText("b")]]),
    slackblocks.InputBlock(
        slackblocks.Text("Label", type_=slackblocks.TextType.PLAINTEXT),
        slackblocks.PlainTextInput(action_id="words"),
    ),
]


@pytest.mark.parametrize("block", SECOND_OPINION, ids=lambda block: type(block).__name__)
def test_slack_takes_what_another_library_builds(block: Any) -> None:
    """A second, independent builder agrees with our table."""
    blocks.check_message([block._resolve()])

"""The request form keeps Slack's limits, shows what is wrong where it is, and trusts nothing."""

from __future__ import annotations

import asyncio
import json

import pytest

from bot.power import errors, inputs, plan, ports, request
from bot.power.command.form import FormField
from bot.power.lifecycle import State
from bot.power.targets import search
from bot.sandbox.workspace.blockkit import blocks as stand_in_blocks
from bot.slack.blockkit import views
from bot.slack.inbound import form_receiver, payload_models, payloads, submissions
from bot.slack.render import request_modal
from bot.workflow import answers
from tests.slack import builders
from tests.slack.conftest import Side
from tests.slack.test_golden import MANY, hostile_plan

PLACE = request.Place(channel_id="C0OPS", thread_ts="12.34")
OFFERS = tuple(search.Offer(f"web{n:02}", f"web{n:02}", "on · rack R1") for n in range(1, 21))
HOSTILE = tuple(
    search.Offer(f"id-{n}", f"{n} {builders.HOSTILE}", builders.HOSTILE * 3) for n in range(40)
)
CHANNELS = tuple(ports.Channel(f"C{n}", builders.HOSTILE * 9) for n in range(100))
FILLED = builders.order(["web01"], reason="kernel panic").model_copy(
    update={
        "options": request.Options(
            batch=5, pause_s=30.0, max_failures=2, incident="INC-42", break_glass=True
        )
    }
)
BRIM = builders.order(["web01"], reason="x" * 500).model_copy(
    update={"options": request.Options(batch=10_000, pause_s=3600.0, incident="I" * 100)}
)
FORMS = {
    "of a place": answers.FormShown(PLACE, OFFERS),
    "of no place": answers.FormShown(request.Place(channel_id=""), (), CHANNELS),
    "hostile": answers.FormShown(PLACE, HOSTILE, CHANNELS, (builders.HOSTILE * 9,) * 3),
    "filled in": answers.FormShown(PLACE, OFFERS, order=FILLED),
    "filled to the brim": answers.FormShown(PLACE, OFFERS, CHANNELS, order=BRIM),
    "without a channel": answers.FormShown(PLACE, OFFERS, (), ("No channel.",)),
}
PLANS = {
    "small": builders.planned(builders.order(["web01"])),
    "large": builders.planned(
        builders.order(MANY), terms=plan.Terms(confirm_count=True), waves=(1,) * 99
    ),
    "hostile": hostile_plan([builders.HOSTILE + str(n) for n in range(60)]),
    "refused": builders.planned(refusals=(builders.HOSTILE,) * 9),
}


def shown(made: plan.Plan) -> answers.PlanShown:
    """Return a plan that may be asked for."""
    return answers.PlanShown(made, "PR-7F3K", builders.NOW)


VIEWS = {
    **{f"form {name}": request_modal.render(one) for name, one in FORMS.items()},
    **{f"review {name}": request_modal.review(shown(one)) for name, one in PLANS.items()},
    "loading": views.loading("pb:1", views.PLANNING),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_keep_slacks_limits_and_let_no_foreign_word_live(name: str) -> None:
    """Each is what Slack takes, and nothing foreign pings, links, hides or reorders in it."""
    view = VIEWS[name]
    sent = json.dumps(view, ensure_ascii=False)

    stand_in_blocks.check_view(view, "modal")
    for live in ("<!channel", "<!here", "<@U123", "<http:", "\u202e", "\u200b", "`rm`", "\x07"):
        assert live not in sent


def test_metadata_of_the_forms_is_ids_alone() -> None:
    """A channel's and a thread's, or a request's; nothing that must be trusted."""
    assert VIEWS["form of a place"]["private_metadata"] == "C0OPS 12.34"
    assert "private_metadata" not in VIEWS["form of no place"]
    assert VIEWS["review small"]["private_metadata"] == "PR-7F3K"


def test_a_form_is_filled_in_with_what_a_plan_was_made_of() -> None:
    """Action, reason and each option; what a field can't take is left to be typed."""
    fields = {
        one.get("block_id"): one.get("element", {}) for one in VIEWS["form filled in"]["blocks"]
    }
    brim = {
        one.get("block_id"): one.get("element", {})
        for one in VIEWS["form filled to the brim"]["blocks"]
    }
    empty = str(VIEWS["form of a place"]["blocks"])

    assert fields["action"]["initial_option"]["value"] == "reboot"
    assert fields["action"]["initial_option"] in fields["action"]["options"]
    names = ("reason", "incident", "batch", "pause", "max_failures")
    assert [fields[name]["initial_value"] for name in names] == [
        "kernel panic", "INC-42", "5", "30s", "2",
    ]  # fmt: skip
    assert fields["break_glass"]["initial_options"] == fields["break_glass"]["options"]
    assert brim["reason"]["initial_value"] == "x" * 500
    assert "initial_value" not in brim["incident"]
    assert "initial_option'" not in empty
    assert "initial_value" not in empty


def test_the_form_explains_only_what_its_words_leave_open() -> None:
    """Power off needs no hint, and one heading says of three limits what they may do."""
    blocks = VIEWS["form of a place"]["blocks"]
    fields = {one.get("block_id"): one for one in blocks}
    hints = [one.get("description") for one in fields["action"]["element"]["options"]]
    limits = [fields[name] for name in ("batch", "pause", "max_failures")]
    heading = blocks[blocks.index(limits[0]) - 1]

    assert [hint and hint["text"] for hint in hints] == [
        None, None, None, "off and, once that is confirmed, on again",
    ]  # fmt: skip
    assert "stricter than the policy only" in str(heading)
    assert not any("hint" in one for one in limits)


async def test_change_opens_the_form_at_once_and_fills_it_in(connected: Side) -> None:
    """Its trigger id lives three seconds: the view is there before anything is looked up."""
    found = builders.request_in(State.PLANNED, PLANS["small"], card=None)
    connected.store.add(found)
    connected.workflow.says = [
        shown(PLANS["small"]), answers.FormShown(PLACE, OFFERS[:1], order=FILLED),
    ]  # fmt: skip
    await connected.workspace.command("dana", "ops", "/power reboot web01")
    await connected.settle()

    plan_shown = connected.whispers("dana")[-1]
    assert plan_shown.buttons == ["Request", "Change…"]
    await connected.workspace.click("dana", plan_shown, "Change…")
    await connected.settle()

    calls = [call.method for call in connected.workspace.calls() if "views" in call.method]
    assert calls == ["views.open", "views.update"]
    view = connected.workspace.views("dana")[-1]
    assert view.callback_id == "pb:request_form"
    assert "kernel panic" in json.dumps(view.content)
    assert connected.workspace.violations == []


@pytest.mark.parametrize("channels", [None, CHANNELS[:1]], ids=["here", "elsewhere"])
async def test_a_plan_that_is_changed_stands_in_the_place_of_the_old_one(
    connected: Side, channels: tuple[ports.Channel, ...] | None
) -> None:
    """The form says which plan it changes, and its answer takes that plan's message, each time."""
    for id_ in ("PR-7F3K", "PR-8G4M", "PR-9H5N"):
        found = builders.request_in(State.PLANNED, PLANS["small"], card=None, id=id_)
        connected.store.add(found)
    form = answers.FormShown(PLACE, OFFERS[:1], channels, order=FILLED, replaces="PR-7F3K")
    first = answers.PlanShown(PLANS["small"], "PR-8G4M", builders.NOW, replaces="PR-7F3K")
    second = answers.PlanShown(PLANS["small"], "PR-9H5N", builders.NOW, replaces="PR-8G4M")
    connected.workflow.says = [shown(PLANS["small"]), form, first, second]
    await connected.workspace.command("dana", "ops", "/power reboot web01")
    await connected.settle()
    await connected.workspace.click("dana", connected.whispers("dana")[-1], "Change…")
    await connected.settle()

    where = {"channel": channels[0].channel_id} if channels else {}
    await filled(connected, **where)
    (replaced,) = connected.whispers("dana")
    await connected.workspace.close("dana")
    await filled(connected, **where)
    (last,) = connected.whispers("dana")

    sent = [one.input for one in connected.workflow.handled[2:]]
    assert [one.replaces for one in sent if isinstance(one, inputs.RequestFilled)] == [
        "PR-7F3K", "PR-7F3K",
    ]  # fmt: skip
    assert "PR-8G4M" in replaced.words
    assert "PR-9H5N" in last.words
    assert last.buttons == ["Request", "Change…"]
    assert connected.workspace.violations == []


def test_a_form_that_can_lead_to_nothing_can_not_be_sent() -> None:
    """Without a channel to ask in, and for a refused plan, there is no button."""
    assert "submit" not in VIEWS["form without a channel"]
    assert "submit" not in VIEWS["review refused"]


async def opened(side: Side) -> None:
    """Open the form by the bare command."""
    side.workflow.says.append(answers.FormShown(request.Place(channel_id="C0OPS")))
    await side.workspace.command("dana", "ops", "/power")
    await side.settle()


async def filled(side: Side, **more: object) -> None:
    """Choose a server and send the form."""
    side.workflow.offered = list(OFFERS)
    view = side.workspace.views("dana")[-1]
    await side.workspace.suggest("dana", view, "servers", "web0")
    values: dict[str, object] = {"action": "reboot", "servers": ["web01"], **more}
    await side.workspace.submit("dana", {name: {name: one} for name, one in values.items()})
    await side.settle()


async def test_a_form_is_opened_at_once_and_filled_when_it_is_known(connected: Side) -> None:
    """A trigger id lives three seconds, so that a view that waits is opened before anything."""
    await opened(connected)

    calls = [call.method for call in connected.workspace.calls() if "views" in call.method]
    assert calls == ["views.open", "views.update"]
    assert connected.workspace.views("dana")[-1].callback_id == "pb:request_form"


async def test_a_person_sees_the_plan_in_the_form_and_asks_there(connected: Side) -> None:
    """Review is pushed on the form, Request stands in it, and the answer too."""
    await opened(connected)
    found = builders.request_in(State.PLANNED, PLANS["small"], card=None)
    connected.store.add(found)
    connected.workflow.says = [shown(PLANS["small"]), answers.Note("Requested as PR-7F3K.")]

    await filled(connected, reason="kernel panic")
    review = connected.workspace.views("dana")[-1]
    await connected.workspace.submit("dana", view=review)
    await connected.settle()

    sent = connected.workflow.handled[1]
    assert sent.place == request.Place(channel_id="C0OPS")
    assert isinstance(sent.input, inputs.RequestFilled)
    assert sent.input.filled["servers"] == "web01"
    assert sent.input.filled["reason"] == "kernel panic"
    assert connected.workflow.handled[2].input.name == "review"
    assert connected.workspace.views("dana")[-1].words.startswith("Requested as PR-7F3K.")
    assert connected.workspace.violations == []


async def test_a_form_may_be_sent_again_after_a_look_at_the_plan(connected: Side) -> None:
    """Back, something else chosen, Review: that is no second delivery of the first."""
    await opened(connected)
    connected.workflow.says = [shown(PLANS["refused"]), shown(PLANS["small"])]

    await filled(connected)
    await connected.workspace.close("dana")
    await filled(connected)

    assert [one.input.name for one in connected.workflow.handled[1:]] == ["request_form"] * 2
    assert connected.workspace.views("dana")[-1].content["submit"]["text"] == "Request"


async def test_a_mistake_keeps_the_form_open_with_words_at_its_field(connected: Side) -> None:
    """Foreign words in it are harmless."""
    await opened(connected)
    connected.workflow.form_problems = {FormField.SERVERS: f"{builders.HOSTILE} isn't there."}

    await filled(connected)

    found = connected.workspace.views("dana")[-1].errors
    assert list(found) == ["servers"]
    assert "<!channel>" not in found["servers"]
    assert len(connected.workflow.handled) == 1


async def test_the_count_of_a_large_plan_is_typed_in_the_review(connected: Side) -> None:
    """A wrong number keeps the review open."""
    await opened(connected)
    found = builders.request_in(State.PLANNED, PLANS["large"], card=None)
    connected.store.add(found)
    connected.workflow.says = [shown(PLANS["large"]), answers.Note("Asked.")]
    await filled(connected)

    wrong = await connected.workspace.submit("dana", {"count": {"count": "7"}})
    right = await connected.workspace.submit("dana", {"count": {"count": str(len(MANY))}})
    await connected.settle()

    assert wrong.errors == {"count": "That isn't the number of servers in the plan."}
    assert right.ok
    counted = connected.workflow.handled[-1].input
    assert isinstance(counted, inputs.FormSent)
    assert counted.count == str(len(MANY))


async def test_a_plan_whose_form_was_closed_is_shown_in_the_channel(connected: Side) -> None:
    """What nobody can see in a form is whispered."""
    await opened(connected)
    connected.workspace.chaos.fail("views.update", "error", 9, error="not_found")
    connected.workflow.says = [shown(PLANS["small"])]

    await filled(connected)

    assert connected.whispers("dana")[-1].buttons == ["Request", "Change…"]


async def test_a_form_that_can_not_be_opened_is_told(connected: Side) -> None:
    """A trigger id that is too old leaves the person with an answer."""
    connected.workspace.chaos.fail("views.open", "error", error="expired_trigger_id")

    await opened(connected)

    assert "try again" in connected.whispers("dana")[-1].text


async def test_somebody_who_may_not_look_sees_why_in_the_form(connected: Side) -> None:
    """The view that was opened at once says it."""
    connected.workflow.says = [answers.Note("Guests may not.", good=False)]

    await connected.workspace.shortcut("gil", "power_request")
    await connected.settle()

    assert "Guests may not" in connected.workspace.views("gil")[-1].words


async def test_nothing_is_offered_when_it_can_not_be_said_in_time(side: Side) -> None:
    """A search that takes too long offers nothing; a failed look-up too."""
    slow = form_receiver.FormReceiver(
        side.store, side.workflow, side.processor.receive, side.clock, offer_within_s=0.01
    )
    side.workflow.offered = list(OFFERS)
    side.workflow.offers_late = asyncio.Event()
    assert await slow.offers(builders.REQUESTER, "web") == ()

    side.workflow.offers_fail = errors.SlackUnavailable()
    assert await slow.offers(builders.REQUESTER, "web") == ()


async def test_another_fields_search_is_left_alone(connected: Side) -> None:
    """Only the field for servers is searched."""
    person, action_id, typed = submissions.suggestion(
        {
            "team": {"id": "T0DEMO"},
            "user": {"id": "U0DANA", "team_id": "T0DEMO"},
            "action_id": "other",
            "value": "web",
        }
    )

    assert (person, action_id, typed) == (builders.REQUESTER, "other", "web")


def test_a_channel_that_was_chosen_is_the_requests_place() -> None:
    """The field wins over where the form was opened."""
    values = {"channel": {"channel": {"selected_option": {"value": "C0INC"}}}}
    view = {
        "id": "V1",
        "callback_id": "pb:request_form",
        "private_metadata": "C0OPS 1.2",
        "state": {"values": values},
    }
    body = {"team": {"id": "T0DEMO"}, "user": {"id": "U0DANA"}, "view": view}

    chosen = submissions.form({**body, "trigger_id": "t1"}, at=0)
    left = submissions.form({**body, "view": {**view, "state": {}}}, at=0)

    assert chosen.place == request.Place(channel_id="C0INC")
    assert left.place == request.Place(channel_id="C0OPS", thread_ts="1.2")
    assert chosen.key != left.key


@pytest.mark.parametrize("state", [{"values": []}, {"values": {"servers": 3}}, {"values": None}])
def test_a_form_with_nonsense_in_it_is_an_empty_form(state: dict[str, object]) -> None:
    """What can't be read was not filled in."""
    view = {"id": "V1", "callback_id": "pb:request_form", "state": state}

    read = submissions.form({"team": {"id": "T"}, "user": {"id": "U"}, "view": view}, at=0)

    assert isinstance(read.input, inputs.RequestFilled)
    assert set(read.input.filled.values()) == {""}


def test_a_message_shortcut_brings_all_words_of_the_message() -> None:
    """Text, blocks and attachments, links by label and address, entities undone."""
    message = {
        "ts": "5.6",
        "text": "disk &amp; fan",
        "blocks": [
            {
                "type": "rich_text",
                "elements": [
                    {"type": "rich_text_section", "elements": [{"type": "text", "text": "web01"}]}
                ],
            }
        ],
        "attachments": [
            {
                "fallback": "see <https://grafana.example/d/db02|db03>",
                "fields": [{"title": "host", "value": "web02"}],
                "color": "danger",
            }
        ],
    }
    body = {
        "team": {"id": "T0DEMO"},
        "user": {"id": "U0DANA"},
        "callback_id": "power_from_message",
        "trigger_id": "t1",
        "channel": {"id": "C0INC"},
        "message": message,
    }

    read = payloads.shortcut(body, at=0)

    assert isinstance(read.input, inputs.ShortcutUsed)
    words = read.input.words.split()
    assert {"disk", "&", "web01", "web02", "host", "db03"} <= set(words)
    assert any("db02" in word for word in words)
    assert "danger" not in words
    assert read.place == request.Place(channel_id="C0INC", thread_ts="5.6")


def test_a_message_that_nests_for_ever_is_bounded() -> None:
    """A hostile message costs so much and no more."""
    deep: object = "web01"
    for _ in range(200):
        deep = [deep, "x" * 50]
    body = {
        "team": {"id": "T"},
        "user": {"id": "U"},
        "callback_id": "x",
        "trigger_id": "t",
        "message": {"blocks": [deep] * 5000},
    }

    read = payloads.shortcut(body, at=0).input
    assert isinstance(read, inputs.ShortcutUsed)
    assert len(read.words) <= payload_models.MESSAGE_CHARS


def test_the_id_of_a_view_is_found_again_by_its_payloads_key() -> None:
    """A process that takes over changes the same view, and no other."""
    assert views.external_id("command:1") == views.external_id("command:1")
    assert views.external_id("command:1") != views.external_id("command:2")

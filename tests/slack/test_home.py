"""The Home tab: drawn on opening, kept up to date within bounds, answering what is pressed."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pytest

from bot.power import errors, input_fields, inputs, ports, request
from bot.power.inputs import Do
from bot.power.lifecycle import State
from bot.power.steps import definition, protocol, wave_parts
from bot.power.steps.states import StepState as State_
from bot.sandbox.workspace.blockkit import blocks as stand_in_blocks
from bot.slack import action_ids
from bot.slack.outbound import home_publisher, sending
from bot.slack.render import home, request_modal
from bot.workflow import answers
from tests.slack import builders
from tests.slack.conftest import Side
from tests.support import ticks

SAM = request.Person(user_id="U0SAM", team_id=builders.TEAM)


def shown(**lists: Any) -> answers.HomeShown:
    """Return what a Home shows, empty where nothing is given."""
    empty = answers.HomeShown((), (), (), (), (), builders.NOW)
    return dataclasses.replace(empty, **lists)


def frozen(reason: str) -> ports.Freeze:
    """Return a freeze for this reason."""
    return ports.Freeze("U0ROSA", reason, 1_700_000_000.0, 1_700_003_600.0)


def numbered(state: State, count: int) -> tuple[ports.Request, ...]:
    """Return some requests in a state, each with a card."""
    card = ports.Card("C0OPS", "1700000000.000100")
    return tuple(builders.request_in(state, id=f"PR-{n:04}", card=card) for n in range(count))


def full(words: str = "") -> answers.HomeShown:
    """Return a Home with more of everything than it can show."""
    return shown(
        waiting_for_me=numbered(State.PENDING, 30),
        mine=numbered(State.RUNNING, 30),
        running=numbered(State.RUNNING, 30),
        recent=numbered(State.PARTIAL, 30),
        freezes=(frozen(words or "year end"),) * 30,
        out=tuple(still_out(one.id, words) for one in numbered(State.PARTIAL, 5)),
        more_out=True,
    )


def still_out(id_: str, words: str = "", *, may: bool = True) -> answers.StillOut:
    """Return what a request still owes of one server."""
    since = builders.NOW - 60
    web07 = wave_parts.Taken(
        protocol.Subject(id="i", name=words or "web07"), State_.OWED, since=since
    )
    drain = definition.Step(name=words[:60] or "drain", kind="drain", node="{name}")
    found = builders.request_in(State.PARTIAL, id=id_)
    ended = dataclasses.replace(found, ended_at=since)
    return answers.StillOut(
        ended, (wave_parts.Part(f"k{id_}", id_, 1, drain, servers=(web07,)),), may
    )


def words_of(view: Any) -> str:
    """Return all that a reader sees."""
    return str(view.words if hasattr(view, "words") else view)


# -- what it shows


@pytest.mark.parametrize(
    "what", [shown(), full(), full(builders.HOSTILE)], ids=["none", "all", "x"]
)
def test_home_keeps_slacks_limits_whatever_there_is(what: answers.HomeShown) -> None:
    """An empty Home and one with too much of everything are both what Slack takes."""
    view = home.render(what, answers.Note(builders.HOSTILE), "https://demo.slack.com/")

    stand_in_blocks.check_view(view, "home")
    assert len(view["blocks"]) <= 60


def test_home_shows_what_waits_first_and_counts_the_rest() -> None:
    """Each list shows five requests and says how many more there are."""
    said = str(home.render(full()))

    assert said.index("Waiting for you (30)") < said.index("Your requests (30)")
    assert "and 25 more" in said
    assert "needs sre and dc-ops" in said


def test_home_links_each_request_to_its_card() -> None:
    """A request's id leads to its card in the channel, where the workspace's address is known."""
    view = home.render(full(), workspace_url="https://demo.slack.com/")

    assert "<https://demo.slack.com/archives/C0OPS/p1700000000000100|PR-0000>" in str(view)


NEED_NO_CHANNEL = {
    Do.APPROVE, Do.DENY, Do.CANCEL, Do.STOP, Do.DETAILS, Do.UNFREEZE, Do.NEW, Do.PUT_BACK,
}  # fmt: skip


def test_home_has_only_buttons_that_need_no_channel() -> None:
    """Request, Retry failed and Undo make a plan in a channel, so they stand on cards alone."""
    view = home.render(full())
    pressed = {
        action_ids.read_action_id(element["action_id"])
        for block in view["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
    }

    assert pressed
    assert pressed <= NEED_NO_CHANNEL


def test_home_says_when_there_is_nothing_to_do() -> None:
    """An empty page would look broken."""
    assert "Nothing is waiting for you" in str(home.render(shown()))


def test_home_shows_what_is_owed_until_it_is_paid() -> None:
    """With its age, the way to the whole list, and Put back for those alone who may."""
    one = shown(out=(still_out("PR-0000"), still_out("PR-0001", may=False)))
    view = home.render(one)
    said = str(view)

    assert "🚨 *web07* drained · owed since <!date^" in said
    assert "`/power owed` lists every server" in said
    assert "Nothing is waiting" not in said
    buttons = [
        (element["text"]["text"], element["value"])
        for block in view["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
    ]
    assert [value for label, value in buttons if label == "Put back"] == ["PR-0000"]
    assert "Still out" not in str(home.render(shown()))


def test_servers_that_a_cycle_has_left_off_come_before_whatever_ended_since() -> None:
    """However long the list of what ended is, and nobody reads that nothing is to be done."""
    cycle = builders.planned(builders.order(["web01"], request.Action.CYCLE))
    dark = builders.request_in(State.FAILED, cycle, id="PR-DARK")
    row = msgspec.structs.replace(builders.rows(rejected=["web01"])[0], step=1)
    recent = (*numbered(State.SUCCEEDED, 30), dark)

    said = str(home.render(shown(recent=recent, loose={"PR-DARK": [row]})))

    assert "🚨 web01 is OFF · power-on refused" in said
    assert said.index("Left off") < said.index("web01 is OFF") < said.index("Recently finished")
    assert said.count("OFF") == 1
    assert "Nothing is waiting" not in said
    assert "Left off" not in str(home.render(shown(recent=recent)))


# -- opened and pressed


async def test_person_who_opens_home_sees_what_waits(connected: Side) -> None:
    """The event is stored, dealt with and answered by a published Home."""
    connected.workflow.says = [shown(waiting_for_me=numbered(State.PENDING, 1))]

    connected.workspace.open_home("sam")
    await connected.settle()

    view = connected.workspace.home("sam")
    assert view is not None
    assert view.buttons == ["New request", "Approve", "Deny", "Details"]
    assert connected.workflow.handled[0].person == SAM


async def test_person_presses_on_home_and_reads_the_answer_there(connected: Side) -> None:
    """A press on the Home tab is answered on it, not in a message."""
    found = builders.request_in(State.PENDING, id="PR-0000")
    connected.store.add(found)
    connected.workflow.says = [shown(waiting_for_me=(found,)), answers.Note("Counted <for> you.")]
    connected.workspace.open_home("sam")
    await connected.settle()
    view = connected.workspace.home("sam")
    assert view is not None

    await connected.workspace.click("sam", view, "Approve")
    await connected.settle()

    assert "Counted &lt;for&gt; you." in words_of(connected.workspace.home("sam"))
    assert input_fields.request_id(connected.workflow.handled[-1].input) == "PR-0000"
    assert connected.whispers("sam") == []


@pytest.mark.parametrize("known", [True, False])
async def test_answer_on_home_names_people_and_instants_as_replies_do(
    side: Side, homes: home_publisher.HomePublisher, known: bool
) -> None:
    """Whom a sentence names by id is read by name, also where that is all the Home shows."""
    lifted = "That freeze was lifted by U0ROSA at 2023-11-14 22:13 UTC."
    if known:
        await homes.opened(SAM, shown())

    await homes.told(SAM, answers.Note(lifted, good=False, people=("U0ROSA",)))

    told = "lifted by <@U0ROSA> at <!date^1699999980^"
    assert told in words_of(side.workspace.home("sam"))


@pytest.mark.parametrize(("good", "sign"), [(True, "👉"), (False, "🚫")])
@pytest.mark.parametrize("known", [True, False])
async def test_answer_on_home_shows_a_refusal_as_one_and_nothing_else(
    side: Side, homes: home_publisher.HomePublisher, known: bool, good: bool, sign: str
) -> None:
    """Whoever pressed on a Home that this process hasn't drawn reads the same as on any other."""
    if known:
        await homes.opened(SAM, shown())

    await homes.told(SAM, answers.Note("Your yes is counted.", good=good))

    assert words_of(side.workspace.home("sam")).startswith(f"{sign} Your yes is counted.")


async def test_person_reads_details_from_home_in_a_window(connected: Side) -> None:
    """Details on the Home tab opens the whole request beside it."""
    found = builders.request_in(State.PENDING, id="PR-0000")
    detail = answers.RequestShown(found, (), builders.NOW)
    connected.store.add(found)
    connected.workflow.says = [shown(mine=(found,)), detail]
    connected.workspace.open_home("dana")
    await connected.settle()
    view = connected.workspace.home("dana")
    assert view is not None

    await connected.workspace.click("dana", view, "Details")
    await connected.settle()

    assert connected.workspace.views("dana")[-1].title == "PR-0000"


async def test_person_begins_a_request_from_home(connected: Side) -> None:
    """The button opens the form, as the command without words does; it asks for the channel."""
    form = answers.FormShown(request.Place(channel_id="C0OPS"))
    connected.workflow.says = [shown(), form]
    connected.workspace.open_home("dana")
    await connected.settle()
    view = connected.workspace.home("dana")
    assert view is not None

    await connected.workspace.click("dana", view, "New request")
    await connected.settle()

    assert isinstance(connected.workflow.handled[-1].input, inputs.Typed)
    assert connected.workspace.views("dana")[-1].title == request_modal.TITLE


async def test_refused_person_reads_the_reason_on_home(connected: Side) -> None:
    """Somebody who may not use Powerbot sees why, and nothing else."""
    connected.workflow.says = [answers.Note("Guests can't use Powerbot.", good=False)]

    connected.workspace.open_home("gil")
    await connected.settle()

    assert "Guests can't use Powerbot." in words_of(connected.workspace.home("gil"))


# -- kept up to date


class Record:
    """The record as far as Homes look at it."""

    def __init__(self) -> None:
        self.number = 1
        self.shows = shown()
        self.reads = 0
        self.away = False

    async def head(self) -> int:
        """Return the number of the newest audit row."""
        if self.away:
            raise errors.StoreUnavailable
        return self.number

    async def overview(self, person: request.Person) -> answers.HomeShown:
        """Return what a person's Home shows."""
        self.reads += 1
        return self.shows


@pytest.fixture
def homes(sender: sending.Sender, clock: ticks.GivenClock) -> home_publisher.HomePublisher:
    """The keeper of Home tabs, on the stand-in."""
    return home_publisher.HomePublisher(sender, clock)


def published(side: Side) -> int:
    """Return how often a Home was published."""
    return len(side.workspace.calls("views.publish"))


async def test_home_changes_with_the_record(
    side: Side, homes: home_publisher.HomePublisher
) -> None:
    """When the record has moved on, the Home that is watched shows it."""
    record = Record()
    await homes.opened(SAM, shown())
    record.number, record.shows = 2, shown(freezes=(frozen("by a person"),))

    await side.clock.pass_s(home_publisher.PACE_S)
    await homes.look(record.overview, record.head)

    assert "by a person" in words_of(side.workspace.home("sam"))


async def test_home_is_not_published_again_for_the_same(
    side: Side, homes: home_publisher.HomePublisher
) -> None:
    """A look at an unchanged record reads nothing and publishes nothing."""
    record = Record()
    await homes.opened(SAM, shown())
    for _ in range(5):
        await side.clock.pass_s(home_publisher.PACE_S)
        await homes.look(record.overview, record.head)

    assert (published(side), record.reads) == (1, 1)


async def test_many_homes_keep_within_the_pace(
    side: Side, homes: home_publisher.HomePublisher
) -> None:
    """However many watch and however much changes, a minute has its limit."""
    record = Record()
    people = [request.Person(user_id=f"U0{n:04}", team_id=builders.TEAM) for n in range(300)]
    for person in people:
        homes._watch(person)
    watched = len(homes._watched)
    for n in range(20):
        record.number += 1
        record.shows = shown(freezes=(frozen(f"number {n}"),))
        await homes.look(record.overview, record.head)
        await side.clock.pass_s(1)

    assert watched == home_publisher.MOST_WATCHED
    assert published(side) <= home_publisher.MOST_A_MINUTE


async def test_home_of_another_process_is_published_over_once(
    side: Side, homes: home_publisher.HomePublisher
) -> None:
    """A version that Slack doesn't have any more is answered by one more try without it."""
    await homes.opened(SAM, shown())
    view = home.render(shown(freezes=(frozen("theirs"),)))
    await side.sender.publish_home("U0SAM", view)

    await homes.told(SAM, answers.Note("Ours."))

    assert "Ours." in words_of(side.workspace.home("sam"))
    assert [call.answer.get("error") for call in side.workspace.calls("views.publish")][-2:] == [
        "hash_conflict",
        None,
    ]


async def test_answer_on_home_goes_after_a_while(
    side: Side, homes: home_publisher.HomePublisher
) -> None:
    """What was pressed a minute ago is no news."""
    record = Record()
    await homes.opened(SAM, shown())
    await homes.told(SAM, answers.Note("Counted."))

    await side.clock.pass_s(home_publisher.NOTICE_S + 1)
    await homes.look(record.overview, record.head)

    assert "Counted." not in words_of(side.workspace.home("sam"))


async def test_home_is_let_go_when_nobody_looks(
    side: Side, homes: home_publisher.HomePublisher
) -> None:
    """A quarter of an hour after it was opened a Home costs nothing."""
    record = Record()
    await homes.opened(SAM, shown())

    await side.clock.pass_s(home_publisher.WATCH_S + 1)
    await homes.look(record.overview, record.head)

    assert record.reads == 0


async def test_home_that_slack_refuses_is_tried_again_later(
    side: Side, homes: home_publisher.HomePublisher
) -> None:
    """A failed publish is made again at the next look, and one without hope isn't."""
    record = Record()
    side.workspace.chaos.fail("views.publish", "error", error="internal_error")
    await homes.opened(SAM, shown())
    await side.clock.pass_s(home_publisher.PACE_S)
    await homes.look(record.overview, record.head)
    first = side.workspace.home("sam")
    side.workspace.chaos.fail("views.publish", "error", error="not_enabled")
    await homes.told(SAM, answers.Note("Ours."))

    assert first is not None
    assert homes._watched == {}


async def test_homes_outlive_a_database_that_is_away(
    side: Side, homes: home_publisher.HomePublisher
) -> None:
    """The loop goes on when the record can't be read."""
    record = Record()
    record.away = True
    slept = 0

    class Enough(Exception):
        """The test has seen enough."""

    async def head() -> int:
        nonlocal slept
        slept += 1
        if slept == 3:
            raise Enough
        return await record.head()

    await homes.opened(SAM, shown())
    with pytest.raises(Enough):
        await homes.run(record.overview, head)

    assert slept == 3


def test_home_offers_the_review_that_somebody_owes_a_breaker_of_glass() -> None:
    """An ended request has no Approve any more, but Review and until when."""
    owed = ports.Review("PR-7F3K", "U0DANA", ("sre",), builders.NOW, builders.NOW + 3600)
    found = builders.request_in(State.SUCCEEDED, review=owed)

    drawn = home.render(shown(waiting_for_me=(found,)))

    labels = [
        one["text"]["text"]
        for block in drawn["blocks"]
        for one in block.get("elements", ())
        if one["type"] == "button"
    ]
    assert labels == ["New request", "Review", "Details"]
    assert "review by" in str(drawn)

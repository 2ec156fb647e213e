"""The request form offers what a person may see, and says what is wrong before anything waits."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import pytest

from bot.power import errors, inputs, ports, request, server
from bot.power.command.form import FormField
from bot.power.policy import policy_file
from bot.workflow import context
from bot.workflow.questions import request_form
from bot.workflow.sources import alarm_lookup, people
from tests.power import fleet
from tests.slack import builders
from tests.support import ticks

POLICY = """
version = 1
[channels]
allow = ["C0OPS", "C0INC", "C0GONE"]
incident = ["C0INC"]
[people]
sre = ["U0DANA", "U0SAM"]
[groups]
web = "web*"
[defaults]
batch = 5
pause = "10s"
[[rule]]
name = "databases"
servers = "db*"
actions = ["reboot"]
requesters = ["sre"]
approvers = { sre = 1 }
reason = "INC-[0-9]+"
[[rule]]
name = "the rest"
servers = "*"
actions = ["reboot"]
requesters = ["sre"]
approvers = { sre = 1 }
break_glass = ["sre"]
"""
RULES = policy_file.read(POLICY)


@dataclasses.dataclass
class Power:
    """A list of servers that can be away."""

    known: server.Snapshot | None = dataclasses.field(default_factory=fleet.fleet)
    away: bool = False

    def latest(self) -> server.Snapshot | None:
        """Return the newest list."""
        return self.known

    async def snapshot(self, *, not_before: float) -> server.Snapshot:
        """Return the list, or fail."""
        if self.away or self.known is None:
            raise errors.CloudError("away")
        return self.known


class Directory:
    """Everybody is a full member but Gil; one channel is archived."""

    async def member(self, user_id: str) -> ports.Member:
        """Return a person."""
        return ports.Member(user_id, builders.TEAM, is_restricted=user_id == "U0GIL")

    async def channel(self, channel_id: str) -> ports.Channel:
        """Return a channel."""
        return ports.Channel(channel_id, is_archived=channel_id == "C0GONE")


def choice(power: Power | None = None) -> context.Context:
    """Return what the form's side of the story works with."""
    clock = ticks.GivenClock()
    return context.Context(
        store=cast("ports.RequestStore", None),
        power=cast("ports.PowerApi", power or Power()),
        people=people.People(cast("ports.Directory", Directory()), lambda: RULES, builders.TEAM),
        policy=lambda: RULES,
        clock=clock,
        scope=request.Scope(region="here", project_id="p"),
        alarms=alarm_lookup.AlarmLookup(None, clock),
    )


def sent(place: str = "C0OPS", **filled: str) -> tuple[request.Place, inputs.RequestFilled]:
    """Return the place and the fields of a form that was sent."""
    given = {"action": "reboot", "servers": "web01", "reason": "it hangs", **filled}
    form = inputs.RequestFilled(filled=given, view="pb:1", chose_channel=place == "C0DEV")
    return request.Place(channel_id=place), form


async def test_a_full_member_is_offered_servers_and_a_guest_is_not() -> None:
    """The names of servers are for those who may look."""
    dana, gil = builders.REQUESTER, request.Person(user_id="U0GIL", team_id=builders.TEAM)

    offered = await request_form.offers(choice(), dana, "web0")

    assert [one.value for one in offered][:2] == ["web01", "web02"]
    assert await request_form.offers(choice(), gil, "web0") == ()


async def test_a_catalogue_is_made_once_for_a_snapshot() -> None:
    """Each letter typed is a search, not a new index."""
    one = choice()
    await request_form.offers(one, builders.REQUESTER, "w")
    made = one.search.catalogue
    await request_form.offers(one, builders.REQUESTER, "we")

    assert one.search.catalogue is made


async def test_nothing_is_offered_before_the_list_was_read_once() -> None:
    """A search never waits for CloudDC."""
    assert await request_form.offers(choice(Power(known=None)), builders.REQUESTER, "web") == ()


async def test_a_form_opens_without_an_inventory_and_says_so() -> None:
    """The person may have typed the names by the time it is back."""
    shown = await request_form.open_form(choice(Power(away=True)), builders.inbound())

    assert shown.notes == (request_form.NO_INVENTORY,)
    assert shown.channels is None


async def test_a_form_without_a_place_offers_channels_in_which_one_may_ask() -> None:
    """An archived one can't be chosen."""
    shown = await request_form.open_form(
        choice(), builders.inbound(inputs.ShortcutUsed(), place=request.Place(channel_id=""))
    )

    assert [one.channel_id for one in shown.channels or ()] == ["C0INC", "C0OPS"]
    assert shown.notes == ()


async def test_a_message_fills_the_form_or_is_said_to_name_nothing() -> None:
    """Only a message shortcut has words and a channel."""
    found = await request_form.open_form(
        choice(), builders.inbound(inputs.ShortcutUsed(words="web01 db[01-02] hang"))
    )
    nothing = await request_form.open_form(
        choice(), builders.inbound(inputs.ShortcutUsed(words="coffee"))
    )

    assert [one.value for one in found.servers] == ["db01", "db02", "web01"]
    assert nothing.notes == (request_form.NOTHING_NAMED,)


@pytest.mark.parametrize(
    ("filled", "field", "words"),
    [
        ({"servers": "web99"}, FormField.SERVERS, "There is no server web99"),
        ({"servers": "db01"}, FormField.REASON, 'Rule "databases" requires INC-[0-9]+ in it.'),
        ({"batch": "9"}, FormField.BATCH, "The policy allows at most 5"),
        ({"pause": "1s"}, FormField.PAUSE, "The policy pauses for at least 10s"),
        ({"max_failures": "3"}, FormField.MAX_FAILURES, "The policy allows at most 1"),
        ({"break_glass": "yes"}, FormField.BREAK_GLASS, "isn't allowed in this channel"),
        (
            {"break_glass": "yes", "reason": "", "place": "C0INC"},
            FormField.REASON,
            "Break glass needs a reason.",
        ),
        ({"place": "C0DEV"}, FormField.CHANNEL, "Requests aren't allowed in this channel."),
        ({"place": "C0OLD"}, FormField.SERVERS, "Requests aren't allowed in this channel."),
    ],
)
def test_a_form_is_told_what_the_policy_wants_at_its_field(
    filled: dict[str, Any], field: FormField, words: str
) -> None:
    """Before any look-up, from the newest list there is."""
    problems = request_form.read_form(choice(), *sent(**filled)).problems

    assert set(problems) == {field}
    assert words in problems[field]


def test_a_form_is_taken_when_the_list_was_never_read() -> None:
    """The plan will say what can't be done."""
    found = request_form.read_form(choice(Power(known=None)), *sent(servers="web99"))

    assert found.problems == {}
    assert found.change is not None


def test_an_incident_is_as_good_as_a_reason() -> None:
    """A rule that wants a reason is content with an incident in the form, as in a typed line."""
    assert request_form.read_form(choice(), *sent(servers="db01", incident="INC-42")).problems == {}

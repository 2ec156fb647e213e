"""What somebody may copy is held against what they typed and what there is, at every door."""

from __future__ import annotations

import pytest

from bot.power import inputs, request
from bot.sandbox.data_centre.api.reading import Listing
from bot.workflow import answers
from tests.workflow import world as world_
from tests.workflow.world import DANA, World

REASON = ('name = "databases"\n', 'name = "databases"\nreason = "INC-[0-9]+"\n')


async def offered(world: World, text: str) -> str:
    """Return the line that a mistake offers."""
    said = await world.type(text)
    assert isinstance(said, answers.Mistake), said
    return said.suggestion


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("rebot web01", "/power reboot web01"),
        ("off db99", ""),
        ("off web02,web1", ""),
        ("reboot web[1-3]", "/power reboot web[01-03]"),
        ("reboot web* save web01", ""),
        ("why WEB01", "/power why web01"),
        ("status Web01", "/power status web01"),
        ("show PR-2222", "/power requests"),
        ("stop PR-2222", "/power requests"),
        ("freeze", "/power help freeze"),
        ("off", "/power help off"),
    ],
)
async def test_a_typist_is_offered_what_they_named_or_nothing(
    world: World, typed: str, line: str
) -> None:
    """The line is parsed and resolved before it is shown."""
    assert await offered(world, typed) == line


@pytest.mark.parametrize(
    ("typed", "why", "line"),
    [
        ("can you reboot web01?", "? stands for one character", "reboot web01"),
        ("reboot web01 web02?", "web02 is there without it", ""),
        ("reboot web01 reason: disk", "A reason begins with because", "reboot web01 because disk"),
        ("off web01 reason:disk", "A reason begins with because", "off web01 because disk"),
        ("reboot web01 因为 panic", "servers 因为, panic", "reboot web01 because panic"),
        ("off web01 zeta alpha", "servers zeta, alpha; a reason", "off web01 because zeta alpha"),
        ("reboot web01 (hung)", "a reason begins with because", ""),
        ('reboot web01 "disk full"', "a reason begins with because", ""),
        ("off web01..web03", "here it is written web[01-03]", "off web[01-03]"),
        ("off web[01~03]", "here that is written web[01-03]", "off web[01-03]"),
        ("off web01、web02", "here that is written web01 web02", "off web01 web02"),
        ("off web01/web02 because x", "here that is written", "off web01 web02 because x"),
        ("off web*;db*", 'is ";"', ""),
        ("off web01/web999", "here that is written web01 web999", ""),
        ("off web 01", "here it is written web01", ""),
        ("off web01 <@U0123ABCDE>", "That is a person and not a server", ""),
        ("reboot web01 at 22:00", "starts as soon as it is approved", ""),
        ("off 'web 01'", "in double quotes", ""),
        ("web01 web02", "Say first what to do with web01", "status web01 web02"),
        ("web01 because disk", "Say first what to do with web01", "status web01"),
        ("PR-7F3K", "Say first what to do with PR-7F3K: show, stop, cancel.", "show PR-7F3K"),
        ("because disk", "the reason comes last", "help"),
        (
            "db01 db02",
            "with db01: on, off, reboot, cycle, status, list, history",
            "status db01 db02",
        ),
        ("off rack R01", "here that is written rack:R01", ""),
        ("重启 web01", "Did you mean reboot?", "reboot web01"),
        ("redémarre web01 because x", "Did you mean reboot?", "reboot web01 because x"),
        ("kill web01", "off powers servers off, and stop ends a request", "help off"),
    ],
)
async def test_a_typist_learns_how_it_is_written_here(
    world: World, typed: str, why: str, line: str
) -> None:
    """In the order of their own words, and with a line only where all that it names is there."""
    said = await world.type(typed)

    assert isinstance(said, answers.Mistake), said
    assert why in said.problem
    assert said.suggestion == (f"/power {line}" if line else "")


@pytest.mark.parametrize(
    "typed",
    ["off web1", "on wbe01", "reboot web[1-3]", "off WEB01", "off web01 web99", "why wbe01"],
)
async def test_nobody_is_offered_another_name_where_the_list_falls_short(
    world: World, typed: str
) -> None:
    """The very server that was typed may be one that CloudDC leaves out."""
    world.centre.switches.listing = Listing.LOSSY
    said = await world.type(typed)

    assert isinstance(said, answers.Mistake), said
    assert said.suggestion == ""
    assert "the nearest" not in said.problem
    assert "here it is written" not in said.problem
    assert "CloudDC's list shows 108 of 120 servers" in said.problem


async def test_a_typist_who_spares_a_server_gets_a_plan_without_it(world: World) -> None:
    """The word stands for !, and the plan acts on all others."""
    shown = await world.plan("off web[01-03] except web01 because x")

    assert [target.name for target in shown.plan.order.targets] == ["web02", "web03"]


async def test_nobody_is_handed_a_ticket(world: World) -> None:
    """The rule's pattern is named, and the line that is offered can't be sent as it stands."""
    world.rules = world_.policy_of(REASON)
    shown = await world.plan("off db01 --batch 1 because disk")
    (refusal,) = shown.plan.refusals
    line = refusal.partition("type: /power ")[2].removesuffix(".")

    assert "requires INC-[0-9]+" in refusal
    assert line == "off db01 --batch 1 because … disk"
    assert isinstance(await world.type(line), answers.Mistake)


async def test_a_form_offers_nothing_that_was_not_chosen(world: World) -> None:
    """Its fields pass the same gate as a typed line."""
    await world.type("status")
    for servers, better in (("web* save web01", ""), ("web999", ""), ("web[1-3]", "web[01-03]")):
        filled = {"action": "off", "servers": servers, "reason": "x"}
        place = request.Place(channel_id=world_.OPS)
        problems = world.flow.problems(place, inputs.RequestFilled(filled=filled))
        (told,) = problems.values()

        assert told.partition(" Try ")[2] == better


async def test_lines_name_the_command_that_was_typed(world: World) -> None:
    """An app that is installed under another name, and a mention, are copied as they are."""
    for called in ("/power-staging", "@Powerbot"):
        said, helped, _ = [
            await world.flow.handle(world.inbound(DANA, inputs.Typed(text=line, called=called)))
            for line in ("rebot web01", "help off", "reboot web07 because x")
        ]

        assert isinstance(said, answers.Mistake)
        assert said.suggestion == f"{called} reboot web01"
        assert isinstance(helped, answers.HelpShown)
        assert f"`{called} off TARGETS" in helped.text
        assert "/power " not in helped.text


# -- what is too long


@pytest.mark.parametrize("kind", [inputs.Typed, inputs.Mentioned])
async def test_a_line_that_is_too_long_is_refused_whole(
    world: World, kind: type[inputs.Typed | inputs.Mentioned]
) -> None:
    """Its beginning may name what its end spares."""
    line = f"off web01 {'web02 ' * 700} !web01 because x"
    for given in (kind(text=line), kind(length=13_000)):
        said = await world.flow.handle(world.inbound(DANA, given))

        assert isinstance(said, answers.Mistake)
        assert "A command has at most 4,000 characters" in said.problem
    assert world.centre.power_calls() == []


async def test_a_stop_with_a_long_reason_stops_and_says_that_it_was_not_kept(
    world: World,
) -> None:
    """A no is never held up, and nothing is cut."""
    id_ = await world.ask("off web01 because x")
    said = await world.type(f"cancel {id_} because {'y' * 900}")

    assert isinstance(said, answers.Note)
    assert "A reason has at most 500 characters; this one has 900. It wasn't saved." in said.text
    assert (await world.state(id_)).value == "cancelled"
    assert "y" not in (await world.found(id_)).end_reason.removeprefix("cancelled by")


@pytest.mark.parametrize(("do", "field"), [("deny", "reason"), ("comment", "comment")])
async def test_words_that_are_too_long_decide_nothing(world: World, do: str, field: str) -> None:
    """They are refused with the limit; the request waits on."""
    id_ = await world.ask("off web01 because x")

    said = await world.told(world_.SAM, do, id_, **{field: "z" * 501})

    assert "at most 500 characters; this one has 501" in said
    assert (await world.state(id_)).value == "pending"


async def test_a_step_with_a_long_field_is_refused(world: World) -> None:
    """What the end of a field takes out is not lost."""
    for field, text in (("servers", f"web01 {'web02 ' * 3000}!web01"), ("reason", "x" * 13_000)):
        filled = {"action": "off", "servers": "web01", "reason": "x", field: text}
        said = await world.flow.handle(world.inbound(DANA, inputs.StepBegun(filled=filled)))

        assert isinstance(said, answers.Mistake)
        assert "characters; a field takes at most 12,000" in said.problem


# -- said by another, or typed elsewhere


async def test_who_undoes_anothers_request_keeps_its_care_and_names_its_reason(
    world: World,
) -> None:
    """The words stay those of whoever wrote them; batch, pause and limit hold on."""
    id_ = await world.ask("off web01 --batch 1 --pause 5s --max-failures 1 because disk")
    await world.press(world_.SAM, "approve", id_)
    await world.later(1)
    await world.later(600)

    others = await world.press(world_.LEO, "undo", id_)
    own = await world.press(DANA, "undo", id_)

    assert isinstance(others, answers.PlanShown)
    assert isinstance(own, answers.PlanShown)
    assert others.plan.order.reason == f"undo of {id_}: disk"
    assert own.plan.order.reason == "disk"
    for shown in (others, own):
        options = shown.plan.order.options
        assert (options.batch, options.pause_s, options.max_failures) == (1, 5.0, 1)


@pytest.mark.parametrize("dash", ["\u2010", "\u2011", "\u2212", "\ufe63"])
async def test_a_ticket_from_a_web_page_is_the_ticket(world: World, dash: str) -> None:
    """Its hyphen is another character that reads the same; it is shown as it came."""
    world.rules = world_.policy_of(REASON)
    shown = await world.plan(f"off db01 because INC{dash}42 disk")

    assert shown.plan.refusals == ()
    assert shown.plan.order.reason == f"INC{dash}42 disk"


async def test_a_count_in_wide_digits_is_a_count(world: World) -> None:
    """As an East Asian keyboard types it."""
    shown = await world.plan("off web[01-12] because x")
    said = await world.told(DANA, "confirm_count", shown.request_id, count="１２")

    assert said.startswith("Requested as")


async def test_a_colleague_in_a_reason_is_shown_by_name(world: World) -> None:
    """In plain letters that call nobody; who isn't known stays an id."""
    world.folk.change(world_.SAM, name="Sam <!here>")
    shown = await world.plan("off web01 because <@U0SAM> and <@U0NOBODY> ask")

    assert shown.plan.order.reason == "@Sam !here and @U0NOBODY ask"


async def test_a_reason_that_spares_a_server_makes_no_plan(world: World) -> None:
    """Typed behind because, an exclusion would be read by nobody and the server switched off."""
    said = await world.type("off web[01-03] because the kernel is old, except web02")
    meant = await world.plan("off web[01-03] !web02 because the kernel is old, except web02")

    assert isinstance(said, answers.Mistake)
    assert "add !web02 to the targets" in said.problem
    assert [target.name for target in meant.plan.order.targets] == ["web01", "web03"]

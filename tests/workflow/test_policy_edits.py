"""What an edit of the policy does to requests that are open."""

from __future__ import annotations

import pytest

from bot.power import errors, plan
from bot.power.lifecycle import State
from bot.power.policy import policy_file
from bot.workflow import planner, put_back
from tests.support import leases
from tests.workflow import world as world_
from tests.workflow.world import DANA, LEO, OLGA, OPS, ROSA, SAM, World

STRICTER = (
    "approvers = { sre = 1 }\nfrom_servers",
    "approvers = { sre = 1, dc-ops = 1 }\nfrom_servers",
)
LOOSER = ("approvers = { sre = 1, dc-ops = 1 }\n[[rule]]", "approvers = { sre = 1 }\n[[rule]]")


async def test_pending_request_that_needs_more_now_is_refused_at_its_next_approval(
    world: World,
) -> None:
    """It names the rule, and both versions stand in the audit."""
    id_ = await world.ask("reboot web01 because x")
    before = world.rules.version
    world.edit(STRICTER)

    told = await world.told(SAM, "approve", id_)

    found = await world.found(id_)
    why = 'the policy has changed: rule "everything else" now needs 1 from dc-ops'
    assert told == f"Not approved, because {why}."
    assert (found.state, found.end_reason) == (State.REFUSED, why)
    (row,) = await world.audit("request.refused")
    assert (row["detail"]["planned_under"], row["detail"]["now"]) == (before, world.rules.version)
    assert world.events(id_) == ["asked", "refused"]


async def test_click_of_somebody_without_a_right_ends_nothing(world: World) -> None:
    """An edited policy is held against a request when an approver clicks, and nobody else."""
    id_ = await world.ask("reboot web01 because x")
    world.edit(STRICTER)

    told = await world.told(OLGA, "approve", id_)
    own = await world.told(DANA, "approve", id_)

    assert told == "Only people in sre can do this, and you aren't one of them."
    assert own == "This is your own request: somebody else must decide."
    assert await world.state(id_) is State.PENDING
    assert "refused" in await _after(world, id_, ROSA)


async def _after(world: World, id_: str, who: str) -> str:
    """Press Approve as somebody whom the edited policy names, and return the state."""
    await world.press(who, "approve", id_)
    return (await world.state(id_)).value


async def test_request_whose_groups_are_gone_is_refused_by_an_approver_of_now(
    world: World,
) -> None:
    """Whoever the edited policy names as approver may be the occasion to find out."""
    id_ = await world.ask("reboot db01 because x")
    text = world_.POLICY.replace("dc-ops", "field")
    world.rules = policy_file.read(text)

    told = await world.told(ROSA, "approve", id_)

    assert told.startswith(
        'Not approved, because the policy has changed: rule "databases" now needs 1'
    )
    assert await world.state(id_) is State.REFUSED


async def test_approved_request_that_needs_more_now_is_void(world: World) -> None:
    """Approved before the edit, not started yet: it never starts."""
    id_ = await world.ask("reboot web01 because x")
    await world.told(SAM, "approve", id_)
    world.edit(STRICTER)

    await world.drive()

    found = await world.found(id_)
    assert found.state is State.VOID
    assert '"everything else" now needs 1 from dc-ops' in found.end_reason
    assert world.calls() == []
    assert world.events(id_) == ["asked", "approved", "void"]


async def test_approval_of_somebody_taken_out_of_the_policy_makes_it_void(world: World) -> None:
    """The same people may not, so the agreement is gone."""
    id_ = await world.ask("reboot web01 because x")
    await world.told(SAM, "approve", id_)
    world.edit(('sre = ["U0DANA", "U0SAM", "U0LEO"]', 'sre = ["U0DANA", "U0LEO"]'))

    await world.drive()

    assert await world.state(id_) is State.VOID


async def test_running_request_is_stopped_before_its_next_wave(world: World) -> None:
    """What was sent is watched to its end; nothing more leaves."""
    world.edit(("ramp = []", "ramp = [1]\nbatch = 2"))
    text = world_.POLICY.replace("ramp = []", "ramp = [1]\nbatch = 2").replace(*STRICTER)
    id_ = await world.ask("reboot web[01-05] because x")
    await world.told(SAM, "approve", id_)

    async def edited_after_the_first_call(seconds: float) -> None:
        if world.calls():
            world.rules = policy_file.read(text)
        await waited(seconds)

    waited = world.clock.sleep
    world.clock.sleep = edited_after_the_first_call  # type: ignore[method-assign]
    await world.drive()

    found = await world.found(id_)
    assert found.state is State.STOPPED
    assert '"everything else" now needs 1 from dc-ops' in found.end_reason
    assert world.calls() == [1]


async def test_request_that_needs_no_more_goes_on_under_both_versions(world: World) -> None:
    """The audit has the version of the plan and the one of now, once for each."""
    id_ = await world.ask("reboot db01 because x")
    before = world.rules.version
    world.edit(LOOSER)

    await world.told(SAM, "approve", id_)
    await world.told(ROSA, "approve", id_)
    await world.drive()

    (row,) = await world.audit("policy.went_on", id_)
    assert row["detail"] == {"planned_under": before, "now": world.rules.version}
    assert await world.state(id_) is State.SUCCEEDED


async def test_edit_that_can_not_be_judged_ends_nothing_and_lets_nothing_pass(
    world: World,
) -> None:
    """A group that can't be read blocks, and the click may be made again."""
    id_ = await world.ask("reboot db01 because x")
    text = world_.POLICY.replace(
        'requesters = ["sre"]\napprovers = { sre = 1, dc',
        'requesters = ["dc-ops"]\napprovers = { sre = 1, dc',
    )
    world.rules = policy_file.read(text)
    world.folk.groups[world_.ONCALL] = frozenset({LEO, DANA})
    world.folk.away.add(world_.ONCALL)

    told = await world.told(SAM, "approve", id_)
    held = await world.state(id_)
    world.folk.away.clear()
    again = await world.told(SAM, "approve", id_)

    assert "could not be checked" in told
    assert held is State.PENDING
    assert "Approved" in again
    assert len(await world.audit("person.not_checked")) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('allow = ["C0INC"]', "the policy no longer allows this channel"),
    ],
)
async def test_request_in_a_channel_that_was_taken_out_is_refused(
    world: World, text: str, said: str
) -> None:
    """Requests may not be made there any more, so they may not run either."""
    id_ = await world.ask("reboot web01 because x", channel=OPS)
    world.edit(('allow = ["C0OPS", "C0INC"]', text))

    assert said in await world.told(SAM, "approve", id_)


async def test_ten_requests_of_one_server_need_what_one_of_ten_needs(world: World) -> None:
    """One person's requests within the window are added up: the tenth needs both groups."""
    world.rules = policy_file.read(
        world_.POLICY.replace("[defaults]", "[limits]\nmax_open_per_user = 50\n[defaults]")
    )
    whole = await world.plan("reboot web[01-10] because x")
    ids = [await world.ask(f"reboot web{n:02} because x") for n in range(1, 11)]

    needs = [(await world.found(id_)).plan.terms.needs for id_ in ids]

    assert needs[9] == whole.plan.terms.needs
    assert [need.group for need in needs[9]] == ["sre", "dc-ops"]
    assert {need for one in needs[:9] for need in one} == {needs[0][0]}


async def test_ended_requests_count_until_the_window_has_passed_since_their_end(
    world: World,
) -> None:
    """Nine that were planned long ago and ended a moment ago still make the tenth large."""
    world.rules = policy_file.read(
        world_.POLICY.replace("[defaults]", "[limits]\nmax_open_per_user = 50\n[defaults]")
    )
    ids = [await world.ask(f"reboot web{n:02} because x") for n in range(1, 10)]
    world.clock.passed_s += 1000
    for id_ in ids:
        await world.told(SAM, "approve", id_)
    await world.drive()

    soon = await world.plan("reboot web10 because x")
    world.clock.passed_s += 901
    later = await world.plan("reboot web10 because x")

    assert len(soon.plan.terms.needs) == 2
    assert len(later.plan.terms.needs) == 1


async def overtaken(world: World, made: plan.Plan) -> str:
    """Return what the transaction that asks has against a plan."""
    now = world.clock.now()
    return await world.store.write(lambda tx: planner.overtaken(world.flow.context, tx, made, now))


async def test_requests_asked_at_the_same_moment_do_not_slip_past_the_quorum(
    world: World,
) -> None:
    """Ten plans of one server, made before any was asked: the tenth press is refused."""
    world.rules = policy_file.read(
        world_.POLICY.replace("[defaults]", "[limits]\nmax_open_per_user = 50\n[defaults]")
    )
    plans = [await world.plan(f"reboot web{n:02} because x") for n in range(1, 11)]
    before = [one.plan for one in plans]

    told = [await overtaken(world, made) for made in before]
    for one in plans[:9]:
        await world.press(DANA, "request", one.request_id)
    last = await overtaken(world, before[9])

    assert told == [""] * 10
    assert last == (
        "it now needs different approvals from those in the plan; type the command again."
    )


async def test_open_requests_are_counted_in_the_transaction_that_asks(world: World) -> None:
    """Six plans, five places: the sixth is refused, however close the clicks."""
    plans = [await world.plan(f"reboot web{n:02} because x") for n in range(1, 7)]
    for one in plans[:5]:
        await world.press(DANA, "request", one.request_id)

    said = await overtaken(world, plans[5].plan)

    assert said == "you have 5 open requests, and that is the limit."


async def test_run_waits_while_an_edited_policy_can_not_be_judged(world: World) -> None:
    """No call leaves, the thread says why, and the run goes on when Slack can be asked."""
    world.edit(("ramp = []", "ramp = [1]\nbatch = 2"))
    edited = world_.policy_of(
        ("ramp = []", "ramp = [1]\nbatch = 2"),
        ('sre = ["U0DANA", "U0SAM", "U0LEO"]', 'sre = ["U0DANA", "U0LEO", "S0ONCALL"]'),
    )
    world.folk.groups[world_.ONCALL] = frozenset({LEO, SAM})
    id_ = await world.ask("reboot web[01-03] because x")
    await world.told(SAM, "approve", id_)

    async def edited_after_the_first_call(seconds: float) -> None:
        if world.calls():
            world.rules = edited
            world.folk.away.add(world_.ONCALL)
        await waited(seconds)

    waited = world.clock.sleep
    world.clock.sleep = edited_after_the_first_call  # type: ignore[method-assign]
    with pytest.raises(errors.SlackUnavailable):
        await world.drive()
    world.clock.sleep = waited  # type: ignore[method-assign]
    held = (await world.state(id_), world.calls(), world.events(id_)[-1])
    world.folk.away.clear()
    await leases.end_all(world.store)
    await world.later(60)

    assert held == (State.RUNNING, [1], "held")
    assert await world.state(id_) is State.SUCCEEDED
    assert world.calls() == [1, 2]


async def test_those_of_all_rules_put_back_what_rules_took_out_that_are_gone(
    world: World,
) -> None:
    """A rule was renamed: somebody has to be able to."""
    id_ = await world.ask("reboot web01 because x")
    await world.told(SAM, "approve", id_)
    await world.drive()
    world.edit(('name = "everything else"', 'name = "the rest"'))

    assert await world.told(SAM, "put_back", id_) == put_back.NOTHING
    assert await world.told(OLGA, "put_back", id_) == put_back.NOT_YOURS

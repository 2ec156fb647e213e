"""Does what was approved still stand? Asked before each wave, and at an edited policy each call."""

from __future__ import annotations

from bot.execution import gate, recorder
from bot.execution.context import Context
from bot.power import errors, missing_access, server
from bot.power.approval import granted
from bot.power.run import lost_grants, runs
from bot.power.run.blockers import Blocker, BlockerKind

UNCHECKED = "Slack can't say whether the approvals still stand"


async def stands(context: Context, run: runs.Run, step: int) -> bool:
    """Whether what was granted still stands for another wave; halts the run otherwise.

    While it can't be checked nothing is sent, for as long as an approval may wait.
    """
    # The failure limit is asked about later: a cycle's second half goes on in spite of it.
    while await gate.may_call(context, run, despite_failures=True):
        try:
            ruling = await context.rules.ruling(run.request, step)
        except errors.SlackUnavailable as error:
            lacks = missing_access.told(error.missing).rstrip(".")
            why = f"{UNCHECKED}: {lacks}" if lacks else UNCHECKED
            await gate.wait_for_people(context, run, why)
            continue
        await gate.people_are_back(context, run)
        # Kept for the check of each server, which asks Slack nothing.
        run.asker = ruling.groups
        if ruling.lost is None:
            return True
        await _halt(context, run, ruling.lost)
    return False


async def _halt(context: Context, run: runs.Run, lost: lost_grants.LostGrant) -> None:
    """Halt a run that doesn't stand any more as it was granted."""
    now, run.halted = context.clock.now(), Blocker(BlockerKind.LOST, lost.sentence)
    await recorder.write(context, lambda tx: lost_grants.note(tx, run.request, lost, now=now))


async def fits(context: Context, run: runs.Run, records: server.Records) -> bool:
    """Whether the policy in force still allows the request; halts it otherwise.

    `records` has all servers of the plan: rules and numbers of approvals go by all of them.

    Raises:
        SlackUnavailable: an edited policy could not be judged; the thread is told, and the
            run is taken up again a little later.
    """
    try:
        # A run that is halted needs no judgement, and must not wait for Slack to get one.
        problem = "" if run.halted else await context.rules.rejudge(run.request, records)
    except errors.SlackUnavailable as error:
        await gate.tell(context, run, Blocker(BlockerKind.SLACK, error.user_message))
        raise
    if problem:
        run.halted = Blocker(BlockerKind.POLICY, problem)
    _take_up(context, run, records)
    return run.halted is None


def _take_up(context: Context, run: runs.Run, fresh: server.Records) -> None:
    """Judge from now on by the policy of this moment, with what it has tightened."""
    rules, groups = context.rules.policy(), run.asker
    given = run.grant
    # Made anew only for another policy or other groups: it goes through the whole fleet.
    if given is None or given.rules is not rules or given.groups != groups:
        plan, known = run.request.plan, fresh.servers
        # A server that is gone has no rule, and is set aside by itself.
        records = (known[id_] for id_ in plan.order.server_ids if id_ in known)
        run.grant = granted.grant(plan, rules, groups, records)


def must_judge(context: Context, run: runs.Run) -> bool:
    """Whether the policy is another one than that of the plan."""
    return context.rules.policy().version != run.request.plan.policy_version

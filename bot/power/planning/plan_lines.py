"""What a plan would do with each named server: act, skip it, or say why it can't."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bot.power import lifecycle, plan, ports, server
from bot.power.approval import judging, recheck
from bot.power.causes import Cause
from bot.power.command import offered_lines
from bot.power.plan import Verdict
from bot.power.planning.question import Facts, Question, duration, listed
from bot.power.policy import policy
from bot.power.request import Action
from bot.power.run import reasons, runs
from bot.power.server import Power

REBOOTS = (Action.REBOOT, Action.CYCLE)
IS_OFF = "it is off"


class Judged(msgspec.Struct, frozen=True, gc=False):
    """A named server with its rule (if one covers it) and what happens to it.

    `rack` is set where the record's own name for it isn't enough to tell it from others, `apart`
    where the server's own name isn't.
    """

    record: server.Server
    rule: policy.Rule | None
    verdict: Verdict
    reason: str = ""
    cause: Cause = Cause.NONE
    lock: ports.Lock | None = None
    rack: str = ""
    apart: str = ""

    @property
    def acts(self) -> bool:
        """Whether the plan would act on it."""
        return self.verdict is Verdict.ACT

    def line(self, wave: int) -> plan.PlanLine:
        """Return the server as the plan shows it and freezes it, with the wave it goes with."""
        record = self.record
        return plan.PlanLine(
            server_id=record.id,
            name=record.name,
            rack=self.rack or record.rack,
            power_before=record.power_state,
            operation_before=record.operation_state if self.acts else "",
            sn=record.sn if self.acts else "",
            apart=self.apart,
            verdict=self.verdict,
            reason=self.reason,
            rule=self.rule.name if self.rule else "",
            health=record.health_state,
            held_by=self.lock.request_id if self.lock else "",
            cause=self.cause,
            holder=self.lock.requester if self.lock else "",
            wave=wave,
        )


def judge(
    question: Question, rules: policy.Policy, snapshot: server.Snapshot, facts: Facts
) -> tuple[Judged, ...]:
    """Judge every named server once, in the plan's order."""
    # Each once, however many terms name it.
    named = {record.id: record for record in question.servers}
    found = [_judge_one(question, rules, facts, record) for record in named.values()]
    found = _with_keeps(found, question, rules, snapshot, facts)
    if snapshot.shared_racks:
        found = [msgspec.structs.replace(one, rack=snapshot.rack_of(one.record)) for one in found]
    apart = snapshot.apart
    if apart:
        found = [msgspec.structs.replace(one, apart=apart.get(one.record.id, "")) for one in found]
    return _with_lines_to_type(found, question, rules, snapshot)


def _judge_one(
    question: Question, rules: policy.Policy, facts: Facts, record: server.Server
) -> Judged:
    """Judge one server by itself; whether enough others stay on is asked later."""
    # Before everything: not even its rule is told to whoever asks.
    if rules.protects(record):
        return Judged(record, None, Verdict.BLOCKED, "protected", Cause.PROTECTED)
    if record.id in question.unsure:
        parts = question.unsure[record.id]
        unread = recheck.unreadable(parts, "you ask")
        return Judged(record, None, Verdict.BLOCKED, unread, Cause.UNREADABLE)
    if why := question.spared.get(record.id):
        return Judged(record, None, Verdict.BLOCKED, why)
    judged = judging.judge(
        rules,
        record,
        question.action,
        facts.requester_groups,
        unread=facts.unread_groups,
        lacking=facts.lacking,
    )
    if judged.refusal:
        return Judged(record, judged.rule, Verdict.BLOCKED, judged.refusal)
    if lock := facts.locks.get(record.id):
        # One thing at a time.
        held = recheck.held_by(question.action, lock, now=question.now)
        return Judged(record, judged.rule, Verdict.BLOCKED, held.reason, held.cause, lock)
    verdict, reason, cause = _by_record(question, rules, record)
    # "Somebody else" would send people looking for a colleague who isn't there.
    if still := reasons.still_at_work(record, facts.unsettled.get(record.id)):
        reason, cause = still, Cause.OUR_OWN
    if verdict is Verdict.ACT and judged.rule is not None:
        reason = _cooling(question, facts, record, judged.rule.conduct.cooldown_s)
        verdict = Verdict.BLOCKED if reason else Verdict.ACT
    if verdict is Verdict.ACT and question.action in REBOOTS:
        # A reboot that may have happened is repeated by a request that says so, or not at all.
        lost = facts.unknown_reboots.get(record.id)
        reason = f"its reboot in {lost} may have happened" if lost else reason
    return Judged(record, judged.rule, verdict, reason, cause)


def _by_record(
    question: Question, rules: policy.Policy, record: server.Server
) -> tuple[Verdict, str, Cause]:
    """Judge a server by its own record, in the words of the check before each call."""
    # In words of its own, to which the line that starts it is added.
    if question.action in REBOOTS and record.ready and record.power is Power.OFF:
        return Verdict.BLOCKED, IS_OFF, Cause.IS_OFF
    # Off and on have a goal, so an unknown start may be forced; a reboot needs a known one.
    forced = question.options.break_glass and question.action not in REBOOTS
    change = recheck.since_plan(
        runs.method(question.action, 0),
        ports.RunServer(record.id, record.name),
        record,
        protected=rules.protects,
        unread=rules.unread,
        forced=forced,
    )
    if change is None:
        return Verdict.ACT, "", Cause.NONE
    skipped = change.state is lifecycle.ServerState.SKIPPED
    return (Verdict.SKIP if skipped else Verdict.BLOCKED), change.reason, change.cause


def _cooling(question: Question, facts: Facts, record: server.Server, cooldown_s: float) -> str:
    """Say that a server was rebooted too short a time ago."""
    last = facts.last_reboots.get(record.id)
    if question.action not in REBOOTS or last is None or question.now - last >= cooldown_s:
        return ""
    return f"rebooted less than {duration(cooldown_s)} ago"


def _with_keeps(
    found: Sequence[Judged],
    question: Question,
    rules: policy.Policy,
    snapshot: server.Snapshot,
    facts: Facts,
) -> list[Judged]:
    """Block the servers that must stay on."""
    if not rules.counts_others(switches_on=question.action is Action.ON):
        return list(found)
    locked = {key for key, lock in facts.locks.items() if lock.action != Action.ON.value}
    wanted = [judged.record for judged in found if judged.acts]
    held = policy.held_back(
        rules.keeps, snapshot.servers.values(), locked | set(facts.leaving), wanted
    )
    return [
        msgspec.structs.replace(judged, verdict=Verdict.BLOCKED, reason=held[judged.record.id])
        if judged.record.id in held
        else judged
        for judged in found
    ]


def _waits_for_a_line(judged: Judged) -> bool:
    """Whether a server can't be acted on since it is off, so that a line may start it."""
    return judged.cause is Cause.IS_OFF


def _with_lines_to_type(
    found: Sequence[Judged], question: Question, rules: policy.Policy, snapshot: server.Snapshot
) -> tuple[Judged, ...]:
    """Give servers that are off the line to type instead, the same for all so that it folds.

    There is none where the names wouldn't mean exactly these servers.
    """
    off = [judged.record for judged in found if _waits_for_a_line(judged)]
    names = listed([record.name for record in off])
    ids = [record.id for record in off]
    meant = names and offered_lines.exactly(names, ids, snapshot, rules.groups)
    instead = f"{IS_OFF}; to start it: {question.called} on {names}" if meant else IS_OFF
    return tuple(
        msgspec.structs.replace(judged, reason=instead) if _waits_for_a_line(judged) else judged
        for judged in found
    )


def overlaps(found: Sequence[Judged], facts: Facts) -> tuple[plan.Overlap, ...]:
    """Return the other requests for the servers acted on, with those alone."""
    acting = {judged.record.id for judged in found if judged.acts}
    cut = (
        one.model_copy(update={"server_ids": tuple(id_ for id_ in one.server_ids if id_ in acting)})
        for one in facts.overlaps
    )
    return tuple(one for one in cut if one.server_ids)


def earlier(found: Sequence[Judged], facts: Facts) -> tuple[plan.Earlier, ...]:
    """Return the calls to the servers acted on that nobody has seen happen, by request."""
    groups: dict[tuple[str, str, str], list[tuple[str, float]]] = {}
    for judged in found:
        call = facts.unsettled.get(judged.record.id)
        if call is not None and judged.acts:
            key = (call.request_id, call.method.value, call.state.value)
            groups.setdefault(key, []).append((judged.record.name, call.sent_at))
    return tuple(
        plan.Earlier(
            request_id=request_id,
            method=method,
            state=state,
            sent_at=max(at for _, at in those),
            names=tuple(name for name, _ in those),
        )
        for (request_id, method, state), those in groups.items()
    )

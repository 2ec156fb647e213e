"""Runs: every write is behind the fence, and a reboot is sent at most once."""

from __future__ import annotations

import asyncio
import dataclasses

import msgspec
import pytest

from bot.power import errors, ports
from bot.power.causes import Cause
from bot.power.lifecycle import ServerState, State
from bot.power.ports import Outcome
from bot.power.run import ledger, run_start
from bot.storage.engine import connections
from bot.storage.store import Store
from tests import bodies
from tests.storage import builders

HELD = ports.RunServer(
    "s1", "web-s1", state=ServerState.BLOCKED, cause=Cause.HELD, detail="busy with PR-3333"
)
ROWS = tuple(ports.RunServer(id_, f"web-{id_}") for id_ in ("s3", "s1", "s2"))


async def running(store: Store) -> ports.Claim:
    """Store a running request with its servers, and claim it."""

    def start(tx: ports.Tx) -> None:
        tx.create(builders.a_request(state=State.RUNNING), source_key="k")
        tx.start_run("PR-2222", ROWS)

    await store.write(start)
    claim = await store.claim(now=1e9, lease_s=30.0)
    assert claim is not None
    return claim


async def lose(store: Store, claim: ports.Claim) -> ports.Claim:
    """Let another process claim the request."""
    await store.release(claim, next_at=None)
    other = await store.claim(now=1e9, lease_s=30.0)
    assert other is not None
    return other


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([HELD, msgspec.structs.replace(HELD, server_id="s2")], "not run"),
        ([HELD, msgspec.structs.replace(HELD, server_id="s2", sends=1)], "failed"),
        ([HELD, msgspec.structs.replace(HELD, server_id="s2", cause=Cause.STEP)], "failed"),
        ([msgspec.structs.replace(HELD, state=ServerState.REJECTED)], "failed"),
    ],
    ids=["all held", "one sent", "one by a step", "one refused"],
)
async def test_a_run_that_others_kept_from_its_servers_is_told_as_not_run(
    store: Store, rows: list[ports.RunServer], told: str
) -> None:
    """However it is read: alone, among others, with the audit's row of its end."""

    def end(tx: ports.Tx) -> None:
        made = builders.a_request(state=State.RUNNING)
        tx.create(made, source_key="k")
        tx.start_run(made.id, rows)
        ledger.close_run(tx, made, rows, halted=None, epoch=0, now=5.0)

    await store.write(end)
    one, (listed,), audited = await store.read(
        lambda tx: (
            tx.request("PR-2222"),
            tx.requests(),
            tx.audit_rows(request_id="PR-2222", event="request.failed", limit=1),
        )
    )

    assert one is not None
    assert [one.told_as, listed.told_as] == [told, told]
    assert audited[0]["detail"]["outcome"] == told


async def test_servers_come_back_in_the_plans_order_with_all_that_was_noted(store: Store) -> None:
    """Only the rows that are named are replaced."""
    claim = await running(store)
    seen = msgspec.structs.replace(
        ROWS[1],
        state=ServerState.NOT_PROVEN,
        step=1,
        wave=2,
        detail="no\0 news \ud800",
        baseline_power="ON",
        baseline_operation="REBOOTING_SUCCESS",
        seen_processing=True,
        last_seen="ON",
        sent_at=1.25,
        settled_at=2.5,
        sends=2,
    )

    await store.write(lambda tx: tx.update_servers("PR-2222", [seen], epoch=claim.epoch))

    stored = msgspec.structs.replace(seen, detail="no? news ?")
    found = await store.read(lambda tx: tx.run_servers("PR-2222"))
    assert found == [ROWS[0], stored, ROWS[2]]


async def test_whether_a_run_is_under_way_is_known_without_reading_it(store: Store) -> None:
    """A process that starts asks it before anything else."""
    assert not await store.has_runs()
    claim = await running(store)
    assert await store.has_runs()

    await store.write(
        lambda tx: tx.transition(
            "PR-2222", State.RUNNING, State.SUCCEEDED, at=2e9, epoch=claim.epoch
        )
    )
    assert not await store.has_runs()


async def test_large_run_is_read_whole(store: Store) -> None:
    """Its rows come from the database some at a time, to a reader and to the writer."""
    rows = [ports.RunServer(f"s{n}", f"web{n}") for n in range(3 * connections.READ_AT_ONCE + 1)]

    def start(tx: ports.Tx) -> None:
        tx.create(builders.a_request(state=State.RUNNING), source_key="k")
        tx.start_run("PR-2222", rows)

    await store.write(start)

    assert await store.read(lambda tx: tx.run_servers("PR-2222")) == rows
    assert await store.write(lambda tx: tx.run_servers("PR-2222")) == rows


async def test_a_server_that_isnt_in_the_run_cant_be_updated(store: Store) -> None:
    """A row that would vanish is an error, and the others of that write are undone."""
    claim = await running(store)
    changed = [
        msgspec.structs.replace(ROWS[0], detail="changed"),
        ports.RunServer("stranger", "stranger"),
    ]

    with pytest.raises(LookupError):
        await store.write(lambda tx: tx.update_servers("PR-2222", changed, epoch=claim.epoch))

    assert await store.read(lambda tx: tx.run_servers("PR-2222")) == list(ROWS)


async def test_who_has_lost_the_request_can_write_nothing_of_it(store: Store) -> None:
    """The fence stands before rows, intents and ends; what came before it is undone too."""
    old = await running(store)
    await lose(store, old)

    def update(tx: ports.Tx) -> None:
        tx.say("PR-2222", "reply", bodies.message({}), key="never", at=1.0)
        tx.update_servers("PR-2222", ROWS, epoch=old.epoch)

    with pytest.raises(errors.LostLease):
        await store.write(update)
    with pytest.raises(errors.LostLease):
        await store.write(lambda tx: tx.intend(builders.an_attempt(), epoch=old.epoch))
    ended = await store.write(
        lambda tx: tx.transition("PR-2222", State.RUNNING, State.SUCCEEDED, at=1.0, epoch=old.epoch)
    )

    assert not ended
    assert await store.read(lambda tx: tx.attempts("PR-2222")) == []
    assert await store.due_messages(now=1e9) == []


async def test_a_run_may_change_nothing_and_still_learns_that_it_was_lost(store: Store) -> None:
    """The fence is looked at even where no row is written."""
    old = await running(store)
    await store.write(lambda tx: tx.start_run("PR-2222", []))
    await store.write(lambda tx: tx.update_servers("PR-2222", [], epoch=old.epoch))
    await lose(store, old)

    with pytest.raises(errors.LostLease):
        await store.write(lambda tx: tx.update_servers("PR-2222", [], epoch=old.epoch))


async def test_a_fence_that_was_held_is_asked_for_anew_by_each_piece_of_work(store: Store) -> None:
    """Transactions share a commit: what one has held says nothing of those after a claim."""
    old = await running(store)
    await store.release(old, next_at=None)

    def update(tx: ports.Tx) -> None:
        tx.update_servers("PR-2222", ROWS, epoch=old.epoch)
        tx.hold_run("PR-2222", epoch=old.epoch)

    before, claimed, after = await asyncio.gather(
        store.write(update),
        store.claim(now=1e9, lease_s=30.0),
        store.write(update),
        return_exceptions=True,
    )
    assert before is None
    assert isinstance(claimed, ports.Claim)
    assert isinstance(after, errors.LostLease)


async def test_work_that_moves_a_fence_on_holds_it_no_more(store: Store) -> None:
    """A person's change takes a request from its owner in the same transaction too."""
    made = builders.a_request(state=State.APPROVED)
    await store.write(lambda tx: tx.create(made, source_key="k"))

    def deny(tx: ports.Tx) -> None:
        tx.hold_run(made.id, epoch=made.epoch)
        assert tx.transition(made.id, State.APPROVED, State.CANCELLED, at=5.0)
        tx.hold_run(made.id, epoch=made.epoch)

    with pytest.raises(errors.LostLease):
        await store.write(deny)


async def test_attempts_are_kept_in_order_with_their_answers(store: Store) -> None:
    """An attempt stands without an outcome until its answer is stored."""
    claim = await running(store)
    first, second = builders.an_attempt("z", "s1"), builders.an_attempt("a", "s2", "s3")
    answered = dataclasses.replace(
        first, outcome=ports.Outcome.REFUSED, detail="busy", cloud_request_id="cloud-1"
    )

    await store.write(lambda tx: tx.intend(first, epoch=claim.epoch))
    await store.write(lambda tx: tx.intend(second, epoch=claim.epoch))
    await store.write(lambda tx: tx.answer(answered))

    assert await store.read(lambda tx: tx.attempts("PR-2222")) == [answered, second]


@pytest.mark.parametrize("outcome", [Outcome.NONE, Outcome.ACCEPTED, Outcome.UNKNOWN])
async def test_a_reboot_that_may_have_happened_is_never_intended_again(
    store: Store, outcome: Outcome
) -> None:
    """The database itself refuses the second one, whatever the code above it believes."""
    claim = await running(store)
    first = builders.an_attempt("a1", "s1", "s2")
    await store.write(lambda tx: tx.intend(first, epoch=claim.epoch))
    if outcome:
        answer = dataclasses.replace(first, outcome=outcome)
        await store.write(lambda tx: tx.answer(answer))

    with pytest.raises(errors.IllegalTransition, match="already sent"):
        await store.write(lambda tx: tx.intend(builders.an_attempt("a2", "s2"), epoch=claim.epoch))

    assert [one.id for one in await store.read(lambda tx: tx.attempts("PR-2222"))] == ["a1"]


@pytest.mark.parametrize("outcome", [Outcome.NOT_SENT, Outcome.REFUSED])
async def test_a_reboot_that_provably_did_nothing_may_be_intended_again(
    store: Store, outcome: Outcome
) -> None:
    """A call that never left, or was refused before acting, doesn't count."""
    claim = await running(store)
    first = builders.an_attempt("a1", "s1")
    answer = dataclasses.replace(first, outcome=outcome)
    await store.write(lambda tx: tx.intend(first, epoch=claim.epoch))
    await store.write(lambda tx: tx.answer(answer))

    await store.write(lambda tx: tx.intend(builders.an_attempt("a2", "s1"), epoch=claim.epoch))

    assert len(await store.read(lambda tx: tx.attempts("PR-2222"))) == 2


async def test_a_power_on_may_be_intended_again(store: Store) -> None:
    """On and off are goals, and how often they are repeated is decided elsewhere."""
    claim = await running(store)
    for id_ in ("a1", "a2"):
        attempt = builders.an_attempt(id_, "s1", method=ports.Method.ON)
        await store.write(lambda tx, one=attempt: tx.intend(one, epoch=claim.epoch))  # type: ignore[misc]

    assert len(await store.read(lambda tx: tx.attempts("PR-2222"))) == 2


async def test_the_ledger_runs_on_the_real_store(store: Store) -> None:
    """A run is opened, a call intended, and a take-over finds it without an answer."""
    await store.write(
        lambda tx: tx.create(builders.a_request(state=State.APPROVED), source_key="k")
    )
    first = await store.claim(now=1e9, lease_s=30.0)
    assert first is not None
    opened = await store.write(
        lambda tx: run_start.open_run(tx, "PR-2222", epoch=first.epoch, now=1.0)
    )
    assert opened is not None
    rows = [msgspec.structs.replace(opened.rows[0], state=ServerState.INTENDED)]
    attempt = builders.an_attempt("a1", rows[0].server_id)

    barred = await store.write(lambda tx: ledger.intend(tx, attempt, rows, epoch=first.epoch))
    second = await lose(store, first)
    taken = await store.write(
        lambda tx: run_start.open_run(tx, "PR-2222", epoch=second.epoch, now=2.0)
    )

    assert barred is None
    assert taken is not None
    assert [row.state for row in taken.rows][:2] == [ServerState.UNKNOWN, ServerState.QUEUED]
    attempts = await store.read(lambda tx: tx.attempts("PR-2222"))
    assert [one.outcome for one in attempts] == ["unknown"]


async def test_servers_of_one_name_stay_told_apart_in_a_run(store: Store) -> None:
    """What the plan told of each comes back with its row."""
    twins = [ports.RunServer(id_, "web01", ("", "r1"), apart=f"rack R1 unit {id_}") for id_ in "12"]

    def start(tx: ports.Tx) -> None:
        tx.create(builders.a_request(state=State.RUNNING), source_key="k")
        tx.start_run("PR-2222", twins)

    await store.write(start)

    assert await store.read(lambda tx: tx.run_servers("PR-2222")) == twins

"""The log says what arrived and what came of it, within bounds and without secrets."""

from bot.sandbox.data_centre import CallFaultKind, CallKind, Operation
from bot.sandbox.data_centre.api.journal import Journal, LogEntry

from .builders import FIXED_TOKEN, Bench, answered


def entry(seq: int) -> LogEntry:
    """A row of the log."""
    return LogEntry(seq, 0.0, "GET", "/", Operation.LIST, (), None, 200, None, (), f"{seq:032x}")


def test_log_notes_an_accepted_power_call_in_full() -> None:
    """Ids, action, status and what was acted on are all there."""
    bench = Bench()
    response = answered(bench.power("rebooting", "web01"))

    [call] = bench.centre.power_calls()

    assert (call.method, call.operation, call.action, call.status) == (
        "PUT", Operation.CHANGE_POWER, "rebooting", 200,
    )  # fmt: skip
    assert call.ids == call.applied == (bench.id_of("web01"),)
    assert call.request_id == response.header("X-Request-Id")
    assert call.error_code is None
    assert call.path.endswith("/physicalservers/power-state")


def test_log_notes_what_a_refused_call_wanted() -> None:
    """A refused call has its code and its ids, and acted on nobody."""
    bench = Bench()
    bench.centre.change_server("web01", frozen_state=1)
    bench.power("rebooting", "web01")

    [call] = bench.centre.power_calls()

    assert (call.status, call.error_code) == (400, "iMetal.0101")
    assert (call.ids, call.applied) == ((bench.id_of("web01"),), ())


def test_log_notes_dropped_calls_without_a_status() -> None:
    """A cut connection has no status; what it acted on shows which side was cut."""
    bench = Bench()
    bench.centre.queue_fault(CallFaultKind.DROP_BEFORE, CallKind.POWER)
    bench.centre.queue_fault(CallFaultKind.DROP_AFTER, CallKind.POWER)
    for _ in range(2):
        bench.power("rebooting", "web01")

    before, after = bench.centre.power_calls()

    assert before.status is after.status is None
    assert (before.applied, after.applied) == ((), (bench.id_of("web01"),))


def test_log_counts_reboots_sent_and_received_apart() -> None:
    """Two calls on the wire, one of which reached the machine."""
    bench = Bench()
    bench.centre.queue_fault(CallFaultKind.INTERNAL_ERROR, CallKind.POWER)
    for _ in range(2):
        bench.power("rebooting", "web01")

    assert bench.centre.log.reboots_sent(bench.id_of("web01")) == 2
    assert bench.centre.reboots_received(bench.id_of("web01")) == 1


def test_log_counts_by_operation() -> None:
    """Every request counts, the ones that nobody understands too."""
    bench = Bench()
    bench.get("physicalservers")
    bench.get("physicalservers")
    bench.get("/nowhere")

    assert bench.centre.counts() == {Operation.LIST: 2, Operation.UNKNOWN: 1}


def test_log_keeps_the_newest_entries_only() -> None:
    """The oldest fall out; counts and numbers go on."""
    journal = Journal(length=3)

    for _ in range(5):
        journal.add(entry(journal.next_seq()))

    assert [row.seq for row in journal] == [3, 4, 5]
    assert len(journal) == 3
    assert journal.last_seq == 5
    assert journal.counts() == {Operation.LIST: 5}


def test_log_gives_the_newest_entries_behind_a_number() -> None:
    """A page asks for what it has not seen, and gets it oldest first."""
    journal = Journal()
    for _ in range(10):
        journal.add(entry(journal.next_seq()))

    assert [row.seq for row in journal.newest(after=7, limit=200)] == [8, 9, 10]
    assert [row.seq for row in journal.newest(after=0, limit=2)] == [9, 10]
    assert journal.newest(after=10, limit=200) == []


def test_log_holds_no_secret_and_no_endless_text() -> None:
    """Tokens aren't logged, and long ids, actions and paths are cut."""
    bench = Bench()
    body = {"action": "x" * 9999, "server_id_set": ["y" * 9999, 3] * 300}
    bench.send("PUT", "physicalservers/power-state", body)
    bench.get("/" + "z" * 5000)

    rows = list(bench.centre.log)

    assert FIXED_TOKEN not in repr(rows)
    assert all(len(repr(row)) < 8000 for row in rows)

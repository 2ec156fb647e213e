"""What was written is there after any death, and the next process goes on with it."""

from __future__ import annotations

import asyncio
import signal
import sys
import textwrap
from collections.abc import Callable

from bot.power import ports
from bot.power.lifecycle import State
from bot.storage import opening
from bot.storage.store import Store
from tests.storage import builders

PREAMBLE = """
import asyncio, os, signal, sys
from bot.storage import opening
from tests.storage import builders

async def main(url):
    store = opening.open_store(url, sole=True)
"""


async def run_and_die(url: str, body: str) -> str:
    """Run a body in a process of its own, which kills itself; return what it printed."""
    script = PREAMBLE + textwrap.indent(textwrap.dedent(body), "    ")
    script += "\n    os.kill(os.getpid(), signal.SIGKILL)\nasyncio.run(main(sys.argv[1]))\n"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, url, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await asyncio.wait_for(child.communicate(), 120)
    assert child.returncode == -signal.SIGKILL
    return printed.decode()


async def test_what_a_killed_process_was_told_is_stored_is_stored(
    url: str, replicas: Callable[[], Store]
) -> None:
    """From the moment that a write returns, no kill can take it back."""
    await run_and_die(
        url,
        """
        await asyncio.gather(*(
            store.write(lambda tx, n=n: tx.receive(builders.an_inbound(f"k{n}")))
            for n in range(100)
        ))
        await store.write(lambda tx: tx.audit(builders.an_entry()))
        """,
    )

    store = replicas()

    assert not await store.write(lambda tx: tx.receive(builders.an_inbound("k99")))
    assert (await store.read(lambda tx: tx.audit_head()))[0] == 1


async def test_a_killed_process_leaves_no_half_of_a_transaction(
    url: str, replicas: Callable[[], Store]
) -> None:
    """A kill between two statements undoes both."""
    await run_and_die(
        url,
        """
        def die(tx):
            tx.create(builders.a_request(), source_key="k")
            tx.audit(builders.an_entry())
            os.kill(os.getpid(), signal.SIGKILL)
        await store.write(die)
        """,
    )

    store = replicas()

    assert await store.read(lambda tx: tx.requests()) == []
    assert (await store.read(lambda tx: tx.audit_head()))[0] == 0


async def test_a_sole_process_goes_on_at_once_where_a_killed_one_stopped(
    url: str, backend: str
) -> None:
    """The lock goes with the process, and so do its leases on a file that is nobody else's."""
    await run_and_die(
        url,
        """
        from bot.power.lifecycle import State
        await store.write(
            lambda tx: tx.create(builders.a_request(state=State.RUNNING), source_key="k")
        )
        await store.write(lambda tx: tx.receive(builders.an_inbound()))
        assert await store.claim(now=1e9, lease_s=3600.0)
        """,
    )

    store = opening.open_store(url, sole=True)
    claim = await store.claim(now=1e9, lease_s=30.0)
    inbound = await builders.left(store, lease_s=30.0)
    await store.close()

    if backend == "sqlite":
        assert claim == ports.Claim("PR-2222", 2)
        assert inbound == [builders.an_inbound()]
    else:
        # Another replica may live, so nothing but time ends a lease.
        assert (claim, inbound) == (None, [])


async def test_a_store_that_is_opened_again_has_everything(url: str) -> None:
    """A restart loses nothing: requests, runs, messages, switches and the audit's head."""
    first = opening.open_store(url)

    def fill(tx: ports.Tx) -> str:
        tx.create(builders.a_request(state=State.RUNNING), source_key="k")
        tx.start_run("PR-2222", [ports.RunServer("s1", "web-s1")])
        tx.show_card("PR-2222", at=1.0)
        tx.freeze(ports.Freeze("U", "fire", 1.0))
        return tx.audit(builders.an_entry())[1]

    head = await first.write(fill)
    await first.close()

    second = opening.open_store(url)
    found = await second.read(
        lambda tx: (
            tx.request("PR-2222"),
            tx.run_servers("PR-2222"),
            tx.freezes(now=9.0),
            tx.audit_head(),
        )
    )
    messages = await second.due_messages(now=2.0)
    await second.close()

    request = builders.a_request(state=State.RUNNING)
    assert found == (
        request,
        [ports.RunServer("s1", "web-s1")],
        [ports.Freeze("U", "fire", 1.0)],
        (1, head),
    )
    assert [one.kind for one in messages] == ["card"]

"""At the end Slack's journal, the data centre's log, the store and the audit chain must agree."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from bot.power import lifecycle, ports
from bot.power.lifecycle import ServerState, State
from bot.sandbox import data_centre, workspace
from bot.storage import opening
from bot.storage.admin import audit_chain
from bot.storage.engine import connections
from tests.soak import stage, twins

ASKED = frozenset(State) - {State.PLANNED}
ACTIONS = {
    ports.Method.ON: data_centre.Action.ON,
    ports.Method.OFF: data_centre.Action.OFF,
    ports.Method.REBOOT: data_centre.Action.REBOOT,
}


class Recorder:
    """Keeps what the workspace's bounded journal would forget."""

    def __init__(self, slack: workspace.Workspace) -> None:
        self.posts: list[twins.Post] = []
        self.missed = 0
        self._slack = slack
        self._seen = 0

    async def run(self) -> None:
        """Take over until cancelled."""
        while True:
            self.take()
            await asyncio.sleep(0.1)

    def take(self) -> None:
        """Take over what is new."""
        entries = [one for one in self._slack.journal.entries if one.seq > self._seen]
        if entries:
            self.missed += max(0, entries[0].seq - self._seen - 1)
            self._seen = entries[-1].seq
        for entry in entries:
            details = entry.details
            if (entry.kind, entry.name) == ("call", "chat.postMessage") and details["answer"].get(
                "ok"
            ):
                args, answer = details["args"], details["answer"]
                metadata = args.get("metadata") or {}
                request_id = metadata.get("event_payload", {}).get("request_id", "")
                thread_ts, text = str(args.get("thread_ts") or ""), str(args.get("text"))
                where = str(answer["channel"]), thread_ts, str(answer["ts"])
                self.posts.append(twins.Post(entry.at, *where, text, request_id))


@dataclasses.dataclass
class Finding:
    """What the reckoning came to; a run is good when `wrong` is empty."""

    states: Counter[str]
    servers: Counter[str]
    power_calls: int
    posts: int
    twins: int
    audit_rows: int
    wrong: list[str]


async def over(database_url: str, patience_s: float) -> None:
    """Wait until every request that was asked for has ended and everything has been said.

    Raises:
        TimeoutError: it has not.
    """
    kept = opening.open_store(database_url)
    open_states = [state for state in lifecycle.OPEN if state is not State.PLANNED]
    try:
        async with asyncio.timeout(patience_s):
            while True:
                found = await kept.figures()
                left = sum(found.requests.get(state.value, 0) for state in open_states)
                if not (left or found.messages_waiting or found.payloads_open):
                    return
                await asyncio.sleep(0.5)
    finally:
        await kept.close()


async def reckon(on: stage.Stage, recorder: Recorder) -> Finding:
    """Compare everything, after the replicas have stopped."""
    recorder.take()
    kept = opening.open_store(on.database_url)
    try:
        every = await kept.read(lambda tx: tx.requests(limit=1_000_000))
        asked = [one for one in every if one.card is not None or one.state in lifecycle.ENDED]
        rows, attempts = {}, {}
        for one in asked:
            rows[one.id] = await kept.read(lambda tx, id_=one.id: tx.run_servers(id_))  # type: ignore[misc]
            attempts[one.id] = await kept.read(lambda tx, id_=one.id: tx.attempts(id_))  # type: ignore[misc]
    finally:
        await kept.close()
    wrong = [f"{recorder.missed} entries of Slack's journal were missed"] if recorder.missed else []
    wrong += [f"Slack's rule broken: {one}" for one in on.slack.violations[:20]]
    wrong += _lost(on, every)
    wrong += _untold(on, every, recorder.posts)
    wrong += compare_calls(on, attempts, rows)
    count, unexplained = twins.judge(on.replicas, recorder.posts)
    wrong += unexplained
    with connections.reading(on.database_url) as connection:
        verdict = audit_chain.verify(connection)
    if not verdict.ok:
        wrong.append(f"audit: {verdict.problem}")
    return Finding(
        Counter(one.state.value for one in every if one.card is not None),
        Counter(row.state.value for found in rows.values() for row in found),
        len(on.centre.power_calls()),
        len(recorder.posts),
        count,
        verdict.rows,
        wrong,
    )


def _lost(on: stage.Stage, every: Iterable[ports.Request]) -> list[str]:
    """Return the requests that never ended."""
    return [
        f"{one.id} is still {one.state}"
        for one in every
        if one.card is not None and one.state in lifecycle.OPEN and one.state is not State.PLANNED
    ]


def _untold(
    on: stage.Stage, every: Iterable[ports.Request], posts: Iterable[twins.Post]
) -> list[str]:
    """Return the requests whose card or thread doesn't show their end."""
    shown = {
        (message.channel, message.ts): message
        for channel in stage.CHANNELS
        for message in on.slack.messages(channel)
    }
    threads: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for post in posts:
        threads[post.channel, post.thread_ts].append(post.text)
    cards = {(post.channel, post.ts): post.request_id for post in posts if post.request_id}
    told: defaultdict[str, list[str]] = defaultdict(list)
    for where, texts in threads.items():
        told[cards.get(where, "")] += texts
    wrong = []
    for one in every:
        if one.card is None or one.state not in lifecycle.ENDED:
            continue
        card = shown.get((one.card.channel_id, one.card.ts))
        if card is None or _state(card) != one.state:
            wrong.append(f"{one.id} is {one.state}, its card says {card and card.words[:200]!r}")
        if not told[one.id]:
            wrong.append(f"{one.id} is {one.state}, its thread says nothing")
    return wrong


def _state(card: workspace.Message) -> str:
    """Return the state that a card's metadata names; its words are for people."""
    return str(((card.metadata or {}).get("event_payload") or {}).get("state"))


def compare_calls(
    on: stage.Stage,
    attempts: Mapping[str, list[ports.Attempt]],
    rows: Mapping[str, list[ports.RunServer]],
) -> list[str]:
    """Compare each server's calls with what was written down, and its end with what happened."""
    wrong = []
    noted: defaultdict[tuple[str, ports.Method], Counter[str]] = defaultdict(Counter)
    for request_id, made in attempts.items():
        reboots: Counter[str] = Counter()
        for attempt in made:
            acted = attempt.outcome not in ("not sent", "refused")
            for server_id in attempt.server_ids:
                noted[server_id, attempt.method][attempt.outcome or "open"] += 1
                reboots[server_id] += acted and attempt.method is ports.Method.REBOOT
        wrong += [f"{request_id}: {n} reboots of {one}" for one, n in reboots.items() if n > 1]
    proven: Counter[str] = Counter()
    for request_id, found in rows.items():
        if any(one.method is ports.Method.REBOOT for one in attempts[request_id]):
            proven.update(row.server_id for row in found if row.state is ServerState.PROVEN)
    for machine in on.centre.inventory.machines:
        machine.look(on.centre.now())
        for method, action in ACTIONS.items():
            counts, received = noted[machine.server.id, method], machine.received[action]
            least, most = counts["accepted"], counts["accepted"] + counts["unknown"]
            if not least <= received <= most:
                name = machine.server.name
                wrong.append(f"{name}: {received} times {action}, written down as {dict(counts)}")
        done = machine.performed[data_centre.Action.REBOOT]
        if proven[machine.server.id] > done:
            told = proven[machine.server.id]
            wrong.append(f"{machine.server.name}: {told} reboots called proven, {done} happened")
    return wrong

"""Messages that stand twice in Slack, and whether a kill or a freeze explains them.

A twin is allowed where the process that posted the first of the two was killed or frozen before it
could note the post: what happened to the others is no excuse.
"""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tests.soak import stage

# Between Slack's taking a post and the note of it lies at most this, on a machine under load.
NOTE_S = 3.0
# A replica that was stopped a moment before has its post on the way already.
ON_THE_WAY_S = 1.0
TAKEN = ("slack.taken", "chat.postMessage")


@dataclasses.dataclass(frozen=True)
class Post:
    """One message that Slack has taken."""

    at: float
    channel: str
    thread_ts: str
    ts: str
    text: str
    request_id: str


def judge(replicas: Sequence[stage.Replica], posts: Iterable[Post]) -> tuple[int, list[str]]:
    """Count what stands twice in Slack, and return what no kill or freeze explains."""
    posters = {ts: one for one in replicas for ts in _answered(one)}
    twins, wrong = 0, []
    for key, found in _same(posts).items():
        for earlier in found[:-1]:
            twins += 1
            poster = posters.get(earlier.ts)
            # Who was killed before the answer came has left no word of it.
            if not _hurt(replicas if poster is None else [poster], earlier.at):
                times = [round(post.at - earlier.at, 2) for post in found]
                who = "nobody known" if poster is None else f"replica {poster.number}"
                wrong.append(f"twin without a kill: {key} {times}, first by {who}")
    return twins, wrong


def _same(posts: Iterable[Post]) -> Mapping[tuple[str, ...], list[Post]]:
    """Return the posts that say the same of the same request."""
    known = list(posts)
    cards = {(post.channel, post.ts): post.request_id for post in known if post.request_id}
    same: defaultdict[tuple[str, ...], list[Post]] = defaultdict(list)
    for post in known:
        if post.request_id:
            same["card", post.request_id].append(post)
        else:
            about = cards.get((post.channel, post.thread_ts), post.channel)
            same["reply", about, post.text].append(post)
    return same


def _hurt(replicas: Iterable[stage.Replica], at: float) -> bool:
    """Whether one of these was killed or frozen between a post and the note of it."""
    hurt = (hurt_at for one in replicas for hurt_at in (*one.killed_at, *one.frozen_at))
    return any(-ON_THE_WAY_S < hurt_at - at < NOTE_S for hurt_at in hurt)


def _answered(one: stage.Replica) -> Iterator[str]:
    """Return the posts whose answer came to a replica, by its log."""
    if not one.log.exists():
        return
    with one.log.open("rb") as lines:
        for line in lines:
            event = _event(line)
            if (event.get("event"), event.get("method")) == TAKEN:
                yield str(event.get("ts"))


def _event(line: bytes) -> dict[str, Any]:
    """Return a line of a log; a kill may have cut it off."""
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}

"""The messages of each channel: posting, editing, deleting, threads; who may see which.

A `Message` is live: it shows the newest state of what it names, also after an edit.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.workspace.base import limits
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.blockkit import elements
from bot.sandbox.workspace.state.directory import UnknownNameError


@dataclass(slots=True)
class Message:
    """One message; `only_for` names the one person who sees an ephemeral one.

    `before` are the blocks that it had, the newest first: a client that hasn't heard of an edit
    still shows them, and what is pressed there is delivered.
    """

    channel: str
    ts: str
    user: str
    text: str
    bot: bool = False
    blocks: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    only_for: str | None = None
    edited_ts: str | None = None
    deleted: bool = False
    metadata: Json | None = None
    client_msg_id: str | None = None
    reply_count: int = 0
    latest_reply: str | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    values: Json = field(default_factory=dict)
    before: list[list[Json]] = field(default_factory=list)

    @property
    def edited(self) -> bool:
        """Say whether the message was changed after it was posted."""
        return self.edited_ts is not None

    @property
    def ephemeral(self) -> bool:
        """Say whether only one person sees the message."""
        return self.only_for is not None

    @property
    def buttons(self) -> list[str]:
        """List the texts of the message's buttons, in reading order."""
        return elements.button_texts(self.blocks)

    @property
    def words(self) -> str:
        """Join everything a reader sees in the blocks, or the text when there are none."""
        return "\n".join(elements.strings(self.blocks)) if self.blocks else self.text

    def seen_by(self, user: str) -> bool:
        """Say whether this person sees the message, given that they see the channel."""
        return self.only_for is None or self.only_for == user


class Timeline:
    """All messages, by channel, oldest first; the oldest go when a channel is too full."""

    def __init__(self, clock: Callable[[], float], rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._last_ts_us = 0
        self._channels: dict[str, list[Message]] = {}

    def new_ts(self) -> str:
        """Make a timestamp that no message has yet, in microseconds since 1970."""
        self._last_ts_us = max(int(self._clock() * 1_000_000), self._last_ts_us + 1)
        return f"{self._last_ts_us // 1_000_000}.{self._last_ts_us % 1_000_000:06d}"

    def post(self, channel: str, user: str, text: str, **fields: Any) -> Message:
        """Put a message at the end of a channel; fields are those of `Message`."""
        message = Message(channel, self.new_ts(), user, text, **fields)
        message.blocks = elements.with_ids(message.blocks, self._rng)
        timeline = self._channels.setdefault(channel, [])
        timeline.append(message)
        self._count_reply(message, +1)
        if len(timeline) > limits.MESSAGES_PER_CHANNEL:
            timeline.pop(0)
        return message

    def edit(self, message: Message, text: str, blocks: list[Json]) -> None:
        """Give a message new words; buttons that are gone lose what was chosen in them."""
        message.text = text
        message.before = [message.blocks, *message.before][: limits.EDITS_REMEMBERED]
        message.blocks = elements.with_ids(blocks, self._rng)
        message.edited_ts = self.new_ts()
        # Ids may be the same as before, yet what was chosen belonged to the old blocks.
        message.values = {}

    def delete(self, message: Message) -> None:
        """Take a message out of its channel."""
        message.deleted = True
        self._channels[message.channel].remove(message)
        self._count_reply(message, -1)

    def find(self, channel: str, ts: str) -> Message:
        """Find a message.

        Raises:
            UnknownNameError: when the channel has no such message.
        """
        for message in reversed(self._channels.get(channel, [])):
            if message.ts == ts:
                return message
        raise UnknownNameError(f"there is no message {ts!r} in {channel!r}")

    def in_channel(self, channel: str) -> list[Message]:
        """List all messages of a channel, oldest first, ephemeral ones of everybody included."""
        return list(self._channels.get(channel, []))

    def ephemerals(self, user: str) -> list[Message]:
        """List what only this person sees, oldest first over all channels."""
        mine = [m for timeline in self._channels.values() for m in timeline if m.only_for == user]
        return sorted(mine, key=lambda message: message.ts)

    def thread(self, channel: str, ts: str) -> list[Message]:
        """List a thread: its root, then the replies that everybody sees."""
        return [
            message
            for message in self.in_channel(channel)
            if (message.ts == ts or message.thread_ts == ts) and not message.ephemeral
        ]

    def root_ts(self, channel: str, ts: str) -> str:
        """Find the thread that a message belongs to, which may be its own.

        Raises:
            UnknownNameError: when the channel has no such message.
        """
        return self.find(channel, ts).thread_ts or ts

    def _count_reply(self, message: Message, step: int) -> None:
        if message.thread_ts is None or message.ephemeral:
            return
        try:
            root = self.find(message.channel, message.thread_ts)
        except UnknownNameError:
            return
        root.reply_count += step
        if step > 0:
            root.latest_reply = message.ts

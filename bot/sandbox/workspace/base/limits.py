"""Slack's documented numbers, and the bounds of this stand-in itself; nothing is decided here.

Each group names the page of Slack's documentation that it was read from.
"""

from dataclasses import dataclass
from typing import Final

# "Reference: blocks", one page for each block.
MESSAGE_BLOCKS: Final = 50
BLOCK_ID: Final = 255
SECTION_TEXT: Final = 3000
SECTION_FIELDS: Final = 10
FIELD_TEXT: Final = 2000
HEADER_TEXT: Final = 150
CONTEXT_ELEMENTS: Final = 10
ACTIONS_ELEMENTS: Final = 25
INPUT_LABEL: Final = 2000
IMAGE_URL: Final = 3000
IMAGE_ALT_TEXT: Final = 2000
MARKDOWN_TEXT: Final = 12_000
ALERT_TEXT: Final = 200
TABLE_ROWS: Final = 100
TABLE_COLUMNS: Final = 20
# Not in the documentation; the number that developers report for all cells together.
TABLE_CHARACTERS: Final = 10_000
# Not in the documentation; reported by developers for all blocks of a message together.
MESSAGE_BLOCKS_CHARACTERS: Final = 13_200

# "Reference: block elements" and "Reference: composition objects".
ACTION_ID: Final = 255
BUTTON_TEXT: Final = 75
BUTTON_VALUE: Final = 2000
BUTTON_URL: Final = 3000
ACCESSIBILITY_LABEL: Final = 75
PLACEHOLDER: Final = 150
OPTION_TEXT: Final = 75
OPTION_VALUE: Final = 150
SELECT_OPTIONS: Final = 100
OPTION_GROUPS: Final = 100
OVERFLOW_OPTIONS: Final = 5
CHOICES: Final = 10
CONFIRM_TITLE: Final = 100
CONFIRM_TEXT: Final = 300
CONFIRM_BUTTON: Final = 30
PLAIN_TEXT_INPUT: Final = 3000
SUGGESTION_MIN_QUERY: Final = 3

# "Reference: views" and "Modals".
VIEW_BLOCKS: Final = 100
VIEW_TITLE: Final = 24
PRIVATE_METADATA: Final = 3000
CALLBACK_ID: Final = 255
VIEW_BYTES: Final = 250_000
VIEW_STACK: Final = 3

# "chat.postMessage", "Handling user interaction", "Using Socket Mode", "Events API".
MESSAGE_TEXT: Final = 40_000
TRIGGER_S: Final = 3.0
RESPONSE_URL_S: Final = 30 * 60.0
RESPONSE_URL_USES: Final = 5
ACK_S: Final = 3.0
SOCKETS: Final = 10
CONNECTION_TIME_S: Final = 18_060
REDELIVERY_DELAYS_S: Final = (1.0, 60.0, 300.0)

# Bounds of the stand-in itself, so that hostile or forgotten traffic can't fill the machine.
REQUEST_BYTES: Final = 1024 * 1024
JOURNAL_ENTRIES: Final = 5000
VIOLATIONS: Final = 1000
MESSAGES_PER_CHANNEL: Final = 2000
TOASTS_PER_PERSON: Final = 20
TRIGGERS: Final = 2000
RESPONSE_URLS: Final = 5000
SOCKET_TICKETS: Final = 100
SUGGESTIONS: Final = 500
PENDING_ENVELOPES: Final = 2000
FAULTS: Final = 1000
FAULTY_METHODS: Final = 100
REACTIONS: Final = 50
PAGE_MESSAGES: Final = 500
ERRORS_PER_ANSWER: Final = 20
LONG_POLL_S: Final = 25.0
LONGEST_LATENCY_S: Final = 30.0
SOCKET_TICKET_S: Final = 30.0
DISCONNECT_GRACE_S: Final = 10.0
# A client shows what it has heard of last; so many edits of a message may be on their way.
EDITS_REMEMBERED: Final = 4


@dataclass(frozen=True, slots=True)
class Rate:
    """How many calls a method takes: `burst` at once, then `per_minute`."""

    per_minute: float
    burst: float
    per_channel: bool = False


_TIER_2: Final = Rate(20, 20)
_TIER_3: Final = Rate(50, 50)
_TIER_4: Final = Rate(100, 100)

# "Rate limits" and the page of each method; what isn't listed is not limited here.
METHOD_RATES: Final[dict[str, Rate]] = {
    "chat.postMessage": Rate(60, 5, per_channel=True),
    "chat.update": _TIER_3,
    "chat.delete": _TIER_3,
    "chat.postEphemeral": _TIER_4,
    "conversations.info": _TIER_3,
    "conversations.list": _TIER_2,
    "conversations.members": _TIER_4,
    "conversations.open": _TIER_3,
    "functions.completeError": _TIER_3,
    "functions.completeSuccess": _TIER_3,
    "team.info": _TIER_3,
    "usergroups.list": _TIER_2,
    "usergroups.users.list": _TIER_2,
    "users.info": _TIER_4,
    "users.list": _TIER_2,
    "views.open": _TIER_4,
    "views.publish": _TIER_4,
    "views.push": _TIER_4,
    "views.update": _TIER_4,
}

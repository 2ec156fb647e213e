"""What Slack's words for a refusal mean, and the one error that all refused calls become.

The words are those on the pages of chat.postMessage, chat.update and chat.postEphemeral, with the
errors that all methods share.
"""

from __future__ import annotations

import enum
import re
from typing import Any

from slack_sdk.errors import SlackApiError

from bot.power.missing_access import Lack

OF_BLOCKS = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"}
)
# Those that blocks of a kind which a workspace doesn't take yet are refused with.
OF_KINDS = frozenset({"invalid_blocks", "invalid_blocks_format"})
# After these the card can only be posted anew.
GONE = frozenset({"message_not_found", "thread_not_found"})
# The message stands, and nobody may edit it ("Message editing" in a workspace's settings).
UNEDITABLE = frozenset({"cant_update_message", "edit_window_closed"})
# No answer at all, or one that says that Slack itself is in trouble.
AWAY = frozenset(
    {"no_answer", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
NO_SCOPE = "missing_scope"
# What an operator mends for all messages at once.
OF_TOKEN = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        NO_SCOPE,
        "not_allowed_token_type",
    }
)
# What must be mended before a look-up can succeed ("Errors" on the pages of users.info,
# usergroups.users.list and conversations.info).
LACKS = {
    "no_such_subteam": Lack.GROUP,
    "subteam_not_found": Lack.GROUP,
    NO_SCOPE: Lack.SCOPE,
    "invalid_auth": Lack.TOKEN,
    "not_authed": Lack.TOKEN,
    "account_inactive": Lack.TOKEN,
    "token_revoked": Lack.TOKEN,
    "token_expired": Lack.TOKEN,
    "not_allowed_token_type": Lack.TOKEN,
    "team_access_not_granted": Lack.WORKSPACE,
    "plan_upgrade_required": Lack.PLAN,
    "paid_teams_only": Lack.PLAN,
    "access_denied": Lack.SETTING,
    "no_permission": Lack.SETTING,
    "permission_denied": Lack.SETTING,
    "ekm_access_denied": Lack.SETTING,
    "enterprise_is_restricted": Lack.SETTING,
    "org_login_required": Lack.SETTING,
    "two_factor_setup_required": Lack.SETTING,
    "accesslimited": Lack.SETTING,
}
# The thread takes nothing; the channel may.
THREADLESS = frozenset(
    {
        "restricted_action_thread_locked",
        "restricted_action_non_threadable_channel",
        "cannot_reply_to_message",
        "thread_not_found",
    }
)
RESTRICTED = "restricted_action"
# Slack says this of a token whose account is gone, and of a person whose account is.
INACTIVE = "account_inactive"
# Our own word for the second.
RECIPIENT_INACTIVE = "recipient_inactive"
DEFAULT_WAIT_S = 30.0
# What may stand in a sentence of what Slack says a call needs.
SCOPES = re.compile(r"[a-z:.,_]{1,120}")


class NoCardReason(enum.Enum):
    """Why a channel takes no card, by who can mend it."""

    NOT_A_MEMBER = "not a member"
    ARCHIVED = "archived"
    READ_ONLY = "read only"
    THREADS_ONLY = "threads only"
    NOT_ALLOWED = "not allowed"
    TOKEN = "token"  # noqa: S105 -- the word for a reason, no secret.
    OTHER = "other"


_WHY = {
    "not_in_channel": NoCardReason.NOT_A_MEMBER,
    "channel_not_found": NoCardReason.NOT_A_MEMBER,
    "user_not_in_channel": NoCardReason.NOT_A_MEMBER,
    "is_archived": NoCardReason.ARCHIVED,
    "is_inactive": NoCardReason.ARCHIVED,
    "restricted_action": NoCardReason.READ_ONLY,
    "restricted_action_read_only_channel": NoCardReason.READ_ONLY,
    "restricted_action_thread_locked": NoCardReason.READ_ONLY,
    "restricted_action_non_threadable_channel": NoCardReason.READ_ONLY,
    "posting_to_channel_denied": NoCardReason.READ_ONLY,
    "restricted_action_thread_only_channel": NoCardReason.THREADS_ONLY,
    "team_access_not_granted": NoCardReason.NOT_ALLOWED,
    "no_permission": NoCardReason.NOT_ALLOWED,
    "access_denied": NoCardReason.NOT_ALLOWED,
    "ekm_access_denied": NoCardReason.NOT_ALLOWED,
    "enterprise_is_restricted": NoCardReason.NOT_ALLOWED,
    "org_login_required": NoCardReason.NOT_ALLOWED,
    "messages_tab_disabled": NoCardReason.NOT_ALLOWED,
    **dict.fromkeys(OF_TOKEN, NoCardReason.TOKEN),
}
# Nothing can be said in the channel until somebody changes it.
CLOSED = frozenset(
    code for code, why in _WHY.items() if why not in (NoCardReason.TOKEN, NoCardReason.OTHER)
) - {"messages_tab_disabled"}


def why(code: str) -> NoCardReason:
    """Return why Slack refuses, by Slack's word; one that is new is `OTHER`."""
    return _WHY.get(code, NoCardReason.OTHER)


class Undelivered(Exception):
    """Slack has not taken it; `code` is Slack's word, `retry_after_s` what a 429 asked for.

    `needed` is the scope that Slack names as missing.
    """

    def __init__(self, code: str, retry_after_s: float | None = None, needed: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.retry_after_s = retry_after_s
        self.needed = needed

    @property
    def gone(self) -> bool:
        """Whether the message can't be edited any more."""
        return self.code in GONE

    @property
    def uneditable(self) -> bool:
        """Whether the message stands, and nobody may edit it."""
        return self.code in UNEDITABLE

    @property
    def away(self) -> bool:
        """Whether it is Slack as a whole that doesn't answer, and not this message's fault."""
        return self.code in AWAY or self.code.startswith("http_5")

    @property
    def closed(self) -> bool:
        """Whether nothing can be said in the channel."""
        return self.code in CLOSED

    @property
    def threadless(self) -> bool:
        """Whether the thread takes nothing, and its channel may."""
        return self.code in THREADLESS

    @property
    def may_be_its_words(self) -> bool:
        """Whether Slack may refuse what the message says, such as a call of a user group."""
        if self.code.startswith(RESTRICTED):
            return True
        told = self.gone or self.uneditable or self.threadless or self.code in OF_BLOCKS
        return self.for_good and not told and why(self.code) is NoCardReason.OTHER

    @property
    def for_good(self) -> bool:
        """Whether Slack will take this from nobody, until somebody changes a setting of Slack's."""
        if self.away or self.retry_after_s is not None or self.code.startswith("http_"):
            return False
        return self.code not in OF_TOKEN

    @property
    def lasts(self) -> bool:
        """Whether Slack will take this from nobody, until somebody mends a setting or the token."""
        return self.for_good or self.code in OF_TOKEN


def undelivered(error: SlackApiError) -> Undelivered:
    """Return Slack's refusal as our own error."""
    answer = error.response
    status = getattr(answer, "status_code", 0)
    # A gateway's error page is no JSON, and then the answer's data is text.
    data = getattr(answer, "data", answer)
    code = str(data.get("error") or "") if isinstance(data, dict) else ""
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return Undelivered("ratelimited", _retry_after_s(answer))
    needed = SCOPES.fullmatch(str(data.get("needed") or "")) if isinstance(data, dict) else None
    return Undelivered(code or f"http_{status}", needed=needed.group() if needed else "")


def _retry_after_s(answer: Any) -> float:
    """Return how long a 429 asks to wait ("Rate limits": Retry-After, in seconds)."""
    headers = {key.lower(): value for key, value in (answer.headers or {}).items()}
    found = str(headers.get("retry-after", ""))
    return float(found) if found.isdecimal() else DEFAULT_WAIT_S

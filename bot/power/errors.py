"""Every error that the domain raises, and the sentence that a person gets for it.

PowerbotError
├── UserMistake            what was typed can't be understood; nothing was stored or sent
│   └── BadValue               an option doesn't take this value
├── PolicyError            the policy file can't be used
├── IllegalTransition      a state change that the table in `lifecycle` doesn't have
├── LostLease              another process has taken this request over
├── TooMuch                one person, or all, have too much under way; nothing was stored
├── StoreUnavailable       the database can't be reached
├── SlackUnavailable       a look-up in Slack failed, so a right could not be checked
└── CloudError             CloudDC said no, or nothing
    ├── NotSent            proven: no byte of the request left
    ├── Refused            the answer says that nothing was done
    │   ├── Unauthorized       401: token or signature refused
    │   ├── KeyLocked          the access key is locked after bad signatures
    │   ├── Throttled          429
    │   ├── UnknownServers     404 with the ids that don't exist
    │   └── NotReady           400 with the ids that can't act now
    └── OutcomeUnknown     sent, and no usable answer: it may have happened
"""

from __future__ import annotations

import re

from bot.power import missing_access


class PowerbotError(Exception):
    """Something went wrong inside Powerbot; an operator can look it up in the log."""

    @property
    def user_message(self) -> str:
        """The sentence that a person is shown: the given one, else the class's first line."""
        # The docstring is the default, so that no class is ever without a sentence.
        return str(self) or (type(self).__doc__ or "").strip().splitlines()[0]


class UserMistake(PowerbotError):
    """What was typed can't be understood.

    `token` is the part that is wrong, `problem` says why, `suggestion` is a line to copy
    (empty where none would help).
    """

    def __init__(self, problem: str, *, token: str = "", suggestion: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.token = token  # As it was typed, for people to find it in their line.
        self.suggestion = suggestion


def lead(token: str, problem: str) -> str:
    """Return the token that the sentence of a mistake begins with; a sentence names it once."""
    pattern = rf"(?<![\w-]){re.escape(token)}(?![\w-])"
    return "" if re.search(pattern, problem) else token


def sentence(token: str, problem: str) -> str:
    """Return what is wrong with a token, which is named once."""
    return ": ".join(filter(None, (lead(token, problem), problem)))


class BadValue(UserMistake):
    """An option was given a value that it doesn't take: `rule` says which it takes.

    `under_its_label` says the same where the option's name stands above it already.
    """

    def __init__(self, name: str, rule: str, value: str, shown: str) -> None:
        super().__init__(f"{name} {rule}, not {shown}.", token=value)
        self.under_its_label = f"This {rule}, not {shown}."


class PolicyError(PowerbotError):
    """The policy file can't be used."""


class IllegalTransition(PowerbotError):
    """This request can't go from its present state to the one asked for."""


class LostLease(PowerbotError):
    """Another process has taken this request over."""


class TooMuch(PowerbotError):
    """Too much is in progress, so nothing was done with this; try again in a moment."""


class StoreUnavailable(PowerbotError):
    """The database can't be reached; nothing was changed. Try again in a moment."""


class SlackUnavailable(PowerbotError):
    """Slack could not be asked, so this could not be checked; try again in a moment.

    `missing` is what somebody must mend first; empty where to try again may help.
    """

    def __init__(
        self, message: str = "", *, missing: tuple[missing_access.Missing, ...] = ()
    ) -> None:
        super().__init__(message)
        self.missing = missing

    @property
    def user_message(self) -> str:
        """The sentence that a person is shown, with what is missing and who can mend it."""
        if not self.missing:
            return super().user_message
        return f"{str(self) or 'This could not be checked.'} {missing_access.told(self.missing)}"


class CloudError(PowerbotError):
    """CloudDC could not be asked.

    `code` is the vendor's error code, `request_id` the vendor's id of the call, `server_ids`
    the ids that the vendor's message names; each is empty where the answer had none.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int = 0,
        code: str = "",
        request_id: str = "",
        server_ids: tuple[str, ...] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status  # HTTP status of the answer, 0 where none came.
        self.code = code  # Such as `iMetal.0100` (CloudDC API, error code page).
        self.request_id = request_id
        self.server_ids = server_ids
        self.retry_after_s = retry_after_s  # None where the answer asks for no wait.
        # The cause alone, where the message has advice for whoever typed; without a full stop.
        self.why = ""


class NotSent(CloudError):
    """CloudDC could not be reached, and nothing was sent."""

    @classmethod
    def since(cls, why: str, *, retry_after_s: float | None = None) -> NotSent:
        """Return the error with its cause, to which the sentence adds that nothing was sent."""
        made = cls(f"{why}; nothing was sent", retry_after_s=retry_after_s)
        made.why = why
        return made


class Refused(CloudError):
    """CloudDC refused the call and did nothing."""


class Unauthorized(Refused):
    """CloudDC refused the credentials; an operator must check them."""


class KeyLocked(Unauthorized):
    """CloudDC has locked the access key for five minutes after wrong signatures."""


class Throttled(Refused):
    """CloudDC asks for fewer calls; Powerbot waits and carries on by itself."""


class UnknownServers(Refused):
    """CloudDC no longer knows these servers."""


class NotReady(Refused):
    """CloudDC says that these servers can't act now."""


class OutcomeUnknown(CloudError):
    """The call was sent, but no usable answer came back, so it may have happened."""

"""A call that Slack answers with `ok: false`: the error's name, and what else the answer holds."""

from collections.abc import Sequence
from typing import Any


class RefusedError(Exception):
    """Slack's no to a call; the HTTP status stays 200."""

    def __init__(self, error: str, messages: Sequence[str] = (), **extra: Any) -> None:
        super().__init__(error, *messages)
        self.error = error
        self.messages = list(messages)
        self.extra = extra

    def as_answer(self) -> dict[str, Any]:
        """Shape the refusal like a Web API answer."""
        answer: dict[str, Any] = {"ok": False, "error": self.error, **self.extra}
        if self.messages:
            answer["response_metadata"] = {"messages": self.messages}
        return answer


def invalid_blocks(errors: Sequence[str]) -> RefusedError:
    """Refuse blocks the way Slack does: the same list stands in the answer twice."""
    return RefusedError("invalid_blocks", errors, errors=list(errors))

"""What an answer that isn't a success means: read in all its forms, made into one error in words.

No IO. Codes and statuses are those of the CloudDC API's error code page and of the API gateway's
error page; IAM wraps its errors in an object of its own (IAM API, token page). Permissions are
those of the CloudDC API's pages on identity policies.
"""

from __future__ import annotations

import dataclasses
import datetime
import email.utils
import enum
import math
import re
from collections.abc import Collection, Mapping

import pydantic_core

from bot.clouddc import rows, wire
from bot.power import errors

NOT_FOUND_CODE = "iMetal.0100"
NOT_READY_CODE = "iMetal.0101"
# The only sign of a locked key: its code is that of every refused signature (gateway's error page).
LOCKED_WORDS = "AK access failed to reach the limit"
# Answers that say that nothing was done: those that the API lists, and those by which HTTP refuses
# a request for its form. Any other may have come after the act.
REFUSING = frozenset({400, 401, 403, 404, 405, 411, 413, 414, 415, 422, 429, 431})
# The longest wait that an answer may ask for.
LONGEST_HINT_S = 300.0
LONGEST_BODY = 64 * 1024  # Bytes of an error that are read; a gateway's page may be longer.
# A clock that is off by more than this is mentioned when credentials are refused.
SKEW_S = 300.0

_BRACKETS = re.compile(r"\[([^\[\]]*)(?:\]|$)")
# Whatever else stands there isn't an id, and would go into log and thread as it is.
_REQUEST_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
# The gateway repeats the access key in its words, which people get to read.
_ACCESS_KEY = re.compile(r"\b(ak|access)([:=])[^,;\s]+", re.IGNORECASE)
# A refused signature is answered with the gateway's own canonical request (gateway's error page).
_ECHO = re.compile("canonical", re.IGNORECASE)
_TITLE = re.compile(r"<title>([^<]{0,300})", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, slots=True)
class Complaint:
    """What an error's body says, cleaned; each is empty where the body had none."""

    code: str = ""
    message: str = ""
    request_id: str = ""
    locked: bool = False
    named: tuple[str, ...] = ()


def error_for(answer: wire.HttpAnswer, asked: Collection[str], *, now: float) -> errors.CloudError:
    """Return the error that an answer other than a success stands for.

    `asked` are the ids that the call named: only those are taken from the message.
    """
    said = complaint(answer)
    status = f"CloudDC answered {answer.status}"
    kind = _kind(answer.status, said)
    if issubclass(kind, errors.Refused):
        message = (said.message or status) + _skewed(answer, now)
    else:
        message = f"{status}: {said.message}" if said.message else status
    return kind(
        message,
        status=answer.status,
        code=said.code,
        request_id=request_id(answer),
        server_ids=tuple(found for found in said.named if found in asked),
        retry_after_s=retry_after_s(answer.headers, now=now),
    )


def complaint(answer: wire.HttpAnswer) -> Complaint:
    """Read an error's body: a JSON object, a JSON string, plain text or an HTML page."""
    body = answer.body[:LONGEST_BODY]
    try:
        found = pydantic_core.from_json(body)
    except ValueError:
        found = body.decode(errors="replace")
    if not isinstance(found, dict):
        return _worded("", found if isinstance(found, str) else "", "")
    inner = found["error"] if isinstance(found.get("error"), dict) else found
    code = _text(inner, "error_code", "title", "code")
    return _worded(code, _text(inner, "error_msg", "message"), _text(found, "request_id"))


def request_id(answer: wire.HttpAnswer) -> str:
    """Return the service's id of the call, from the header or from the body of an error."""
    given = answer.headers.get("X-Request-Id", "")
    if not given and not answer.succeeded:
        given = complaint(answer).request_id
    return given if _REQUEST_ID.fullmatch(given) else ""


def retry_after_s(headers: Mapping[str, str], *, now: float) -> float | None:
    """Return how long `Retry-After` asks to wait, at most five minutes; None without a hint.

    A date counts from the answer's own date where it has one, since clocks differ.
    """
    given = headers.get("Retry-After", "").strip()
    if given.isascii() and given.isdigit():
        # Nine digits are beyond the bound already, and cost nothing to convert.
        return min(float(given[:9]), LONGEST_HINT_S)
    until = _date(given)
    if until is None:
        return None
    answered = _date(headers.get("Date", ""))
    return min(max(until - (now if answered is None else answered), 0.0), LONGEST_HINT_S)


def skew_s(headers: Mapping[str, str], now: float) -> float:
    """Return by how many seconds this machine's clock is ahead of an answer's `Date`."""
    theirs = _date(headers.get("Date", ""))
    return now - theirs if theirs is not None else 0.0


def _kind(status: int, said: Complaint) -> type[errors.CloudError]:
    if status not in REFUSING:
        return errors.OutcomeUnknown
    match status:
        case 401:
            return errors.KeyLocked if said.locked else errors.Unauthorized
        case 429:
            return errors.Throttled
        case 404 if said.code == NOT_FOUND_CODE:
            return errors.UnknownServers
        case 400 if said.code == NOT_READY_CODE:
            return errors.NotReady
        case _:
            return errors.Refused


def _skewed(answer: wire.HttpAnswer, now: float) -> str:
    """Say that this machine's clock is off, where that may be why a signature was refused.

    A signature's date must be within 15 minutes of the gateway's (API gateway, signing page).
    """
    off_s = skew_s(answer.headers, now) if answer.status == 401 else 0.0
    if abs(off_s) < SKEW_S:
        return ""
    side = "ahead of" if off_s > 0 else "behind"
    return f"; this machine's clock is {abs(off_s) / 60:.0f} minutes {side} CloudDC's"


def _worded(code: str, text: str, request: str) -> Complaint:
    if text.lstrip().startswith("<"):
        title = _TITLE.search(text)
        text = title[1] if title else ""
    lists = " ".join(_BRACKETS.findall(text.lower()))
    named = tuple(dict.fromkeys(wire.UUID.findall(lists)))
    shown = _ACCESS_KEY.sub(r"\1\2***", _ECHO.split(text, maxsplit=1)[0].rstrip(" ,;:("))
    return Complaint(
        rows.clean(code, longest=64), rows.clean(shown), request, LOCKED_WORDS in text, named
    )


def _text(found: Mapping[str, object], *names: str) -> str:
    """Return the first of these members that is a text or a number."""
    values = (found.get(name) for name in names)
    return next((str(value) for value in values if isinstance(value, str | int)), "")


def _date(text: str) -> float | None:
    try:
        found = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # A date without a zone is in UTC (RFC 9110, section 5.6.7).
    return (found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).timestamp()


class Operation(enum.StrEnum):
    """The calls, by the word that the log has for each."""

    LIST = "list"
    SHOW = "show"
    STATUS = "status"
    ALARMS = "alarms"
    SWITCH = "switch"


PERMISSIONS = {
    Operation.LIST: "clouddc:imetal:list",
    Operation.SHOW: "clouddc:imetal:get",
    Operation.STATUS: "clouddc::listStatus",
    Operation.ALARMS: "clouddc::listAlarm",
    Operation.SWITCH: "clouddc:imetal:updatePowerStatus",
}
SUBJECTS = {
    Operation.LIST: "The server list",
    Operation.SHOW: "The server's record",
    Operation.STATUS: "The fleet's counts",
    Operation.ALARMS: "The alarms",
    Operation.SWITCH: "The power call's answer",
}
FORBIDDEN = 403  # The key lacks a permission (CloudDC API, error code page).
SOON = "try again in a moment"
AT_ONCE_S = 5.0  # What a person calls a moment.


def of_read(operation: Operation, error: errors.CloudError) -> errors.CloudError:
    """Return the error of a read in words: a read changes nothing, whatever became of it."""
    kind = errors.CloudError if isinstance(error, errors.OutcomeUnknown) else type(error)
    why = f"{SUBJECTS[operation]} can't be read: {_cause(operation, error)}"
    again = f"; {_when(error)}" if _is_passing(error) else ""
    found = _reworded(kind, f"{why}{again}. Nothing was sent.", error)
    found.why = why
    return found


def of_power_call(error: errors.CloudError) -> errors.CloudError:
    """Return a refused power call with the permission that it takes, where that is missing."""
    if error.status != FORBIDDEN:
        return error
    needed = PERMISSIONS[Operation.SWITCH]
    said = error.user_message.rstrip(".")
    lacks = f"the bot's key lacks {needed}; a cloud administrator can grant it"
    return _reworded(type(error), f"{said}; {lacks}", error)


def _cause(operation: Operation, error: errors.CloudError) -> str:
    """Return why a read failed and who can do what, without a full stop."""
    said = error.user_message.rstrip(".")
    coded = f"{error.code}: {said}" if error.code else said
    match error:
        # Held back by the pause after a refusal, which says so itself.
        case errors.Unauthorized() if error.retry_after_s and not error.status:
            return f"{said}; an operator must check the credentials"
        case errors.Unauthorized():
            return f"CloudDC refuses the bot's credentials ({coded}); an operator must check them"
        case errors.Throttled():
            return "CloudDC asks for fewer calls (429)"
        case _ if error.status == FORBIDDEN:
            needed = PERMISSIONS[operation]
            return f"the bot's key lacks {needed} ({coded}); a cloud administrator can grant it"
        case errors.Refused():
            return f"CloudDC refused ({error.status}, {coded}); an operator must look into it"
        case errors.NotSent():
            return error.why or said
        case _ if error.status:
            return said
        case _:
            lost = type(error.__cause__ or error).__name__
            return f"CloudDC's answer was lost ({lost})"


def _is_passing(error: errors.CloudError) -> bool:
    """Whether a read may do better at another time, without anybody's help."""
    lasting = isinstance(error, errors.Refused) and not isinstance(error, errors.Throttled)
    return not lasting and error.status != FORBIDDEN


def _when(error: errors.CloudError) -> str:
    """Say when it is worth another try."""
    wait_s = error.retry_after_s
    return f"try again in {math.ceil(wait_s)} s" if wait_s and wait_s > AT_ONCE_S else SOON


def _reworded(
    kind: type[errors.CloudError], text: str, error: errors.CloudError
) -> errors.CloudError:
    """Return an error of this kind with another text and all that the first one knows."""
    return kind(
        text,
        status=error.status,
        code=error.code,
        request_id=error.request_id,
        server_ids=error.server_ids,
        retry_after_s=error.retry_after_s,
    )

"""What a failed call means in words: what could not be read, whose right is missing, what to do.

Permissions are those of the CloudDC API's pages on identity policies. No IO.
"""

from __future__ import annotations

import enum

from bot.power import errors


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
FORBIDDEN = 403
SOON = "try again in a moment"


def of_read(operation: Operation, error: errors.CloudError) -> errors.CloudError:
    """Return the error of a read in words: a read changes nothing, whatever became of it."""
    kind = errors.CloudError if isinstance(error, errors.OutcomeUnknown) else type(error)
    text = f"{SUBJECTS[operation]} can't be read: {_cause(operation, error)}. Nothing was sent."
    return _reworded(kind, text, error)


def of_power_call(error: errors.CloudError) -> errors.CloudError:
    """Return a refused power call with the permission that it takes, where that is missing."""
    if error.status != FORBIDDEN:
        return error
    needed = PERMISSIONS[Operation.SWITCH]
    return _reworded(type(error), f"{error.user_message} (the bot's key lacks {needed})", error)


def _cause(operation: Operation, error: errors.CloudError) -> str:
    """Return why a read failed and who can do what, without a full stop."""
    said = error.user_message.rstrip(".")
    coded = f"{error.code}: {said}" if error.code else said
    match error:
        case errors.Unauthorized():
            return f"CloudDC refuses the bot's credentials ({coded}); an operator must check them"
        case errors.Throttled():
            wait_s = error.retry_after_s
            when = f"try again in {wait_s:.0f} s" if wait_s else SOON
            return f"CloudDC asks for fewer calls (429); {when}"
        case _ if error.status == FORBIDDEN:
            needed = PERMISSIONS[operation]
            return f"the bot's key lacks {needed} ({coded}); whoever runs the cloud can grant it"
        case errors.Refused():
            return f"CloudDC refused ({error.status}, {coded}); an operator must look"
        case errors.NotSent():
            return f"{error.why or said}; {SOON}"
        case _ if error.status:
            return f"{said}; {SOON}"
        case _:
            lost = type(error.__cause__ or error).__name__
            return f"CloudDC's answer was lost ({lost}); {SOON}"


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

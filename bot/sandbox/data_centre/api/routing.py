"""Which call of which service a method and a raw path mean."""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from bot.sandbox.data_centre.api import refusals


class Operation(StrEnum):
    """The calls that are answered, by the vendor's names for them."""

    CHANGE_POWER = "ChangeServerPowerState"
    LIST = "ListServers"
    SHOW = "ShowServer"
    STATUS = "ShowServerStatus"
    ALARMS = "ListAlarms"
    INSTANCES = "ListInstances"
    TOKEN = "KeystoneCreateUserTokenByPassword"  # noqa: S105 -- the name of a call
    PROJECTS = "KeystoneListProjects"
    UNKNOWN = "Unknown"


class CallKind(StrEnum):
    """The groups of calls for which faults can be set."""

    POWER = "power"
    LIST = "list"
    SHOW = "show"
    TOKEN = "token"  # noqa: S105 -- the name of a group
    OTHER = "other"
    ANY = "any"


KINDS = {
    Operation.CHANGE_POWER: CallKind.POWER,
    Operation.LIST: CallKind.LIST,
    Operation.SHOW: CallKind.SHOW,
    Operation.TOKEN: CallKind.TOKEN,
}


@dataclass(frozen=True, slots=True)
class Route:
    """A matched call, with what its path names."""

    operation: Operation
    project_id: str = ""
    server_id: str = ""

    @property
    def kind(self) -> CallKind:
        """The group in which faults are set for this call."""
        return KINDS.get(self.operation, CallKind.OTHER)

    @property
    def is_iam(self) -> bool:
        """True for IAM's own calls, which belong to no project."""
        return self.operation in {Operation.TOKEN, Operation.PROJECTS}


UNKNOWN = Route(Operation.UNKNOWN)
_IAM = {
    ("POST", "/v3/auth/tokens"): Route(Operation.TOKEN),
    ("GET", "/v3/projects"): Route(Operation.PROJECTS),
}
_LITERALS = {
    ("GET", ("physicalservers",)): Operation.LIST,
    ("GET", ("instances",)): Operation.INSTANCES,
    ("GET", ("physicalservers", "status")): Operation.STATUS,
    ("GET", ("physicalservers", "alarms")): Operation.ALARMS,
    ("PUT", ("physicalservers", "power-state")): Operation.CHANGE_POWER,
}
# These words stand where an id stands in other paths, and are never taken for one.
_RESERVED = {"status", "alarms", "events", "power-state"}


def match(method: str, path: str) -> Route:
    """Find the call behind a method and a raw path.

    Raises:
        Refusal: 404 APIGW.0101 when there is none.
    """
    if iam := _IAM.get((method, path)):
        return iam
    segments = tuple(unquote(segment) for segment in path.split("/"))
    match segments:
        case ("", "v1", project_id, *rest):
            return _clouddc(method, project_id, tuple(rest))
    raise refusals.unknown_api()


def _clouddc(method: str, project_id: str, rest: tuple[str, ...]) -> Route:
    if operation := _LITERALS.get((method, rest)):
        return Route(operation, project_id)
    match method, rest:
        case "GET", ("physicalservers", server_id) if server_id not in _RESERVED:
            return Route(Operation.SHOW, project_id, server_id)
    raise refusals.unknown_api()

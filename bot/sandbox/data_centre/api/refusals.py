"""Every way the data centre says no, with the vendor's status, code and shape of message.

The codes are those of the CloudDC API's error code page and of the API gateway's error page.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

FORBIDDEN_CODE = "iMetal.0004"
THROTTLED_CODE = "iMetal.0005"
GATEWAY_THROTTLED_CODE = "APIGW.0308"


@dataclass(eq=False)
class Refusal(Exception):
    """A 4xx or 5xx answer in the making; raised anywhere, turned into bytes in one place."""

    status: int
    code: str
    message: str

    def body(self, request_id: str) -> Mapping[str, object]:
        """The JSON body; only the gateway repeats the request id in it."""
        body = {"error_code": self.code, "error_msg": self.message}
        if self.code.startswith("APIGW."):
            body["request_id"] = request_id
        return body


class IamRefusal(Refusal):
    """IAM v3 wraps its errors in an `error` object with a numeric code."""

    def body(self, request_id: str) -> Mapping[str, object]:
        """The body in the form of the IAM API's token page."""
        return {"error": {"code": self.status, "message": self.message, "title": self.code}}


def invalid(parameter: str) -> Refusal:
    """A parameter has an invalid or unsupported value."""
    return Refusal(400, "iMetal.0001", f"The parameter {parameter} has an invalid value.")


def missing(parameter: str) -> Refusal:
    """A required parameter is absent or empty."""
    return Refusal(400, "iMetal.0002", f"The required parameter {parameter} is missing.")


def unauthorized() -> Refusal:
    """CloudDC itself does not know the caller."""
    return Refusal(401, "iMetal.0003", "Unauthorized.")


def forbidden() -> Refusal:
    """The caller is known and may not do this."""
    return Refusal(403, FORBIDDEN_CODE, "Insufficient permissions for this operation.")


def throttled() -> Refusal:
    """Too many requests, in CloudDC's own words."""
    return Refusal(429, THROTTLED_CODE, "Too many requests.")


def gateway_throttled(limit: float) -> Refusal:
    """Too many requests, in the gateway's words, which state the limit and its window."""
    message = (
        "The throttling threshold has been reached: "
        f"policy user over ratelimit,limit:{limit:g},time:1 second"
    )
    return Refusal(429, GATEWAY_THROTTLED_CODE, message)


def internal() -> Refusal:
    """An internal error."""
    return Refusal(500, "iMetal.0099", "Internal error.")


def not_found(ids: Iterable[str]) -> Refusal:
    """Server ids that do not exist; the message names them in brackets."""
    return Refusal(404, "iMetal.0100", f"The server ids are not found: [{', '.join(ids)}]")


def not_ready(ids: Iterable[str]) -> Refusal:
    """Servers that can't take a power action now; the message names them in brackets."""
    return Refusal(400, "iMetal.0101", f"The servers' state is not ready: [{', '.join(ids)}]")


def unknown_api() -> Refusal:
    """The gateway knows no such method and path."""
    message = "The API does not exist or has not been published in the environment"
    return Refusal(404, "APIGW.0101", message)


def not_authenticated(detail: str) -> Refusal:
    """The gateway refuses the token or the signature."""
    return Refusal(401, "APIGW.0301", f"Incorrect IAM authentication information: {detail}")


def too_large(what: str, status: int = 413) -> Refusal:
    """The request is larger than a gateway takes (413, 414 or 431)."""
    return Refusal(status, "APIGW.0201", f"The {what} is too large.")


def iam(status: int, title: str, message: str) -> Refusal:
    """A refusal by IAM."""
    return IamRefusal(status, title, message)

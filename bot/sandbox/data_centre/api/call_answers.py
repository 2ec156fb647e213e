"""What a call's fault makes of its answer: another one, a spoilt one, a late one, or none."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime

from bot.sandbox.data_centre.api import refusals
from bot.sandbox.data_centre.api.call_faults import CallFault, CallFaultKind, RetryAfter
from bot.sandbox.data_centre.api.exchange import Dropped, HttpResponse, json_response

_REFUSALS = {
    CallFaultKind.THROTTLED_JSON: refusals.throttled,
    CallFaultKind.THROTTLED_GATEWAY: lambda: refusals.gateway_throttled(10),
    CallFaultKind.UNAUTHORIZED: refusals.unauthorized,
    CallFaultKind.FORBIDDEN: refusals.forbidden,
    CallFaultKind.INTERNAL_ERROR: refusals.internal,
}
_THROTTLED_TEXT = "Too many requests, please try again later"
_THROTTLED = {
    CallFaultKind.THROTTLED_JSON,
    CallFaultKind.THROTTLED_GATEWAY,
    CallFaultKind.THROTTLED_STRING,
    CallFaultKind.THROTTLED_TEXT,
}
_BAD_GATEWAY_PAGE = (
    b"<html><head><title>502 Bad Gateway</title></head>"
    b"<body><center><h1>502 Bad Gateway</h1></center></body></html>"
)
_REFERENCE = {"$ref": "#/definitions/UUID"}


def instead(fault: CallFault, request_id: str, wall: datetime) -> HttpResponse | Dropped:
    """The answer that comes in place of the real one."""
    if fault.kind is CallFaultKind.DROP_BEFORE:
        return Dropped(applied=fault.applied)
    response = _substitute(fault, request_id)
    if fault.kind in _THROTTLED:
        response = replace(response, headers=response.headers + _retry_after(fault, wall))
    return replace(response, delay_s=fault.wait_s)


def spoil(
    response: HttpResponse, fault: CallFault, request_id: str, wall: datetime
) -> HttpResponse | Dropped:
    """What becomes of a real answer; a refusal is only held back or lost, never reworded."""
    if fault.kind is CallFaultKind.DROP_AFTER:
        return Dropped(applied=response.status < 400)
    late = replace(response, delay_s=fault.wait_s)
    if fault.kind is CallFaultKind.DELAY or response.status >= 400:
        return late
    if fault.kind in {CallFaultKind.REF_IDS, CallFaultKind.MISSING_IDS}:
        return replace(late, body=_rewrite_ids(response, fault.kind))
    return instead(fault, request_id, wall)


def _substitute(fault: CallFault, request_id: str) -> HttpResponse:
    if make := _REFUSALS.get(fault.kind):
        refusal = make()
        return json_response(refusal.status, refusal.body(request_id))
    match fault.kind:
        case CallFaultKind.THROTTLED_STRING:
            return json_response(429, _THROTTLED_TEXT)
        case CallFaultKind.THROTTLED_TEXT:
            return _plain(429, "text/plain", _THROTTLED_TEXT.encode())
        case CallFaultKind.BAD_GATEWAY:
            return _plain(502, "text/html", _BAD_GATEWAY_PAGE)
        case CallFaultKind.REDIRECT:
            return HttpResponse(302, (("Location", "https://elsewhere.invalid/"),), b"")
        case _:
            return _plain(200, "application/json", b'\x1f\x8b{"physical_serv')


def _plain(status: int, content_type: str, body: bytes) -> HttpResponse:
    return HttpResponse(status, (("Content-Type", content_type),), body)


def _retry_after(fault: CallFault, wall: datetime) -> tuple[tuple[str, str], ...]:
    if fault.retry_after is RetryAfter.SECONDS:
        return (("Retry-After", str(fault.retry_after_s)),)
    if fault.retry_after is RetryAfter.DATE:
        moment = wall + timedelta(seconds=fault.retry_after_s)
        return (("Retry-After", format_datetime(moment, usegmt=True)),)
    return ()


def _rewrite_ids(response: HttpResponse, kind: CallFaultKind) -> bytes:
    # The 200 example of the power-state page shows ids as unresolved references; see its example.
    body = response.json()
    if not isinstance(body, dict) or "physical_servers" not in body:
        return response.body
    rows = body["physical_servers"]
    if kind is CallFaultKind.REF_IDS:
        body["physical_servers"] = [{"id": _REFERENCE} for _ in rows]
    else:
        body["physical_servers"] = rows[1:]
    return json.dumps(body).encode()

"""The gateway's side of `SDK-HMAC-SHA256`: rebuild what was signed from the raw request.

The rules are those of the vendor's "AK/SK signing" guide; which headers count is read from the
request itself, because every client signs another set.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

from bot.sandbox.data_centre.api.exchange import HttpRequest

ALGORITHM = "SDK-HMAC-SHA256"
MAX_SKEW = timedelta(minutes=15)
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
_MUST_BE_SIGNED = {"host", "x-sdk-date"}
_AUTHORIZATION = re.compile(
    r"SDK-HMAC-SHA256 Access=([^,\s]{1,128}), ?"
    r"SignedHeaders=([^,\s]{1,4000}), ?Signature=([0-9a-f]{64})"
)
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")


@dataclass(frozen=True, slots=True)
class Claim:
    """What the `Authorization` header says: whose key, over which headers, which signature."""

    access: str
    signed_headers: tuple[str, ...]
    signature: str


def read_claim(request: HttpRequest) -> Claim | None:
    """Read the `Authorization` header; None when it is not a well-formed signature."""
    found = _AUTHORIZATION.fullmatch(request.header("Authorization") or "")
    if found is None:
        return None
    access, names, signature = found.groups()
    signed = tuple(name.lower() for name in names.split(";"))
    if not _MUST_BE_SIGNED.issubset(signed):
        return None
    return Claim(access, signed, signature)


def is_timely(request: HttpRequest, wall: datetime) -> bool:
    """True when `X-Sdk-Date` is within 15 minutes of the gateway's own clock."""
    date = request.header("X-Sdk-Date") or ""
    if not _DATE.fullmatch(date):
        return False
    try:
        signed_at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs(wall - signed_at) <= MAX_SKEW


def matches(request: HttpRequest, claim: Claim, secret: str) -> bool:
    """True when the claim's signature is the one this secret makes over this request."""
    canonical = canonical_request(request, claim.signed_headers)
    digest = hashlib.sha256(canonical.encode(errors="surrogateescape")).hexdigest()
    to_sign = "\n".join((ALGORITHM, request.header("X-Sdk-Date") or "", digest))
    made = hmac.new(
        secret.encode(), to_sign.encode(errors="surrogateescape"), hashlib.sha256
    ).hexdigest()
    return hmac.compare_digest(made, claim.signature)


def canonical_request(request: HttpRequest, signed_headers: tuple[str, ...]) -> str:
    """The text that both sides hash, from the raw request and the list of signed headers."""
    names = sorted(signed_headers)
    block = "".join(f"{name}:{(request.header(name) or '').strip()}\n" for name in names)
    return "\n".join(
        (
            request.method,
            _canonical_path(request.path),
            _canonical_query(request.raw_query),
            block,
            ";".join(signed_headers),
            _payload_hash(request, signed_headers),
        )
    )


def _canonical_path(path: str) -> str:
    # Decoded once and encoded again, so that both spellings of one path sign alike; the closing
    # slash is only in the signed text.
    encoded = quote(unquote(path), safe="/-_.~")
    return encoded if encoded.endswith("/") else f"{encoded}/"


def _canonical_query(raw_query: str) -> str:
    pairs = sorted(
        (unquote(name), unquote(value))
        for name, _, value in (field.partition("=") for field in raw_query.split("&") if field)
    )
    return "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs
    )


def _payload_hash(request: HttpRequest, signed_headers: tuple[str, ...]) -> str:
    """The body's hash, unless the client signed the statement that it left the body out."""
    stated = request.header("X-Sdk-Content-Sha256")
    if stated == UNSIGNED_PAYLOAD and "x-sdk-content-sha256" in signed_headers:
        return UNSIGNED_PAYLOAD
    return hashlib.sha256(request.body).hexdigest()

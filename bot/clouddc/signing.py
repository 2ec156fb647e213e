"""AK/SK request signing, algorithm `SDK-HMAC-SHA256`: a request in, its signature out.

No IO and no clock: the date is one of the headers. The rules are those of the vendor's API
gateway guide ("AK/SK authentication") and of its Python SDK, whose signatures the tests reproduce.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote, unquote

ALGORITHM = "SDK-HMAC-SHA256"
DATE_HEADER = "X-Sdk-Date"
DATE_FORMAT = "%Y%m%dT%H%M%SZ"
PAYLOAD_HEADER = "X-Sdk-Content-Sha256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
# Bodies of other types are left out of the signature (vendor's SDK, request signer).
HASHED_TYPES = ("application/json", "application/bson")


@dataclasses.dataclass(frozen=True, slots=True)
class AccessKey:
    """An access key (AK) and its secret (SK)."""

    access: str
    secret: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Signature:
    """What was signed, and the headers that the request must carry besides its own."""

    canonical_request: str = dataclasses.field(repr=False)
    string_to_sign: str = dataclasses.field(repr=False)
    headers: Mapping[str, str] = dataclasses.field(repr=False)


def sign(
    key: AccessKey, *, method: str, target: str, headers: Mapping[str, str], body: bytes
) -> Signature:
    """Sign a request; `target` is path and query as they go over the wire.

    Every given header is signed but those with an underscore in their name; `Host` and
    `X-Sdk-Date` must be among them.
    """
    signed = {name.lower(): value.strip() for name, value in headers.items() if "_" not in name}
    payload_hash = hashlib.sha256(body).hexdigest()
    added: dict[str, str] = {}
    # Without a content type the vendor's SDK hashes the body as well.
    if not signed.get("content-type", HASHED_TYPES[0]).startswith(HASHED_TYPES):
        payload_hash = added[PAYLOAD_HEADER] = UNSIGNED_PAYLOAD
        signed[PAYLOAD_HEADER.lower()] = UNSIGNED_PAYLOAD
    names = sorted(signed)
    path, _, query = target.partition("?")
    block = "".join(f"{name}:{signed[name]}\n" for name in names)
    parts = (canonical_path(path), canonical_query(query), block, ";".join(names), payload_hash)
    canonical = "\n".join((method, *parts))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    # The plain secret is the key: this algorithm derives none for day or region.
    to_sign = "\n".join((ALGORITHM, signed[DATE_HEADER.lower()], digest))
    proof = hmac.new(key.secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    claim = f"Access={key.access}, SignedHeaders={';'.join(names)}, Signature={proof}"
    return Signature(canonical, to_sign, {**added, "Authorization": f"{ALGORITHM} {claim}"})


def canonical_path(path: str) -> str:
    """Return the path decoded once and encoded again; the closing slash is only in this form."""
    # An encoded slash counts as a separator then, as it does at the gateway (vendor's SDK).
    encoded = quote(unquote(path), safe="/")
    return encoded if encoded.endswith("/") else f"{encoded}/"


def canonical_query(query: str) -> str:
    """Return the query's pairs encoded afresh, sorted by what they were before encoding."""
    fields = (field.partition("=") for field in query.split("&") if field)
    # Sorted after encoding, pairs that differ by a slash or a comma would change places.
    pairs = sorted((unquote(name), unquote(value)) for name, _, value in fields)
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)

"""Signatures equal those of the vendor's own SDK, byte for byte."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import httpx
import pytest

from bot.clouddc import auth, signing
from tests.support import ticks

from .builders import PROJECT

FILE = pathlib.Path(__file__).with_name("signer_vectors.json")
VECTORS: list[dict[str, Any]] = json.loads(FILE.read_text())["vectors"]
KEY = signing.AccessKey("AK", "the-secret-of-the-tests")


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_signer_reproduces_the_vendors_signature(vector: dict[str, Any]) -> None:
    """Canonical request, string to sign and header are those of the vendor's SDK."""
    signed = signing.sign(
        signing.AccessKey(vector["ak"], vector["sk"]),
        method=vector["method"],
        target=vector["target"],
        headers=vector["headers"],
        body=vector["body"].encode(),
    )

    assert signed.canonical_request == vector["canonical_request"]
    assert signed.string_to_sign == vector["string_to_sign"]
    assert signed.headers["Authorization"] == vector["authorization"]


def test_signer_has_all_fifteen_vectors() -> None:
    """No vector is lost from the file."""
    assert len(VECTORS) == 15


def test_signed_auth_signs_what_goes_over_the_wire() -> None:
    """Host, type, date, project and security token are signed, over the very body."""
    url = "https://clouddc.example:8443/v1/p/physicalservers?marker=b&limit=10"
    request = httpx.Request("PUT", url, json={"action": "power on"})
    clock = ticks.GivenClock(1767323045.0)  # 2026-01-02T03:04:05Z
    signer = auth.SignedAuth("AK", KEY.secret, PROJECT, "temporary", clock=clock)

    sent = next(signer.auth_flow(request))

    names = ["Host", "Content-Type", "X-Sdk-Date", "X-Project-Id", "X-Security-Token"]
    again = signing.sign(
        KEY,
        method="PUT",
        target="/v1/p/physicalservers?marker=b&limit=10",
        headers={name: sent.headers[name] for name in names},
        body=b'{"action":"power on"}',
    )
    assert sent.headers["Authorization"] == again.headers["Authorization"]
    assert sent.headers["X-Sdk-Date"] == "20260102T030405Z"
    assert sent.headers["Host"] == "clouddc.example:8443"


def test_key_and_signature_never_show_in_a_repr() -> None:
    """Secrets are kept out of every repr."""
    signed = signing.sign(
        KEY, method="GET", target="/", headers={"X-Sdk-Date": "d", "Host": "h"}, body=b""
    )

    assert KEY.secret not in repr(KEY)
    assert signed.headers["Authorization"] not in repr(signed)

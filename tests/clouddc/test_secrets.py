"""Secrets go to the wire and nowhere else; the log says what an operator needs."""

from __future__ import annotations

import logging

import httpx
import pytest

from bot.clouddc import auth, exchange
from bot.power import errors
from bot.power.ports import Method
from tests.support import ticks

from .builders import PROJECT, Handler, Service, accepted, answer, cloud_for, http_for, ids, refused

IAM = "https://iam.cn-east-3.myhuaweicloud.com/"
PASSWORD = "password-of-the-tests"
SECRET_KEY = "secret-key-of-the-tests"
USER = auth.IamUser("powerbot", PASSWORD, "our-domain", PROJECT)
SIGNATURE_FAILED = refused(401, "APIGW.0301", "verify aksk signature fail, canonicalRequest:X")
LIFE = {"issued_at": "2027-01-15T00:00:00.000000Z", "expires_at": "2027-01-16T00:00:00.000000Z"}
DAY_S = 86_400.0


def issued(token: str, body: object = None) -> httpx.Response:
    """IAM's answer with a token that lives for a day, by IAM's own clock."""
    return answer({"token": LIFE} if body is None else body, 201, {"X-Subject-Token": token})


def iam_auth(handler: Handler, clock: ticks.GivenClock) -> auth.IamAuth:
    """Credentials that are fetched from a handler."""
    return auth.IamAuth(http_for(handler), IAM, USER, clock=clock)


def signed(clock: ticks.GivenClock) -> auth.SignedAuth:
    """Signing credentials."""
    return auth.SignedAuth("AKOFTHETESTS", SECRET_KEY, PROJECT, clock=clock)


@pytest.mark.parametrize("token", ["", "  ", "two\nlines", "snow\u2603"])
def test_token_that_no_header_can_carry_is_refused_at_once(token: str) -> None:
    """A call that fails for its own header would look like one whose answer was lost."""
    with pytest.raises(ValueError, match="one line"):
        auth.TokenAuth(token)


async def test_secrets_are_in_no_repr_no_log_and_no_error(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Passwords, keys, tokens and signatures go to the wire and nowhere else."""
    caplog.set_level("DEBUG")
    clock = ticks.GivenClock()
    iam = iam_auth(Service(issued("token-from-iam")), clock)
    fixed, signer = auth.TokenAuth("token-that-is-fixed"), signed(clock)
    shown = [repr(USER), repr(iam), repr(fixed), repr(signer)]
    for who in (iam, fixed, signer):
        service = Service(refused(401, "APIGW.0301", "canonicalRequest:signature-of-ours"))
        with pytest.raises(errors.Unauthorized) as caught:
            await cloud_for(service, clock, who=who).list_page()
        shown += [repr(caught.value), caught.value.user_message]

    text = " ".join([*shown, capsys.readouterr().out, caplog.text])

    assert "clouddc.call" in text
    secrets = [PASSWORD, SECRET_KEY, "token-from-iam", "token-that-is-fixed", "of-ours"]
    assert [secret for secret in [*secrets, "Signature="] if secret in text] == []


async def test_log_names_the_operation_and_the_attempt(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each request makes one event with what an operator looks for."""
    await cloud_for(Service(accepted(0)), ticks.GivenClock()).switch(Method.ON, ids(1), "attempt-7")

    (line,) = [line for line in capsys.readouterr().out.splitlines() if "clouddc.call" in line]
    for word in ("operation=switch", "attempt_id=attempt-7", "status=200", "cloud_request=req-1"):
        assert word in line


async def test_open_http_keeps_the_transports_headers_out_of_the_log() -> None:
    """At debug level httpcore would write down IAM's token."""
    async with exchange.open_http():
        pass

    assert not logging.getLogger("httpcore.http11").isEnabledFor(logging.DEBUG)

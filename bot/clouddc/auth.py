"""Who Powerbot is to CloudDC: a signature on each request, a ready token, or one fetched from IAM.

Nothing here is logged, and no secret is part of any repr. After a first refusal a request is
signed anew, by CloudDC's clock where ours is off, and a fetched token is fetched anew.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
from collections.abc import AsyncGenerator, Generator, Mapping

import httpx
import pydantic

from bot.clouddc import error_answers, exchange, signing, wire
from bot.power import errors, ports
from bot.runtime import single_flight

# A token is renewed after this part of its life (24 hours; IAM API, token page).
RENEW_AT = 0.9  # Part of a token's life.
# Taken for the life of a token that doesn't say.
UNSTATED_LIFE_S = 600.0
# Less than the ten seconds for which a power call may wait, so that its error names IAM.
FETCH_S = 8.0
# How long a failed renewal rests, so that not every call waits for an IAM that is away.
RENEW_AGAIN_S = 60.0


class CloudAuth(httpx.Auth):
    """How requests are authenticated."""

    async def ready(self) -> None:
        """Do what takes time before a call begins.

        Raises:
            NotSent: the credentials could not be fetched at this moment.
            Unauthorized: they were refused.
        """

    def renew(self, refused: wire.HttpAnswer) -> bool:
        """Whether a request that was refused by this 401 may be sent once more."""
        return True

    def dates_wrongly(self, refused: wire.HttpAnswer) -> bool:
        """Whether requests are dated so far from CloudDC's clock that it refuses them."""
        return False

    async def aclose(self) -> None:
        """Stop what is under way."""


class SignedAuth(CloudAuth):
    """Signs every request with an access key; a security token makes the key a temporary one."""

    requires_request_body = True

    def __init__(
        self, ak: str, sk: str, project_id: str, security_token: str = "", *, clock: ports.Clock
    ) -> None:
        self._key = signing.AccessKey(ak, sk)
        self._clock = clock
        # How far CloudDC's clock is ahead of ours, where it is off by more than a signature bears.
        self._ahead_s = 0.0
        self._own = {"X-Project-Id": project_id}
        if security_token:
            # A temporary key's token is signed along with the rest (API gateway, signing page).
            self._own["X-Security-Token"] = _header_value(security_token)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Add date, project and signature; only headers that no proxy changes are signed."""
        at = self._clock.now() + self._ahead_s
        now = datetime.datetime.fromtimestamp(at, datetime.UTC)
        request.headers.update(self._own)
        request.headers[signing.DATE_HEADER] = now.strftime(signing.DATE_FORMAT)
        names = ("Host", "Content-Type", signing.DATE_HEADER, *self._own)
        signed = signing.sign(
            self._key,
            method=request.method,
            target=request.url.raw_path.decode("ascii"),
            headers={name: request.headers[name] for name in names if name in request.headers},
            body=request.content,
        )
        request.headers.update(signed.headers)
        response = yield request
        if self._ahead_s and response.status_code != httpx.codes.UNAUTHORIZED:
            # Our clock may have been set right meanwhile; after a refusal `renew` sees to it.
            self._set_clock(response.headers)

    def renew(self, refused: wire.HttpAnswer) -> bool:
        """Sign by CloudDC's clock from now on, if ours is off; the date is fresh in any case."""
        self._set_clock(refused.headers)
        return True

    def dates_wrongly(self, refused: wire.HttpAnswer) -> bool:
        """Whether requests are dated so far from CloudDC's clock that it refuses them."""
        dated_at = self._clock.now() + self._ahead_s
        return abs(error_answers.skew_s(refused.headers, dated_at)) >= error_answers.SKEW_S

    def _set_clock(self, headers: Mapping[str, str]) -> None:
        """Take CloudDC's clock from an answer's `Date`, where ours is off by minutes."""
        ahead_s = -error_answers.skew_s(headers, self._clock.now())
        self._ahead_s = ahead_s if abs(ahead_s) >= error_answers.SKEW_S else 0.0


class TokenAuth(CloudAuth):
    """Sends a token that an operator has made; it can't be renewed."""

    def __init__(self, token: str) -> None:
        self._token = _header_value(token)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Add the token to the request (httpx calls this for each one)."""
        request.headers["X-Auth-Token"] = self._token
        yield request


@dataclasses.dataclass(frozen=True, slots=True)
class IamUser:
    """An IAM user of a domain, who asks for tokens of one project."""

    name: str
    password: str = dataclasses.field(repr=False)
    domain: str
    project_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class _Token:
    """A token; the times are of the monotonic clock."""

    value: str = dataclasses.field(repr=False)
    renew_at: float
    expires_at: float


class IamAuth(CloudAuth):
    """Fetches tokens from IAM, keeps them for nine tenths of their life, renews a refused one.

    A 401 in mid-life is normal after a change of permissions (IAM API, token page); it is
    refused before acting, so the request, a power call too, is sent once more with a new token.
    """

    def __init__(
        self, http: httpx.AsyncClient, endpoint: str, user: IamUser, *, clock: ports.Clock
    ) -> None:
        self._http = http
        # Without its catalogue the answer is short (IAM API, token page).
        self._url = f"{endpoint.rstrip('/')}/v3/auth/tokens?nocatalog=true"
        self._user = user
        self._clock = clock
        self._token: _Token | None = None
        self._fetching = single_flight.SingleFlight(self._fetch, clock)

    async def ready(self) -> None:
        """Fetch a token if there is none that is still good."""
        await self._fresh()

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add the token; after a 401 fetch another and repeat the request once."""
        token = await self._fresh()
        request.headers["X-Auth-Token"] = token.value
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            # Another request may have fetched a new one meanwhile.
            if self._token is not None and self._token.value == token.value:
                self._token = None
            token = await self._fresh()
            request.headers["X-Auth-Token"] = token.value
            yield request

    def renew(self, refused: wire.HttpAnswer) -> bool:
        """Never: the request was repeated with a new token already."""
        return False

    async def aclose(self) -> None:
        """Stop a fetch under way."""
        await self._fetching.aclose()

    async def _fresh(self) -> _Token:
        token, now = self._token, self._clock.monotonic()
        if token is not None and now < token.renew_at:
            return token
        try:
            return await self._fetching.result()
        except single_flight.FlightStopped:
            raise errors.NotSent.since("The log-in was stopped on the way") from None
        except errors.NotSent:
            if token is None or now >= token.expires_at:
                raise
            # IAM is away for the moment, and the token is still good.
            self._token = dataclasses.replace(token, renew_at=now + RENEW_AGAIN_S)
            return self._token

    async def _fetch(self, began: single_flight.Began) -> _Token:
        body = json.dumps(_login(self._user)).encode()
        call = exchange.Call("iam_token", "POST", self._url, body, whole_s=FETCH_S)
        try:
            answer = await exchange.send(self._http, call, auth=None, clock=self._clock)
        except errors.CloudError as error:
            # Whatever became of the log-in, the call that needs it has not left.
            raise errors.NotSent.since("IAM could not be asked for a token") from error
        value = answer.headers.get("X-Subject-Token", "")
        if not answer.succeeded or not value:
            raise _login_error(answer, self._clock.now())
        life_s = _life_s(answer.body)
        renew_at, expires_at = began.ticks + RENEW_AT * life_s, began.ticks + life_s
        self._token = _Token(value, renew_at, expires_at)
        return self._token


def _login(user: IamUser) -> dict[str, object]:
    """Return the log-in by password for one project (IAM API, token page)."""
    person = {"name": user.name, "password": user.password, "domain": {"name": user.domain}}
    return {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": person}},
            "scope": {"project": {"id": user.project_id}},
        }
    }


def _login_error(answer: wire.HttpAnswer, now: float) -> errors.CloudError:
    """Return the error for a log-in that brought no token."""
    said = error_answers.error_for(answer, (), now=now)
    throttled = isinstance(said, errors.Throttled)
    wrong = isinstance(said, errors.Refused) and not throttled
    # Only refused credentials may begin the pause; a fault of IAM's passes by itself.
    kind = errors.Unauthorized if wrong else errors.NotSent
    return kind(
        f"IAM gave no token ({answer.status}: {said.user_message})",
        status=answer.status,
        code=said.code,
        request_id=said.request_id,
        retry_after_s=said.retry_after_s,
    )


class _Lifetime(pydantic.BaseModel):
    issued_at: datetime.datetime
    expires_at: datetime.datetime


class _Issued(pydantic.BaseModel):
    token: _Lifetime


def _life_s(body: bytes) -> float:
    """Return how long a token lives, by IAM's clock alone."""
    with contextlib.suppress(ValueError, TypeError):
        token = _Issued.model_validate_json(body).token
        return (token.expires_at - token.issued_at).total_seconds()
    return UNSTATED_LIFE_S


def _header_value(secret: str) -> str:
    """Return a secret that can be sent in a header, without the space around it.

    Raises:
        ValueError: it can't; a call that fails for this would look like one whose answer was lost.
    """
    value = secret.strip()
    if not value or not value.isascii() or not value.isprintable():
        raise ValueError("a token must be one line of plain characters")
    return value

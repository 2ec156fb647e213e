"""The simulated IAM: who may call, by token or by signature, and for how long not.

Facts from the IAM API's token page and from the gateway's error page.
"""

import hmac
import random
from collections import Counter, OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.sandbox.data_centre.api import exchange, refusals
from bot.sandbox.data_centre.api.exchange import HttpRequest, HttpResponse
from bot.sandbox.data_centre.iam import signature

MAX_TOKENS = 1000
FAILURES_BEFORE_LOCK = 5
LOCK_S = 300.0
_TOKEN_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Account:
    """The one account of the simulated cloud; every secret in it is make-believe.

    `token` is a fixed one that never expires; `security_token` makes the key a temporary one.
    """

    project_id: str = "0123456789abcdef0123456789abcdef"
    project_name: str = "cn-east-3"
    ak: str = "SIMULATEDACCESSKEY01"
    sk: str = "simulated-secret-key-of-the-sandbox-0001"
    security_token: str | None = None
    token: str | None = None
    user: str = "powerbot"
    password: str = "simulated-password"  # noqa: S105 -- make-believe
    domain: str = "simulated-domain"
    token_life: timedelta = timedelta(hours=24)
    token_length: int = 2000


@dataclass(frozen=True, slots=True)
class _Token:
    expires_at: datetime
    for_project: bool


class Iam:
    """Issues and checks tokens, checks signatures, and locks keys that fail too often."""

    def __init__(self, account: Account, rng: random.Random) -> None:
        self.account = account
        # Keys beside the account's own: a user has two while one is exchanged for the other.
        self.further_keys: dict[str, str] = {}
        # How many requests each key has signed well.
        self.signed: Counter[str] = Counter()
        self._rng = rng
        self._tokens: OrderedDict[str, _Token] = OrderedDict()
        self._failures = 0
        self._locked_until: float | None = None

    def authenticate(self, request: HttpRequest, now: float, wall: datetime) -> None:
        """Let a request pass by its signature or its token.

        Raises:
            Refusal: 401 APIGW.0301, or 403 iMetal.0004 for a token of no project.
        """
        if request.header("Authorization") is not None:
            self._check_signature(request, now, wall)
        else:
            self._check_token(request.header("X-Auth-Token"), wall)

    def invalidate_tokens(self) -> None:
        """Forget every issued token, as after a change of permissions; the fixed one stays."""
        self._tokens.clear()

    def issue_token(self, request: HttpRequest, wall: datetime) -> HttpResponse:
        """Answer a password log-in with a token in `X-Subject-Token`.

        Raises:
            Refusal: 400 for another method, 401 for a wrong name or password.
        """
        body = request.json_object()
        if _dig(body, "auth", "identity", "methods") != ["password"]:
            raise refusals.iam(400, "Bad Request", "The authentication method is not supported.")
        if not self._knows_password(_dig(body, "auth", "identity", "password", "user")):
            raise refusals.iam(401, "Unauthorized", "The username or password is wrong.")
        scope = _dig(body, "auth", "scope", "project")
        if scope is not None and not self._is_our_project(scope):
            raise refusals.iam(401, "Unauthorized", "The project is not found.")
        token = "".join(self._rng.choices(_TOKEN_ALPHABET, k=self.account.token_length))
        expires_at = wall + self.account.token_life
        self._remember(token, _Token(expires_at, scope is not None))
        shown = self._token_body(wall, expires_at, for_project=scope is not None)
        return exchange.json_response(201, {"token": shown}, (("X-Subject-Token", token),))

    def list_projects(self, request: HttpRequest) -> HttpResponse:
        """Answer the look-up of a project id by its name, which is the region's name."""
        account = self.account
        project = {"id": account.project_id, "name": account.project_name, "enabled": True}
        wanted = request.query().get("name", account.project_name)
        projects = [project] if wanted == account.project_name else []
        return exchange.json_response(200, {"projects": projects, "links": {}})

    def _check_token(self, token: str | None, wall: datetime) -> None:
        if not token:
            raise refusals.not_authenticated("x-auth-token not found")
        fixed = self.account.token
        if fixed is not None and hmac.compare_digest(_bytes(fixed), _bytes(token)):
            return
        known = self._tokens.get(token)
        if known is None:
            raise refusals.not_authenticated("decrypt token fail")
        if wall >= known.expires_at:
            raise refusals.not_authenticated("The token must be updated")
        if not known.for_project:
            raise refusals.forbidden()

    def _check_signature(self, request: HttpRequest, now: float, wall: datetime) -> None:
        claim = signature.read_claim(request)
        if claim is None:
            raise refusals.not_authenticated("standard authorization header format is invalid")
        if claim.access not in {self.account.ak, *self.further_keys}:
            raise refusals.not_authenticated(
                f"Get secretKey failed,ak:{claim.access},err:ak not exist"
            )
        if self._is_locked(now):
            raise refusals.not_authenticated("AK access failed to reach the limit,forbidden")
        if not signature.is_timely(request, wall):
            raise refusals.not_authenticated("signature expired, x-sdk-date is out of range")
        if not self._is_genuine(request, claim):
            self._count_failure(now)
            # The real gateway echoes its own canonical request too; clients must redact it.
            canonical = signature.canonical_request(request, claim.signed_headers)
            raise refusals.not_authenticated(
                f"verify aksk signature fail, canonicalRequest:{canonical}"
            )
        self._failures = 0
        self.signed[claim.access] += 1

    def _is_genuine(self, request: HttpRequest, claim: signature.Claim) -> bool:
        temporary = request.header("X-Security-Token")
        return temporary == self.account.security_token and signature.matches(
            request, claim, self.further_keys.get(claim.access, self.account.sk)
        )

    def _is_locked(self, now: float) -> bool:
        if self._locked_until is None or now >= self._locked_until:
            self._locked_until = None
            return False
        return True

    def _count_failure(self, now: float) -> None:
        # More than five in a row lock the key for five minutes (gateway, error page).
        self._failures += 1
        if self._failures > FAILURES_BEFORE_LOCK:
            self._failures = 0
            self._locked_until = now + LOCK_S

    def _knows_password(self, user: object) -> bool:
        account = self.account
        given = (_dig(user, "name"), _dig(user, "password"), _dig(user, "domain", "name"))
        return given == (account.user, account.password, account.domain)

    def _is_our_project(self, scope: object) -> bool:
        if _dig(scope, "id") is not None:
            return _dig(scope, "id") == self.account.project_id
        return _dig(scope, "name") == self.account.project_name

    def _remember(self, token: str, known: _Token) -> None:
        self._tokens[token] = known
        while len(self._tokens) > MAX_TOKENS:
            self._tokens.popitem(last=False)

    def _token_body(
        self, issued_at: datetime, expires_at: datetime, *, for_project: bool
    ) -> dict[str, object]:
        account = self.account
        domain = {"name": account.domain, "id": "d0" * 16}
        shown: dict[str, object] = {
            "issued_at": _iso(issued_at),
            "expires_at": _iso(expires_at),
            "methods": ["password"],
            "roles": [{"id": "0", "name": "op_gated"}],
            "user": {"name": account.user, "id": "a0" * 16, "domain": domain},
            "catalog": [],
        }
        if for_project:
            shown["project"] = {
                "id": account.project_id,
                "name": account.project_name,
                "domain": domain,
            }
        return shown


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _dig(value: object, *path: str) -> object:
    """Follow keys through nested objects; None as soon as something is not one."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _bytes(text: str) -> bytes:
    # Header values may hold bytes that are no text, which a plain encode would choke on.
    return text.encode(errors="surrogateescape")

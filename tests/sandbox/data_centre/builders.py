"""Builders for the data centre's tests: a small fleet, a client of its own.

The signing here is written from the vendor's rules, apart from the verifier that it exercises.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from bot.sandbox import data_centre
from bot.sandbox.data_centre import (
    Account,
    DataCentre,
    Dropped,
    HttpRequest,
    HttpResponse,
    Pace,
    Server,
    Switches,
)
from tests.support import ticks

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FIXED_TOKEN = "fixed-token"
ACCOUNT = Account(token=FIXED_TOKEN)
DURATION_S = 10.0
EXACT = Pace(DURATION_S, spread=0.0, jitter=0.0)


class Bench:
    """A data centre on the bench, with its clock and a caller who holds the fixed token."""

    def __init__(
        self,
        servers: Sequence[Server] | None = None,
        *,
        switches: Switches | None = None,
        account: Account = ACCOUNT,
        pace: Pace = EXACT,
    ) -> None:
        self.clock = ticks.GivenClock(START.timestamp())
        self.account = account
        self.centre = DataCentre(
            data_centre.build(20) if servers is None else servers,
            clock=self.clock.monotonic,
            wall=self.clock.wall,
            account=account,
            switches=switches,
            pace=pace,
        )

    def id_of(self, name: str) -> str:
        """The id of a server."""
        return self.centre.machine(name).server.id

    def send(
        self,
        method: str,
        target: str,
        body: object = None,
        headers: tuple[tuple[str, str], ...] = (("X-Auth-Token", FIXED_TOKEN),),
    ) -> HttpResponse | Dropped:
        """Send any request; paths that don't start at the root are below the project."""
        whole = target if target.startswith("/") else f"/v1/{self.account.project_id}/{target}"
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        return self.centre.handle(HttpRequest(method, whole, headers, raw))

    def get(self, target: str) -> HttpResponse:
        """Read something that is surely answered."""
        return answered(self.send("GET", target))

    def power(self, action: str, *names: str) -> HttpResponse | Dropped:
        """Call for a power action on servers by name."""
        ids = [self.id_of(name) for name in names]
        return self.send(
            "PUT", "physicalservers/power-state", {"action": action, "server_id_set": ids}
        )

    def record(self, name: str) -> dict[str, object]:
        """The record of one server as the API shows it."""
        return members(self.get(f"physicalservers/{self.id_of(name)}"))

    def states(self, name: str) -> tuple[object, object]:
        """`power_state` and `operation_state` of one server, None for what is absent."""
        shown = self.record(name)
        return shown.get("power_state"), shown.get("operation_state")

    def log_in(self, **changes: object) -> HttpResponse:
        """Ask IAM for a token of the project, with some members of the request changed."""
        user = {
            "name": self.account.user,
            "password": self.account.password,
            "domain": {"name": self.account.domain},
        }
        asked: dict[str, object] = {
            "methods": ["password"],
            "user": user,
            "scope": {"project": {"name": self.account.project_name}},
        } | changes
        identity = {"methods": asked["methods"], "password": {"user": asked["user"]}}
        body = {"auth": {"identity": identity, "scope": asked["scope"]}}
        return answered(self.send("POST", "/v3/auth/tokens", body, headers=()))


def answered(outcome: HttpResponse | Dropped) -> HttpResponse:
    """The outcome, which has to be an answer."""
    assert isinstance(outcome, HttpResponse)
    return outcome


def members(response: HttpResponse) -> dict[str, object]:
    """The members of a JSON object answer."""
    body = response.json()
    assert isinstance(body, dict)
    return body


def refusal(outcome: HttpResponse | Dropped) -> tuple[int, object]:
    """Status and error code of a refused call."""
    response = answered(outcome)
    return response.status, members(response).get("error_code")


def accepted_ids(outcome: HttpResponse | Dropped) -> list[object]:
    """The ids in a power call's answer."""
    response = answered(outcome)
    assert response.status == 200, response.body
    rows = members(response)["physical_servers"]
    assert isinstance(rows, list)
    return [row["id"] for row in rows]


def servers_in(response: HttpResponse) -> list[dict[str, object]]:
    """The rows of a list answer."""
    rows = members(response)["servers"]
    assert isinstance(rows, list)
    return rows


def signed(
    request: HttpRequest, *, at: datetime, account: Account = ACCOUNT, sk: str | None = None
) -> HttpRequest:
    """The request with host, date and signature, as a client of the vendor would send it."""
    date = at.strftime("%Y%m%dT%H%M%SZ")
    headers = (*request.headers, ("Host", "clouddc.test"), ("X-Sdk-Date", date))
    names = sorted(name.lower() for name, _ in headers)
    values = {name.lower(): value for name, value in headers}
    path, _, query = request.target.partition("?")
    pairs = sorted(field.split("=") for field in query.split("&") if field)
    canonical = "\n".join(
        (
            request.method,
            quote(unquote(path)).rstrip("/") + "/",
            "&".join("=".join(quote(unquote(part), safe="") for part in pair) for pair in pairs),
            "".join(f"{name}:{values[name]}\n" for name in names),
            ";".join(names),
            hashlib.sha256(request.body).hexdigest(),
        )
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"SDK-HMAC-SHA256\n{date}\n{digest}"
    signature = hmac.new((sk or account.sk).encode(), text.encode(), hashlib.sha256).hexdigest()
    claim = f"Access={account.ak}, SignedHeaders={';'.join(names)}, Signature={signature}"
    whole = (*headers, ("Authorization", f"SDK-HMAC-SHA256 {claim}"))
    return HttpRequest(request.method, request.target, whole, request.body)

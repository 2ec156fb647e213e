"""Only a known token or a genuine signature gets in, and keys that fail too often are locked."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.sandbox.data_centre import Account, HttpRequest, HttpResponse
from bot.sandbox.data_centre.iam import signature

from .builders import ACCOUNT, START, Bench, answered, members, refusal, signed

LIST = f"/v1/{ACCOUNT.project_id}/physicalservers"
VENDOR_PROJECT = "0123456789abcdef0123456789abcdef"
VENDOR_HOST = "clouddc.ap-southeast-3.myhuaweicloud.com"
POWER_BODY = b'{"action": "power on", "server_id_set": ["01939592-e8fe-7d9b-9332-4589486377a4"]}'
ALARMS = (
    "physicalservers/alarms?alarm_type=%E7%94%B5%E6%BA%90%20%E5%91%8A%E8%AD%A6%2F%C3%A9~"
    "&limit=10&resource_id=01939592-e8fe-7d9b-9332-4589486377a4%2Ca%2Bb"
)


def vendor_request(
    method: str, target: str, body: bytes, *, extra: dict[str, str], signature_hex: str
) -> HttpRequest:
    """A request with a signature that the vendor's own signer made, with make-believe keys."""
    headers = {
        "Host": VENDOR_HOST,
        "X-Project-Id": VENDOR_PROJECT,
        "X-Sdk-Date": "20260102T030405Z",
    } | extra
    names = ";".join(sorted(name.lower() for name in headers))
    headers["Authorization"] = (
        f"SDK-HMAC-SHA256 Access=AKEXAMPLE0000000001, SignedHeaders={names}, "
        f"Signature={signature_hex}"
    )
    whole = f"/v1/{VENDOR_PROJECT}/{target}"
    return HttpRequest(method, whole, tuple(headers.items()), body)


VENDOR_REQUESTS = [
    vendor_request(
        "PUT",
        "physicalservers/power-state",
        POWER_BODY,
        extra={
            "Content-Type": "application/json;charset=utf-8",
            "User-Agent": "huaweicloud-usdk-python/3.0; test",
        },
        signature_hex="7e0afd77161cecc7f4f07f203c62d149b0e72921ea02c673deb53acb1236aa90",
    ),
    vendor_request(
        "GET",
        ALARMS,
        b"",
        extra={"Content-Type": "application/json"},
        signature_hex="c3ed39f8e89c86b998b27ec845cced58a774ec1c95004924be467701f6e0ecaf",
    ),
    vendor_request(
        "GET",
        "physicalservers/a%20b%2F\u00fc",
        b"",
        extra={"Content-Type": "application/json"},
        signature_hex="232f2253ff5c8f1f3a327616537449ba1f88fc3a05ded93f4dc3a33537f1f269",
    ),
    vendor_request(
        "PUT",
        "physicalservers/power-state",
        b"raw",
        extra={
            "Content-Type": "application/octet-stream",
            "X-Sdk-Content-Sha256": "UNSIGNED-PAYLOAD",
        },
        signature_hex="e8e47e9a20cff8b412234611a886f4fba4d158400b2aed19db950c250f658ecc",
    ),
]


@pytest.mark.parametrize("request_", VENDOR_REQUESTS, ids=["put", "query", "path", "unsigned-body"])
def test_verifier_accepts_what_the_vendors_signer_made(request_: HttpRequest) -> None:
    """Signatures from the official signer are found genuine, and not with another secret."""
    claim = signature.read_claim(request_)

    assert claim is not None
    assert signature.matches(request_, claim, "SKEXAMPLEsecret000000000000000000000001")
    assert not signature.matches(request_, claim, "another secret")


def signed_list(bench: Bench, sk: str | None = None, query: str = "") -> HttpResponse:
    """The answer to a signed ListServers."""
    request = HttpRequest("GET", LIST + query)
    return answered(
        bench.centre.handle(signed(request, at=bench.clock.wall(), account=bench.account, sk=sk))
    )


def with_token(bench: Bench, token: str) -> HttpResponse:
    """The answer to a ListServers with a token."""
    return answered(bench.send("GET", LIST, headers=(("X-Auth-Token", token),)))


@pytest.mark.parametrize("query", ["", "?limit=20&manage_state=in-use", "?limit=20&"])
def test_signed_request_gets_in(query: str) -> None:
    """A genuine signature is enough, with or without a query."""
    assert signed_list(Bench(), query=query).status == 200


def test_wrong_signature_is_refused_with_the_canonical_request() -> None:
    """The gateway echoes what it computed, which a client must not repeat in public."""
    response = signed_list(Bench(), sk="wrong")

    assert refusal(response) == (401, "APIGW.0301")
    message = str(members(response)["error_msg"])
    assert "verify aksk signature fail" in message
    assert f"{LIST}/" in message


@pytest.mark.parametrize(
    "spoil",
    [
        lambda request: replace(request, body=b"{}"),
        lambda request: replace(request, method="PUT"),
        lambda request: replace(request, target=f"{LIST}?limit=99"),
        lambda request: replace(request, headers=(("Host", "other"), *request.headers)),
        lambda request: replace(request, headers=(("X-Security-Token", "t"), *request.headers)),
        lambda request: replace(request, headers=(("Host", "\udcff"), *request.headers)),
    ],
    ids=["body", "method", "query", "host", "security-token", "no-text"],
)
def test_signature_covers_every_part_of_the_request(
    spoil: Callable[[HttpRequest], HttpRequest],
) -> None:
    """What was changed after signing is not let in."""
    request = spoil(signed(HttpRequest("GET", LIST), at=START))

    assert refusal(Bench().centre.handle(request))[0] in {401, 404}


@pytest.mark.parametrize(
    "header",
    [
        "Bearer x",
        "SDK-HMAC-SHA256 Access=a, SignedHeaders=host, Signature=" + "0" * 64,
        "SDK-HMAC-SHA256 Access=a, SignedHeaders=host;x-sdk-date, Signature=zz",
        "SDK-HMAC-SHA256 Access=a, SignedHeaders=host;x-sdk-date, Signature=" + "0" * 64,
    ],
    ids=["other-scheme", "date-unsigned", "no-hex", "unknown-key"],
)
def test_malformed_or_unknown_authorization_is_refused(header: str) -> None:
    """Another scheme, an unsigned date, a strange form, an unknown key: 401."""
    outcome = Bench().send("GET", LIST, headers=(("Authorization", header),))

    assert refusal(outcome) == (401, "APIGW.0301")


@pytest.mark.parametrize(("minutes", "status"), [(-16, 401), (-14, 200), (14, 200), (16, 401)])
def test_clock_skew_is_tolerated_up_to_fifteen_minutes(minutes: int, status: int) -> None:
    """A request signed too long ago or too far ahead is refused."""
    request = signed(HttpRequest("GET", LIST), at=START + timedelta(minutes=minutes))

    assert answered(Bench().centre.handle(request)).status == status


@pytest.mark.parametrize("date", ["", "yesterday", "20261399T000000Z"])
def test_date_that_is_none_is_refused(date: str) -> None:
    """A missing or impossible date is out of range."""
    request = signed(HttpRequest("GET", LIST), at=START)
    headers = tuple(
        (name, date if name == "X-Sdk-Date" else value) for name, value in request.headers
    )

    outcome = Bench().centre.handle(replace(request, headers=headers))

    assert refusal(outcome) == (401, "APIGW.0301")


def test_key_is_locked_after_more_than_five_failures_in_a_row() -> None:
    """The sixth failure locks the key: even good requests fail, for five minutes."""
    bench = Bench()
    for _ in range(6):
        signed_list(bench, sk="wrong")

    locked = signed_list(bench)
    bench.clock.passed_s += 299
    still_locked = signed_list(bench)
    bench.clock.passed_s += 1

    assert "AK access failed to reach the limit,forbidden" in str(members(locked)["error_msg"])
    assert still_locked.status == 401
    assert signed_list(bench).status == 200


def test_good_request_forgives_the_failures_before_it() -> None:
    """Only failures in a row count."""
    bench = Bench()
    for secret in ["wrong"] * 5 + [ACCOUNT.sk] + ["wrong"] * 5:
        signed_list(bench, sk=secret)

    assert signed_list(bench).status == 200


def test_temporary_key_needs_its_security_token() -> None:
    """A temporary key without its token is refused, with it let in."""
    bench = Bench(account=Account(security_token="session"))
    request = HttpRequest("GET", LIST, (("X-Security-Token", "session"),))

    outcome = bench.centre.handle(signed(request, at=START, account=bench.account))

    assert answered(outcome).status == 200
    assert signed_list(bench).status == 401


def test_logging_in_gives_a_token_that_works() -> None:
    """The token comes in X-Subject-Token, the rest of its facts in the body."""
    bench = Bench()

    response = bench.log_in()

    token = response.header("X-Subject-Token")
    assert response.status == 201
    assert token is not None
    assert with_token(bench, token).status == 200
    facts = members(response)["token"]
    assert isinstance(facts, dict)
    assert facts["expires_at"] == "2026-01-03T03:04:05.000000Z"
    assert facts["project"]["id"] == ACCOUNT.project_id


def test_token_may_be_scoped_by_the_projects_id() -> None:
    """A project is named by name or by id."""
    response = Bench().log_in(scope={"project": {"id": ACCOUNT.project_id}})

    assert response.status == 201


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"methods": ["hw_ak_sk"]}, 400),
        ({"user": {"name": "powerbot", "password": "wrong"}}, 401),
        ({"user": "powerbot"}, 401),
        ({"scope": {"project": {"name": "elsewhere"}}}, 401),
    ],
    ids=["method", "password", "no-user", "project"],
)
def test_bad_log_in_is_refused_in_iams_own_form(changes: dict[str, object], status: int) -> None:
    """IAM wraps its refusals in an error object."""
    response = Bench().log_in(**changes)

    error = members(response)["error"]
    assert isinstance(error, dict)
    assert (response.status, error["code"]) == (status, status)
    assert response.header("X-Subject-Token") is None


def test_token_without_a_project_may_do_nothing_here() -> None:
    """An unscoped token is known, and forbidden."""
    bench = Bench()

    token = bench.log_in(scope=None).header("X-Subject-Token") or ""

    assert refusal(with_token(bench, token)) == (403, "iMetal.0004")


def test_expired_token_is_refused_with_the_vendors_words() -> None:
    """After its life a token must be updated."""
    bench = Bench(account=replace(ACCOUNT, token_life=timedelta(minutes=5)))
    token = bench.log_in().header("X-Subject-Token") or ""

    bench.clock.passed_s += 300

    response = with_token(bench, token)
    assert refusal(response) == (401, "APIGW.0301")
    assert "The token must be updated" in str(members(response)["error_msg"])


def test_invalidated_tokens_are_refused_and_the_fixed_one_stays() -> None:
    """Issued tokens can die early; a new log-in helps."""
    bench = Bench()
    token = bench.log_in().header("X-Subject-Token") or ""

    bench.centre.invalidate_tokens()

    assert refusal(with_token(bench, token)) == (401, "APIGW.0301")
    assert with_token(bench, "fixed-token").status == 200
    assert with_token(bench, bench.log_in().header("X-Subject-Token") or "").status == 200


def test_iam_remembers_a_bounded_number_of_tokens() -> None:
    """The oldest of too many tokens is forgotten."""
    bench = Bench(account=replace(ACCOUNT, token_length=40))
    first = bench.log_in().header("X-Subject-Token") or ""

    for _ in range(1000):
        bench.log_in()

    assert with_token(bench, first).status == 401


@pytest.mark.parametrize("headers", [(), (("X-Auth-Token", ""),), (("X-Auth-Token", "\udcff"),)])
def test_request_without_a_known_token_is_refused(headers: tuple[tuple[str, str], ...]) -> None:
    """No credentials, empty ones, ones that are no text: 401."""
    assert refusal(Bench().send("GET", LIST, headers=headers)) == (401, "APIGW.0301")


@pytest.mark.parametrize(("query", "count"), [("?name=cn-east-3", 1), ("", 1), ("?name=mars", 0)])
def test_project_is_found_by_its_regions_name(query: str, count: int) -> None:
    """The look-up that the vendor's client makes when only a region is given."""
    request = signed(HttpRequest("GET", f"/v3/projects{query}"), at=START)

    body = members(answered(Bench().centre.handle(request)))

    projects = body["projects"]
    assert isinstance(projects, list)
    assert [project["id"] for project in projects] == [ACCOUNT.project_id] * count

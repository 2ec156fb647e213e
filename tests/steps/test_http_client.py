"""The client of all steps: certificates, bounds, secrets, and words for what went wrong."""

from __future__ import annotations

import base64
import contextlib
import os
import pathlib
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bot import settings
from bot.operations import redaction
from bot.steps import credentials, http_calls, http_client
from tests.acceptance.test_http import free_port
from tests.steps import builders


async def send(url: str, *, ca: str = "", **headers: str) -> http_calls.Reply:
    """Send one GET."""
    async with builders.http() as http:
        return await http.send(http_calls.HttpCall("GET", url, 5.0, headers, ca=ca))


def certificate(folder: pathlib.Path, name: str) -> tuple[pathlib.Path, pathlib.Path]:
    """Make a certificate for this machine that signs itself; returns it and its key."""
    key, made = folder / f"{name}.key", folder / f"{name}.crt"
    openssl = shutil.which("openssl")
    assert openssl is not None
    words = (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
    )
    files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(made)]
    subprocess.run(
        [openssl, *words.split(), *files],
        check=True,
        capture_output=True,
    )
    return made, key


@contextlib.asynccontextmanager
async def secured(certificate: pathlib.Path, key: pathlib.Path) -> AsyncIterator[str]:
    """Serve an answer by TLS; gives the address."""

    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="well")

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    runner, port = web.ServerRunner(web.Server(handle)), free_port()
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    try:
        yield f"https://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def test_certificates_are_trusted_by_the_file_that_a_step_names(
    tmp_path: pathlib.Path,
) -> None:
    """And by no other; the file may be exchanged while we run."""
    ours, key = certificate(tmp_path, "ours")
    other, _ = certificate(tmp_path, "other")
    trusted = tmp_path / "ca.crt"
    async with secured(ours, key) as url, builders.http() as http:
        call = http_calls.HttpCall("GET", url, 5.0, ca=str(trusted))
        trusted.write_bytes(other.read_bytes())
        os.utime(trusted, (1, 1))
        with pytest.raises(http_calls.NoAnswer, match="certificate not trusted") as strange:
            await http.send(call)
        trusted.write_bytes(ours.read_bytes())
        known = await http.send(call)

    assert not strange.value.left
    assert known.words == "well"


@pytest.mark.parametrize("kind", ["nothing", "folder", "pipe"])
async def test_a_file_of_certificates_that_is_none_is_named(
    kind: str, tmp_path: pathlib.Path
) -> None:
    """Nothing has left, and nobody waits for who might write into a pipe."""
    path = tmp_path / "ca.crt"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)

    with pytest.raises(http_calls.NoAnswer, match="can't be read") as gone:
        await send("https://127.0.0.1:9", ca=str(path))

    assert (str(path) in gone.value.words, gone.value.left) == (True, False)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"detail": "no \\u0007 way"}', "no   way"),
        ('{"message": "nodes is forbidden"}', "nodes is forbidden"),
        ('"silence not found"', "silence not found"),
        ("<html><body>502</body></html>", ""),
        ("\n\nfirst\nsecond", "first"),
        ("x" * 1000, "x" * 200),
        ("", ""),
        ("[" * 10_000, "[" * 200),
    ],
)
async def test_what_an_answer_says_is_one_short_line(body: str, words: str) -> None:
    """Of a problem its detail, of text its first line, of a page nothing."""
    async with builders.answering(lambda _: web.Response(status=409, text=body)) as url:
        assert (await send(url)).words == words


@pytest.mark.parametrize(
    ("given", "seconds"), [("7", 7.0), ("9999", 60.0), ("-1", 0.0), ("nan", 0.0), ("Sun", 0.0)]
)
async def test_a_retry_after_is_followed_within_bounds(given: str, seconds: float) -> None:
    """Nonsense asks for nothing."""
    headers = {"Retry-After": given}
    async with builders.answering(lambda _: web.Response(status=429, headers=headers)) as url:
        assert (await send(url)).again_s == seconds


async def test_a_packed_answer_is_not_unpacked() -> None:
    """A few bytes could become any number of them."""
    packed = web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})

    async with builders.answering(lambda _: packed) as url:
        reply = await send(url)

    assert reply.body == b"\x1f\x8b"
    assert reply.json() is None


LOGIN = base64.b64encode(b"olga:hidden-word").decode()


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        ("Bearer abcdef123", "not abcdef123, Bearer abcdef123", "not ***, ***"),
        (f"Basic {LOGIN}", f"{LOGIN} olga:hidden-word hidden-word", "*** *** ***"),
        ("Basic !", "Basic", "Basic"),
        ("x", "a box", "a box"),
        ("", "as it is", "as it is"),
    ],
)
def test_secrets_are_taken_out_of_what_comes_back(secret: str, text: str, shown: str) -> None:
    """In each form in which it may be repeated; what is too short to be one stays."""
    assert credentials.redacted(text, secret) == shown


async def test_a_secret_is_not_shown_by_half_where_an_answer_is_cut() -> None:
    """Its first letters are on no list of secrets, and are a secret all the same."""
    token = "k" * 20 + "0123456789" * 4
    said = "x" * (http_client.LONGEST_WORDS - 30) + f" Bearer {token} was refused"
    async with builders.answering(lambda _: web.Response(status=403, text=said)) as url:
        words = (await send(url, Authorization=f"Bearer {token}")).words

    assert "kkk" not in words
    assert words.endswith(" *** was refused")


def test_a_secret_is_read_at_each_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """From its variable, or from the file that its variable names."""
    file = tmp_path / "secret"
    monkeypatch.setenv("A_SECRET_FILE", str(file))
    with pytest.raises(credentials.SecretMissing, match=r"A_SECRET: .*can't be read"):
        credentials.read("A_SECRET")
    file.write_text("first\n")
    first = credentials.read("A_SECRET")
    file.write_text("second\n")
    second = credentials.read("env:A_SECRET")
    monkeypatch.setenv("A_SECRET", "third")

    assert (first, second, credentials.read("A_SECRET")) == ("first", "second", "third")


@pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "env:huaweicloud_sdk_sk", "DATABASE_URL"])
def test_no_step_sends_a_secret_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, name: str
) -> None:
    """A stored step that somebody has changed could name it, with an address of theirs."""
    plain = name.removeprefix("env:")
    (tmp_path / "secret").write_text("of-the-bot")
    (tmp_path / ".env").write_text(f"{plain}=of-the-bot\n{plain}_FILE={tmp_path}/secret\n")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(credentials.SecretMissing, match="Powerbot's own"):
        credentials.header(name)


def test_the_secrets_of_the_settings_are_all_known() -> None:
    """One that is added there is added here."""
    fields = settings.Settings.model_fields
    named = {name for one in settings.secret_names() for name in settings.names(fields[one])}

    assert named == credentials.OWN


def test_a_secret_may_stand_beside_the_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """In `.env`; what the environment says goes before it."""
    (tmp_path / ".env").write_text("A_SECRET=of-the-file\nB_SECRET=of-the-file\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("B_SECRET", "of-the-environment")

    assert credentials.read("A_SECRET") == "of-the-file"
    assert credentials.read("B_SECRET") == "of-the-environment"


@pytest.mark.parametrize("value", ["Bearer a\nX-Other: b", "Bearer ümlaut"])
def test_a_secret_that_no_header_can_hold_is_named(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """It could be read as a header of its own."""
    monkeypatch.setenv("A_SECRET", value)

    with pytest.raises(credentials.SecretMissing, match="A_SECRET has characters"):
        credentials.header("A_SECRET")


async def test_the_log_knows_a_secret_before_it_leaves(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the environment, a file and `.env`; what was exchanged is still no word for a log."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "token"
    file.write_text("Bearer first-of-the-file\n")
    (tmp_path / ".env").write_text("OF_DOTENV=Bearer of-the-env-file\n")
    monkeypatch.setenv("OF_ENVIRONMENT", "Basic bmFtZTpwYXNzLXdvcmQ=")
    monkeypatch.setenv("OF_FILE_FILE", str(file))
    redactor = redaction.Redactor()
    http = http_client.Client(trust_env=False, learn=redactor.learn)

    async def use(variable: str) -> None:
        headers = credentials.header(f"env:{variable}")
        call = http_calls.HttpCall("GET", f"http://127.0.0.1:{free_port()}", 5.0, headers)
        with pytest.raises(http_calls.NoAnswer):
            await http.send(call)

    before = redactor.redact("first-of-the-file")
    for name in ("OF_ENVIRONMENT", "OF_FILE", "OF_DOTENV"):
        await use(name)
    file.write_text("Bearer second-of-the-file\n")
    await use("OF_FILE")
    signing = http_calls.HttpCall(
        "POST", "http://127.0.0.1:1", 5.0, secrets=("whsec_c2lnbmluZyBrZXk=",)
    )
    with pytest.raises(http_calls.NoAnswer):
        await http.send(signing)
    await http.aclose()

    assert before == "first-of-the-file", "nothing was known before"
    for secret in ("first-of-the-file", "second-of-the-file", "of-the-env-file", "pass-word",
                   "bmFtZTpwYXNzLXdvcmQ=", "c2lnbmluZyBrZXk="):  # fmt: skip
        assert secret not in redactor.redact(f"it said {secret}!"), secret

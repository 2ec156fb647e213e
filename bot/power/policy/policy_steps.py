"""The steps of the policy file: each key checked for its kind."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import pydantic

from bot.power import request
from bot.power.policy import policy_values as values, reason_patterns
from bot.power.policy.policy_mistakes import NAME, closest, missing, shown, wrong
from bot.power.policy.table_base import Table, key, keys
from bot.power.steps import definition, kinds, placeholders

ANY = '"…"'
EXAMPLES = {
    "url": '"http://alertmanager:9093"',
    "match": '{ instance = "{name}(:[0-9]+)?" }',
    "lasts": '"2h"',
    "secret": '"env:LB_HOOK_SECRET"',
    "node": '"{name}"',
}
VARIABLE = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]{0,99})")
# Prometheus' label names (Prometheus, data model).
LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
HOST_AND_PORT = re.compile(r"([^\s:/@]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
MOST_URLS = 10  # Of one cluster.
MOST_PORT = 65_535


def _name(value: object) -> str:
    name = values.line(value, '"drain"')
    if not NAME.fullmatch(name) or name == request.EVERY_STEP:
        problem = "name a step with letters, digits, - and _ only, at most 60 of them"
        raise wrong(f"{problem}; {request.EVERY_STEP} stands for every step")
    return name


def _kind(value: object) -> str:
    word = values.line(value, '"drain"')
    if word not in kinds.known():
        hint = closest(word, kinds.known()) or f"; the kinds are {', '.join(kinds.known())}"
        raise wrong(f"{shown(word)} isn't a kind of step{hint}")
    return word


def _urls(value: object) -> tuple[str, ...]:
    """Accept one address, or several of one cluster."""
    is_list = isinstance(value, list)
    found = values.words(value, "[…]") if is_list else (values.line(value, EXAMPLES["url"]),)
    if not 1 <= len(found) <= MOST_URLS:
        raise wrong(f"write 1 to {MOST_URLS} addresses")
    for one in found:
        _check_address(one)
        if placeholders.names(one):
            raise wrong("an address here can't have {placeholders}")
    return tuple(one.rstrip("/") for one in found)


def _check_address(text: str) -> None:
    """Accept an http or https address with a host, without a user and a password in it."""
    try:
        parts = urllib.parse.urlsplit(placeholders.PLACEHOLDER.sub("x", text))
        port = parts.port
    except ValueError as error:
        raise wrong(f"{shown(text)} isn't an address: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise wrong(f"write an address that begins with http:// or https://, not {shown(text)}")
    # Such a password would stand in the policy, its audit row and every log of the address.
    if "@" in parts.netloc:
        raise wrong('an address can\'t have a user or a password; write auth = "env:NAME"')
    if parts.fragment or not text.isprintable() or " " in text:
        raise wrong(f"write an address without spaces or #, not {shown(text)}")


def _match(value: object) -> tuple[tuple[str, str], ...]:
    """Accept labels with the regular expressions that their values match whole."""
    if not isinstance(value, Mapping) or not value:
        raise wrong(f"write labels: {EXAMPLES['match']}, not {shown(value)}")
    found: list[tuple[str, str]] = []
    for label, pattern in value.items():
        if not LABEL.fullmatch(label):
            raise wrong(f"{shown(label)} isn't a label name", label)
        if not isinstance(pattern, str) or not pattern:
            raise wrong("write a regular expression as a string", label)
        # A letter stands for the value, which is quoted when it is put in.
        filled = placeholders.PLACEHOLDER.sub("x", pattern)
        if problem := reason_patterns.problem(filled, reason_patterns.LABEL):
            raise wrong(problem, label)
        found.append((label, pattern))
    # A silence that names no server would silence everything that its labels match.
    if not any(placeholders.names(pattern) for _, pattern in found):
        problem = "nothing here names the server, so every alert would be silenced"
        raise wrong(f"{problem}; write {EXAMPLES['match']}")
    return tuple(found)


def _variable(value: object, key: str) -> str:
    """Accept the name of the environment variable that has a secret; never the secret."""
    match = VARIABLE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        # This may be the secret itself, so it isn't quoted.
        problem = "a secret never goes in this file: name the variable that holds it"
        raise wrong(f'{problem}, such as "env:{key.upper()}"')
    return match[1]


def _http(value: object) -> str:
    text = values.line(value, '"http://{name}:8080/healthz"')
    _check_address(text)
    return text


def _tcp(value: object) -> str:
    text = values.line(value, '"{name}:22"')
    match = HOST_AND_PORT.fullmatch(placeholders.PLACEHOLDER.sub("x", text))
    if match is None or not 1 <= int(match[2]) <= MOST_PORT:
        raise wrong(f'write a host and a port such as "{{name}}:22", not {shown(text)}')
    return text


def _promql(value: object) -> str:
    text = values.line(value, "'up{instance=~\"{name}.*\"} == 1'")
    if loose := placeholders.unquoted(text):
        raise wrong(f"{{{loose[0]}}} must be inside quotes")
    return text


class StepTable(Table):
    """What is done around each wave: the keys of its kind, and those that every kind has."""

    name: Annotated[str, values.checked(_name)] = key("name", '"drain"')
    kind: Annotated[str, values.checked(_kind)] = key("kind", '"drain"')
    urls: Annotated[tuple[str, ...], values.checked(_urls)] = key("url")
    match: Annotated[tuple[tuple[str, str], ...], values.checked(_match)] = key("match")
    lasts_s: values.Seconds = key("lasts")
    auth: Annotated[str, values.checked(_variable, "auth")] = key("auth")
    secret: Annotated[str, values.checked(_variable, "secret")] = key("secret")
    ca: Annotated[str, values.checked(values.line, '"/etc/powerbot/ca.crt"')] = key("ca")
    node: Annotated[str, values.checked(values.line, EXAMPLES["node"])] = key("node")
    http: Annotated[str, values.checked(_http)] = key("http")
    tcp: Annotated[str, values.checked(_tcp)] = key("tcp")
    promql: Annotated[str, values.checked(_promql)] = key("promql")
    when: Annotated[
        definition.When, values.checked(values.one_of, definition.When, '"before" or "after"')
    ] = key("when")
    must: values.Flag = key("must")
    within_s: values.Seconds = key("within")
    settle_s: values.SecondsOrNone = key("settle")
    every_s: values.Seconds = key("every")

    @pydantic.model_validator(mode="before")
    @classmethod
    def _keys_of_its_kind(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and set(given) <= {*keys(cls)}:
            word = given.get("kind")
            if isinstance(word, str) and word in kinds.known():
                _check_keys(given, kinds.named(word))
        return given

    @pydantic.model_validator(mode="after")
    def _placeholders_exist(self) -> StepTable:
        _check_placeholders(self.step())
        return self

    def step(self) -> definition.Step:
        """Return the step of the policy; how long it may take depends on its kind."""
        usual = {"within_s": kinds.named(self.kind).within_s}
        return definition.Step(**{**usual, **self.given()})


def _check_keys(given: Mapping[str, Any], kind: kinds.StepKind) -> None:
    """Accept the keys that a kind has: all that it needs, and no others."""
    takes = (*kinds.COMMON, *kind.needs, *kind.may, *kind.one_of)
    for word in given:
        if word not in takes:
            problem = f"a step of kind {kind.name} has no such key; its keys are {', '.join(takes)}"
            raise wrong(problem, word)
    for word in kind.needs:
        if word not in given:
            raise wrong(missing(f"{word} = {EXAMPLES.get(word, ANY)}"), word)
    if not kind.one_of:
        return
    found = [word for word in kind.one_of if word in given]
    if len(found) != 1:
        listed = f"{', '.join(kind.one_of[:-1])} or {kind.one_of[-1]}"
        raise wrong(f"write exactly one of {listed}", found[-1] if found else "name")
    if ("promql" in found) != ("url" in given):
        problem = "promql needs the url of a Prometheus, and http and tcp have none"
        raise wrong(problem, "url" if "url" in given else found[0])


def _check_placeholders(step: definition.Step) -> None:
    """Accept placeholders that exist, where there is a server to speak of."""
    for path, text in _texts(step):
        for name in placeholders.names(text):
            if not placeholders.exists(name):
                hint = closest(name, placeholders.FIELDS)
                known = "{name} {id} {sn} {rack} {dc} {tag:KEY}"
                raise wrong(
                    f"there is no {{{name}}}{hint or f'; the placeholders are {known}'}", *path
                )
            if step.when is definition.When.BEFORE:
                problem = (
                    "a probe before a wave isn't about its servers, so it can't have {placeholders}"
                )
                raise wrong(problem, *path)


def _texts(step: definition.Step) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each text in which placeholders may stand, with its key."""
    yield from ((("match", label), text) for label, text in step.match)
    named = {"node": step.node, "http": step.http, "tcp": step.tcp, "promql": step.promql}
    yield from (((word,), text) for word, text in named.items())

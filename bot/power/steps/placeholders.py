"""Placeholders in a step's texts: `{name} {id} {sn} {rack} {dc} {tag:KEY}`.

Each is quoted for where it stands.
A value comes from a server's record, which others write: wherever it is put, it stays one value.
"""

from __future__ import annotations

import ipaddress
import re
import urllib.parse
from collections.abc import Callable, Iterator

from bot.power.steps import definition, protocol

FIELDS = ("name", "id", "sn", "rack", "dc")
TAG = "tag:"
# A regular expression's {2,3} and a selector's {job="x"} are none: a placeholder begins with a
# letter and closes at once, or after a colon.
PLACEHOLDER = re.compile(r"\{([A-Za-z_]+(?::[^{}\"'`]*)?)\}")
# Go's regexp.QuoteMeta: Alertmanager and Prometheus read RE2.
META = re.compile(r"([\\.+*?()|\[\]{}^$])")
# Nothing that could end the host and begin a path, a port or a user.
HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")
# Names of nodes are lower-case (kubernetes.io, Object Names and IDs).
NODE = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
LITERAL = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`", re.DOTALL)
MATCHES_PATTERN = re.compile(r"[=!]~\s*$")

Quote = Callable[[str, str], str]


class Unfilled(ValueError):
    """A server's record lacks a value, or has one that can't stand there; the words say which."""


def names(text: str) -> tuple[str, ...]:
    """Return the placeholders of a text without their braces, each once."""
    return tuple(dict.fromkeys(PLACEHOLDER.findall(text)))


def exists(name: str) -> bool:
    """Whether there is a placeholder of this name."""
    return name in FIELDS or (name.startswith(TAG) and len(name) > len(TAG))


def value(name: str, subject: protocol.Subject) -> str:
    """Return what a placeholder stands for.

    Raises:
        Unfilled: the server has no such value.
    """
    if name.startswith(TAG):
        found = dict(subject.tags).get(name.removeprefix(TAG), "")
    else:
        found = str(getattr(subject, name)) if name in FIELDS else ""
    # An empty value would make a pattern or an address that means all servers.
    if not found:
        raise Unfilled(f"it has no {name.replace(TAG, 'tag ')}, which {{{name}}} stands for")
    return found


def pattern(text: str, subject: protocol.Subject) -> str:
    """Fill a regular expression (RE2); values match literally.

    Raises:
        Unfilled: a value is missing.
    """
    return _filled(text, subject, lambda _, found: META.sub(r"\\\1", found))


def node(text: str, subject: protocol.Subject) -> str:
    """Fill the name of a Kubernetes node.

    Raises:
        Unfilled: a value is missing, or the whole is no node's name.
    """
    found = _filled(text, subject, lambda _, one: one)
    if not NODE.fullmatch(found):
        raise Unfilled(f"{found[:60]} can't be the name of a Kubernetes node")
    return found


def address(text: str, subject: protocol.Subject) -> str:
    """Fill an address such as `http://{name}:8080/health/{sn}`.

    Raises:
        Unfilled: a value is missing, or can't be a host where it stands for one.
    """
    scheme, separator, rest = text.partition("://")
    end = min((rest.find(one) for one in "/?#" if one in rest), default=len(rest))
    host = _filled(rest[:end], subject, _host)
    path = _filled(rest[end:], subject, lambda _, one: urllib.parse.quote(one, safe=""))
    return f"{scheme}{separator}{host}{path}"


def host_and_port(text: str, subject: protocol.Subject) -> tuple[str, int]:
    """Fill `HOST:PORT`; the host of an IPv6 address comes without its brackets.

    Raises:
        Unfilled: a value is missing, or can't be a host.
    """
    host, _, port = _filled(text, subject, _host).rpartition(":")
    return host.strip("[]"), int(port)


def promql(text: str, subject: protocol.Subject) -> str:
    """Fill a PromQL expression; placeholders stand in its quoted texts (see `unquoted`).

    Raises:
        Unfilled: a value is missing, or can't stand between back quotes.
    """
    parts: list[str] = []
    last = 0
    for literal in LITERAL.finditer(text):
        parts.append(text[last : literal.start()])
        is_pattern = MATCHES_PATTERN.search(text[: literal.start()]) is not None
        parts.append(_filled(literal[0], subject, _in_promql(literal[0][0], is_pattern)))
        last = literal.end()
    return "".join((*parts, text[last:]))


def unquoted(text: str) -> tuple[str, ...]:
    """Return the placeholders of a PromQL expression that stand outside of its quoted texts."""
    return names(LITERAL.sub("", text))


def problem(step: definition.Step, subject: protocol.Subject) -> str:
    """Return why a step can't be done for a server because of its record; else nothing."""
    try:
        for _ in _all_filled(step, subject):
            pass
    except Unfilled as error:
        return str(error)
    return ""


def _all_filled(step: definition.Step, subject: protocol.Subject) -> Iterator[object]:
    """Fill every text of a step."""
    yield from (pattern(text, subject) for _, text in step.match)
    if step.node:
        yield node(step.node, subject)
    if step.http:
        yield address(step.http, subject)
    if step.tcp:
        yield host_and_port(step.tcp, subject)
    if step.promql:
        yield promql(step.promql, subject)


def _filled(text: str, subject: protocol.Subject, quote: Quote) -> str:
    """Put values in place of the placeholders, each quoted; `quote` takes name and value."""
    return PLACEHOLDER.sub(lambda one: quote(one[1], value(one[1], subject)), text)


def _host(name: str, found: str) -> str:
    """Return a value as it stands in an address for a host, or for a part of its name."""
    try:
        return f"[{found}]" if ipaddress.ip_address(found).version == 6 else found
    except ValueError:
        pass
    if not HOST.fullmatch(found):
        raise Unfilled(f"{found[:60]}, which {{{name}}} stands for, can't be a host's name")
    return found


def _in_promql(mark: str, is_pattern: bool) -> Quote:
    """Return how a value is quoted in a PromQL text that begins with this mark."""

    def quote(name: str, found: str) -> str:
        literal = META.sub(r"\\\1", found) if is_pattern else found
        # Between back quotes PromQL has no escapes (Prometheus, querying basics).
        if mark != "`":
            plain = literal.replace("\\", "\\\\").replace(mark, f"\\{mark}")
            return plain.replace("\n", "\\n")
        if "`" in literal:
            raise Unfilled(f"{found[:60]}, which {{{name}}} stands for, contains a backquote")
        return literal

    return quote

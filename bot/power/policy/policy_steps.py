"""The steps of the policy file, and the order between groups: each key checked for its kind."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator, Mapping

from bot.power import request
from bot.power.around import kinds, placeholders, step as step_
from bot.power.policy import patterns, policy, policy_rules
from bot.power.policy.policy_values import NAME, Table, closest, shown
from bot.power.targets import targets

STEP_KEYS = (
    "name", "kind", "url", "match", "lasts", "auth", "secret", "ca", "node", "http", "tcp",
    "promql", "when", "must", "within", "settle", "every",
)  # fmt: skip
ORDER_KEYS = ("on", "reboot")
EXAMPLES = {
    "url": '"http://alertmanager:9093"',
    "match": '{ instance = "{name}(:[0-9]+)?" }',
    "lasts": '"2h"',
    "secret": '"env:LB_HOOK_SECRET"',
    "node": '"{name}"',
}
VARIABLE = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]{0,99})")
LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
HOST_AND_PORT = re.compile(r"([^\s:/@]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
MOST_URLS = 10
MOST_PORT = 65_535


def read(top: Table) -> tuple[step_.Step, ...]:
    """Read the steps; their names tell them apart."""
    found: dict[str, step_.Step] = {}
    for table in top.tables("step", STEP_KEYS):
        step = _step(table)
        if step.name in found:
            raise table.error("name", "another step has this name; write one of its own")
        found[step.name] = step
    return tuple(found.values())


def read_order(top: Table, groups: targets.Groups) -> policy.Order:
    """Read which groups go one after another."""
    table = top.table("order", ORDER_KEYS)
    return policy.Order(on=_groups(table, "on", groups), reboot=_groups(table, "reboot", groups))


def _groups(
    table: Table, key: str, groups: targets.Groups
) -> tuple[tuple[str, policy.Selection], ...]:
    """Read a list of selections, each with its text."""
    texts = table.words(key, (), '["@db", "@web"]')
    return tuple((text, policy_rules.parsed_targets(table, key, text, groups)) for text in texts)


def _step(table: Table) -> step_.Step:
    """Read one step."""
    name = table.line("name", None, '"drain"')
    if not NAME.fullmatch(name) or name == request.EVERY_STEP:
        problem = "name a step with letters, digits, - and _ only, at most 60 of them"
        raise table.error("name", f"{problem}; {request.EVERY_STEP} stands for every step")
    kind = _kind(table)
    _check_keys(table, kind)
    step = step_.Step(
        name=name,
        kind=kind.name,
        urls=_urls(table),
        match=_match(table),
        lasts_s=table.seconds("lasts", 0.0),
        auth=_variable(table, "auth"),
        secret=_variable(table, "secret"),
        ca=table.line("ca", "", '"/etc/powerbot/ca.crt"'),
        node=table.line("node", "", EXAMPLES["node"]),
        http=_http(table),
        tcp=_tcp(table),
        promql=_promql(table),
        when=_when(table),
        must=table.flag("must", default=True),
        within_s=table.seconds("within", kind.within_s),
        settle_s=table.seconds("settle", 0.0, zero=True),
        every_s=table.seconds("every", 5.0),
    )
    _check_placeholders(table, step)
    return step


def _kind(table: Table) -> kinds.Kind:
    """Read the kind of a step."""
    word = table.line("kind", None, '"drain"')
    if word not in kinds.known():
        hint = closest(word, kinds.known()) or f"; the kinds are {', '.join(kinds.known())}"
        raise table.error("kind", f"{shown(word)} is no kind of step{hint}")
    return kinds.named(word)


def _check_keys(table: Table, kind: kinds.Kind) -> None:
    """Accept the keys that a kind has: all that it needs, and no others."""
    takes = (*kinds.COMMON, *kind.needs, *kind.may, *kind.one_of)
    for key in table.values:
        if key not in takes:
            problem = f"a step of kind {kind.name} has no such key; its keys are {', '.join(takes)}"
            raise table.error(key, problem)
    for key in kind.needs:
        if not table.has(key):
            raise table.missing(key, EXAMPLES.get(key, '"…"'))
    if not kind.one_of:
        return
    given = [key for key in kind.one_of if table.has(key)]
    if len(given) != 1:
        listed = f"{', '.join(kind.one_of[:-1])} or {kind.one_of[-1]}"
        raise table.error(given[-1] if given else "name", f"write exactly one of {listed}")
    if ("promql" in given) != table.has("url"):
        problem = "promql needs the url of a Prometheus, and http and tcp have none"
        raise table.error("url" if table.has("url") else given[0], problem)


def _urls(table: Table) -> tuple[str, ...]:
    """Read one address, or several of one cluster."""
    if not table.has("url"):
        return ()
    value = table.values["url"]
    found = (
        table.words("url", None, "[…]")
        if isinstance(value, list)
        else (table.line("url", None, EXAMPLES["url"]),)
    )
    if not 1 <= len(found) <= MOST_URLS:
        raise table.error("url", f"write 1 to {MOST_URLS} addresses")
    for one in found:
        _check_address(table, "url", one)
        if placeholders.names(one):
            raise table.error("url", "an address here has no {placeholders}")
    return tuple(one.rstrip("/") for one in found)


def _check_address(table: Table, key: str, text: str) -> None:
    """Accept an http or https address with a host, without a user and a password in it."""
    try:
        parts = urllib.parse.urlsplit(placeholders.PLACEHOLDER.sub("x", text))
        port = parts.port
    except ValueError as error:
        raise table.error(key, f"{shown(text)} is no address: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise table.error(key, f"write an address that begins with http:// or https://, "
                               f"not {shown(text)}")  # fmt: skip
    if "@" in parts.netloc:
        raise table.error(key, 'an address has no user and no password; write auth = "env:NAME"')
    if parts.fragment or not text.isprintable() or " " in text:
        raise table.error(key, f"write an address without blanks and without #, not {shown(text)}")


def _match(table: Table) -> tuple[tuple[str, str], ...]:
    """Read labels with the regular expressions that their values match whole."""
    value = table.values.get("match", {})
    if not isinstance(value, Mapping) or (table.has("match") and not value):
        raise table.error("match", f"write labels: {EXAMPLES['match']}, not {shown(value)}")
    found: list[tuple[str, str]] = []
    for label, pattern in value.items():
        if not LABEL.fullmatch(label):
            raise table.error(("match", label), f"{shown(label)} is no name of a label")
        if not isinstance(pattern, str) or not pattern:
            raise table.error(("match", label), "write a regular expression as a text")
        plain = placeholders.PLACEHOLDER.sub("x", pattern)
        if problem := patterns.problem(plain):
            raise table.error(("match", label), problem)
        found.append((label, pattern))
    # A silence that names no server would silence everything that its labels match.
    if found and not any(placeholders.names(pattern) for _, pattern in found):
        problem = "nothing here names the server, so every alert would be silenced"
        raise table.error("match", f"{problem}; write {EXAMPLES['match']}")
    return tuple(found)


def _variable(table: Table, key: str) -> str:
    """Read the name of the environment variable that has a secret; never the secret."""
    if not table.has(key):
        return ""
    value = table.values[key]
    match = VARIABLE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        # What stands here may be the secret itself, so it isn't quoted.
        problem = "a secret never stands in this file: write the variable that has it"
        raise table.error(key, f'{problem}, such as "env:{key.upper()}"')
    return match[1]


def _http(table: Table) -> str:
    """Read the address that a probe asks."""
    text = table.line("http", "", '"http://{name}:8080/healthz"')
    if text:
        _check_address(table, "http", text)
    return text


def _tcp(table: Table) -> str:
    """Read the host and port that a probe connects to."""
    text = table.line("tcp", "", '"{name}:22"')
    plain = placeholders.PLACEHOLDER.sub("x", text)
    match = HOST_AND_PORT.fullmatch(plain)
    if text and (match is None or not 1 <= int(match[2]) <= MOST_PORT):
        raise table.error(
            "tcp", f'write a host and a port such as "{{name}}:22", not {shown(text)}'
        )
    return text


def _promql(table: Table) -> str:
    """Read the expression that a probe asks Prometheus."""
    text = table.line("promql", "", "'up{instance=~\"{name}.*\"} == 1'")
    if loose := placeholders.unquoted(text):
        raise table.error("promql", f"{{{loose[0]}}} must stand within quotes")
    return text


def _when(table: Table) -> step_.When:
    """Read on which side of a wave a probe asks."""
    value = table.values.get("when", step_.When.AFTER)
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in set(step_.When):
        raise table.error("when", f'write "before" or "after", not {shown(value)}')
    return step_.When(word)


def _check_placeholders(table: Table, step: step_.Step) -> None:
    """Accept placeholders that exist, where there is a server to speak of."""
    for key, text in _texts(step):
        for name in placeholders.names(text):
            if not placeholders.exists(name):
                hint = closest(name, placeholders.FIELDS)
                known = "{name} {id} {sn} {rack} {dc} {tag:KEY}"
                raise table.error(key, f"there is no {{{name}}}{hint or f'; there are {known}'}")
            if step.when is step_.When.BEFORE:
                problem = "a probe before a wave asks about the world, so it has no {placeholders}"
                raise table.error(key, problem)


def _texts(step: step_.Step) -> Iterator[tuple[str | tuple[str, str], str]]:
    """Yield each text in which placeholders may stand, with its key."""
    yield from ((("match", label), text) for label, text in step.match)
    named = {"node": step.node, "http": step.http, "tcp": step.tcp, "promql": step.promql}
    yield from named.items()

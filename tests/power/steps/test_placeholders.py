"""What stands for a server in a step's texts stays one value, whatever its record says."""

from __future__ import annotations

import re

import pytest

from bot.power import server
from bot.power.steps import definition, placeholders, protocol

WEB = protocol.subject(
    server.Server(id="0a1b", name="web07", sn="SN/7", rack="R 12", tags=(("addr", "fd00::7"),))
)
ODD = protocol.Subject(id="1", name='a".*|b', rack="x`y")


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{name}(:[0-9]{2,5})?", "web07(:[0-9]{2,5})?"),
        ("{tag:addr}.*", "fd00::7.*"),
        ("{rack}", "R 12"),
    ],
)
def test_a_pattern_keeps_its_own_braces(template: str, filled: str) -> None:
    """A pattern keeps its own braces."""
    assert placeholders.pattern(template, WEB) == filled


def test_a_value_in_a_pattern_matches_itself_alone() -> None:
    """A value in a pattern matches itself alone."""
    made = placeholders.pattern("{name}", ODD)
    assert re.fullmatch(made, ODD.name)
    assert not re.fullmatch(made, "b")


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("http://{name}:8080/healthz", "http://web07:8080/healthz"),
        (
            "https://{name}.example/by/{sn}?rack={rack}",
            "https://web07.example/by/SN%2F7?rack=R%2012",
        ),
        ("http://{tag:addr}/", "http://[fd00::7]/"),
    ],
)
def test_an_address_is_filled_for_where_the_value_stands(template: str, filled: str) -> None:
    """An address is filled for where the value stands."""
    assert placeholders.address(template, WEB) == filled


@pytest.mark.parametrize("name", ["evil.example/x", "a@b", "web 07", "web07#", "-", "a:1", "[::1]"])
def test_what_is_no_host_is_never_spoken_to(name: str) -> None:
    """What is no host is never spoken to."""
    with pytest.raises(placeholders.Unfilled, match="can't be a host's name"):
        placeholders.address("http://{name}/healthz", protocol.Subject(id="1", name=name))


def test_a_host_and_its_port() -> None:
    """A host and its port."""
    assert placeholders.host_and_port("{name}:22", WEB) == ("web07", 22)
    assert placeholders.host_and_port("{tag:addr}:22", WEB) == ("fd00::7", 22)


def test_promql_is_quoted_by_the_text_and_by_the_operator() -> None:
    """Promql is quoted by the text and by the operator."""
    made = placeholders.promql('up{a=~"{name}.*", b="{name}"} == 1', ODD)
    assert made == 'up{a=~"a\\"\\\\.\\\\*\\\\|b.*", b="a\\".*|b"} == 1'
    assert placeholders.promql("up{a=~'{name}.*'}", WEB) == "up{a=~'web07.*'}"
    with pytest.raises(placeholders.Unfilled, match="contains a backquote"):
        placeholders.promql("up{a=`{rack}`}", ODD)


def test_a_placeholder_outside_of_promql_texts_is_seen() -> None:
    """A placeholder outside of promql texts is seen."""
    assert placeholders.unquoted('up{a="{name}"} > {rack}') == ("rack",)


@pytest.mark.parametrize("name", ["Web07", "web_07", "a/b", ""])
def test_a_node_has_a_name_that_kubernetes_would_take(name: str) -> None:
    """A node has a name that kubernetes would take."""
    made = definition.Step(name="drain", kind="drain", node="{name}")
    assert placeholders.problem(made, protocol.Subject(id="1", name=name))


def test_a_server_without_the_value_is_told_so() -> None:
    """A server without the value is told so."""
    made = definition.Step(name="drain", kind="drain", node="{tag:node}")
    said = placeholders.problem(made, WEB)
    assert said == "it has no tag node, which {tag:node} stands for"
    assert not placeholders.problem(made, protocol.Subject(id="1", tags=(("node", "n-1"),)))

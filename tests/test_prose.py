"""Nothing decides by a sentence: what is decided is a value, beside the words for people."""

from __future__ import annotations

import pathlib

import pytest

from tests import prose

ROOT = pathlib.Path(__file__).parents[1]
# The stand-ins play strangers, and read what the bot has written like people. A migration reads
# what older versions wrote, once.
LEFT_OUT = ("sandbox", "versions")
# Where the words of others are all there is, or where words are read as such.
ALLOWED = {
    "LOCKED_WORDS in text": "the gateway has no other sign of a locked key",
    "sign in why": "RE2 says in words alone what it doesn't take",
    "why.startswith('invalid escape sequence')": "RE2 says in words alone what it doesn't take",
    "why.startswith('invalid repetition size')": "RE2 says in words alone what it doesn't take",
    "why.rpartition(' ')": "RE2 says in words alone what it doesn't take",
    "'too large' in why": "RE2 says in words alone what it doesn't take",
    "reason.startswith((OPEN_END, '...'))": "the end that a person left open",
    "PERSON.findall(reason)": "the mentions that a person typed",
    "PERSON.sub(lambda found: names.get(found[1]) or found[0], reason)": "the same",
    "re.search(pattern, problem)": "what was typed isn't said twice",
    "self._told.get(name) != why": "the same isn't said again",
    "problem != self.problem": "the same isn't said again",
    "error.user_message != self._told": "the same isn't said again",
    "row['detail'].get('why') == code": "Slack's code stands there",
}
DECIDING = [
    'state = row.detail == "asked for again: its answer was lost"',
    "lost = row.detail == settling.REPEAT",
    "lost = row.detail in (REPEAT, OTHER)",
    'itself = halted.startswith("stopped itself")',
    "whole = REST.fullmatch(request.end_reason)",
    "name = re.match(BY_WHOM, str(row['reason']))",
    "found = BY_WHOM.sub(shown, text.plain(sentence, limit))",
    'seen = "last seen" not in one.detail',
    'why = said.removesuffix("; nothing was sent")',
    "field = next(field for name, field in fields if name in sentence)",
    'odd = line.reason != "protected"',
    'full = str(error) == "database or disk is full"',
    'gone = body.get("why", "").lower().startswith("gone")',
    'match why:\n    case "not in a group":\n        pass',
    'first, _, rest = finding.says.partition(": ")',
    "gone = one.manage_state == server.GONE",
]
FINE = [
    "lost = row.cause is Cause.ASKED_AGAIN",
    "said = row.detail or row.state.value",
    'empty = row.detail == ""',
    'state = row["event"] == "request.running"',
    "known = decision.reason in (Refusal.GUEST, Refusal.BOT)",
    'told = why.rstrip(".")',
    'scopes = header.split(",")',
    'end = "" if problem.endswith((".", "?")) else "."',
    'begins = line.startswith("/power")',
    'match event:\n    case "servers.settled":\n        pass',
    "known = detail.get('user') == user_id",
]


def test_no_code_decides_by_a_sentence() -> None:
    """What must read words is named above, with why, wherever it stands."""
    paths = [
        path
        for path in sorted((ROOT / "bot").rglob("*.py"))
        if not {*LEFT_OUT} & {*path.relative_to(ROOT).parts}
    ]

    found = {one.code: one for one in prose.in_files(ROOT, paths)}

    assert [one for code, one in found.items() if code not in ALLOWED] == []
    assert ALLOWED.keys() - found.keys() == set()


@pytest.mark.parametrize("code", DECIDING)
def test_code_that_decides_by_a_sentence_is_found(code: str) -> None:
    """However it asks: by comparing, searching, matching or cutting."""
    text = f'REPEAT = "asked for again"\nOTHER = "lost again"\n\n\ndef ask():\n    {indented(code)}'

    found = list(prose.in_text(text, "a.py", {"settling.REPEAT", "server.GONE"}))

    assert [one.place for one in found] == ["ask"]


@pytest.mark.parametrize("code", FINE)
def test_code_that_decides_by_values_is_left_alone(code: str) -> None:
    """Nor is it asked whether there are any words."""
    text = f"def ask():\n    {indented(code)}"

    assert list(prose.in_text(text, "a.py", {"settling.REPEAT"})) == []


def test_a_constant_is_a_sentence_in_every_module_that_asks_for_it(tmp_path: pathlib.Path) -> None:
    """By the name of the module that has it, so that equal names elsewhere stay apart."""
    (tmp_path / "words.py").write_text('OVER = "the run is over"\n')
    (tmp_path / "codes.py").write_text('OVER = "over"\n')
    asking = "def ask(one):\n    return one.code == words.OVER, one.code == codes.OVER\n"
    (tmp_path / "asking.py").write_text(asking)

    found = prose.in_files(tmp_path, sorted(tmp_path.iterdir()))

    assert [one.code for one in found] == ["one.code == words.OVER"]


def indented(code: str) -> str:
    """Return code as it stands in a function."""
    return code.replace("\n", "\n    ")

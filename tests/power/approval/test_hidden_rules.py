"""Rules that earlier ones hide: found in any policy, and in one of many rules without waiting."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from bot.power.approval import hidden_rules
from bot.power.policy import policy, policy_file

MANY = 800
# A machine that is busy with other work takes a few times longer than the 0.1 to 0.4 s seen.
LONGEST_S = 3.0


def policy_of(servers: list[str]) -> policy.Policy:
    """Return a policy with a rule for each of these TOML values."""
    rules = [
        f'[[rule]]\nname = "r{number}"\nservers = {one}\nactions = ["off"]\n'
        'requesters = ["sre"]\napprovers = { sre = 1 }\n'
        for number, one in enumerate(servers)
    ]
    head = 'version = 1\n[channels]\nallow = ["C0OPS"]\n[people]\nsre = ["U0A", "U0B"]\n'
    return policy_file.read(head + "".join(rules))


@pytest.mark.parametrize(
    "servers",
    [
        lambda n: f'"web{n:04}"',
        lambda n: f'"web{n:04}*"',
        lambda n: f'"web{n:04}*"' if n % 2 else f'"db{n:04}"',
        lambda n: f'"tag:role=r{n}"',
        lambda n: f'"web{n:04}[01-50]"',
        lambda n: f'"web{n:04}[01-50] !web{n:04}07"',
        lambda n: f'["db1", "db{n}", "x*"]',
    ],
    ids=["names", "wild", "both", "tags", "ranges", "without", "lists"],
)
def test_policy_of_many_rules_is_judged_without_waiting(servers: Callable[[int], str]) -> None:
    """The time grows with the rules, not with their square: ten seconds before."""
    rules = policy_of([servers(number) for number in range(MANY)])
    began = time.process_time()

    hidden_rules.hidden(rules)

    assert time.process_time() - began < LONGEST_S


def test_last_of_many_rules_is_found_hidden() -> None:
    """By one rule's texts, by several rules' names, and by a pattern among them."""
    many = [f'"web{number:04}"' for number in range(MANY)]
    found = hidden_rules.hidden(
        policy_of([*many, '"db*"', '"web0007"', '"web[0100-0101]"', '"web0003 db7"', '"web9*"'])
    )

    assert found == {
        MANY + 1: 'rule "r7" comes first and covers all of its servers',
        MANY + 2: 'earlier rules cover all of its servers ("r100" and "r101")',
        MANY + 3: 'earlier rules cover all of its servers ("r3" and "r800")',
    }

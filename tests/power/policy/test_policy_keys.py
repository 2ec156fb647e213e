"""The policy's page of keys says what the reader takes, and all of it."""

from __future__ import annotations

import pathlib

import pytest

from bot.power import errors
from bot.power.policy import policy, policy_file, policy_keys, policy_steps, policy_tables
from bot.power.policy.table_base import keys

PAGE = pathlib.Path(__file__).parent.parent.parent.parent / ".github" / "POLICY.md"
TAKEN = {
    "[channels]": ("allow", "incident"),
    "[limits]": keys(policy_tables.LimitsTable),
    "[defaults]": keys(policy_tables.ConductTable),
    "[[freeze]]": keys(policy_tables.FreezeTable),
    "[[keep]]": ("servers", "on"),
    "[[rule]]": tuple(
        one for one in keys(policy_tables.RuleTable) if one not in keys(policy_tables.ConductTable)
    ),
    "[[step]]": keys(policy_steps.StepTable),
    "[order]": keys(policy_tables.OrderTable),
}
# A key of a step is tried in a step of a kind that has it.
KINDS = {
    "silence": {"url": '"http://am"', "match": '{ instance = "{name}" }', "lasts": '"2h"'},
    "drain": {"node": '"{name}"'},
    "webhook": {"url": '"https://lb"', "secret": '"env:LB"'},
    "probe": {"tcp": '"{name}:22"'},
    "promql": {"url": '"http://prom"', "promql": '"up"'},
}
KIND_OF = {
    "match": "silence", "lasts": "silence", "secret": "webhook", "settle": "probe",
    "every": "probe", "when": "probe", "tcp": "probe", "promql": "promql",
}  # fmt: skip
KEYS = [(table, key) for table, _, keys in policy_keys.TABLES for key in keys]
NEEDED = {
    "[channels]": {},
    "[limits]": {},
    "[defaults]": {},
    "[[freeze]]": {"from": "2026-12-20T00:00:00Z", "until": "2027-01-03T00:00:00Z"},
    "[[keep]]": {"servers": '"db*"', "on": "2"},
    "[[rule]]": {
        "servers": '"*"',
        "actions": '["on"]',
        "requesters": '["sre"]',
        "approvers": "{ sre = 1 }",
    },
    "[order]": {},
}


def needed(table: str, key: str) -> dict[str, str]:
    """Return the keys that a table can't do without where it has this one."""
    if table != "[[step]]":
        return NEEDED[table]
    if key == "http":
        return {"name": '"one"', "kind": '"probe"'}
    kind = KIND_OF.get(key, "drain")
    return {"name": '"one"', "kind": f'"{"probe" if kind == "promql" else kind}"', **KINDS[kind]}


def read(table: str, key: policy_keys.Key, *, without: bool = False) -> policy.Policy:
    """Read a policy that has this key as its example, or hasn't got it."""
    values = {**needed(table, key.name), key.name: key.example}
    if without:
        del values[key.name]
    lines = [f"{name} = {value}" for name, value in values.items()]
    people = '[people]\nsre = ["U01"]\ndc-ops = ["U02"]'
    if key.name in ("steps", "may_skip"):
        lines += ['steps = ["drain"]'] if key.name == "may_skip" else []
        lines += ["[[step]]", 'name = "drain"', 'kind = "drain"', 'node = "{name}"']
    return policy_file.read("\n".join(["version = 1", people, table, *lines]))


def test_the_page_is_what_the_command_prints() -> None:
    """Whoever changes a key makes the page anew: `powerbot policy reference`."""
    assert PAGE.read_text() == policy_keys.reference()


def test_the_page_has_every_key_that_is_taken_and_no_other() -> None:
    """Table by table, in the reader's order."""
    told = {table: tuple(key.name for key in keys) for table, _, keys in policy_keys.TABLES}
    free = {name.strip("[]") for name, _ in policy_keys.FREE}

    assert told == TAKEN
    assert free | {table.strip("[]") for table in told} == set(keys(policy_tables.File))


@pytest.mark.parametrize(("table", "key"), KEYS, ids=[f"{t}{k.name}" for t, k in KEYS])
def test_every_example_is_taken(table: str, key: policy_keys.Key) -> None:
    """What the page shows can be copied, and counts."""
    assert read(table, key).version


@pytest.mark.parametrize(("table", "key"), KEYS, ids=[f"{t}{k.name}" for t, k in KEYS])
def test_a_key_must_be_set_where_the_page_says_so(table: str, key: policy_keys.Key) -> None:
    """And can be left out everywhere else."""
    if key.default == policy_keys.WANTED:
        with pytest.raises(errors.PolicyError, match="this key is missing"):
            read(table, key, without=True)
    elif key.name not in KINDS[KIND_OF.get(key.name, "drain")] and key.name != "http":
        assert read(table, key, without=True).version


def test_the_defaults_of_the_page_are_those_of_the_code() -> None:
    """A number that is changed in the code changes on the page."""
    told = {key.name: policy_keys.default(key) for _, key in KEYS if not key.default}

    assert told["max_servers"] == str(policy.Limits().max_servers)
    assert told["split_window"] == "15m"
    assert (told["ramp"], told["deny_reason"], told["pause"]) == ("[1, 5]", "false", "0s")

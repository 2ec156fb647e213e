"""The policy file as the contract has it, and every mistake with its sentence."""

from __future__ import annotations

import hashlib
import json
import tomllib

import pytest

from bot.power import errors, plan, request
from bot.power.policy import policy, policy_file
from bot.power.request import Action
from tests.power.policy_texts import CONTRACT, NOW, box, edited


def sentence(text: str) -> str:
    """Return what is said about a policy that can't be used."""
    with pytest.raises(errors.PolicyError) as caught:
        policy_file.read(text)
    return caught.value.user_message


def test_policy_file_gives_the_numbers_that_the_contract_shows() -> None:
    """The example of the contract parses, and each figure comes out in seconds and servers."""
    rules = policy_file.read(CONTRACT)

    assert (rules.allow, rules.incident) == (
        frozenset({"C0OPS", "C0INC"}),
        frozenset({"C0INC"}),
    )
    assert rules.people["sre"] == ("U0AAAAAA1", "U0AAAAAA2", "S0ONCALL1")
    assert rules.limits == policy.Limits(500, 10, 60, 5, 900.0)
    assert rules.rules[0].conduct == policy.Conduct(
        1800.0, 900.0, 600.0, 1200.0, False, 0.0, plan.OnChange.SKIP, 50, (1, 5), 0.0, 1, 10
    )
    databases, rest = rules.rules
    assert (databases.name, databases.reason, databases.requesters) == (
        "databases",
        "INC-[0-9]+",
        ("sre",),
    )
    assert databases.approvers == (
        plan.Need(group="sre", count=1),
        plan.Need(group="dc-ops", count=1),
    )
    assert rest.actions == set(Action)
    assert [least for least, _ in rest.from_servers] == [10, 50]
    assert (rest.break_glass, rest.review_within_s) == (("sre",), 86400.0)
    assert (rules.keeps[0].text, rules.keeps[0].on) == ("@db", 2)
    assert rules.freezes[0].override == (plan.Need(group="dc-ops", count=1),)


def test_policy_file_selects_the_servers_that_its_texts_name() -> None:
    """Groups, tags and a bare star mean servers, and protection reaches them all."""
    rules = policy_file.read(CONTRACT)

    assert rules.rules[0].servers.matches(box("db03"))
    assert not rules.rules[0].servers.matches(box("db10"))
    assert rules.rules[1].servers.matches(box("anything"))
    assert rules.protects(box("pdu7"))
    assert rules.protects(box("web01", tags=(("powerbot", "never"),)))
    assert not rules.protects(box("web01"))


def test_policy_version_is_of_the_content_and_not_of_its_layout() -> None:
    """Comments and the order of tables don't count; a figure, or a date, does."""
    rules = policy_file.read(CONTRACT)
    parsed = tomllib.loads(CONTRACT)
    canonical = json.dumps(
        parsed, sort_keys=True, separators=(",", ":"), default=lambda moment: moment.isoformat()
    )

    assert rules.version == hashlib.sha256(canonical.encode()).hexdigest()[:12]
    assert policy_file.read(f"# another comment\n\n{CONTRACT}").version == rules.version
    assert edited(("max_servers = 500", "max_servers = 499")).version != rules.version
    assert edited(("2027-01-03", "2027-01-04")).version != rules.version


def test_policy_that_is_missing_allows_no_change() -> None:
    """Without a policy there is no channel, no rule and no protection to go by."""
    assert policy.EMPTY.rules == ()
    assert policy.EMPTY.allow == frozenset()
    assert policy.EMPTY.version == ""
    assert not policy.EMPTY.protects(box("web01"))
    assert policy.EMPTY.requester_groups == policy.EMPTY.approver_groups == frozenset()


def test_policy_file_with_its_version_alone_takes_the_usual_figures() -> None:
    """Every table may be left out."""
    rules = policy_file.read("version = 1")

    assert rules.limits == policy.Limits()
    assert (rules.rules, rules.freezes, rules.keeps) == ((), (), ())


def test_rule_takes_from_the_defaults_what_it_leaves_out() -> None:
    """A rule sets some figures, the defaults table others, the program the rest."""
    rules = edited(
        ('expires = "30m"', 'expires = "1h"'),
        ('reason = "INC-[0-9]+"', 'batch = 3\npause = "500ms"\non_change = "stop"'),
    )

    databases, rest = (rule.conduct for rule in rules.rules)
    assert (databases.expires_s, rest.expires_s) == (3600.0, 3600.0)
    assert (databases.batch, databases.pause_s, databases.on_change) == (3, 0.5, "stop")
    assert databases.ramp == (1, 3), "an inherited ramp is cut to the rule's own batch"
    assert (rest.batch, rest.ramp, rest.on_change) == (50, (1, 5), "skip")


def test_rows_by_number_of_servers_are_read_in_growing_order() -> None:
    """The order in which the rows are written doesn't matter."""
    rules = edited(
        ("{ 10 = { sre = 2 }, 50 = { sre = 2, dc-ops = 1 } }", "{ 50 = { sre = 3 }, 9 = {} }")
    )

    rest = rules.rules[1]
    assert [rest.needs(count) for count in (8, 9, 49, 50)] == [
        (plan.Need(group="sre", count=1),),
        (),
        (),
        (plan.Need(group="sre", count=3),),
    ]


def test_freeze_without_actions_holds_them_all_in_its_own_time_zone() -> None:
    """It begins at its first instant and is over at its last."""
    rules = edited(('actions = ["off", "reboot", "cycle"]\noverride', "override"))
    freeze = rules.freezes[0]
    start, end = freeze.starts.timestamp(), freeze.ends.timestamp()

    assert all(freeze.holds(action, start) for action in Action)
    assert not freeze.holds(Action.OFF, start - 1)
    assert freeze.holds(Action.OFF, end - 1)
    assert not freeze.holds(Action.OFF, end)
    assert not freeze.holds(Action.OFF, NOW)


def test_names_that_are_left_out_are_numbers() -> None:
    """A rule or a freeze without a name is called by its place."""
    rules = edited(('name = "databases"\n', ""), ('name = "year end"\n', ""))

    assert rules.rules[0].name == "number 1"
    assert rules.freezes[0].name == "number 1"


# Each row: what of the contract's text is replaced, by what, and the whole sentence.
MISTAKES = [
    (
        "version = 1\n",
        "",
        "version: this key is missing; write version = 1.",
    ),
    (
        "version = 1\n",
        "version = 2\n",
        "Line 1, version: write version = 1, not 2.",
    ),
    (
        "version = 1\n",
        "version = true\n",
        "Line 1, version: write version = 1, not true.",
    ),
    (
        "[protected]",
        "[protect]",
        "Line 11, protect: this key is unknown; did you mean protected?",
    ),
    (
        "max_servers",
        "max_server",
        "Line 14, [limits], max_server: this key is unknown; did you mean max_servers?",
    ),
    (
        'allow = ["C0OPS", "C0INC"]',
        'allow = ["#ops"]',
        'Line 3, [channels], allow: "#ops" isn\'t a channel id; write the id that begins with C '
        "and is shown at the end of the channel's details.",
    ),
    (
        'allow = ["C0OPS", "C0INC"]',
        'allow = "C0OPS"',
        'Line 3, [channels], allow: write a list such as ["C0123456789"], not "C0OPS".',
    ),
    (
        '"S0ONCALL1"',
        '"@oncall"',
        'Line 6, [people], sre: "@oncall" isn\'t the id of a person or a group; write a member ID '
        "(U...) or a user group ID (S...).",
    ),
    (
        "dc-ops = [",
        '"dc ops" = [',
        'Line 7, [people], "dc ops": name a group with letters, digits, - and _ only, at most '
        "60 of them.",
    ),
    (
        'db = "db[01-09]"',
        "db = 9",
        'Line 10, [groups], db: write a string such as "web*", not 9.',
    ),
    (
        'servers = "@db"\non = 2',
        "on = 2",
        'Line 38, [[keep]] 1, servers: this key is missing; write servers = "web*".',
    ),
    (
        "on = 2",
        "on = 0",
        "Line 40, [[keep]] 1, on: write a whole number from 1 to 10000, not 0.",
    ),
    (
        "\non = 2",
        "",
        "Line 38, [[keep]] 1, on: this key is missing; write on = 2.",
    ),
    (
        "max_servers = 500",
        "max_servers = 10001",
        "Line 14, [limits], max_servers: write a whole number from 1 to 10000, not 10001.",
    ),
    (
        "max_open_per_user = 5",
        "max_open_per_user = 5.0",
        "Line 17, [limits], max_open_per_user: write a whole number from 1 to 1000000, not 5.0.",
    ),
    (
        'expires = "30m"',
        "expires = 30",
        'Line 20, [defaults], expires: write a duration such as "500ms", "2s", "10m" or "1h", '
        "not 30.",
    ),
    (
        'expires = "30m"',
        'expires = "30 minutes"',
        'Line 20, [defaults], expires: write a duration such as "500ms", "2s", "10m" or "1h", '
        'not "30 minutes".',
    ),
    (
        'expires = "30m"',
        'expires = "0s"',
        "Line 20, [defaults], expires: write a duration longer than zero.",
    ),
    (
        "deny_reason = false",
        'deny_reason = "no"',
        'Line 24, [defaults], deny_reason: write true or false, not "no".',
    ),
    (
        "deny_reason = false",
        'notify = "all"',
        'Line 24, [defaults], notify: write "people", "group" or "none", not "all".',
    ),
    (
        'on_change = "skip"',
        'on_change = "ask"',
        'Line 26, [defaults], on_change: write "skip" or "stop", not "ask".',
    ),
    (
        "batch = 50",
        "batch = 10001",
        "Line 27, [defaults], batch: write a whole number from 1 to 10000, not 10001.",
    ),
    (
        "ramp = [1, 5]",
        "ramp = [1, 51]",
        "Line 28, [defaults], ramp: each size must be from 1 to batch, which is 50.",
    ),
    (
        "ramp = [1, 5]",
        "ramp = [0]",
        "Line 28, [defaults], ramp: each size must be from 1 to batch, which is 50.",
    ),
    (
        "ramp = [1, 5]",
        "ramp = 5",
        "Line 28, [defaults], ramp: write a list such as [1, 5], not 5.",
    ),
    (
        "from = 2026-12-20T00:00:00+01:00",
        'from = "20 December"',
        'Line 34, [[freeze]] "year end", from: write a date and time with its offset, such as '
        '2026-12-20T00:00:00+01:00 without quotes, not "20 December".',
    ),
    (
        "from = 2026-12-20T00:00:00+01:00",
        "from = 2026-12-20T00:00:00",
        'Line 34, [[freeze]] "year end", from: write a date and time with its offset, such as '
        '2026-12-20T00:00:00+01:00 without quotes, not "2026-12-20 00:00:00".',
    ),
    (
        "until = 2027-01-03T00:00:00+01:00\n",
        "",
        'Line 32, [[freeze]] "year end", until: this key is missing; write until = '
        "2026-12-20T00:00:00+01:00.",
    ),
    (
        "until = 2027",
        "until = 2025",
        'Line 35, [[freeze]] "year end", until: write a time that is later than from.',
    ),
    (
        "override = { dc-ops = 1 }",
        "override = {}",
        'Line 37, [[freeze]] "year end", override: name a group, or leave the key out: then '
        "nothing passes.",
    ),
    (
        'actions = ["off", "reboot", "cycle"]\nrequesters',
        'actions = ["off", "restart"]\nrequesters',
        'Line 44, [[rule]] "databases", actions: "restart" isn\'t an action; the actions are on, '
        "off, reboot, cycle.",
    ),
    (
        'actions = ["off", "reboot", "cycle"]\nrequesters',
        "requesters",
        'Line 41, [[rule]] "databases", actions: this key is missing; write actions = '
        '["on", "off", "reboot", "cycle"].',
    ),
    (
        'requesters = ["sre"]\napprovers = { sre = 1, dc-ops = 1 }',
        'requesters = ["srr"]\napprovers = { sre = 1, dc-ops = 1 }',
        'Line 45, [[rule]] "databases", requesters: "srr" isn\'t a group in [people]; did you '
        "mean sre?",
    ),
    (
        "approvers = { sre = 1, dc-ops = 1 }",
        "approvers = { sre = 1, net = 1 }",
        'Line 46, [[rule]] "databases", approvers.net: "net" isn\'t a group in [people]; add '
        '"net" there, or name another.',
    ),
    (
        "approvers = { sre = 1, dc-ops = 1 }",
        "approvers = { sre = 0 }",
        'Line 46, [[rule]] "databases", approvers.sre: write a whole number from 1 to 100, not 0.',
    ),
    (
        "approvers = { sre = 1, dc-ops = 1 }",
        'approvers = ["sre"]',
        'Line 46, [[rule]] "databases", approvers: write groups with counts: { sre = 1 }, not '
        '["sre"].',
    ),
    (
        "approvers = { sre = 1, dc-ops = 1 }\n",
        "",
        'Line 41, [[rule]] "databases", approvers: this key is missing; write approvers = '
        "{ sre = 1 }, or approvers = {} if nobody has to approve.",
    ),
    (
        'reason = "INC-[0-9]+"',
        'reason = "INC-[0-9"',
        'Line 47, [[rule]] "databases", reason: this isn\'t a regular expression that RE2 accepts '
        "(missing ]: [0-9).",
    ),
    (
        'reason = "INC-[0-9]+"',
        'reason = "(?=.*INC)"',
        'Line 47, [[rule]] "databases", reason: a pattern can\'t look ahead or behind, as (?=…) '
        "does; it is searched in the reason, so write what must be there, such as "
        '"INC-[0-9]+".',
    ),
    (
        'reason = "INC-[0-9]+"',
        "reason = '(INC)-\\1'",
        'Line 47, [[rule]] "databases", reason: RE2 doesn\'t know \\1 (it has no '
        "back-references); remove it.",
    ),
    (
        'reason = "INC-[0-9]+"',
        'reason = "(INC-[0-9]{500}){9}"',
        'Line 47, [[rule]] "databases", reason: this repeats too often (invalid repetition size: '
        "{9}); repeat less, such as [0-9]{1,9}.",
    ),
    (
        'reason = "INC-[0-9]+"',
        'reason = "(INC-[0-9]{99}){9} [a-z]{900}"',
        'Line 47, [[rule]] "databases", reason: this pattern is too large to search with; repeat '
        "less, such as [0-9]{1,9}.",
    ),
    (
        'servers = "*"',
        'servers = "@wbe"',
        'Line 50, [[rule]] "everything else", servers: There is no group @wbe; the '
        "groups are @web, @db; write @web.",
    ),
    (
        'servers = ["tag:powerbot=never", "pdu*"]',
        'servers = "!pdu*"',
        "Line 12, [protected], servers: first say which servers you mean; ! only takes some of "
        "them out.",
    ),
    (
        "10 = { sre = 2 }",
        "ten = { sre = 2 }",
        'Line 54, [[rule]] "everything else", from_servers.ten: begin a row with a number of '
        'servers from 1 to 10000, not "ten".',
    ),
    (
        "10 = { sre = 2 }",
        "0 = { sre = 2 }",
        'Line 54, [[rule]] "everything else", from_servers.0: begin a row with a number of '
        'servers from 1 to 10000, not "0".',
    ),
    (
        "from_servers = { 10 = { sre = 2 }, 50 = { sre = 2, dc-ops = 1 } }",
        "from_servers = 10",
        'Line 54, [[rule]] "everything else", from_servers: write rows such as '
        "{ 10 = { sre = 2 } }, not 10.",
    ),
    (
        'break_glass = ["sre"]',
        'break-glass = ["sre"]',
        'Line 55, [[rule]] "everything else", break-glass: this key is unknown; did you mean '
        "break_glass?",
    ),
    (
        'name = "everything else"',
        'name = "databases"',
        'Line 49, [[rule]] "databases", name: another rule has this name; give this one its own.',
    ),
    (
        'name = "everything else"',
        'name = "every\\nthing"',
        'Line 49, [[rule]] "every\\nthing", name: write the string on one line, without control '
        "characters.",
    ),
    (
        "[limits]",
        "[[limits]]",
        "Line 13, limits: write a table that begins with [limits], not "
        '[{"max_servers": 500, "confirm_above": …',
    ),
]


@pytest.mark.parametrize(
    ("before", "after", "said"), MISTAKES, ids=[f"{row[1][:24]!r}" for row in MISTAKES]
)
def test_policy_mistake_is_told_in_one_sentence(before: str, after: str, said: str) -> None:
    """Line, table, key, what is wrong and what to write instead: each word of it."""
    assert before in CONTRACT

    assert sentence(CONTRACT.replace(before, after, 1)) == (
        said if said.endswith((".", "?")) else f"{said}."
    )


def test_policy_that_is_no_toml_is_told_with_its_place() -> None:
    """The parser's own words name the line."""
    said = sentence("version = 1\n[channels\n")

    assert said.startswith("The policy file isn't TOML: ")
    assert "line 2" in said


def test_policy_with_a_word_processor_s_quotes_is_told_which_ones_toml_takes() -> None:
    """The parser's words name the place, yet not what is odd there."""
    assert "straight quotes, not curly ones" in sentence("version = 1\n[people]\nsre = [“U0A”]\n")
    # In a text they are as good as any other character.
    assert "curly" not in sentence('version = 1\nname = "a “b”"\n[channels\n')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "version = 1 #" + "x" * 200_000,
            "The policy file is too long: it has 200,013 characters, and 200,000 is the limit.",
        ),
        ("x = " + "[" * 50_000, "The policy file nests its values too deeply."),
        ("version = 1\nrule = 5", "Line 2, rule: write tables that begin with [[rule]], not 5."),
        (
            "version = 1\nfrob = 5",
            "Line 2, frob: this key is unknown; the keys here are version, channels, people, "
            "groups, protected, limits, defaults, freeze, keep, rule, step, order.",
        ),
        (
            'version = 1\n[people]\nsre = []\n[[rule]]\nservers = "*"\nactions = ["on"]\n'
            'requesters = ["sre"]\napprovers = {}\nreason = "' + "x" * 201 + '"',
            "Line 9, [[rule]] 1, reason: write a pattern of at most 200 characters.",
        ),
        (
            "version = 1\n[[freeze]]\nname = 'a'\nfrom = 2026-01-01T00:00:00Z\n"
            "until = 2026-01-02T00:00:00Z\n[[freeze]]\nname = 'a'\nfrom = 2026-01-01T00:00:00Z\n"
            "until = 2026-01-02T00:00:00Z",
            'Line 7, [[freeze]] "a", name: another freeze has this name; give this one its own.',
        ),
    ],
    ids=["long", "deep", "no-tables", "unknown", "long-pattern", "twin-freeze"],
)
def test_policy_that_is_odd_as_a_whole_is_refused(text: str, said: str) -> None:
    """Size, depth and shape are bounded and told like the rest."""
    assert sentence(text) == said


def test_groups_that_name_each_other_without_end_are_refused_at_once() -> None:
    """Neither a circle nor a hundred times a hundred groups is ever read to its end."""
    many = "".join(f'g{n} = "{f"@g{n + 1} " * 90}"\n' for n in range(5)) + 'g5 = "web*"\n'
    circle = 'a = "@b @b"\nb = "@a @a"\n'
    chain = "".join(f'g{n} = "@g{n + 1}"\n' for n in range(9)) + 'g9 = "web*"\n'

    assert sentence(f"version = 1\n[groups]\n{many}") == (
        "Line 6, [groups], g3: this group names too many others through groups; name the servers "
        "themselves."
    )
    assert sentence(f"version = 1\n[groups]\n{circle}") == (
        "Line 3, [groups], a: groups are nested more than 5 deep, or in a circle."
    )
    assert sentence(f"version = 1\n[groups]\n{chain}") == (
        "Line 9, [groups], g6: groups are nested more than 5 deep, or in a circle."
    )


def test_line_of_a_mistake_is_found_among_texts_that_look_like_keys() -> None:
    """Comments, texts of several lines, arrays and dotted keys don't lead astray."""
    text = '''\
version = 1
# [limits]
[people]
sre = [
  "U0AAAAAA1",  # ] not the end
  "U0AAAAAA2",
]
[groups]
note = """web* & \\
  tag:"[limits]"="#1""""
"quoted" = "web*"
[defaults]
cooldown.wrong = 5
'''

    assert sentence(text) == (
        'Line 13, [defaults], cooldown: write a duration such as "500ms", "2s", "10m" or "1h", '
        'not {"wrong": 5}.'
    )
    assert sentence(text.replace("\n", "\r\n")).startswith("Line 13, [defaults], cooldown")


def test_line_of_a_mistake_is_found_in_tables_below_a_rule() -> None:
    """A rule's own tables may be written out below it, for the second rule as for the first."""
    rule = 'servers = "*"\nactions = ["on"]\nrequesters = ["sre"]\napprovers = {}\n'
    text = (
        "version = 1\n[people]\nsre = []\n"
        f'[[rule]]\nname = "a"\n{rule}[rule.from_servers]\n10 = {{ sre = 1 }}\n'
        f'[[rule]]\nname = "b"\n{rule}[rule.from_servers.10]\nsre = 0\n'
    )

    assert sentence(text) == (
        'Line 19, [[rule]] "b", from_servers.10.sre: write a whole number from 1 to 100, not 0.'
    )


def test_words_of_the_policy_are_taken_in_any_case() -> None:
    """Verbs and choices in capitals are the same words."""
    text = """
version = 1
[channels]
allow = ["C0OPS"]
[people]
sre = ["U0DANA", "U0SAM"]
[[rule]]
name = "all"
servers = "state:OFF"
actions = ["ON", "Reboot"]
requesters = ["sre"]
approvers = { sre = 1 }
on_change = "Stop"
"""
    (rule,) = policy_file.read(text).rules

    assert rule.actions == {request.Action.ON, request.Action.REBOOT}
    assert rule.conduct.on_change == "stop"

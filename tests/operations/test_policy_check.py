"""`powerbot policy check` and `explain`: seen before it is trusted, with and without Slack."""

from __future__ import annotations

import asyncio
import datetime
import pathlib
import sys
import time
from collections.abc import AsyncIterator

import pytest

from bot import settings
from bot.operations import policy_check, policy_explain
from bot.power import errors, ports
from bot.sandbox import data_centre, demo, workspace
from bot.sandbox.data_centre import serve
from bot.slack import app_features
from bot.storage import opening

GOOD = """\
version = 1
[channels]
allow = ["C0OPS", "C0INC"]
incident = ["C0INC"]
[people]
sre = ["U0DANA", "U0SAM", "U0OLGA"]
dc-ops = ["U0ROSA", "S0ONCALL"]
[groups]
db = "db[01-09]"
all-db = "@db"
[protected]
servers = "pdu*"
[[freeze]]
name = "year end"
from = 2026-12-20T00:00:00+01:00
until = 2027-01-03T00:00:00+01:00
[[rule]]
name = "databases"
servers = "@db"
actions = ["reboot"]
requesters = ["sre"]
approvers = { sre = 1, dc-ops = 1 }
[[rule]]
name = "others"
servers = "*"
actions = ["on", "off", "reboot"]
requesters = ["sre"]
approvers = { sre = 1 }
from_servers = { 3 = { sre = 2 } }
break_glass = ["sre"]
"""
LAST = """
[[rule]]
name = "late"
servers = "web01"
actions = ["on"]
requesters = ["sre"]
approvers = {}
"""


def edited(*changes: tuple[str, str]) -> str:
    """Return the good policy with some of its text replaced."""
    text = GOOD
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after, 1)
    return text


BAD: list[tuple[str, str, str]] = [
    ("unknown-key", edited(("sre = 2", "sre = 2")).replace("break_glass", "brake_glass"),
     'Line 30, [[rule]] "others", brake_glass: this key is unknown; did you mean break_glass?'),
    ("unknown-group", edited(('requesters = ["sre"]', 'requesters = ["sr"]')),
     "Line 21, [[rule]] \"databases\", requesters: \"sr\" isn't a group in [people]; did you mean "
     "sre?"),
    ("no-channel", edited(('allow = ["C0OPS", "C0INC"]', "allow = []")),
     "[channels] allow is empty, so nobody can request anything; add a channel's id."),
    ("incident-not-allowed", edited(('allow = ["C0OPS", "C0INC"]', 'allow = ["C0OPS"]')),
     "[channels] incident lists C0INC, but allow doesn't, so no request can be made there; add "
     "it to allow."),
    ("glass-without-channel", edited(('incident = ["C0INC"]', "incident = []")),
     "Rule \"others\" has break_glass, but [channels] incident is empty, so it can't be used "
     "anywhere; add a channel there."),
    ("quorum-of-one", edited(('["U0DANA", "U0SAM", "U0OLGA"]', '["U0DANA"]')),
     'Nobody could approve under rule "databases" from 1 server up: it needs one more in sre.'),
    ("quorum-too-large", edited(("sre = 2", "sre = 5")),
     'Nobody could approve under rule "others" from 3 servers up: it needs three more in sre.'),
    ("quorum-by-one-person-twice",
     edited(('["U0ROSA", "S0ONCALL"]', '["U0SAM"]'), ('"U0SAM", "U0OLGA"]', '"U0SAM"]')),
     'Nobody could approve under rule "databases" from 1 server up: it needs one more in dc-ops.'),
    ("empty-group", edited(('["U0ROSA", "S0ONCALL"]', "[]")),
     'Nobody could approve under rule "databases" from 1 server up: it needs one more in dc-ops.'),
    ("nobody-asks", edited(("[groups]", "none = []\n[groups]"), ('requesters = ["sre"]',
                                                                'requesters = ["none"]')),
     'Nobody can request anything under rule "databases": its list of requesters is empty.'),
    ("endless-freeze", edited(("2027-01-03", "9999-12-31")),
     'Freeze "year end" lasts for more than a year, until 9999-12-31; give it an earlier end, or '
     "remove its actions from the rules."),
    ("hidden-by-all", GOOD + LAST,
     'Rule "late" can never match: rule "others" comes first and covers all of its servers; move '
     "it up, or remove it."),
    ("hidden-by-group", edited(('servers = "*"', 'servers = "@all-db"')),
     'Rule "others" can never match: rule "databases" comes first and covers all of its servers; '
     "move it up, or remove it."),
    ("hidden-by-names", edited(('servers = "*"', 'servers = "db[01-03] db05"')),
     'Rule "others" can never match: earlier rules cover all of its servers ("databases"); move '
     "it up, or remove it."),
    ("hidden-by-protected", edited(('servers = "pdu*"', 'servers = "*"')),
     'Rule "databases" can never match: all of its servers are protected; move it up, or remove '
     "it."),
    ("no-action", edited(('actions = ["reboot"]', "actions = []")),
     'Rule "databases" allows no action; name some in actions.'),
    ("reason-of-nothing",
     edited(('actions = ["reboot"]', 'actions = ["reboot"]\nreason = "(INC-[0-9]+)?"')),
     'Rule "databases" requires no reason: its pattern (INC-[0-9]+)? is found in an empty one as '
     "well; write what must be there, such as INC-[0-9]+."),
    ("late-reminder", edited(("[[freeze]]", '[defaults]\nexpires = "5m"\n[[freeze]]')),
     'Rule "databases" expires before anybody is reminded; make remind and escalate shorter than '
     "expires."),
    ("unreviewable",
     edited(("approvers = { sre = 1 }", "approvers = { boss = 1 }"),
            ("[groups]", 'boss = ["U0DANA"]\n[groups]')).replace(
                "from_servers = { 3 = { sre = 2 } }\n", ""),
     'Nobody could review break glass under rule "others": it needs a second person among its '
     "approvers."),
    ("no-toml", "version = 1\n[rule", "The policy file isn't TOML: "),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_policy_that_can_not_be_meant_is_refused_with_its_reason(
    tmp_path: pathlib.Path, text: str, said: str
) -> None:
    """Each way of being wrong has a sentence that says what to write instead."""
    path = tmp_path / "policy.toml"
    path.write_text(text)

    assert any(one.startswith(said) for one in policy_check.check(path)), policy_check.check(path)


def test_good_policy_is_accepted_and_surprises_are_noted(tmp_path: pathlib.Path) -> None:
    """Somebody in two groups of one quorum counts once, which is no mistake."""
    path = tmp_path / "policy.toml"
    path.write_text(edited(('["U0ROSA", "S0ONCALL"]', '["U0ROSA", "U0SAM"]')))

    found = policy_check.look(path)

    assert found.problems == ()
    assert found.notes[:1] == (
        'Rule "databases" requires sre and dc-ops, and U0SAM is in both: one person counts once.',
    )


def test_policy_that_is_not_there_or_unreadable_is_told_so(tmp_path: pathlib.Path) -> None:
    """One sentence, no traceback."""
    (tmp_path / "latin.toml").write_bytes(b'name = "\xff"')

    assert policy_check.check(tmp_path / "none.toml") == [
        "There is no none.toml here; without a policy nothing can be changed."
    ]
    assert policy_check.check(tmp_path / "latin.toml") == [
        "latin.toml isn't UTF-8; save it as UTF-8."
    ]


class SetUp:
    """A policy file, a workspace and a data centre, with the settings for them."""

    def __init__(self, folder: pathlib.Path, slack: workspace.Workspace, cloud_url: str) -> None:
        self.slack = slack
        self.policy = folder / "policy.toml"
        self.policy.write_text(GOOD)
        self.given = demo.environment(slack.api_url, cloud_url, folder)

    @property
    def settings(self) -> settings.Settings:
        """The settings, from nothing but these variables."""
        with pytest.MonkeyPatch.context() as environment:
            for name, value in self.given.items():
                environment.setenv(name, value)
            return settings.load(env_file=None)

    async def explain(
        self, words: str, *, user: str = "U0DANA", channel: str = "C0OPS", offline: bool = False
    ) -> policy_explain.Explained:
        """Explain what these words would do."""
        asked = policy_explain.Inquiry(user, channel, words)
        return await policy_explain.explain(self.settings, asked, offline=offline)


@pytest.fixture
async def set_up(tmp_path: pathlib.Path) -> AsyncIterator[SetUp]:
    """A set-up with nothing wrong."""
    app = workspace.App(scopes=tuple(sorted(app_features.scopes())))
    slack = workspace.Workspace(app=app, rate_factor=100.0)
    await slack.start()
    centre = data_centre.DataCentre(
        data_centre.build(20, seed=0),
        clock=time.monotonic,
        wall=lambda: datetime.datetime.now(datetime.UTC),
        account=data_centre.Account(
            project_id=demo.PROJECT_ID, ak=demo.ACCESS_KEY, sk=demo.SECRET_KEY
        ),
    )
    api = await serve.start(centre)
    yield SetUp(tmp_path, slack, api.url)
    await slack.stop()
    await api.stop()


async def test_policy_is_held_against_the_people_and_channels_of_slack(set_up: SetUp) -> None:
    """Who has left, a group that is disabled, a channel without the bot: each is named."""
    good = await policy_check.look_in_slack(set_up.policy, set_up.settings)
    folk = set_up.slack.directory
    folk.people["U0OLGA"].deleted = True
    folk.groups["S0ONCALL"].disabled = True
    folk.channels["C0INC"].members.discard("U0BOT")

    bad = await policy_check.look_in_slack(set_up.policy, set_up.settings)

    assert good.problems == ()
    text = "\n".join(bad.problems)
    assert "person U0OLGA (@olga) has left" in text
    assert "group S0ONCALL is disabled or doesn't exist." in text
    assert "the bot isn't in channel C0INC (#incidents)." in text
    assert 'Rule "databases" could not be checked: dc-ops could not be read.' in text


async def test_policy_that_can_not_be_read_is_told_before_slack_is_asked(set_up: SetUp) -> None:
    """A mistake in the file comes first."""
    set_up.policy.write_text("version = 2")

    found = await policy_check.look_in_slack(set_up.policy, set_up.settings)

    assert found.problems == ("Line 1, version: write version = 1, not 2.",)


async def test_quorum_is_counted_with_the_people_in_slack_s_groups(set_up: SetUp) -> None:
    """A user group of two can't give three approvals."""
    set_up.policy.write_text(edited(("dc-ops = 1", "dc-ops = 3")))

    found = await policy_check.look_in_slack(set_up.policy, set_up.settings)

    assert policy_check.check(set_up.policy) == []
    assert found.problems == (
        'Nobody could approve under rule "databases" from 1 server up: it needs one more in '
        "dc-ops.",
    )


async def test_decision_is_explained_rule_by_rule_with_its_people(set_up: SetUp) -> None:
    """Which rule judges which servers and why, who may, who must, and what forbids it."""
    found = await set_up.explain("reboot web[01-02] db01 because INC-1")

    version = policy_check.read(set_up.policy).version
    assert found.allowed
    assert found.lines == (
        f"Policy {version} (policy.toml): reboot web[01-02] db01 because INC-1",
        "Asked by U0DANA in C0OPS",
        policy_explain.NO_RECORD,
        'Rule 1 "databases" (servers = "@db"): covers 1: db01, by @db',
        "  reboot: allowed",
        "  requesters sre: U0DANA is in sre (named in the policy)",
        "  approvers: one from sre, one from dc-ops",
        'Rule 2 "others" (servers = "*"): covers 2: web[01-02], by *',
        "  reboot: allowed",
        "  requesters sre: U0DANA is in sre (named in the policy)",
        "  approvers: two from sre, by from_servers 3: 3 servers count",
        "  break_glass sre: U0DANA is in sre (named in the policy)",
        "Would act on: db01,web[01-02]",
        "Needs: two from sre, one from dc-ops",
        "  sre: U0SAM (named in the policy), U0OLGA (named in the policy); not U0DANA, who asks",
        "  dc-ops: U0ROSA (named in the policy), U0SAM (in Slack's user group S0ONCALL)",
        "Terms: expires 30m, use within 15m, waves 1, 2, stops at 1 failure",
        "This could be requested.",
    )


@pytest.mark.parametrize(
    ("words", "who", "channel", "said"),
    [
        ("reboot web01", "U0GIL", "C0OPS", "Refused: Guests can't do this; a full member has to."),
        ("reboot web01", "U0DEE", "C0OPS",
         "Refused: This account is deactivated, so it can't do anything."),
        ("reboot web01", "U0ROSA", "C0OPS",
         "Refused: No rule of the policy names you as a requester; ask somebody who is named."),
        ("reboot web01", "U0DANA", "C0DEV",
         "Refused: The policy doesn't allow requests in this channel; ask in one that it names."),
        ("off db01", "U0DANA", "C0OPS", "  off: not among its actions"),
        ("reboot web01 --break-glass because x", "U0DANA", "C0OPS",
         "Refused: Break glass isn't allowed in this channel; use one that the policy names for "
         "it."),
    ],
    ids=["guest", "deactivated", "no-requester", "channel", "action", "glass"],
)  # fmt: skip
async def test_refusal_is_explained_with_its_reason(
    set_up: SetUp, words: str, who: str, channel: str, said: str
) -> None:
    """The sentence is the one that the person would get."""
    found = await set_up.explain(words, user=who, channel=channel)

    assert not found.allowed
    assert said in found.lines
    assert found.lines[-1] == "This could not be requested."


async def test_decision_is_explained_without_asking_anybody(set_up: SetUp) -> None:
    """Offline the servers are as typed, and a Slack group has whoever it has."""
    found = await set_up.explain("reboot db[01-02] because x", offline=True)

    assert found.allowed
    assert policy_explain.NOT_ASKED in found.lines
    assert (
        "  dc-ops: U0ROSA (named in the policy) and maybe others, who weren't looked up"
        in found.lines
    )


async def test_explanation_names_what_no_rule_judges(set_up: SetUp) -> None:
    """Protected servers, servers without a rule, and people about whom nobody was asked."""
    set_up.policy.write_text(
        edited(('servers = "*"', 'servers = "web*"'), ('requesters = ["sre"]', "requesters = []"))
        .replace('requesters = ["sre"]', 'requesters = ["dc-ops"]')
        .replace('[[rule]]\nname = "databases"', '[[rule]]\nname = "databases"\nreason = "INC"')
    )

    found = await set_up.explain("reboot pdu1 web1 cache1 db01", offline=True)

    assert "[protected]: pdu1: nobody can touch them" in found.lines
    assert "No rule: cache1: no rule of the policy covers it" in found.lines
    assert "  requesters nobody: nobody" in found.lines
    assert "  reason must match: INC" in found.lines
    assert "  requesters dc-ops: whether U0DANA is in dc-ops isn't known" in (found.lines)
    assert not found.allowed


async def test_explanation_counts_what_the_record_has(
    set_up: SetUp, tmp_path: pathlib.Path
) -> None:
    """The freeze switch, for one, is read beside a running bot."""
    kept = opening.open_store(f"sqlite:///{tmp_path / 'powerbot.db'}")
    await kept.write(lambda tx: tx.freeze(ports.Freeze("U0ROSA", "storm", 1.0)))

    found = await set_up.explain("reboot web01", offline=True)
    await kept.close()

    assert "Everything is frozen by U0ROSA (storm) since 1970-01-01 00:00 UTC" in found.lines
    assert policy_explain.NO_RECORD not in found.lines
    assert not found.allowed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("status", "status: only a change can be explained, such as: reboot web[01-03]."),
        ("reboot web*", "web*: Offline, only names can be explained"),
        ("rebot web01", "There is no verb rebot. Did you mean reboot?"),
    ],
    ids=["no-change", "wildcard", "no-verb"],
)
async def test_words_that_can_not_be_explained_are_a_wrong_use(
    set_up: SetUp, words: str, said: str
) -> None:
    """One clear line, with what to type instead."""
    with pytest.raises(settings.SettingsError) as refused:
        await set_up.explain(words, offline=True)

    assert refused.value.user_message.startswith(said)


async def test_explanation_under_a_broken_policy_says_what_is_broken(set_up: SetUp) -> None:
    """There is nothing to explain then."""
    set_up.policy.write_text("version = 2")

    with pytest.raises(errors.PolicyError, match="write version = 1"):
        await set_up.explain("reboot web01", offline=True)


@pytest.mark.parametrize("user", ["dana", "@dana", "u0dana", "S0ONCALL", ""])
async def test_somebody_who_is_named_by_no_id_is_refused(set_up: SetUp, user: str) -> None:
    """With what an id looks like, instead of an answer about nobody."""
    with pytest.raises(settings.SettingsError, match="write a member ID such as U0123456789"):
        await set_up.explain("reboot web01", user=user, offline=True)


async def test_what_must_stay_on_is_not_judged_without_an_inventory(set_up: SetUp) -> None:
    """Offline only the typed servers are known, so the rule is named and bars nothing."""
    set_up.policy.write_text(GOOD + '[[keep]]\nservers = "web*"\non = 2\n')

    found = await set_up.explain("off web01 because x", offline=True)

    assert found.allowed
    assert policy_explain.KEEPS_UNKNOWN in found.lines


HOLES = [
    (('servers = "*"', 'servers = "web*"'), "Servers that no rule names can't be changed"),
    (("[[freeze]]", "[defaults]\nramp = [10, 3]\n[[freeze]]"), "ramp [10, 3] gets smaller"),
    (("{ 3 = { sre = 2 } }", "{ 3 = { dc-ops = 1 } }"),
     "from 3 servers up, sre no longer has to approve"),
    (("from = 2026-12-20T00:00:00+01:00\nuntil = 2027-01-03T00:00:00+01:00",
      "from = 2019-12-20T00:00:00Z\nuntil = 2020-01-03T00:00:00Z"),
     'Freeze "year end" ended on 2020-01-03; it has no effect.'),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"), HOLES, ids=["uncovered", "ramp", "drops-a-group", "over"]
)
def test_hole_of_a_policy_is_noted(
    tmp_path: pathlib.Path, change: tuple[str, str], said: str
) -> None:
    """It can be meant, so it is no mistake."""
    path = tmp_path / "policy.toml"
    path.write_text(edited(change))

    found = policy_check.look(path)

    assert found.problems == ()
    assert any(said in note for note in found.notes), found.notes


def test_what_a_policy_means_is_told_rule_by_rule(tmp_path: pathlib.Path) -> None:
    """Which servers, who asks, and who approves, with their ids."""
    path = tmp_path / "policy.toml"
    path.write_text(GOOD)

    told = policy_check.look(path).meaning

    assert told[:3] == (
        '1. "databases": "@db": reboot',
        "   can be requested by sre (U0DANA, U0SAM, U0OLGA)",
        "   approved by 1 of sre (U0DANA, U0SAM, U0OLGA) and 1 of dc-ops (U0ROSA, S0ONCALL)",
    )
    assert "   from 3 servers up, by 2 of sre (U0DANA, U0SAM, U0OLGA)" in told


async def test_operator_reads_an_explanation_and_no_log(
    set_up: SetUp, tmp_path: pathlib.Path
) -> None:
    """Slack and CloudDC are asked; what is printed is the answer alone."""
    words = ("policy", "explain", "--user", "U0DANA", "--channel", "C0OPS", "--", "reboot", "web01")
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *words),
        env=set_up.given,
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, logged = await running.communicate()

    assert b"This could " in said
    assert logged == b""

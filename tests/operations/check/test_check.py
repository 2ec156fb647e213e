"""`powerbot check` against set-ups that are broken in one way each: it names that way alone."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import pathlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable

import pytest

from bot import settings
from bot.clouddc import error_answers
from bot.operations import manifest
from bot.operations.check import check, check_cloud, findings
from bot.operations.check.findings import CheckResult
from bot.power import errors
from bot.sandbox import data_centre, demo, workspace
from bot.sandbox.data_centre import serve
from bot.slack import app_features
from bot.storage import opening
from tests.slack import builders
from tests.support import ticks

LONG_KEY = "a-secret-that-must-not-be-shown"


@dataclasses.dataclass
class SetUp:
    """Everything that an operator has set up, before and after something was broken."""

    folder: pathlib.Path
    slack: workspace.Workspace
    centre: data_centre.DataCentre
    given: dict[str, str]
    ahead_s: float = 0.0

    @property
    def policy(self) -> pathlib.Path:
        """The policy file."""
        return self.folder / "policy.toml"

    def rewrite_policy(self, old: str, new: str) -> None:
        """Edit the policy file."""
        text = self.policy.read_text()
        assert old in text
        self.policy.write_text(text.replace(old, new))

    async def check(self, *, offline: bool = False) -> list[CheckResult]:
        """Run the check with these settings."""
        clock = ticks.GivenClock(time.time() + self.ahead_s)
        return await check.run(_settings(self.given), offline=offline, clock=clock)


def _settings(given: dict[str, str]) -> settings.Settings:
    """Return settings from these variables, and from no others."""
    with pytest.MonkeyPatch.context() as environment:
        for name in demo.environment("", "", pathlib.Path()):
            environment.delenv(name, raising=False)
        for name, value in given.items():
            environment.setenv(name, value)
        return settings.load(env_file=None)


@pytest.fixture
async def set_up(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SetUp]:
    """A set-up with nothing wrong."""
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.toml").write_text(demo.POLICY)
    app = workspace.App(scopes=tuple(sorted(app_features.scopes())), app_token=APP_TOKEN)
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
    given = demo.environment(slack.api_url, api.url, tmp_path)
    given = {name: value for name, value in given.items() if name in NAMES}
    yield SetUp(tmp_path, slack, centre, given | {"SLACK_APP_TOKEN": APP_TOKEN})
    await slack.stop()
    await api.stop()


APP_TOKEN = f"xapp-1-{workspace.App().id}-1-made-up"
NAMES = {
    "SLACK_API_URL",
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "CLOUDDC_ENDPOINT",
    "CLOUDDC_REGION",
    "CLOUDDC_PROJECT_ID",
    "HUAWEICLOUD_SDK_AK",
    "HUAWEICLOUD_SDK_SK",
    "POWERBOT_DATABASE_URL",
    "POWERBOT_POLICY",
}


def changed(**variables: str) -> Callable[[SetUp], None]:
    """Return a break that changes settings."""

    def breaks(one: SetUp) -> None:
        one.given |= variables

    return breaks


def unset(*names: str) -> Callable[[SetUp], None]:
    """Return a break that forgets settings."""

    def breaks(one: SetUp) -> None:
        for name in names:
            del one.given[name]

    return breaks


def edited(old: str, new: str) -> Callable[[SetUp], None]:
    """Return a break that edits the policy."""
    return lambda one: one.rewrite_policy(old, new)


def scopes(change: Callable[[set[str]], set[str]]) -> Callable[[SetUp], None]:
    """Return a break of the scopes that were granted."""

    def breaks(one: SetUp) -> None:
        granted = tuple(sorted(change(set(one.slack.app.scopes))))
        object.__setattr__(one.slack.app, "scopes", granted)

    return breaks


def in_channel(**changes: object) -> Callable[[SetUp], None]:
    """Return a break of the channel in which requests are made."""

    def breaks(one: SetUp) -> None:
        for name, value in changes.items():
            setattr(one.slack.directory.channel("C0OPS"), name, value)

    return breaks


def bot_removed(one: SetUp) -> None:
    """Take the bot out of the channel."""
    one.slack.directory.channel("C0OPS").members.discard(one.slack.app.bot_user)


def person_leaves(one: SetUp) -> None:
    """Deactivate an approver."""
    people = one.slack.directory.people
    people["U0SAM"] = dataclasses.replace(people["U0SAM"], deleted=True)


def person_is_elsewhere(one: SetUp) -> None:
    """Make an approver one from another workspace, whom Slack doesn't call a stranger."""
    people = one.slack.directory.people
    people["U0SAM"] = dataclasses.replace(people["U0SAM"], team_id="T0SUBSIDIARY")


def person_is_guest(one: SetUp) -> None:
    """Make an approver a guest."""
    people = one.slack.directory.people
    people["U0SAM"] = dataclasses.replace(people["U0SAM"], is_restricted=True)


def group_disabled(one: SetUp) -> None:
    """Disable a user group that the policy names."""
    one.rewrite_policy('dc-ops = ["U0ROSA"]', 'dc-ops = ["U0ROSA", "S0ONCALL"]')
    groups = one.slack.directory.groups
    groups["S0ONCALL"] = dataclasses.replace(groups["S0ONCALL"], disabled=True)


def group_empty(one: SetUp) -> None:
    """Name a user group without members."""
    one.rewrite_policy('dc-ops = ["U0ROSA"]', 'dc-ops = ["U0ROSA", "S0ONCALL"]')
    groups = one.slack.directory.groups
    groups["S0ONCALL"] = dataclasses.replace(groups["S0ONCALL"], users=[])


def other_workspace(one: SetUp) -> None:
    """Let the policy name another workspace's people and channels."""
    text = one.policy.read_text()
    for old, new in (("C0OPS", "C9OPS"), ("C0INC", "C9INC"), ('"U0', '"U9')):
        text = text.replace(old, new)
    one.policy.write_text(text)


def clock_ahead(one: SetUp) -> None:
    """Set this machine's clock half an hour ahead."""
    one.ahead_s = 1800.0


def faulty(kind: str) -> Callable[[SetUp], None]:
    """Return a break that makes CloudDC answer every read like this."""

    def breaks(one: SetUp) -> None:
        one.centre.queue_fault(data_centre.CallFaultKind(kind), times=50)

    return breaks


def wrong_path(one: SetUp) -> None:
    """Point at something that is no CloudDC."""
    one.given["CLOUDDC_ENDPOINT"] += "/elsewhere"


def no_cloud(one: SetUp) -> None:
    """Point at a server that answers, and knows nothing of servers."""
    one.given["CLOUDDC_ENDPOINT"] = one.slack.url


def old_schema(one: SetUp) -> None:
    """Leave a database of a version that is long gone."""
    with contextlib.closing(sqlite3.connect(one.folder / "powerbot.db")) as database:
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        database.execute("INSERT INTO alembic_version VALUES ('0000')")
        database.commit()


def new_schema(one: SetUp) -> None:
    """Leave a database of a version to come."""
    with contextlib.closing(sqlite3.connect(one.folder / "powerbot.db")) as database:
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")
        database.commit()


def no_database(one: SetUp) -> None:
    """Put something else where the database should be."""
    (one.folder / "powerbot.db").write_text("not a database, but long enough to be read as one\n")


def old_manifest(one: SetUp) -> None:
    """Keep a manifest of an older version, which had no Home tab."""
    text = manifest.text().replace("- app_home_opened\n", "").replace("    ", "    ", 1)
    (one.folder / "app_manifest.yml").write_text(text)


def failing(method: str, error: str) -> Callable[[SetUp], None]:
    """Return a break that makes Slack answer a method like this."""
    return lambda one: one.slack.chaos.fail(method, "error", count=50, error=error)


def group_named(one: SetUp) -> None:
    """Name a user group in a workspace whose plan has none."""
    one.rewrite_policy('dc-ops = ["U0ROSA"]', 'dc-ops = ["U0ROSA", "S0ONCALL"]')
    failing("usergroups.users.list", "plan_upgrade_required")(one)


def unreadable_manifest(one: SetUp) -> None:
    """Keep something that is no manifest."""
    (one.folder / "app_manifest.yml").write_text("features: [")


# One row for each broken set-up: what breaks it, and the words of the one finding and its mend.
BROKEN: dict[str, tuple[Callable[[SetUp], None], str, str, str]] = {
    "no bot token": (unset("SLACK_BOT_TOKEN"), "settings", "SLACK_BOT_TOKEN is not set", ".env"),
    "neither transport": (
        unset("SLACK_APP_TOKEN"),
        "settings",
        "SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP) is not set",
        ".env",
    ),
    "no keys": (unset("HUAWEICLOUD_SDK_SK"), "settings", "HUAWEICLOUD_SDK_SK", ".env"),
    "a person's token": (
        changed(SLACK_BOT_TOKEN="xoxp-1-" + LONG_KEY),
        "tokens",
        "SLACK_BOT_TOKEN holds a person's token",
        "xoxb-",
    ),
    "an app token for the bot's": (
        changed(SLACK_BOT_TOKEN="xapp-1-" + LONG_KEY),
        "tokens",
        "SLACK_BOT_TOKEN holds an app-level token",
        "xoxb-",
    ),
    "a bot token for the app's": (
        changed(SLACK_APP_TOKEN="xoxb-" + LONG_KEY),
        "tokens",
        "SLACK_APP_TOKEN holds the app's bot token",
        "xapp-",
    ),
    "a token that is gone": (
        changed(SLACK_BOT_TOKEN="xoxb-" + LONG_KEY),
        "slack",
        "Slack refuses SLACK_BOT_TOKEN: invalid_auth",
        "Bot User OAuth Token",
    ),
    "an app token that is gone": (
        changed(SLACK_APP_TOKEN="xapp-1-A0X-" + LONG_KEY),
        "slack",
        "Slack refuses SLACK_APP_TOKEN: invalid_auth",
        "connections:write",
    ),
    "tokens of two apps": (
        lambda one: object.__setattr__(one.slack.app, "id", "A0OTHER"),
        "slack",
        "two different apps",
        "same app's pages",
    ),
    "Slack away": (
        changed(SLACK_API_URL="http://127.0.0.1:9/api/"),
        "slack",
        "Slack can't be reached",
        "SLACK_API_URL",
    ),
    "another workspace": (
        other_workspace,
        "slack",
        "none of the people, groups and channels in the policy exist in the workspace",
        "workspace of these people",
    ),
    "a scope missing": (
        scopes(lambda granted: granted - {"usergroups:read"}),
        "scopes",
        "The scope usergroups:read is missing",
        "reinstall the app",
    ),
    "a scope too many": (
        scopes(lambda granted: granted | {"files:read"}),
        "scopes",
        "doesn't need: files:read",
        "remove them",
    ),
    "the bot not in the channel": (
        bot_removed,
        "channel C0OPS",
        "the bot isn't in channel C0OPS (#ops)",
        "/invite",
    ),
    "the channel shared": (
        in_channel(is_ext_shared=True),
        "channel C0OPS",
        "shared with another company",
        "only your company uses",
    ),
    "the channel archived": (
        in_channel(is_archived=True),
        "channel C0OPS",
        "is archived",
        "[channels]",
    ),
    "a channel unknown": (
        edited('allow = ["C0OPS", "C0INC"]', 'allow = ["C0OPS", "C0INC", "C9NO"]'),
        "channel C9NO",
        "doesn't exist in this workspace",
        "/invite",
    ),
    "an approver left": (person_leaves, "person U0SAM", "has left", "[people]"),
    "an approver is a guest": (person_is_guest, "person U0SAM", "is a guest", "[people]"),
    "an approver unknown": (
        edited('"U0DANA", "U0SAM"', '"U0DANA", "U0SAM", "U9NO"'),
        "person U9NO",
        "doesn't exist",
        "[people]",
    ),
    "an approver from another company": (
        edited('"U0DANA", "U0SAM"', '"U0DANA", "U0SAM", "U0STAN"'),
        "person U0STAN",
        "belongs to another company",
        "[people]",
    ),
    "an approver from another workspace": (
        person_is_elsewhere,
        "person U0SAM",
        "belongs to another workspace",
        "[people]",
    ),
    "an approver is a bot": (
        edited('"U0DANA", "U0SAM"', '"U0DANA", "U0SAM", "U0BOT"'),
        "person U0BOT",
        "is a bot",
        "[people]",
    ),
    "people unreadable": (
        failing("users.info", "account_inactive"),
        "person U0DANA",
        "could not be read: account_inactive",
        "an operator must replace it",
    ),
    "channels unreadable": (
        failing("conversations.info", "account_inactive"),
        "channel C0INC",
        "could not be read: account_inactive",
        "an operator must replace it",
    ),
    "no plan for groups": (
        group_named,
        "group S0ONCALL",
        "could not be read: plan_upgrade_required",
        "paid Slack plan",
    ),
    "a bot token that is a person's": (
        lambda one: object.__setattr__(one.slack.app, "bot_id", ""),
        "slack",
        "SLACK_BOT_TOKEN is a person's token",
        "Bot User OAuth Token",
    ),
    "CloudDC throttled": (
        faulty("throttled-json"),
        "clouddc",
        "",
        "try again in a minute",
    ),
    "CloudDC broken": (faulty("internal-error"), "clouddc", "500", "support"),
    "no manifest": (unreadable_manifest, "manifest", "can't be read", "powerbot manifest"),
    "a user group disabled": (group_disabled, "group S0ONCALL", "is disabled", "enable it"),
    "a user group empty": (group_empty, "group S0ONCALL", "has no members", "add people"),
    "a key that doesn't fit": (
        changed(HUAWEICLOUD_SDK_SK=LONG_KEY),
        "clouddc",
        "Incorrect IAM authentication information",
        "belong together",
    ),
    "the clock ahead": (clock_ahead, "clock", "30 minutes ahead", "NTP"),
    "no permission": (
        faulty("forbidden"),
        "clouddc",
        "Insufficient permissions",
        "clouddc:imetal:list",
    ),
    "another project": (
        changed(CLOUDDC_PROJECT_ID="f" * 32),
        "clouddc",
        "",
        "CLOUDDC_PROJECT_ID",
    ),
    "an endpoint with a path": (wrong_path, "clouddc", "must look like", "CLOUDDC_ settings"),
    "no CloudDC there": (no_cloud, "clouddc", "", "CLOUDDC_REGION"),
    "CloudDC away": (
        changed(CLOUDDC_ENDPOINT="http://127.0.0.1:9"),
        "clouddc",
        "can't be reached",
        "firewall",
    ),
    "CloudDC without TLS": (
        changed(CLOUDDC_ENDPOINT="http://clouddc.invalid"),
        "settings",
        "isn't https",
        "https://",
    ),
    "a policy with a mistake": (
        edited("confirm_above", "confirm_abov"),
        "policy",
        "confirm_abov",
        "policy check",
    ),
    "no policy": (
        lambda one: one.policy.unlink(),
        "policy",
        "There is no policy.toml",
        "policy init",
    ),
    "an old schema": (old_schema, "database", "the schema is 0000", "powerbot migrate"),
    "a new schema": (new_schema, "database", "newer than this version", "newer Powerbot"),
    "no database": (no_database, "database", "can't be read", "POWERBOT_DATABASE_URL"),
    "an old manifest": (old_manifest, "manifest", "events differ", "powerbot manifest"),
}
# Of these there is more than one to tell.
TWO = {
    "CloudDC without TLS",
    "people unreadable",
    "channels unreadable",
    # Without them nobody is left who could approve, which each rule says.
    "an approver left",
    "an approver is a guest",
    "an approver from another workspace",
}


async def test_a_set_up_with_nothing_wrong_has_no_bad_finding(set_up: SetUp) -> None:
    """What is looked at is told, and all of it is good."""
    (set_up.folder / "app_manifest.yml").write_text(manifest.text())
    opening.migrate(set_up.given["POWERBOT_DATABASE_URL"])

    found = await set_up.check()

    assert [one for one in found if not one.good] == []
    assert {one.about for one in found} == {
        "settings",
        "policy",
        "database",
        "manifest",
        "messages",
        "scopes",
        "slack",
        "clouddc",
    }


@pytest.mark.parametrize("name", BROKEN)
async def test_operator_reads_the_one_thing_that_is_broken_and_its_mend(
    name: str, set_up: SetUp
) -> None:
    """Each broken set-up has one bad finding, which names it and says what to do."""
    breaks, about, says, mend = BROKEN[name]
    breaks(set_up)

    bad = [one for one in await set_up.check() if not one.good]

    assert [one.about for one in bad][: 1 if name in TWO else None] == [about]
    assert says in bad[0].says
    assert mend in bad[0].mend
    assert LONG_KEY not in findings.as_text(bad)


async def test_operator_with_a_wrong_key_is_told_when_it_is_locked(set_up: SetUp) -> None:
    """After some wrong signatures the cloud locks the key, and only waiting helps."""
    set_up.given["HUAWEICLOUD_SDK_SK"] = LONG_KEY

    for _ in range(8):
        bad = [one for one in await set_up.check() if not one.good]

    assert "wait five minutes" in bad[0].mend


async def test_operator_of_an_empty_project_is_told_where_to_look(set_up: SetUp) -> None:
    """A list without a server is most often another project, or a condition too narrow."""
    empty = data_centre.DataCentre(
        [],
        clock=time.monotonic,
        wall=lambda: datetime.datetime.now(datetime.UTC),
        account=set_up.centre.iam.account,
    )
    api = await serve.start(empty)
    set_up.given["CLOUDDC_ENDPOINT"] = api.url

    bad = [one for one in await set_up.check() if not one.good]
    await api.stop()

    assert [one.says for one in bad] == ["the key sees no servers in this project."]
    assert "CLOUDDC_PROJECT_ID" in bad[0].mend


async def test_operator_of_an_http_app_is_asked_for_no_socket(set_up: SetUp) -> None:
    """With a signing secret and no app token, everything about sockets is left out."""
    del set_up.given["SLACK_APP_TOKEN"]
    set_up.given["SLACK_SIGNING_SECRET"] = LONG_KEY

    bad = [one for one in await set_up.check() if not one.good]

    assert bad == []
    assert set_up.slack.calls("apps.connections.open") == []


async def test_check_offline_asks_nobody(set_up: SetUp) -> None:
    """Without the network, settings, policy, database and manifest are looked at."""
    found = await set_up.check(offline=True)

    assert set_up.slack.calls() == []
    assert list(set_up.centre.log) == []
    assert {one.about for one in found} == {"settings", "policy", "database"}


async def test_findings_are_told_as_text_and_as_json(set_up: SetUp) -> None:
    """A line for people, and the same for programs."""
    person_leaves(set_up)

    found = await set_up.check()
    told = json.loads(findings.as_json(found))

    line = "FAIL person U0SAM: person U0SAM (@sam) has left: the account is deactivated."
    assert line in findings.as_text(found)
    assert told["ok"] is False
    mends = [one["mend"] for one in told["findings"] if not one["good"]]
    assert mends[0] == check_mend()
    assert any("Nobody could approve under rule" in one["says"] for one in told["findings"])


def check_mend() -> str:
    """Return the mend for a person who has left."""
    return "check the id in [people], or remove it."


def test_clocks_that_can_not_be_compared_are_taken_as_right() -> None:
    """An answer without a date, or with nonsense for one, says nothing about this machine."""
    assert error_answers.skew_s({}, builders.NOW) == 0.0
    assert error_answers.skew_s({"Date": "soon"}, builders.NOW) == 0.0


def test_a_call_that_never_left_points_at_the_network() -> None:
    """The address answered a moment ago, and then it didn't."""
    assert "firewall" in check_cloud.advice(errors.NotSent())


@pytest.mark.parametrize(
    ("name", "mode", "about", "words"),
    [
        (".env", 0o644, "settings", "can be read by everybody"),
        (".env", 0o602, "settings", "can be changed by everybody"),
        ("policy.toml", 0o646, "policy", "can be changed by everybody"),
    ],
)
async def test_check_names_a_file_that_everybody_may_open(
    set_up: SetUp, name: str, mode: int, about: str, words: str
) -> None:
    """With the command that mends it."""
    path = set_up.folder / name
    path.touch()
    path.chmod(mode)

    found = [one for one in await set_up.check(offline=True) if not one.good]

    assert [(one.about, words in one.says) for one in found] == [(about, True)]
    assert "chmod" in found[0].mend


async def test_check_names_a_folder_in_which_everybody_may_replace_policy_and_database(
    set_up: SetUp,
) -> None:
    """A file that nobody may write is no help there."""
    opening.migrate(f"sqlite:///{set_up.folder / 'power.db'}")
    set_up.given["POWERBOT_DATABASE_URL"] = f"sqlite:///{set_up.folder / 'power.db'}"
    set_up.folder.chmod(0o777)

    found = [one for one in await set_up.check(offline=True) if not one.good]

    assert [one.about for one in found] == ["policy", "database"]
    assert "can be replaced by everybody" in found[0].says


@pytest.mark.parametrize("name", ["SLACK_API_URL", "CLOUDDC_IAM_ENDPOINT", "CLOUDDC_ENDPOINT"])
async def test_check_names_every_address_without_tls(set_up: SetUp, name: str) -> None:
    """Tokens, keys and passwords go there."""
    set_up.given[name] = "http://example.com/api/"

    found = [one for one in await set_up.check(offline=True) if not one.good]

    assert any(one.says.startswith(f"{name} isn't https") for one in found)


async def test_region_and_project_are_judged_though_the_key_is_missing() -> None:
    """One run names all that is wrong, not the first thing alone."""
    given = settings.Settings.model_validate(
        {
            "CLOUDDC_REGION": "cn east 3",
            "CLOUDDC_PROJECT_ID": "nope nope",
            "HUAWEICLOUD_SDK_AK": "x",
        }
    )

    found = await check.run(given, offline=True)

    said = [one.says for one in found if not one.good]
    assert "CLOUDDC_REGION isn't the name of a region." in said
    assert "CLOUDDC_PROJECT_ID isn't a project's id: it has spaces or punctuation in it." in said
    assert any(one.startswith("HUAWEICLOUD_SDK_SK is not set") for one in said)


@pytest.mark.parametrize("name", ["power.db", "power.db-shm"])
async def test_check_names_a_database_that_the_bot_would_refuse(set_up: SetUp, name: str) -> None:
    """Only reading is possible then; the bot's start isn't."""
    kept = set_up.folder / "power.db"
    set_up.given["POWERBOT_DATABASE_URL"] = f"sqlite:///{kept}"
    opening.migrate(f"sqlite:///{kept}")
    before = await set_up.check(offline=True)
    (kept if name == kept.name else set_up.folder / "other").touch()
    planted = set_up.folder / "second" if name == kept.name else set_up.folder / name
    planted.hardlink_to(kept if name == kept.name else set_up.folder / "other")

    found = [one for one in await set_up.check(offline=True) if not one.good]

    assert all(one.good for one in before)
    assert [one.about for one in found] == ["database"]
    assert "hard link" in found[0].says

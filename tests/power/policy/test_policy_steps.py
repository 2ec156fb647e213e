"""Steps and order in the policy file, on the plan, and left out of it."""

from __future__ import annotations

import pytest

from bot.power import errors, plan, request
from bot.power.approval import policy_lint, policy_meaning
from bot.power.command import command
from bot.power.planning import plan_steps, planning
from bot.power.policy import policy, policy_file
from bot.power.request import Action
from bot.power.steps import definition
from tests.power import policy_texts
from tests.power.policy_texts import asked, box, boxes, fleet, known

STEPS = """
[[step]]
name = "quiet"
kind = "silence"
url = ["http://am-0:9093", "http://am-1:9093/"]
match = { instance = "{name}(:[0-9]+)?" }
lasts = "2h"
auth = "env:ALERTMANAGER_AUTH"
[[step]]
name = "drain"
kind = "drain"
url = "https://10.0.0.1:6443"
auth = "env:K8S_AUTH"
ca = "/etc/powerbot/k8s-ca.crt"
node = "{name}"
within = "10m"
[[step]]
name = "balancer"
kind = "webhook"
url = "https://lb.example/hooks/power"
secret = "env:LB_HOOK_SECRET"
must = false
[[step]]
name = "answering"
kind = "probe"
http = "http://{name}:8080/healthz"
settle = "30s"
"""
USES = 'servers = "*"\nsteps = ["quiet", "drain", "balancer", "answering"]'
ORDER = '\n[order]\non = ["@db", "web*"]\nreboot = ["web*", "@db"]\n'


def rules(extra: str = "", uses: str = USES) -> policy.Policy:
    """Return the contract's policy with its example of steps."""
    return policy_texts.edited(('servers = "*"', uses), text=policy_texts.CONTRACT + STEPS + extra)


def made(action: Action, given: policy.Policy, **options: object) -> plan.Plan:
    """Return the plan for three web servers."""
    power = "off" if action is Action.ON else "on"
    web = boxes("web", 3, power)
    question = asked(action, *web, options=request.Options.model_validate(options))
    return planning.make(question, given, fleet(*web), known())


def test_the_steps_of_the_contract_are_read() -> None:
    """Each key where it belongs, with the defaults of its kind."""
    quiet, drain, balancer, answering = rules().steps

    assert quiet.urls == ("http://am-0:9093", "http://am-1:9093")
    assert (quiet.match, quiet.lasts_s) == ((("instance", "{name}(:[0-9]+)?"),), 7200.0)
    assert (quiet.auth, quiet.within_s, quiet.must) == ("ALERTMANAGER_AUTH", 30.0, True)
    assert (drain.node, drain.within_s, drain.ca) == ("{name}", 600.0, "/etc/powerbot/k8s-ca.crt")
    assert (balancer.secret, balancer.within_s, balancer.must) == ("LB_HOOK_SECRET", 120.0, False)
    assert (answering.within_s, answering.settle_s, answering.every_s) == (300.0, 30.0, 5.0)
    assert answering.when is definition.When.AFTER
    assert rules().rules[-1].steps == ("quiet", "drain", "balancer", "answering")


MISTAKES = [
    ('kind = "drain"', 'kind = "drian"', '"drian" isn\'t a kind of step; did you mean drain?'),
    ('node = "{name}"', "", "this key is missing; write node"),
    ('lasts = "2h"\n', "", "this key is missing; write lasts"),
    ('settle = "30s"', 'node = "{name}"', "a step of kind probe has no such key"),
    ("{name}:8080", "{nmae}:8080", "there is no {nmae}; did you mean name?"),
    ("{name}:8080", "{tag:}:8080", "there is no {tag:}"),
    ('settle = "30s"', 'tcp = "{name}:22"', "write exactly one of http, tcp or promql"),
    ('settle = "30s"', 'url = "http://p"', "promql needs the url of a Prometheus"),
    (
        'settle = "30s"',
        'when = "before"',
        "isn't about its servers, so it can't have {placeholders}",
    ),
    ("http://{name}:8080", "ftp://{name}", "begins with http:// or https://"),
    ("http://{name}:8080", "http://u:p@{name}", "an address can't have a user or a password"),
    ("http://{name}:8080", "http://x:{id}", "isn't an address"),
    (
        "https://lb.example/hooks",
        "https://{name}/hooks",
        "an address here can't have {placeholders}",
    ),
    ('"env:LB_HOOK_SECRET"', '"whsec_abcdef"', 'name the variable that holds it, such as "env:'),
    ("{name}(:[0-9]+)?", "web.*", "nothing here names the server"),
    ("{name}(:[0-9]+)?", "{name}(", "isn't a regular expression that RE2 accepts"),
    ('name = "answering"', 'name = "all"', "all stands for every step"),
    ('name = "answering"', 'name = "drain"', "another step has this name"),
    (
        '"drain", "balancer"',
        '"drian", "balancer"',
        '"drian" isn\'t a step here; did you mean drain?',
    ),
    ('"drain", "balancer"', '"quiet", "balancer"', 'step "quiet" is listed twice'),
    ('on = ["@db", "web*"]', 'on = ["@db", "web*", "@db"]', 'group "@db" is listed twice'),
    ('reboot = ["web*", "@db"]', 'reboot = ["@db", "@db"]', 'group "@db" is listed twice'),
]


@pytest.mark.parametrize(("before", "after", "said"), MISTAKES, ids=[one[2] for one in MISTAKES])
def test_a_mistake_is_one_sentence(before: str, after: str, said: str) -> None:
    """What is wrong, where, and what to write."""
    text = (policy_texts.CONTRACT + STEPS + ORDER).replace('servers = "*"', USES)
    assert before in text
    with pytest.raises(errors.PolicyError) as caught:
        policy_file.read(text.replace(before, after))
    assert said in caught.value.user_message
    assert "whsec_abcdef" not in caught.value.user_message


def test_only_a_rules_own_steps_may_be_skipped() -> None:
    """A step that the rule doesn't have can't be left out of it."""
    with pytest.raises(
        errors.PolicyError, match='"balancer" isn\'t a step here; name one of steps'
    ):
        rules(uses='servers = "*"\nsteps = ["drain"]\nmay_skip = ["balancer"]')


def test_what_surprises_is_told_and_is_no_mistake() -> None:
    """A step that no rule uses, a variable that isn't set; a file of it is enough."""
    given = rules(uses='servers = "*"\nsteps = ["quiet"]')

    assert [line.split('"')[1] for line in policy_meaning.unused_steps(given)] == [
        "drain", "balancer", "answering",
    ]  # fmt: skip
    known = {"K8S_AUTH", "LB_HOOK_SECRET_FILE"}
    unset = list(policy_meaning.unset_variables(given, known, {"K8S_AUTH"}.__contains__))
    assert len(unset) == 2
    assert "ALERTMANAGER_AUTH or" in unset[0]
    assert "K8S_AUTH, which is Powerbot's own" in unset[1]


def test_a_silence_that_could_end_before_it_stands_is_a_problem() -> None:
    """`policy check` ends with 1."""
    text = (policy_texts.CONTRACT + STEPS).replace('servers = "*"', USES)
    assert not list(policy_lint.contradictions(policy_file.read(text)))
    short = text.replace('lasts = "2h"', 'lasts = "29s"')
    (found,) = policy_lint.contradictions(policy_file.read(short))
    assert 'Step "quiet": lasts is shorter than within' in found


FOR_ALL = [
    ('node = "{name}"', 'node = "web01"', 'Step "drain": node has no {name}'),
    ("http://{name}:8080", "http://lb:8080", 'Step "answering": http has no {name}'),
    ('http = "http://{name}:8080/healthz"', 'tcp = "lb:22"', 'Step "answering": tcp has no {name}'),
]


@pytest.mark.parametrize(("before", "after", "said"), FOR_ALL, ids=[one[2] for one in FOR_ALL])
def test_one_thing_that_stands_for_all_servers_is_told(before: str, after: str, said: str) -> None:
    """It may be meant; a probe before a wave asks about the world anyway."""
    text = (policy_texts.CONTRACT + STEPS).replace('servers = "*"', USES)
    assert before in text
    assert not list(policy_lint.step_notes(policy_file.read(text)))
    (told,) = policy_lint.step_notes(policy_file.read(text.replace(before, after)))
    assert said in told
    world = f'{after}\nwhen = "before"'
    if said.startswith('Step "answering": tcp'):
        assert not list(policy_lint.step_notes(policy_file.read(text.replace(before, world))))


def test_a_labels_pattern_is_explained_as_one() -> None:
    """Not as a pattern for reasons."""
    text = (policy_texts.CONTRACT + STEPS).replace("{name}(:[0-9]+)?", "{name}(?=:)")
    with pytest.raises(errors.PolicyError) as caught:
        policy_file.read(text)
    assert "can't look ahead" in caught.value.user_message
    assert "the whole value of the label" in caught.value.user_message
    assert "reason" not in caught.value.user_message


LINES = [
    (Action.REBOOT, "quiet, drain, balancer; then answering for 30s (within 5m)"),
    (Action.CYCLE, "quiet, drain, balancer; then answering for 30s (within 5m)"),
    (Action.OFF, "quiet, drain, balancer; it stays out"),
    (Action.ON, "then answering for 30s (within 5m); what was taken out before is put back"),
]


@pytest.mark.parametrize(("action", "said"), LINES, ids=[action.value for action, _ in LINES])
def test_the_plan_says_what_is_done_around_each_wave(action: Action, said: str) -> None:
    """In the order in which it is done, as the action has it."""
    assert list(plan_steps.lines(made(action, rules()))) == [f"Around each wave: {said}"]


def test_rules_with_other_steps_are_told_apart() -> None:
    """Each line names its rule."""
    given = rules()
    servers = (box("web01"), box("db01"), box("db02"), box("db03"))
    question = asked(Action.REBOOT, *servers[:2], reason="INC-1")
    told = planning.make(question, given, fleet(*servers), known())
    assert [one.rule for one in told.around] == ["everything else"]


def test_a_step_is_left_out_where_the_rule_lets_it() -> None:
    """It stands on the plan and under the seal."""
    given = rules(uses=f'{USES}\nmay_skip = ["drain"]')
    without = made(Action.REBOOT, given, without=["drain"])

    assert not without.refusals
    assert list(plan_steps.lines(without)) == [
        "Around each wave: quiet, balancer; then answering for 30s (within 5m)",
        "Left out: drain",
    ]
    assert without.order.seal != made(Action.REBOOT, given).order.seal


def test_a_step_is_not_left_out_otherwise() -> None:
    """But for break glass, in an incident's channel."""
    refused = made(Action.REBOOT, rules(), without=["all"]).refusals
    said = (
        "doesn't let anybody leave out quiet, drain, balancer and answering; remove --without all"
    )
    assert any(said in one for one in refused)
    unknown = made(Action.REBOOT, rules(), without=["drian"]).refusals
    assert "the steps are quiet, drain, balancer and answering" in unknown[0]
    glass = {"without": ["all"], "break_glass": True}
    assert not any("leave" in one for one in made(Action.REBOOT, rules(), **glass).refusals)


def test_a_seal_of_before_stays_the_same() -> None:
    """An order that leaves nothing out is sealed as it was when there were no steps."""
    options = request.Options(batch=2)
    assert "without" not in options.sealed
    assert request.Options.model_validate({"batch": 2}) == options


@pytest.mark.parametrize(
    ("typed", "without"),
    [
        ("reboot web01 --without drain", ("drain",)),
        ("reboot web01 --without drain --without quiet", ("drain", "quiet")),
        ("reboot web01 —without=drain,quiet because it hangs", ("drain", "quiet")),
        ("reboot web01 --without all", ("all",)),
    ],
)
def test_steps_are_left_out_by_an_option(typed: str, without: tuple[str, ...]) -> None:
    """It may be typed more than once, and is written in one."""
    said = command.parse(typed)
    assert isinstance(said, command.Change)
    assert said.options.without == without
    again = command.parse(said.line(said.targets).removeprefix("/power "))
    assert isinstance(again, command.Change)
    assert again.options == said.options


@pytest.mark.parametrize(
    ("action", "waves"),
    [
        (Action.REBOOT, (1, 2, 2, 1)),
        (Action.ON, (1, 1, 3, 1)),
        (Action.OFF, (1, 3, 2)),
    ],
)
def test_no_wave_has_servers_of_two_groups(action: Action, waves: tuple[int, ...]) -> None:
    """One group after another, then the rest; off goes the other way."""
    power = "off" if action is Action.ON else "on"
    some = (*boxes("web", 3, power), *boxes("db", 2, power), box("app01", power))
    given = policy_texts.edited(
        ("on = 2", "on = 1"), ('actions = ["off", "reboot", "cycle"]\nrequesters',
        'actions = ["on", "off", "reboot", "cycle"]\nrequesters'),
        text=policy_texts.CONTRACT + ORDER,
    )  # fmt: skip
    standing = boxes("db", 9)[2:]
    question = asked(action, *some, reason="INC-1")
    told = planning.make(question, given, fleet(*some, *standing), known())
    assert told.waves == waves

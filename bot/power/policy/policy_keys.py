"""Every key of the policy file in words: what it holds, what it is without it, what it does.

Defaults come from the values that the reader itself falls back to.
"""

from __future__ import annotations

import dataclasses

from bot.power.policy import policy

WANTED = "must be set"
NONE = "nothing"


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """One key: `default` is empty where a value of `policy` has it."""

    name: str
    kind: str
    example: str
    says: str
    default: str = ""


CHANNELS = (
    Key("allow", "list of channel ids", '["C0OPS"]',
        "Changes can be requested in these channels and nowhere else.", NONE),
    Key("incident", "list of channel ids", '["C0INC"]',
        "Break glass can be used in these channels; list them under `allow` too.", NONE),
)  # fmt: skip
LIMITS = (
    Key("max_servers", "whole number", "500", "A request for more servers is refused."),
    Key("confirm_above", "whole number", "10",
        "From this many servers up, the requester has to type the count."),
    Key("max_requests_per_hour", "whole number", "60",
        "One person can make this many requests in an hour."),
    Key("max_open_per_user", "whole number", "5",
        "One person can have this many requests open at once."),
    Key("split_window", "duration", '"15m"',
        "A person's other requests in this time count towards `from_servers`, so that "
        "splitting a large request gains nothing."),
)  # fmt: skip
CONDUCT = (
    Key("expires", "duration", '"30m"', "A request that isn't approved in this time expires."),
    Key("use_within", "duration", '"15m"', "An approved request has to start within this time."),
    Key("remind", "duration", '"10m"', "Approvers are reminded once, after this long."),
    Key("escalate", "duration", '"20m"',
        "After this long, everybody who can approve is asked once more."),
    Key("deny_reason", "true or false", "true", "Whoever denies a request has to say why."),
    Key("notify", '"people", "group" or "none"', '"group"',
        "Whom a new request mentions in its thread: the approvers, their Slack user groups, or "
        "nobody."),
    Key("cooldown", "duration", '"5m"',
        "A server can't be rebooted or cycled again until this long after its last reboot."),
    Key("on_change", '"skip" or "stop"', '"stop"',
        "If a server has changed since the plan: leave it out, or stop the whole run."),
    Key("batch", "whole number", "50",
        "The most servers in one wave; a call to CloudDC never has more than 50."),
    Key("ramp", "list of whole numbers", "[1, 5]",
        "The sizes of the first waves; the first one is the trial."),
    Key("pause", "duration", '"30s"', "How long to wait between two waves."),
    Key("max_failures", "whole number", "1",
        "The run stops itself after this many servers have failed."),
    Key("max_per_rack", "whole number", "10",
        "The most servers of one rack that power on at the same time, over all requests."),
)  # fmt: skip
FREEZE = (
    Key("name", "text", '"year end"', "The name that people see.", "its number"),
    Key("from", "date and time with offset", "2026-12-20T00:00:00+01:00",
        "When the freeze begins.", WANTED),
    Key("until", "date and time with offset", "2027-01-03T00:00:00+01:00",
        "When it ends, a year later at most.", WANTED),
    Key("actions", "list of actions", '["off", "cycle"]',
        "What is frozen.", "all four"),
    Key("override", "groups with counts", "{ dc-ops = 1 }",
        "With these additional approvals, a request can run during the freeze.", "no exceptions"),
)  # fmt: skip
KEEP = (
    Key("servers", "targets", '"db*"', "The servers that are counted together.", WANTED),
    Key("on", "whole number", "2", "At least this many of them stay on.", WANTED),
)
RULE = (
    Key("name", "text", '"databases"', "The name that people see.", "its number"),
    Key("servers", "targets", '"db*"',
        "The servers it covers; the first rule that matches a server decides.", WANTED),
    Key("actions", "list of actions", '["off", "reboot"]',
        "What can be requested: `on`, `off`, `reboot`, `cycle`.", WANTED),
    Key("requesters", "list of groups", '["sre"]', "Who can request it.", WANTED),
    Key("approvers", "groups with counts", "{ sre = 1, dc-ops = 1 }",
        "How many people of each group must approve; the requester never counts, and `{}` means "
        "that no approval is needed.", WANTED),
    Key("from_servers", "rows of groups with counts", "{ 20 = { sre = 1, dc-ops = 1 } }",
        "From this many servers up, this row replaces `approvers`.", NONE),
    Key("reason", "pattern", '"INC-[0-9]+"',
        "Every reason must contain a match for this regular expression.", NONE),
    Key("break_glass", "list of groups", '["sre"]',
        "Who can act without approval in an incident channel.", "nobody"),
    Key("review_within", "duration", '"24h"',
        "How soon somebody else has to review a use of break glass.", "24h"),
    Key("steps", "list of steps", '["drain"]',
        "What is done around each wave of its servers, in this order.", NONE),
    Key("may_skip", "list of steps", '["drain"]',
        "Which of them a request can leave out with `--without`.", NONE),
)  # fmt: skip
STEP = (
    Key("name", "text", '"drain"', "What rules and people call it.", WANTED),
    Key("kind", '"silence", "drain", "webhook" or "probe"', '"drain"', "What it does.", WANTED),
    Key("url", "address, or a list of addresses of one cluster", '"https://10.0.0.1:6443"',
        "silence: the Alertmanager; webhook: the receiver; promql: the Prometheus; drain: the "
        "API server; without it, the pod's own cluster. http or https, without user and "
        "password; redirects are not followed.", "the kind decides"),
    Key("match", "labels with regular expressions", '{ instance = "{name}(:[0-9]+)?" }',
        "silence: the labels of a server's alerts; each expression matches the whole value.",
        NONE),
    Key("lasts", "duration", '"2h"',
        "silence: when it ends by itself; it is extended while its wave runs.", NONE),
    Key("auth", "name of a variable", '"env:K8S_AUTH"',
        "The value of an Authorization header; `NAME_FILE` works as well. Never the value itself.",
        NONE),
    Key("secret", "name of a variable", '"env:LB_HOOK_SECRET"',
        "webhook: the secret that signs it (`whsec_…`).", NONE),
    Key("ca", "path", '"/etc/powerbot/k8s-ca.crt"', "The certificate authorities that are trusted.",
        "the system's"),
    Key("node", "string with placeholders", '"{name}"', "drain: the server's Kubernetes node.",
        NONE),
    Key("http", "address with placeholders", '"http://{name}:8080/healthz"',
        "probe: any 2xx answer is healthy.", NONE),
    Key("tcp", "host and port", '"{name}:22"', "probe: a connection is healthy.", NONE),
    Key("promql", "expression with placeholders", "'up{instance=~\"{name}.*\"} == 1'",
        "probe: at least one sample and none of them 0 is healthy; needs `url`.", NONE),
    Key("when", '"before" or "after"', '"after"',
        "probe: `before` checks something outside the servers before each wave; no placeholders.",
        '"after"'),
    Key("must", "true or false", "false",
        "If it fails for a server: true leaves the server out, false carries on and says so.",
        "true"),
    Key("within", "duration", '"10m"', "How long it may take; for a probe, to become healthy.",
        "30s (silence), 10m (drain), 2m (webhook), 5m (probe)"),
    Key("settle", "duration", '"30s"', "probe: how long it must then stay healthy.",
        "0s"),
    Key("every", "duration", '"5s"', "probe: how often it checks.", "5s"),
)  # fmt: skip
ORDER = (
    Key("on", "list of targets", '["db*", "web*"]',
        "Groups of servers that are powered on one after another, all others last; powering off "
        "goes in reverse.", NONE),
    Key("reboot", "list of targets", '["web*", "db*"]', "The same for reboot and cycle.", NONE),
)  # fmt: skip
TABLES: tuple[tuple[str, str, tuple[Key, ...]], ...] = (
    ("[channels]", "Where changes can be requested.", CHANNELS),
    ("[limits]", "What one person can request.", LIMITS),
    ("[defaults]", "How requests are carried out. A rule can set any of these for itself.",
     CONDUCT),
    ("[[freeze]]", "A period in which nothing is changed. One table for each.", FREEZE),
    ("[[keep]]", "Servers that must not all be off at once. One table for each.", KEEP),
    ("[[rule]]", "Who can do what. The first rule that matches a server decides. It takes every "
     "key of `[defaults]` too.", RULE),
    ("[[step]]", "What is done around each wave of the rules that name it. One table for each. "
     "Placeholders: `{name} {id} {sn} {rack} {dc} {tag:KEY}`, quoted as their place requires; "
     "the step fails for a server without the value.", STEP),
    ("[order]", "Which servers go first. No wave has servers of two groups.", ORDER),
)  # fmt: skip
FREE = (
    ("version", "The file begins with `version = 1`."),
    ("[people]", "Your own group names, each with member ids (`U…`) and Slack user groups (`S…`): "
     '`sre = ["U0123456789", "S0123456789"]`.'),
    ("[groups]", 'Names for servers, used as `@web`: `web = "web*"`.'),
    ("[protected]", "`servers` lists what nobody can touch, not even with break glass: "
     '`servers = ["tag:powerbot=never", "pdu*"]`.'),
)  # fmt: skip
HEAD = """\
# The policy file, key by key

Made from the code by `powerbot policy reference`. Start with `powerbot policy init`, try it with
`powerbot policy check`; a running bot reads an edited file within a second and keeps the old one
if the new one can't be used.

Durations are strings such as `"500ms"`, `"2s"`, `"10m"`, `"1h"`. Targets are what people type
(`"web[01-20]"`, `"rack:R12"`, `"@web"`); a list adds up.
"""


def default(key: Key) -> str:
    """Return what holds without the key, as the file would have it."""
    if key.default:
        return key.default
    for values in (policy.Limits(), policy.Conduct()):
        for name in (key.name, f"{key.name}_s"):
            if hasattr(values, name):
                return _written(getattr(values, name), is_time=name.endswith("_s"))
    raise LookupError(key.name)


def reference() -> str:
    """Return the whole page, as Markdown."""
    parts = [HEAD, "| | |\n|---|---|"]
    parts += [f"| `{name}` | {says} |" for name, says in FREE]
    for name, says, keys in TABLES:
        parts += [f"\n## `{name}`\n\n{says}\n", "| key | holds | without it | example | |"]
        parts += ["|---|---|---|---|---|", *map(_row, keys)]
    return "\n".join(parts) + "\n"


def _row(key: Key) -> str:
    """Return a key's row."""
    example = f"`{key.name} = {key.example}`"
    return f"| `{key.name}` | {key.kind} | {default(key)} | {example} | {key.says} |"


def _written(value: object, *, is_time: bool) -> str:
    """Return a default as the file would have it."""
    if is_time:
        seconds = int(float(str(value)))
        return f"{seconds // 60}m" if seconds and seconds % 60 == 0 else f"{seconds}s"
    if isinstance(value, bool | str):
        return str(value).lower()
    return str(list(value)) if isinstance(value, tuple) else str(value)

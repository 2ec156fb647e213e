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
        "Above this many servers, the requester has to type the count."),
    Key("max_requests_per_hour", "whole number", "60",
        "One person can make this many requests in an hour."),
    Key("max_open_per_user", "whole number", "5",
        "One person can have this many requests open at once."),
    Key("split_window", "duration", '"15m"',
        "A person's other requests of this last while count towards `from_servers`, so that "
        "splitting a large request gains nothing."),
)  # fmt: skip
CONDUCT = (
    Key("expires", "duration", '"30m"', "A request that isn't approved in this time ends."),
    Key("use_within", "duration", '"15m"', "An approved request has to start within this time."),
    Key("remind", "duration", '"10m"', "Approvers are reminded once, after this long."),
    Key("escalate", "duration", '"20m"',
        "After this long, everybody who may approve is asked once more."),
    Key("deny_reason", "true or false", "true", "Whoever denies a request has to say why."),
    Key("notify", '"people", "group" or "none"', '"group"',
        "Whom a new request calls in its thread: the approvers, their Slack user groups, or "
        "nobody."),
    Key("cooldown", "duration", '"5m"',
        "A server can't be changed again until this long after its last change."),
    Key("on_change", '"skip" or "stop"', '"stop"',
        "If a server changes after approval, leave out that server, or stop the whole run."),
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
    Key("name", "text", '"year end"', "What people are told is in force.", "its number"),
    Key("from", "date and time with offset", "2026-12-20T00:00:00+01:00",
        "When the freeze begins.", WANTED),
    Key("until", "date and time with offset", "2027-01-03T00:00:00+01:00",
        "When it ends, a year later at most.", WANTED),
    Key("actions", "list of actions", '["off", "cycle"]',
        "What is frozen.", "all four"),
    Key("override", "groups with counts", "{ dc-ops = 1 }",
        "With these approvals on top, a request passes during the freeze.", "nobody can pass"),
)  # fmt: skip
KEEP = (
    Key("servers", "targets", '"db*"', "The servers that are counted together.", WANTED),
    Key("on", "whole number", "2", "At least this many of them stay on.", WANTED),
)
RULE = (
    Key("name", "text", '"databases"', "What people see as the reason.", "its number"),
    Key("servers", "targets", '"db*"',
        "The servers it covers; the first rule that matches a server decides.", WANTED),
    Key("actions", "list of actions", '["off", "reboot"]',
        "What can be requested: `on`, `off`, `reboot`, `cycle`.", WANTED),
    Key("requesters", "list of groups", '["sre"]', "Who can request it.", WANTED),
    Key("approvers", "groups with counts", "{ sre = 1, dc-ops = 1 }",
        "How many people of each group must approve; the requester never counts, and `{}` means "
        "that nobody has to.", WANTED),
    Key("from_servers", "rows of groups with counts", "{ 20 = { sre = 1, dc-ops = 1 } }",
        "From this many servers on, this row replaces `approvers`.", NONE),
    Key("reason", "pattern", '"INC-[0-9]+"', "Every reason must contain a match.", NONE),
    Key("break_glass", "list of groups", '["sre"]',
        "Who can act without approval in an incident channel.", "nobody"),
    Key("review_within", "duration", '"24h"',
        "How soon somebody else has to review a use of break glass.", "24h"),
)  # fmt: skip
TABLES: tuple[tuple[str, str, tuple[Key, ...]], ...] = (
    ("[channels]", "Where changes can be requested.", CHANNELS),
    ("[limits]", "What one person can ask for.", LIMITS),
    ("[defaults]", "How requests are carried out. A rule can set any of these for itself.",
     CONDUCT),
    ("[[freeze]]", "A span of time in which nothing is changed. One table for each.", FREEZE),
    ("[[keep]]", "Servers that must not all be switched off. One table for each.", KEEP),
    ("[[rule]]", "Who may do what. The first rule that matches a server decides. It takes every "
     "key of `[defaults]` too.", RULE),
)  # fmt: skip
FREE = (
    ("version", "`version = 1` stands at the top."),
    ("[people]", "Your own group names, each with member ids (`U…`) and Slack user groups (`S…`): "
     '`sre = ["U0123456789", "S0123456789"]`.'),
    ("[groups]", 'Names for servers, used as `@web`: `web = "web*"`.'),
    ("[protected]", "`servers` names what is never touched, by nobody, not even with break glass: "
     '`servers = ["tag:powerbot=never", "pdu*"]`.'),
)  # fmt: skip
HEAD = """\
# The policy file, key by key

Made from the code by `powerbot policy reference`. Start with `powerbot policy init`, try it with
`powerbot policy check`; a running bot reads an edited file within a second and keeps the old one
if the new one can't be used.

Durations are texts such as `"500ms"`, `"2s"`, `"10m"`, `"1h"`. Targets are what people type
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

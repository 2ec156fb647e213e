"""The verbs and options that there are: the only list; parser, mistakes and help read it."""

from __future__ import annotations

import dataclasses
import enum

from bot.power.request import Action

ANYBODY = "every full member of the workspace; the answer is private"
REQUESTERS = "anybody named as requester in a rule of the policy, in an allowed channel"


class Argument(enum.Enum):
    """What may follow a verb."""

    TARGETS = "TARGETS"
    OPTIONS = "OPTIONS"
    REASON = "because REASON"
    REQUEST = "ID"


@dataclasses.dataclass(frozen=True, slots=True)
class Verb:
    """A verb: how it is written, what it does in one line, who may use it, lines to copy.

    `takes` says what its usage has.
    """

    usage: str
    does: str
    who: str
    examples: tuple[str, ...]
    takes: frozenset[Argument] = frozenset()

    @property
    def example(self) -> str:
        """The first line to copy."""
        return self.examples[0]

    @property
    def changes(self) -> bool:
        """Whether it changes servers, and so takes options and a reason."""
        return Argument.OPTIONS in self.takes


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """An option: the word for its value (empty: it takes none), what it does, and a value."""

    value: str
    does: str
    example: str = ""


PREFIX = "/power"  # A workspace may have registered it under another name; lines to copy use that.
# What the same words follow on the host.
PROGRAM = "powerbot"
BECAUSE = "because"
# How a reason is begun by those who don't know, or can't spell, because.
BEGINNINGS = frozenset(
    {
        *("reason", "for", "since", "bc", "cause", "cuz", "as", "due"),
        *("weil", "wegen", "car", "porque", "因为", "由于", "原因"),
    }
)
# Words around names that name nothing.
POLITE = frozenset({"the", "server", "servers", "host", "hosts", "machine", "machines", "now"})
# Words before a verb that add nothing to it.
PASSED_OVER = frozenset(
    {
        *("power", "turn", "switch", "please", "pls", "plz", "kindly", "can", "could", "would"),
        *("you", "to", "just", "now", "hi", "hello", "hey", "hallo", "morning", "good", "bitte"),
    }
)
CHANGE = "TARGETS [OPTIONS] [because REASON]"  # As help writes it.
_CHANGE = frozenset({Argument.TARGETS, Argument.OPTIONS, Argument.REASON})
_TARGETS = frozenset({Argument.TARGETS})
_REQUEST = frozenset({Argument.REQUEST})
_END = frozenset({Argument.REQUEST, Argument.REASON})
VERBS: dict[str, Verb] = {
    Action.ON.value: Verb(
        f"on {CHANGE}",
        "switches servers on",
        REQUESTERS,
        ("on web[01-03] because …", "on rack:R12 state:off --pause 30s because …"),
        _CHANGE,
    ),
    Action.OFF.value: Verb(
        f"off {CHANGE}",
        "switches servers off",
        REQUESTERS,
        ("off web07 because …", "off web[01-20] !web07 --batch 5 because …"),
        _CHANGE,
    ),
    Action.REBOOT.value: Verb(
        f"reboot {CHANGE}",
        "restarts servers; each is sent exactly one call",
        REQUESTERS,
        ("reboot web[01-20] !web07 because …", "reboot @web --dry-run"),
        _CHANGE,
    ),
    Action.CYCLE.value: Verb(
        f"cycle {CHANGE}",
        "switches servers off and, once that is confirmed, on again",
        REQUESTERS,
        ("cycle db03 because …", "cycle worker03 --break-glass because …"),
        _CHANGE,
    ),
    "status": Verb(
        "status [TARGETS]", "shows power states", ANYBODY, ("status rack:R12", "status"), _TARGETS
    ),
    "list": Verb(
        "list [TARGETS]",
        "lists servers with their details",
        ANYBODY,
        ("list state:off", "list tag:role=web"),
        _TARGETS,
    ),
    "show": Verb("show ID", "shows one request", ANYBODY, ("show PR-7F3K",), _REQUEST),
    "requests": Verb(
        "requests", "shows open requests, those that wait for you first", ANYBODY, ("requests",)
    ),
    "owed": Verb(
        "owed", "lists what steps took out and haven't put back, and why", ANYBODY, ("owed",)
    ),
    "history": Verb(
        "history [TARGETS]",
        "shows past changes to servers",
        ANYBODY,
        ("history db03", "history"),
        _TARGETS,
    ),
    "why": Verb(
        "why SERVER",
        "shows a server's last changes: who asked, who approved",
        ANYBODY,
        ("why web01",),
    ),
    "stop": Verb(
        "stop ID [because REASON]",
        "stops a running request: no new call is sent",
        "every full member who sees the channel",
        ("stop PR-7F3K", "stop PR-7F3K because wrong rack"),
        _END,
    ),
    "cancel": Verb(
        "cancel ID [because REASON]",
        "takes a request back before its first call",
        "the person who made the request",
        ("cancel PR-7F3K",),
        _END,
    ),
    "freeze": Verb(
        "freeze REASON [until 04:00]",
        "holds all changes back, in your name",
        "anybody named as requester or approver in a rule, in an allowed channel",
        ("freeze network work until 04:00",),
    ),
    "unfreeze": Verb(
        "unfreeze [all]",
        "lifts your own freeze or, with all, everybody's",
        "the holder; with all, anybody named as approver in a rule",
        ("unfreeze", "unfreeze all"),
    ),
    "help": Verb(
        "help [VERB]",
        "explains a verb, or targets, or options",
        ANYBODY,
        ("help reboot", "help targets", "help"),
    ),
}
OPTIONS: dict[str, Option] = {
    "--dry-run": Option("", "shows the plan and ends there"),
    "--batch": Option("N", "at most N servers in a wave", "5"),
    "--pause": Option("TIME", "waits this long between waves", "30s"),
    "--max-failures": Option("N", "stops at the Nth failure", "2"),
    "--incident": Option("ID", "names the incident", "INC-42"),
    "--without": Option("STEP", "leaves out a step around the waves, or all of them", "drain"),
    "--break-glass": Option("", "starts at once and in public; reviewed later"),
}
# What help explains beside the verbs, by the words that people ask with.
TOPICS = {"targets": "targets", "servers": "targets", "options": "options"}
# Words of other tools: never obeyed, but the answer names ours.
SYNONYMS = {
    "restart": "reboot",
    "reset": "reboot",
    "bounce": "reboot",
    "powercycle": "cycle",
    "power-cycle": "cycle",
    "start": "on",
    "boot": "on",
    "poweron": "on",
    "shutdown": "off",
    "halt": "off",
    "poweroff": "off",
    "abort": "stop",
    "kill": "stop",
    "ls": "list",
    "stat": "status",
    "state": "status",
    "log": "history",
    "audit": "history",
    "pending": "requests",
    "queue": "requests",
    "thaw": "unfreeze",
    "?": "help",
    "--help": "help",
    "-h": "help",
    # Offered to copy, never obeyed: German, French, Spanish, Chinese.
    **dict.fromkeys(("neustart", "neustarten", "redémarrer", "redémarre", "reiniciar"), "reboot"),
    **dict.fromkeys(("重启", "重新启动", "再起動"), "reboot"),
    **dict.fromkeys(("ausschalten", "abschalten", "éteindre", "éteins", "apagar"), "off"),
    **dict.fromkeys(("关机", "关闭", "关"), "off"),
    **dict.fromkeys(("einschalten", "anschalten", "allumer", "allume", "encender"), "on"),
    **dict.fromkeys(("开机", "启动", "开"), "on"),
    **dict.fromkeys(("zustand", "statut", "estado", "状态"), "status"),
    **dict.fromkeys(("hilfe", "aide", "ayuda", "帮助"), "help"),
}

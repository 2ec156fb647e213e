"""The demo's policy: its people and rules, and what is done around each wave of web servers."""

from __future__ import annotations

import re

POLICY = """\
# The demo's rules; .github/POLICY.md explains every key.
version = 1

[channels]
allow = ["C0OPS", "C0INC"]
incident = ["C0INC"]

[people]
sre = ["U0DANA", "U0SAM"]
dc-ops = ["U0ROSA"]

[groups]
web = "web*"
db = "db*"

[protected]
servers = ["tag:powerbot=never", "pdu*"]

[limits]
confirm_above = 10

[defaults]
ramp = [3, 10]

[[rule]]
name = "databases"
servers = "@db"
actions = ["off", "reboot", "cycle"]
requesters = ["sre"]
approvers = { sre = 1, dc-ops = 1 }

[[rule]]
name = "everything else"
servers = "*"
actions = ["on", "off", "reboot", "cycle"]
requesters = ["sre"]
approvers = { sre = 1 }
from_servers = { 20 = { sre = 1, dc-ops = 1 } }
break_glass = ["sre"]
"""

STEPS = """
# What is done around each wave of the rule "web".
[[step]]
name = "quiet"
kind = "silence"
url = "{url}/alertmanager"
auth = "env:ALERTMANAGER_AUTH"
match = { instance = "{name}(:[0-9]+)?" }
lasts = "2h"

[[step]]
name = "drain"
kind = "drain"
url = "{url}/kubernetes"
auth = "env:K8S_AUTH"
node = "{name}"
within = "2m"

[[step]]
name = "balancer"
kind = "webhook"
url = "{url}/balancer/power"
secret = "env:LB_HOOK_SECRET"

[[step]]
name = "answering"
kind = "probe"
http = "{url}/services/{name}/healthz"
within = "15s"
settle = "3s"
every = "1s"

[[rule]]
name = "web"
servers = "@web"
actions = ["on", "off", "reboot", "cycle"]
requesters = ["sre"]
approvers = { sre = 1 }
from_servers = { 20 = { sre = 1, dc-ops = 1 } }
break_glass = ["sre"]
steps = ["quiet", "drain", "balancer", "answering"]
may_skip = ["drain"]
"""
LAST_RULE = '''
[[rule]]
name = "everything else"'''
# An address of ours, as an earlier start of the demo has written it.
OURS = re.compile(r'http://[^/\s"]+(?=/around/)')


def with_steps(url: str) -> str:
    """Return the policy with steps, for surroundings at `url`, which has no closing slash."""
    return POLICY.replace(LAST_RULE, STEPS.replace("{url}", url) + LAST_RULE)


def moved(text: str, base: str) -> str:
    """Return a policy that was kept, with the surroundings where they are now."""
    return OURS.sub(base, text)

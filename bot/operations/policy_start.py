"""`powerbot policy init`: a policy to begin with, in which only ids have to be filled in."""

from __future__ import annotations

import pathlib

from bot import settings

# It is refused as it is: whoever forgets to fill it in is told so.
START = """\
# Who can change the power of which servers, and who has to approve it.
# Fill in the ids, then run `powerbot policy check`. Every key: .github/POLICY.md.
version = 1

[channels]
# Changes can be requested here. In Slack: the channel's name, About, Channel ID.
allow = []                  # ["C0123456789"]
# Break glass (acting without approval, reviewed afterwards) works here; list it in allow too.
incident = []

[people]
# In Slack: the person's profile, the three dots, Copy member ID. User groups begin with S.
sre = []                    # at least two: nobody approves their own request
dc-ops = []

[protected]
# Never touched, by nobody, not even with break glass.
servers = ["tag:powerbot=never"]

# [[keep]]                  # uncomment to keep some servers from all being switched off
# servers = "db*"
# on = 2

[limits]
max_servers = 500
confirm_above = 10          # from this many up, the requester types the count

# The first rule that matches a server decides, so the strictest ones come first.
[[rule]]
name = "databases"
servers = "db*"
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
# break_glass = ["sre"]     # needs a channel in incident
"""


def write(path: pathlib.Path) -> str:
    """Write the start of a policy and say what to do next; a file that is there stays as it is.

    Raises:
        SettingsError: there is one already, or it can't be written.
    """
    try:
        # "x" overwrites nothing, whoever makes the file in between.
        with path.open("x", encoding="utf-8") as file:
            file.write(START)
    except FileExistsError:
        said = f"{path} already exists and was left unchanged; give another file name."
        raise settings.SettingsError(said) from None
    except OSError as error:
        raise settings.SettingsError(f"{path} can't be written: {error.strerror}.") from None
    return f"Wrote {path}. Fill in its channels and people, then run `powerbot policy check`."

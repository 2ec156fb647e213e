"""A unit for the venv on a host of one's own ("systemd.exec", "systemd.service")."""

from __future__ import annotations

import pathlib
import sys

from bot.operations.ship import layout

# Whoever starts it with settings that can't be used is told once, and not every two seconds.
BAD_SETTINGS = 2
TEXT = """\
# Made by `powerbot ship systemd` for the installation in {prefix}.
#   useradd --system --home-dir {state} --shell /usr/sbin/nologin powerbot
#   install -d -m 0750 -g powerbot {config} {config}/secrets
#   powerbot ship systemd > /etc/systemd/system/powerbot.service
#   systemctl enable --now powerbot
# {config}/secrets has a file for each secret named below (mode 0640, group powerbot),
# {config}/.env the other settings. Policy and secrets are read again when they change.
# Type commands in {config}, as the bot's user and with the variables of this unit:
#   sudo -u powerbot env $(systemctl show -P Environment powerbot) {asking}
[Unit]
Description=Powerbot, power control of physical servers from Slack
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
User=powerbot
Group=powerbot
ExecStart={command}
WorkingDirectory={config}
StateDirectory=powerbot
StateDirectoryMode=0700
{environment}
KillSignal=SIGTERM
TimeoutStopSec={stop_s}
Restart=on-failure
RestartSec=2
RestartPreventExitStatus={bad_settings}
LimitNOFILE=65536
UMask=0077

NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


def text(order: layout.ShipOrder, prefix: str = sys.prefix) -> str:
    """Return the unit; `prefix` is the virtual environment that it runs."""
    folder = f"{layout.CONFIG}/secrets"
    # On one host the database is a file in the state folder, unless the settings name a server.
    served = not order.given.database_url.startswith("sqlite")
    kept = [one for one in layout.secrets(order) if served or one != "database_url"]
    environment = {
        # Below it lies the unit's StateDirectory, which has the database.
        "XDG_STATE_HOME": str(pathlib.PurePosixPath(layout.STATE).parent),
        layout.variable("policy"): layout.policy(),
        **{name: value for name, value in layout.plain(order).items() if value},
        **{layout.file_variable(one): f"{folder}/{layout.variable(one)}" for one in kept},
    }
    command = order.programme.line("run", folder=f"{prefix}/bin")
    return TEXT.format(
        prefix=prefix,
        state=layout.STATE,
        config=layout.CONFIG,
        command=" ".join(command),
        asking=" ".join(order.programme.line("requests", folder=f"{prefix}/bin")),
        environment="\n".join(_assigned(name, value) for name, value in environment.items()),
        stop_s=layout.STOP_S,
        bad_settings=BAD_SETTINGS,
    )


def _assigned(name: str, value: str) -> str:
    """Return an assignment as a unit has it; `%` would be a specifier."""
    quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    # A line's end would end the assignment ("systemd.exec", Environment=).
    quoted = quoted.replace("\n", "\\n")
    return f'Environment="{name}={quoted}"'

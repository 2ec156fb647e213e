"""`powerbot simulate --surroundings`: the stand-ins alone, at addresses that it prints."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import sys

import httpx


def test_surroundings_are_served_beside_the_data_centre(tmp_path: pathlib.Path) -> None:
    """Each part answers at the address that the command has printed."""
    with subprocess.Popen(
        [sys.executable, "-m", "bot", "simulate", "--surroundings", "--port", "0"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = "".join(process.stdout.readline() for _ in range(11))
        silence, drain, webhook, http, promql = re.findall(r'url = "(.*?)"|http = "(.*?)"', said)
        with httpx.Client(trust_env=False) as client:
            status = client.get(f"{silence[0]}/api/v2/status")
            node = client.get(f"{drain[0]}/api/v1/nodes/web01")
            told = client.post(webhook[0], content=b"{}")
            service = client.get(http[1].replace("{name}", "web01"))
            ready = client.get(f"{promql[0]}/-/ready")
        process.send_signal(signal.SIGTERM)

    assert process.returncode == 0
    answers = [one.status_code for one in (status, node, told, service, ready)]
    assert answers == [401, 401, 401, 200, 200]

"""The Containerfile: everything with hashes, one user without rights, a root that may be read-only.

("Dockerfile reference" in Docker's docs; Podman and Buildah read the same.)
"""

from __future__ import annotations

import json

from bot.operations.ship import layout

IMAGE = "python:3.13-slim"
REQUIREMENTS = ".requirements.txt"
BUILD_REQUIREMENTS = ".requirements-build.txt"
HEALTH_S = 10  # Seconds between two health checks.
# A second less than the check's own time, so that the reason is printed.
PROBE = (
    "import os, urllib.request; "
    "urllib.request.urlopen('http://127.0.0.1:' + os.environ['{port}'] + '/healthz', timeout=4)"
)
TEXT = """\
# Made by `powerbot ship container`. In the repository's folder:
#   powerbot ship container | docker build -t powerbot -f - .
FROM {image} AS build
WORKDIR {home}
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY {requirements} {build_requirements} ./
RUN python -m venv {venv}
RUN {venv}/bin/python -m pip install --require-hashes --only-binary :all: -r {requirements}
RUN python -m pip install --require-hashes --only-binary :all: -r {build_requirements}
COPY pyproject.toml README.md ./
COPY bot ./bot
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheel .
RUN {venv}/bin/python -m pip install --no-deps --no-index /wheel/*.whl
RUN {venv}/bin/python -m pip uninstall --yes pip

FROM {image}
RUN install -d -m 0700 -o {user} -g {user} {state}
COPY --from=build {venv} {venv}
WORKDIR {state}
ENV {environment}
USER {user}:{user}
VOLUME {state}
EXPOSE {port}
STOPSIGNAL SIGTERM
HEALTHCHECK --interval={health_s}s --timeout=5s --start-period=30s CMD {health}
CMD {command}
"""


def text(order: layout.ShipOrder) -> str:
    """Return the Containerfile."""
    environment = {
        **layout.listening(order),
        layout.variable("policy"): layout.policy(),
        # The user has no entry anywhere, and Slack's library asks for a home when it is loaded.
        "HOME": layout.STATE,
        # The database lies in a folder of this one.
        "XDG_STATE_HOME": layout.STATE,
        "PYTHONDONTWRITEBYTECODE": "1",  # The root may be read-only.
        "PYTHONUNBUFFERED": "1",  # The log's last line is out before a kill.
    }
    return TEXT.format(
        image=IMAGE,
        home=layout.HOME,
        venv=layout.VENV,
        state=layout.STATE,
        user=layout.USER,
        port=order.port,
        requirements=REQUIREMENTS,
        build_requirements=BUILD_REQUIREMENTS,
        environment=" ".join(f"{name}={value}" for name, value in environment.items()),
        health_s=HEALTH_S,
        health=json.dumps(health()),
        command=json.dumps(order.programme.line("run")),
    )


def health() -> list[str]:
    """Return the command that asks the bot whether it lives; the image has no curl."""
    return [f"{layout.VENV}/bin/python", "-c", PROBE.format(port=layout.variable("port"))]

"""The surroundings around the simulated data centre: which servers are up, and since when."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Callable

from bot import settings
from bot.sandbox import data_centre, surroundings


def of(centre: data_centre.DataCentre) -> surroundings.Racks:
    """Return the racks of a data centre, as its surroundings want them."""
    names = tuple(machine.server.name for machine in centre.inventory.machines)

    def look(name: str) -> surroundings.Standing:
        try:
            machine = centre.machine(name)
        except data_centre.UnknownServer:
            raise KeyError(name) from None
        since, busy = machine.up_since(centre.now()), machine.look(centre.now()).busy
        return surroundings.Standing(up=since is not None, busy=busy, since=since or 0.0)

    return surroundings.Racks(names, look, centre.now)


Beside = Callable[[data_centre.DataCentre], contextlib.AbstractAsyncContextManager[str]]


def beside(host: str, port: int) -> Beside:
    """Return what serves the surroundings of a data centre, and says where and how to use them."""
    return functools.partial(_serving, host, port)


@contextlib.asynccontextmanager
async def _serving(host: str, port: int, centre: data_centre.DataCentre) -> AsyncIterator[str]:
    """Serve the surroundings while the block lasts.

    Raises:
        SettingsError: the address can't be had; the sentence says what to try instead.
    """
    around = surroundings.Surroundings(of(centre))
    try:
        running = await surroundings.start(around, host, port)
    except OSError as error:
        raise settings.unusable_port(host, port, error, settings.FREE_PORT) from None
    try:
        yield told(around, running.url)
    finally:
        await running.stop()


def variables(around: surroundings.Surroundings) -> dict[str, str]:
    """Return the variables that steps name for the secrets of the surroundings."""
    secrets = around.secrets
    return {
        "ALERTMANAGER_AUTH": secrets.alertmanager,
        "K8S_AUTH": secrets.kubernetes,
        "LB_HOOK_SECRET": secrets.webhook,
    }


def told(around: surroundings.Surroundings, url: str) -> str:
    """Return where each part is, and which variables hold its secret, as lines to copy."""
    secrets = around.secrets
    return "\n".join(
        (
            f"Simulated surroundings at {url}; POST {url}/surroundings/faults causes faults",
            f"  silence  url = \"{url}/alertmanager\"  ALERTMANAGER_AUTH='{secrets.alertmanager}'",
            f"  drain    url = \"{url}/kubernetes\"  K8S_AUTH='{secrets.kubernetes}'",
            f"  webhook  url = \"{url}/balancer/power\"  LB_HOOK_SECRET='{secrets.webhook}'",
            f'  probe    http = "{url}/services/{{name}}/healthz"',
            f'  probe    promql with url = "{url}/prometheus"',
        )
    )

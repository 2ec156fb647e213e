"""CloudDC as the settings say: its address, its credentials and how often it is called."""

from __future__ import annotations

import random

import httpx

from bot import settings
from bot.clouddc import auth, client, inventory, poller, throttle
from bot.power import ports
from bot.runtime import clocks


def login_of(
    given: settings.Settings, http: httpx.AsyncClient, clock: ports.Clock
) -> auth.CloudAuth:
    """Return the credentials that the settings have: keys first, then a token, then IAM.

    Raises:
        ValueError: a token that can't be sent in a header.
    """
    # A signature is dated by the clock on the wall, wherever it was set to.
    clock = clock.wall if isinstance(clock, clocks.SteadyClock) else clock
    # A signed request proves itself alone; a token has to be fetched and renewed (Huawei Cloud's
    # "Calling APIs" recommends AK/SK).
    if given.access_key:
        return auth.SignedAuth(
            given.access_key,
            given.secret_key.get_secret_value(),
            given.clouddc_project_id,
            given.security_token.get_secret_value(),
            clock=clock,
        )
    if token := given.auth_token.get_secret_value():
        return auth.TokenAuth(token)
    password = given.user_password.get_secret_value()
    user = auth.IamUser(given.user_name, password, given.domain_name, given.clouddc_project_id)
    return auth.IamAuth(http, given.iam, user, clock=clock)


def power_of(
    given: settings.Settings,
    http: httpx.AsyncClient,
    clock: ports.Clock,
    paces: clocks.Paces = clocks.USUAL,
) -> poller.CloudPower:
    """Return the power API: one client, one inventory and one poller.

    Raises:
        SettingsError: the endpoint or the project id can't be used.
    """
    try:
        cloud = client.CloudDC(
            http,
            client.Access(given.endpoint, given.clouddc_project_id, login_of(given, http, clock)),
            bucket=throttle.Bucket(given.rate, clock),
            clock=clock,
            jitter=random.Random(),  # noqa: S311 -- it spreads retries and guards nothing
            # What leaves later could leave after its lease, and be sent by another, too.
            bounds=client.Timeouts(leave_within_s=paces.leave_s),
        )
    except ValueError as error:
        raise settings.SettingsError(f"CloudDC's settings can't be used: {error}.") from None
    servers = inventory.Inventory(cloud, clock)
    return poller.CloudPower(cloud, servers, poller.Poller(cloud, servers, clock))

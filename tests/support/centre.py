"""The simulated data centre in the test's own process, and the real client on the way to it."""

from __future__ import annotations

import random

import httpx

from bot.clouddc import auth, client, inventory, poller, throttle
from bot.power import ports
from bot.sandbox import data_centre

# Nobody listens there: what is in this process needs no address.
NOWHERE = "http://127.0.0.1:1"
ACCOUNT = data_centre.Account(token="t")


def asked(centre: data_centre.DataCentre, call: httpx.Request) -> data_centre.HttpResponse:
    """Return what the data centre answers.

    Raises:
        httpx.ReadError: it cuts the connection instead.
    """
    target = call.url.raw_path.decode()
    headers = tuple((key.decode(), value.decode()) for key, value in call.headers.raw)
    got = centre.handle(data_centre.HttpRequest(call.method, target, headers, call.content))
    if isinstance(got, data_centre.Dropped):
        raise httpx.ReadError("cut", request=call)
    return got


def told(got: data_centre.HttpResponse) -> httpx.Response:
    """Return an answer as the client gets it."""
    return httpx.Response(got.status, headers=list(got.headers), content=got.body)


def prompt(centre: data_centre.DataCentre) -> httpx.MockTransport:
    """Return the way to a data centre that answers at once, whatever delay it asks for."""
    return httpx.MockTransport(lambda call: told(asked(centre, call)))


def power(
    http: httpx.AsyncClient,
    clock: ports.Clock,
    *,
    url: str = NOWHERE,
    account: data_centre.Account = ACCOUNT,
    signer: auth.CloudAuth | None = None,
    per_s: float = 1000.0,
) -> poller.CloudPower:
    """Return the real client with its inventory and poller, who shows a token unless it signs."""
    cloud = client.CloudDC(
        http,
        client.Access(url, account.project_id, signer or auth.TokenAuth(account.token or "")),
        bucket=throttle.Bucket(per_s, clock),
        clock=clock,
        jitter=random.Random(0),
    )
    servers = inventory.Inventory(cloud, clock)
    return poller.CloudPower(cloud, servers, poller.Poller(cloud, servers, clock))

"""The part of `powerbot check` that asks CloudDC: reached, the clock, the key, the permission."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

from bot import cloud, settings
from bot.clouddc import error_answers, exchange
from bot.clouddc.error_answers import Operation
from bot.operations.check.findings import CheckResult, bad, good
from bot.power import errors, ports

# The gateway refuses a signature that is older or newer than 15 minutes (its error page); a
# clock that is a minute off will be there soon.
MOST_SKEW_S = 60.0
PERMISSIONS = "{}, {} and {}".format(
    *(error_answers.PERMISSIONS[one] for one in (Operation.LIST, Operation.SHOW, Operation.SWITCH))
)


def clock_is_off(skewed_s: float) -> CheckResult:
    """Return that this machine's clock is wrong."""
    way = "ahead" if skewed_s > 0 else "behind"
    # Whole minutes, so that it reads the same whoever's clock it was compared with.
    said = f"this machine's clock is {abs(skewed_s) / 60:.0f} minutes {way}, so signatures fail."
    return bad("clock", said, "turn on time synchronisation (NTP).")


async def look(given: settings.Settings, clock: ports.Clock) -> AsyncIterator[CheckResult]:
    """Ask CloudDC for the list of servers, the way that the bot does."""
    try:
        async with exchange.open_http() as http:
            yield await _seen(given, http, clock)
    except errors.CloudError as error:
        yield bad("clouddc", error.user_message, "correct or unset that variable.")


async def _seen(
    given: settings.Settings, http: httpx.AsyncClient, clock: ports.Clock
) -> CheckResult:
    """Reach CloudDC, compare the clocks, and read the list."""
    try:
        # Unsigned: any answer is dated, a refusal too.
        answer = await http.get(given.endpoint)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        said = f"{given.endpoint} can't be reached ({type(error).__name__})."
        mend = "check CLOUDDC_REGION or CLOUDDC_ENDPOINT, DNS and the firewall."
        return bad("clouddc", said, mend)
    skewed_s = error_answers.skew_s(answer.headers, clock.now())
    if abs(skewed_s) > MOST_SKEW_S:
        return clock_is_off(skewed_s)
    return await _list(given, http, clock)


async def _list(
    given: settings.Settings, http: httpx.AsyncClient, clock: ports.Clock
) -> CheckResult:
    """Read the list of servers once."""
    try:
        power = cloud.power_of(given, http, clock)
    except settings.SettingsError as error:
        return bad("clouddc", error.user_message, "check the CLOUDDC_ settings.")
    try:
        found = await power.snapshot(not_before=0.0)
    except errors.CloudError as error:
        return bad("clouddc", error.user_message, advice(error))
    finally:
        await power.aclose()
    if not found.servers:
        said = "the key sees no servers in this project."
        mend = f"check CLOUDDC_PROJECT_ID, and the tag conditions of {PERMISSIONS}."
        return bad("clouddc", said, mend)
    return good("clouddc", f"{len(found.servers)} servers can be read")


def advice(error: errors.CloudError) -> str:
    """Return what to do about a refusal."""
    match error:
        case errors.KeyLocked():
            return "stop the bot, wait five minutes, then check the secret key."
        case errors.Unauthorized():
            return (
                "check that the two keys belong together, and the clock; a temporary key needs its"
                " HUAWEICLOUD_SDK_SECURITY_TOKEN, and an IAM token is valid for a day."
            )
        case errors.Throttled():
            return "try again in a minute."
        case errors.NotSent():
            return "check CLOUDDC_REGION or CLOUDDC_ENDPOINT, DNS and the firewall."
        case _ if error.status == 403:
            return f"check CLOUDDC_PROJECT_ID, and give the key's user {PERMISSIONS} in it."
        case _ if error.status == 404:
            return "check CLOUDDC_PROJECT_ID (see My Credentials) and CLOUDDC_REGION."
        case _:
            return "try again; if it happens again, send this text to the cloud's support."

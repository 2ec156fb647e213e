"""slack_sdk knows the methods that the bot calls, and every argument that it gives them."""

from __future__ import annotations

import inspect

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import app_features
from tests.outside import golden

# What slack_sdk passes on without naming it: `json` bodies carry what the signature has.
ALWAYS = {"team_id", "token"}


def arguments_of(method: str) -> set[str]:
    """Return the arguments that slack_sdk has for a method of the Web API."""
    function = getattr(AsyncWebClient, method.replace(".", "_"))
    return set(inspect.signature(function).parameters) - {"self", "kwargs"}


def test_every_method_that_is_registered_exists() -> None:
    """No method of our own invention."""
    assert [
        one for one in app_features.METHODS if not arguments_of(one) and one != "auth.test"
    ] == []


def test_every_argument_that_is_sent_is_one_of_the_method() -> None:
    """A misspelt argument would be taken by Slack and do nothing."""
    calls = golden.calls_of_the_bot()

    assert {"chat.postMessage", "views.open", "views.publish"} <= {method for method, _ in calls}
    for method, names in calls:
        assert names - ALWAYS <= arguments_of(method), method

"""A Slack workspace that runs on this machine: Web API, Socket Mode, people, and Slack's limits.

`workspace.py` puts it together; `web_api.py` and `socket_hub.py` are the two doors for the app;
`actions.py` is what people can do and `page_routes.py` the same for the page in the browser;
`blocks.py` and `forgery.py` judge what the app sends. It shares no code with the bot.
"""

from bot.sandbox.workspace.base.changes import Toast
from bot.sandbox.workspace.base.chaos import Chaos, Fault
from bot.sandbox.workspace.base.outcome import Outcome
from bot.sandbox.workspace.state.directory import Channel, Person, Team, UnknownNameError, UserGroup
from bot.sandbox.workspace.state.journal import Call, Violation
from bot.sandbox.workspace.state.state import App, Cast
from bot.sandbox.workspace.state.timeline import Message
from bot.sandbox.workspace.state.view_book import View
from bot.sandbox.workspace.workspace import Workspace

__all__ = [
    "App",
    "Call",
    "Cast",
    "Channel",
    "Chaos",
    "Fault",
    "Message",
    "Outcome",
    "Person",
    "Team",
    "Toast",
    "UnknownNameError",
    "UserGroup",
    "View",
    "Violation",
    "Workspace",
]

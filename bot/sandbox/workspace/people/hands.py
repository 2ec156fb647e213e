"""What people do with one of the workspace's apps."""

from dataclasses import dataclass

from bot.sandbox.workspace.people.clicks import Clicks
from bot.sandbox.workspace.people.desk import Desk
from bot.sandbox.workspace.people.gestures import Gestures
from bot.sandbox.workspace.people.modals import Modals
from bot.sandbox.workspace.people.responses import Responder
from bot.sandbox.workspace.state.state import WorkspaceState
from bot.sandbox.workspace.state.timeline import Message
from bot.sandbox.workspace.state.view_book import View


@dataclass(frozen=True, slots=True)
class Hands:
    """Gestures, clicks and forms that reach one app."""

    state: WorkspaceState
    gestures: Gestures
    clicks: Clicks
    modals: Modals

    def has_made(self, place: Message | View) -> bool:
        """Say whether the app has posted this message, or shown this view."""
        if isinstance(place, View):
            return place.app == self.state.app.id
        return place.user == self.state.app.bot_user


def of(state: WorkspaceState, desk: Desk, responder: Responder) -> Hands:
    """Return the hands for an app."""
    clicks = Clicks(state, desk)
    return Hands(state, Gestures(state, desk, responder), clicks, Modals(state, desk, clicks))

"""Secrets that change while the bot runs: read from their files, and handed to who uses them.

What is on the wire keeps the secret that it left with; whatever begins afterwards has the new one.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Iterable, Mapping

import structlog

from bot import app, secret_files, settings
from bot.power import errors
from bot.slack.door import connection

log = structlog.get_logger()

# Twice is enough to see that a file has settled, and well within a second.
LOOK_S = 0.25  # In seconds.
# How often a secret that Slack doesn't accept, or can't be asked about, is tried again.
AGAIN_S = 10.0  # In seconds.


class NotTakenError(Exception):
    """A new secret can't be used yet; the old one still holds. The words say why."""


@dataclasses.dataclass(frozen=True, slots=True)
class User:
    """Who uses some secrets: the settings' fields, and what takes new ones."""

    fields: frozenset[str]
    take: Callable[[app.Bot, settings.Settings], Awaitable[None]]


class Rotation:
    """Keeps the secrets of a running bot as new as their files."""

    def __init__(
        self,
        given: settings.Settings,
        learn: Callable[[Iterable[str]], None] = lambda _: None,
        counted: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`learn` is told of every new secret, `counted` how many files can't be used."""
        self.given = given
        self._learn = learn
        self._counted = counted
        self._watch = secret_files.Watch(
            given.files, {one.field: given.secret(one.field) for one in given.files}
        )
        self._variables = {one.field: one.variable for one in given.files}
        self._not_taken: dict[str, str] = {}
        self._told: dict[str, str] = {}
        self._taking: dict[User, asyncio.Task[None]] = {}

    @property
    def problems(self) -> Mapping[str, str]:
        """What keeps a new secret from being used, by the variable that names its file."""
        return self._watch.problems | self._not_taken

    async def run(self, bot: app.Bot) -> None:
        """Check again and again until cancelled."""
        try:
            while self._variables:
                # A mounted secret may lie on a disk that takes its time.
                changed = await asyncio.to_thread(self._watch.look)
                if changed:
                    self._take(bot, changed)
                self._tell()
                await asyncio.sleep(LOOK_S)
        finally:
            for task in self._taking.values():
                task.cancel()
        # The bot stops when an observer ends, so this one rests instead.
        await asyncio.Event().wait()

    def _take(self, bot: app.Bot, changed: Mapping[str, str]) -> None:
        """Hand new secrets to who uses them, each on its own."""
        # Before anything is tried with them: a failure may show them in the log.
        self._learn(changed.values())
        self.given = self.given.with_secrets(changed)
        for user in USERS:
            if user.fields & changed.keys():
                if user in self._taking:
                    # A newer secret makes the one that is still being tried pointless.
                    self._taking[user].cancel()
                names = [self._variables[one] for one in sorted(user.fields & changed.keys())]
                self._taking[user] = asyncio.create_task(self._hand_over(bot, user, names))

    async def _hand_over(self, bot: app.Bot, user: User, names: list[str]) -> None:
        """Try until the new secrets are taken."""
        while True:
            try:
                await user.take(bot, self.given)
            except NotTakenError as error:
                self._not_taken |= dict.fromkeys(names, str(error))
                await asyncio.sleep(AGAIN_S)
                continue
            for name in names:
                self._not_taken.pop(name, None)
            log.info("secret.taken", files=names)
            return

    def _tell(self) -> None:
        """Say once what is wrong, and once when it is right again."""
        problems = dict(self.problems)
        for name, why in problems.items():
            if self._told.get(name) != why:
                log.error("secret.unusable", file=name, why=why, kept="the one before")
        for name in self._told.keys() - problems.keys():
            log.info("secret.usable", file=name)
        self._told = problems
        self._counted(len(problems))


async def _cloud(bot: app.Bot, given: settings.Settings) -> None:
    """Sign CloudDC's next call with the new key."""
    try:
        await bot.power.cloud.change_auth(bot.log_in(given))
    except ValueError as error:
        raise NotTakenError(str(error)) from None


async def _bot_token(bot: app.Bot, given: settings.Settings) -> None:
    """Speak to Slack by a new token, if it is one of the same app in the same workspace."""
    token = given.slack_bot_token.get_secret_value()
    try:
        found = await connection.introduce(connection.with_token(bot.web_client, token))
    except errors.SlackUnavailable as error:
        raise NotTakenError(error.user_message) from None
    # The record is of one workspace and one app, and stays so.
    if (found.team_id, found.bot_id) != (bot.identity.team_id, bot.identity.bot_id):
        raise NotTakenError(
            "the token belongs to another app or workspace; restart the bot to use it"
        )
    bot.web_client.token = token
    await bot.watchdog.try_token()


async def _app_token(bot: app.Bot, given: settings.Settings) -> None:
    """Open the next connection by the new token; those that are open stay until Slack ends them."""
    token = given.slack_app_token.get_secret_value()
    if bot.watchdog.socket is None:
        return
    try:
        await connection.try_app_token(bot.web_client, token)
    except errors.SlackUnavailable as error:
        raise NotTakenError(error.user_message) from None
    bot.watchdog.socket.change_token(token)


async def _signing_secret(bot: app.Bot, given: settings.Settings) -> None:
    """Compare the next request's signature by the new secret."""
    bot.slack.signing_secret = given.slack_signing_secret.get_secret_value()


async def _metrics_token(_: app.Bot, __: settings.Settings) -> None:
    """Nothing to do: whoever asks for metrics is compared with the newest settings."""


async def _database(bot: app.Bot, given: settings.Settings) -> None:
    """Connect by the new address from now on, if it is the same database."""
    try:
        bot.store.change_login(given.database_url)
    except errors.StoreUnavailable as error:
        raise NotTakenError(error.user_message) from None


# The halves of a key are taken together, every other secret by itself.
USERS = (
    User(
        frozenset({"access_key", "secret_key", "security_token", "auth_token", "user_password"}),
        _cloud,
    ),
    User(frozenset({"slack_bot_token"}), _bot_token),
    User(frozenset({"slack_app_token"}), _app_token),
    User(frozenset({"slack_signing_secret"}), _signing_secret),
    User(frozenset({"metrics_token"}), _metrics_token),
    User(frozenset({"database_url"}), _database),
)

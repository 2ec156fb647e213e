"""The people, channels and groups that a workspace has when nobody says otherwise."""

from bot.sandbox.workspace.state import directory

BOT_USER = "U0BOT"
BOT_ID = "B0BOT"
APP_ID = "A0POWER"


def people() -> list[directory.Person]:
    """One person for each way the bot must treat people differently."""
    return [
        directory.Person("U0DANA", "dana", "Dana Reyes", "on-call engineer, requests"),
        directory.Person("U0SAM", "sam", "Sam Okafor", "SRE, approves"),
        directory.Person("U0ROSA", "rosa", "Rosa Lindqvist", "data centre operations, approves"),
        directory.Person("U0OLGA", "olga", "Olga Petrenko", "no rights"),
        directory.Person("U0GIL", "gil", "Gil Moreau", "guest", is_restricted=True),
        directory.Person("U0DEE", "dee", "Dee Tanaka", "deactivated", deleted=True),
        directory.Person("U0STAN", "stan", "Stan Weber", "partner", "T0OTHER", is_stranger=True),
        directory.Person(BOT_USER, "powerbot", "Powerbot", "the app", is_bot=True),
    ]


def channels() -> list[directory.Channel]:
    """Two channels to work in, one without the bot, one shared with another company."""
    team = {"U0DANA", "U0SAM", "U0ROSA", "U0OLGA"}
    return [
        directory.Channel("C0OPS", "ops", {*team, "U0GIL", "U0DEE", BOT_USER}),
        directory.Channel("C0INC", "incidents", {*team, BOT_USER}),
        directory.Channel("C0DEV", "dev", {*team}),
        directory.Channel("C0SHARED", "partners", {*team, "U0STAN", BOT_USER}, is_ext_shared=True),
    ]


def groups() -> list[directory.UserGroup]:
    """One user group, so that group rules can be played."""
    return [directory.UserGroup("S0ONCALL", "oncall", "On call", ["U0SAM", "U0ROSA"])]

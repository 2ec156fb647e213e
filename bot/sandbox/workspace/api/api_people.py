"""The Web API's methods about the app itself, people, user groups and the team."""

from typing import Final

from bot.sandbox.workspace.api import arguments
from bot.sandbox.workspace.api.method import Method, page
from bot.sandbox.workspace.base.json_types import Json
from bot.sandbox.workspace.base.refusal import RefusedError
from bot.sandbox.workspace.state.state import WorkspaceState


def auth_test(state: WorkspaceState, args: Json) -> Json:
    """Answer auth.test."""
    team, app = state.directory.team, state.app
    return {
        "url": f"https://{team.domain}.slack.com/",
        "team": team.name,
        "user": state.directory.people[app.bot_user].name,
        "team_id": team.id,
        "user_id": app.bot_user,
        "bot_id": app.bot_id,
        "is_enterprise_install": False,
        **({"enterprise_id": team.enterprise_id} if team.enterprise_id else {}),
    }


def users_info(state: WorkspaceState, args: Json) -> Json:
    """Answer users.info."""
    person = state.directory.people.get(str(args["user"]))
    if person is None:
        raise RefusedError("user_not_found")
    return {"user": person.as_slack(state.bot_id(person.id))}


def bots_info(state: WorkspaceState, args: Json) -> Json:
    """Answer bots.info; each app has a bot."""
    app = next((one for one in state.apps.values() if one.bot_id == args.get("bot")), None)
    if app is None:
        raise RefusedError("bot_not_found")
    bot = {
        "id": app.bot_id,
        "deleted": False,
        "name": "Powerbot",
        "updated": 1,
        "app_id": app.id,
        "user_id": app.bot_user,
        "icons": {},
    }
    return {"bot": bot}


def users_list(state: WorkspaceState, args: Json) -> Json:
    """Answer users.list."""
    people, metadata = page(list(state.directory.people.values()), args)
    members = [person.as_slack(state.bot_id(person.id)) for person in people]
    return {"members": members, "cache_ts": int(state.clock()), "response_metadata": metadata}


def usergroups_list(state: WorkspaceState, args: Json) -> Json:
    """Answer usergroups.list; disabled groups only when asked for."""
    with_users = arguments.flag(args.get("include_users"))
    with_disabled = arguments.flag(args.get("include_disabled"))
    groups = [
        group.as_slack(state.directory.team.id, with_users)
        for group in state.directory.groups.values()
        if with_disabled or not group.disabled
    ]
    return {"usergroups": groups}


def usergroups_users_list(state: WorkspaceState, args: Json) -> Json:
    """Answer usergroups.users.list; a disabled group is as good as none."""
    group = state.directory.groups.get(str(args["usergroup"]))
    hidden = group is None or (group.disabled and not arguments.flag(args.get("include_disabled")))
    if group is None or hidden:
        raise RefusedError("no_such_subteam")
    return {"users": list(group.users)}


def team_info(state: WorkspaceState, args: Json) -> Json:
    """Answer team.info."""
    team = state.directory.team
    if args.get("team") not in (None, "", team.id):
        raise RefusedError("team_not_found")
    return {"team": {"id": team.id, "name": team.name, "domain": team.domain}}


METHODS: Final = (
    Method("auth.test", auth_test),
    Method("bots.info", bots_info, (), ("bot",), ("users:read",)),
    Method("users.info", users_info, ("user",), ("include_locale",), ("users:read",)),
    Method("users.list", users_list, (), ("cursor", "limit", "include_locale"), ("users:read",)),
    Method(
        "usergroups.list",
        usergroups_list,
        (),
        ("include_users", "include_disabled", "include_count"),
        ("usergroups:read",),
    ),
    Method(
        "usergroups.users.list",
        usergroups_users_list,
        ("usergroup",),
        ("include_disabled",),
        ("usergroups:read",),
    ),
    Method("team.info", team_info, (), ("team", "domain"), ("team:read",)),
)

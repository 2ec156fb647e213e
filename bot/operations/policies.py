"""The policy file looked at before it is trusted."""

from __future__ import annotations

import pathlib

from bot.power import errors, policy, policy_file


def check(path: pathlib.Path) -> list[str]:
    """Return what is wrong with a policy file, one sentence each; empty when it can be used."""
    try:
        found = policy_file.read(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return [f"There is no {path.name} here; without a policy nothing may be changed."]
    except (OSError, UnicodeDecodeError) as error:
        return [f"{path.name} can't be read: {type(error).__name__}."]
    except errors.PolicyError as error:
        return [error.user_message]
    return [*_without_channels(found), *_out_of_reach(found)]


def _without_channels(found: policy.Policy) -> list[str]:
    """Say when nobody could ask for anything."""
    if found.allow:
        return []
    return ["[channels] allow is empty, so requests may be made nowhere; name a channel's id."]


def _out_of_reach(found: policy.Policy) -> list[str]:
    """Name the rules whose quorum can't be reached by the people that the file names.

    A Slack user group may have any number of people, so a group with one is not judged here.
    """
    problems = []
    for rule in found.rules:
        for count, needs in ((1, rule.approvers), *rule.from_servers):
            for need in needs:
                people = found.people[need.group]
                if any(one.startswith("S") for one in people) or len(people) >= need.count:
                    continue
                problems.append(
                    f'Rule "{rule.name}" wants {need.count} of {need.group} for {count} servers'
                    f" and more, but {need.group} has {len(people)}; add people or want fewer."
                )
    return problems

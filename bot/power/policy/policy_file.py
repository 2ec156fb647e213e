"""Reads the policy file: TOML text in, a `Policy` out, or one sentence that says what to mend.

Nothing is guessed: an unknown key, a name that isn't defined and a value out of its range are
mistakes, because a policy that was misread would let somebody do what nobody meant. The tables
are models (`policy_tables`, where a new one is added); here they become the values of `policy`.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

import pydantic

from bot.power import errors, request
from bot.power.policy import policy, policy_tables as tables, table_base
from bot.power.policy.policy_mistakes import Mistakes
from bot.power.targets import targets

# What a word processor makes of quotes, where a value begins.
CURLY = re.compile(r"[=\[,]\s*[“”„‘’]")
MOST_TEXT = 200_000  # Characters.
CONDUCT = frozenset(field.name for field in dataclasses.fields(policy.Conduct))


def read(text: str) -> policy.Policy:
    """Read a policy file.

    Raises:
        PolicyError: the file can't be used; the first mistake is named with its line.
    """
    parsed = _parse(text)
    mistakes = Mistakes(text, parsed, tables.File)
    try:
        # Names of other tables are gathered first, since tables stand in any order.
        file = tables.File.model_validate(parsed, context=tables.known(parsed))
    except pydantic.ValidationError as error:
        raise mistakes.first(error) from None
    usual = _conduct(file.defaults, policy.Conduct(), ("defaults",), mistakes)
    protected = file.protected and file.protected.servers
    return policy.Policy(
        version=version(parsed),
        **_given(file.channels),
        people=file.people or {},
        groups=file.groups or {},
        protected=protected.servers if protected else policy.Nothing(),
        limits=policy.Limits(**_given(file.limits)),
        freezes=tuple(_freeze(one, place) for place, one in enumerate(file.freeze or ())),
        keeps=tuple(
            policy.Keep(one.servers.servers, targets.written(one.servers.text), one.on)
            for one in file.keep or ()
        ),
        rules=tuple(
            _rule(one, place, usual, mistakes) for place, one in enumerate(file.rule or ())
        ),
        steps=tuple(one.step() for one in file.step or ()),
        order=policy.ServerOrder(**_given(file.order)),
    )


def version(parsed: Mapping[str, object]) -> str:
    """Return the first 12 hex digits of SHA-256 over the file's content in canonical JSON.

    Comments, order of keys and layout don't count; dates are written as ISO 8601.
    """

    def iso(value: object) -> str:
        return value.isoformat() if isinstance(value, datetime.datetime) else str(value)

    canonical = json.dumps(parsed, sort_keys=True, separators=(",", ":"), default=iso)
    # Twelve digits are short enough for people, and no two edits share them by chance.
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _parse(text: str) -> Mapping[str, Any]:
    """Read the text as TOML."""
    if len(text) > MOST_TEXT:
        raise errors.PolicyError(
            f"The policy file is too long: it has {len(text):,} characters, and {MOST_TEXT:,} is "
            "the limit."
        )
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        curly = " TOML takes straight quotes, not curly ones." if CURLY.search(text) else ""
        raise errors.PolicyError(f"The policy file isn't TOML: {error}.{curly}") from error
    except RecursionError as error:
        raise errors.PolicyError("The policy file nests its values too deeply.") from error


def _given(table: table_base.Table | None) -> dict[str, Any]:
    return table.given() if table else {}


def _freeze(one: tables.FreezeTable, place: int) -> policy.FreezeWindow:
    usual = {"actions": frozenset(request.Action)}
    return policy.FreezeWindow(**{**usual, **one.given(), "name": table_base.named(one, place)})


def _rule(
    one: tables.RuleTable, place: int, usual: policy.Conduct, mistakes: Mistakes
) -> policy.Rule:
    own = {key: value for key, value in one.given().items() if key not in CONDUCT}
    own |= {"name": table_base.named(one, place), "servers": one.servers.servers}
    return policy.Rule(**own, conduct=_conduct(one, usual, ("rule", place), mistakes))


def _conduct(
    table: tables.ConductTable | None,
    usual: policy.Conduct,
    loc: tuple[str | int, ...],
    mistakes: Mistakes,
) -> policy.Conduct:
    """Return how requests are carried through; what a table leaves out is as `usual`."""
    given = {key: value for key, value in _given(table).items() if key in CONDUCT}
    found = dataclasses.replace(usual, **given)
    # Only a ramp that is written here can be wrong: an inherited one is cut to the batch.
    if "ramp" not in given:
        cut = tuple(min(size, found.batch) for size in found.ramp)
        return dataclasses.replace(found, ramp=cut)
    if not all(1 <= size <= found.batch for size in found.ramp):
        problem = f"each size must be from 1 to batch, which is {found.batch}"
        raise mistakes.at((*loc, "ramp"), problem)
    return found

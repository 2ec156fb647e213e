"""Lists of names in messages: a phone's line can end in them, and they can be copied."""

from __future__ import annotations

import re

from hypothesis import given, settings, strategies as st

from bot.power.targets import targets
from bot.slack.blockkit import naming
from tests.power import fleet

NAMES = st.from_regex(r"[a-c]{1,3}(-?[0-9]{1,3}){1,2}", fullmatch=True)
# What stands between two spaces is broken by Slack in the middle of a number.
LONGEST = naming.LINE_CHARS


def test_a_short_list_stands_as_it_is_typed() -> None:
    """A space in it would only make it longer."""
    assert naming.folded(["db11", "web04"]) == "db11,web04"
    assert naming.folded([f"web{n:02}" for n in (1, 2, 3, 7, 9, 11)]) == "web[01-03,07,09,11]"


def test_a_line_can_end_within_a_long_list() -> None:
    """After each name, and within a long bracket."""
    off = ["build16", "build20", *(f"cache{n}" for n in range(100, 140, 3))]

    told = naming.folded(off)

    assert told == (
        "build[16,20], cache[100,103,106,109,112], cache[115,118,121,124,127], "
        "cache[130,133,136,139]"
    )


@settings(max_examples=200, deadline=None)
@given(st.sets(NAMES, min_size=1, max_size=60), st.integers(40, 700))
def test_a_list_that_can_be_broken_means_the_same_servers(names: set[str], limit: int) -> None:
    """Pasted into a command, as far as it wasn't cut; and it isn't longer than it may be."""
    told = naming.folded_literal(names, limit)

    assert len(told) <= limit + naming.MORE_CHARS
    shown = re.sub(r" and [0-9,]+ more$", "", told)
    found = targets.parse(shown, {}).resolve(fleet.named(*names, "other")).servers
    assert {one.name for one in found} <= names
    if shown == told:
        assert {one.name for one in found} == names
    if len(told) < limit:
        assert max(map(len, shown.split(" "))) <= LONGEST

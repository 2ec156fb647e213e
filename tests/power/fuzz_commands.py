"""Hostile text for the command language; as a script it throws a number of lines at it.

`python -m tests.power.fuzz_commands 1000000 --servers 10000` reports time and memory, and fails on
any other exception than a mistake, or on more steps than the bound.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import resource
import sys
import time
import tracemalloc

from hypothesis import strategies as st

from bot.power import errors, server
from bot.power.command import command
from bot.power.targets import name_pattern, number_ranges, targets
from tests.power import fleet

# A pattern has at most 255 characters and so no more pieces that take one; of each place in a
# name at most nine digits are tried.
MOST_NAME = 64
STEPS_A_MATCH = (
    (MOST_NAME + 1) * (name_pattern.MOST_CHARACTERS + 1) * (number_ranges.MOST_DIGITS + 1)
)

PARTS = [
    *("reboot", "off", "status", "because", "stop", "freeze", "help", "/power", "all", "PR-7F3K"),
    *("web", "db", "01", "20", "a", "0", "999999999", "1234567890", "twin", "web01", "r1n01"),
    *("[", "]", "[01-20]", "[1-9,12]", "[1-99999]", "[20-1]", "-", ",", "*", "?", "!", "@", ":"),
    *("@web", "@loop", "@everything", "rack:", "tag:", "role=web", "state:off", "sn:", "dc:"),
    *('"', "“", "”", "--dry-run", "—batch", "--batch=5", "--pause", "30s", "-", "=", "…"),
    *(
        " ",
        " ",
        " ",
        "\u00a0",
        "\n",
        "\t",
        "\u200b",
        "\x00",
        "\ud800",
        "е",
        "０",
        "٣",
        *("上海", "ſ", "ﬀ", "K", "İ"),
        "👩",
    ),
    *("<", ">", "|", "&amp;", "<http://a.b|a.b>", "<@U1|bob>", "$(", "`", ";", "/", "\\", "^", "&"),
]
TERM_PARTS = [
    *("web", "web", "a", "1", "01", "db", "r", "n", "*", "*a", "?", "[1-9]", "[01-20]", "[1-111]"),
    *("!", "web*", "a*", "db*", "r*", "@web", "@everything", "@g9", "rack:R1*", "tag:role=w*"),
    *("*1", "*[1,3,5,7,11,111,11111]*", "state:o*", "web01", "twin", "--dry-run", " "),
]
MOST_SAID = 1_000
# Names that a bad matcher takes for ever on.
NAMES = ["a" * MOST_NAME, "1" * MOST_NAME, "a1" * 30, "web" + "0" * 50, "-" * 10]
GROUPS = {**fleet.GROUPS, **{f"g{n}": f"@g{n + 1} @g{n + 1}" for n in range(12)}, "g12": "a*"}


def inventory() -> server.Snapshot:
    """Return the small fleet with hostile names beside it."""
    rows = [server.Server(fleet.server_id(900 + n), name) for n, name in enumerate(NAMES)]
    return fleet.snapshot([*fleet.fleet().servers.values(), *rows])


def lines() -> st.SearchStrategy[str]:
    """Return lines made of parts that mean something."""
    return st.lists(st.sampled_from(PARTS), max_size=40).map("".join)


def answer(text: str) -> command.Command | errors.UserMistake:
    """Return the command that a line is, or what is wrong with it."""
    try:
        return command.parse(text)
    except errors.UserMistake as found:
        return found


def try_line(text: str, known: server.Snapshot) -> bool:
    """Parse and resolve one line; return whether it was understood."""
    work = name_pattern.Work()
    try:
        said = command.parse(text)
        wanted = said.targets if isinstance(said, command.Change | command.Read) else text
        targets.parse(wanted, GROUPS).resolve(known, work)
        return True
    except errors.UserMistake as found:
        if not 0 < len(found.problem) < MOST_SAID or len(found.token) > MOST_SAID:
            raise AssertionError(f"{found.problem!r} for {text!r}") from found
        return False
    finally:
        bound = targets.MOST_TERMS * len(known.servers) * STEPS_A_MATCH
        if work.steps > bound:
            raise AssertionError(f"{work.steps} steps for {text!r}")


def random_line(chance: random.Random) -> str:
    """Return noise, or a line whose words may be terms, so that some are understood."""
    if chance.random() < 0.5:
        return "".join(chance.choices(PARTS, k=chance.choice((3, 10, 30, 400))))
    words = ("".join(chance.choices(TERM_PARTS, k=chance.randint(1, 4))) for _ in range(9))
    return f"reboot {' '.join(list(words)[: chance.choice((1, 1, 2, 3, 9))])}"


@dataclasses.dataclass
class Cost:
    """What lines have cost so far; the slowest is in seconds of CPU, the largest in bytes."""

    lines: int = 0
    understood: int = 0
    spent_s: float = 0.0
    slowest: tuple[float, str] = (0.0, "")
    largest: tuple[int, str] = (0, "")

    def report(self) -> str:
        """Return it in a few lines."""
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return (
            f"{self.lines:,} lines, {self.understood:,} understood: {self.spent_s:.1f} s of CPU,"
            f" {self.spent_s / self.lines * 1e6:.0f} us a line, the process {peak_mb:.0f} MB\n"
            f"slowest {self.slowest[0] * 1e3:.1f} ms: {self.slowest[1][:200]!r}\n"
            f"largest {self.largest[0] / 1e6:.1f} MB: {self.largest[1][:200]!r}\n"
        )


# Counting every allocation makes a line some ten times slower, so only one in so many is weighed.
WEIGHED = 200


def throw(count: int, seed: int, known: server.Snapshot, *, weigh: bool = False) -> Cost:
    """Throw random lines at the language, each with its steps counted.

    With `weigh` the memory of one line in two hundred is measured as well.
    """
    chance, cost = random.Random(seed), Cost()
    for number in range(count):
        text = random_line(chance)
        if weigh and number % WEIGHED == 0:
            cost.largest = max(cost.largest, (weight(text, known), text))
        before = time.process_time()
        cost.understood += try_line(text, known)
        spent_s = time.process_time() - before
        cost.slowest = max(cost.slowest, (spent_s, text))
        cost.spent_s += spent_s
    cost.lines = count
    return cost


def weight(text: str, known: server.Snapshot) -> int:
    """Return the most bytes that are held at once while a line is read."""
    tracemalloc.start()
    try:
        try_line(text, known)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def large(servers: int) -> server.Snapshot:
    """Return a fleet of so many servers, the small one among them."""
    few = list(inventory().servers.values())
    rows = [
        server.Server(
            fleet.server_id(10_000 + n), f"r{n % 97}-web{n:05}.example", rack=f"R{n % 97}"
        )
        for n in range(servers - len(few))
    ]
    return fleet.snapshot([*few, *rows])


def main() -> None:
    """Throw lines at the language and report what it cost."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("lines", type=int, nargs="?", default=10_000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--servers", type=int, default=0, help="0 is the small fleet")
    given = arguments.parse_args()
    known = large(given.servers) if given.servers else inventory()
    sys.stdout.write(throw(given.lines, given.seed, known, weigh=True).report())


if __name__ == "__main__":
    main()

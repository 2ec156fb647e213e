"""Plays about what goes wrong before anything is sent: slips, refusals, and being late."""

from __future__ import annotations

from tests.acceptance.conftest import SAM
from tests.acceptance.playing import Player


async def slips(p: Player) -> None:
    """A mistyped verb, option and name, each with what was meant; and curly quotes."""
    for name, line, words in (
        ("verb", "/power rebot web01 because slow", "/power reboot web01"),
        ("name", "/power reboot wbe01 because slow", "wbe01"),
        ("option", "/power off web01 --bacth 2 because slow", "--batch"),
        ("quotes", "/power cycle “cache01” --dry-run because it’s “slow”", "cache01 (on)"),
    ):
        await p.type(line)
        await p.private(words).wait_for()
        await p.look(name)


async def too_many(p: Player) -> None:
    """A plan of hundreds is shown in full by a button; one of too many is refused."""
    await p.type("/power reboot web* worker[100-280] db[20-84] cache* because new kernel")
    plan = p.private("new kernel")
    await plan.wait_for()
    await p.look("plan")
    await p.press(plan, "Show all")
    # The plan speaks of racks too, but only the list has columns; so many servers need several.
    await p.by("ephemeral").get_by_role("columnheader", name="Rack").first.wait_for()
    await p.look("all")
    await p.type("/power off web* worker* db* because the hall is sold")
    await p.private("can't be requested").wait_for()
    await p.look("refused")


async def ticket(p: Player) -> None:
    """A rule wants a ticket in the reason; with one it can be asked for."""
    await p.type("/power reboot db02 because it is slow")
    await p.private("CHG").wait_for()
    await p.look("refused")
    card = await p.ask("/power reboot db02", "CHG-1077 replica lags")
    await p.look("card")
    await p.press(card, "Cancel")
    await p.says(card, "Cancelled")


async def late_click(p: Player) -> None:
    """Somebody approves while the request is being taken back, and hears who was quicker."""
    card = await p.ask("/power reboot worker18", "too slow a click")
    other = await p.friend()
    await other.be(SAM)
    await other.press(other.card("too slow a click"), "Approve")
    await other.by("confirm-ok").wait_for()
    await p.press(card, "Cancel")
    await p.says(card, "Cancelled")
    await other.by("confirm-ok").click()
    await other.private("cancelled").wait_for()
    await other.look("told")

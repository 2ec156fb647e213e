"""Plays about looking: help, lists, and what the record knows."""

from __future__ import annotations

from tests.acceptance.conftest import DANA, SAM
from tests.acceptance.playing import Player


async def help_pages(p: Player) -> None:
    """Help for all, for ways to name servers and for one verb; its button opens the form."""
    for about, words in (("", "*"), ("targets", "sn:"), ("freeze", "holds all changes back")):
        await p.type(f"/power help {about}".strip())
        await p.private(words if about else "Hold").wait_for()
        await p.look(about or "all")
    await p.press(p.private("holds all"), "Open the form")
    await p.by("modal").get_by_label("Reason", exact=True).wait_for()
    await p.leave()


async def many_servers(p: Player) -> None:
    """The state of a whole fleet, its list as a table, another page, and Share."""
    await p.type("/power status")
    counted = p.private("700 servers")
    await counted.wait_for()
    await p.look("status")
    await p.press(counted, "Show all")
    await p.private("1 to 20 of 700").wait_for()
    await p.look("all")
    await p.type("/power list tag:role=db state:on")
    await p.press(p.private("db01"), "Next")
    await p.private("21 to 40 of").wait_for()
    await p.look("next-page")
    await p.press(p.private("21 to 40 of"), "Share")
    await p.says(p.card("shared by"), "/power list tag:role=db")
    await p.look("shared")


async def past(p: Player) -> None:
    """After a run: why, history, the request itself, and what is open."""
    card = await p.ask("/power reboot worker17", "it swaps")
    id_ = await p.id_of(card)
    await p.approve(SAM, card)
    await p.says(card, "worker17 rebooted")
    await p.be(DANA)
    for name, line, words in (
        ("why", "why worker17", "from the audit log"),
        ("history", "history worker1*", "past change"),
        ("show", f"show {id_}", "confirmed"),
        ("requests", "requests", "No request is open"),
    ):
        await p.type(f"/power {line}")
        await p.private(words).wait_for()
        await p.look(name)

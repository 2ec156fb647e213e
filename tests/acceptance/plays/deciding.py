"""Plays about deciding: yes, no, too late, two at once, a freeze, and broken glass."""

from __future__ import annotations

import asyncio
import re

from playwright.async_api import expect

from tests.acceptance.conftest import DANA, ROSA, SAM
from tests.acceptance.playing import Player

INC = "C0INC"


async def deny(p: Player) -> None:
    """A denial says why, and can be asked again."""
    card = await p.ask("/power off cache01", "spare parts")
    await p.be(SAM)
    await p.press(card, "Deny")
    await p.by("modal").wait_for()
    await p.look("form")
    await p.fill("not during the sale")
    await p.says(card, "Denied by", "not during the sale")
    await p.be(DANA)
    await p.press(card, "Ask again")
    await p.private("spare parts").wait_for()
    await p.look("again")


async def home(p: Player) -> None:
    """Home shows what waits, of several people; it decides, and begins a new request."""
    await p.ask("/power reboot worker16", "memory errors")
    await p.ask("/power cycle db02 db03", "firmware of the disks")
    await p.be(SAM)
    mine = await p.ask("/power off cache03", "moves to rack R02")
    await p.type("/power requests")
    await p.private("3 open requests").wait_for()
    await p.look("requests")
    await p.by("home-tab").click()
    await p.says(p.by("home"), "memory errors", "firmware", "moves to rack")
    await p.look("several")
    shown = p.by("home")
    await shown.get_by_role("button", name="Details").last.click()
    await p.by("modal").wait_for()
    await p.look("details")
    await p.leave()
    await shown.get_by_role("button", name=re.compile("^Approve .*Reboot 1 server")).click()
    await p.by("confirm-ok").click()
    await p.says(shown, "Succeeded · Reboot 1 server (worker16)")
    await p.look("finished")
    await p.press(shown, "New request")
    await p.by("modal").wait_for()
    await p.look("new-request")
    await p.leave()
    await p.be(SAM)
    await p.press(mine, "Cancel")
    await p.says(mine, "Cancelled")


async def freeze(p: Player) -> None:
    """A freeze is told to all, refuses what comes, holds what waits, and is lifted by a button."""
    card = await p.ask("/power reboot worker15", "asked before the freeze")
    await p.be(SAM)
    await p.type("/power freeze the cooling is being repaired for 2h")
    told = p.card("froze all power changes")
    await told.wait_for()
    await p.look("told")
    await p.press(card, "Approve", sure=True)
    await p.private("cooling is being repaired").wait_for()
    await p.look("held")
    await p.be(DANA)
    await p.type("/power off cache01 because during the freeze")
    await p.private("cooling is being repaired").wait_for()
    await p.look("refused")
    await p.by("home-tab").click()
    await p.says(p.by("home"), "cooling is being repaired")
    await p.look("home")
    await p.be(SAM)
    await p.press(told, "Unfreeze", sure=True)
    await p.says(p.card("lifted"), "cooling is being repaired")
    await p.look("lifted")


async def expiry(p: Player) -> None:
    """Nobody answers in time: reminded, called, expired, and asked again."""
    await p.type("/power off cache01 because nobody looks")
    await p.press(p.private("nobody looks"), "Request")
    card = p.card("nobody looks")
    await p.says(card, "Expired")
    await p.look("card")
    await p.thread(card, "Expired: nobody answered in time")
    await p.look("thread")
    await p.leave()
    await p.press(card, "Ask again")
    await expect(p.private("nobody looks").get_by_role("button", name="Request")).to_be_visible()
    await p.look("again")


async def at_once(p: Player) -> None:
    """Two approvers of two groups press at the same moment, and both count."""
    card = await p.ask("/power reboot db04", "index rebuild")
    other = await p.friend()
    await p.be(SAM)
    await other.be(ROSA)
    await p.press(card, "Approve")
    await other.press(other.card("index rebuild"), "Approve")
    await p.look("question")
    await asyncio.gather(p.by("confirm-ok").click(), other.by("confirm-ok").click())
    await p.says(card, "db04 rebooted", "(sre)", "(dc-ops)")
    await p.look("done")
    await other.thread(other.card("index rebuild"), "Approved by", "audit head")
    await other.look("thread")


async def break_glass(p: Player) -> None:
    """Without approval, in public, and reviewed by somebody else afterwards."""
    await p.be(DANA, INC)
    await p.type("/power cycle worker07 --break-glass because INC-42 nobody answers")
    plan = p.private("INC-42")
    await plan.wait_for()
    await p.look("plan")
    await p.press(plan, "Power-cycle now without approval")
    await p.by("confirm-ok").wait_for()
    await p.look("question")
    await p.by("confirm-ok").click()
    card = p.card("INC-42")
    await p.says(card, "worker07 power-cycled")
    await p.look("done")
    await p.be(SAM, INC)
    await p.press(card, "Review")
    await p.by("modal").get_by_role("radio", name="Justified", exact=True).check()
    await p.look("review")
    await p.fill("right so: the shop was down")
    await p.says(card, "right so")
    await p.thread(card, "reviewed the use of break glass")
    await p.look("reviewed")

"""Plays about runs: waves, failures, Stop, and what can be done when it has gone wrong."""

from __future__ import annotations

from playwright.async_api import expect

from bot.sandbox import surroundings
from bot.sandbox.data_centre import CallFaultKind, CallKind, MachineFaultKind
from tests.acceptance.conftest import DANA, SAM
from tests.acceptance.playing import Player


async def retry(p: Player) -> None:
    """What failed is named with the vendor's words, and can be tried again."""
    p.stage.playing.centre.set_fault("worker13", MachineFaultKind.FAILS)
    card = await p.ask("/power reboot worker[12-13]", "firmware update")
    await p.approve(SAM, card)
    await p.says(card, "1 of 2 rebooted", "worker13")
    await p.look("partly")
    p.stage.playing.centre.set_fault("worker13", None)
    await p.press(card, "Retry failed")
    again = p.private("firmware update")
    await again.wait_for()
    await p.look("plan")
    await p.press(again, "Request")
    await expect(p.card("firmware update").get_by_role("button", name="Approve")).to_be_visible()
    await p.approve(DANA, p.card("firmware update"))
    await p.says(p.card("firmware update"), "worker13 rebooted")
    await p.look("done")


async def waves(p: Player) -> None:
    """Waves of two; the failure in the second ends it, and the rest is untouched."""
    centre = p.stage.playing.centre
    centre.set_fault("worker06", MachineFaultKind.FAILS)
    line = "/power reboot worker[04-09] --batch 2 --pause 2s --max-failures 1"
    card = await p.ask(line, "kernel 6.8.5")
    await p.approve(SAM, card)
    await p.says(card, "2 of 6 done")
    await p.look("running")
    await p.says(card, "2 untouched")
    await p.look("ended")
    await p.thread(card, "audit head")
    await p.look("thread")
    centre.set_fault("worker06", None)


async def cycle_gone_wrong(p: Player) -> None:
    """CloudDC refuses the power-on: the servers are off, everybody reads so, and a button mends."""
    centre = p.stage.playing.centre
    before = len(centre.power_calls())
    card = await p.ask("/power cycle cache[01-02]", "stuck fans")
    id_ = await p.id_of(card)
    await p.approve(SAM, card)
    await p.stage.until(lambda: len(centre.power_calls()) > before or None)
    centre.queue_fault(CallFaultKind.FORBIDDEN, CallKind.POWER)
    await p.says(card, "OFF", "Power back on")
    await p.look("off")
    await p.thread(card, "Power back on")
    await p.look("thread")
    await p.leave()
    await p.press(card, "Power back on")
    plan = p.private("stuck fans")
    await plan.wait_for()
    await p.look("plan")
    await p.press(plan, "Request")
    back = p.card("Power on 2 servers")
    await p.approve(DANA, back)
    await p.says(p.card("2 servers powered on"), "stuck fans")
    first = p.by("message").filter(has_text=id_).first
    await expect(first.get_by_role("button", name="Power back on")).to_have_count(0)
    await p.look("back-on")


async def stop(p: Player) -> None:
    """Stop in the middle of a run, and then the others after all."""
    card = await p.ask("/power off worker[05-10] --batch 2 --pause 20s", "the rack moves")
    await p.approve(SAM, card)
    await p.says(card, "2 of 6 done")
    await p.press(card, "Stop")
    await p.by("confirm-ok").wait_for()
    await p.look("question")
    await p.by("confirm-ok").click()
    await p.says(card, "Do the other 4")
    await p.look("stopped")
    await p.press(card, "Do the other 4")
    await p.private("the rack moves").wait_for()
    await p.look("plan")
    await p.press(p.private("the rack moves"), "Request")
    await expect(p.card("the rack moves").get_by_role("button", name="Approve")).to_be_visible()
    await p.approve(DANA, p.card("the rack moves"))
    await p.says(p.card("4 servers powered off"), "the rack moves")
    await p.look("others")


async def undo(p: Player) -> None:
    """What was switched off is switched on again by Undo."""
    card = await p.ask("/power off worker[02-03]", "spare the cooling")
    await p.approve(SAM, card)
    await p.says(card, "2 servers powered off")
    await p.look("off")
    await p.press(card, "Undo")
    plan = p.private("Undo of")
    await plan.wait_for()
    await p.look("plan")
    await p.press(plan, "Request")
    await expect(p.card("Undo of").get_by_role("button", name="Approve")).to_be_visible()
    await p.approve(DANA, p.card("Undo of"))
    await p.says(p.card("2 servers powered on"), "Undo of")
    await p.look("on-again")


async def put_back(p: Player) -> None:
    """A server that doesn't come back well stays out, is owed, and is put back by a person."""
    around = p.stage.playing.around
    around.services.faults["web05"] = surroundings.ServiceFault.UNWELL
    card = await p.ask("/power reboot web[04-05]", "kernel 6.8.5")
    await p.approve(SAM, card)
    await p.says(card, "of 2 done")
    await p.look("running")
    await p.says(card, "Put back")
    await p.look("still-out")
    await p.thread(card, "audit head")
    await p.look("thread")
    await p.leave()
    await p.half("centre")
    await p.by("server-web05").scroll_into_view_if_needed()
    await p.look("racks")
    await p.half("chat")
    await p.type("/power owed")
    await p.private("owed").wait_for()
    await p.look("owed")
    await p.press(card, "Put back")
    await p.by("confirm-ok").wait_for()
    await p.look("question")
    await p.by("confirm-ok").click()
    await expect(card.get_by_role("button", name="Put back")).to_have_count(0)
    await p.look("back")
    del around.services.faults["web05"]

"""Plays about asking: by a line, by the form, by a mention, and once more with a change."""

from __future__ import annotations

from playwright.async_api import expect

from tests.acceptance.playing import Player


async def plan_and_cancel(p: Player) -> None:
    """A dry run, the plan of several kinds of servers with its details, and a change of mind."""
    await p.type("/power cycle worker[02-04] db01 --dry-run because dry run")
    await p.private("dry run").wait_for()
    await p.look("dry-run")
    card = await p.ask("/power off worker[02-04] db01 --batch 2 --pause 5s", "cooling fails")
    await p.press(card, "Details")
    await p.private("Rack").wait_for()
    await p.look("details")
    await p.press(card, "Cancel")
    await p.says(card, "Cancelled")
    # Nothing was approved, so the story goes on with asking, not with the run.
    await expect(p.by("story")).to_have_attribute("data-step", "3")
    await p.look("cancelled")


async def form(p: Player) -> None:
    """The form, first filled in wrongly, then rightly."""
    await p.type("/power")
    modal = p.by("modal")
    await modal.get_by_label("Reboot").check()
    await p.look("empty")
    await p.choose("worker[05-06]")
    await modal.get_by_label("Reason", exact=True).fill("they hang after the update")
    wave = modal.get_by_label("Servers in a wave, at most", exact=True)
    pause = modal.get_by_label("Pause between waves", exact=True)
    await wave.fill("five")
    await pause.fill("3 days")
    await p.by("modal-submit").click()
    await p.says(modal, "takes a whole number from 1 to 10,000, not five", "not 3 days")
    await p.look("wrong")
    await wave.fill("1")
    await pause.fill("5s")
    await p.by("modal-submit").click()
    await p.says(modal, "Reboot 2 servers?")
    await p.look("review")
    await p.by("modal-submit").click()
    await p.says(modal, "Requested as PR-")
    await p.look("requested")
    await p.leave()
    await p.press(p.card("they hang"), "Cancel")
    await p.says(p.card("they hang"), "Cancelled")


async def change(p: Player) -> None:
    """A plan is changed in the form that it fills in, and then asked for."""
    await p.type("/power cycle cache02 --incident INC-42 because disk errors")
    await p.press(p.private("disk errors"), "Change…")
    modal = p.by("modal")
    reason = modal.get_by_label("Reason", exact=True)
    await reason.wait_for()
    await p.look("filled-in")
    await reason.fill("disk errors, and the fan is loud")
    await p.by("modal-submit").click()
    await p.says(modal, "fan is loud")
    await p.look("review")
    await p.by("modal-submit").click()
    await p.says(modal, "Requested as PR-")
    await p.leave()
    await p.says(p.card("fan is loud"), "needs 1 approval")
    await p.look("card")
    await p.press(p.card("fan is loud"), "Cancel")
    await p.says(p.card("fan is loud"), "Cancelled")


async def selectors(p: Player) -> None:
    """Servers by tag, by rack and by state, read back in words."""
    for name, terms in (
        ("tag", "tag:role=cache state:on !cache02"),
        ("rack", "rack:R02 worker1*"),
        ("state", "state:off"),
    ):
        await p.type(f"/power on {terms} --dry-run because {name} first")
        await p.private(f"{name} first").wait_for()
        await p.look(name)


async def without_a_step(p: Player) -> None:
    """A step may be left out where the policy says so, and another may not."""
    await p.type("/power reboot web07 --without answering because skip the probe")
    await p.private("answering").wait_for()
    await p.look("refused")
    card = await p.ask("/power reboot web07 --without drain", "nothing runs there")
    await p.look("card")
    await p.press(card, "Details")
    await p.private("drain").wait_for()
    await p.look("details")
    await p.press(card, "Cancel")
    await p.says(card, "Cancelled")


async def mention(p: Player) -> None:
    """The bot is asked by a mention, with a mention in the reason, and called off in the thread."""
    await p.type("@powerbot reboot cache03 because @sam saw it hang")
    plan = p.private("saw it hang")
    await plan.wait_for()
    await p.look("plan")
    await p.press(plan, "Request")
    card = p.card("needs 1 approval")
    await p.says(card, "saw it hang")
    id_ = await p.id_of(card)
    thread = await p.thread(card, "Needs")
    await p.reply(f"@powerbot cancel {id_} because @sam has mended it")
    await p.says(thread, "Cancelled by")
    await p.look("thread")
    await p.reply("@powerbot status cache03")
    await p.says(thread, "cache03", "States read")
    await p.look("question")

"""Somebody who plays the demo freely in a browser, and looks hard at what is on the screen."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

from playwright import async_api
from playwright.async_api import expect

from tests.acceptance import browsing, seeing
from tests.acceptance.conftest import OPS, PATIENCE_S, Stage

SHOTS = os.environ.get("POWERBOT_SCREENSHOTS", "")
HEIGHTS = {1280: 860, 390: 844}
# The browser says this of each answer above 399, and the bot's stand-ins give such on purpose.
REFUSED = "Failed to load resource"
POSTED_CHARS = 300
LAST_ENTRIES = 40
ENTRY_CHARS = 400
ID = re.compile(r"PR-[0-9A-Z]{4}")


@dataclasses.dataclass(frozen=True)
class Setting:
    """How wide the screen is, and its colours; a narrow one is a phone with a touch screen."""

    width: int
    scheme: str

    def __str__(self) -> str:
        """Name it in a test's id."""
        return f"{self.width}-{self.scheme}"

    async def context(self, browser: async_api.Browser) -> async_api.BrowserContext:
        """Open a window, or a phone, that has seen nothing yet."""
        phone = self.width < 760
        return await browser.new_context(
            viewport={"width": self.width, "height": HEIGHTS[self.width]},
            color_scheme="dark" if self.scheme == "dark" else "light",
            reduced_motion="reduce",
            is_mobile=phone,
            has_touch=phone,
            device_scale_factor=2 if phone else 1,
        )


@dataclasses.dataclass(frozen=True)
class Theatre:
    """A running demo, and a browser with one of the settings."""

    stage: Stage
    browser: async_api.Browser
    setting: Setting
    axe: str


@dataclasses.dataclass(frozen=True)
class Player:
    """Somebody who plays, and notes the faults that they see."""

    page: async_api.Page
    theatre: Theatre
    play: str
    faults: list[str]
    friend: Callable[[], Awaitable[Player]]

    @property
    def stage(self) -> Stage:
        """The demo behind the page."""
        return self.theatre.stage

    def by(self, test_id: str) -> async_api.Locator:
        """Return the element with this hook."""
        return self.page.get_by_test_id(test_id)

    def card(self, words: str) -> async_api.Locator:
        """Return the newest message of the channel to everybody with these words."""
        return self.page.locator("#messages").get_by_test_id("message").filter(has_text=words).last

    def private(self, words: str) -> async_api.Locator:
        """Return the newest message to this person alone with these words."""
        return self.by("ephemeral").filter(has_text=words).last

    async def half(self, name: str) -> None:
        """Turn to the chat or the data centre, where the page shows one of them only."""
        if await self.by(f"tab-{name}").is_visible():
            await self.by(f"tab-{name}").click()

    async def be(self, person: str, channel: str = OPS) -> None:
        """Be this person, in this channel."""
        await self.by(f"person-{person}").click()
        await self.half("chat")
        await self.by(f"channel-{channel}").click()

    async def type(self, line: str) -> None:
        """Type a line and send it."""
        await self.by("composer").fill(line)
        await self.by("send").click()

    async def ask(self, line: str, reason: str) -> async_api.Locator:
        """Type a command, press Request on its plan, and return the card."""
        await self.type(f"{line} because {reason}")
        await self.press(self.private(reason), "Request")
        card = self.card(reason)
        await expect(card.get_by_role("button", name="Approve")).to_be_visible()
        return card

    async def press(self, where: async_api.Locator, label: str, *, sure: bool = False) -> None:
        """Press a button by its words; `sure` says yes to the question that follows."""
        words = re.compile(f"^{re.escape(label)}$")
        await where.get_by_role("button").filter(has_text=words).last.click()
        if sure:
            await self.by("confirm-ok").click()

    async def approve(self, person: str, card: async_api.Locator) -> None:
        """Approve as this person."""
        await self.be(person)
        await self.press(card, "Approve", sure=True)

    async def says(self, where: async_api.Locator, *words: str) -> None:
        """Wait until something says all these words."""
        for each in words:
            await expect(where).to_contain_text(each, timeout=PATIENCE_S * 1000)

    async def thread(self, card: async_api.Locator, *words: str) -> async_api.Locator:
        """Open a card's thread and wait until it says these words."""
        await card.get_by_test_id("replies-button").click()
        await self.says(self.by("thread-panel"), *words)
        return self.by("thread-panel")

    async def reply(self, words: str) -> None:
        """Write into the open thread."""
        await self.by("thread-composer").fill(words)
        await self.by("thread-send").click()

    async def id_of(self, card: async_api.Locator) -> str:
        """Return the id of a card's request."""
        [*_, found] = ID.findall(await card.inner_text())
        return str(found)

    async def choose(self, servers: str) -> None:
        """Search for servers in the open form, and take the first that is offered."""
        await self.page.get_by_role("combobox", name="Servers").fill(servers)
        offer = self.page.get_by_role("option", name=re.compile(f"^{re.escape(servers)}"))
        await offer.first.click()

    async def leave(self) -> None:
        """Close what is open: a dialog, or else the thread."""
        await self.page.keyboard.press("Escape")

    async def fill(self, words: str) -> None:
        """Fill in the open form's first input, and send it."""
        modal = self.by("modal")
        await modal.locator("textarea, input[type=text]").first.fill(words)
        await self.by("modal-submit").click()
        await expect(modal).to_have_count(0)

    async def look(self, name: str) -> None:
        """Note what is off the screen, cut, covered, a barrier or said by a program."""
        if SHOTS:
            path = f"{self.play}.{name}.{self.theatre.setting}.png"
            await self.page.screenshot(path=pathlib.Path(SHOTS) / path)
        width = self.theatre.setting.width
        found = [
            *await seeing.misplaced(self.page, width),
            *await seeing.barriers(self.page, self.theatre.axe),
            *await seeing.programs(self.page),
        ]
        self.faults.extend(f"{name}: {each}" for each in found)


@contextlib.contextmanager
def told_where_it_fails(stage: Stage, faults: Sequence[str]) -> Iterator[None]:
    """Print what the page can't tell any more when a play fails; pytest keeps it.

    A press that got no answer reads as one that was never made: here is whether the bot took it,
    what it said then and to whom, and what the page has complained of.
    """
    try:
        yield
    except BaseException:
        slack = stage.slack
        for one in [*slack.journal.entries][-LAST_ENTRIES:]:
            print(f"{one.at:.3f} {one.kind} {one.name} {one.details!r:.{ENTRY_CHARS}}")  # noqa: T201
        for person in slack.directory.people:
            toasts = [toast.text for toast in slack.toasts(person)]
            said = [message.words[:ENTRY_CHARS] for message in slack.ephemerals(person)[-3:]]
            if toasts or said:
                print(f"{person} saw {toasts} and last {said}")  # noqa: T201
        print(f"the page's faults: {faults}")  # noqa: T201
        raise


@contextlib.asynccontextmanager
async def player(theatre: Theatre, play: str) -> AsyncIterator[Player]:
    """Open the page for somebody who hasn't read anything yet, and more pages for friends."""
    faults: list[str] = []

    def console(message: async_api.ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(REFUSED):
            faults.append(message.text)

    # Shown where a play fails: whether a press has left the page, and what became of it.
    def posted(response: async_api.Response) -> None:
        if response.request.method == "POST":
            sent = (response.request.post_data or "")[:POSTED_CHARS]
            print(f"{response.status} {response.url} {sent}")  # noqa: T201 -- pytest keeps it

    async with contextlib.AsyncExitStack() as opened:
        opened.enter_context(told_where_it_fails(theatre.stage, faults))

        async def another() -> Player:
            context = await theatre.setting.context(theatre.browser)
            opened.push_async_callback(context.close)
            page = await context.new_page()
            page.set_default_timeout(PATIENCE_S * 1000)
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", console)
            page.on("response", posted)
            await page.goto(theatre.stage.playing.url)
            await page.get_by_test_id(f"channel-{OPS}").click()
            return Player(page, theatre, play, faults, another)

        yield await another()
    assert not faults, "\n".join(faults)


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[async_api.Browser]:
    """Start Debian's Chromium."""
    async with async_api.async_playwright() as playwright:
        started = await playwright.chromium.launch(
            executable_path=browsing.chromium(), args=browsing.FLAGS
        )
        yield started
        await started.close()

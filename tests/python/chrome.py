"""Somebody at Chromium, and what must be true of every page that they see.

Knows how to start the browser and how to judge one of our pages (fits, speaks to a screen reader, logs no error);
not what the pages are about. The browser is the system's: CHROMIUM names it. Pictures go to SCREENSHOTS.
"""

import os
import re
import tempfile
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, Playwright, expect
from playwright.sync_api import Error as PlaywrightError

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SHOTS = Path(os.environ["SCREENSHOTS"])
FAULTS: list[str] = []
# MLflow's pages take their time on a machine that has others to serve.
PATIENCE = 30_000
expect.set_options(timeout=PATIENCE)


class Person:
    """One person with a browser of their own."""

    def __init__(self, playwright: Playwright, name: str, script: bool = True, **options):
        self.name = name
        self.profile = tempfile.TemporaryDirectory(prefix="chromium-")
        self.context: BrowserContext = playwright.chromium.launch_persistent_context(
            self.profile.name,
            executable_path=os.environ["CHROMIUM"],
            headless=True,
            args=FLAGS,
            viewport=WIDE,
            java_script_enabled=script,
            **options,
        )
        self.context.set_default_timeout(PATIENCE)
        self.complaints: list[str] = []
        self.page: Page = self.context.pages[0]
        if script:
            keep_clear(self.page)
        self.page.on("console", self.heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))

    def heard(self, message) -> None:
        # A refusal is an HTTP status, which Chromium logs as an error whatever the page does with it.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(f"{self.page.url}: {message.text}")

    def said(self) -> list[str]:
        """What the console said since it was asked last: errors, and what a page's policy kept it from."""
        said, self.complaints = self.complaints, []
        return said

    def close(self) -> None:
        self.context.close()
        self.profile.cleanup()


def keep_clear(page: Page) -> None:
    """Closes what MLflow lays over its pages by itself, whenever it comes: a greeting, its assistant."""
    words = re.compile("with the new Model Registry UI", re.IGNORECASE)
    greeting = page.get_by_role("dialog").filter(has_text=words).get_by_role("button", name="Close")
    assistant = page.locator('[data-component-id="mlflow.assistant.chat_panel.close"]')
    for cover in (greeting, assistant):
        page.add_locator_handler(cover.first, press_what_is_there, no_wait_after=True)


def press_what_is_there(cover: Locator) -> None:
    """Waits for nothing: a page that has just been left has taken its greeting along."""
    cover.evaluate_all("them => them.forEach(it => it.click())")


def shoot(page: Page, name: str, whole: bool = True) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    for again in (True, True, False):
        try:
            page.screenshot(path=SHOTS / f"{name}.png", full_page=whole)
            return
        except PlaywrightError as error:
            # A page between two frames has no picture (seen on a busy machine); it has one a moment later.
            if not again or "Unable to capture screenshot" not in error.message:
                raise
            page.wait_for_timeout(500)


def judge(person: Person, name: str) -> None:
    """One of our pages, as it is now: fits in both widths, and axe finds nothing, in light and dark.

    What is wrong is kept in FAULTS, so that one run tells it of all pages.
    """
    page = person.page
    faults = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for width, size in (("wide", WIDE), ("narrow", NARROW)):
            page.set_viewport_size(size)
            shoot(page, f"{name}-{theme}-{width}")
            wanted, there = page.evaluate("[document.scrollingElement.scrollWidth, window.innerWidth]")
            if wanted > there:
                faults.append(f"{theme}, {width}: {wanted} px wide in {there} px; {sticks_out(page)}")
            faults += [f"{theme}, {width}: {fault}" for fault in axe(page)]
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(WIDE)
    FAULTS.extend(f"{name}: {fault}" for fault in [*faults, *person.said()])


def axe(page: Page, within: str | None = None) -> list[str]:
    """What axe finds on the page, or in the elements of this selector and the trees in their shadows."""
    found = Axe().run(page, context=within).response["violations"]
    return [f"axe {rule['id']}: {rule['help']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]


def sticks_out(page: Page) -> str:
    return page.evaluate(
        """() => [...document.querySelectorAll('main *, header *')]
            .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
            .slice(-1).map(e => e.outerHTML.slice(0, 160)).join()"""
    )

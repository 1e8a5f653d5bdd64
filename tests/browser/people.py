"""People at their browsers: sign in, move about, and look for faults of the page."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.laboratory import Laboratory

DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@dataclass
class House:
    """``language``: zh or en. ``pictures``: a folder for screenshots, None for none."""

    laboratory: Laboratory
    browser: Browser
    language: str
    pictures: Path | None = None
    faults: list[str] = field(default_factory=list)
    looked_at: set[str] = field(default_factory=set)

    @contextmanager
    def person(self, username: str | None, size: dict[str, int] = DESK) -> Iterator[Page]:
        """A browser of its own; signed in unless ``username`` is None. Console errors count as faults."""
        locale = "zh-CN" if self.language == "zh" else "en-GB"
        context = self.browser.new_context(
            base_url=self.laboratory.address, viewport=size, locale=locale, accept_downloads=True
        )
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: self.faults.append(f"{username} {page.url}: {error}"))
        page.on(
            "console",
            lambda line: (
                self.faults.append(f"{username} {page.url}: {line.text}") if line.type == "error" else None
            ),
        )
        page.on(
            "response",
            lambda answer: (
                self.faults.append(f"{answer.url}: {answer.status}") if answer.status >= 500 else None
            ),
        )
        try:
            if username is not None:
                self.sign_in(page, username)
            yield page
        finally:
            context.close()

    def sign_in(self, page: Page, username: str) -> None:
        page.goto("/sign-in")
        page.fill("#f-username", username)
        page.fill("#f-password", self.laboratory.passwords[username])
        page.press("#f-password", "Enter")
        if username in self.laboratory.secrets:
            page.fill("#f-code", self.laboratory.code(username))
            page.press("#f-code", "Enter")
        expect(page.locator("details.who")).to_be_visible()
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN" if self.language == "zh" else "en")

    def look(self, page: Page, name: str) -> None:
        """Nothing serious or critical for axe, nothing wider than the page, and a picture where wanted."""
        self.looked_at.add(name)
        found = Axe().run(page).response["violations"]
        grave = [v for v in found if v["impact"] in {"serious", "critical"}]
        for violation in grave:
            places = [node["html"][:160] for node in violation["nodes"][:3]]
            self.faults.append(
                f"axe {name} ({self.language}): {violation['id']} {json.dumps(places, ensure_ascii=False)}"
            )
        self.check_width(page, name)
        if self.pictures is not None:
            self.pictures.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=self.pictures / f"{name}-{self.language}.png")

    def check_width(self, page: Page, name: str) -> None:
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"):
            self.faults.append(f"{name} ({self.language}): wider than the page")

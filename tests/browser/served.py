"""The test's own application on a port, and browsers of people who are signed in: nothing is prepared but rows."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Locator, Page, expect
from werkzeug.serving import make_server

from lims.people.models import Account
from tests.support.accounts import sign_in

DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@dataclass
class Served:
    """``language``: zh or en. ``looked_at``: names of pages for axe; all are looked at where LIMS_PICTURES is set."""

    app: Flask
    address: str
    browser: Browser
    language: str
    for_axe: frozenset[str] = frozenset()
    faults: list[str] = field(default_factory=list)

    @contextmanager
    def person(self, account: Account) -> Iterator[Page]:
        client = sign_in(self.app.test_client(), account)
        context = self.browser.new_context(
            base_url=self.address,
            viewport=DESK,
            locale="zh-CN" if self.language == "zh" else "en-GB",
            accept_downloads=True,
        )
        cookie = client.get_cookie("lims").value
        context.add_cookies([{"name": "lims", "value": cookie, "url": self.address}])
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        page.on("response", lambda a: self.faults.append(f"{a.url}: {a.status}") if a.status >= 400 else None)
        try:
            page.goto("/")
            expect(page.locator("nav.side a").first).to_be_attached()
            expect(page.locator("html")).to_have_attribute("lang", "zh-CN" if self.language == "zh" else "en")
            yield page
        finally:
            context.close()

    def look(self, page: Page, name: str) -> None:
        """Nothing serious for axe, nothing wider than a desk or a phone; a picture where LIMS_PICTURES wants one.

        Pages that other tests look at as well are looked at for pictures only: axe takes two seconds a page.
        """
        folder = os.environ.get("LIMS_PICTURES")
        if name not in self.for_axe and not folder:
            return
        for violation in Axe().run(page).response["violations"]:
            if violation["impact"] in {"serious", "critical"}:
                self.faults.append(f"{name}: {violation['id']} {violation['nodes'][0]['html'][:160]}")
        for size, box in (("phone", PHONE), ("desk", DESK)):
            page.set_viewport_size(box)
            if page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
                self.faults.append(f"{name}: wider than a {size}")
            if folder:
                page.screenshot(path=Path(folder) / f"{name}-{size}-{self.language}.png", full_page=True)


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """The address at which ``app`` answers."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def enter(page: Page, path: str) -> None:
    """By the navigation at the left, which may hold it under "More": nobody types an address."""
    link = page.locator(f'nav.side a[href="{path}"]').first
    fold = page.locator("nav.side details:not([open])", has=page.locator(f'a[href="{path}"]'))
    if fold.count():
        fold.first.locator("summary").click()
    press(link)


def press(what: Locator) -> None:
    """A link or a button that leads to another page, and wait for that page."""
    with what.page.expect_navigation():
        what.click()

"""A new edition of a standard arrives, through the pages, in a browser: list in, decisions, the method revised and
tested, scope and people, an order in the transition, the limit that judges, the evidence sheet. No page is a dead end.
"""

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from shutil import which

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from lims.core.clock import local_date
from lims.core.jobs import run_one
from lims.core.permissions import Role
from lims.core.settings import Settings
from lims.intake.models import RequestedTest, Sample
from lims.people.models import Account
from tests.support.accounts import make_account, sign_in
from tests.support.factories import make_tests
from tests.support.reports import make_house

pytestmark = [pytest.mark.browser, pytest.mark.campaign]
CHROMIUM = next((p for p in map(which, ("chromium", "google-chrome", "google-chrome-stable")) if p), None)
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
NEW_PAGES = {"list-faults", "check-closed", "check", "order-in-transition"}
OLD, NEW = "GB 5009.182-2017", "GB 5009.182-2026"
ITEM = re.compile("Aluminium|铝")
OLD_LIMITS, NEW_LIMITS = "GB 2760-2024", "GB 2760-2026"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        browser.close()


@dataclass
class Served:
    """The application on a port, and browsers of people who are signed in."""

    app: Flask
    address: str
    browser: Browser
    language: str
    faults: list[str] = field(default_factory=list)

    @contextmanager
    def person(self, account: Account) -> Iterator[Page]:
        client = sign_in(self.app.test_client(), account)
        locale = "zh-CN" if self.language == "zh" else "en-GB"
        context = self.browser.new_context(
            base_url=self.address,
            viewport={"width": 1280, "height": 800},
            locale=locale,
            accept_downloads=True,
        )
        cookie = client.get_cookie("lims").value
        context.add_cookies([{"name": "lims", "value": cookie, "url": self.address}])
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        page.on("response", lambda a: self.faults.append(f"{a.url}: {a.status}") if a.status >= 400 else None)
        try:
            yield page
        finally:
            context.close()

    def look(self, page: Page, name: str) -> None:
        """Nothing serious for axe, nothing wider than a desk or a phone; a picture where LIMS_PICTURES wants one.

        Pages that other tests look at as well are looked at for pictures only: axe takes two seconds a page.
        """
        if name not in NEW_PAGES and not os.environ.get("LIMS_PICTURES"):
            return
        for violation in Axe().run(page).response["violations"]:
            if violation["impact"] in {"serious", "critical"}:
                self.faults.append(f"{name}: {violation['id']} {violation['nodes'][0]['html'][:160]}")
        for size, width in (("phone", 390), ("desk", 1280)):
            page.set_viewport_size({"width": width, "height": 844 if size == "phone" else 800})
            if page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
                self.faults.append(f"{name}: wider than a {size}")
            if folder := os.environ.get("LIMS_PICTURES"):
                page.screenshot(path=Path(folder) / f"{name}-{size}-{self.language}.png", full_page=True)


@pytest.fixture
def served(app, chromium, request) -> Iterator[Served]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Served(app, f"http://127.0.0.1:{server.server_port}", chromium, request.param)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("served", ["en", "zh"], indirect=True)
def test_a_new_edition_arrives_and_no_page_is_a_dead_end(served, app, uow, new_session, clock, database):
    laboratory = make_house(uow).laboratory
    test = make_tests(uow, laboratory, "aluminium")[0]["aluminium"]
    order = order_of_test(uow.session, test)
    today = local_date(uow.now)
    quality = make_account(uow, Role.QUALITY_MANAGER, name_zh="许慧", name_en="Xu Hui")
    settings: Settings = app.extensions["lims_settings"]
    with served.person(quality) as page:
        compare_a_list(served, page, today)
        decide(served, page, today)
        close(served, page, lambda: run_one(new_session, "worker", clock, settings))
        revise_and_test(served, page)
        grant(served, page, laboratory.accounts["analyst"], today)
        supersede_limit(page)
        made_before_and_after(page, laboratory.categories["bakery"], today)
    with served.person(laboratory.accounts["reception"]) as page:
        carry_over(served, page, order)
    assert served.faults == []


def order_of_test(session: Session, test_id: int) -> int:
    session.rollback()
    return session.get_one(Sample, session.get_one(RequestedTest, test_id).sample_id).order_id


def compare_a_list(served: Served, page: Page, today: date) -> None:
    page.goto("/catalogue/standards")
    page.locator('a[href="/catalogue/standards/checks"]').click()
    page.locator('a[href="/catalogue/standards/checks/new"]').first.click()
    rows = [
        ["标准号", "标准名称", "状态", "实施日期", "废止日期", "被代替标准"],
        [OLD, "食品中铝的测定", "被代替", "2017-10-06", str(today), NEW],
        [NEW, "食品中铝的测定", "现行", str(today), "", ""],
        [OLD_LIMITS, "食品添加剂使用标准", "被代替", "", str(today), NEW_LIMITS],
        [NEW_LIMITS, "食品添加剂使用标准", "现行", str(today), "", ""],
        ["GB 7099-2015", "糕点、面包", "待定", "", "", ""],
    ]
    page.fill("#f-source", "openstd.samr.gov.cn")
    page.fill("#f-pasted", "\n".join("\t".join(row) for row in rows))
    page.locator(".form-buttons button.btn-primary").click()
    expect(page.locator("#rows td .fault")).to_contain_text("待定")
    expect(page.locator("#f-source")).to_have_value("openstd.samr.gov.cn")
    served.faults.clear()  # the refusal was answered with 422
    served.look(page, "list-faults")
    page.check("#f-leave_out_faulty")
    page.locator(".form-buttons button.btn-primary").click()
    page.wait_for_url(re.compile(r"/checks/\d+$"))
    expect(page.locator(".card-number").first).to_have_text("0 / 2")


def decide(served: Served, page: Page, today: date) -> None:
    served.look(page, "check")
    for code, decision, day in (
        (OLD, "keep_until", today + timedelta(days=30)),
        (OLD_LIMITS, "adopt", today),
    ):
        panel = page.locator("section.panel", has=page.locator("h2", has_text=code))
        panel.locator("select[name=decision]").select_option(decision)
        panel.locator("input[name=effective_on]").fill(str(day))
        panel.locator("input[name=reason]").fill("2026 年第 9 号公告")
        panel.locator("button[type=submit]").click()
        expect(
            page.locator("section.panel", has_text=code).locator(".notice.tone-done").first
        ).to_be_visible()
    expect(page.locator(".card-number").first).to_have_text("2 / 2")


def close(served: Served, page: Page, work: Callable[[], bool]) -> None:
    page.locator('form[action$="/close"] button').click()
    while work():
        pass
    page.reload()
    served.look(page, "check-closed")
    with page.expect_download() as download:
        page.locator('a[href$="/evidence.pdf"]').click()
    pdf = Path(download.value.path()).read_bytes()
    assert pdf.startswith(b"%PDF")
    if folder := os.environ.get("LIMS_PICTURES"):
        (Path(folder) / f"evidence-{served.language}.pdf").write_bytes(pdf)


def revise_and_test(served: Served, page: Page) -> None:
    """From the check to the standard, on to the method under the new edition: tried with figures, kept, released."""
    page.locator("h2 a", has_text=OLD).click()
    served.look(page, "standard")
    page.locator('form[action$="/revise"] button').click()
    expect(page.locator("h1")).to_contain_text(NEW)
    page.locator('a[href*="/catalogue/versions/"]').first.click()
    page.fill("#bench input[name=figures-as_is]", "80.4")
    page.fill('#bench input[name="figures-@moisture"]', "20")
    page.locator('form[action*="/try"] button[type=submit]').click()
    keep = page.locator("form.keep-case")
    expect(keep.locator("input[name=expected]")).to_have_value("100.5")
    keep.locator("input[name=name]").fill("dry basis")
    keep.locator("input[name=source]").fill("80.4 / 0.8 by hand")
    keep.locator("button[type=submit]").last.click()
    page.locator("details.confirm", has=page.locator('form[action$="/release"]')).locator("summary").click()
    page.locator('form[action$="/release"] button[type=submit]').click()
    expect(page.locator('form[action$="/release"]')).to_have_count(0)


def grant(served: Served, page: Page, person: Account, today: date) -> None:
    """The method's page says what is missing and leads to where it is granted."""
    page.locator("a.back").click()
    method = page.url
    expect(page.locator("#gate .badge-fault, #gate [class*=fault]").first).to_be_visible()
    served.look(page, "method-without-scope")
    page.locator('#gate a[href*="/scope/new?method_id="]').click()
    page.select_option("#f-scheme", "CMA")
    page.fill("#f-valid_to", str(today + timedelta(days=365)))
    page.locator(".form-buttons button.btn-primary").click()
    page.goto(method)
    page.locator('#gate a[href*="/authorisations/new?method_id="]').click()
    page.locator("#f-account_id").select_option(str(person.id), force=True)
    page.locator(".form-buttons button.btn-primary").click()
    page.goto(method)
    expect(page.locator("#gate")).to_contain_text("CMA")
    served.look(page, "method-granted")


def supersede_limit(page: Page) -> None:
    """The limit goes on under the new edition of its standard, which the form names already."""
    page.goto("/catalogue/standards?q=2760")
    page.locator("table.grid tbody th a", has_text=OLD_LIMITS).click()
    page.locator("tr", has=page.locator("a", has_text=ITEM)).locator('a[href$="/supersede"]').click()
    page.fill("#f-high", "80")
    page.locator(".form-buttons button.btn-primary").click()
    page.wait_for_url(re.compile("#limits"))
    expect(page.locator("#limits")).to_contain_text(NEW_LIMITS)


def made_before_and_after(page: Page, category: int, today: date) -> None:
    """What was made before the change is judged by the edition of that day."""
    page.locator('a[href*="/limits/which"]').click()
    for made, code in ((today - timedelta(days=1), OLD_LIMITS), (today, NEW_LIMITS)):
        page.locator("#f-category_id").select_option(str(category), force=True)
        page.fill("#f-produced_on", str(made))
        page.locator(".form-buttons button.btn-primary").click()
        expect(page.locator("dl.facts").first).to_contain_text(code)


def carry_over(served: Served, page: Page, order: int) -> None:
    """The order says that its edition is in transition, until when, and takes the new one."""
    page.goto(f"/orders/{order}")
    panel = page.locator("#editions")
    expect(panel).to_contain_text(OLD)
    expect(panel).to_contain_text(NEW)
    served.look(page, "order-in-transition")
    panel.locator("input[name=reason]").fill("agreed by telephone")
    panel.locator("button[type=submit]").click()
    expect(page.locator("#editions")).to_have_count(0)

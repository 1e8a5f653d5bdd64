"""A new edition of a standard arrives, through the pages, in a browser: list in, decisions, the method revised and
tested, scope and people, orders in the transition judged under their own editions, up to the issued reports.
Every page is reached from the one before: nobody types an address.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from shutil import which

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from lims.core.clock import local_date
from lims.core.jobs import run_one
from lims.core.permissions import Role
from lims.core.settings import Settings
from lims.people.models import Account
from tests.browser.edition_orders import ITEM, EditionOrder
from tests.browser.served import Served, enter, serving
from tests.reports.reading import squeezed
from tests.support.accounts import make_account
from tests.support.clock import FakeClock
from tests.support.reports import House, make_house

pytestmark = [pytest.mark.browser, pytest.mark.campaign]
CHROMIUM = next((p for p in map(which, ("chromium", "google-chrome", "google-chrome-stable")) if p), None)
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
NEW_PAGES = frozenset({"list-faults", "check-closed", "check", "order-in-transition"})
OLD, NEW = "GB 5009.182-2017", "GB 5009.182-2026"
OLD_LIMITS, NEW_LIMITS = "GB 2760-2024", "GB 2760-2026"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def served(app, chromium, request) -> Iterator[Served]:
    with serving(app) as address:
        yield Served(app, address, chromium, request.param, NEW_PAGES)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("served", ["en", "zh"], indirect=True)
def test_a_new_edition_arrives_and_every_order_is_judged_under_its_own(
    served, app, uow, new_session, clock, database
):
    house = make_house(uow)
    laboratory = house.laboratory
    today = local_date(uow.now)
    carried = EditionOrder(served, house, "老婆饼", today - timedelta(days=2))
    before = EditionOrder(served, house, "桂花糕", today - timedelta(days=1))
    after = EditionOrder(served, house, "绿豆糕", today)
    agreed = EditionOrder(served, house, "蛋黄酥", today - timedelta(days=1), agreed=OLD)
    quality = make_account(uow, Role.QUALITY_MANAGER, name_zh="许慧", name_en="Xu Hui")
    settings: Settings = app.extensions["lims_settings"]

    def work() -> bool:
        return run_one(new_session, "worker", clock, settings)

    with served.person(laboratory.accounts["reception"]) as page:
        carried.register(page)
        carried.accept_and_receive(page)
    with served.person(quality) as page:
        compare_a_list(served, page, today)
        decide(served, page, today)
        close(served, page, work)
    with served.person(laboratory.accounts["reception"]) as page:
        before.register(page)
        expect(page.locator("#editions")).to_contain_text(OLD)
        before.accept_and_receive(page)
    with served.person(quality) as page:
        revise_and_test(served, page)
        grant(served, page, laboratory.accounts["analyst"], today)
        supersede_limit(served, page)
        made_before_and_after(served, page, laboratory.categories["bakery"], today)
    with served.person(laboratory.accounts["reception"]) as page:
        after.register(page)
        expect(page.locator("#editions")).to_have_count(0)
        after.accept_and_receive(page)
        agreed.register(page)
        expect(page.locator("#editions")).to_contain_text(OLD)
        agreed.accept_and_receive(page)
        carry_over(served, page, carried.path)
    read = measure_and_report(house, served, clock, work, [before, after, carried, agreed])
    told = [
        (OLD, OLD_LIMITS, False),
        (NEW, NEW_LIMITS, True),
        (NEW, OLD_LIMITS, False),
        (OLD, OLD_LIMITS, False),
    ]
    for words, (method, limits, fails) in zip(read, told, strict=True):
        for code in (OLD, NEW, OLD_LIMITS, NEW_LIMITS):
            assert (squeezed(code) in words) is (code in (method, limits)), code
        assert ("不合格" in words) is fails
    assert served.faults == []


def measure_and_report(
    house: House, served: Served, clock: FakeClock, work: Callable[[], bool], orders: Sequence[EditionOrder]
) -> list[str]:
    """Every order through bench, review and signature; the words of each issued report."""
    people, read = house.laboratory.accounts, []
    with served.person(people["head"]) as page:
        for one in orders:
            one.assign(page, people["analyst"].id)
    with served.person(people["analyst"]) as page:
        for one in orders:
            one.weigh_moisture()
            one.measure(page, "72", "90.0")
    with served.person(people["reviewer"]) as page:
        for one in orders:
            one.verify(page)
    with served.person(people["reception"]) as page:
        for one in orders:
            one.draft(page)
    with served.person(people["reviewer"]) as page:
        for one in orders:
            one.review(page)
    with served.person(house.signatory_account) as page:
        for one in orders:
            clock.advance(minutes=1)  # a code signs once
            one.sign(page)
            read.append(one.read_back(page, work))
    return read


def compare_a_list(served: Served, page: Page, today: date) -> None:
    enter(page, "/catalogue/standards")
    served.look(page, "standards")
    page.locator('a[href="/catalogue/standards/checks"]').click()
    served.look(page, "checks")
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
        panel.locator("input[name=title_en]").fill("The edition of 2026")
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
    enter(page, "/catalogue/standards")
    page.locator('a[href="/catalogue/standards/checks"]').click()
    page.locator("table.grid tbody th a").first.click()
    page.locator("h2 a", has_text=OLD).click()
    served.look(page, "standard")
    page.locator('form[action$="/revise"] button').click()
    expect(page.locator("h1")).to_contain_text(NEW)
    page.locator('a[href*="/catalogue/versions/"]').first.click()
    served.look(page, "version-draft")
    page.locator('.page-actions a[href$="/edit"]').click()
    served.look(page, "version-form")
    page.fill("#f-loq", "2")  # what the new edition changed
    page.locator(".form-buttons button.btn-primary").click()
    page.fill("#bench input[name=figures-as_is]", "80.4")
    page.fill('#bench input[name="figures-@moisture"]', "20")
    page.locator('form[action*="/try"] button[type=submit]').click()
    keep = page.locator("form.keep-case")
    expect(keep.locator("input[name=expected]")).to_have_value("100.5")
    keep.locator("input[name=name]").fill("dry basis")
    keep.locator("input[name=source]").fill("80.4 / 0.8 by hand")
    served.look(page, "version-tried")
    keep.locator("button[type=submit]").last.click()
    page.locator("details.confirm", has=page.locator('form[action$="/release"]')).locator("summary").click()
    page.locator('form[action$="/release"] button[type=submit]').click()
    expect(page.locator('form[action$="/release"]')).to_have_count(0)


def grant(served: Served, page: Page, person: Account, today: date) -> None:
    """The method's page says what is missing and leads to where it is granted."""
    page.locator("a.back").click()
    method = re.sub(r"^https?://[^/]+", "", page.url)
    expect(page.locator("#gate .badge-fault, #gate [class*=fault]").first).to_be_visible()
    served.look(page, "method-without-scope")
    page.locator('#gate a[href*="/scope/new?method_id="]').click()
    page.select_option("#f-scheme", "CMA")
    page.fill("#f-valid_to", str(today + timedelta(days=365)))
    page.locator(".form-buttons button.btn-primary").click()
    served.look(page, "scope-line")
    page.locator(f'main a[href="{method}"]').first.click()
    page.locator('#gate a[href*="/authorisations/new?method_id="]').click()
    page.locator("#f-account_id").select_option(str(person.id), force=True)
    page.locator(".form-buttons button.btn-primary").click()
    served.look(page, "person-authorised")
    page.locator(f'main a[href="{method}"]').first.click()
    expect(page.locator("#gate")).to_contain_text("CMA")
    served.look(page, "method-granted")


def supersede_limit(served: Served, page: Page) -> None:
    """The limit goes on under the new edition of its standard, which the form names already."""
    enter(page, "/catalogue/standards")
    page.locator("table.grid tbody th a", has_text=OLD_LIMITS).click()
    served.look(page, "standard-of-limits")
    page.locator("tr", has=page.locator("a", has_text=ITEM)).locator('a[href$="/supersede"]').click()
    served.look(page, "limit-form")
    page.fill("#f-high", "80")
    page.locator(".form-buttons button.btn-primary").click()
    page.wait_for_url(re.compile("#limits"))
    expect(page.locator("#limits")).to_contain_text(NEW_LIMITS)
    served.look(page, "item-with-limits")


def made_before_and_after(served: Served, page: Page, category: int, today: date) -> None:
    """What was made before the change is judged by the edition of that day."""
    page.locator('a[href*="/limits/which"]').click()
    for made, code in ((today - timedelta(days=1), OLD_LIMITS), (today, NEW_LIMITS)):
        page.locator("#f-category_id").select_option(str(category), force=True)
        page.fill("#f-produced_on", str(made))
        page.locator(".form-buttons button.btn-primary").click()
        expect(page.locator("dl.facts").first).to_contain_text(code)
    served.look(page, "which-limit")


def carry_over(served: Served, page: Page, order: str) -> None:
    """The order says that its edition is in transition, until when, and takes the new one."""
    enter(page, "/orders")
    page.locator(f'table.grid a[href="{order}"]').first.click()
    panel = page.locator("#editions")
    expect(panel).to_contain_text(OLD)
    expect(panel).to_contain_text(NEW)
    served.look(page, "order-in-transition")
    panel.locator("input[name=reason]").fill("agreed by telephone")
    panel.locator("button[type=submit]").click()
    expect(page.locator("#editions")).to_have_count(0)

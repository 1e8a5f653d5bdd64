"""Orders while two editions live, through the pages: registered, measured, verified, reported, and read back."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from playwright.sync_api import Page, expect
from sqlalchemy import select

from lims.bench.review import submit_results
from lims.intake.models import RequestedTest, Sample
from tests.browser.served import Served, enter, press
from tests.reports.reading import words_of
from tests.support.accounts import PASSWORD, code_now
from tests.support.reports import House

ITEM = re.compile("Aluminium|铝")


@dataclass
class EditionOrder:
    """One pastry whose aluminium is asked for. ``made_on``: picks the limit; ``agreed``: the edition that the customer
    wants, where it is not the one that is chosen by itself."""

    served: Served
    house: House
    name: str
    made_on: date
    agreed: str = ""
    path: str = ""
    report: str = ""

    # -- reception ---------------------------------------------------------------------

    def register(self, page: Page) -> None:
        laboratory = self.house.laboratory
        enter(page, "/orders/new")
        page.fill("#f-customer", "桂香斋")
        page.locator("#customer-0").click()
        page.select_option("#f-business_type_id", str(laboratory.types["commissioned"]))
        asks = [f"i{laboratory.items[code]}" for code in ("moisture", "aluminium")]
        choose(page, "f-asks", asks)
        choose(page, "f-category_id", [str(laboratory.categories["bakery"])])
        page.fill("input[name=samples-0-name]", self.name)
        page.fill("input[name=samples-0-produced_on]", str(self.made_on))
        if self.agreed:
            page.locator("details", has=page.locator("#f-methods")).locator("summary").click()
            words = page.locator("#f-methods option", has_text=self.agreed)
            choose(page, "f-methods", [words.first.get_attribute("value") or ""])
        self.served.look(page, f"new-order-{self.name}")
        page.keyboard.press("Control+Enter")
        page.wait_for_url(re.compile(r"/orders/\d+$"))
        self.path = re.sub(r"^https?://[^/]+", "", page.url)

    def accept_and_receive(self, page: Page) -> None:
        self.served.look(page, f"order-registered-{self.name}")
        press(page.locator('form[action$="/accept"] button'))
        press(page.locator(f'a[href="{self.path}/receive"]'))
        page.locator("input[name=seal][value=none]").check()
        page.fill("#f-temperature", "21.5")
        page.fill("#f-amount", "2 袋")
        page.fill("#f-condition", "包装完好")
        press(page.locator(".form-buttons button.btn-primary"))

    # -- bench ---------------------------------------------------------------------------

    def assign(self, page: Page, person: int) -> None:
        enter(page, "/assign")
        rows = page.locator("tbody tr", has_text=self.name)
        expect(rows).to_have_count(2)
        for n in range(2):
            rows.nth(n).locator("input[name=ids]").check()
        page.select_option("select[name=assignee_id]", str(person))
        press(page.locator('button[formaction$="/assign"]'))
        expect(page.locator("tbody tr", has_text=self.name)).to_have_count(0)

    def weigh_moisture(self) -> None:
        """From the balance, as the captures of the other tests: 20.0 g/100 g."""
        test = self.test("moisture")
        self.house.measure({"moisture": test}, {})
        submit_results(self.house.uow, actor=self.house.laboratory.actors["analyst"], test_ids=[test])

    def test(self, item: str) -> int:
        """Number of the test in the database."""
        found = self.house.session.scalars(
            select(RequestedTest.id)
            .join(Sample, Sample.id == RequestedTest.sample_id)
            .where(Sample.name == self.name)
            .where(RequestedTest.test_item_id == self.house.laboratory.items[item])
        )
        return found.one()

    def measure(self, page: Page, as_is: str, reported: str) -> None:
        """The analyst opens the sheet of this edition's method from the queue."""
        enter(page, "/my-tests")
        group = page.locator("section.queue-group", has=page.locator("tbody tr", has_text=self.name))
        group = group.filter(has=page.locator("h2", has_text=ITEM))
        for row in group.locator("tbody tr").all():  # all are ticked to begin with
            row.locator("input[name=test_ids]").set_checked(self.name in (row.text_content() or ""))
        self.served.look(page, f"queue-{self.name}")
        group.locator(".panel-head button.btn-primary").click()
        page.wait_for_url(re.compile(r"/worksheets/\d+$"))
        cell = page.locator("tr[data-row] input[data-cell]").first
        cell.fill(as_is)
        cell.press("Enter")
        expect(page.locator('tr[data-row] [data-show="result"]')).to_have_text(reported)
        self.served.look(page, f"worksheet-{self.name}")
        press(page.locator("button[name=every]"))
        expect(page.locator("button[name=every]")).to_have_count(0)
        assert page.locator(".toast-line.tone-fault").all_text_contents() == []

    def verify(self, page: Page) -> None:
        enter(page, "/review")
        for item in (re.compile("Moisture|水分"), ITEM):  # what an item needs is verified before it
            row = page.locator("table.grid tbody tr", has_text=item).first
            press(row.locator('a[href*="/review/worksheets/"]').first)
            self.served.look(page, f"review-{self.name}")
            page.locator("input[data-tick-all]").check()
            press(page.locator("button[name=onward]"))
            expect(page.locator(".notice.tone-fault, .toast-line.tone-fault")).to_have_count(0)
            enter(page, "/review")

    # -- report ----------------------------------------------------------------------------

    def draft(self, page: Page) -> None:
        enter(page, "/certificates/ready")
        press(page.locator(f'a[href="{self.path}/report"]').first)
        page.locator("input[name=language][value=both]").check()
        self.served.look(page, "compose")
        page.locator(".form-buttons button.btn-primary").click()
        page.wait_for_url(re.compile(r"/certificates/\d+$"))
        self.report = re.sub(r"^https?://[^/]+", "", page.url)

    def review(self, page: Page) -> None:
        enter(page, "/certificates")
        press(page.locator(f'a[href="{self.report}"]').first)
        self.served.look(page, f"report-draft-{self.name}")
        press(page.locator('form[action$="/review"] button'))
        expect(page.locator('form[action$="/review"]')).to_have_count(0)

    def sign(self, page: Page) -> None:
        enter(page, "/certificates/to-sign")
        press(page.locator(f'a[href="{self.report}"]').first)
        page.fill("#f-password", PASSWORD)
        page.fill("#f-code", code_now(self.house.uow))
        press(page.locator(".sign-form button[type=submit]"))

    def read_back(self, page: Page, work: Callable[[], bool]) -> str:
        """All words of the issued report, without white space."""
        while work():
            pass
        page.reload()
        expect(page.locator("#file")).to_be_visible()
        self.served.look(page, f"report-issued-{self.name}")
        with page.expect_download() as waiting:
            page.locator('.page-actions a[href$="/file"]').click()
        return words_of(Path(waiting.value.path()).read_bytes())


def choose(page: Page, field: str, values: list[str]) -> None:
    """In a select that has a search box laid over it."""
    page.locator(f"#{field}").evaluate(
        "(box, values) => values.forEach(value => box.tomselect.addItem(value))", values
    )

"""The page of a new order in a real browser: what a clerk's hands do."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import func, select

from lims.core.permissions import Role
from lims.intake.models import Order, Sample
from tests.browser.served import serving
from tests.intake.makers import make_house
from tests.intake.test_paste import PASTRIES
from tests.support.accounts import make_account, sign_in
from tests.support.backends import ON_POSTGRESQL

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    ON_POSTGRESQL,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
RIGHT = PASTRIES.replace("2026-12-10", "2026-11-12").replace("水份", "水分")
PASTE = """text => {
  const data = new DataTransfer();
  data.setData("text/plain", text);
  const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
  document.activeElement.dispatchEvent(event);
}"""
COUNT = "window.pressed = 0; document.addEventListener('keydown', () => { window.pressed += 1; }, true);"


@pytest.fixture
def house(uow):
    return make_house(uow)


@pytest.fixture
def page(app, uow, house) -> Iterator[Page]:
    """Chromium, signed in at the reception of a server of this test."""
    account = make_account(uow, Role.RECEPTION)
    token = sign_in(app.test_client(), account).get_cookie("lims").value
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    errors: list[str] = []
    with serving(app) as address:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
            context = browser.new_context(base_url=address, locale="en-US")
            context.add_cookies([{"name": "lims", "value": token, "url": address}])
            shown = context.new_page()
            shown.on("pageerror", lambda error: errors.append(str(error)))
            yield shown
            browser.close()
        assert errors == []


def pick_customer(page: Page) -> None:
    page.keyboard.type("糕点")
    page.get_by_role("option", name="好味糕点厂").wait_for()
    page.keyboard.press("Enter")
    page.locator("select[name=contact_id] option", has_text="王芳").wait_for(state="attached")


def count(session, model) -> int:
    session.rollback()
    return session.scalar(select(func.count()).select_from(model))


def test_twelve_pasted_samples_take_one_screen_and_few_keystrokes(page, session):
    page.goto("/orders/new")
    page.evaluate(COUNT)
    pick_customer(page)
    page.evaluate(PASTE, RIGHT)
    page.get_by_text("12 rows, all right.").wait_for()
    assert page.locator("[data-price]").inner_text() == "¥2,880.00"
    # Four packages of 430, two pairs of 280, four of 60, one of 150, one pair of 210.
    assert page.locator("[data-due]").inner_text() == "2026-12-07 (10 working days)"
    pressed = page.evaluate("window.pressed")
    page.keyboard.press("Control+Enter")
    page.get_by_text("Order WT2026-00001 is registered.").wait_for()
    assert pressed + 2 <= 15
    assert (count(session, Order), count(session, Sample)) == (1, 12)


def test_two_faulty_rows_are_named_and_mended_in_place(page, session):
    page.goto("/orders/new")
    pick_customer(page)
    page.evaluate(PASTE, PASTRIES)
    page.get_by_text("2 of 12 rows are not right yet.").wait_for()
    assert page.locator("tr.line-faults").count() == 2
    with page.expect_download() as saved:
        page.get_by_text("Save faulty rows as a file").click()
    text = saved.value.path().read_text("utf-8-sig")
    assert "蛋黄酥5" in text
    assert "蛋黄酥7" not in text
    page.locator("[data-save]").click()
    page.get_by_role("alert").wait_for()
    assert page.locator("input[name=samples-11-name]").input_value() == "蛋黄酥12"
    assert count(session, Order) == 0
    page.fill("input[name=samples-4-produced_on]", "2026-11-12")
    page.fill("input[name=samples-5-items]", "水分")
    page.keyboard.press("Tab")
    page.get_by_text("12 rows, all right.").wait_for()
    page.locator("[data-save]").click()
    page.get_by_text("Order WT2026-00001 is registered.").wait_for()
    assert count(session, Order) == 1


def test_same_as_above_and_the_arrows_work_like_in_a_sheet(page):
    page.goto("/orders/new")
    page.fill("input[name=samples-0-name]", "绿豆糕")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.name") == "samples-1-name"
    page.keyboard.press("Control+d")
    assert page.locator("input[name=samples-1-name]").input_value() == "绿豆糕"
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.name") == "samples-0-name"


def test_a_sampled_business_shows_its_form_and_the_state_pays(page, house):
    page.goto("/orders/new")
    assert page.get_by_label("First sampler").is_hidden()
    page.select_option("select[name=business_type_id]", str(house.supervision))
    assert page.get_by_label("First sampler").is_visible()
    page.fill("input[name=samples-0-name]", "米粉")
    page.fill("input[name=samples-0-items]", "二氧化硫残留量")
    page.keyboard.press("Tab")
    page.get_by_text("paid by the state").wait_for()


def test_what_was_typed_comes_back_after_leaving_the_page(page):
    page.goto("/orders/new")
    pick_customer(page)
    page.evaluate(PASTE, RIGHT)
    page.get_by_text("12 rows, all right.").wait_for()
    page.goto("/orders")
    page.goto("/orders/new")
    page.get_by_text("Take it up again").click()
    assert page.locator("input[name=customer]").input_value() == "好味糕点厂"
    assert page.locator("input[name=samples-11-name]").input_value() == "蛋黄酥12"
    page.get_by_text("12 rows, all right.").wait_for()


def test_a_new_customer_is_one_choice_away(page, session):
    page.goto("/orders/new")
    page.keyboard.type("新味食品厂")
    page.get_by_role("option", name="+ New customer “新味食品厂”").click()
    assert page.locator("input[name=new_customer-name]").input_value() == "新味食品厂"
    page.fill("input[name=samples-0-name]", "糕")
    page.fill("input[name=samples-0-items]", "水分")
    page.keyboard.press("Control+Enter")
    page.get_by_text("is registered.").wait_for()
    assert count(session, Order) == 1

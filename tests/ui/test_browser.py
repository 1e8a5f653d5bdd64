"""With a real browser: parts of the house in both languages, both shades, at desk and phone."""

import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from lims.core.calendar import DayKind, set_day
from lims.core.permissions import Role
from tests.browser.served import serving
from tests.support.accounts import actor_of, make_account, sign_in
from tests.support.backends import ON_POSTGRESQL, ON_SQLITE

CHROMIUM = next((p for p in ("chromium", "chromium-browser", "google-chrome") if shutil.which(p)), "")
pytestmark = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine")]
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
PAGES = (
    "/",
    "/help",
    "/people",
    "/people/new",
    "/people/1",
    "/people/2",
    "/roles",
    "/sections",
    "/numbering",
    "/calendar",
    "/audit-trail",
    "/audit-trail/2",
    "/audit-trail/chain",
    "/account",
    "/account/password",
    "/account/recovery-codes",
    "/account/tokens/new",
    "/nothing-here",
)
# A scanner's keys come within milliseconds, which a busy machine's driver cannot do.
BURST = """code => [...code, "Enter"].forEach(
    key => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })))"""
OPEN_PAGES = ("/sign-in", "/sign-in/first", "/gallery")


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as driver:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=shutil.which(CHROMIUM), args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def house(app, uow):
    """(address, cookie of an administrator) of a running laboratory with something to show."""
    admin = make_account(uow, Role.ADMINISTRATOR, username="admin", name_zh="刘管理", name_en="Liu Guanli")
    make_account(uow, Role.ANALYST, Role.REVIEWER, username="li", name_zh="李强", name_en="Li Qiang")
    from datetime import date

    first, last = date(2026, 10, 1), date(2026, 10, 7)
    set_day(uow, actor=actor_of(admin), day=first, last_day=last, kind=DayKind.OFF, name="国庆节")
    client = sign_in(app.test_client(), admin)
    with serving(app) as address:
        yield address, client.get_cookie("lims").value


@pytest.fixture(scope="module")
def gallery_house(gallery_app):
    with serving(gallery_app) as address:
        yield address


def open_page(
    chromium: Browser, base: str, cookie: str | None, *, language="en", size=DESK, shade="light"
) -> Page:
    context = chromium.new_context(
        viewport=size, locale={"en": "en-GB", "zh": "zh-CN"}[language], color_scheme=shade
    )
    if cookie:
        context.add_cookies([{"name": "lims", "value": cookie, "url": base}])
    return context.new_page()


def faults(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{v['id']} {v['impact']}: {v['nodes'][0]['html'][:120]}"
        for v in found
        if v["impact"] in {"serious", "critical"}
    ]


@ON_SQLITE
@pytest.mark.parametrize(("language", "size"), [("zh", PHONE), ("en", DESK)], ids=["zh", "en"])
def test_pages_of_people_are_accessible_and_fit(house, chromium, language, size):
    base, cookie = house
    page = open_page(chromium, base, cookie, language=language, size=size)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda m: complaints.append(m.text) if "Content Security" in m.text else None)
    wrong = {}
    for path in PAGES:
        page.goto(base + path)
        too_wide = page.evaluate("document.documentElement.scrollWidth > innerWidth + 1")
        if found := faults(page) + (["wider than the window"] if too_wide else []):
            wrong[path] = found
    page.context.close()
    assert wrong == {}
    assert complaints == []


@pytest.mark.parametrize("path", OPEN_PAGES)
@pytest.mark.parametrize("shade", ["light", "dark"])
def test_the_parts_are_readable_in_both_shades(gallery_house, chromium, path, shade):
    page = open_page(chromium, gallery_house, None, language="zh", shade=shade)
    page.goto(gallery_house + path)
    assert faults(page) == []
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    lightness = sum(int(n) for n in ground.removeprefix("rgb(").removesuffix(")").split(",")[:3])
    assert (lightness < 200) is (shade == "dark")
    page.context.close()


@ON_SQLITE
def test_pages_of_people_are_readable_in_the_dark(house, chromium):
    base, cookie = house
    page = open_page(chromium, base, cookie, language="zh", shade="dark")
    wrong = {}
    for path in ("/people", "/roles", "/calendar?year=2026", "/audit-trail/2", "/account", "/numbering"):
        page.goto(base + path)
        if found := faults(page):
            wrong[path] = found
    page.context.close()
    assert wrong == {}


@ON_SQLITE
def test_on_a_phone_the_menu_folds_and_opens(house, chromium):
    base, cookie = house
    page = open_page(chromium, base, cookie, size=PHONE)
    page.goto(base + "/people")
    side = page.locator("nav.side")
    expect(side).to_be_hidden()
    page.get_by_text("Menu").click()
    expect(side).to_be_visible()
    side.get_by_role("link", name="Audit trail").click()
    expect(page).to_have_url(base + "/audit-trail")
    expect(page.locator("nav.side")).to_be_hidden()
    page.context.close()


@ON_SQLITE
def test_keys_reach_the_scan_box_the_help_and_the_action(house, chromium):
    base, cookie = house
    page = open_page(chromium, base, cookie)
    page.goto(base + "/people")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("New account")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.keyboard.press("/")
    expect(page.locator("#scan-box")).to_be_focused()
    page.locator("h1").click()
    page.keyboard.press("n")
    expect(page).to_have_url(base + "/people/new")
    page.context.close()


@ON_POSTGRESQL
def test_a_scanners_burst_is_caught_wherever_the_cursor_is(house, chromium):
    base, cookie = house
    page = open_page(chromium, base, cookie)
    page.goto(base + "/roles")
    page.locator("h1").click()
    page.evaluate(BURST, "YP2026-0001")
    expect(page.locator(".scan-echo")).to_contain_text("Nothing here is called YP2026-0001.")
    page.context.close()


@ON_POSTGRESQL
def test_everything_is_reached_by_the_keyboard_alone(house, chromium):
    """Tab walks from the skip link to the form's button, and a new account is made without a mouse."""
    base, cookie = house
    page = open_page(chromium, base, cookie)
    page.goto(base + "/sections")
    page.locator("#f-code").focus()
    for text in ("physics", "物理室", "Physics"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name="physics")).to_be_visible()
    page.context.close()


@ON_POSTGRESQL
def test_a_page_without_script_works(house, chromium):
    base, cookie = house
    context = chromium.new_context(java_script_enabled=False, locale="en-GB")
    context.add_cookies([{"name": "lims", "value": cookie, "url": base}])
    page = context.new_page()
    page.goto(base + "/people")
    page.select_option("select[name=role]", "analyst")
    page.get_by_role("button", name="Show").click()
    assert "role=analyst" in page.url
    expect(page.locator("table.grid tbody tr")).to_have_count(1)
    context.close()

"""96 samples of ten items, nine of them on dry basis with limits, at a real server; and how long a change takes to show.

One worksheet belongs to one method: whoever corrects a weighing on the sheet of the water content changes ten
results of that sample, of which the page shows the one of its row.
"""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from lims.accreditation.models import Authorisation
from lims.app import create_app
from lims.bench.inputs import Cell, enter_cells
from lims.bench.worksheets import open_worksheet
from lims.catalogue.models import (
    Limit,
    LimitKind,
    Method,
    MethodInput,
    MethodVersion,
    ResultKind,
    StandardEdition,
    TestItem,
)
from lims.core.clock import local_date, utc_now
from lims.core.database import db
from lims.core.permissions import SYSTEM
from lims.core.uow import UnitOfWork
from tests.browser.laboratory import free_port
from tests.support.accounts import sign_in
from tests.support.backends import build_schema, settings_for
from tests.support.laboratory import Laboratory, make_laboratory
from tests.support.orders import make_tests

ROOT = Path(__file__).parents[2]
SAMPLES = 96
WATER = "water"
ELEMENTS = tuple(
    f"{name}_dry"
    for name in (
        *("lead", "cadmium", "arsenic", "mercury", "tin"),
        *("nickel", "chromium", "copper", "zinc"),
    )
)
# Water content of 10 g/100 g; the pan, with the sample, after drying.
WEIGHINGS = (("m0", "20.0000"), ("m1", "25.0000"), ("m2", "24.5000"))
CHROMIUM = next((p for p in map(shutil.which, ("chromium", "google-chrome")) if p), None)
# From the key in a cell to the frame after the one in which its row shows the new result.
WATCH = """([row, text]) => { const place = document.querySelector(`#test-${row} [data-show=result]`);
  let pressed = 0;
  document.addEventListener("keydown", (event) => { if (event.key === "Enter") pressed = event.timeStamp; },
    { capture: true, once: true });
  performance.clearResourceTimings();
  window.shown = new Promise((done) => { const seen = new MutationObserver(() => {
    if (place.textContent.trim() !== text) return;
    seen.disconnect();
    requestAnimationFrame(() => requestAnimationFrame((now) => {
      const put = performance.getEntriesByType("resource").filter((one) => one.name.includes("/cells/")).at(-1);
      done({ whole: now - pressed, request: put ? put.responseEnd - put.startTime : NaN }); })); });
    seen.observe(place, { childList: true, characterData: true, subtree: true }); }); }"""


@dataclass(frozen=True, slots=True)
class Change:
    """Milliseconds: from the key to the figure on the screen, and of the request within that."""

    whole: float
    request: float


@dataclass
class WideSheet:
    """``tests``: per sample, item code -> test. ``sheets``: item code -> worksheet. ``token``: of the analyst."""

    address: str
    tests: Sequence[dict[str, int]]
    sheets: dict[str, int]
    token: str

    def open(self, browser: Browser, code: str) -> Page:
        context = browser.new_context(base_url=self.address, viewport={"width": 1280, "height": 800})
        context.add_cookies([{"name": "lims", "value": self.token, "url": self.address}])
        page = context.new_page()
        answer = page.goto(f"/worksheets/{self.sheets[code]}")
        assert answer is not None
        assert answer.ok
        expect(page.locator("tr[data-row]")).to_have_count(len(self.tests))
        return page

    def result(self, page: Page, code: str, place: int) -> str:
        """As the page shows it."""
        return page.locator(f"#test-{self.tests[place][code]} [data-show=result]").inner_text().strip()

    def change(self, page: Page, place: int, code: str, cell: str, typed: str, result: str) -> Change:
        """Type into the cell, press Enter, wait until the row shows ``result``."""
        test = self.tests[place][code]
        field = page.locator(f"#test-{test} [data-cell={cell}]")
        field.focus()
        page.evaluate(WATCH, [test, result])
        page.keyboard.insert_text(typed)
        page.keyboard.press("Enter")
        found = page.evaluate(
            "Promise.race([window.shown, new Promise((_, no) => setTimeout(no, 10000, 'late'))])"
        )
        return Change(**found)


def water_of(after_drying: Decimal) -> Decimal:
    """g/100 g, unrounded, by WEIGHINGS."""
    return 100 * (Decimal(25) - after_drying) / Decimal(5)


@contextmanager
def wide_sheet(data: Path, samples: int = SAMPLES) -> Iterator[WideSheet]:
    """A laboratory in the empty folder ``data`` on SQLite, all figures entered, served by gunicorn."""
    port = free_port()
    settings = settings_for(f"sqlite:///{data / 'lims.sqlite'}", data)
    app = create_app(settings)
    build_schema(app)
    with app.app_context():
        uow = UnitOfWork(db.session(), utc_now)
        made = make_laboratory(uow)
        _ten_items(uow, made)
        tests = make_tests(uow, made, WATER, *ELEMENTS, samples=samples, assignee="analyst")
        sheets = _entered(uow, made, tests)
        client = sign_in(app.test_client(), made.accounts["analyst"])
        token = client.get_cookie("lims")
        assert token is not None
        db.session.remove()
        db.engine.dispose()
    with _served(data, port, settings.secret_key) as address:
        yield WideSheet(address, tests, sheets, token.value)


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def _ten_items(uow: UnitOfWork, made: Laboratory) -> None:
    today = local_date(uow.now)
    with uow:
        edition = uow.add(
            StandardEdition(code="GB 2762-2022", title_zh="限量", title_en="Limits", in_force_from=today)
        )
        for code in (WATER, *ELEMENTS):
            item = uow.add(
                TestItem(
                    code=code,
                    name_zh=code,
                    name_en=code,
                    field="food_chemistry",
                    section_id=made.section,
                    price=Decimal(50),
                )
            )
            method = uow.add(Method(test_item_id=item.id, standard_id=edition.id, clause=code))
            version = MethodVersion(
                method_id=method.id,
                number=1,
                created_at=uow.now,
                result_kind=ResultKind.NUMBER,
                unit="g/100 g" if code == WATER else "mg/kg",
                formula="100 * (m1 - m2) / (m1 - m0)" if code == WATER else f"found / (1 - @{WATER} / 100)",
                round_to=Decimal("0.01") if code == WATER else Decimal("0.0001"),
            )
            version.inputs = [
                MethodInput(
                    position=n,
                    name=name,
                    label_zh=name,
                    label_en=name,
                    unit="g" if code == WATER else "mg/kg",
                )
                for n, name in enumerate([name for name, _ in WEIGHINGS] if code == WATER else ["found"])
            ]
            made.items[code], made.versions[code] = item.id, uow.add(version).id
            version.released_at = uow.now
            uow.add(
                Authorisation(
                    account_id=made.accounts["analyst"].id,
                    method_id=method.id,
                    valid_from=today - timedelta(days=9),
                    valid_to=today + timedelta(days=99),
                )
            )
            uow.add(
                Limit(
                    standard_id=edition.id,
                    test_item_id=item.id,
                    category_id=made.categories["bakery"],
                    kind=LimitKind.MAX,
                    unit=version.unit,
                    high=Decimal(12) if code == WATER else Decimal("0.57"),
                    valid_from=date(2015, 1, 1),
                )
            )
        uow.audit("test.items", SYSTEM, ("laboratory", 1))
        uow.commit()


def _entered(uow: UnitOfWork, made: Laboratory, tests: Sequence[dict[str, int]]) -> dict[str, int]:
    sheets = {}
    for code in (*ELEMENTS, WATER):
        ids = [sample[code] for sample in tests]
        sheets[code] = open_worksheet(uow, actor=made.analyst, test_ids=ids).id
        values = WEIGHINGS if code == WATER else (("found", "0.5000"),)
        cells = [Cell(test, name, 1, text, None) for test in ids for name, text in values]
        enter_cells(uow, actor=made.analyst, worksheet_id=sheets[code], cells=cells)
    return sheets


@contextmanager
def _served(data: Path, port: int, secret: str) -> Iterator[str]:
    address = f"http://127.0.0.1:{port}"
    own = {k: v for k, v in os.environ.items() if not k.startswith("LIMS_")}
    own |= {"LIMS_DATA": str(data), "LIMS_BASE_URL": address, "LIMS_SECRET_KEY": secret}
    command = [sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", f"127.0.0.1:{port}"]
    command += ["--worker-class", "gthread", "--workers", "2", "--threads", "8", "--log-level", "warning"]
    command += ["--graceful-timeout", "2"]
    with (data / "web.log").open("ab") as log:
        server = subprocess.Popen(
            [*command, "--no-control-socket"], cwd=ROOT, env=own, stdout=log, stderr=log
        )
    try:
        _await(address, server, data / "web.log")
        yield address
    finally:
        server.terminate()
        server.wait(60)


def _await(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + 180
    while server.poll() is None and time.monotonic() < until:
        try:
            urllib.request.urlopen(f"{address}/sign-in", timeout=60).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(log.read_text()[-2000:])

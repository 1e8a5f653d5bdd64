"""A changed input of a worksheet of 96 samples, ten items each, in a real browser at a real server: from the Enter key
to the frame that shows the new result. On the sheet of the water content a change computes ten results of the
sample (nine on dry basis, with limits); on the sheet of one of those it computes one.

The ratio within the run: to the request alone, as the browser's own trace has it.
"""

import tempfile
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import Browser

from benchmarks.figures import Target, figure
from benchmarks.support.timing import Times
from tests.support.wide_sheet import (
    CHROMIUM,
    ELEMENTS,
    SAMPLES,
    WATER,
    WideSheet,
    chromium,
    water_of,
    wide_sheet,
)

# Both workers of the server have to be warm.
CHANGES, WARM = 20, 8
SHOWN = Target("<=", 200)
DRIED = Decimal("24.4800")


def say(name: str, whole: list[float], request: list[float]) -> None:
    shown, asked = Times(sorted(whole[WARM:])), Times(sorted(request[WARM:]))
    for word, value in (("median", shown.median), ("p95", shown.p95)):
        ratio = value / asked.median
        figure(f"{name}, {word}", value, "ms", SHOWN, ratio=ratio, ratio_to="the request alone (median)")


def weighings(sheet: WideSheet, browser: Browser) -> None:
    page = sheet.open(browser, WATER)
    found = []
    for place in range(WARM + CHANGES):
        dried = DRIED - place * Decimal("0.01")
        found.append(sheet.change(page, place, WATER, "m2-1", str(dried), f"{water_of(dried):.2f}"))
    page.context.close()
    say(
        f"a weighing changed, sheet of {SAMPLES} rows, ten results",
        [one.whole for one in found],
        [one.request for one in found],
    )


def contents(sheet: WideSheet, browser: Browser) -> None:
    code = ELEMENTS[0]
    page = sheet.open(browser, code)
    found = []
    # Samples that the weighings left alone: 10 g/100 g of water.
    for place in range(40, 40 + WARM + CHANGES):
        typed = Decimal("0.6") + place * Decimal("0.001")
        found.append(sheet.change(page, place, code, "found-1", str(typed), f"{typed / Decimal('0.9'):.4f}"))
    page.context.close()
    say(
        f"a content changed, sheet of {SAMPLES} rows, one result",
        [one.whole for one in found],
        [one.request for one in found],
    )


def main() -> None:
    if CHROMIUM is None:
        print("no Chromium here: nothing was measured")
        return
    with (
        tempfile.TemporaryDirectory(prefix="lims-bench-") as data,
        wide_sheet(Path(data)) as sheet,
        chromium() as browser,
    ):
        weighings(sheet, browser)
        contents(sheet, browser)


if __name__ == "__main__":
    main()

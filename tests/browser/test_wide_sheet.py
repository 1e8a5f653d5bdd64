"""A worksheet of 96 samples of ten items in a real browser: a changed weighing shows, and all that follows from it.

How long it takes is printed; ``benchmarks/sheet.py`` holds it to its target.
"""

from decimal import Decimal

import pytest

from tests.support.wide_sheet import CHROMIUM, ELEMENTS, WATER, chromium, water_of, wide_sheet

pytestmark = [
    pytest.mark.browser,
    pytest.mark.campaign,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


def test_a_changed_weighing_shows_with_its_verdict_and_changes_nine_other_items(tmp_path, capsys):
    dried = [Decimal("24.48") - n * Decimal("0.01") for n in range(20)]
    with wide_sheet(tmp_path) as sheet, chromium() as browser:
        page = sheet.open(browser, WATER)
        changes = [
            sheet.change(page, n, WATER, "m2-1", str(weight), f"{water_of(weight):.2f}")
            for n, weight in enumerate(dried)
        ]
        # The limit is 12 g/100 g.
        verdicts = [
            page.locator(f"#test-{tests[WATER]} [data-show=verdict]").inner_text() for tests in sheet.tests
        ]
        fails = [n for n, words in enumerate(verdicts) if "不合格" in words or "fail" in words]
        assert fails == [n for n, weight in enumerate(dried) if water_of(weight) > 12]
        for code in (ELEMENTS[0], ELEMENTS[-1]):
            other = sheet.open(browser, code)
            for n, weight in enumerate(dried):
                expected = Decimal("0.5") / (1 - water_of(weight) / 100)
                assert sheet.result(other, code, n) == f"{expected:.4f}"
            assert sheet.result(other, code, 50) == "0.5556"
            other.context.close()
    whole = sorted(one.whole for one in changes)
    with capsys.disabled():
        print(f"\nfrom the key to the figure: median {whole[10]:.0f} ms, p95 {whole[18]:.0f} ms")

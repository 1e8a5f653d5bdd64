"""Explain this number: from the reported value back to the bytes, recomputed; and the panels that lead to it."""

import base64

import pytest
from sqlalchemy import text

from lims.intake.models import RequestedTest, Sample
from tests.support.queries import statements_of


@pytest.fixture
def walk(bench):
    """(version of the aluminium 100.5, version of its moisture, tests)."""
    tests = bench.tests("moisture", "aluminium")[0]
    sheet, other = bench.sheet(tests["moisture"]), bench.sheet(tests["aluminium"])
    bench.weigh(sheet, tests["moisture"], "28.4517", "33.4629", "32.4607")
    bench.enter(other, tests["aluminium"], {"as_is": "80.4"})
    bench.conditions(sheet)
    return bench.version(tests["aluminium"]).id, bench.version(tests["moisture"]).id, tests


def test_both_comparisons_stand_side_by_side_and_the_rule_is_named(browser_of, walk):
    page = browser_of("reviewer").get(f"/explain/{walk[0]}").text
    assert "100.49899725617360937889748066849" in page
    compare = page.split("compare")[1].split("</table>")[0]
    full, rounded = compare.split("<tr")[2:4]
    assert "不合格" in full
    assert "按此判定" in full
    assert "合格" in rounded
    assert "不合格" not in rounded
    assert "两种比较方法结论不同" in page
    assert "GB 2760-2024" in page
    assert "完全一致" in page


def test_the_walk_leads_over_the_moisture_to_the_balances_bytes(browser_of, walk):
    dry = browser_of("reviewer").get(f"/explain/{walk[0]}").text
    assert f'href="/explain/{walk[1]}"' in dry
    assert "19.9992017879948914431673052" in dry
    page = browser_of("reviewer").get(f"/explain/{walk[1]}").text
    for part in (
        "100 * (33.4629 - 32.4607) / (33.4629 - 28.4517)",
        "53 20 53 20 20 20 20 32 38 2e 34 35 31 37 20 67",  # S S    28.4517 g
        "bench-pc-1",
        "JZ2027",
        "22.4 °C",
        "刚刚验证：有效",
        "一致，哈希正确",
    ):
        assert part in page, part


def test_in_english_too(browser_of, walk):
    page = browser_of("reviewer").get(f"/explain/{walk[0]}?lang=en").text
    for part in ("Where does this number come from?", "agrees to the last digit", "Both comparisons", "fail"):
        assert part in page, part


def test_as_json_with_raw_bytes_and_proofs(browser_of, walk):
    found = browser_of("reviewer").get(f"/api/result-versions/{walk[1]}/explain").json
    assert found["agrees"] is True
    assert base64.b64decode(found["origins"][0]["capture"]["raw"]) == b"S S    28.4517 g\r\n"
    assert [o["signature_holds"] for o in found["origins"]] == [True] * 3
    assert [o["bytes_in_delivery"] for o in found["origins"]] == [True] * 3
    dry = browser_of("reviewer").get(f"/api/result-versions/{walk[0]}/explain").json
    assert dry["items"][0]["item"] == "moisture"
    assert dry["items"][0]["figure"].startswith("19.99920")
    assert dry["notes"]["rules_disagree"] is True


def test_changed_bytes_are_noticed(bench, browser_of, walk, database):
    """Whoever changes the archive behind our back: the signature no longer holds, the page says so."""
    with database.engine.connect() as connection:
        connection = connection.execution_options(lims_write=True)
        if database.name == "sqlite":
            names = connection.execute(
                text("SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name='capture_batch'")
            ).scalars()
            for name in list(names):
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("ALTER TABLE capture_batch DISABLE TRIGGER USER"))
        connection.execute(
            text("UPDATE capture_batch SET body = :body"), {"body": b'{"captures":[{"seq":2}]}'}
        )
        connection.commit()
    page = browser_of("reviewer").get(f"/explain/{walk[1]}").text
    assert page.count("无效</span>") == 3
    assert "未找到一致的字节" in page


def test_an_earlier_version_says_that_it_is_one(bench, browser_of, walk):
    _dry, water, tests = walk
    sheet = bench.session.get_one(RequestedTest, tests["moisture"])
    bench.claim(1, sheet.id, "m2", "32.6607", reason="恒重未到")
    page = browser_of("reviewer").get(f"/explain/{water}").text
    assert "这是较早的值" in page
    newest = browser_of("reviewer").get(f"/explain/{bench.version(tests['moisture']).id}").text
    assert "恒重未到" in newest
    assert "32.4607" in newest  # what stood there before


def test_a_forbidden_substance_is_not_detected_with_the_limit_of_the_method(bench, browser_of):
    _sheet, test = bench.entered(
        "sulfur_dioxide", {"found": "6"}, category="rice_noodles", business="supervision"
    )
    page = browser_of("reviewer").get(f"/explain/{bench.version(test).id}").text
    assert "未检出" in page
    assert "定量限 10" in page
    english = browser_of("reviewer").get(f"/explain/{bench.version(test).id}?lang=en").text
    assert "Not detected" in english


def test_risk_monitoring_has_no_verdict_and_says_why(bench, browser_of):
    _sheet, test = bench.entered("melamine", {"found": "3.1"}, category="milk_powder", business="monitoring")
    page = browser_of("reviewer").get(f"/explain/{bench.version(test).id}").text
    assert "风险监测不作判定" in page


def test_who_may_not_read_results_learns_nothing(browser_of, walk):
    assert browser_of("reception").get(f"/explain/{walk[0]}").status_code == 403
    assert browser_of("reviewer").get("/explain/999999").status_code == 404


def test_results_and_their_story_stand_on_the_pages_of_sample_and_order(bench, browser_of, walk, laboratory):
    _dry, _water, tests = walk
    bench.submit(*tests.values())
    bench.verify(tests["moisture"])
    sample = bench.session.get_one(Sample, bench.session.get_one(RequestedTest, tests["moisture"]).sample_id)
    reviewer = browser_of("reviewer")
    page = reviewer.get(f"/samples/{sample.id}").text
    assert f'href="/explain/{walk[0]}"' in page
    assert "水分: 已校核" in page or "水分: 校核" in page
    assert "提交校核" in page
    order = reviewer.get(f"/orders/{sample.order_id}").text
    assert "1 / 2" in order
    assert f'href="/explain/{walk[0]}"' in order  # out of limit
    assert "/explain/" not in browser_of("reception").get(f"/samples/{sample.id}").text


def test_explaining_asks_a_bounded_number_of_questions(bench, browser_of, database):
    tests = bench.tests("plate_count", samples=2)
    sheet = bench.sheet(*(t["plate_count"] for t in tests))
    asked = []
    for n, one in enumerate(tests):
        counts = ["9.0e3", "1.2e4", "8.5e3", "3.1e4", "7.0e3"]
        for changed in range(1 + 9 * n):
            bench.enter(sheet, one["plate_count"], {"count": [f"{9000 + changed}", *counts[1:]]})
        reviewer = browser_of("reviewer")
        with statements_of(database.engine) as seen:
            assert reviewer.get(f"/explain/{bench.version(one['plate_count']).id}").status_code == 200
        asked.append(len(seen))
    assert asked[0] == asked[1]
    assert asked[1] <= 50

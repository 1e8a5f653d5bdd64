"""The figures of the demonstration day, end to end: from device bytes and typed values to verdicts."""

import orjson

from lims.bench.explain import explain
from lims.bench.states import Verdict


def notes_of(version):
    return orjson.loads(version.explanation)


def test_moisture_from_three_weighings_and_aluminium_on_its_unrounded_dry_basis(bench):
    tests = bench.tests("moisture", "aluminium")[0]
    moisture, aluminium = tests["moisture"], tests["aluminium"]
    sheet, other = bench.sheet(moisture), bench.sheet(aluminium)
    bench.enter(other, aluminium, {"as_is": "80.4"})
    assert bench.version(aluminium) is None  # without the moisture there is no dry basis
    bench.weigh(sheet, moisture, "28.4517", "33.4629", "32.4607")

    water = bench.version(moisture)
    assert (water.reported, water.unit, water.verdict) == ("20.0", "g/100 g", Verdict.NOT_JUDGED)
    assert notes_of(water)["unrounded"]["figure"].startswith("19.99920")
    dry = bench.version(aluminium)
    assert (dry.reported, dry.verdict) == ("100.5", Verdict.FAIL)
    notes = notes_of(dry)
    assert notes["unrounded"]["figure"].startswith("100.49899")
    assert (notes["full"]["verdict"], notes["rounded"]["verdict"]) == ("fail", "pass")
    assert notes["rules_disagree"] is True
    assert notes["items"][0]["result_version_id"] == water.id


def test_sample_two_passes_near_the_limit(bench):
    tests = bench.tests("moisture", "aluminium")[0]
    sheet, other = bench.sheet(tests["moisture"]), bench.sheet(tests["aluminium"])
    bench.weigh(sheet, tests["moisture"], "27.9903", "33.0016", "31.9989")
    bench.enter(other, tests["aluminium"], {"as_is": "79.8"})
    assert bench.version(tests["moisture"]).reported == "20.0"
    dry = bench.version(tests["aluminium"])
    assert notes_of(dry)["unrounded"]["figure"].startswith("99.76094")
    assert (dry.reported, dry.verdict, dry.near_limit) == ("99.8", Verdict.PASS, True)


def test_five_plate_counts_stay_five_values_and_two_above_m_pass(bench):
    counts = ["9.0e3", "1.2e4", "8.5e3", "3.1e4", "7.0e3"]
    sheet, test = bench.entered("plate_count", {"count": counts[:4]})
    assert bench.version(test) is None
    bench.enter(sheet, test, {"count": counts})
    version = bench.version(test)
    assert version.verdict is Verdict.PASS
    assert len(orjson.loads(version.value)["values"]) == 5
    assert notes_of(version)["full"]["tally"] == {"given": 5, "marginal": 2, "above": 0}

    bench.enter(sheet, test, {"count": ["1.1e4", *counts[1:]]})
    third = bench.version(test)
    assert (third.verdict, third.number) == (Verdict.FAIL, 2)


def test_a_forbidden_substance_below_quantification_is_not_detected_and_a_found_one_fails(bench):
    rice = {"category": "rice_noodles", "business": "supervision"}
    sheet, test = bench.entered("sulfur_dioxide", {"found": "6"}, **rice)
    version = bench.version(test)
    assert (version.reported, version.verdict) == ("未检出", Verdict.PASS)
    reported = notes_of(version)["reported"]
    assert (reported["figure"], reported["by_quantification"]) == ("10", True)
    bench.enter(sheet, test, {"found": "13"})
    assert (bench.version(test).reported, bench.version(test).verdict) == ("13", Verdict.FAIL)
    bench.enter(sheet, test, {"found": "ND"})
    assert (bench.version(test).reported, bench.version(test).verdict) == ("未检出", Verdict.PASS)


def test_risk_monitoring_is_not_judged_but_both_comparisons_are_kept(bench):
    _sheet, test = bench.entered("melamine", {"found": "3.1"}, category="milk_powder", business="monitoring")
    version = bench.version(test)
    assert (version.reported, version.verdict) == ("3.1", Verdict.NOT_JUDGED)
    assert version.verdict_reason == "monitoring_purpose"
    assert notes_of(version)["full"]["verdict"] == "fail"


def test_where_no_judgement_was_asked_for_none_is_given(bench):
    _sheet, test = bench.entered("melamine", {"found": "1.1"}, category="milk_powder", judge=False)
    assert bench.version(test).verdict_reason == "judgement_not_requested"


def test_the_walk_back_from_the_reported_value_reaches_the_bytes_and_agrees(bench, laboratory):
    tests = bench.tests("moisture", "aluminium")[0]
    sheet, other = bench.sheet(tests["moisture"]), bench.sheet(tests["aluminium"])
    bench.weigh(sheet, tests["moisture"], "28.4517", "33.4629", "32.4607")
    bench.enter(other, tests["aluminium"], {"as_is": "80.4"})
    session = bench.session
    walk = explain(session, actor=laboratory.reviewer, result_version_id=bench.version(tests["moisture"]).id)
    assert walk.agrees
    assert [o.capture.raw for o in walk.origins] == [
        b"S S    28.4517 g\r\n",
        b"S S    33.4629 g\r\n",
        b"S S    32.4607 g\r\n",
    ]
    assert {o.calibration.certificate_number for o in walk.origins} == {f"JZ20270611-{laboratory.balance}"}
    dry = explain(session, actor=laboratory.reviewer, result_version_id=bench.version(tests["aluminium"]).id)
    assert dry.agrees
    assert dry.limit.standard.code == "GB 2760-2024"
    assert (dry.items[0].item.code, dry.items[0].version.reported) == ("moisture", "20.0")
    assert dry.items[0].figure.startswith("19.99920")

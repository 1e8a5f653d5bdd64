"""Worked examples: no formula is released that does not reproduce them, and an upgrade asks again."""

from dataclasses import replace
from decimal import Decimal

import pytest

from lims.catalogue.cases import drop_case, keep_case, outcomes_of
from lims.catalogue.conformance import run_cases
from lims.catalogue.method_text import CaseText, InputText, text_of
from lims.catalogue.methods import edit_version, release_version
from lims.catalogue.models import LimitKind
from lims.core.errors import Conflict, InvalidInput, StaleVersion, TransitionRefused
from lims.core.verify import CHECKS
from lims.metrology.judgements import Verdict
from tests.catalogue.making import MOISTURE, plain

D = Decimal
# 1.0022 of 5.0112 is 19.9992 %, to 0.1: 20.0 (by hand).
WEIGHED = {"m0": "28.4517", "m1": "33.4629", "m2": "32.4607"}


@pytest.fixture
def draft(catalogue):
    return catalogue.draft(catalogue.method(catalogue.item("moisture")), MOISTURE)


def release(uow, catalogue, draft):
    return release_version(uow, actor=catalogue.keeper, version_id=draft.id)


def test_a_formula_without_a_worked_example_is_not_released(uow, catalogue, draft):
    with pytest.raises(InvalidInput) as refused:
        release(uow, catalogue, draft)
    assert refused.value.code == "cases_missing"


@pytest.mark.parametrize("expected", ["20", "20.1", "<20", "not detected"])
def test_one_that_does_not_come_out_to_the_last_digit_holds_the_release(uow, catalogue, draft, expected):
    catalogue.case(draft, WEIGHED, "20.0")
    catalogue.case(draft, WEIGHED, expected, name="another")
    with pytest.raises(InvalidInput) as refused:
        release(uow, catalogue, draft)
    assert refused.value.code == "cases_failing"
    assert "another" in refused.value.fields["cases"][0]


def test_a_tolerance_is_named_and_counts_on_the_reported_value(uow, catalogue, draft):
    catalogue.case(draft, WEIGHED, "20.1", tolerance=D("0.1"))
    assert release(uow, catalogue, draft).released_at is not None


def test_a_case_is_judged_on_the_unrounded_value(session, catalogue):
    """0.54 is above 0.5 though it is reported as 0.5 (GB/T 8170, full-value comparison)."""
    said = plain("x", round_to=D("0.1"))
    cases = [
        CaseText("a", {"x": "0.54"}, "0.5", "GB/T 8170", limit_kind=LimitKind.MAX, high=D("0.5"), verdict=v)
        for v in (Verdict.FAIL, Verdict.PASS)
    ]
    found = run_cases(replace(said, cases=cases), own_code="lead", item_codes=())
    assert [(str(one.got.value), one.verdict, one.passed) for one in found] == [
        ("0.5", Verdict.FAIL, True),
        ("0.5", Verdict.FAIL, False),
    ]


def test_a_case_takes_replicates_other_items_and_what_lies_below_the_limits(catalogue):
    said = replace(
        plain("mean(x) / (1 - @moisture / 100)", round_to=D("0.1"), loq=D("2")),
        inputs=[InputText("x", "值", "Value", "mg/kg", replicates=2)],
        cases=[
            CaseText("dry", {"x": "89, 91", "@moisture": "25"}, "120.0", "by hand"),
            CaseText("little", {"x": "1, 1", "@moisture": "0"}, "<2", "by hand"),
            CaseText("stray", {"x": "1, 1", "@moisture": "0", "y": "1"}, "<2", "by hand"),
            CaseText("lacking", {"x": "1, 1"}, "<2", "by hand"),
        ],
    )
    found = run_cases(said, own_code="aluminium", item_codes={"moisture"})
    assert [one.passed for one in found] == [True, True, False, False]
    assert [one.got is None for one in found] == [False, False, True, True]


def test_a_changed_formula_runs_the_cases_of_the_draft_again(uow, catalogue, session, draft):
    catalogue.case(draft, WEIGHED, "20.0")
    said = replace(MOISTURE, formula="(m1 - m2) / (m1 - m0)")
    row = edit_version(uow, actor=catalogue.keeper, version_id=draft.id, version=2, text=said)
    assert [one.passed for one in outcomes_of(session, row)] == [False]


def test_the_next_draft_begins_with_the_cases_of_the_version_before(uow, catalogue, draft):
    catalogue.case(draft, WEIGHED, "20.0", name="GB 5009.3")
    first = release(uow, catalogue, draft)
    second = catalogue.draft(first.method)
    assert [one.name for one in text_of(second).cases] == ["GB 5009.3"]
    drop_case(uow, actor=catalogue.keeper, case_id=second.cases[0].id)
    with pytest.raises(InvalidInput):
        release(uow, catalogue, second)
    with pytest.raises(TransitionRefused):
        drop_case(uow, actor=catalogue.keeper, case_id=first.cases[0].id)


BAD = [
    ({"expected": "a lot"}, "expected"),
    ({"tolerance": D("-1")}, "tolerance"),
    ({"limit_kind": LimitKind.MAX, "verdict": Verdict.PASS}, "high"),
    ({"limit_kind": LimitKind.MAX, "high": D(1)}, "verdict"),
    ({"limit_kind": LimitKind.PLAN, "verdict": Verdict.PASS}, "limit_kind"),
    ({"verdict": Verdict.PASS}, "verdict"),
]


@pytest.mark.parametrize(("more", "field"), BAD)
def test_a_case_that_can_neither_pass_nor_fail_is_refused(catalogue, draft, more, field):
    with pytest.raises(InvalidInput) as refused:
        catalogue.case(draft, WEIGHED, **({"expected": "20.0"} | more))
    assert field in refused.value.fields


def test_a_name_is_taken_once_and_a_stale_page_keeps_nothing(uow, catalogue, draft):
    text = CaseText("a", WEIGHED, "20.0", "by hand")
    keep = {"actor": catalogue.keeper, "version_id": draft.id, "text": text}
    keep_case(uow, **keep, version=1)
    with pytest.raises(StaleVersion):
        keep_case(uow, **keep, version=1)
    with pytest.raises(Conflict):
        keep_case(uow, **keep, version=2)


def test_verify_names_the_released_method_that_no_longer_comes_out(uow, session, catalogue, draft):
    """As a version stands after an upgrade that computes otherwise: released, and its example fails."""
    catalogue.case(draft, WEIGHED, "20.0", name="fine")
    catalogue.case(draft, WEIGHED, "19.9", name="GB 5009.3")
    assert CHECKS["method cases"](session, None).broken == []
    with uow:
        row = uow.get(type(draft), draft.id)
        row.released_at = uow.now
        uow.audit("method_version.release", catalogue.keeper, row)
        uow.commit()
    found = CHECKS["method cases"](session, None)
    assert len(found.broken) == 1
    assert "moisture" in found.broken[0]
    assert "GB 5009.3: Expected 19.9, got 20.0." in found.broken[0]

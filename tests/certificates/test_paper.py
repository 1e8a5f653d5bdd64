"""The PDF says what the database says; marks follow the granted scope."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from lims.bench.models import Result, ResultVersion
from lims.catalogue.budget_text import BudgetText, SourceLine
from lims.certificates.checks import examine
from lims.certificates.content import gather
from lims.certificates.material import Material
from lims.certificates.models import Certificate, CertificateItem, LaboratoryDetails
from lims.certificates.reading import look_at
from lims.core.permissions import SYSTEM
from lims.equipment.models import Equipment, EquipmentState
from lims.intake.models import Order, RequestedTest, Sample, SamplingForm
from lims.metrology.method_budgets import SourceKind
from reports.document import MarkKind, Text, from_json
from tests.reports.reading import codes_on, pages_text, picture, squeezed, words_of
from tests.support.backends import ON_SQLITE
from tests.support.laboratory import make_budget
from tests.support.reports import BASE_URL, make_house

RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def document_of(report: Certificate):
    return from_json(report.document.encode())


def stored(house, report: Certificate) -> list[tuple[str, str, str, str]]:
    """(sample, reported, unit, verdict) as the tables hold them, without the code of this room."""
    rows = house.session.execute(
        select(Sample.number, ResultVersion.reported, ResultVersion.unit, ResultVersion.verdict)
        .join(Result, Result.id == ResultVersion.result_id)
        .join(RequestedTest, RequestedTest.id == Result.requested_test_id)
        .join(Sample, Sample.id == RequestedTest.sample_id)
        .join(CertificateItem, CertificateItem.result_version_id == ResultVersion.id)
        .where(CertificateItem.certificate_id == report.id)
        .order_by(CertificateItem.position)
    )
    return [(number, reported, unit, verdict.value) for number, reported, unit, verdict in rows]


@pytest.mark.parametrize("language", ["zh", "en", "both"])
def test_every_stored_value_stands_on_paper(house, files, store, language):
    order = house.order(samples=3, typed={"aluminium": {"as_is": ["80.4"]}})
    report = house.issued(order, files, language=language)
    words = words_of(store.read(report.pdf_sha256))
    found = stored(house, report)
    assert len(found) == 9
    for sample, reported, unit, _verdict in found:
        assert sample in words
        assert squeezed(unit) in words
        for value in reported.split(", "):
            head, _, power = value.partition("^")
            assert head + power.translate(RAISED) in words
    assert report.number in words
    assert report.check_code in words
    verdicts = {"zh": ("不合格", "合格"), "en": ("Fail", "Pass"), "both": ("不合格", "Pass")}[language]
    assert all(verdict in words for verdict in verdicts)
    pages = pages_text(store.read(report.pdf_sha256))
    assert all(report.number in page for page in pages)


def test_the_qr_code_leads_to_the_verification_of_this_report(house, files, store):
    report = house.issued(house.order("moisture"), files)
    address = f"{BASE_URL}/v/{report.number}/{report.check_code}"
    assert document_of(report).verify_url == address
    assert ("QR Code", address) in codes_on(picture(store.read(report.pdf_sha256)))


def test_not_detected_prints_its_limit_beside_it(house, files):
    report = house.issued(house.order("sulfur_dioxide", category="rice_noodles"), files)
    line = document_of(report).samples[0].items[0]
    assert line.results == (Text("未检出", "Not detected"),)
    assert line.detection_limit == Text("定量限 10 mg/kg", "LOQ 10 mg/kg")
    assert line.limit.zh == "不得使用"


def test_a_failed_item_names_what_it_does_not_meet_and_the_rule(house, files):
    report = house.issued(house.order(typed={"aluminium": {"as_is": ["80.4"]}}), files)
    document = document_of(report)
    assert "铝的残留量(干样品,以Al计)项目不符合 GB 2760-2024 要求" in document.conclusion.zh
    assert "不合格" in document.conclusion.zh
    assert "全数值比较法" in document.decision_rule.zh
    assert document.samples[0].items[1].verdict.zh == "不合格"


def test_of_many_samples_only_the_failed_ones_are_named(house, files):
    order = house.order(samples=3)
    report = house.issued(order, files)
    assert document_of(report).conclusion == Text(
        "经检验，所检并判定的项目符合 GB 2760-2024、GB 7099-2015 要求。",
        "The items judged meet GB 2760-2024, GB 7099-2015.",
    )
    assert {s.conclusion.zh for s in document_of(report).samples} == {"所判项目合格"}


def test_risk_monitoring_states_no_conformity(house, files):
    order = house.order("melamine", category="milk_powder", business="monitoring")
    document = document_of(house.issued(order, files))
    assert document.conclusion.zh.startswith("本报告仅提供检验数据")
    assert document.samples[0].items[0].verdict.zh == "—"
    assert document.samples[0].items[0].note.zh == "风险监测项目，不作合格判定"
    assert not document.decision_rule


# -- marks ----------------------------------------------------------------------------------


def test_a_report_inside_the_scope_carries_both_marks_with_their_numbers(house, files):
    marks = document_of(house.issued(house.order(), files)).marks
    assert [(m.kind, m.number, bool(m.missing_reason)) for m in marks] == [
        (MarkKind.CMA, "220019120001", False),
        (MarkKind.CNAS, "L0001", False),
    ]


def test_one_item_outside_the_scope_is_starred_and_costs_the_marks_with_the_reason(uow, files, store):
    house = make_house(uow, outside=("plate_count",))
    report = house.issued(house.order(), files)
    document = document_of(report)
    assert [m.number for m in document.marks] == ["", ""]
    assert all("菌落总数" in m.missing_reason.zh for m in document.marks)
    assert [i.starred for i in document.samples[0].items] == [False, False, True]
    assert document.samples[0].items[2].note.zh == "不在资质认定及认可范围内"
    cover = pages_text(store.read(report.pdf_sha256))[0]
    assert "CMA未使用该标志" in cover
    assert "220019120001" not in cover


def test_without_the_certificate_number_the_mark_says_so(house):
    with house.uow:
        row = house.uow.get(LaboratoryDetails, 1)
        row.cma_number = ""
        house.uow.audit("test.details", SYSTEM, row)
        house.uow.commit()
    made = house.draft(house.order("moisture"))
    document = gather(house.session, house.session.get_one(Certificate, made.id)).document
    assert document.marks[0].missing_reason.zh == "未录入证书编号"
    assert document.marks[1].number == "L0001"


def test_the_scope_of_the_day_of_testing_decides(house, clock):
    """A scope that ended since still covers work that was done before."""
    order = house.order("moisture")
    clock.advance(timedelta(days=320))
    made = house.draft(order)
    document = gather(house.session, house.session.get_one(Certificate, made.id)).document
    assert [bool(m.number) for m in document.marks] == [True, True]


# -- uncertainty and decision rule ---------------------------------------------------------------


def paper_of(house, clock, text, **order):
    """The document of an order of melamine, for which a budget of 5 % (k = 2) is in use."""
    source = SourceLine("found", SourceKind.STANDARD, "方法", "method", Decimal(5), percent=True)
    make_budget(house.uow, house.laboratory, "melamine", BudgetText(sources=[source]))
    clock.advance(timedelta(seconds=60))
    typed = {"melamine": {"found": [text]}}
    made = house.draft(house.order("melamine", typed=typed, category="milk_powder", **order))
    return gather(house.session, house.session.get_one(Certificate, made.id)).document


def test_the_uncertainty_is_printed_where_it_was_asked_for(house, clock):
    document = paper_of(house, clock, "2.4", report_uncertainty=True)
    (row,) = document.samples[0].items
    assert (row.uncertainty, row.verdict.en) == ("U = 0.3 (k = 2)", "Pass")
    assert document.uncertainty.en.endswith("approximately 95 %.")
    assert "not counted" in document.decision_rule.en


def test_nobody_asked_so_nothing_is_said_of_it(house, clock):
    document = paper_of(house, clock, "2.4")
    assert document.samples[0].items[0].uncertainty == ""
    assert not document.uncertainty


def test_an_agreed_rule_is_printed_with_its_risk_and_the_uncertainty_it_counts(house, clock):
    document = paper_of(house, clock, "2.4", decision_rule="guarded-acceptance")
    (row,) = document.samples[0].items
    assert (row.uncertainty, row.verdict.en) == ("U = 0.3 (k = 2)", "Fail")
    # At AL = TL - U with k = 2: the normal tail beyond two standard uncertainties.
    assert "guard band w = U" in document.decision_rule.en
    assert document.decision_rule.en.endswith("at most 2.3 %.")


def test_the_agreed_rule_says_which_items_it_leaves_to_simple_acceptance(house):
    made = house.draft(house.order("plate_count", decision_rule="guarded-acceptance"))
    document = gather(house.session, house.session.get_one(Certificate, made.id)).document
    assert document.samples[0].items[0].verdict.en == "Pass"
    assert "sampling plan" in document.decision_rule.en


def test_what_the_rule_cannot_decide_says_why(house, clock):
    document = paper_of(house, clock, "2.4", decision_rule="proven-both-ways")
    (row,) = document.samples[0].items
    assert row.note.en.startswith("Within the guard band")


# -- the content check ------------------------------------------------------------------------


def checks_of(house, certificate_id: int):
    session = house.session
    certificate = session.get_one(Certificate, certificate_id, populate_existing=True)
    material = Material(session, certificate, gather(session, certificate), house.uow.now)
    return {check.rule: check for check in examine(material)}


def test_a_sound_report_has_no_fault(house):
    checks = checks_of(house, house.draft(house.order(samples=2)).id)
    assert [c.rule for c in checks.values() if c.stops] == []
    assert {c.rule for c in checks.values() if not c.ok} == {
        "R05a",
        "R07a",
    }  # contact, condition: not noted here


def change(house, command: str, **values: object) -> None:
    """What somebody with a database console could do."""
    house.session.rollback()
    with house.session.get_bind().begin() as connection:
        connection.execute(text(command), values)


@pytest.mark.parametrize(
    ("command", "rule"),
    [
        ("UPDATE equipment SET state = 'out_of_service', state_reason = 'x'", "T06a"),
        (
            "UPDATE standard_edition SET withdrawn_from = '2020-01-01' "
            "WHERE id IN (SELECT standard_id FROM method)",
            "R06",
        ),
        ("UPDATE requested_test SET state = 'submitted'", "T03"),
        ("UPDATE worksheet SET temperature = NULL", "T01"),
        ("UPDATE authorisation SET valid_to = '2026-02-01'", "T07"),
        ("UPDATE signing_grant SET valid_to = '2026-02-01'", "R15"),
        ("UPDATE laboratory_details SET name_zh = ''", "R02"),
        ("UPDATE customer SET name = '', name_en = ''", "R05"),
        ("UPDATE sample SET received_at = '2026-12-01 00:00:00+00:00'", "R09"),
        ("UPDATE sample SET name = ''", "R07"),
        ("UPDATE number_series SET last = last", None),
    ],
)
def test_each_rule_finds_its_fault(house, command, rule):
    order = house.order("melamine", "moisture", category="milk_powder")
    made = house.draft(order).id
    change(house, command)
    wrong = {c.rule for c in checks_of(house, made).values() if not c.ok} - {"R05a", "R07a"}
    assert wrong == ({rule} if rule else set())


def test_a_device_past_its_calibration_on_the_day_of_use_is_a_fault(house):
    made = house.draft(house.order("moisture")).id
    assert checks_of(house, made)["T06"].ok
    session = house.session
    certificate = session.get_one(Certificate, made)
    content = gather(session, certificate)
    later = replace(content.document, performed_to="2028-01-01", performed_from="2028-01-01")
    faults = {c.rule: c for c in examine(Material(session, certificate, content, house.uow.now, later))}
    assert faults["T06"].stops
    assert "2028-01-01" in faults["T06"].faults[0]


def test_a_document_that_does_not_print_the_stored_value_is_found(house):
    made = house.draft(house.order("moisture")).id
    session = house.session
    certificate = session.get_one(Certificate, made)
    content = gather(session, certificate)
    block = content.document.samples[0]
    forged = replace(block.items[0], results=(Text.same("20.1"),))
    document = replace(content.document, samples=(replace(block, items=(forged,)),))
    faults = {
        c.rule for c in examine(Material(session, certificate, content, house.uow.now, document)) if c.stops
    }
    assert faults == {"T05"}


def test_a_sampling_form_is_described_and_its_gaps_are_found(house):
    order = house.order("sulfur_dioxide", category="rice_noodles", business="supervision")
    with house.uow:
        row = house.uow.get(Order, order)
        form = house.uow.add(
            SamplingForm(
                order_id=order,
                number="CY2026-000001",
                sampled_firm="阿香米线店",
                sampled_on=date(2026, 11, 22),
                sampler_one="王磊",
                sampler_two="何静",
            )
        )
        sample = house.uow.session.scalars(select(Sample).where(Sample.order_id == order)).one()
        sample.sampling_form_id = form.id
        house.uow.audit("test.form", SYSTEM, row)
        house.uow.commit()
    made = house.draft(order).id
    checks = checks_of(house, made)
    assert checks["R11"].stops  # the place is missing
    document = look_at(house.session, actor=house.reviewer, certificate_id=made, now=house.uow.now).document
    assert document.samples[0].sampling.people == "王磊、何静"
    assert document.samples[0].sampled_firm.name.zh == "阿香米线店"
    assert "委托方提供" not in document.business_statement.zh


@ON_SQLITE
def test_the_check_costs_a_bounded_number_of_queries(house, count_queries):
    few = house.draft(house.order(samples=1)).id
    many = house.draft(house.order(samples=6)).id

    def cost(certificate_id: int) -> int:
        house.session.expire_all()
        with count_queries() as seen:
            view = look_at(
                house.session, actor=house.reviewer, certificate_id=certificate_id, now=house.uow.now
            )
        assert view.document is not None
        return len(seen)

    assert cost(many) <= cost(few) + 3
    assert cost(many) < 70


def test_a_device_out_of_service_since_is_an_advice(house):
    made = house.draft(house.order("moisture")).id
    with house.uow:
        device = house.uow.session.scalars(select(Equipment).where(Equipment.code == "LH-001")).one()
        device.state, device.state_reason = EquipmentState.OUT_OF_SERVICE, "摔落"
        house.uow.audit("test.device", SYSTEM, device)
        house.uow.commit()
    check = checks_of(house, made)["T06a"]
    assert (check.ok, check.stops) == (False, False)
    assert "摔落" in check.faults[0]

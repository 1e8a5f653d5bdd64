"""Quality control in worksheets: placed by template, judged by rule, and what fails holds what it covers."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest
from sqlalchemy import select

from lims.bench.control.decisions import decide_hold
from lims.bench.control.lines import LineText, add_line, hide_control, retire_line
from lims.bench.control.models import ControlEvaluation, ControlHold, ControlLine, HeldTest, WorksheetControl
from lims.bench.models import Worksheet
from lims.bench.review import retest_result, retract_result
from lims.bench.sheet_view import load_sheet
from lims.bench.states import HoldDecision, HoldState
from lims.bench.worksheets import add_rows, remove_rows
from lims.catalogue.models import MethodVersion
from lims.certificates.checks import examine
from lims.certificates.content import gather
from lims.certificates.material import Material
from lims.certificates.models import Certificate, LaboratoryDetails
from lims.certificates.road import draft_certificate, reportable
from lims.certificates.search import ready_orders
from lims.core.clock import local_date, utc_now
from lims.core.errors import Conflict, InvalidInput, PermissionDenied, TransitionRefused
from lims.core.jobs import Job
from lims.intake.models import Order, RequestedTest, Sample
from lims.intake.order_reading import orders_statement
from lims.intake.sample_list import Wanted, list_samples
from lims.intake.states import TestState
from lims.metrology.control_samples import ControlKind, ControlOutcome
from tests.support.laboratory import make_calibration
from tests.support.reports import DETAILS

CODE = "sulfur_dioxide"
# Target 100, s 2: the certificate of the material.
MATERIAL = LineText(
    ControlKind.CONTROL, "质控样 SO2-01", at_start=True, target=D(100), deviation=D(2), rule_set="Westgard"
)


class Controls:
    """Worksheets with controls, in short words."""

    def __init__(self, bench):
        self.bench = bench
        self.lab = bench.laboratory

    def line(self, text=MATERIAL, **changes) -> ControlLine:
        method = self.bench.session.get_one(MethodVersion, self.lab.versions[CODE]).method_id
        return add_line(self.bench.uow, actor=self.lab.head, method_id=method, text=replace(text, **changes))

    def sheet(self, samples=1) -> tuple[int, list[int]]:
        tests = [row[CODE] for row in self.bench.tests(CODE, samples=samples)]
        return self.bench.sheet(*tests), tests

    def controls(self, sheet: int) -> list[int]:
        """Tests of the controls, in the order of the sheet."""
        return [row for row in self.order(sheet) if self.is_control(row)]

    def order(self, sheet: int) -> list[int]:
        rows = self.bench.session.get_one(Worksheet, sheet, populate_existing=True).rows
        return [r.requested_test_id for r in rows if r.removed_at is None]

    def is_control(self, test: int) -> bool:
        found = select(WorksheetControl.id).where(WorksheetControl.requested_test_id == test)
        return self.bench.session.scalar(found) is not None

    def measure(self, sheet: int, values: dict[int, str]) -> None:
        for test, text in values.items():
            self.bench.enter(sheet, test, {"found": text})
        self.bench.submit(*values)

    def holds(self) -> list[ControlHold]:
        return list(self.bench.session.scalars(select(ControlHold).order_by(ControlHold.id)))

    def point(self, test: int) -> ControlEvaluation:
        wanted = (
            select(ControlEvaluation)
            .join(WorksheetControl, WorksheetControl.id == ControlEvaluation.control_id)
            .where(WorksheetControl.requested_test_id == test)
            .order_by(ControlEvaluation.id.desc())
        )
        return self.bench.session.scalars(wanted).first()

    def decide(self, hold: ControlHold, decision: HoldDecision, actor=None) -> ControlHold:
        return decide_hold(
            self.bench.uow,
            actor=actor or self.lab.head,
            hold_id=hold.id,
            version=hold.version,
            decision=decision,
            reason="移液管未校准",
        )

    def failed(self) -> tuple[int, int, ControlHold]:
        """A handed-over sample under a control beyond three s: (sheet, test, hold)."""
        self.line()
        sheet, (test,) = self.sheet()
        (control,) = self.controls(sheet)
        self.measure(sheet, {control: "107", test: "12"})
        (hold,) = self.holds()
        return sheet, test, hold


@pytest.fixture
def controls(bench):
    return Controls(bench)


def test_a_template_puts_controls_on_the_sheet_and_they_follow_its_samples(controls, bench):
    controls.line()
    controls.line(LineText(ControlKind.BLANK, "试剂空白", every=2, high=D(3)))
    controls.line(LineText(ControlKind.DUPLICATE, "平行样", every=2, high=D(10)))
    sheet, tests = controls.sheet(3)
    kinds = [_kind(bench, n) for n in controls.order(sheet)]
    # start control, first sample with its duplicate, second, blank behind two, third with its duplicate
    assert kinds == ["control", "", "duplicate", "", "blank", "", "duplicate"]
    more = [row[CODE] for row in bench.tests(CODE, samples=1)]
    add_rows(bench.uow, actor=bench.laboratory.analyst, worksheet_id=sheet, test_ids=more)
    assert [_kind(bench, n) for n in controls.order(sheet)] == [*kinds, "", "blank"]
    last_control = controls.controls(sheet)[0]
    with pytest.raises(Conflict, match="samples it speaks for"):
        remove_rows(bench.uow, actor=bench.laboratory.analyst, worksheet_id=sheet, test_ids=[last_control])
    remove_rows(bench.uow, actor=bench.laboratory.analyst, worksheet_id=sheet, test_ids=[*tests, *more])
    assert controls.order(sheet) == []
    assert bench.state(last_control) is TestState.CANCELLED


def _kind(bench, test: int) -> str:
    found = select(WorksheetControl).where(WorksheetControl.requested_test_id == test)
    row = bench.session.scalars(found).unique().first()
    return row.line.kind.value if row is not None else ""


def test_samples_are_handed_over_only_with_their_controls(controls, bench):
    controls.line()
    sheet, (test,) = controls.sheet()
    bench.enter(sheet, test, {"found": "12"})
    with pytest.raises(Conflict, match="SO2-01") as refused:
        bench.submit(test)
    assert refused.value.code == "controls_missing"
    (control,) = controls.controls(sheet)
    controls.measure(sheet, {control: "101", test: "12"})
    assert controls.point(control).outcome is ControlOutcome.IN_CONTROL
    assert bench.verify(test).verified_by == bench.laboratory.reviewer.id


def test_a_failing_control_holds_what_it_covers_until_another_person_decides(controls, bench):
    sheet, test, hold = controls.failed()
    # 107 is 3.5 s from 100: 1-2s and 1-3s of Westgard.
    assert '"1-3s"' in controls.bench.session.get_one(ControlEvaluation, hold.evaluation_id).findings
    held = bench.session.scalars(select(HeldTest.requested_test_id).where(HeldTest.hold_id == hold.id))
    assert list(held) == [test]
    with pytest.raises(Conflict) as refused:
        bench.verify(test)
    assert refused.value.code == "held_by_control"
    job = bench.session.scalars(select(Job).where(Job.kind == "nonconformity.open")).one()
    assert job.key == f"control-failure-{hold.id}"
    view = load_sheet(bench.session, actor=bench.laboratory.analyst, worksheet_id=sheet, now=utc_now())
    assert [row.held for row in view.rows] == [False, True]
    with pytest.raises(PermissionDenied):
        controls.decide(hold, HoldDecision.ACCEPT, bench.laboratory.reviewer)
    done = controls.decide(hold, HoldDecision.ACCEPT)
    assert (done.state, done.decided_by) == (HoldState.DECIDED, bench.laboratory.head.id)
    assert bench.verify(test).verified_by == bench.laboratory.reviewer.id
    with pytest.raises(TransitionRefused):
        controls.decide(done, HoldDecision.REPEAT)


def test_a_reason_is_asked_for_and_who_handed_over_does_not_decide(controls, bench):
    _sheet, _test, hold = controls.failed()
    arguments = {"hold_id": hold.id, "version": hold.version, "decision": HoldDecision.ACCEPT}
    with pytest.raises(InvalidInput, match="why"):
        decide_hold(bench.uow, actor=bench.laboratory.head, reason="  ", **arguments)
    both = replace(bench.laboratory.analyst, permissions=bench.laboratory.head.permissions)
    with pytest.raises(TransitionRefused) as refused:
        decide_hold(bench.uow, actor=both, reason="我自己", **arguments)
    assert refused.value.code == "same_person"


def test_repeating_gives_results_and_control_a_new_attempt_and_keeps_the_old(controls, bench):
    sheet, test, hold = controls.failed()
    (control,) = controls.controls(sheet)
    controls.decide(hold, HoldDecision.REPEAT)
    for again in (test, control):
        assert bench.state(again) is TestState.ASSIGNED
        assert (bench.result(again).attempt, bench.result(again).current_version) == (2, 0)
    with pytest.raises(Conflict):
        bench.submit(test)  # it has no value any more
    controls.measure(sheet, {control: "99", test: "13"})
    assert controls.point(control).outcome is ControlOutcome.IN_CONTROL
    assert bench.verify(test).attempt == 2
    assert len(controls.holds()) == 1


def held_rule(bench, certificate_id):
    """What the content check says of held values."""
    certificate = bench.session.get_one(Certificate, certificate_id, populate_existing=True)
    material = Material(bench.session, certificate, gather(bench.session, certificate), bench.uow.now)
    return next(check for check in examine(material) if check.rule == "T03a")


def test_a_verified_value_that_becomes_held_is_neither_drafted_nor_passes_the_check(controls, bench):
    """A blind control hands over late: what it covers was verified already."""
    line = controls.line(
        LineText(ControlKind.BLIND, "盲样 7", target=D(50), deviation=D(1), rule_set="Westgard")
    )
    with bench.uow as uow:
        uow.audit("laboratory.save", bench.laboratory.head, uow.add(LaboratoryDetails(**DETAILS)))
        uow.commit()
    test, drafted, blind = (row[CODE] for row in bench.tests(CODE, samples=3))
    order = bench.session.get_one(Sample, bench.session.get_one(RequestedTest, test).sample_id).order_id
    number = bench.session.get_one(Sample, bench.session.get_one(RequestedTest, blind).sample_id).number
    hide_control(bench.uow, actor=bench.laboratory.head, line_id=line.id, number=number)
    sheet = bench.sheet(test, drafted, blind)
    view = load_sheet(bench.session, actor=bench.laboratory.analyst, worksheet_id=sheet, now=utc_now())
    assert [row.mark for row in view.rows] == [None, None, None]
    controls.measure(sheet, {test: "12", drafted: "13"})
    bench.verify(test)
    bench.verify(drafted)
    made = draft_certificate(
        bench.uow, actor=bench.laboratory.reviewer, order_id=order, test_ids=[drafted]
    ).id
    assert [t.id for t, _v in reportable(bench.session, order)] == [test]
    assert held_rule(bench, made).ok
    controls.measure(sheet, {blind: "60"})
    assert reportable(bench.session, order) == []
    assert held_rule(bench, made).stops
    with pytest.raises(Conflict) as refused:
        draft_certificate(bench.uow, actor=bench.laboratory.reviewer, order_id=order)
    assert refused.value.code == "nothing_to_report"


def test_a_spike_and_a_duplicate_are_compared_with_their_sample(controls, bench):
    controls.line(LineText(ControlKind.DUPLICATE, "平行样", high=D(10)))
    controls.line(LineText(ControlKind.SPIKE, "加标 20", low=D(80), high=D(120), spike_added=D(20)))
    sheet, (test,) = controls.sheet()
    duplicate, spike = controls.controls(sheet)
    # |22 - 24| / 23 = 8.7 %; (44 - 22) / 20 = 110 %
    controls.measure(sheet, {test: "22", duplicate: "24", spike: "44"})
    assert round(controls.point(duplicate).statistic, 2) == D("8.70")
    assert controls.point(spike).statistic == D(110)
    assert controls.holds() == []
    # handed over in parts: judged when the sample comes; 30 against 22 is 30.8 %
    sheet, (test,) = controls.sheet()
    duplicate, spike = controls.controls(sheet)
    controls.measure(sheet, {duplicate: "30", spike: "41"})
    assert controls.point(duplicate) is None
    controls.measure(sheet, {test: "22"})
    assert controls.point(duplicate).outcome is ControlOutcome.OUT_OF_CONTROL
    assert len(controls.holds()) == 1


def test_limits_from_own_points_begin_when_there_are_enough(controls, bench):
    controls.line(target=None, deviation=None, own_points=5)
    outcomes = []
    for value in ("100", "102", "98", "101", "99", "100", "110"):
        sheet, (test,) = controls.sheet()
        (control,) = controls.controls(sheet)
        controls.measure(sheet, {control: value, test: "12"})
        outcomes.append(controls.point(control).outcome)
    # mean 100, s 1.58: 110 is 6 s away
    assert outcomes == [
        *[ControlOutcome.BUILDING] * 5,
        ControlOutcome.IN_CONTROL,
        ControlOutcome.OUT_OF_CONTROL,
    ]


def test_a_rule_looks_across_worksheets(controls, bench):
    controls.line()
    for value in ("104.5", "105"):  # two beyond two s on one side: 2-2s
        sheet, (test,) = controls.sheet()
        (control,) = controls.controls(sheet)
        controls.measure(sheet, {control: value, test: "12"})
    assert '"2-2s"' in controls.point(control).findings
    assert controls.point(control).outcome is ControlOutcome.OUT_OF_CONTROL


def test_controls_are_no_customers_work(controls, bench):
    controls.line()
    sheet, (test,) = controls.sheet()
    (control,) = controls.controls(sheet)
    sample = bench.session.get_one(Sample, bench.session.get_one(RequestedTest, control).sample_id)
    controls.measure(sheet, {control: "101", test: "12"})
    bench.verify(control)
    reader = bench.laboratory.reception
    page, _count = list_samples(bench.session, actor=reader, wanted=Wanted(), today=sample.registered_on)
    assert sample.id not in {row.id for row in page.rows}
    page, _count = list_samples(
        bench.session, actor=reader, wanted=Wanted(order_id=sample.order_id), today=sample.registered_on
    )
    assert [row.id for row in page.rows] == [sample.id]
    orders = bench.session.execute(orders_statement(reader)).all()
    assert sample.order_id not in {row.id for row in orders}
    assert sample.order_id not in {row.id for row in bench.session.execute(ready_orders())}
    assert bench.session.get_one(Order, sample.order_id).number.startswith("ZK-")


WRONG = [
    ({"material": " "}, "material"),
    ({"at_start": False}, "at_start"),
    ({"deviation": None}, "deviation"),
    ({"deviation": D(0)}, "deviation"),
    ({"rule_set": "Harry"}, "rule_set"),
    ({"low": D(5), "high": D(4)}, "high"),
    ({"kind": ControlKind.SPIKE}, "spike_added"),
    ({"rule_set": "", "target": None, "deviation": None}, "high"),
    ({"every": 0}, "every"),
    ({"own_points": 2}, "own_points"),
]


def test_a_control_that_could_not_be_judged_is_refused_with_its_field(controls, bench):
    for changes, field in WRONG:
        with pytest.raises(InvalidInput) as refused:
            controls.line(**changes)
        assert field in refused.value.fields
    # a method that computes with other items, and one that gives no figure
    for code in ("aluminium", "plate_count"):
        method = bench.session.get_one(MethodVersion, bench.laboratory.versions[code]).method_id
        with pytest.raises(InvalidInput):
            add_line(bench.uow, actor=bench.laboratory.head, method_id=method, text=MATERIAL)


def test_a_retired_control_comes_onto_no_new_sheet_and_an_analyst_draws_none(controls, bench):
    line = controls.line()
    with pytest.raises(PermissionDenied):
        add_line(bench.uow, actor=bench.laboratory.analyst, method_id=line.method_id, text=MATERIAL)
    retire_line(
        bench.uow, actor=bench.laboratory.head, line_id=line.id, version=line.version, reason="批号用完"
    )
    sheet, tests = controls.sheet()
    assert controls.order(sheet) == tests


def test_a_balance_out_of_calibration_gives_no_result_but_may_weigh_a_control(
    controls, bench, laboratory, uow
):
    method = bench.session.get_one(MethodVersion, laboratory.versions["moisture"]).method_id
    add_line(
        uow,
        actor=laboratory.head,
        method_id=method,
        text=replace(MATERIAL, target=D(20), deviation=D(1)),
    )
    test = bench.tests("moisture")[0]["moisture"]
    sheet = bench.sheet(test)
    (control,) = controls.controls(sheet)
    due = local_date(uow.now) + timedelta(days=363)
    with uow:
        row = make_calibration(uow, laboratory.balance, due_on=due, accepted=False)
        uow.audit("calibration.add", laboratory.head, row)
        uow.commit()
    with pytest.raises(Conflict) as refused:
        bench.weigh(sheet, test, "28.4517")
    assert refused.value.code == "not_accepted"
    bench.weigh(sheet, control, "28.4517", "33.4629", "32.4607")
    assert bench.version(control).reported == "20.0"


def test_a_duplicate_is_judged_again_when_its_sample_alone_is_measured_again(controls, bench, laboratory):
    controls.line(LineText(ControlKind.DUPLICATE, "平行样", high=D(10)))
    sheet, (test,) = controls.sheet()
    (duplicate,) = controls.controls(sheet)
    controls.measure(sheet, {test: "22", duplicate: "24"})
    assert controls.point(duplicate).outcome is ControlOutcome.IN_CONTROL
    retract_result(bench.uow, actor=laboratory.analyst, test_id=test, reason="再测")
    controls.measure(sheet, {test: "23"})
    # |23 - 24| / 23.5 = 4.3 %
    assert round(controls.point(duplicate).statistic, 2) == D("4.26")
    bench.verify(test)
    bench.verify(duplicate)
    # by another analyst, on a sheet of theirs: 40 against 24 is 50 %
    other = laboratory.second_analyst
    retest_result(bench.uow, actor=laboratory.head, test_id=test, reason="复测", assignee_id=other.id)
    elsewhere = bench.sheet(test, actor=other)
    fresh = [n for n in controls.controls(elsewhere) if n != duplicate]
    for n, text in ((test, "40"), *((one, "41") for one in fresh)):
        bench.enter(elsewhere, n, {"found": text}, actor=other)
    bench.submit(test, *fresh, actor=other)
    assert controls.point(duplicate).outcome is ControlOutcome.OUT_OF_CONTROL
    (hold,) = controls.holds()
    held = bench.session.scalars(select(HeldTest.requested_test_id).where(HeldTest.hold_id == hold.id))
    assert list(held) == [test]
    with pytest.raises(Conflict) as refused:
        bench.verify(test)
    assert refused.value.code == "held_by_control"


def test_a_duplicate_of_a_dry_basis_takes_the_moisture_of_its_sample(controls, bench, laboratory):
    method = bench.session.get_one(MethodVersion, laboratory.versions["aluminium"]).method_id
    text = LineText(ControlKind.DUPLICATE, "平行样", high=D(10))
    add_line(bench.uow, actor=laboratory.head, method_id=method, text=text)
    tests = bench.tests("moisture", "aluminium")[0]
    weighed = bench.sheet(tests["moisture"])
    sheet = bench.sheet(tests["aluminium"])
    (duplicate,) = controls.controls(sheet)
    bench.enter(sheet, tests["aluminium"], {"as_is": "79.8"})
    bench.enter(sheet, duplicate, {"as_is": "80.8"})
    view = load_sheet(bench.session, actor=laboratory.analyst, worksheet_id=sheet, now=utc_now())
    ours, doubled = (row.missing for row in view.rows)
    assert "水分" in ours
    assert doubled == ours
    bench.weigh(weighed, tests["moisture"], "28.4517", "33.4629", "32.4607")
    # moisture 20.0: the duplicate on a sample of its own follows it
    assert (bench.version(tests["aluminium"]).reported, bench.version(duplicate).reported) == (
        "99.7",
        "101.0",
    )
    with pytest.raises(Conflict) as refused:
        bench.submit(tests["aluminium"], duplicate)
    assert refused.value.code == "needs_other_item"
    bench.submit(*tests.values(), duplicate)
    assert round(controls.point(duplicate).statistic, 2) == D("1.25")  # |79.8 - 80.8| / 80.3
    seen = controls.point(duplicate).source_version_id
    retract_result(bench.uow, actor=laboratory.analyst, test_id=tests["moisture"], reason="再称")
    bench.claim(weighed, tests["moisture"], "m2", "32.9607", reason="再称")
    bench.submit(tests["moisture"])
    # both moved; the point names what they are now
    assert bench.version(duplicate).reported == "89.8"
    assert controls.point(duplicate).source_version_id != seen
    for one in (tests["moisture"], tests["aluminium"], duplicate):
        bench.verify(one)
    with pytest.raises(Conflict) as refused:
        retest_result(bench.uow, actor=laboratory.head, test_id=tests["moisture"], reason="复测")
    assert refused.value.code == "others_depend"

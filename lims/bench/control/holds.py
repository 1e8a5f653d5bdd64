"""A failing control holds the results it covers, until a named person decides with a reason."""

from collections.abc import Collection, Mapping, Sequence

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from lims.bench.control.judging import Judged, judge_controls, newest_of, store_evaluation
from lims.bench.control.models import ControlEvaluation, ControlHold, HeldTest, WorksheetControl
from lims.bench.inputs import sheets_of_tests
from lims.bench.models import Worksheet
from lims.bench.states import HoldState
from lims.bench.wording import named
from lims.core.errors import Conflict, NotFound
from lims.core.jobs import enqueue
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.intake.models import RequestedTest, Sample
from lims.intake.states import TestState
from lims.metrology.control_samples import ControlKind, ControlOutcome, covered

DONE = (TestState.SUBMITTED, TestState.VERIFIED)


def controls_of(session: Session, test_ids: Collection[int]) -> dict[int, WorksheetControl]:
    """Test -> what control it is, blind ones too; a test that is none is left out."""
    wanted = select(WorksheetControl).where(WorksheetControl.requested_test_id.in_(test_ids))
    return {one.requested_test_id: one for one in session.scalars(wanted).unique()}


def refuse_without_controls(
    session: Session, sheet: Worksheet, together: Collection[int]
) -> dict[int, WorksheetControl]:
    """The controls of the sheet. Raises Conflict (``controls_missing``) while one is not handed over.

    ``together``: tests that are handed over now.
    """
    here = [row.requested_test_id for row in sheet.rows if row.removed_at is None]
    controls = controls_of(session, here)
    waiting = {n for n, one in controls.items() if one.slot is not None} - set(together)
    if waiting:
        states = select(RequestedTest).where(RequestedTest.id.in_(waiting))
        for test in session.scalars(states).unique():
            if test.state not in DONE:
                material = controls[test.id].line.material
                raise Conflict(
                    _("Hand over the control “%(name)s” of this worksheet first, or with it.", name=material),
                    code="controls_missing",
                )
    return controls


def follow_controls(
    uow: UnitOfWork,
    actor: Actor,
    sheet: Worksheet,
    controls: Mapping[int, WorksheetControl],
    handed: Collection[int],
) -> list[ControlHold]:
    """Store the points of controls that were handed over; each that failed holds what it covers.

    Inside the caller's unit of work. A point is stored again when its sample gets a value later.
    """
    now = set(handed)
    touched = [n for n, one in controls.items() if {n, one.source_test_id} & now]
    if not touched:
        return []
    judged = judge_controls(uow.session, controls, sheet, newest_of(uow.session, controls.keys()))
    holds = []
    for test_id in touched:
        one = judged.get(test_id)
        if one is None or one.waits or _known(uow, one):
            continue
        evaluation = store_evaluation(uow, actor, sheet, one)
        if one.outcome is ControlOutcome.OUT_OF_CONTROL:
            holds.append(_hold(uow, actor, sheet, controls, one, evaluation))
    return holds


def follow_controls_elsewhere(
    uow: UnitOfWork, actor: Actor, handed: Collection[int], here: Collection[int]
) -> None:
    """Judge again what was made from these tests' samples and stands, handed over, on a sheet that is not ``here``.

    A sample that is measured again alone may come onto a sheet of its own; its duplicate stays where it was.
    Inside the caller's unit of work.
    """
    made = (
        select(WorksheetControl)
        .join(RequestedTest, RequestedTest.id == WorksheetControl.requested_test_id)
        .where(WorksheetControl.source_test_id.in_(handed), RequestedTest.state.in_(DONE))
    )
    tests = {one.requested_test_id for one in uow.session.scalars(made).unique()}
    apart = (
        {s.id: s for s in sheets_of_tests(uow.session, tests).values() if s.id not in here} if tests else {}
    )
    for sheet in apart.values():
        rows = [row.requested_test_id for row in sheet.rows if row.removed_at is None]
        follow_controls(uow, actor, sheet, controls_of(uow.session, rows), handed)


def _known(uow: UnitOfWork, one: Judged) -> bool:
    stored = select(ControlEvaluation.id).where(
        ControlEvaluation.control_id == one.control.id,
        ControlEvaluation.result_version_id == one.version.id,
        ControlEvaluation.source_version_id == (one.source.id if one.source is not None else None),
    )
    return uow.session.scalar(stored) is not None


def _hold(
    uow: UnitOfWork,
    actor: Actor,
    sheet: Worksheet,
    controls: Mapping[int, WorksheetControl],
    one: Judged,
    evaluation: ControlEvaluation,
) -> ControlHold:
    hold = uow.add(
        ControlHold(
            evaluation_id=evaluation.id,
            worksheet_id=sheet.id,
            state=HoldState.OPEN,
            opened_at=uow.now,
            opened_by=actor.id,
        )
    )
    tests = covered_tests(sheet, controls, one.control)
    source = one.control.source_test_id
    if source is not None and source not in tests:  # measured again on another sheet
        tests.append(source)
    for test_id in tests:
        uow.session.add(HeldTest(hold_id=hold.id, requested_test_id=test_id))
    uow.audit("control.hold", actor, hold, after={"tests": tests, "rules": one.broken})
    enqueue(
        uow,
        "nonconformity.open",
        {
            "source": "control_failure",
            **_said(sheet, one),
            "covers": [
                {"kind": "worksheet", "id": sheet.id},
                *({"kind": "requested_test", "id": n} for n in tests),
            ],
            "opened_by": actor.id,
        },
        key=f"control-failure-{hold.id}",
        actor=actor,
    )
    return hold


def _said(sheet: Worksheet, one: Judged) -> dict[str, str]:
    """What everybody may read of it: a blind control is named to nobody who may not decide."""
    line = one.control.line
    method = f"{line.method.standard.code} {named(line.method.test_item)}"
    if line.kind is ControlKind.BLIND:
        what = _("A blind control is out of control.")
        return {"reference": sheet.number, "title": f"{method}: {sheet.number}", "what": what}
    why = ", ".join(one.broken) or one.sentence
    return {
        "reference": f"{sheet.number} · {line.material}",
        "title": f"{method}: {line.material}",
        "what": f"{line.material}: {one.version.reported} {one.version.unit} ({why})",
    }


def covered_tests(
    sheet: Worksheet, controls: Mapping[int, WorksheetControl], failed: WorksheetControl
) -> list[int]:
    """The samples' tests for which this control speaks, in the order of the sheet."""
    here = sorted((r for r in sheet.rows if r.removed_at is None), key=lambda row: row.position)
    placed = {n: one for n, one in controls.items() if one.slot is not None}
    samples = [row.requested_test_id for row in here if row.requested_test_id not in placed]
    if failed.slot is None:  # a blind control speaks for the whole run
        return [n for n in samples if n != failed.requested_test_id]
    before = 0
    stands: dict[int, int] = {}
    for row in here:
        before += row.requested_test_id not in placed
        stands[row.requested_test_id] = before
    others = [stands[n] for n, one in placed.items() if one.line_id == failed.line_id and one is not failed]
    return [samples[n] for n in covered(len(samples), stands[failed.requested_test_id], others)]


# -- what the hold stops -------------------------------------------------------------


def is_held(test_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """As a condition of a query: an open hold covers this test."""
    return exists().where(
        HeldTest.requested_test_id == test_id,
        HeldTest.hold_id == ControlHold.id,
        ControlHold.state == HoldState.OPEN,
    )


def open_holds_of(session: Session, test_ids: Collection[int]) -> dict[int, list[int]]:
    """Test -> its open holds; a test without is left out."""
    wanted = (
        select(HeldTest.requested_test_id, HeldTest.hold_id)
        .join(ControlHold, ControlHold.id == HeldTest.hold_id)
        .where(HeldTest.requested_test_id.in_(test_ids), ControlHold.state == HoldState.OPEN)
        .order_by(HeldTest.hold_id)
    )
    found: dict[int, list[int]] = {}
    for test_id, hold_id in session.execute(wanted):
        found.setdefault(test_id, []).append(hold_id)
    return found


def refuse_held(session: Session, tests: Sequence[RequestedTest]) -> None:
    """Raises Conflict (``held_by_control``) when a control failed and nobody has decided yet."""
    held = open_holds_of(session, [test.id for test in tests])
    if not held:
        return
    first = next(test for test in tests if test.id in held)
    number = session.scalar(select(Sample.number).where(Sample.id == first.sample_id))
    raise Conflict(
        _(
            "“%(item)s” of %(sample)s is held: a quality control failed, and nobody has decided yet.",
            item=named(first.test_item),
            sample=number,
        ),
        code="held_by_control",
    )


def hold_of(session: Session, hold_id: int) -> ControlHold:
    row = session.get(ControlHold, hold_id)
    if row is None:
        raise NotFound(_("This does not exist (any more)."))
    return row

"""What this room adds to the pages of lower rooms: the nonconformities that are about what they show."""

from collections.abc import Callable

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from lims.bench.control.models import ControlHold
from lims.bench.models import WorksheetRow
from lims.certificates.models import Certificate
from lims.core.permissions import Actor, Permission
from lims.intake.models import RequestedTest, Sample
from lims.quality.covers import covering, is_about
from lims.quality.states import CoverKind
from lims.ui import panels
from lims.ui.panels import Panel

K = CoverKind
About = Callable[[int], ColumnElement[bool]]


def _of_sample(sample_id: int) -> ColumnElement[bool]:
    """The sample, its tests, the worksheets that they stand on."""
    tests = select(RequestedTest.id).where(RequestedTest.sample_id == sample_id)
    sheets = select(WorksheetRow.worksheet_id).where(
        WorksheetRow.requested_test_id.in_(tests), WorksheetRow.removed_at.is_(None)
    )
    return is_about(K.SAMPLE, sample_id) | is_about(K.REQUESTED_TEST, tests) | is_about(K.WORKSHEET, sheets)


def _of_order(order_id: int) -> ColumnElement[bool]:
    """The order, its samples, their tests, its certificates."""
    samples = select(Sample.id).where(Sample.order_id == order_id)
    tests = select(RequestedTest.id).where(RequestedTest.sample_id.in_(samples))
    reports = select(Certificate.id).where(Certificate.order_id == order_id)
    return (
        is_about(K.ORDER, order_id)
        | is_about(K.SAMPLE, samples)
        | is_about(K.REQUESTED_TEST, tests)
        | is_about(K.CERTIFICATE, reports)
    )


def _of_worksheet(worksheet_id: int) -> ColumnElement[bool]:
    """The worksheet and the tests on it."""
    tests = select(WorksheetRow.requested_test_id).where(
        WorksheetRow.worksheet_id == worksheet_id, WorksheetRow.removed_at.is_(None)
    )
    return is_about(K.WORKSHEET, worksheet_id) | is_about(K.REQUESTED_TEST, tests)


def _only(kind: CoverKind) -> About:
    return lambda row_id: is_about(kind, row_id)


def _load(kind: CoverKind, about: About) -> panels.LoadPanel:
    """One query."""

    def load(session: Session, actor: Actor, row_id: int) -> Panel | None:
        if not actor.can(Permission.NONCONFORMITY_READ):
            return None
        rows = session.execute(covering(about(row_id))).all()
        return Panel("quality/panel.html", {"rows": rows, "kind": kind.value, "id": row_id})

    return load


ABOUT: dict[str, tuple[CoverKind, About]] = {
    "intake.sample": (K.SAMPLE, _of_sample),
    "intake.order": (K.ORDER, _of_order),
    "bench.worksheet": (K.WORKSHEET, _of_worksheet),
    "equipment.device": (K.EQUIPMENT, _only(K.EQUIPMENT)),
    "certificates.certificate": (K.CERTIFICATE, _only(K.CERTIFICATE)),
    "catalogue.item": (K.TEST_ITEM, _only(K.TEST_ITEM)),
}


def _of_hold(session: Session, actor: Actor, hold_id: int) -> Panel | None:
    """What a failing control opened is about its worksheet."""
    hold = session.get_one(ControlHold, hold_id)
    return _load(K.WORKSHEET, _only(K.WORKSHEET))(session, actor, hold.worksheet_id)


panels.register("bench.control_hold", "nonconformities", _of_hold, order=60)
for page, (kind, about) in ABOUT.items():
    panels.register(page, "nonconformities", _load(kind, about), order=60)

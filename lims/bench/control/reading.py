"""Reading quality control: lists of charts and holds, one chart with its points, one hold with what it covers."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import ScalarSelect, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from lims.bench.control.holds import hold_of
from lims.bench.control.judging import earlier_points, point_of, settled_by
from lims.bench.control.lines import control_line, unit_of
from lims.bench.control.models import (
    ControlEvaluation,
    ControlHold,
    ControlLine,
    HeldTest,
    WorksheetControl,
)
from lims.bench.models import Result, ResultVersion, Worksheet
from lims.bench.states import HoldState
from lims.catalogue.models import Method, StandardEdition, TestItem
from lims.core.paging import CappedCount, capped_count
from lims.core.permissions import Actor, Permission
from lims.intake.models import RequestedTest, Sample
from lims.metrology.control_limits import Baseline
from lims.metrology.control_rules import control_points
from lims.metrology.control_samples import ControlKind, Memory, baseline_of
from lims.metrology.control_sums import CusumChart, EwmaChart, cusum, ewma
from lims.people.directory import accounts_by_id
from lims.people.models import Account

T = TypeVar("T")
Rows = Select[*tuple[Any, ...]]
MOST_SHOWN = 120


class ChartKind(StrEnum):
    SHEWHART = "shewhart"
    CUSUM = "cusum"
    EWMA = "ewma"


def lines_listed(actor: Actor) -> Rows:
    """Controls with their method and what their newest point came out as. Blind ones only for who decides."""
    points = select(func.count()).where(ControlEvaluation.line_id == ControlLine.id).correlate(ControlLine)
    rows = (
        select(
            ControlLine.id,
            ControlLine.material,
            ControlLine.kind,
            ControlLine.rule_set,
            ControlLine.retired_at,
            ControlLine.method_id,
            TestItem.name_zh.label("item_zh"),
            TestItem.name_en.label("item_en"),
            StandardEdition.code.label("standard"),
            Method.clause,
            _newest(ControlEvaluation.outcome).label("outcome"),
            _newest(ControlEvaluation.evaluated_at).label("evaluated_at"),
            points.scalar_subquery().label("points"),
        )
        .join(Method, Method.id == ControlLine.method_id)
        .join(TestItem, TestItem.id == Method.test_item_id)
        .join(StandardEdition, StandardEdition.id == Method.standard_id)
    )
    return rows if actor.can(Permission.CONTROL_DECIDE) else rows.where(ControlLine.kind != ControlKind.BLIND)


def _newest(column: InstrumentedAttribute[T]) -> ScalarSelect[T]:
    found = select(column).where(ControlEvaluation.line_id == ControlLine.id).correlate(ControlLine)
    return found.order_by(ControlEvaluation.id.desc()).limit(1).scalar_subquery()


def holds_listed(actor: Actor) -> Rows:
    """Those of blind controls only for who decides."""
    held = (
        select(func.count())
        .where(HeldTest.hold_id == ControlHold.id)
        .correlate(ControlHold)
        .scalar_subquery()
    )
    rows = (
        select(
            ControlHold.id,
            ControlHold.state,
            ControlHold.opened_at,
            ControlHold.decision,
            ControlHold.decided_at,
            ControlHold.worksheet_id,
            Worksheet.number.label("worksheet"),
            ControlLine.id.label("line_id"),
            ControlLine.material,
            ControlLine.kind,
            TestItem.name_zh.label("item_zh"),
            TestItem.name_en.label("item_en"),
            StandardEdition.code.label("standard"),
            Method.clause,
            held.label("held"),
        )
        .join(ControlEvaluation, ControlEvaluation.id == ControlHold.evaluation_id)
        .join(ControlLine, ControlLine.id == ControlEvaluation.line_id)
        .join(Worksheet, Worksheet.id == ControlHold.worksheet_id)
        .join(Method, Method.id == ControlLine.method_id)
        .join(TestItem, TestItem.id == Method.test_item_id)
        .join(StandardEdition, StandardEdition.id == Method.standard_id)
    )
    return rows if actor.can(Permission.CONTROL_DECIDE) else rows.where(ControlLine.kind != ControlKind.BLIND)


def count_open_holds(session: Session, cap: int) -> CappedCount:
    return capped_count(session, select(ControlHold.id).where(ControlHold.state == HoldState.OPEN), cap)


# -- one chart -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChartPoint:
    """``broken``: names of the rules, see ``control_view.rule_words``."""

    evaluation: ControlEvaluation
    number: str
    worksheet: str
    who: Account | None

    @property
    def broken(self) -> list[str]:
        return list(dict.fromkeys(str(one["rule"]) for one in self.evaluation.broken_rules))


@dataclass(frozen=True, slots=True)
class ControlChart:
    """``points``: in order of time, the newest at the end. ``baseline`` None: too few points yet.

    ``cusum``, ``ewma``: of those ``plotted``, where asked for. ``unit``: of the figures.
    """

    line: ControlLine
    unit: str
    kind: ChartKind
    points: Sequence[ChartPoint]
    baseline: Baseline | None
    cusum: CusumChart | None = None
    ewma: EwmaChart | None = None

    @property
    def plotted(self) -> list[tuple[ChartPoint, Decimal]]:
        return [
            (one, one.evaluation.statistic) for one in self.points if one.evaluation.statistic is not None
        ]

    @property
    def missing(self) -> int:
        """Points in control that own limits wait for."""
        good = sum(not point_of(one.evaluation).out for one, _value in self.plotted)
        return max(self.line.own_points - good, 0)


def load_chart(
    session: Session, *, actor: Actor, line_id: int, kind: ChartKind | None = None
) -> ControlChart:
    """The last points of a control. Raises NotFound, PermissionDenied."""
    actor.require(Permission.RESULT_READ)
    line = control_line(session, line_id)
    if line.kind is ControlKind.BLIND:
        actor.require(Permission.CONTROL_DECIDE)
    wanted = kind or {Memory.CUSUM: ChartKind.CUSUM, Memory.EWMA: ChartKind.EWMA}.get(
        line.memory, ChartKind.SHEWHART
    )
    rows = earlier_points(session, {line_id}).get(line_id, [])
    points = [point_of(row) for row in rows if row.statistic is not None]
    baseline = settled_by(line, rows) or baseline_of(line.bounds, points)
    sums, means = None, None
    values = [one.statistic for one in points]
    if baseline is not None and values:
        if wanted is ChartKind.CUSUM:
            sums = cusum(control_points(values, baseline, [one.run for one in points]))
        elif wanted is ChartKind.EWMA:
            means = ewma(values, baseline)
    return ControlChart(line, unit_of(session, line), wanted, _points(session, rows), baseline, sums, means)


def _points(session: Session, rows: Sequence[ControlEvaluation]) -> list[ChartPoint]:
    about = (
        select(ControlEvaluation.id, Sample.number, Worksheet.number, Account)
        .join(WorksheetControl, WorksheetControl.id == ControlEvaluation.control_id)
        .join(RequestedTest, RequestedTest.id == WorksheetControl.requested_test_id)
        .join(Sample, Sample.id == RequestedTest.sample_id)
        .join(Worksheet, Worksheet.id == ControlEvaluation.worksheet_id)
        .outerjoin(Account, Account.id == ControlEvaluation.evaluated_by)
        .where(ControlEvaluation.line_id.in_({row.line_id for row in rows}))
    )
    known = {row[0]: row[1:] for row in session.execute(about).unique()}
    return [ChartPoint(row, *known[row.id]) for row in rows]


# -- one hold ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HeldResult:
    test: RequestedTest
    sample: Sample
    version: ResultVersion | None


@dataclass(frozen=True, slots=True)
class HoldStory:
    """``point``: the one that failed, last of ``chart`` as it was then."""

    hold: ControlHold
    worksheet: Worksheet
    chart: ControlChart
    point: ChartPoint | None
    value: ResultVersion
    results: Sequence[HeldResult]
    people: dict[int, Account]


def load_hold(session: Session, *, actor: Actor, hold_id: int) -> HoldStory:
    """Raises NotFound, PermissionDenied."""
    actor.require(Permission.RESULT_READ)
    hold = hold_of(session, hold_id)
    evaluation = session.get_one(ControlEvaluation, hold.evaluation_id)
    line = control_line(session, evaluation.line_id)
    chart = load_chart(session, actor=actor, line_id=line.id)
    wanted = (
        select(RequestedTest, Sample, ResultVersion)
        .join(HeldTest, HeldTest.requested_test_id == RequestedTest.id)
        .join(Sample, Sample.id == RequestedTest.sample_id)
        .outerjoin(Result, (Result.requested_test_id == RequestedTest.id) & Result.current.is_(True))
        .outerjoin(
            ResultVersion,
            (ResultVersion.result_id == Result.id) & (ResultVersion.number == Result.current_version),
        )
        .where(HeldTest.hold_id == hold.id)
        .order_by(RequestedTest.id)
    )
    return HoldStory(
        hold,
        session.get_one(Worksheet, hold.worksheet_id),
        chart,
        next((one for one in _points(session, [evaluation])), None),
        session.get_one(ResultVersion, evaluation.result_version_id),
        [HeldResult(*row) for row in session.execute(wanted).unique()],
        accounts_by_id(session, {hold.opened_by, hold.decided_by}),
    )

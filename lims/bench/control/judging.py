"""Judge a control: its figure, the chart behind it, the outcome. Shown while it is entered, stored at hand-over."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import orjson
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lims.bench.control.models import ControlEvaluation, ControlLine, WorksheetControl
from lims.bench.models import Result, ResultVersion, Worksheet
from lims.bench.states import BaselineSource
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.metrology.control_limits import Baseline
from lims.metrology.control_rules import Action
from lims.metrology.control_samples import (
    ControlJudgement,
    ControlOutcome,
    EarlierPoint,
    figure_of,
    judge_control,
    statistic_of,
)
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_decimal
from lims.metrology.stored_values import restore_value

# Rules look back fifteen points at most, sums and means forget: these are enough for all.
MOST_POINTS = 300


@dataclass(frozen=True, slots=True)
class Judged:
    """``statistic`` None: nothing was found, or it cannot be compared (``sentence`` says why).

    ``source``: the result that a duplicate or spike is compared with; ``waits``: it is not there yet.
    """

    control: WorksheetControl
    version: ResultVersion
    source: ResultVersion | None
    statistic: Fraction | None
    judgement: ControlJudgement
    sentence: str = ""
    waits: bool = False

    @property
    def outcome(self) -> ControlOutcome:
        return self.judgement.outcome

    @property
    def broken(self) -> list[str]:
        """Names of the rules that the point breaks, and "bounds"."""
        return [*(["bounds"] if self.judgement.beyond_bounds else []), *self.rules]

    @property
    def rules(self) -> list[str]:
        return list(dict.fromkeys(one.rule for one in self.judgement.findings))


def judge_controls(
    session: Session,
    controls: Mapping[int, WorksheetControl],
    sheet: Worksheet,
    newest: Mapping[int, ResultVersion],
) -> dict[int, Judged]:
    """Test -> its judgement, of those controls that have a value. ``newest``: test -> result version.

    Controls of one line on one sheet are points of one chart, in the order of the sheet.
    """
    place = {row.requested_test_id: row.position for row in sheet.rows}
    ordered = sorted(controls.values(), key=lambda one: place.get(one.requested_test_id, 0))
    sources = {one.source_test_id for one in ordered if one.source_test_id is not None}
    known = {**newest_of(session, sources - newest.keys()), **newest}
    points = earlier_points(session, {one.line_id for one in ordered})
    own = {known[n].result_id for n in controls if n in known}
    found: dict[int, Judged] = {}
    fresh: dict[int, list[EarlierPoint]] = {}
    for control in ordered:
        version = known.get(control.requested_test_id)
        if version is None or not version.reported:
            continue
        stored = [p for p in points.get(control.line_id, []) if p.result_id not in own]
        before = [point_of(p) for p in stored if p.statistic is not None]
        run = str(sheet.id)
        before += fresh.get(control.line_id, [])
        judged = _judge(control, version, known, run, before, settled_by(control.line, stored))
        found[control.requested_test_id] = judged
        if judged.statistic is not None:
            out = judged.outcome is ControlOutcome.OUT_OF_CONTROL
            fresh.setdefault(control.line_id, []).append(EarlierPoint(judged.statistic, run, out))
    return found


def _judge(
    control: WorksheetControl,
    version: ResultVersion,
    known: Mapping[int, ResultVersion],
    run: str,
    before: Sequence[EarlierPoint],
    settled: Baseline | None,
) -> Judged:
    line = control.line
    source = known.get(control.source_test_id) if control.source_test_id is not None else None
    if control.source_test_id is not None and (source is None or not source.reported):
        waits = ControlJudgement(ControlOutcome.BUILDING)
        sentence = _("The sample it is compared with has no value yet.")
        return Judged(control, version, None, None, waits, sentence, waits=True)
    try:
        statistic = statistic_of(
            line.kind, _figure(version), _figure(source) if source is not None else None, line.spike_added
        )
        if statistic is None:
            return Judged(control, version, source, None, ControlJudgement(ControlOutcome.IN_CONTROL))
        judgement = judge_control(line.bounds, statistic, run, before, settled)
    except MetrologyError as fault:
        out = ControlJudgement(ControlOutcome.OUT_OF_CONTROL)
        return Judged(control, version, source, None, out, _(fault.template, **fault.facts))
    return Judged(control, version, source, statistic, judgement)


def _figure(version: ResultVersion) -> Exact | None:
    exact = orjson.loads(version.explanation).get("exact")
    return figure_of(restore_value(orjson.loads(version.value)), Fraction(exact) if exact else None)


def point_of(row: ControlEvaluation) -> EarlierPoint:
    """Of a stored point that has a figure."""
    assert row.statistic is not None
    return EarlierPoint(row.statistic, str(row.worksheet_id), row.outcome is ControlOutcome.OUT_OF_CONTROL)


def settled_by(line: ControlLine, points: Sequence[ControlEvaluation]) -> Baseline | None:
    """The limits that the newest point was judged by, where they came from own points: they stay."""
    if line.target is not None:
        return None
    for row in reversed(points):
        if row.centre is not None and row.deviation is not None:
            return Baseline(row.centre, row.deviation)
    return None


def newest_of(session: Session, test_ids: Collection[int]) -> dict[int, ResultVersion]:
    """Test -> newest version of its current result."""
    if not test_ids:
        return {}
    wanted = (
        select(Result.requested_test_id, ResultVersion)
        .join(
            ResultVersion,
            (ResultVersion.result_id == Result.id) & (ResultVersion.number == Result.current_version),
        )
        .where(Result.requested_test_id.in_(test_ids), Result.current.is_(True))
    )
    return {row[0]: row[1] for row in session.execute(wanted)}


def earlier_points(session: Session, line_ids: Collection[int]) -> dict[int, list[ControlEvaluation]]:
    """Line -> its points in order of time; a result handed over again counts with its last value."""
    newest = func.row_number().over(
        partition_by=ControlEvaluation.line_id, order_by=ControlEvaluation.id.desc()
    )
    numbered = (
        select(ControlEvaluation.id, newest.label("back"))
        .where(ControlEvaluation.line_id.in_(line_ids))
        .subquery()
    )
    wanted = (
        select(ControlEvaluation)
        .join(numbered, numbered.c.id == ControlEvaluation.id)
        .where(numbered.c.back <= MOST_POINTS)
        .order_by(ControlEvaluation.id)
    )
    found: dict[int, dict[int, ControlEvaluation]] = {}
    for row in session.scalars(wanted):
        found.setdefault(row.line_id, {})[row.result_id] = row
    return {line_id: list(points.values()) for line_id, points in found.items()}


def store_evaluation(uow: UnitOfWork, actor: Actor, sheet: Worksheet, judged: Judged) -> ControlEvaluation:
    """A point of the chart (inside the caller's unit of work)."""
    baseline = judged.judgement.baseline
    row = uow.add(
        ControlEvaluation(
            control_id=judged.control.id,
            line_id=judged.control.line_id,
            result_id=judged.version.result_id,
            result_version_id=judged.version.id,
            source_version_id=judged.source.id if judged.source is not None else None,
            worksheet_id=sheet.id,
            statistic=to_decimal(judged.statistic) if judged.statistic is not None else None,
            centre=to_decimal(baseline.centre) if baseline is not None else None,
            deviation=to_decimal(baseline.deviation) if baseline is not None else None,
            baseline=_source(judged.control.line, baseline),
            outcome=judged.outcome,
            findings=orjson.dumps(_findings(judged)).decode(),
            evaluated_at=uow.now,
            evaluated_by=actor.id,
        )
    )
    uow.audit("control.evaluate", actor, row)
    return row


def _source(line: ControlLine, baseline: Baseline | None) -> BaselineSource:
    if baseline is None:
        return BaselineSource.NONE
    return BaselineSource.ASSIGNED if line.target is not None else BaselineSource.OWN_POINTS


def _findings(judged: Judged) -> list[dict[str, object]]:
    found: list[dict[str, object]] = [
        {"set": one.rule_set, "rule": one.rule, "action": one.action.value, "points": len(one.points)}
        for one in judged.judgement.findings
    ]
    if judged.judgement.beyond_bounds:
        found.insert(0, {"set": "", "rule": "bounds", "action": Action.OUT_OF_CONTROL.value, "points": 1})
    if judged.sentence:
        found.insert(0, {"set": "", "rule": "cannot_be_compared", "action": "", "points": 1})
    return found

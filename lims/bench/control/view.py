"""Controls as the rows of a worksheet show them, and what is held there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench.control.holds import controls_of
from lims.bench.control.judging import Judged, judge_controls
from lims.bench.control.models import ControlEvaluation, ControlHold, ControlLine, WorksheetControl
from lims.bench.models import ResultVersion, Worksheet
from lims.bench.states import HoldState
from lims.core.permissions import Actor, Permission
from lims.intake.models import RequestedTest, Sample
from lims.metrology.control_samples import ControlKind, ControlOutcome
from lims.metrology.numerals import write_numeral
from lims.metrology.rounding import round_to


@dataclass(frozen=True, slots=True)
class ControlMark:
    """What a row is. ``source``: number of the sample it is made from; ``judged`` None: no value yet."""

    control: WorksheetControl
    judged: Judged | None
    source: str = ""

    @property
    def kind(self) -> ControlKind:
        return self.control.line.kind

    @property
    def outcome(self) -> ControlOutcome | None:
        return self.judged.outcome if self.judged is not None and not self.judged.waits else None

    @property
    def remark(self) -> str:
        """Figure and rules in a few words."""
        if self.judged is None:
            return ""
        words = [self.judged.sentence] if self.judged.sentence else []
        if self.judged.statistic is not None and self.kind in IN_PERCENT:
            figure = write_numeral(round_to(self.judged.statistic, Decimal("0.1")))
            spike = self.kind is ControlKind.SPIKE
            words.append(_("recovery %(n)s %%", n=figure) if spike else _("difference %(n)s %%", n=figure))
        words += [rule_words(name) for name in self.judged.broken]
        return "; ".join(words)


IN_PERCENT = frozenset({ControlKind.DUPLICATE, ControlKind.SPIKE})


def rule_words(name: str) -> str:
    """Rules have international names; the others are words."""
    if name == "bounds":
        return str(_("outside its bounds"))
    return str(_("cannot be compared") if name == "cannot_be_compared" else _("rule %(name)s", name=name))


def marks_of(
    session: Session, actor: Actor, sheet: Worksheet, versions: Mapping[int, ResultVersion | None]
) -> dict[int, ControlMark]:
    """Test -> its mark. A blind control shows only to who may decide. ``versions``: of every test asked for."""
    controls = controls_of(session, versions.keys())
    if not actor.can(Permission.CONTROL_DECIDE):
        controls = {n: one for n, one in controls.items() if one.slot is not None}
    if not controls:
        return {}
    newest = {n: version for n, version in versions.items() if version is not None}
    judged = judge_controls(session, controls, sheet, newest)
    sources = _numbers(session, [one.source_test_id for one in controls.values() if one.source_test_id])
    return {
        n: ControlMark(one, judged.get(n), sources.get(one.source_test_id or 0, ""))
        for n, one in controls.items()
    }


def _numbers(session: Session, test_ids: Sequence[int]) -> dict[int, str]:
    wanted = select(RequestedTest.id, Sample.number).join(Sample, Sample.id == RequestedTest.sample_id)
    return {row[0]: row[1] for row in session.execute(wanted.where(RequestedTest.id.in_(test_ids)))}


@dataclass(frozen=True, slots=True)
class SheetHold:
    """An open hold on a worksheet."""

    hold: ControlHold
    line: ControlLine


def holds_of_sheet(session: Session, actor: Actor, worksheet_id: int) -> list[SheetHold]:
    """Of blind controls only for who decides; that a row is on hold everybody sees."""
    wanted = (
        select(ControlHold, ControlLine)
        .join(ControlEvaluation, ControlEvaluation.id == ControlHold.evaluation_id)
        .join(ControlLine, ControlLine.id == ControlEvaluation.line_id)
        .where(ControlHold.worksheet_id == worksheet_id, ControlHold.state == HoldState.OPEN)
        .order_by(ControlHold.id)
    )
    if not actor.can(Permission.CONTROL_DECIDE):
        wanted = wanted.where(ControlLine.kind != ControlKind.BLIND)
    return [SheetHold(*row) for row in session.execute(wanted).unique()]

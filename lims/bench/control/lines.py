"""The control template of a method: which controls belong on its worksheets, and by which rules they are judged."""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from decimal import Decimal

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench.control.models import ControlLine, WorksheetControl
from lims.catalogue.choose import released_versions
from lims.catalogue.models import Method, MethodVersion, ResultKind
from lims.core.errors import Conflict, InvalidInput, NotFound, TransitionRefused
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.intake.models import RequestedTest, Sample
from lims.intake.states import TestState
from lims.metrology.control_rules import RULE_SETS
from lims.metrology.control_samples import FROM_SAMPLE, ControlKind, Memory
from lims.metrology.formula_check import compile_formula

FEWEST_POINTS, MOST_POINTS, MOST_EVERY = 5, 100, 200
# An ordinary test that nobody has begun can still become a blind control.
HIDEABLE = (TestState.TO_DO, TestState.ASSIGNED)


@dataclass(frozen=True, slots=True)
class LineText:
    """See ``ControlLine``."""

    kind: ControlKind
    material: str
    at_start: bool = False
    at_end: bool = False
    every: int | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    target: Decimal | None = None
    deviation: Decimal | None = None
    spike_added: Decimal | None = None
    rule_set: str = ""
    memory: Memory = Memory.NONE
    own_points: int = 20


def control_line(session: Session, line_id: int) -> ControlLine:
    row = session.get(ControlLine, line_id)
    if row is None:
        raise NotFound(_("This control does not exist."))
    return row


def lines_of(session: Session, method_ids: Collection[int]) -> list[ControlLine]:
    """Those in use, in the order in which they were drawn."""
    wanted = select(ControlLine).where(
        ControlLine.method_id.in_(method_ids), ControlLine.retired_at.is_(None)
    )
    return list(session.scalars(wanted.order_by(ControlLine.id)).unique())


def unit_of(session: Session, line: ControlLine) -> str:
    """Of the figures on its chart."""
    if line.kind in FROM_SAMPLE:
        return "%"
    version = released_versions(session, {line.method_id}).get(line.method_id)
    return version.unit if version is not None else ""


def add_line(
    uow: UnitOfWork, *, actor: Actor, method_id: int, text: LineText, request_key: RequestKey | None = None
) -> ControlLine:
    """Worksheets opened or added to from now on get this control. Raises InvalidInput, field by field."""
    actor.require(Permission.CONTROL_EDIT)
    with uow:
        if (made := uow.replayed(ControlLine, actor=actor, request_key=request_key)) is not None:
            return made
        method = uow.get(Method, method_id, lock=False)
        faults = _faults(text)
        if faults:
            raise InvalidInput(next(iter(faults.values()))[0], code="bad_control", fields=faults)
        _check_method(uow.session, method, text.kind)
        row = uow.add(
            ControlLine(
                **{**asdict(text), "material": text.material.strip()},
                method_id=method.id,
                created_at=uow.now,
                created_by=actor.id,
            )
        )
        uow.audit("control_line.add", actor, row)
        uow.remember(row)
        uow.commit()
    return row


def retire_line(uow: UnitOfWork, *, actor: Actor, line_id: int, version: int, reason: str) -> ControlLine:
    """Worksheets get it no longer; its chart stays, and controls that stand on worksheets are judged still."""
    actor.require(Permission.CONTROL_EDIT)
    if not reason.strip():
        sentence = _("Say why.")
        raise InvalidInput(sentence, code="reason_needed", fields={"reason": [sentence]})
    with uow:
        row = uow.get(ControlLine, line_id, version=version)
        if row.retired_at is not None:
            raise TransitionRefused(_("This control is retired already."), code="control_retired")
        row.retired_at = uow.now
        uow.audit("control_line.retire", actor, row, reason=reason.strip())
        uow.commit()
    return row


def hide_control(uow: UnitOfWork, *, actor: Actor, line_id: int, number: str) -> WorksheetControl:
    """Make the test of this method on an ordinary sample a blind control; whoever measures it is not told.

    The sample is registered, received and assigned as any other. Raises Conflict (``sample_unknown``,
    ``no_test_to_hide``).
    """
    actor.require(Permission.CONTROL_DECIDE)
    with uow:
        line = uow.get(ControlLine, line_id, lock=False)
        if line.kind is not ControlKind.BLIND or line.retired_at is not None:
            raise Conflict(_("This is not a blind control in use."), code="not_blind")
        sample_id = uow.session.scalar(select(Sample.id).where(Sample.number == number.strip()))
        if sample_id is None:
            sentence = _("No sample has the number %(code)s.", code=number)
            raise Conflict(sentence, code="sample_unknown", fields={"number": [sentence]})
        wanted = select(RequestedTest).where(
            RequestedTest.sample_id == sample_id,
            RequestedTest.method_id == line.method_id,
            RequestedTest.state.in_(HIDEABLE),
        )
        test = uow.session.scalars(wanted.with_for_update(of=RequestedTest)).unique().first()
        known = select(WorksheetControl.id).where(
            WorksheetControl.requested_test_id == (test.id if test else 0)
        )
        if test is None or uow.session.scalar(known) is not None:
            sentence = _("This sample has no test of the method that nobody has begun.")
            raise Conflict(sentence, code="no_test_to_hide", fields={"number": [sentence]})
        row = uow.add(
            WorksheetControl(
                requested_test_id=test.id, line_id=line.id, placed_at=uow.now, placed_by=actor.id
            )
        )
        uow.audit("control.hide", actor, row)
        uow.commit()
    return row


def _check_method(session: Session, method: Method, kind: ControlKind) -> None:
    newest = select(MethodVersion).where(MethodVersion.method_id == method.id)
    version = session.scalars(newest.order_by(MethodVersion.number.desc()).limit(1)).unique().first()
    if version is None or version.result_kind is not ResultKind.NUMBER:
        sentence = _("A control chart needs a method whose result is a figure.")
        raise InvalidInput(sentence, code="control_no_figure", fields={"kind": [sentence]})
    if not may_control(version, kind):
        sentence = _(
            "The method computes with results of other items, which only a duplicate or a spike has from its sample."
        )
        raise InvalidInput(sentence, code="control_needs_items", fields={"kind": [sentence]})


def may_control(version: MethodVersion, kind: ControlKind) -> bool:
    """A formula that names other items finds them only where a sample has them: the control's own (blind), or the
    one that it was made from."""
    if kind is ControlKind.BLIND or kind in FROM_SAMPLE or not version.formula.strip():
        return True
    return not compile_formula(version.formula).items


def _faults(text: LineText) -> dict[str, list[str]]:
    faults: dict[str, list[str]] = {}

    def say(field: str, sentence: str) -> None:
        faults.setdefault(field, []).append(sentence)

    if not text.material.strip():
        say("material", _("Name the material."))
    _check_places(text, say)
    if text.low is not None and text.high is not None and text.low > text.high:
        say("high", _("The range ends below its beginning."))
    if (text.target is None) != (text.deviation is None):
        say("deviation", _("Give target and standard deviation together, or neither."))
    if text.deviation is not None and text.deviation <= 0:
        say("deviation", _("Greater than zero."))
    if text.rule_set and text.rule_set not in RULE_SETS:
        say("rule_set", _("There is no such set of rules."))
    if not FEWEST_POINTS <= text.own_points <= MOST_POINTS:
        say("own_points", _("From %(low)s to %(high)s.", low=FEWEST_POINTS, high=MOST_POINTS))
    if text.kind is ControlKind.SPIKE and (text.spike_added is None or text.spike_added <= 0):
        say("spike_added", _("Say how much is added."))
    no_rule = not text.rule_set and text.memory is Memory.NONE
    if no_rule and text.low is None and text.high is None:
        say("high", _("Give bounds, or a set of rules: else nothing could fail."))
    return faults


def _check_places(text: LineText, say: Callable[[str, str], None]) -> None:
    if text.every is not None and not 1 <= text.every <= MOST_EVERY:
        say("every", _("From %(low)s to %(high)s.", low=1, high=MOST_EVERY))
    if text.kind in FROM_SAMPLE or text.kind is ControlKind.BLIND:
        return
    if not (text.at_start or text.at_end or text.every):
        say("at_start", _("Say where on the worksheet it stands."))

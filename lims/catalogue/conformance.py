"""Does a method version reproduce its worked examples? Asked before its release and after every upgrade."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.catalogue.formulas import Trial, compiled, read_figures, sentence_of
from lims.catalogue.method_text import CaseText, VersionText, text_of
from lims.catalogue.models import LimitKind, MethodVersion, ResultKind, TestItem
from lims.core.errors import InvalidInput
from lims.core.files import FileStore
from lims.core.verify import Outcome, check
from lims.metrology.errors import MetrologyError
from lims.metrology.formula_check import Formula
from lims.metrology.judgements import Comparison, Verdict
from lims.metrology.judging import judge
from lims.metrology.limits import Limit, Maximum, Minimum, MustNotBeDetected, NotPermitted, Range
from lims.metrology.typed_values import parse_value
from lims.metrology.values import DetectionLimits, Number, ResultValue, write_value

MOST_CASES = 60
# What a case can be judged by, with the figures that such a limit needs.
CASE_LIMITS: Mapping[LimitKind, frozenset[str]] = {
    LimitKind.MAX: frozenset({"high"}),
    LimitKind.MIN: frozenset({"low"}),
    LimitKind.RANGE: frozenset({"low", "high"}),
    LimitKind.NOT_PERMITTED: frozenset(),
    LimitKind.NOT_DETECTED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """``got``: as the report would say it; None where it could not be computed, and ``faults`` say why."""

    case: CaseText
    expected: ResultValue | None
    got: ResultValue | None
    verdict: Verdict | None
    faults: Sequence[str]

    @property
    def passed(self) -> bool:
        return not self.faults


def run_cases(text: VersionText, *, own_code: str, item_codes: Collection[str]) -> list[CaseOutcome]:
    """Every case of ``text`` computed anew, in order. Raises FormulaRefused where the formula cannot be read."""
    if not text.cases:
        return []
    formula = compiled(text, own_code=own_code, item_codes=item_codes)
    return [_run(text, formula, case) for case in text.cases]


def refuse_failing_cases(text: VersionText, *, own_code: str, item_codes: Collection[str]) -> None:
    """Raises InvalidInput (``cases_missing``, ``cases_failing``; field ``cases``) unless every case passes.

    A version with a formula has one case at least.
    """
    if text.result_kind is not ResultKind.NUMBER:
        return
    outcomes = run_cases(text, own_code=own_code, item_codes=item_codes)
    if not outcomes:
        sentence = _("Keep one worked example or more: a formula that nobody has checked is not released.")
        raise InvalidInput(sentence, code="cases_missing", fields={"cases": [sentence]})
    failing = [f"{one.case.name}: {' '.join(one.faults)}" for one in outcomes if not one.passed]
    if failing:
        sentence = _("%(n)s of %(all)s worked examples do not come out.", n=len(failing), all=len(outcomes))
        raise InvalidInput(sentence, code="cases_failing", fields={"cases": failing})


def check_case(text: VersionText, case: CaseText) -> None:
    """Refuse a case that could never pass or fail: InvalidInput ``bad_case``, field by field."""
    faults: dict[str, list[str]] = {}
    try:
        _expected(text, case)
    except MetrologyError as refusal:
        faults["expected"] = [sentence_of(refusal)]
    if case.tolerance is not None and case.tolerance < 0:
        faults["tolerance"] = [_("A tolerance is not negative.")]
    faults |= _limit_faults(case)
    if text.result_kind is not ResultKind.NUMBER:
        faults["expected"] = [_("Only figures are calculated; other methods need no worked example.")]
    if faults:
        raise InvalidInput(_("This worked example cannot be kept."), code="bad_case", fields=faults)


def _limit_faults(case: CaseText) -> dict[str, list[str]]:
    if case.limit_kind is None:
        idle = [name for name in ("low", "high", "verdict") if getattr(case, name) is not None]
        return {name: [_("Say which kind of limit this belongs to.")] for name in idle}
    if case.limit_kind not in CASE_LIMITS:
        return {"limit_kind": [_("A worked example gives one figure; a plan judges several units.")]}
    wanted = CASE_LIMITS[case.limit_kind]
    faults = {n: [_("This kind of limit needs it.")] for n in wanted if getattr(case, n) is None}
    for name in {"low", "high"} - wanted:
        if getattr(case, name) is not None:
            faults[name] = [_("Leave this empty for this kind of limit.")]
    if case.verdict is None:
        faults["verdict"] = [_("Say what the verdict must be.")]
    if case.low is not None and case.high is not None and case.low > case.high:
        faults["high"] = [_("The range ends below its beginning.")]
    return faults


# -- one case ------------------------------------------------------------------------


def _run(text: VersionText, formula: Formula, case: CaseText) -> CaseOutcome:
    try:
        expected = _expected(text, case)
        foreign = [n for n in case.figures if n not in {*(i.name for i in text.inputs), *_items(formula)}]
        if foreign:
            return _uncomputed(case, expected, _("%(name)s is not an input.", name=foreign[0]))
        trial = read_figures(text, formula=formula, typed=case.figures)[0]
        got, verdict = _judged(text, case, trial)
    except MetrologyError as refusal:
        return _uncomputed(case, None, sentence_of(refusal))
    except InvalidInput as refusal:
        told = [sentence for found in refusal.fields.values() for sentence in found]
        return _uncomputed(case, None, " ".join(told) or refusal.message)
    return CaseOutcome(case, expected, got, verdict, tuple(_differences(case, expected, got, verdict)))


def _uncomputed(case: CaseText, expected: ResultValue | None, why: str) -> CaseOutcome:
    return CaseOutcome(case, expected, None, None, (why,))


def _items(formula: Formula) -> list[str]:
    return [f"@{key}" for key in formula.items]


def _detection(text: VersionText) -> DetectionLimits:
    return DetectionLimits(text.lod, text.loq)


def _expected(text: VersionText, case: CaseText) -> ResultValue:
    return parse_value(case.expected, unit=text.unit, detection=_detection(text))


def _judged(text: VersionText, case: CaseText, trial: Trial) -> tuple[ResultValue, Verdict | None]:
    """As the bench does it: the unrounded value is judged, the rounded one is reported."""
    if case.limit_kind is None:
        return trial.outcome, None
    rounded = isinstance(trial.outcome, Number)
    value = Number(trial.evaluation.value, text.unit) if rounded else trial.outcome
    rule = Comparison(case.comparison.value)
    found = judge(value, _limit(case, text.unit), rule, detection=_detection(text))
    reported = found.reported if found.reported is not None else value
    return trial.outcome if isinstance(reported, Number) else reported, found.verdict


def _limit(case: CaseText, unit: str) -> Limit:
    low, high = case.low or Decimal(0), case.high or Decimal(0)
    match case.limit_kind:
        case LimitKind.MAX:
            return Maximum(high, unit)
        case LimitKind.MIN:
            return Minimum(low, unit)
        case LimitKind.RANGE:
            return Range(low, high, unit)
        case LimitKind.NOT_PERMITTED:
            return NotPermitted(unit)
        case _:
            return MustNotBeDetected(unit)


def _differences(
    case: CaseText, expected: ResultValue, got: ResultValue, verdict: Verdict | None
) -> Iterator[str]:
    if not _agree(expected, got, case.tolerance):
        yield _("Expected %(expected)s, got %(got)s.", expected=write_value(expected), got=write_value(got))
    if case.verdict is not None and verdict is not case.verdict:
        yield _("The verdict is another one.")


def _agree(expected: ResultValue, got: ResultValue, tolerance: Decimal | None) -> bool:
    """Without a tolerance to the last digit as it is printed: 20.0 is not 20."""
    if tolerance is not None and isinstance(expected, Number) and isinstance(got, Number):
        return abs(expected.value - got.value) <= tolerance
    return write_value(expected) == write_value(got)


# -- after an upgrade ----------------------------------------------------------------


@check("method cases")
def _released_versions(session: Session, _store: FileStore) -> Outcome:
    """Every released version computed anew by the program as it is now."""
    codes = set(session.scalars(select(TestItem.code)))
    released = select(MethodVersion).where(
        MethodVersion.released_at.is_not(None), MethodVersion.result_kind == ResultKind.NUMBER
    )
    broken: list[str] = []
    count = 0
    for row in session.scalars(released.order_by(MethodVersion.id)):
        item, text = row.method.test_item.code, text_of(row)
        place = f"method_version {row.id} ({item}, {row.method.standard.code}, version {row.number})"
        try:
            outcomes = run_cases(text, own_code=item, item_codes=codes)
        except InvalidInput as refusal:
            broken.append(f"{place}: {refusal.message}")
            continue
        count += len(outcomes)
        broken += [f"{place}, {one.case.name}: {' '.join(one.faults)}" for one in outcomes if not one.passed]
    return Outcome(f"{count} worked examples of released methods", broken)

"""Check a method version before it is released, and try it out with figures."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.catalogue.method_text import VersionText
from lims.catalogue.models import Method, MethodVersion, ResultKind, TestItem
from lims.core.errors import InvalidInput
from lims.metrology.dependency import computing_order
from lims.metrology.errors import MetrologyError
from lims.metrology.formula import Evaluation, evaluate
from lims.metrology.formula_check import Formula, Shape, compile_formula
from lims.metrology.formula_tree import FormulaError
from lims.metrology.numerals import read_numeral
from lims.metrology.rounding import check_interval, round_significant, round_to
from lims.metrology.values import DetectionLimits, Number, ResultValue, against_detection

# One figure, or the replicates.
Figures = Decimal | tuple[Decimal, ...]
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_SEPARATORS = re.compile(r"[,;、，；\s]+")


@dataclass(frozen=True, slots=True)
class Trial:
    """What a formula gives: every step, the unrounded value, it rounded, and what the report would say.

    ``outcome``: not detected or below quantification where the unrounded value lies below the method's limits.
    """

    evaluation: Evaluation
    reported: Decimal
    outcome: ResultValue


class FormulaRefused(InvalidInput):
    """What is wrong with a formula; ``position`` counts its characters from 0, None: the formula as a whole."""

    def __init__(self, refusal: MetrologyError) -> None:
        sentence = sentence_of(refusal)
        super().__init__(sentence, code=refusal.code, fields={"formula": [sentence]})
        self.position = refusal.position if isinstance(refusal, FormulaError) else None


def sentence_of(error: MetrologyError) -> str:
    """The refusal in the reader's language, with the place in the formula."""
    text = _(error.template, **error.facts) if error.facts else _(error.template)
    position = error.position if isinstance(error, FormulaError) else None
    if position is None:
        return str(text)
    place = _("(character %(n)s)", n=position + 1)
    return f"{text} {place}"


def compiled(text: VersionText, *, own_code: str, item_codes: Collection[str]) -> Formula:
    """The formula checked against its inputs and the other test items. Raises FormulaRefused."""
    inputs = {one.name: Shape.LIST if one.replicates > 1 else Shape.NUMBER for one in text.inputs}
    others = set(item_codes) - {own_code}
    try:
        return compile_formula(text.formula, inputs=inputs, items=others)
    except MetrologyError as refusal:
        raise FormulaRefused(refusal) from refusal


def check_version(text: VersionText, *, own_code: str, item_codes: Collection[str]) -> None:
    """All that can be wrong before a number is seen. Raises InvalidInput, field by field."""
    faults = _input_faults(text)
    if text.result_kind is ResultKind.NUMBER:
        if not text.formula.strip():
            faults["formula"] = [_("A method that gives a figure needs a formula.")]
    elif text.formula.strip():
        faults["formula"] = [_("Only figures are calculated; leave the formula empty.")]
    if text.result_kind is ResultKind.RATIOS and text.inputs:
        faults["inputs"] = [_("A sum of ratios is computed from other items; it has no inputs.")]
    if text.round_to is not None and text.significant is not None:
        faults["significant"] = [_("Round to an interval or to significant digits, not both.")]
    for field, check in _METROLOGY_CHECKS.items():
        try:
            check(text)
        except MetrologyError as refusal:
            faults[field] = [sentence_of(refusal)]
    if text.range_low is not None and text.range_high is not None and text.range_low > text.range_high:
        faults["range_high"] = [_("The range ends below its beginning.")]
    if faults:
        raise InvalidInput(_("This method version is not complete."), code="bad_version", fields=faults)
    if text.result_kind is ResultKind.NUMBER:
        compiled(text, own_code=own_code, item_codes=item_codes)


def _input_faults(text: VersionText) -> dict[str, list[str]]:
    faults: dict[str, list[str]] = {}
    for n, one in enumerate(text.inputs):
        if not NAME.fullmatch(one.name):
            faults[f"inputs.{n}.name"] = [_("Letters, digits and underscores, beginning with a letter.")]
        if not 1 <= one.replicates <= 60:
            faults[f"inputs.{n}.replicates"] = [_("1 to 60.")]
        if not one.typed and not one.equipment_class:
            faults[f"inputs.{n}.equipment_class"] = [_("A value that may not be typed needs a device.")]
        if one.low is not None and one.high is not None and one.low > one.high:
            faults[f"inputs.{n}.high"] = [_("The range ends below its beginning.")]
    return faults


def _check_interval(text: VersionText) -> None:
    if text.round_to is not None:
        check_interval(text.round_to)


def _check_digits(text: VersionText) -> None:
    if text.significant is not None:
        round_significant(Decimal(1), text.significant)


def _check_detection(text: VersionText) -> None:
    DetectionLimits(text.lod, text.loq)


_METROLOGY_CHECKS = {"round_to": _check_interval, "significant": _check_digits, "loq": _check_detection}


def refuse_circle(session: Session, own_code: str, formula: str) -> None:
    """Raises FormulaRefused (``formula_circle``) when items would need each other's results."""
    rows = session.execute(
        select(TestItem.code, MethodVersion.formula)
        .join(Method, Method.test_item_id == TestItem.id)
        .join(MethodVersion, MethodVersion.method_id == Method.id)
        .where(
            MethodVersion.released_at.is_not(None),
            MethodVersion.retired_at.is_(None),
            MethodVersion.result_kind == ResultKind.NUMBER,
            TestItem.code != own_code,
        )
    )
    needs: dict[str, set[str]] = {own_code: set(compile_formula(formula).items if formula else ())}
    for code, other in rows:
        needs.setdefault(code, set()).update(compile_formula(other).items)
    try:
        computing_order(needs)
    except MetrologyError as refusal:
        raise FormulaRefused(refusal) from refusal


def try_version(
    text: VersionText, *, own_code: str, item_codes: Collection[str], typed: Mapping[str, str]
) -> Trial:
    """Evaluate with ``typed`` figures: inputs by name (replicates apart by commas), items as ``@code``.

    Raises InvalidInput; ``fields`` name the inputs: ``figures.m1``, ``figures.@moisture``.
    """
    formula = compiled(text, own_code=own_code, item_codes=item_codes)
    return read_figures(text, formula=formula, typed=typed)[0]


def read_figures(
    text: VersionText, *, formula: Formula, typed: Mapping[str, str]
) -> tuple[Trial, dict[str, Figures], dict[str, Decimal]]:
    """``try_version`` for a formula that is compiled, with the figures it read: inputs, and items by code."""
    faults: dict[str, list[str]] = {}
    given: dict[str, Figures | None] = {}
    items: dict[str, Decimal | None] = {}
    lists = {one.name for one in text.inputs if one.replicates > 1}
    for name in formula.inputs:
        try:
            given[name] = _figures(typed.get(name, ""), name in lists)
        except MetrologyError as refusal:
            faults[f"figures.{name}"] = [sentence_of(refusal)]
    for key in formula.items:
        try:
            items[key] = _figure(typed.get(f"@{key}", ""))
        except MetrologyError as refusal:
            faults[f"figures.@{key}"] = [sentence_of(refusal)]
    if faults:
        raise InvalidInput(_("Some figures cannot be read."), code="bad_figures", fields=faults)
    try:
        evaluation = evaluate(formula, given, items)
        reported = _reported(evaluation, text)
        trial = Trial(evaluation, reported, _outcome(evaluation, reported, text))
    except MetrologyError as refusal:
        raise FormulaRefused(refusal) from refusal
    known = {name: value for name, value in given.items() if value is not None}
    return trial, known, {key: value for key, value in items.items() if value is not None}


def _figure(typed: str) -> Decimal | None:
    return read_numeral(typed) if typed.strip() else None


def _figures(typed: str, many: bool) -> Figures | None:
    if not many:
        return _figure(typed)
    return tuple(read_numeral(part) for part in _SEPARATORS.split(typed.strip()) if part) or None


def _outcome(evaluation: Evaluation, reported: Decimal, text: VersionText) -> ResultValue:
    found = against_detection(Number(evaluation.value, text.unit), DetectionLimits(text.lod, text.loq))
    return Number(reported, text.unit) if isinstance(found, Number) else found


def _reported(evaluation: Evaluation, text: VersionText) -> Decimal:
    if text.round_to is not None:
        return round_to(evaluation.unrounded, text.round_to)
    if text.significant is not None:
        return round_significant(evaluation.unrounded, text.significant)
    return evaluation.value

"""One value from its inputs: formula, detection limits, rounding, judging. Reads rows, asks no database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import cast

import orjson
from flask_babel import gettext as _

from lims.bench.models import InputValue, ResultVersion
from lims.catalogue.limits import LimitChoice, as_metrology
from lims.catalogue.models import MethodVersion, ResultKind
from lims.intake.models import Order
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_decimal
from lims.metrology.formula import Evaluation, Input, ItemInput, evaluate
from lims.metrology.formula_check import Formula
from lims.metrology.formula_tree import Name
from lims.metrology.judgements import Comparison, Judgement, Reason
from lims.metrology.judging import judge
from lims.metrology.rounding import round_significant, round_to
from lims.metrology.stored_values import StoredValue, restore_value
from lims.metrology.typed_values import parse_value
from lims.metrology.values import (
    Count,
    Counts,
    DetectionLimits,
    Number,
    ResultValue,
    Text,
    against_detection,
)


@dataclass(frozen=True, slots=True)
class Computed:
    """``value``: unrounded; ``exact``: what other items compute with."""

    value: ResultValue
    exact: Exact | None
    evaluation: Evaluation | None


@dataclass(frozen=True, slots=True)
class Incomplete:
    """No result yet, and why. ``name``: of the input or item that is missing, as the formula calls it."""

    code: str
    sentence: str
    name: str = ""


def compute_value(
    version: MethodVersion,
    formula: Formula | None,
    inputs: Iterable[InputValue],
    items: Mapping[str, ItemInput],
) -> Computed | Incomplete:
    """The unrounded value, or why there is none yet."""
    detection = DetectionLimits(version.lod, version.loq)
    given = list(inputs)
    try:
        if version.result_kind is ResultKind.COUNTS:
            return _counts(version, given, detection)
        if version.result_kind is ResultKind.TEXT or formula is None:
            return _direct(version, given, detection)
        if isinstance(formula.root, Name):
            direct = _direct(version, given, detection)
            if isinstance(direct, Computed) and not isinstance(direct.value, Number):
                return direct
        evaluation = evaluate(formula, formula_inputs(version, given), items)
    except MetrologyError as fault:
        return Incomplete(fault.code, _(fault.template, **fault.facts), str(fault.facts.get("name", "")))
    number = Number(evaluation.value, version.unit)
    return Computed(against_detection(number, detection), evaluation.unrounded, evaluation)


def _counts(
    version: MethodVersion, given: list[InputValue], detection: DetectionLimits
) -> Computed | Incomplete:
    wanted = sum(i.replicates for i in version.inputs)
    if len(given) < wanted:
        return Incomplete(
            "formula_input_missing", _("%(n)s of %(of)s values are there.", n=len(given), of=wanted)
        )
    values = []
    for row in given:
        single = parse_value(row.text, unit=version.unit, detection=detection)
        if isinstance(single, Text | Counts):
            return Incomplete("number_unreadable", _("A count is not a figure."))
        values.append(single)
    return Computed(Counts(tuple(values), version.unit), None, None)


def _direct(
    version: MethodVersion, given: list[InputValue], detection: DetectionLimits
) -> Computed | Incomplete:
    if not given:
        return Incomplete("formula_input_missing", _("A value is missing."))
    words = version.result_kind is ResultKind.TEXT
    value = parse_value(given[0].text, unit=version.unit, detection=detection, allow_text=words)
    if isinstance(value, Number) and not words:
        return Computed(against_detection(value, detection), Fraction(value.value), None)
    return Computed(value, None, None)


def formula_inputs(version: MethodVersion, given: Sequence[InputValue]) -> dict[str, Input]:
    """What the formula computes with, by name; None where a value is missing."""
    found: dict[str, Input] = {}
    for wanted in version.inputs:
        rows = [r for r in given if r.name == wanted.name]
        if wanted.replicates > 1:
            values = [r.value for r in rows if r.value is not None]
            found[wanted.name] = values if len(values) == wanted.replicates else None
        elif rows:
            row = rows[0]
            found[wanted.name] = (
                row.value
                if row.value is not None
                else parse_value(row.text, unit=wanted.unit, allow_text=True)
            )
        else:
            found[wanted.name] = None
    return found


def rounded(value: ResultValue, version: MethodVersion, exact: Exact | None = None) -> ResultValue:
    """The value as reported: rounded once, from the unrounded; other kinds stay as they are."""
    match value:
        case Number(figure, unit, mark):
            source: Exact = exact if exact is not None else figure
            if version.round_to is not None:
                return Number(round_to(source, version.round_to), unit)
            if version.significant is not None:
                return Number(round_significant(source, version.significant), unit)
            return Number(figure if exact is None else to_decimal(exact), unit, mark)
        case Counts(values, unit):
            if version.round_to is None and version.significant is None:
                return value
            # A single count stays a single count, whatever its kind.
            return Counts(tuple(cast(Count, rounded(v, version)) for v in values), unit)
    return value


def withheld(order: Order) -> Reason | None:
    """Why nothing of this order is judged; None where it is."""
    if not order.business_type.judged:
        return Reason.MONITORING
    return None if order.judge else Reason.NOT_REQUESTED


def judge_value(computed: Computed, version: MethodVersion, found: LimitChoice, order: Order) -> Judgement:
    row = found.limit
    return judge(
        computed.value,
        as_metrology(row) if row is not None else None,
        Comparison(row.comparison.value) if row is not None else Comparison.FULL_VALUE,
        detection=DetectionLimits(version.lod, version.loq),
        withheld=withheld(order),
    )


def item_input(row: ResultVersion) -> ItemInput:
    """A result version as another item computes with it: the exact figure, never the printed one."""
    stored: StoredValue = orjson.loads(row.value)
    if stored["kind"] == "none":
        return None
    exact = orjson.loads(row.explanation).get("exact")
    value = restore_value(stored)
    if isinstance(value, Number):
        return Fraction(exact) if exact and "/" in exact else Decimal(exact) if exact else value.value
    return value


def exact_text(exact: Exact | None) -> str | None:
    if exact is None:
        return None
    return f"{exact.numerator}/{exact.denominator}" if isinstance(exact, Fraction) else str(exact)

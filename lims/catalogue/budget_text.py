"""What an uncertainty budget says, apart from the row that keeps it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from lims.catalogue.models import MethodVersion, UncertaintyBudget
from lims.core.audit import canonical
from lims.metrology.coverage import DofTruncation
from lims.metrology.method_budgets import MethodBudget, SourceKind, SourceText
from lims.metrology.quantities import Correlation
from lims.metrology.uncertainty_statements import (
    DEFAULT_STATEMENT,
    StatementRule,
    UncertaintyDigits,
    UncertaintyRounding,
)


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One source; ``quantity``: an input of the formula, ``@item``, or ``(result)``."""

    quantity: str
    kind: SourceKind
    label_zh: str
    label_en: str
    size: Decimal | None = None
    percent: bool = False
    parameter: Decimal | None = None
    dof: Decimal | None = None


@dataclass(frozen=True, slots=True)
class CorrelationLine:
    one: str
    other: str
    r: Decimal | None = None
    together: bool = False


@dataclass(frozen=True, slots=True)
class BudgetText:
    """See ``UncertaintyBudget``."""

    range_low: Decimal | None = None
    range_high: Decimal | None = None
    k: Decimal | None = Decimal(2)
    probability: Decimal = Decimal("0.95")
    cmc: Decimal | None = None
    cmc_percent: bool = False
    truncation: DofTruncation = DofTruncation.FLOOR
    dominance: Decimal | None = None
    second_order: bool = False
    rounding: UncertaintyRounding = DEFAULT_STATEMENT.rounding
    digits: UncertaintyDigits = DEFAULT_STATEMENT.digits
    note: str = ""
    sources: Sequence[SourceLine] = field(default=())
    correlations: Sequence[CorrelationLine] = field(default=())


PLAIN = (
    *("range_low", "range_high", "k", "probability", "cmc", "cmc_percent"),
    *("truncation", "dominance", "second_order", "rounding", "digits", "note"),
)


def text_of(row: UncertaintyBudget) -> BudgetText:
    return BudgetText(
        **{name: getattr(row, name) for name in PLAIN},
        sources=[SourceLine(**{k: getattr(one, k) for k in SourceLine.__slots__}) for one in row.sources],
        correlations=[
            CorrelationLine(**{k: getattr(one, k) for k in CorrelationLine.__slots__})
            for one in row.correlations
        ],
    )


def described(row: UncertaintyBudget) -> dict[str, object]:
    """The whole budget as the audit trail keeps it."""
    text = text_of(row)
    plain: dict[str, object] = {name: getattr(text, name) for name in PLAIN}
    plain["sources"] = [{k: getattr(one, k) for k in SourceLine.__slots__} for one in text.sources]
    plain["correlations"] = [
        {k: getattr(one, k) for k in CorrelationLine.__slots__} for one in text.correlations
    ]
    return plain | {"method_id": row.method_id, "number": row.number, "released_at": row.released_at}


def content_of(row: UncertaintyBudget, version: MethodVersion) -> str:
    """SHA-256 of all that a run depends on besides its figures: the budget's text and the formula."""
    text = {k: v for k, v in described(row).items() if k != "released_at"}
    told = canonical(text | {"formula": version.formula, "method_version_id": version.id})
    return hashlib.sha256(told.encode()).hexdigest()


def as_metrology(text: BudgetText) -> MethodBudget:
    """For the engine; each source is labelled with its place, for labels are in two languages. Raises
    MetrologyError."""
    return MethodBudget(
        sources=tuple(
            SourceText(one.quantity, one.kind, one.size, one.parameter, one.dof, one.percent, str(place))
            for place, one in enumerate(text.sources)
        ),
        k=text.k,
        p=text.probability,
        cmc=text.cmc,
        cmc_percent=text.cmc_percent,
        correlations=tuple(
            Correlation(one.one, one.other, one.r) for one in text.correlations if one.r is not None
        ),
        statement=StatementRule(text.rounding, text.digits),
        truncation=text.truncation,
        dominance=text.dominance,
        second_order=text.second_order,
        together=tuple((one.one, one.other) for one in text.correlations if one.together or one.r is None),
    )


def holds(low: Decimal | None, high: Decimal | None, value: Decimal) -> bool:
    """Whether a result lies in the range of a budget; both ends belong to it."""
    return (low is None or value >= low) and (high is None or value <= high)

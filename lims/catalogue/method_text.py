"""What a method version says, apart from the row that keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import orjson

from lims.catalogue.models import Comparison, LimitKind, MethodCase, MethodVersion, ResultKind
from lims.metrology.judgements import Verdict


@dataclass(frozen=True, slots=True)
class InputText:
    """One input of a formula. ``typed`` False: must come from a device of ``equipment_class``."""

    name: str
    label_zh: str
    label_en: str
    unit: str
    replicates: int = 1
    typed: bool = True
    equipment_class: str | None = None
    low: Decimal | None = None
    high: Decimal | None = None


@dataclass(frozen=True, slots=True)
class CaseText:
    """A worked example; see ``MethodCase``. ``figures``: input or ``@item`` -> as typed."""

    name: str
    figures: Mapping[str, str]
    expected: str
    source: str
    tolerance: Decimal | None = None
    limit_kind: LimitKind | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    comparison: Comparison = Comparison.FULL_VALUE
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class VersionText:
    """What a method version says; see ``MethodVersion``. ``formula`` is empty for counts and text.

    ``cases`` None: those of the draft stay as they are.
    """

    result_kind: ResultKind
    unit: str
    formula: str = ""
    round_to: Decimal | None = None
    significant: int | None = None
    lod: Decimal | None = None
    loq: Decimal | None = None
    range_low: Decimal | None = None
    range_high: Decimal | None = None
    conditions_required: bool = False
    inputs: Sequence[InputText] = field(default=())
    equipment_classes: Sequence[str] = field(default=())
    cases: Sequence[CaseText] | None = None


_OWN = ("result_kind", "unit", "formula", "round_to", "significant", "lod", "loq", "range_low", "range_high")
PLAIN = (*_OWN, "conditions_required")


def text_of(row: MethodVersion) -> VersionText:
    return VersionText(
        **{name: getattr(row, name) for name in PLAIN},
        inputs=[InputText(**{k: getattr(one, k) for k in InputText.__slots__}) for one in row.inputs],
        equipment_classes=[one.equipment_class for one in row.equipment],
        cases=[case_of(one) for one in row.cases],
    )


def case_of(row: MethodCase) -> CaseText:
    said = {name: getattr(row, name) for name in CaseText.__slots__ if name != "figures"}
    return CaseText(figures=orjson.loads(row.figures), **said)


def case_row(text: CaseText, position: int) -> MethodCase:
    said = {name: getattr(text, name) for name in CaseText.__slots__ if name != "figures"}
    tidy = {name: " ".join(figure.split()) for name, figure in text.figures.items()}
    figures = orjson.dumps(tidy, option=orjson.OPT_SORT_KEYS).decode()
    return MethodCase(position=position, figures=figures, **said)


def described(row: MethodVersion) -> dict[str, object]:
    """The whole version as the audit trail keeps it."""
    text = text_of(row)
    plain: dict[str, object] = {name: getattr(text, name) for name in PLAIN}
    plain["inputs"] = [{k: getattr(one, k) for k in InputText.__slots__} for one in text.inputs]
    plain["equipment_classes"] = list(text.equipment_classes)
    plain["cases"] = [{k: getattr(one, k) for k in CaseText.__slots__} for one in text.cases or ()]
    return plain | {"method_id": row.method_id, "number": row.number, "released_at": row.released_at}

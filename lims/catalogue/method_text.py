"""What a method version says, apart from the row that keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from lims.catalogue.models import MethodVersion, ResultKind


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
class VersionText:
    """What a method version says; see ``MethodVersion``. ``formula`` is empty for counts and text."""

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


_OWN = ("result_kind", "unit", "formula", "round_to", "significant", "lod", "loq", "range_low", "range_high")
PLAIN = (*_OWN, "conditions_required")


def text_of(row: MethodVersion) -> VersionText:
    return VersionText(
        **{name: getattr(row, name) for name in PLAIN},
        inputs=[InputText(**{k: getattr(one, k) for k in InputText.__slots__}) for one in row.inputs],
        equipment_classes=[one.equipment_class for one in row.equipment],
    )


def described(row: MethodVersion) -> dict[str, object]:
    """The whole version as the audit trail keeps it."""
    text = text_of(row)
    plain: dict[str, object] = {name: getattr(text, name) for name in PLAIN}
    plain["inputs"] = [{k: getattr(one, k) for k in InputText.__slots__} for one in text.inputs]
    plain["equipment_classes"] = list(text.equipment_classes)
    return plain | {"method_id": row.method_id, "number": row.number, "released_at": row.released_at}

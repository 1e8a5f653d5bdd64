"""Where two versions of a method differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.catalogue.budget_text import SourceLine
from lims.catalogue.method_text import PLAIN, CaseText, InputText, VersionText, text_of
from lims.catalogue.methods import method_version
from lims.catalogue.models import MethodVersion
from lims.core.errors import InvalidInput, NotFound

Part = InputText | CaseText | SourceLine


class Change(StrEnum):
    SAME = "same"
    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Difference:
    """One line of the comparison. ``field``: a field of the version, ``input.m1.unit`` or ``equipment.balance``.

    ``old`` and ``new`` are the values themselves (Decimal, enum, text); None on the side that lacks it.
    """

    field: str
    old: object
    new: object
    change: Change


def version_before(session: Session, version: MethodVersion) -> MethodVersion | None:
    """The version of the same method with the next lower number."""
    wanted = (
        select(MethodVersion)
        .where(MethodVersion.method_id == version.method_id, MethodVersion.number < version.number)
        .order_by(MethodVersion.number.desc())
        .limit(1)
    )
    return session.scalars(wanted).one_or_none()


def pair_to_compare(
    session: Session, version_id: int, against: int | None
) -> tuple[MethodVersion, MethodVersion]:
    """(old, new). ``against`` None: the version before. Raises NotFound, InvalidInput (``other_item``)."""
    new = method_version(session, version_id)
    old = version_before(session, new) if against is None else method_version(session, against)
    if old is None:
        raise NotFound(_("There is no version before this one."))
    if old.method.test_item_id != new.method.test_item_id:
        raise InvalidInput(_("Only versions for the same test item can be compared."), code="other_item")
    return old, new


def compare_versions(old: MethodVersion, new: MethodVersion) -> list[Difference]:
    """Every field in order, the same ones too; inputs by name, so that a new order is no difference."""
    return compare_texts(text_of(old), text_of(new))


def compare_texts(first: VersionText, second: VersionText) -> list[Difference]:
    plain = [compared(name, getattr(first, name), getattr(second, name)) for name in PLAIN]
    parts = [*_inputs(first, second), *_equipment(first, second)]
    return [*plain, *parts, *([] if second.cases is None else _cases(first, second))]


def compared(field: str, old: object, new: object) -> Difference:
    # 0.10 and 0.1 are the same number and say something else of a rounding interval.
    same = old == new and str(old) == str(new)
    return Difference(field, old, new, Change.SAME if same else Change.CHANGED)


def _inputs(first: VersionText, second: VersionText) -> list[Difference]:
    old = {one.name: one for one in first.inputs}
    return parts_compared("input", old, {one.name: one for one in second.inputs})


def _cases(first: VersionText, second: VersionText) -> list[Difference]:
    old = {one.name: one for one in first.cases or ()}
    return parts_compared("case", old, {one.name: one for one in second.cases or ()})


def parts_compared(kind: str, old: Mapping[str, Part], new: Mapping[str, Part]) -> list[Difference]:
    """Named parts of two texts (inputs, cases, sources), field by field where both have one."""
    found: list[Difference] = []
    for name in dict.fromkeys([*new, *old]):
        if name not in old:
            found.append(Difference(f"{kind}.{name}", None, new[name], Change.ADDED))
        elif name not in new:
            found.append(Difference(f"{kind}.{name}", old[name], None, Change.REMOVED))
        else:
            found.extend(_part_fields(f"{kind}.{name}", old[name], new[name]))
    return found


def _part_fields(path: str, old: Part, new: Part) -> list[Difference]:
    fields = [name for name in old.__slots__ if name != "name"]
    lines = [compared(f"{path}.{field}", getattr(old, field), getattr(new, field)) for field in fields]
    changed = [line for line in lines if line.change is not Change.SAME]
    return changed or [Difference(path, old, new, Change.SAME)]


def _equipment(first: VersionText, second: VersionText) -> list[Difference]:
    old, new = set(first.equipment_classes), set(second.equipment_classes)
    return [
        Difference(
            f"equipment.{code}",
            code if code in old else None,
            code if code in new else None,
            Change.SAME if code in old & new else Change.ADDED if code in new else Change.REMOVED,
        )
        for code in sorted(old | new)
    ]

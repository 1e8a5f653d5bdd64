"""What stops when a class of equipment has no device that may measure: the methods that name it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from lims.catalogue.models import (
    Method,
    MethodEquipment,
    MethodInput,
    MethodVersion,
    StandardEdition,
    TestItem,
)

MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Need:
    """A method in use that names the class. ``inputs``: names of the values that are read from such a device."""

    method_id: int
    test_item_id: int
    item_code: str
    name_zh: str
    name_en: str
    standard: str
    clause: str
    inputs: Sequence[str]


def methods_needing(session: Session, class_code: str) -> Sequence[Need]:
    """By item code; the newest released version of each method decides. Two queries."""
    newest = (
        select(func.max(MethodVersion.id))
        .where(MethodVersion.released_at.is_not(None), MethodVersion.retired_at.is_(None))
        .group_by(MethodVersion.method_id)
    )
    named = select(MethodEquipment.method_version_id).where(MethodEquipment.equipment_class == class_code)
    read = select(MethodInput.method_version_id).where(MethodInput.equipment_class == class_code)
    rows = session.execute(
        select(
            MethodVersion.id,
            Method.id.label("method_id"),
            TestItem.id.label("test_item_id"),
            TestItem.code.label("item_code"),
            TestItem.name_zh,
            TestItem.name_en,
            StandardEdition.code.label("standard"),
            Method.clause,
        )
        .join(Method, Method.id == MethodVersion.method_id)
        .join(TestItem, TestItem.id == Method.test_item_id)
        .join(StandardEdition, StandardEdition.id == Method.standard_id)
        .where(
            MethodVersion.id.in_(newest),
            or_(MethodVersion.id.in_(named), MethodVersion.id.in_(read)),
            TestItem.active,
        )
        .order_by(TestItem.code, Method.id)
        .limit(MOST_SHOWN)
    ).all()
    inputs = _inputs(session, [row.id for row in rows], class_code)
    return [Need(*row[1:], inputs=inputs.get(row.id, ())) for row in rows]


def _inputs(session: Session, versions: Sequence[int], class_code: str) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    rows = session.execute(
        select(MethodInput.method_version_id, MethodInput.name)
        .where(MethodInput.method_version_id.in_(versions), MethodInput.equipment_class == class_code)
        .order_by(MethodInput.position)
    )
    for version_id, name in rows:
        found.setdefault(version_id, []).append(name)
    return found

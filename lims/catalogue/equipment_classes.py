"""Classes of equipment that a method may ask for. The equipment room stands above: it tells them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import select, union
from sqlalchemy.orm import Session

from lims.catalogue.models import MethodEquipment, MethodInput


class Named(Protocol):
    code: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class ClassName:
    """``code`` is what methods keep."""

    code: str
    name_zh: str
    name_en: str


Teller = Callable[[Session], Iterable[Named]]
_tellers: list[Teller] = []


def told_by(teller: Teller) -> None:
    """``teller`` lists the classes that the laboratory keeps equipment of. Later calls replace earlier ones."""
    _tellers[:] = [teller]


def known_classes(session: Session) -> list[ClassName]:
    """By code: the classes told, and those that some method names although nobody told them."""
    told = {
        row.code: ClassName(row.code, row.name_zh, row.name_en) for one in _tellers for row in one(session)
    }
    of_inputs = select(MethodInput.equipment_class).where(MethodInput.equipment_class.is_not(None))
    for code in session.scalars(union(select(MethodEquipment.equipment_class), of_inputs)):
        told.setdefault(code, ClassName(code, code, code))
    return [told[code] for code in sorted(told)]

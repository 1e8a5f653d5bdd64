"""What a nonconformity is about: rows of lower rooms, found by the numbers that people write."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from lims.bench.models import Worksheet
from lims.bench.wording import named
from lims.catalogue.models import TestItem
from lims.certificates.models import Certificate
from lims.core.errors import InvalidInput
from lims.equipment.models import Equipment
from lims.intake.models import Order, RequestedTest, Sample
from lims.quality.models import Nonconformity, NonconformityCover
from lims.quality.proficiency_models import ProficiencyEntry, ProficiencyRound
from lims.quality.states import CoverKind

Number = InstrumentedAttribute[Any] | ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Cover:
    """``id``: number of the row in the table of its kind."""

    kind: CoverKind
    id: int


@dataclass(frozen=True, slots=True)
class CoverLine:
    """A covered row as people know it. ``place``: the row whose page shows it."""

    kind: CoverKind
    id: int
    number: str
    name: str
    place: tuple[CoverKind, int]


@dataclass(frozen=True, slots=True)
class _Known:
    """How rows of one kind are found: their table, the number on them, what they are called."""

    model: type[Any]
    number: Number
    name: Callable[[Any], str]


_KNOWN: Mapping[CoverKind, _Known] = {
    CoverKind.WORKSHEET: _Known(Worksheet, Worksheet.number, lambda row: ""),
    CoverKind.SAMPLE: _Known(Sample, Sample.number, lambda row: str(row.name)),
    CoverKind.ORDER: _Known(Order, Order.number, lambda row: ""),
    CoverKind.EQUIPMENT: _Known(Equipment, Equipment.code, named),
    CoverKind.CERTIFICATE: _Known(Certificate, Certificate.number, lambda row: ""),
    CoverKind.TEST_ITEM: _Known(TestItem, TestItem.code, named),
}


def require_covers(session: Session, covers: Iterable[Cover]) -> None:
    """Raises InvalidInput for a row that does not exist."""
    wanted = set(covers)
    found = {(line.kind, line.id) for line in described(session, wanted)}
    for cover in wanted:
        if (cover.kind, cover.id) not in found:
            fault = _("There is no such record: %(number)s.", number=f"{cover.kind.value} {cover.id}")
            raise InvalidInput(fault, code="unknown_cover", fields={"covers": [fault]})


def find_cover(session: Session, kind: CoverKind, number: str) -> int | None:
    """The row with this number on it, in either case; a test is ``sample number/item code``."""
    typed = number.strip()
    if kind is CoverKind.REQUESTED_TEST:
        sample, _slash, item = typed.partition("/")
        wanted = (
            select(RequestedTest.id)
            .join(Sample, Sample.id == RequestedTest.sample_id)
            .join(TestItem, TestItem.id == RequestedTest.test_item_id)
            .where(Sample.number.in_({sample.strip(), sample.strip().upper()}), TestItem.code == item.strip())
        )
        return session.scalar(wanted)
    known = _KNOWN.get(kind)
    if known is None:
        return None
    return session.scalar(select(known.model.id).where(known.number.in_({typed, typed.upper()})).limit(1))


def number_of(session: Session, cover: Cover) -> str:
    """What a person would type for it; empty where it does not exist."""
    return next((line.number for line in described(session, [cover])), "")


def described(session: Session, covers: Iterable[Cover]) -> list[CoverLine]:
    """In the order given; rows that do not exist are left out. One query a kind."""
    wanted = list(covers)
    lines: dict[tuple[CoverKind, int], CoverLine] = {}
    for kind in {cover.kind for cover in wanted}:
        ids = [cover.id for cover in wanted if cover.kind is kind]
        for line in _lines(session, kind, ids):
            lines[kind, line.id] = line
    return [lines[one.kind, one.id] for one in wanted if (one.kind, one.id) in lines]


def _lines(session: Session, kind: CoverKind, ids: Sequence[int]) -> list[CoverLine]:
    if kind is CoverKind.REQUESTED_TEST:
        return _test_lines(session, ids)
    if kind is CoverKind.PROFICIENCY:
        return _entry_lines(session, ids)
    known = _KNOWN[kind]
    rows = session.execute(select(known.model, known.number).where(known.model.id.in_(ids))).unique()
    return [
        CoverLine(kind, row.id, number or f"({row.id})", known.name(row), (kind, row.id))
        for row, number in rows
    ]


def _test_lines(session: Session, ids: Sequence[int]) -> list[CoverLine]:
    rows = session.execute(
        select(RequestedTest.id, Sample.id, Sample.number, TestItem)
        .join(Sample, Sample.id == RequestedTest.sample_id)
        .join(TestItem, TestItem.id == RequestedTest.test_item_id)
        .where(RequestedTest.id.in_(ids))
    )
    return [
        CoverLine(
            CoverKind.REQUESTED_TEST,
            test_id,
            f"{number}/{item.code}",
            named(item),
            (CoverKind.SAMPLE, sample_id),
        )
        for test_id, sample_id, number, item in rows
    ]


def _entry_lines(session: Session, ids: Sequence[int]) -> list[CoverLine]:
    rows = session.execute(
        select(ProficiencyEntry.id, ProficiencyRound.number, TestItem)
        .join(ProficiencyRound, ProficiencyRound.id == ProficiencyEntry.round_id)
        .join(TestItem, TestItem.id == ProficiencyEntry.test_item_id)
        .where(ProficiencyEntry.id.in_(ids))
    )
    kind = CoverKind.PROFICIENCY
    return [
        CoverLine(kind, entry_id, number, named(item), (kind, entry_id)) for entry_id, number, item in rows
    ]


# -- the other way round -------------------------------------------------------------


def covering(about: ColumnElement[bool], most: int = 50) -> Select[*tuple[Any, ...]]:
    """Number, title and state of nonconformities with a cover that fulfils ``about``, newest first."""
    inside = select(NonconformityCover.nonconformity_id).where(about)
    chosen = select(
        Nonconformity.id,
        Nonconformity.number,
        Nonconformity.title,
        Nonconformity.state,
        Nonconformity.decision,
    )
    return chosen.where(Nonconformity.id.in_(inside)).order_by(Nonconformity.id.desc()).limit(most)


def is_about(kind: CoverKind, ids: object) -> ColumnElement[bool]:
    """``ids``: a number or a select of numbers."""
    column = NonconformityCover.object_id
    right = column.in_(ids) if isinstance(ids, Select) else column == ids
    return (NonconformityCover.kind == kind) & right

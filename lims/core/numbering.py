"""Numbers that are given once and never again: orders, samples, worksheets, certificates."""

import re
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import Integer, String, Table, UniqueConstraint, bindparam, select, update
from sqlalchemy.orm import Mapped, mapped_column

from lims.core.database import Base, Identified, Versioned, insert_if_absent
from lims.core.errors import InvalidInput
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork

FIELDS = re.compile(r"\{(yyyy|yy|mm|serial:0(\d{1,2})d|serial)\}")


class NumberPattern(Identified, Versioned, Base):
    """How numbers of one kind look, for example ``WT{yyyy}-{serial:05d}``; the serial restarts each year."""

    __tablename__ = "number_pattern"
    kind: Mapped[str] = mapped_column(String(60), unique=True)
    pattern: Mapped[str] = mapped_column(String(80))


class NumberSeries(Identified, Base):
    """The last serial given of one kind in one year."""

    __tablename__ = "number_series"
    technical = True
    kind: Mapped[str] = mapped_column(String(60))
    year: Mapped[int] = mapped_column(Integer)
    last: Mapped[int] = mapped_column(Integer, default=0)
    __table_args__ = (UniqueConstraint("kind", "year"),)


_SERIES: Table = NumberSeries.__table__  # type: ignore[assignment]
# The update locks the series until the commit: numbers are given in one order, none twice.
_TAKE = (
    update(_SERIES)
    .where(_SERIES.c.kind == bindparam("of"), _SERIES.c.year == bindparam("in_year"))
    .values(last=_SERIES.c.last + bindparam("more"))
    .returning(_SERIES.c.last)
)
_PATTERN = select(NumberPattern.pattern).where(NumberPattern.kind == bindparam("of"))

DEFAULT_PATTERNS = {
    "order": "WT{yyyy}-{serial:05d}",
    "sample": "YP{yyyy}{serial:07d}",
    "worksheet": "JC{yyyy}-{serial:05d}",
    "test_report": "BG{yyyy}-{serial:06d}",
    "letter": "HJ{yyyy}-{serial:05d}",
    "customer": "KH{yyyy}-{serial:04d}",
    "sampling_form": "CY{yyyy}-{serial:06d}",
    "standards_check": "CX{yyyy}-{serial:04d}",
    "control": "ZK{yyyy}{serial:06d}",
    "nonconformity": "BF{yyyy}-{serial:04d}",
    "proficiency": "NL{yyyy}-{serial:03d}",
}


def take_numbers(uow: UnitOfWork, kind: str, on: date, count: int = 1) -> list[str]:
    """``count`` new numbers of ``kind`` in order, given for ever with this transaction's commit."""
    connection = uow.session.connection()
    last = connection.execute(_TAKE, {"of": kind, "in_year": on.year, "more": count}).scalar_one_or_none()
    if last is None:  # the first number of the year, perhaps taken by two at once
        insert_if_absent(connection, _SERIES, {"kind": kind, "year": on.year, "last": 0}, _SERIES.c.id)
        last = connection.execute(_TAKE, {"of": kind, "in_year": on.year, "more": count}).scalar_one()
    shape = connection.execute(_PATTERN, {"of": kind}).scalar_one_or_none() or DEFAULT_PATTERNS[kind]
    return [write_number(shape, on, serial) for serial in range(last - count + 1, last + 1)]


def write_number(pattern: str, on: date, serial: int) -> str:
    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name.startswith("serial"):
            return str(serial).zfill(int(match.group(2) or 1))
        return {"yyyy": f"{on.year:04d}", "yy": f"{on.year % 100:02d}", "mm": f"{on.month:02d}"}[name]

    return FIELDS.sub(value, pattern)


def check_pattern(pattern: str) -> None:
    """Raises InvalidInput unless the pattern gives every number once: it needs a year and a serial."""
    rest = FIELDS.sub("", pattern)
    if "{" in rest or "}" in rest or not re.fullmatch(r"[A-Za-z0-9/()\-_.（）〔〕字第号一-鿿]*", rest):
        fault = _("Only {yyyy}, {yy}, {mm} and {serial:05d} may stand in braces.")
        raise InvalidInput(fault, fields={"pattern": [fault]})
    if "{serial" not in pattern or "{yy" not in pattern:
        fault = _("A number pattern needs a year and a serial.")
        raise InvalidInput(fault, fields={"pattern": [fault]})


def set_pattern(uow: UnitOfWork, *, actor: Actor, kind: str, pattern: str) -> NumberPattern:
    """Change how future numbers of ``kind`` look; numbers given before stay as they are."""
    actor.require(Permission.SETTINGS_EDIT)
    if kind not in DEFAULT_PATTERNS:
        fault = _("Unknown kind of number.")
        raise InvalidInput(fault, fields={"kind": [fault]})
    check_pattern(pattern)
    with uow:
        row = uow.session.execute(
            select(NumberPattern).where(NumberPattern.kind == kind)
        ).scalar_one_or_none()
        if row is None:
            row = NumberPattern(kind=kind, pattern=pattern)
            uow.session.add(row)
        else:
            row.pattern = pattern
        uow.audit("numbering.set", actor, row)
        uow.commit()
    return row

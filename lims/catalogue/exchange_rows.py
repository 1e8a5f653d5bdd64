"""What a catalogue file says: plain rows that name each other by code, never by number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from lims.catalogue.budget_text import BudgetText
from lims.catalogue.method_text import VersionText
from lims.catalogue.models import Comparison, LimitKind
from lims.metrology.ratio_sums import NotDetectedAs


class Noun(StrEnum):
    """The parts of a catalogue, in the order in which each needs only those before it."""

    CATEGORIES = "categories"
    STANDARDS = "standards"
    ITEMS = "items"
    METHODS = "methods"
    BUDGETS = "budgets"
    LIMITS = "limits"
    PACKAGES = "packages"


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """``parent``: code of the class above."""

    code: str
    name_zh: str
    name_en: str
    parent: str | None = None

    @property
    def key(self) -> tuple[str, ...]:
        return (self.code,)


@dataclass(frozen=True, slots=True)
class StandardRow:
    code: str
    title_zh: str
    title_en: str
    in_force_from: date | None = None
    withdrawn_from: date | None = None
    replaced_by: str | None = None
    transition_until: date | None = None

    @property
    def key(self) -> tuple[str, ...]:
        return (self.code,)


@dataclass(frozen=True, slots=True)
class ItemRow:
    code: str
    name_zh: str
    name_en: str
    field: str
    section: str
    price: Decimal
    retest_allowed: bool = True
    active: bool = True

    @property
    def key(self) -> tuple[str, ...]:
        return (self.code,)


@dataclass(frozen=True, slots=True)
class MethodRow:
    """``version``: the text in use, else the newest; its state is not said: what comes in is a draft."""

    item: str
    standard: str
    clause: str = ""
    preferred: bool = True
    version: VersionText | None = None

    @property
    def key(self) -> tuple[str, ...]:
        return (self.item, self.standard, self.clause)


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """An uncertainty budget of the method that the first three name, for the range that ``text`` says."""

    item: str
    standard: str
    clause: str
    text: BudgetText

    @property
    def method(self) -> tuple[str, ...]:
        return (self.item, self.standard, self.clause)

    @property
    def key(self) -> tuple[str, ...]:
        ends = (self.text.range_low, self.text.range_high)
        return (*self.method, *("" if end is None else str(end) for end in ends))


@dataclass(frozen=True, slots=True)
class LimitRow:
    """``category`` None: every product."""

    item: str
    category: str | None
    standard: str
    kind: LimitKind
    unit: str
    valid_from: date
    valid_to: date | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    n: int | None = None
    c: int | None = None
    m_small: Decimal | None = None
    m_large: Decimal | None = None
    comparison: Comparison = Comparison.FULL_VALUE
    note: str = ""
    not_detected: NotDetectedAs | None = None
    members: Sequence[str] = ()

    @property
    def key(self) -> tuple[str, ...]:
        return (self.item, self.category or "", self.valid_from.isoformat())


@dataclass(frozen=True, slots=True)
class PackageRow:
    """``items``: codes in the order of the report."""

    code: str
    name_zh: str
    name_en: str
    items: Sequence[str]
    category: str | None = None
    active: bool = True

    @property
    def key(self) -> tuple[str, ...]:
        return (self.code,)


Row = CategoryRow | StandardRow | ItemRow | MethodRow | BudgetRow | LimitRow | PackageRow


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands: name of the sheet (or list) and number of the row as a person counts it."""

    sheet: str
    row: int


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one row. ``column`` empty: with the row as a whole."""

    place: Place
    column: str
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Placed:
    """One row as read, or the faults for which it could not be."""

    place: Place
    row: Row | None
    faults: Sequence[Fault] = ()
    parts: Mapping[tuple[str, ...], Place] = field(default_factory=dict)

    def fault(self, column: str, code: str, sentence: str) -> Fault:
        """``column`` may be a path into a part: ``cases.0.expected`` stands in the sheet of cases."""
        path = tuple(column.split("."))
        part = self.parts.get(path[:2])
        return Fault(part, path[-1], code, sentence) if part else Fault(self.place, column, code, sentence)


@dataclass(frozen=True, slots=True)
class Document:
    """A whole file. ``ignored``: sheets and columns that mean nothing here."""

    rows: Mapping[Noun, Sequence[Placed]]
    ignored: Sequence[str] = field(default=())

    def of(self, noun: Noun) -> Sequence[Placed]:
        return self.rows.get(noun, ())

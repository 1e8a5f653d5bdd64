"""What can be measured, how, against which limits, at which price."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, Numeric, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lims.core.database import Base, Identified, Versioned, enum_column
from lims.metrology.coverage import DofTruncation
from lims.metrology.judgements import Verdict
from lims.metrology.method_budgets import SourceKind
from lims.metrology.ratio_sums import NotDetectedAs
from lims.metrology.uncertainty_statements import DEFAULT_STATEMENT, UncertaintyDigits, UncertaintyRounding


class StandardStatus(StrEnum):
    UPCOMING = "upcoming"
    IN_FORCE = "in_force"
    # Replaced, and still used beside its successor until a day that we decided on.
    IN_TRANSITION = "in_transition"
    WITHDRAWN = "withdrawn"


# What new work may follow.
USABLE = frozenset({StandardStatus.IN_FORCE, StandardStatus.IN_TRANSITION})


class LimitKind(StrEnum):
    MAX = "max"
    MIN = "min"
    RANGE = "range"
    NOT_PERMITTED = "not_permitted"
    NOT_DETECTED = "not_detected"
    PLAN = "plan"
    RATIO_SUM = "ratio_sum"


class Comparison(StrEnum):
    """GB/T 8170: compare the value as it is, or rounded to the limit's last place first."""

    FULL_VALUE = "full_value"
    ROUNDED_VALUE = "rounded_value"


class VersionState(StrEnum):
    DRAFT = "draft"
    IN_USE = "in_use"
    RETIRED = "retired"


class ResultKind(StrEnum):
    NUMBER = "number"
    COUNTS = "counts"
    TEXT = "text"
    RATIOS = "ratios"


class Payer(StrEnum):
    CUSTOMER = "customer"
    STATE = "state"


class Category(Identified, Versioned, Base):
    """A node of the product tree (food: class, subclass, variety, fine class). ``path``: ``/1/5/9/``."""

    __tablename__ = "category"
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("category.id"))
    code: Mapped[str] = mapped_column(String(60), unique=True)
    name_zh: Mapped[str] = mapped_column(String(100))
    name_en: Mapped[str] = mapped_column(String(150))
    level: Mapped[int] = mapped_column(Integer)
    path: Mapped[str] = mapped_column(String(200), index=True)


class StandardEdition(Identified, Versioned, Base):
    """One dated issue of a standard, for example ``GB 5009.3-2016``.

    ``transition_until``: the last day on which it may be used although it is withdrawn; None: none such.
    """

    __tablename__ = "standard_edition"
    code: Mapped[str] = mapped_column(String(80), unique=True)
    title_zh: Mapped[str] = mapped_column(String(200))
    title_en: Mapped[str] = mapped_column(String(300))
    in_force_from: Mapped[date | None]
    withdrawn_from: Mapped[date | None]
    transition_until: Mapped[date | None]
    replaced_by_id: Mapped[int | None] = mapped_column(ForeignKey("standard_edition.id"))
    __table_args__ = (
        CheckConstraint("transition_until IS NULL OR transition_until >= withdrawn_from", name="transition"),
        CheckConstraint("transition_until IS NULL OR withdrawn_from IS NOT NULL", name="transition_of"),
    )

    def status_on(self, day: date) -> StandardStatus:
        if self.withdrawn_from is not None and day >= self.withdrawn_from:
            lives_on = self.transition_until is not None and day <= self.transition_until
            return StandardStatus.IN_TRANSITION if lives_on else StandardStatus.WITHDRAWN
        if self.in_force_from is not None and day < self.in_force_from:
            return StandardStatus.UPCOMING
        return StandardStatus.IN_FORCE


class TestItem(Identified, Versioned, Base):
    """What can be measured. ``code`` is the name formulas and imports use, for example ``moisture``."""

    __test__ = False
    __tablename__ = "test_item"
    code: Mapped[str] = mapped_column(String(60), unique=True)
    name_zh: Mapped[str] = mapped_column(String(120))
    name_en: Mapped[str] = mapped_column(String(160))
    # Signing field: who may sign it, for example ``food_chemistry``.
    field: Mapped[str] = mapped_column(String(40))
    section_id: Mapped[int] = mapped_column(ForeignKey("section.id"))
    price: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    retest_allowed: Mapped[bool] = mapped_column(default=True)
    active: Mapped[bool] = mapped_column(default=True)


class Method(Identified, Versioned, Base):
    """How one test item is measured by one standard edition; ``clause`` names the part (first method)."""

    __tablename__ = "method"
    test_item_id: Mapped[int] = mapped_column(ForeignKey("test_item.id"), index=True)
    standard_id: Mapped[int] = mapped_column(ForeignKey("standard_edition.id"), index=True)
    clause: Mapped[str] = mapped_column(String(80), default="")
    preferred: Mapped[bool] = mapped_column(default=True)

    test_item: Mapped[TestItem] = relationship(lazy="joined")
    standard: Mapped[StandardEdition] = relationship(lazy="joined")
    __table_args__ = (UniqueConstraint("test_item_id", "standard_id", "clause"),)


class Released:
    """Drafted, in use, retired: what a row with both instants is."""

    released_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]

    @property
    def state(self) -> VersionState:
        if self.released_at is None:
            return VersionState.DRAFT
        return VersionState.IN_USE if self.retired_at is None else VersionState.RETIRED


class MethodVersion(Identified, Versioned, Released, Base):
    """What a method says about calculating; released versions never change, results name theirs for ever.

    ``formula``: see ``lims.metrology.formula``; ``round_to``: interval of the reported value (for
    example ``0.1``) or None; ``significant``: significant digits instead. ``lod``, ``loq`` in ``unit``.
    ``number`` counts the versions of a method; ``version`` is the row's own, for two who edit one draft.
    """

    __tablename__ = "method_version"
    method_id: Mapped[int] = mapped_column(ForeignKey("method.id"), index=True)
    number: Mapped[int] = mapped_column(Integer)
    result_kind: Mapped[ResultKind] = mapped_column(enum_column(ResultKind))
    unit: Mapped[str] = mapped_column(String(40))
    formula: Mapped[str] = mapped_column(Text)
    round_to: Mapped[Decimal | None]
    significant: Mapped[int | None] = mapped_column(Integer)
    lod: Mapped[Decimal | None]
    loq: Mapped[Decimal | None]
    range_low: Mapped[Decimal | None]
    range_high: Mapped[Decimal | None]
    conditions_required: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]

    method: Mapped[Method] = relationship(lazy="joined")
    inputs: Mapped[list["MethodInput"]] = relationship(
        lazy="selectin", order_by="MethodInput.position", cascade="all, delete-orphan"
    )
    equipment: Mapped[list["MethodEquipment"]] = relationship(lazy="selectin", cascade="all, delete-orphan")
    # Read only where somebody asks for them: the bench loads versions all day and needs no cases.
    cases: Mapped[list["MethodCase"]] = relationship(
        lazy="select", order_by="MethodCase.position", cascade="all, delete-orphan"
    )
    __table_args__ = (UniqueConstraint("method_id", "number"),)


class MethodInput(Identified, Base):
    """A value the formula needs. ``replicates``: how many; ``typed``: may be typed (and is marked so)."""

    __tablename__ = "method_input"
    method_version_id: Mapped[int] = mapped_column(ForeignKey("method_version.id"), index=True)
    position: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(40))
    label_zh: Mapped[str] = mapped_column(String(100))
    label_en: Mapped[str] = mapped_column(String(120))
    unit: Mapped[str] = mapped_column(String(40))
    replicates: Mapped[int] = mapped_column(Integer, default=1)
    typed: Mapped[bool] = mapped_column(default=True)
    equipment_class: Mapped[str | None] = mapped_column(String(60))
    low: Mapped[Decimal | None]
    high: Mapped[Decimal | None]
    __table_args__ = (UniqueConstraint("method_version_id", "name"),)


class MethodEquipment(Identified, Base):
    """A class of equipment the method needs."""

    __tablename__ = "method_equipment"
    method_version_id: Mapped[int] = mapped_column(ForeignKey("method_version.id"), index=True)
    equipment_class: Mapped[str] = mapped_column(String(60))


class MethodCase(Identified, Base):
    """A worked example that the version must reproduce before it is released, and ever after.

    ``figures``: JSON object, input or ``@item`` -> as typed, replicates apart by commas. ``expected``: what the
    report would say; ``source``: where that is known from; ``tolerance`` None: to the last digit. With
    ``limit_kind`` the case is judged as well, and ``verdict`` must come out.
    """

    __tablename__ = "method_case"
    method_version_id: Mapped[int] = mapped_column(ForeignKey("method_version.id"), index=True)
    position: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(120))
    figures: Mapped[str] = mapped_column(Text)
    expected: Mapped[str] = mapped_column(String(200))
    source: Mapped[str] = mapped_column(String(300))
    tolerance: Mapped[Decimal | None]
    limit_kind: Mapped[LimitKind | None] = mapped_column(enum_column(LimitKind))
    low: Mapped[Decimal | None]
    high: Mapped[Decimal | None]
    comparison: Mapped[Comparison] = mapped_column(enum_column(Comparison), default=Comparison.FULL_VALUE)
    verdict: Mapped[Verdict | None] = mapped_column(enum_column(Verdict))
    __table_args__ = (UniqueConstraint("method_version_id", "name"),)


class UncertaintyBudget(Identified, Versioned, Released, Base):
    """How uncertain a method is, over a range of its result; released budgets never change, results name theirs.

    ``range_low``, ``range_high``: of the result, in the unit of the method; None: open. ``k``: agreed coverage
    factor, None: Student's t at ``probability``. ``cmc``: the accredited capability. ``number`` counts the
    budgets of a method. The other fields: see ``lims.metrology.method_budgets.MethodBudget``.
    """

    __tablename__ = "uncertainty_budget"
    method_id: Mapped[int] = mapped_column(ForeignKey("method.id"), index=True)
    number: Mapped[int] = mapped_column(Integer)
    range_low: Mapped[Decimal | None]
    range_high: Mapped[Decimal | None]
    k: Mapped[Decimal | None]
    probability: Mapped[Decimal]
    cmc: Mapped[Decimal | None]
    cmc_percent: Mapped[bool] = mapped_column(default=False)
    truncation: Mapped[DofTruncation] = mapped_column(enum_column(DofTruncation), default=DofTruncation.FLOOR)
    dominance: Mapped[Decimal | None]
    second_order: Mapped[bool] = mapped_column(default=False)
    rounding: Mapped[UncertaintyRounding] = mapped_column(
        enum_column(UncertaintyRounding), default=DEFAULT_STATEMENT.rounding
    )
    digits: Mapped[UncertaintyDigits] = mapped_column(
        enum_column(UncertaintyDigits), default=DEFAULT_STATEMENT.digits
    )
    note: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]

    method: Mapped[Method] = relationship(lazy="joined")
    sources: Mapped[list["BudgetSource"]] = relationship(
        lazy="selectin", order_by="BudgetSource.position", cascade="all, delete-orphan"
    )
    correlations: Mapped[list["BudgetCorrelation"]] = relationship(
        lazy="selectin", order_by="BudgetCorrelation.id", cascade="all, delete-orphan"
    )
    __table_args__ = (UniqueConstraint("method_id", "number"),)


class BudgetSource(Identified, Base):
    """One source; see ``lims.metrology.method_budgets.SourceText``."""

    __tablename__ = "budget_source"
    budget_id: Mapped[int] = mapped_column(ForeignKey("uncertainty_budget.id"), index=True)
    position: Mapped[int] = mapped_column(Integer)
    quantity: Mapped[str] = mapped_column(String(80))
    kind: Mapped[SourceKind] = mapped_column(enum_column(SourceKind))
    label_zh: Mapped[str] = mapped_column(String(100))
    label_en: Mapped[str] = mapped_column(String(120))
    size: Mapped[Decimal | None]
    percent: Mapped[bool] = mapped_column(default=False)
    parameter: Mapped[Decimal | None]
    dof: Mapped[Decimal | None]


class BudgetCorrelation(Identified, Base):
    """``r`` None: as the replicates of both show. ``together``: both are of one series or one fit."""

    __tablename__ = "budget_correlation"
    budget_id: Mapped[int] = mapped_column(ForeignKey("uncertainty_budget.id"), index=True)
    one: Mapped[str] = mapped_column(String(80))
    other: Mapped[str] = mapped_column(String(80))
    r: Mapped[Decimal | None]
    together: Mapped[bool] = mapped_column(default=False)


class Limit(Identified, Versioned, Base):
    """One bound of a specification: for an item, a product class and the days it is in force.

    Picked by production date, the nearest ancestor of the sample's category first. ``low``/``high``
    for max, min and range; ``n, c, m_small, m_large`` for plans. A sum of ratios has its bound in ``high``, the
    items that share it in ``members``, and in ``not_detected`` what one that is not detected counts as.
    Superseded by dates, never edited.
    """

    __tablename__ = "spec_limit"
    standard_id: Mapped[int] = mapped_column(ForeignKey("standard_edition.id"), index=True)
    test_item_id: Mapped[int] = mapped_column(ForeignKey("test_item.id"), index=True)
    category_id: Mapped[int | None] = mapped_column(ForeignKey("category.id"))
    kind: Mapped[LimitKind] = mapped_column(enum_column(LimitKind))
    low: Mapped[Decimal | None]
    high: Mapped[Decimal | None]
    n: Mapped[int | None] = mapped_column(Integer)
    c: Mapped[int | None] = mapped_column(Integer)
    m_small: Mapped[Decimal | None]
    m_large: Mapped[Decimal | None]
    unit: Mapped[str] = mapped_column(String(40))
    comparison: Mapped[Comparison] = mapped_column(enum_column(Comparison), default=Comparison.FULL_VALUE)
    not_detected: Mapped[NotDetectedAs | None] = mapped_column(enum_column(NotDetectedAs))
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    note: Mapped[str] = mapped_column(Text, default="")

    standard: Mapped[StandardEdition] = relationship(lazy="joined")
    # Few limits have any: read where one is.
    members: Mapped[list["LimitMember"]] = relationship(lazy="select", order_by="LimitMember.position")
    __table_args__ = (
        CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="dates"),
        CheckConstraint("kind <> 'max' OR high IS NOT NULL", name="max_has_high"),
        CheckConstraint("kind <> 'min' OR low IS NOT NULL", name="min_has_low"),
        CheckConstraint("kind <> 'range' OR (low IS NOT NULL AND high IS NOT NULL)", name="range_has_both"),
        CheckConstraint(
            "kind <> 'plan' OR (n IS NOT NULL AND c IS NOT NULL AND m_small IS NOT NULL)",
            name="plan_has_numbers",
        ),
        CheckConstraint(
            "kind <> 'ratio_sum' OR (high IS NOT NULL AND not_detected IS NOT NULL)",
            name="ratio_sum_has_bound",
        ),
        Index("ix_spec_limit_lookup", "test_item_id", "valid_from"),
    )


class LimitMember(Identified, Base):
    """An item that shares a sum of ratios. Appended with its limit, never changed."""

    __tablename__ = "limit_member"
    limit_id: Mapped[int] = mapped_column(ForeignKey("spec_limit.id"), index=True)
    test_item_id: Mapped[int] = mapped_column(ForeignKey("test_item.id"))
    position: Mapped[int] = mapped_column(Integer)

    item: Mapped[TestItem] = relationship(lazy="joined")
    __table_args__ = (UniqueConstraint("limit_id", "test_item_id"),)


class Package(Identified, Versioned, Base):
    """Test items ordered together."""

    __tablename__ = "package"
    code: Mapped[str] = mapped_column(String(60), unique=True)
    name_zh: Mapped[str] = mapped_column(String(120))
    name_en: Mapped[str] = mapped_column(String(160))
    category_id: Mapped[int | None] = mapped_column(ForeignKey("category.id"))
    active: Mapped[bool] = mapped_column(default=True)
    items: Mapped[list["PackageItem"]] = relationship(
        lazy="selectin", order_by="PackageItem.position", cascade="all, delete-orphan"
    )


class PackageItem(Identified, Base):
    __tablename__ = "package_item"
    package_id: Mapped[int] = mapped_column(ForeignKey("package.id"), index=True)
    test_item_id: Mapped[int] = mapped_column(ForeignKey("test_item.id"))
    position: Mapped[int] = mapped_column(Integer, default=0)
    __table_args__ = (UniqueConstraint("package_id", "test_item_id"),)


class BusinessType(Identified, Versioned, Base):
    """One row switches who pays, which form, the backup sample, the clock, verdict and statement."""

    __tablename__ = "business_type"
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name_zh: Mapped[str] = mapped_column(String(60))
    name_en: Mapped[str] = mapped_column(String(80))
    payer: Mapped[Payer] = mapped_column(enum_column(Payer))
    sampling_form: Mapped[bool] = mapped_column(default=False)
    backup_sample: Mapped[bool] = mapped_column(default=False)
    working_days: Mapped[int] = mapped_column(Integer)
    # False: results carry no punitive verdict (risk monitoring).
    judged: Mapped[bool] = mapped_column(default=True)
    statement_zh: Mapped[str] = mapped_column(Text, default="")
    statement_en: Mapped[str] = mapped_column(Text, default="")
    retention_days: Mapped[int] = mapped_column(Integer, default=90)
    active: Mapped[bool] = mapped_column(default=True)

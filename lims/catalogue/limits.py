"""Limits: picked by production date and nearest product class, superseded by dates, never edited."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from lims.catalogue.categories import lineages
from lims.catalogue.formulas import sentence_of
from lims.catalogue.models import (
    Category,
    Comparison,
    Limit,
    LimitKind,
    LimitMember,
    StandardEdition,
    StandardStatus,
    TestItem,
)
from lims.catalogue.references import named
from lims.core.errors import Conflict, InvalidInput, NotFound
from lims.core.paging import Key, Page, read_page
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.metrology import limits as metrology
from lims.metrology.errors import MetrologyError
from lims.metrology.ratio_sums import NotDetectedAs

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LimitQuestion:
    """``produced_on`` None: the production date is not known, the day of registration ``on`` decides."""

    test_item_id: int
    category_id: int | None
    produced_on: date | None
    on: date

    @property
    def day(self) -> date:
        return self.produced_on or self.on


@dataclass(frozen=True, slots=True)
class LimitChoice:
    """The limit in force, or None.

    ``reason``: ``found``, ``no_limit`` (the item has none at all), ``category_unknown`` (limits of product
    classes only, and the sample has no class), ``no_limit_for_category``, ``no_limit_on_date``,
    ``limit_withdrawn`` (the edition that lays it down is withdrawn on that day).
    ``day``: the day it was picked by.
    """

    limit: Limit | None
    reason: str
    day: date


@dataclass(frozen=True, slots=True)
class LimitText:
    """What a new limit says; ``valid_to`` None: until it is superseded."""

    standard_id: int
    test_item_id: int
    category_id: int | None
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
    members: Sequence[int] = ()


def limit_for(
    session: Session, test_item_id: int, category_id: int | None, produced_on: date | None, on: date
) -> LimitChoice:
    """The limit for a product made on ``produced_on`` (unknown: ``on``), nearest class first."""
    question = LimitQuestion(test_item_id, category_id, produced_on, on)
    return limits_for(session, [question])[question]


def limits_for(session: Session, questions: Iterable[LimitQuestion]) -> dict[LimitQuestion, LimitChoice]:
    """As ``limit_for`` for many samples and items, with two queries."""
    asked = set(questions)
    by_item: dict[int, list[Limit]] = {}
    if asked:
        wanted = select(Limit).where(Limit.test_item_id.in_({q.test_item_id for q in asked}))
        for row in session.scalars(wanted.order_by(Limit.valid_from.desc(), Limit.id.desc())):
            by_item.setdefault(row.test_item_id, []).append(row)
    above = lineages(session, {q.category_id for q in asked if q.category_id is not None})
    return {q: _pick(q, by_item.get(q.test_item_id, []), above) for q in asked}


def _pick(question: LimitQuestion, rows: Sequence[Limit], above: Mapping[int, list[int]]) -> LimitChoice:
    """``rows``: all limits of the item, newest first."""
    day = question.day
    if not rows:
        return LimitChoice(None, "no_limit", day)
    classes: list[int | None] = [*above.get(question.category_id or 0, []), None]
    reason = "category_unknown" if question.category_id is None else "no_limit_for_category"
    for category_id in classes:
        for row in rows:
            if row.category_id != category_id:
                continue
            if judges(row, day):
                return LimitChoice(row, "found", day)
            if in_force(row, day):
                reason = "limit_withdrawn"
            elif reason != "limit_withdrawn":
                reason = "no_limit_on_date"
    return LimitChoice(None, reason, day)


def in_force(row: Limit, day: date) -> bool:
    return row.valid_from <= day and (row.valid_to is None or day <= row.valid_to)


def judges(row: Limit, day: date) -> bool:
    """In force, and its standard is not withdrawn: what nobody has superseded yet must not judge all the same."""
    return in_force(row, day) and row.standard.status_on(day) is not StandardStatus.WITHDRAWN


def as_metrology(row: Limit | LimitText) -> metrology.Limit:
    """The limit as the judging engine takes it. Raises InvalidInput for figures that contradict."""
    try:
        return _converted(row)
    except MetrologyError as refusal:
        sentence = sentence_of(refusal)
        field = "high" if row.kind is LimitKind.RANGE else "m_small"
        raise InvalidInput(sentence, code=refusal.code, fields={field: [sentence]}) from refusal


def _converted(row: Limit | LimitText) -> metrology.Limit:
    match row.kind:
        case LimitKind.MAX | LimitKind.RATIO_SUM:
            return metrology.Maximum(_given(row.high, "high"), row.unit)
        case LimitKind.MIN:
            return metrology.Minimum(_given(row.low, "low"), row.unit)
        case LimitKind.RANGE:
            return metrology.Range(_given(row.low, "low"), _given(row.high, "high"), row.unit)
        case LimitKind.NOT_PERMITTED:
            return metrology.NotPermitted(row.unit)
        case LimitKind.NOT_DETECTED:
            return metrology.MustNotBeDetected(row.unit)
        case LimitKind.PLAN:
            n, c = _given(row.n, "n"), _given(row.c, "c")
            return metrology.Plan(n, c, _given(row.m_small, "m_small"), row.m_large, row.unit)


def _given(figure: T | None, name: str) -> T:
    if figure is None:
        raise InvalidInput(
            _("A figure of the limit is missing."),
            code="limit_incomplete",
            fields={name: [_("This kind of limit needs it.")]},
        )
    return figure


def limits_of_items(session: Session, test_item_ids: Collection[int]) -> list[Limit]:
    """All limits of the items, by class and newest first: the history as well."""
    return list(
        session.scalars(
            select(Limit)
            .where(Limit.test_item_id.in_(test_item_ids))
            .order_by(Limit.category_id, Limit.valid_from.desc(), Limit.id.desc())
        )
    )


def limit(session: Session, limit_id: int) -> Limit:
    row = session.get(Limit, limit_id)
    if row is None:
        raise NotFound(_("This limit does not exist."))
    return row


def list_limits(
    session: Session,
    *,
    test_item_id: int | None = None,
    category_id: int | None = None,
    standard_id: int | None = None,
    in_force_on: date | None = None,
    cursor: str | None = None,
    size: int = 50,
) -> Page[Limit]:
    """The newest first, history too. ``in_force_on``: those of that day only."""
    wanted = select(Limit)
    for column, ident in (
        (Limit.test_item_id, test_item_id),
        (Limit.category_id, category_id),
        (Limit.standard_id, standard_id),
    ):
        if ident is not None:
            wanted = wanted.where(column == ident)
    if in_force_on is not None:
        wanted = wanted.where(holds_on(in_force_on))
    keys = [Key(Limit.valid_from, descending=True), Key(Limit.id, descending=True)]
    page = read_page(session, wanted, keys, cursor=cursor, size=size)
    return Page([row[0] for row in page.rows], page.after, page.before)


def holds_on(day: date) -> ColumnElement[bool]:
    """``in_force`` for a query."""
    return (Limit.valid_from <= day) & (Limit.valid_to.is_(None) | (Limit.valid_to >= day))


def add_limit(
    uow: UnitOfWork, *, actor: Actor, text: LimitText, request_key: RequestKey | None = None
) -> Limit:
    """Raises Conflict (``limit_overlap``) where a limit for this item and class holds on one of the days."""
    actor.require(Permission.CATALOGUE_EDIT)
    check_limit(text)
    with uow:
        if (made := uow.replayed(Limit, actor=actor, request_key=request_key)) is not None:
            return made
        _check_references(uow, text)
        _refuse_overlap(uow, text)
        row = uow.add(_row(text))
        uow.audit("limit.add", actor, row)
        uow.remember(row)
        uow.commit()
    return row


def supersede_limit(
    uow: UnitOfWork,
    *,
    actor: Actor,
    limit_id: int,
    version: int,
    text: LimitText,
    request_key: RequestKey | None = None,
) -> Limit:
    """A new limit from ``text.valid_from`` on; the old one ends the day before and stays as it was.

    Item and product class are those of the old limit, whatever ``text`` says.
    """
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        if (made := uow.replayed(Limit, actor=actor, request_key=request_key)) is not None:
            return made
        old = uow.get(Limit, limit_id, version=version)
        text = replace(text, test_item_id=old.test_item_id, category_id=old.category_id)
        check_limit(text)
        _check_references(uow, text)
        if text.valid_from <= old.valid_from:
            raise InvalidInput(
                _("The new limit must begin after %(day)s, when the old one began.", day=old.valid_from),
                code="limit_order",
                fields={"valid_from": [_("Choose a later day.")]},
            )
        if old.valid_to is None or old.valid_to >= text.valid_from:
            old.valid_to = text.valid_from - timedelta(days=1)
        uow.audit("limit.supersede", actor, old)
        uow.flush()
        _refuse_overlap(uow, text)
        row = uow.add(_row(text))
        uow.audit("limit.add", actor, row)
        uow.remember(row)
        uow.commit()
    return row


def end_limit(uow: UnitOfWork, *, actor: Actor, limit_id: int, version: int, valid_to: date) -> Limit:
    """Say until when a limit holds; its figures cannot change."""
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        row = uow.get(Limit, limit_id, version=version)
        if valid_to < row.valid_from:
            raise InvalidInput(
                _("A limit cannot end before it begins (%(day)s).", day=row.valid_from),
                code="limit_order",
                fields={"valid_to": [_("Choose a later day.")]},
            )
        if row.valid_to is not None and valid_to > row.valid_to:
            raise InvalidInput(
                _("This limit ended on %(day)s; add a new one instead of reviving it.", day=row.valid_to),
                code="limit_ended",
                fields={"valid_to": [_("Choose an earlier day.")]},
            )
        row.valid_to = valid_to
        uow.audit("limit.end", actor, row)
        uow.commit()
    return row


def _row(text: LimitText) -> Limit:
    row = Limit(**{name: getattr(text, name) for name in LimitText.__slots__ if name != "members"})
    row.members = members_in_order(text.members)
    return row


def members_in_order(test_item_ids: Sequence[int]) -> list[LimitMember]:
    return [LimitMember(test_item_id=ident, position=n) for n, ident in enumerate(test_item_ids, start=1)]


FIGURES = ("low", "high", "n", "c", "m_small", "m_large")
_TAKEN: Mapping[LimitKind, frozenset[str]] = {
    LimitKind.MAX: frozenset({"high"}),
    LimitKind.MIN: frozenset({"low"}),
    LimitKind.RANGE: frozenset({"low", "high"}),
    LimitKind.NOT_PERMITTED: frozenset(),
    LimitKind.NOT_DETECTED: frozenset(),
    LimitKind.PLAN: frozenset({"n", "c", "m_small", "m_large"}),
    LimitKind.RATIO_SUM: frozenset({"high"}),
}


def check_limit(text: LimitText) -> None:
    as_metrology(text)
    # A figure that nobody judges by would still stand on the page and be believed.
    idle = [name for name in FIGURES if name not in _TAKEN[text.kind] and getattr(text, name) is not None]
    if idle:
        raise InvalidInput(
            _("This kind of limit does not use all figures that were given."),
            code="limit_figure_unused",
            fields={name: [_("Leave this empty for this kind of limit.")] for name in idle},
        )
    faults = _ratio_faults(text)
    if faults:
        raise InvalidInput(_("This sum of ratios is not complete."), code="limit_ratio_sum", fields=faults)
    if text.valid_to is not None and text.valid_to < text.valid_from:
        raise InvalidInput(
            _("A limit cannot end before it begins (%(day)s).", day=text.valid_from),
            code="limit_order",
            fields={"valid_to": [_("Choose a later day.")]},
        )


def _ratio_faults(text: LimitText) -> dict[str, list[str]]:
    if text.kind is not LimitKind.RATIO_SUM:
        idle = [name for name in ("members", "not_detected") if getattr(text, name)]
        return {name: [_("Leave this empty for this kind of limit.")] for name in idle}
    faults: dict[str, list[str]] = {}
    members = set(text.members)
    if len(members) < 2 or len(members) != len(text.members) or text.test_item_id in members:
        faults["members"] = [_("Choose two other test items or more, each once.")]
    if text.not_detected is None:
        faults["not_detected"] = [_("This kind of limit needs it.")]
    if text.unit.strip():
        faults["unit"] = [_("A sum of ratios has no unit.")]
    return faults


def _check_references(uow: UnitOfWork, text: LimitText) -> None:
    named(uow, StandardEdition, text.standard_id, "standard_id")
    # locked: two clerks cannot add the same limit at once
    named(uow, TestItem, text.test_item_id, "test_item_id", lock=True)
    for ident in text.members:
        named(uow, TestItem, ident, "members")
    if text.category_id is not None:
        named(uow, Category, text.category_id, "category_id")


def _refuse_overlap(uow: UnitOfWork, text: LimitText) -> None:
    same_class = (
        Limit.category_id.is_(None) if text.category_id is None else Limit.category_id == text.category_id
    )
    for other in uow.session.scalars(
        select(Limit).where(Limit.test_item_id == text.test_item_id, same_class)
    ):
        ends_before = other.valid_to is not None and other.valid_to < text.valid_from
        begins_after = text.valid_to is not None and other.valid_from > text.valid_to
        if not (ends_before or begins_after):
            raise Conflict(
                _(
                    "For this item and product class a limit by %(standard)s holds from %(day)s already: "
                    "supersede it.",
                    standard=other.standard.code,
                    day=other.valid_from,
                ),
                code="limit_overlap",
            )

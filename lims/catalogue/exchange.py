"""Bring a catalogue file in: look at what it would do, then do exactly that in one transaction.

Methods and their budgets come in as drafts: what is released stays, and nothing is released by a file.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from lims.catalogue.categories import described as category_described
from lims.catalogue.compare import Change, Difference
from lims.catalogue.exchange_budgets import draft_budget
from lims.catalogue.exchange_export import Key, Standing, standing
from lims.catalogue.exchange_limits import write_limits
from lims.catalogue.exchange_plan import Effect, Line, Plan, plan_import
from lims.catalogue.exchange_rows import (
    BudgetRow,
    CategoryRow,
    Document,
    ItemRow,
    LimitRow,
    MethodRow,
    Noun,
    PackageRow,
    Row,
    StandardRow,
)
from lims.catalogue.method_text import VersionText, described
from lims.catalogue.methods import fill_version, newest_version
from lims.catalogue.models import (
    Category,
    Method,
    MethodVersion,
    Package,
    PackageItem,
    StandardEdition,
    TestItem,
)
from lims.core.errors import InvalidInput, StaleVersion
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork


def export_catalogue(session: Session) -> Document:
    """Product classes, standards, test items, methods, their budgets, limits and packages, complete."""
    return standing(session).document()


def preview_catalogue(session: Session, *, actor: Actor, given: Document) -> Plan:
    """What ``import_catalogue`` would do; nothing is kept."""
    actor.require(Permission.CATALOGUE_EDIT)
    return plan_import(standing(session), given)


def import_catalogue(
    uow: UnitOfWork,
    *,
    actor: Actor,
    given: Document,
    seen: str | None = None,
    leave_out_refused: bool = False,
) -> Plan:
    """Write what is new or changed, all or none. The same file a second time changes nothing.

    ``seen``: ``Plan.seen`` of the plan that was looked at. Raises InvalidInput (``import_refused`` with
    ``fields`` keyed ``limits.7.high``) unless refused rows are left out, StaleVersion when the catalogue changed
    since it was looked at.
    """
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        _lock_items(uow.session, given)
        now = standing(uow.session)
        plan = plan_import(now, given)
        if seen is not None and seen != plan.seen:
            raise StaleVersion(_("The catalogue changed since you looked at this file. Look at it again."))
        _refuse_faulty(plan, leave_out_refused)
        if plan.writes:
            _Writer(uow, actor, now).write(plan)
            counts = {effect.value: plan.count(effect) for effect in Effect}
            uow.audit("catalogue.import", actor, ("catalogue", plan.seen), after=counts)
            uow.commit()
    return plan


def _lock_items(session: Session, given: Document) -> None:
    """Two who bring in limits of one item at once: the second looks after the first has written."""
    codes = {one.row.item for one in given.of(Noun.LIMITS) if isinstance(one.row, LimitRow)}
    if codes:
        wanted = select(TestItem.id).where(TestItem.code.in_(sorted(codes)[:10_000]))
        session.execute(wanted.order_by(TestItem.id).with_for_update(of=TestItem)).all()


def _refuse_faulty(plan: Plan, leave_out_refused: bool) -> None:
    refused = plan.of(Effect.REFUSED)
    if not refused or leave_out_refused:
        return
    fields: dict[str, list[str]] = {}
    for fault in (fault for line in refused for fault in line.faults):
        name = f"{fault.place.sheet}.{fault.place.row}.{fault.column}".rstrip(".")
        fields.setdefault(name, []).append(fault.sentence)
    raise InvalidInput(
        ngettext(
            "%(num)s row is not right; nothing was imported.",
            "%(num)s rows are not right; nothing was imported.",
            len(refused),
        ),
        code="import_refused",
        fields=fields,
    )


class _Writer:
    """Lives inside the caller's unit of work. ``numbers``: of every row by its key, new ones too."""

    def __init__(self, uow: UnitOfWork, actor: Actor, now: Standing) -> None:
        self.uow, self.actor, self.session = uow, actor, uow.session
        self.sections = now.sections
        self.numbers: dict[Noun, dict[Key, int]] = {noun: dict(keys) for noun, keys in now.numbers.items()}

    def write(self, plan: Plan) -> None:
        writers: Mapping[Noun, Callable[[Sequence[Line]], None]] = {
            Noun.CATEGORIES: self.each(self.category),
            Noun.STANDARDS: self.standards,
            Noun.ITEMS: self.items,
            Noun.METHODS: self.methods,
            Noun.BUDGETS: self.each(self.budget),
            Noun.LIMITS: self.limits,
            Noun.PACKAGES: self.packages,
        }
        for noun in Noun:
            lines = [line for line in plan.writes if line.noun is noun]
            if lines:
                writers[noun](lines)
                self.uow.flush()

    @staticmethod
    def each(write: Callable[[Line], None]) -> Callable[[Sequence[Line]], None]:
        def write_all(lines: Sequence[Line]) -> None:
            for line in lines:
                write(line)

        return write_all

    def number(self, noun: Noun, code: str | None) -> int | None:
        return None if code is None else self.numbers[noun][(code,)]

    def needed(self, noun: Noun, code: str) -> int:
        return self.numbers[noun][(code,)]

    def category(self, line: Line) -> None:
        said = line.row
        assert isinstance(said, CategoryRow)
        if line.effect is Effect.CHANGED:
            row = self.session.get_one(Category, self.needed(Noun.CATEGORIES, said.code))
            row.name_zh, row.name_en = said.name_zh, said.name_en
            self.uow.audit("category.rename", self.actor, row)
            return
        parent = None
        if said.parent is not None:
            parent = self.session.get_one(Category, self.needed(Noun.CATEGORIES, said.parent))
        row = Category(code=said.code, name_zh=said.name_zh, name_en=said.name_en, path="")
        row.parent_id, row.level = (parent.id, parent.level + 1) if parent else (None, 1)
        self.uow.add(row)
        row.path = f"{parent.path if parent else '/'}{row.id}/"
        self.uow.audit("category.add", self.actor, row, after=category_described(row))
        self.numbers[Noun.CATEGORIES][said.key] = row.id

    def standards(self, lines: Sequence[Line]) -> None:
        """All editions first: one may be replaced by another of the same file."""
        for line in lines:
            said = line.row
            assert isinstance(said, StandardRow)
            if line.effect is Effect.NEW:
                row = StandardEdition(**_said(said, "replaced_by"))
                self.numbers[Noun.STANDARDS][said.key] = self.uow.add(row).id
                self.uow.audit("standard.add", self.actor, row)
        for line in lines:
            said = line.row
            assert isinstance(said, StandardRow)
            row = self.session.get_one(StandardEdition, self.needed(Noun.STANDARDS, said.code))
            for name, value in _said(said, "replaced_by").items():
                setattr(row, name, value)
            row.replaced_by_id = self.number(Noun.STANDARDS, said.replaced_by)
            if line.effect is Effect.CHANGED or said.replaced_by is not None:
                self.uow.audit("standard.edit", self.actor, row)

    def items(self, lines: Sequence[Line]) -> None:
        new = [said for said in _new(lines) if isinstance(said, ItemRow)]
        for said, row in zip(
            new, self.uow.add_all(TestItem(**self.of_item(said)) for said in new), strict=True
        ):
            self.numbers[Noun.ITEMS][said.key] = row.id
            self.uow.audit("test_item.add", self.actor, row)
        for line in lines:
            if line.effect is not Effect.NEW and isinstance(line.row, ItemRow):
                row = self.session.get_one(TestItem, self.needed(Noun.ITEMS, line.row.code))
                for name, value in self.of_item(line.row).items():
                    setattr(row, name, value)
                self.uow.audit("test_item.edit", self.actor, row)

    def of_item(self, said: ItemRow) -> dict[str, Any]:
        return _said(said, "section") | {"section_id": self.sections[said.section]}

    def methods(self, lines: Sequence[Line]) -> None:
        new = [said for said in _new(lines) if isinstance(said, MethodRow)]
        made = self.uow.add_all(self.new_method(said) for said in new)
        for said, row in zip(new, made, strict=True):
            self.numbers[Noun.METHODS][said.key] = row.id
            self.uow.audit("method.add", self.actor, row)
        texts = [(row, said.version) for said, row in zip(new, made, strict=True) if said.version is not None]
        drafts = self.uow.add_all(self.new_version(row, 1, text) for row, text in texts)
        for draft in drafts:
            self.uow.audit("method_version.draft", self.actor, draft, after=described(draft))
        for line in lines:
            if line.effect is not Effect.NEW:
                self.changed_method(line)

    def new_method(self, said: MethodRow) -> Method:
        item, standard = self.needed(Noun.ITEMS, said.item), self.needed(Noun.STANDARDS, said.standard)
        return Method(test_item_id=item, standard_id=standard, clause=said.clause, preferred=said.preferred)

    def changed_method(self, line: Line) -> None:
        said = line.row
        assert isinstance(said, MethodRow)
        row = self.uow.get(Method, self.numbers[Noun.METHODS][said.key])
        if row.preferred is not said.preferred:
            row.preferred = said.preferred
            self.uow.audit("method.edit", self.actor, row)
        if said.version is not None and _of_version(line.changes):
            self.draft(row, said.version)

    def draft(self, owner: Method, text: VersionText) -> None:
        """The open draft says ``text`` from now on; without one, the next version is drafted."""
        newest = newest_version(self.session, owner.id)
        if newest is not None and newest.released_at is None:
            before = described(newest)
            newest.inputs.clear()
            newest.equipment.clear()
            if text.cases is not None:
                newest.cases.clear()
            self.uow.flush()
            fill_version(newest, text)
            flag_modified(newest, "formula")
            self.uow.audit("method_version.edit", self.actor, newest, before=before, after=described(newest))
            return
        row = self.uow.add(self.new_version(owner, newest.number + 1 if newest else 1, text))
        self.uow.audit("method_version.draft", self.actor, row, after=described(row))

    def new_version(self, owner: Method, number: int, text: VersionText) -> MethodVersion:
        row = MethodVersion(method_id=owner.id, number=number, created_at=self.uow.now)
        fill_version(row, text)
        return row

    def budget(self, line: Line) -> None:
        assert isinstance(line.row, BudgetRow)
        draft_budget(self.uow, self.actor, self.numbers[Noun.METHODS][line.row.method], line.row)

    def limits(self, lines: Sequence[Line]) -> None:
        write_limits(self.uow, self.actor, self.numbers, lines)

    def packages(self, lines: Sequence[Line]) -> None:
        new = [said for said in _new(lines) if isinstance(said, PackageRow)]
        for said, row in zip(
            new, self.uow.add_all(Package(**self.of_package(said)) for said in new), strict=True
        ):
            self.uow.audit("package.add", self.actor, row, after=_package(said))
        for line in lines:
            if line.effect is not Effect.NEW and isinstance(line.row, PackageRow):
                self.changed_package(line.row)

    def changed_package(self, said: PackageRow) -> None:
        row = self.session.get_one(Package, self.numbers[Noun.PACKAGES][said.key])
        row.items.clear()
        self.uow.flush()
        values = self.of_package(said)
        row.items.extend(values.pop("items"))
        for name, value in values.items():
            setattr(row, name, value)
        flag_modified(row, "code")
        self.uow.audit("package.edit", self.actor, row, before={}, after=_package(said))

    def of_package(self, said: PackageRow) -> dict[str, Any]:
        items = [
            PackageItem(test_item_id=self.needed(Noun.ITEMS, code), position=n)
            for n, code in enumerate(said.items, start=1)
        ]
        category = self.number(Noun.CATEGORIES, said.category)
        return _said(said, "items", "category") | {"category_id": category, "items": items}


def _new(lines: Sequence[Line]) -> Iterator[Row]:
    return (line.row for line in lines if line.effect is Effect.NEW and line.row is not None)


def _said(row: CategoryRow | StandardRow | ItemRow | PackageRow, *without: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__ if name not in without}


def _package(row: PackageRow) -> dict[str, object]:
    return _said(row) | {"items": list(row.items)}


def _of_version(changes: Sequence[Difference]) -> bool:
    return any(one.field != "preferred" for one in changes if one.change is not Change.SAME)

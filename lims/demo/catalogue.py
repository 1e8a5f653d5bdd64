"""Fill the catalogue through its own use cases, so that the demo passes every check a person would."""

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from lims.catalogue.budget_text import BudgetText, SourceLine
from lims.catalogue.budgets import draft_budget, release_budget
from lims.catalogue.business import BusinessTypeText, create_business_type
from lims.catalogue.categories import add_category
from lims.catalogue.items import ItemText, create_item
from lims.catalogue.limits import LimitText, add_limit
from lims.catalogue.method_text import CaseText, InputText, VersionText
from lims.catalogue.methods import add_method, draft_version, methods_of_item, release_version
from lims.catalogue.models import LimitKind, Payer, ResultKind, StandardEdition
from lims.catalogue.packages import PackageText, create_package
from lims.catalogue.standards import StandardText, create_standard, edit_standard
from lims.core.calendar import DayKind, set_day
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.demo.read import facts, figure
from lims.metrology.method_budgets import SourceKind
from lims.people.models import Section

Codes = dict[str, int]


def seed_catalogue(uow: UnitOfWork, *, actor: Actor) -> None:
    """Sections (where missing), calendar, product tree, standards, items, limits, packages, business types.

    For an empty catalogue: a second call raises Conflict at the first code it meets again.
    """
    sections = seed_sections(uow, actor=actor)
    seed_calendar(uow, actor=actor)
    categories = _categories(uow, actor)
    standards = _standards(uow, actor)
    items = _items(uow, actor, sections, standards, categories)
    _budgets(uow, actor, items)
    for row in facts("packages"):
        text = PackageText(
            row["code"],
            row["zh"],
            row["en"],
            [items[code] for code in row["items"]],
            categories[row["category"]],
        )
        create_package(uow, actor=actor, text=text)
    for row in facts("business_types"):
        create_business_type(uow, actor=actor, text=_business_type(row))


def seed_sections(uow: UnitOfWork, *, actor: Actor) -> Codes:
    """Ids of the laboratory's sections by code; adds those that are not there yet."""
    with uow:
        found = {row.code: row.id for row in uow.session.scalars(select(Section))}
        for row in facts("sections"):
            if row["code"] not in found:
                made = uow.add(Section(code=row["code"], name_zh=row["zh"], name_en=row["en"]))
                uow.audit("section.add", actor, made)
                found[made.code] = made.id
        uow.commit()
    return found


def seed_calendar(uow: UnitOfWork, *, actor: Actor) -> None:
    """Holidays and make-up days of 2026 (国务院办公厅, 2025-11-04)."""
    for row in facts("calendar_2026"):
        day, kind = date.fromisoformat(row["day"]), DayKind(row["kind"])
        set_day(uow, actor=actor, day=day, kind=kind, name=row["name"])


def _categories(uow: UnitOfWork, actor: Actor) -> Codes:
    made: Codes = {}
    for row in facts("categories"):
        parent = made[row["parent"]] if row["parent"] else None
        category = add_category(
            uow, actor=actor, parent_id=parent, code=row["code"], name_zh=row["zh"], name_en=row["en"]
        )
        made[row["code"]] = category.id
    return made


def _standards(uow: UnitOfWork, actor: Actor) -> Codes:
    made: dict[str, StandardEdition] = {}
    for row in facts("standards"):
        made[row["code"]] = create_standard(uow, actor=actor, text=_standard(row, None))
    for row in facts("standards"):
        if "replaced_by" in row:
            old, new = made[row["code"]], made[row["replaced_by"]]
            text = _standard(row, new.id)
            edit_standard(uow, actor=actor, standard_id=old.id, version=old.version, text=text)
    return {code: row.id for code, row in made.items()}


def _standard(row: dict[str, Any], replaced_by: int | None) -> StandardText:
    return StandardText(
        row["code"],
        row["zh"],
        row["en"],
        in_force_from=_day(row, "in_force_from"),
        withdrawn_from=_day(row, "withdrawn_from"),
        replaced_by_id=replaced_by,
    )


def _day(row: dict[str, Any], name: str) -> date | None:
    return date.fromisoformat(row[name]) if name in row else None


def _items(uow: UnitOfWork, actor: Actor, sections: Codes, standards: Codes, categories: Codes) -> Codes:
    """All items first: a formula may name another item."""
    made: Codes = {}
    for row in facts("items"):
        text = ItemText(
            row["code"],
            row["zh"],
            row["en"],
            row["field"],
            sections[row["section"]],
            Decimal(row["price"]),
            retest_allowed=row["retest"],
        )
        made[row["code"]] = create_item(uow, actor=actor, text=text).id
    for row in facts("items"):
        item_id = made[row["code"]]
        method = add_method(
            uow,
            actor=actor,
            test_item_id=item_id,
            standard_id=standards[row["standard"]],
            clause=row["clause"],
        )
        version = draft_version(uow, actor=actor, method_id=method.id, text=version_text(row["version"]))
        release_version(uow, actor=actor, version_id=version.id)
        for limit in row["limits"]:
            text_ = limit_text(limit, item_id, standards[limit["standard"]], categories[limit["category"]])
            add_limit(uow, actor=actor, text=text_)
    return made


def _budgets(uow: UnitOfWork, actor: Actor, items: Codes) -> None:
    """An uncertainty budget for the first method of an item, in use from the first day."""
    for row in facts("budgets"):
        method = methods_of_item(uow.session, items[row["item"]])[0]
        made = draft_budget(uow, actor=actor, method_id=method.id, text=budget_text(row))
        release_budget(uow, actor=actor, budget_id=made.id)


def budget_text(row: dict[str, Any]) -> BudgetText:
    return BudgetText(sources=[_source(one) for one in row["sources"]])


def _source(row: dict[str, Any]) -> SourceLine:
    return SourceLine(
        row["quantity"],
        SourceKind(row["kind"]),
        row["zh"],
        row["en"],
        size=figure(row, "size"),
        percent=row.get("percent", False),
        parameter=figure(row, "parameter"),
        dof=figure(row, "dof"),
    )


def version_text(row: dict[str, Any]) -> VersionText:
    return VersionText(
        ResultKind(row["kind"]),
        row.get("unit", ""),
        formula=row.get("formula", ""),
        round_to=figure(row, "round_to"),
        significant=row.get("significant"),
        lod=figure(row, "lod"),
        loq=figure(row, "loq"),
        conditions_required=row.get("conditions", False),
        inputs=[_input(one) for one in row.get("inputs", [])],
        equipment_classes=row.get("classes", []),
        cases=[CaseText(**one) for one in row.get("cases", [])],
    )


def _input(row: dict[str, Any]) -> InputText:
    return InputText(
        row["name"],
        row["zh"],
        row["en"],
        row["unit"],
        replicates=row.get("replicates", 1),
        typed=row.get("typed", True),
        equipment_class=row.get("class"),
    )


def limit_text(row: dict[str, Any], item_id: int, standard_id: int, category_id: int) -> LimitText:
    return LimitText(
        standard_id,
        item_id,
        category_id,
        LimitKind(row["kind"]),
        row.get("unit", ""),
        date.fromisoformat(row["from"]),
        _day(row, "to"),
        low=figure(row, "low"),
        high=figure(row, "high"),
        n=row.get("n"),
        c=row.get("c"),
        m_small=figure(row, "m_small"),
        m_large=figure(row, "m_large"),
        note=" ".join(filter(None, [row.get("note"), f"[{row['certainty']}]"])),
    )


def _business_type(row: dict[str, Any]) -> BusinessTypeText:
    plain = {k: v for k, v in row.items() if k not in {"zh", "en", "payer"}}
    return BusinessTypeText(name_zh=row["zh"], name_en=row["en"], payer=Payer(row["payer"]), **plain)

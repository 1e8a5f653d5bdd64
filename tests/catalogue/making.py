"""Rows of the catalogue, made through its use cases: name only what matters."""

import itertools
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from lims.catalogue.cases import keep_case
from lims.catalogue.categories import add_category
from lims.catalogue.items import ItemText, create_item
from lims.catalogue.limits import LimitText, add_limit
from lims.catalogue.method_text import CaseText, InputText, VersionText
from lims.catalogue.methods import add_method, draft_version, release_version
from lims.catalogue.models import (
    Category,
    Limit,
    LimitKind,
    Method,
    MethodCase,
    MethodVersion,
    ResultKind,
    StandardEdition,
    TestItem,
)
from lims.catalogue.readiness import readiness_of, try_stored
from lims.catalogue.standards import StandardText, create_standard
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.metrology.values import write_value
from tests.support.accounts import section_named

D = Decimal
# Drying to constant mass: GB 5009.3-2016, first method, formula (1).
MOISTURE = VersionText(
    ResultKind.NUMBER,
    "g/100g",
    formula="100 * (m1 - m2) / (m1 - m0)",
    round_to=D("0.1"),
    inputs=[
        InputText("m0", "称量瓶质量", "Dish", "g", equipment_class="balance", typed=False),
        InputText("m1", "称量瓶加试样质量", "Dish and sample", "g", equipment_class="balance", typed=False),
        InputText("m2", "干燥后质量", "After drying", "g", equipment_class="balance", typed=False),
    ],
    equipment_classes=["balance", "drying_oven"],
)


def plain(formula: str = "x", **more: object) -> VersionText:
    """A figure from one typed input ``x``."""
    return VersionText(
        ResultKind.NUMBER, "mg/kg", formula, inputs=[InputText("x", "值", "Value", "mg/kg")], **more
    )


@dataclass
class Catalogue:
    """Makes rows as the quality manager does."""

    uow: UnitOfWork
    keeper: Actor
    serial: itertools.count = field(default_factory=lambda: itertools.count(1))

    def standard(self, code: str = "", **dates: object) -> StandardEdition:
        code = code or f"GB {next(self.serial)}-2020"
        text = StandardText(code, f"{code}的标题", f"Title of {code}", **dates)
        return create_standard(self.uow, actor=self.keeper, text=text)

    def item_text(self, code: str, **more: object) -> ItemText:
        section = section_named(self.uow, "chemistry").id
        plain: dict = {"field": "food_chemistry", "section_id": section, "price": D("60.00")} | more
        return ItemText(code, f"{code}项", f"Item {code}", **plain)

    def item(self, code: str = "", **more: object) -> TestItem:
        code = code or f"item_{next(self.serial)}"
        return create_item(self.uow, actor=self.keeper, text=self.item_text(code, **more))

    def method(self, item: TestItem, standard: StandardEdition | None = None, **more: object) -> Method:
        standard = standard or self.standard()
        return add_method(self.uow, actor=self.keeper, test_item_id=item.id, standard_id=standard.id, **more)

    def draft(self, method: Method, text: VersionText | None = None) -> MethodVersion:
        return draft_version(self.uow, actor=self.keeper, method_id=method.id, text=text)

    def release(self, version: MethodVersion) -> MethodVersion:
        """With a worked example where the version lacks nothing else."""
        found = readiness_of(self.uow.session, version)
        if set(found.faults) == {"cases"} and not version.cases:
            many = {one.name for one in version.inputs if one.replicates > 1}
            names = [*found.inputs, *(f"@{code}" for code in found.items)]
            figures = {n: f"{2 + k}" + (f", {3 + k}" * (n in many)) for k, n in enumerate(names)}
            outcome = write_value(try_stored(self.uow.session, version.id, figures).outcome)
            self.case(version, figures, outcome)
        return release_version(self.uow, actor=self.keeper, version_id=version.id)

    def case(
        self, version: MethodVersion, figures: dict[str, str], expected: str, **more: object
    ) -> MethodCase:
        plain: dict = {"name": f"example {next(self.serial)}", "source": "by hand"} | more
        text = CaseText(figures=figures, expected=expected, **plain)
        self.uow.session.refresh(version)
        return keep_case(
            self.uow, actor=self.keeper, version_id=version.id, version=version.version, text=text
        )

    def measured(self, item_code: str = "", text: VersionText | None = None, **standard: object) -> TestItem:
        """An item with one released method."""
        item = self.item(item_code)
        made = self.draft(self.method(item, self.standard(**standard)), text or plain())
        self.release(made)
        return item

    def category(self, code: str, parent: Category | None = None) -> Category:
        return add_category(
            self.uow,
            actor=self.keeper,
            parent_id=parent.id if parent else None,
            code=code,
            name_zh=f"{code}类",
            name_en=f"Class {code}",
        )

    def limit_text(self, item: TestItem, category: Category | None = None, **more: object) -> LimitText:
        plain: dict = {
            "standard_id": more.pop("standard", None) or self.standard().id,
            "kind": LimitKind.MAX,
            "unit": "mg/kg",
            "valid_from": date(2020, 1, 1),
            "high": D("0.5"),
        }
        category_id = category.id if category else None
        return LimitText(test_item_id=item.id, category_id=category_id, **(plain | more))

    def limit(self, item: TestItem, category: Category | None = None, **more: object) -> Limit:
        return add_limit(self.uow, actor=self.keeper, text=self.limit_text(item, category, **more))

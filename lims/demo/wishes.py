"""What is brought to the demonstration's reception: orders drawn by dice from invented firms."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.catalogue.models import BusinessType, Category, Package, TestItem
from lims.demo.read import facts
from lims.intake.drafts import OrderDraft, SampleDraft, SamplingFormDraft

SAMPLERS = ("罗志强", "陈晓梅")


@dataclass(frozen=True, slots=True)
class Codes:
    """Numbers of what the facts name by code."""

    categories: Mapping[str, int]
    items: Mapping[str, int]
    packages: Mapping[str, int]
    business: Mapping[str, int]


def read_codes(session: Session) -> Codes:
    def by_code(model: Any) -> dict[str, int]:
        return {code: number for number, code in session.execute(select(model.id, model.code))}

    return Codes(by_code(Category), by_code(TestItem), by_code(Package), by_code(BusinessType))


@dataclass(slots=True)
class Wishes:
    """``customers``: numbers by name. Every draft differs from every other by its batch."""

    codes: Codes
    customers: Mapping[str, int]
    dice: random.Random
    serial: int = 0
    firms: tuple[dict[str, Any], ...] = field(default_factory=lambda: facts("firms"))
    drawn: tuple[dict[str, Any], ...] = field(default_factory=lambda: facts("drawn"))

    def any_order(self, day: date) -> OrderDraft:
        """Three of four are commissioned, the others drawn for the state."""
        if self.dice.random() < 0.75:
            return self.commissioned(day, self.dice.choice([f for f in self.firms if f["products"]]))
        return self.drawn_order(day, self.dice.choice(self.drawn))

    def commissioned(self, day: date, firm: Mapping[str, Any], samples: int | None = None) -> OrderDraft:
        product = self.dice.choice(firm["products"])
        wanted = samples or self.dice.choice((1, 1, 1, 1, 2, 3))
        return OrderDraft(
            business_type_id=self.codes.business["commissioned"],
            customer_id=self.customers[firm["name"]],
            samples=tuple(self._sample(day, product, firm["name"], firm["address"]) for _n in range(wanted)),
            report_language=self.dice.choice(("zh", "zh", "zh", "both", "en")),
            report_uncertainty=self.serial % 6 == 0,
            purpose=self.dice.choice(("", "出厂检验", "型式检验", "客户要求")),
            packages=self._packages(product),
            items=self._items(product),
        )

    def drawn_order(self, day: date, place: Mapping[str, Any]) -> OrderDraft:
        owner = next(f["name"] for f in self.firms if f["business"] == place["business"])
        form = SamplingFormDraft(
            sampled_firm=place["firm"],
            sampled_on=day,
            sampler_one=SAMPLERS[0],
            sampler_two=SAMPLERS[1],
            sampled_firm_address=place["address"],
            licence_number=place["licence"],
            place=self.dice.choice(("待销区", "成品库", "货架")),
            stage=self.dice.choice(("生产", "流通", "餐饮")),
            seal_numbers=f"FY{day:%y%m%d}{self.serial:03d}",
            base_quantity=f"{self.dice.randint(10, 90)} kg",
        )
        return OrderDraft(
            business_type_id=self.codes.business[place["business"]],
            customer_id=self.customers[owner],
            samples=(self._sample(day, place, place["firm"], place["address"]),),
            sampling_form=form,
            packages=self._packages(place),
            items=self._items(place),
        )

    def _sample(self, day: date, product: Mapping[str, Any], maker: str, address: str) -> SampleDraft:
        self.serial += 1
        made = day - timedelta(days=self.dice.randint(3, 40))
        return SampleDraft(
            name=product["name"],
            category_id=self.codes.categories[product["category"]],
            specification=product["specification"],
            brand=product["brand"],
            batch=f"{made:%Y%m%d}-{self.serial:04d}",
            produced_on=made,
            producer=maker,
            producer_address=address,
            quantity=product.get("quantity") or self.dice.choice(("2 袋", "3 盒", "1.5 kg", "6 份")),
        )

    def _packages(self, product: Mapping[str, Any]) -> tuple[int, ...]:
        return (self.codes.packages[product["package"]],) if product["package"] else ()

    def _items(self, product: Mapping[str, Any]) -> tuple[int, ...]:
        return tuple(self.codes.items[code] for code in product["items"])

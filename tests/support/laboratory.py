"""A small laboratory for tests and pictures: the items, limits, people and devices of the demo day.

Figures: GB 5009.3-2016, GB 5009.182-2017, GB 2760-2024, GB 7099-2015, GB 5009.34-2022, GB/T 22388-2008. It is made for
thousands of tests: what can be written together is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from instruments.keys import public_bytes
from lims.accreditation.models import Authorisation
from lims.catalogue.budget_text import BudgetText
from lims.catalogue.budgets import draft_budget, release_budget
from lims.catalogue.models import (
    BusinessType,
    Category,
    Limit,
    LimitKind,
    Method,
    MethodInput,
    MethodVersion,
    Payer,
    ResultKind,
    StandardEdition,
    TestItem,
    UncertaintyBudget,
)
from lims.core.clock import local_date
from lims.core.database import Base
from lims.core.permissions import SYSTEM, Actor, Role
from lims.core.uow import UnitOfWork
from lims.equipment.models import (
    CalibrationRecord,
    Device,
    Equipment,
    EquipmentClass,
    Gateway,
    GatewayState,
)
from lims.intake.models import Customer
from lims.people.models import Account, AccountRole, Section
from tests.support.accounts import actor_of

D = Decimal
Row = TypeVar("Row", bound=Base)
# The gateway of these tests; what it signs can be checked.
BENCH_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WEIGHINGS = ("m0", "m1", "m2")


@dataclass
class Laboratory:
    """What was made, by short names."""

    section: int
    actors: dict[str, Actor]
    accounts: dict[str, Account]
    items: dict[str, int]
    versions: dict[str, int]
    limits: dict[str, int]
    categories: dict[str, int]
    types: dict[str, int]
    customer: int
    balance: int
    oven: int
    device: int
    gateway: int
    serial: list[int] = field(default_factory=lambda: [0])

    def __getattr__(self, name: str) -> Actor:
        """``laboratory.analyst`` is the actor of that name."""
        try:
            return self.__dict__["actors"][name]
        except KeyError as none:
            raise AttributeError(name) from none


PEOPLE = (
    ("reception", "陈前台", "Chen Reception", Role.RECEPTION),
    ("analyst", "李理化", "Li Chemistry", Role.ANALYST),
    ("second_analyst", "王理化", "Wang Chemistry", Role.ANALYST),
    ("novice", "赵新人", "Zhao Novice", Role.ANALYST),
    ("head", "周主任", "Zhou Head", Role.SECTION_HEAD),
    ("reviewer", "吴校核", "Wu Reviewer", Role.REVIEWER),
    ("signatory", "郑签字", "Zheng Signatory", Role.SIGNATORY),
)
CATEGORIES = (
    (1, "bakery", "糕点", "Pastry"),
    (2, "rice_noodles", "米粉", "Rice noodles"),
    (3, "milk_powder", "乳粉", "Milk powder"),
)
BUSINESS_TYPES = (
    ("commissioned", "委托检验", "Commissioned", True),
    ("supervision", "监督抽检", "Supervision sampling", True),
    ("monitoring", "风险监测", "Risk monitoring", False),
)
# Code, names, the standard of the method; what a version says; its inputs.
METHODS: tuple[tuple[str, str, str, str, dict[str, Any], tuple[dict[str, Any], ...]], ...] = (
    (
        "moisture",
        "水分",
        "Moisture",
        "GB 5009.3-2016",
        {
            "result_kind": ResultKind.NUMBER,
            "unit": "g/100 g",
            "formula": "100 * (m1 - m2) / (m1 - m0)",
            "round_to": D("0.1"),
        },
        tuple(
            {
                "name": name,
                "label_zh": zh,
                "label_en": en,
                "unit": "g",
                "equipment_class": "balance",
                "typed": False,
                "high": D(220),
            }
            for name, zh, en in (
                ("m0", "称量皿质量", "dish"),
                ("m1", "称量皿和试样", "dish and sample"),
                ("m2", "烘干后", "after drying"),
            )
        ),
    ),
    (
        "aluminium",
        "铝的残留量(干样品,以Al计)",
        "Aluminium, dry basis",
        "GB 5009.182-2017",
        {
            "result_kind": ResultKind.NUMBER,
            "unit": "mg/kg",
            "formula": "as_is / (1 - @moisture / 100)",
            "round_to": D("0.1"),
            "lod": D("0.5"),
            "loq": D("1.5"),
        },
        ({"name": "as_is", "label_zh": "试样含量", "label_en": "as is", "unit": "mg/kg"},),
    ),
    (
        "plate_count",
        "菌落总数",
        "Aerobic plate count",
        "GB 4789.2-2022",
        {"result_kind": ResultKind.COUNTS, "unit": "CFU/g", "formula": ""},
        ({"name": "count", "label_zh": "菌落数", "label_en": "count", "unit": "CFU/g", "replicates": 5},),
    ),
    (
        "sulfur_dioxide",
        "二氧化硫残留量",
        "Sulfur dioxide",
        "GB 5009.34-2022",
        {
            "result_kind": ResultKind.NUMBER,
            "unit": "mg/kg",
            "formula": "found",
            "round_to": D("1"),
            "lod": D(3),
            "loq": D(10),
        },
        ({"name": "found", "label_zh": "测定值", "label_en": "found", "unit": "mg/kg"},),
    ),
    (
        "melamine",
        "三聚氰胺",
        "Melamine",
        "GB/T 22388-2008",
        {
            "result_kind": ResultKind.NUMBER,
            "unit": "mg/kg",
            "formula": "found",
            "round_to": D("0.1"),
            "lod": D("0.5"),
            "loq": D("2"),
            "conditions_required": True,
        },
        ({"name": "found", "label_zh": "测定值", "label_en": "found", "unit": "mg/kg"},),
    ),
)
# Item, category, the standard, what it demands.
LIMITS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("aluminium", "bakery", "GB 2760-2024", {"kind": LimitKind.MAX, "high": D(100)}),
    (
        "plate_count",
        "bakery",
        "GB 7099-2015",
        {
            "kind": LimitKind.PLAN,
            "n": 5,
            "c": 2,
            "m_small": D(10000),
            "m_large": D(100000),
            "unit": "CFU/g",
        },
    ),
    ("sulfur_dioxide", "rice_noodles", "GB 2760-2024", {"kind": LimitKind.NOT_PERMITTED}),
    ("melamine", "milk_powder", "GB 2761-2017", {"kind": LimitKind.MAX, "high": D("2.5")}),
)


def make_laboratory(uow: UnitOfWork) -> Laboratory:
    """Sections, people with authorisations (``novice`` has none), catalogue, a calibrated balance, a gateway."""
    today = local_date(uow.now)
    with uow:
        section = uow.add(Section(code="chemistry", name_zh="理化室", name_en="Chemistry")).id
        accounts = _added(uow, {key: _person(uow, section, *rest) for key, *rest in PEOPLE})
        categories = _added(
            uow,
            {
                code: Category(code=code, name_zh=zh, name_en=en, level=1, path=f"/{number}/", id=number)
                for number, code, zh, en in CATEGORIES
            },
        )
        types = _added(
            uow,
            {
                code: BusinessType(
                    code=code, name_zh=zh, name_en=en, payer=Payer.CUSTOMER, working_days=10, judged=judged
                )
                for code, zh, en, judged in BUSINESS_TYPES
            },
        )
        items, versions = _methods(uow, section)
        limits = _limits(uow, items, categories)
        uow.session.add_all(
            Authorisation(
                account_id=accounts[key].id,
                method_id=version.method_id,
                valid_from=today - timedelta(days=300),
                valid_to=today + timedelta(days=300),
            )
            for key in ("analyst", "second_analyst")
            for version in versions.values()
        )
        customer = uow.add(Customer(code="KH1", name="桂香斋食品有限公司", name_en="Guixiangzhai Foods")).id
        balance, oven, gateway, device = _devices(uow, section, today)
        uow.audit("test.laboratory", SYSTEM, ("laboratory", 1))
        uow.commit()
    items, versions, limits, categories, types = map(_numbers, (items, versions, limits, categories, types))
    return Laboratory(
        section,
        {key: actor_of(account) for key, account in accounts.items()},
        accounts,
        items,
        versions,
        limits,
        categories,
        types,
        customer,
        balance,
        oven,
        device,
        gateway,
    )


def _added(uow: UnitOfWork, rows: dict[str, Row]) -> dict[str, Row]:
    """The rows, which have their numbers now."""
    uow.add_all(rows.values())
    return rows


def _numbers(rows: Mapping[str, Any]) -> dict[str, int]:
    return {key: row.id for key, row in rows.items()}


def _person(uow: UnitOfWork, section: int, zh: str, en: str, role: Role) -> Account:
    account = Account(
        username=en.split()[1].lower() + str(len(zh)) + en[0].lower(),
        name_zh=zh,
        name_en=en,
        section_id=section,
        created_at=uow.now,
    )
    account.roles = [AccountRole(role=role, granted_at=uow.now)]
    return account


def _methods(uow: UnitOfWork, section: int) -> tuple[dict[str, TestItem], dict[str, MethodVersion]]:
    items = {
        code: TestItem(
            code=code, name_zh=zh, name_en=en, field="food_chemistry", section_id=section, price=D(100)
        )
        for code, zh, en, *_ in METHODS
    }
    editions = {
        code: StandardEdition(
            code=standard,
            title_zh=f"{zh}的测定",
            title_en=f"Determination of {en}",
            in_force_from=date(2010, 1, 1),
        )
        for code, zh, en, standard, *_ in METHODS
    }
    _added(uow, items)
    _added(uow, editions)
    methods = _added(
        uow,
        {
            code: Method(test_item_id=item.id, standard_id=editions[code].id, clause="第一法")
            for code, item in items.items()
        },
    )
    versions = {}
    for code, _zh, _en, _standard, figures, inputs in METHODS:
        versions[code] = MethodVersion(method_id=methods[code].id, number=1, created_at=uow.now, **figures)
        versions[code].inputs = [
            MethodInput(**{"position": n, "low": D(0), **said}) for n, said in enumerate(inputs)
        ]
    _added(uow, versions)
    for version in versions.values():
        version.released_at = uow.now  # nothing is added to a released version, inputs neither
    return items, versions


def _limits(
    uow: UnitOfWork, items: Mapping[str, TestItem], categories: Mapping[str, Category]
) -> dict[str, Limit]:
    since = date(2015, 1, 1)
    codes = dict.fromkeys(standard for _, _, standard, _ in LIMITS)
    standards = _added(
        uow,
        {
            code: StandardEdition(code=code, title_zh=code, title_en=code, in_force_from=since)
            for code in codes
        },
    )
    return _added(
        uow,
        {
            item: Limit(
                **{
                    "standard_id": standards[standard].id,
                    "test_item_id": items[item].id,
                    "category_id": categories[category].id,
                    "unit": "mg/kg",
                    "valid_from": since,
                    **figures,
                }
            )
            for item, category, standard, figures in LIMITS
        },
    )


def _devices(uow: UnitOfWork, section: int, today: date) -> tuple[int, int, int, int]:
    _added(
        uow,
        {
            code: EquipmentClass(code=code, name_zh=zh, name_en=en)
            for code, zh, en in (
                ("balance", "天平", "Balance"),
                ("thermometer", "温度计", "Thermometer"),
                ("oven", "烘箱", "Oven"),
            )
        },
    )
    equipment = _added(
        uow,
        {
            code: Equipment(
                code=code,
                name_zh=zh,
                name_en=en,
                equipment_class=kind,
                section_id=section,
                model=model,
                identity=identity,
            )
            for code, zh, en, kind, model, identity in (
                ("LH-001", "电子天平", "Analytical balance", "balance", "XS204", "B123456789"),
                ("LH-010", "电热干燥箱", "Drying oven", "oven", "DHG-9070", None),
            )
        },
    )
    balance, oven = (row.id for row in equipment.values())
    for number in (balance, oven):
        make_calibration(uow, number, due_on=today + timedelta(days=200))
    gateway = uow.add(
        Gateway(name="bench-pc-1", state=GatewayState.ENROLLED, public_key=public_bytes(BENCH_KEY).hex())
    ).id
    device = uow.add(Device(gateway_id=gateway, name="balance-1", equipment_id=balance)).id
    return balance, oven, gateway, device


def make_calibration(
    uow: UnitOfWork, equipment: int, *, due_on: date, accepted: bool = True
) -> CalibrationRecord:
    """A calibration of a year that ends on ``due_on``, valid from 0 to 220 g. Inside the caller's unit of work."""
    return uow.add(
        CalibrationRecord(
            equipment_id=equipment,
            certificate_number=f"JZ{due_on:%Y%m%d}-{equipment}",
            laboratory="省计量科学研究院",
            calibrated_on=due_on - timedelta(days=364),
            due_on=due_on,
            accepted=accepted,
            range_low=D(0),
            range_high=D(220),
            unit="g",
            recorded_at=uow.now,
        )
    )


def make_budget(
    uow: UnitOfWork, laboratory: Laboratory, code: str, text: BudgetText, *, released: bool = True
) -> UncertaintyBudget:
    """A budget of the method that measures ``code``, in use for orders registered from now on."""
    method_id = uow.session.get_one(MethodVersion, laboratory.versions[code]).method_id
    row = draft_budget(uow, actor=SYSTEM, method_id=method_id, text=text)
    return release_budget(uow, actor=SYSTEM, budget_id=row.id) if released else row

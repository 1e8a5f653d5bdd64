"""Rows that intake's tests stand on: accounts, catalogue, a customer. Name only what matters."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from lims.catalogue.models import (
    BusinessType,
    Category,
    Method,
    MethodVersion,
    Package,
    PackageItem,
    Payer,
    ResultKind,
    StandardEdition,
    TestItem,
)
from lims.core.permissions import SYSTEM, Actor, Role, permissions_of
from lims.core.uow import UnitOfWork
from lims.intake.models import Contact, Customer, CustomerAccount, Order, RequestedTest, Sample, StoragePlace
from lims.intake.states import OrderState, SampleState
from lims.people.models import Account, AccountRole, Section

LONG_AGO = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)


def actor(number: int, name: str, *roles: Role, customer_id: int | None = None) -> Actor:
    return Actor(
        id=number,
        name=name,
        permissions=permissions_of(roles),
        roles=frozenset(roles),
        customer_id=customer_id,
    )


CLERK = actor(1, "前台", Role.RECEPTION)
SECOND_CLERK = actor(2, "前台二", Role.RECEPTION)
ANALYST = actor(3, "检验员", Role.ANALYST)
HEAD = actor(4, "室主任", Role.SECTION_HEAD)
REVIEWER = actor(5, "校核", Role.REVIEWER)
SAMPLER = actor(6, "抽样员", Role.SAMPLER)
ADMINISTRATOR = actor(7, "管理员", Role.ADMINISTRATOR)
BAKER = actor(8, "面包厂", Role.CUSTOMER, customer_id=1)
NOODLE_MAKER = actor(9, "米粉厂", Role.CUSTOMER, customer_id=2)
PEOPLE = (CLERK, SECOND_CLERK, ANALYST, HEAD, REVIEWER, SAMPLER, ADMINISTRATOR, BAKER, NOODLE_MAKER)

# code, Chinese, English, price: three of the demo day, and two more for five tests a sample.
ITEMS = (
    ("moisture", "水分", "Moisture", "60"),
    ("aluminium", "铝的残留量", "Aluminium residue", "220"),
    ("plate_count", "菌落总数", "Aerobic plate count", "150"),
    ("sulfur_dioxide", "二氧化硫残留量", "Sulfur dioxide", "180"),
    ("melamine", "三聚氰胺", "Melamine", "400"),
)


@dataclass(frozen=True)
class House:
    """Numbers of what was made."""

    section: int
    commissioned: int
    supervision: int
    customer: int
    other_customer: int
    contact: int
    category: int
    package: int
    items: dict[str, int]
    methods: dict[str, int]
    versions: dict[str, int]
    shelf: int


def make_house(uow: UnitOfWork) -> House:
    with uow:
        add = uow.add
        section = add(Section(code="chemistry", name_zh="理化室", name_en="Chemistry")).id
        for who in PEOPLE:
            add(
                Account(
                    username=f"user{who.id}",
                    name_zh=who.name,
                    name_en=f"Person {who.id}",
                    section_id=section,
                    created_at=LONG_AGO,
                )
            )
            for role in who.roles:
                add(AccountRole(account_id=who.id, role=role, granted_at=LONG_AGO))
        category = add(Category(code="bakery", name_zh="糕点", name_en="Pastry", level=1, path="/1/")).id
        items, methods, versions = _catalogue(uow, section)
        package = Package(code="bakery", name_zh="糕点套餐", name_en="Pastry package", category_id=category)
        package.items = [
            PackageItem(test_item_id=items[code], position=n)
            for n, code in enumerate(("moisture", "aluminium", "plate_count"))
        ]
        add(package)
        commissioned = add(
            BusinessType(
                code="commissioned",
                name_zh="委托检验",
                name_en="Commissioned",
                payer=Payer.CUSTOMER,
                working_days=10,
            )
        ).id
        supervision = add(
            BusinessType(
                code="supervision",
                name_zh="监督抽检",
                name_en="Supervision sampling",
                payer=Payer.STATE,
                sampling_form=True,
                backup_sample=True,
                working_days=20,
                retention_days=180,
            )
        ).id
        customer = add(Customer(code="C001", name="好味糕点厂", address="人民路 1 号")).id
        other = add(Customer(code="C002", name="香米米粉有限公司")).id
        contact = add(Contact(customer_id=customer, name="王芳", phone="010-1234")).id
        add(CustomerAccount(account_id=BAKER.id, customer_id=customer))
        add(CustomerAccount(account_id=NOODLE_MAKER.id, customer_id=other))
        shelf = add(StoragePlace(code="LY-01", name_zh="留样室一架", name_en="Retention shelf 1")).id
        uow.audit("test.house", SYSTEM, ("house", 1))
        uow.commit()
    return House(
        section,
        commissioned,
        supervision,
        customer,
        other,
        contact,
        category,
        package.id,
        items,
        methods,
        versions,
        shelf,
    )


def _catalogue(uow: UnitOfWork, section: int) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    items: dict[str, int] = {}
    methods: dict[str, int] = {}
    versions: dict[str, int] = {}
    for n, (code, zh, en, price) in enumerate(ITEMS):
        item = uow.add(
            TestItem(
                code=code,
                name_zh=zh,
                name_en=en,
                field="food_chemistry",
                section_id=section,
                price=Decimal(price),
            )
        )
        standard = uow.add(
            StandardEdition(
                code=f"GB 5009.{n + 3}-2016",
                title_zh=f"{zh}的测定",
                title_en=en,
                in_force_from=date(2017, 3, 1),
            )
        )
        method = uow.add(Method(test_item_id=item.id, standard_id=standard.id, clause="第一法"))
        version = uow.add(
            MethodVersion(
                method_id=method.id,
                number=1,
                result_kind=ResultKind.NUMBER,
                unit="g/100 g",
                formula="x",
                created_at=LONG_AGO,
                released_at=LONG_AGO,
            )
        )
        items[code], methods[code], versions[code] = item.id, method.id, version.id
    return items, methods, versions


def make_order(
    uow: UnitOfWork,
    house: House,
    *,
    customer: int | None = None,
    state: OrderState = OrderState.REGISTERED,
    sample_state: SampleState = SampleState.EXPECTED,
    samples: int = 1,
    tests: int = 1,
    number: str = "WT2026-90001",
) -> Order:
    """An order as bare rows, in any state."""
    late = state in {OrderState.ACCEPTED, OrderState.COMPLETED}
    with uow:
        order = uow.add(
            Order(
                number=number,
                customer_id=customer or house.customer,
                business_type_id=house.commissioned,
                state=state,
                registered_on=date(2026, 11, 23),
                due_on=date(2026, 12, 7),
                price=Decimal("60"),
                registered_by=CLERK.id,
                registered_at=uow.now,
                accepted_by=CLERK.id if late else None,
                accepted_at=uow.now if late else None,
            )
        )
        for n in range(samples):
            here = sample_state is not SampleState.EXPECTED
            sample = uow.add(
                Sample(
                    number=f"{number}-{n + 1}",
                    order_id=order.id,
                    customer_id=order.customer_id,
                    position=n + 1,
                    name=f"蛋糕 {n + 1}",
                    state=sample_state,
                    registered_on=order.registered_on,
                    due_on=order.due_on,
                    received_at=uow.now if here else None,
                    received_by=CLERK.id if here else None,
                )
            )
            for position, code in enumerate(list(house.items)[:tests]):
                uow.add(
                    RequestedTest(
                        sample_id=sample.id,
                        position=position + 1,
                        test_item_id=house.items[code],
                        method_id=house.methods[code],
                        method_version_id=house.versions[code],
                        price=Decimal("60"),
                        due_on=order.due_on,
                        section_id=house.section,
                    )
                )
        uow.audit("test.order", CLERK, order)
        uow.commit()
    return order

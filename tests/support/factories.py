"""A small laboratory for tests and pictures: the items, limits, people and devices of the demo day.

Functions with valid defaults: name only what matters. Figures: GB 5009.3-2016, GB 5009.182-2017,
GB 2760-2024, GB 7099-2015, GB 5009.34-2022, GB/T 22388-2008.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from instruments.canonical import JsonValue, b64, canonical
from instruments.captures import capture_hash
from instruments.clock import instant
from instruments.keys import public_bytes, signing_bytes
from lims.accreditation.models import Authorisation
from lims.bench.models import Capture, CaptureBatch
from lims.bench.states import CaptureKind
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
from lims.intake.models import Customer, Order, RequestedTest, Sample
from lims.intake.states import OrderState, SampleState, TestState
from lims.people.models import Account, AccountRole, Section
from tests.support.accounts import actor_of

D = Decimal
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


def make_laboratory(uow: UnitOfWork) -> Laboratory:
    """Sections, people with authorisations (``novice`` has none), catalogue, a calibrated balance, a gateway."""
    today = local_date(uow.now)
    with uow:
        section = uow.add(Section(code="chemistry", name_zh="理化室", name_en="Chemistry")).id
        accounts = {key: _person(uow, section, *rest) for key, *rest in PEOPLE}
        for code, zh, en in (
            ("balance", "天平", "Balance"),
            ("thermometer", "温度计", "Thermometer"),
            ("oven", "烘箱", "Oven"),
        ):
            uow.add(EquipmentClass(code=code, name_zh=zh, name_en=en))
        categories = {
            code: uow.add(
                Category(code=code, name_zh=zh, name_en=en, level=1, path=f"/{number}/", id=number)
            ).id
            for number, code, zh, en in (
                (1, "bakery", "糕点", "Pastry"),
                (2, "rice_noodles", "米粉", "Rice noodles"),
                (3, "milk_powder", "乳粉", "Milk powder"),
            )
        }
        items, versions, limits = _catalogue(uow, section, categories)
        methods = {v.id: v.method_id for v in (uow.session.get(MethodVersion, n) for n in versions.values())}
        for key in ("analyst", "second_analyst"):
            for method_id in methods.values():
                uow.add(
                    Authorisation(
                        account_id=accounts[key].id,
                        method_id=method_id,
                        valid_from=today - timedelta(days=300),
                        valid_to=today + timedelta(days=300),
                    )
                )
        types = {
            code: uow.add(
                BusinessType(
                    code=code, name_zh=zh, name_en=en, payer=Payer.CUSTOMER, working_days=10, judged=judged
                )
            ).id
            for code, zh, en, judged in (
                ("commissioned", "委托检验", "Commissioned", True),
                ("supervision", "监督抽检", "Supervision sampling", True),
                ("monitoring", "风险监测", "Risk monitoring", False),
            )
        }
        customer = uow.add(Customer(code="KH1", name="桂香斋食品有限公司", name_en="Guixiangzhai Foods")).id
        balance, oven, gateway, device = _devices(uow, section, today)
        uow.audit("test.laboratory", SYSTEM, ("laboratory", 1))
        uow.commit()
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


def _person(uow: UnitOfWork, section: int, zh: str, en: str, role: Role) -> Account:
    account = Account(
        username=en.split()[1].lower() + str(len(zh)) + en[0].lower(),
        name_zh=zh,
        name_en=en,
        section_id=section,
        created_at=uow.now,
    )
    account.roles = [AccountRole(role=role, granted_at=uow.now)]
    return uow.add(account)


def _catalogue(
    uow: UnitOfWork, section: int, categories: dict[str, int]
) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    items: dict[str, int] = {}
    versions: dict[str, int] = {}

    def method(
        code: str, zh: str, en: str, standard: str, inputs: Sequence[MethodInput], **version: object
    ) -> None:
        item = uow.add(
            TestItem(
                code=code, name_zh=zh, name_en=en, field="food_chemistry", section_id=section, price=D(100)
            )
        )
        edition = uow.add(
            StandardEdition(
                code=standard,
                title_zh=f"{zh}的测定",
                title_en=f"Determination of {en}",
                in_force_from=date(2010, 1, 1),
            )
        )
        row = uow.add(Method(test_item_id=item.id, standard_id=edition.id, clause="第一法"))
        made = MethodVersion(method_id=row.id, number=1, created_at=uow.now, **version)
        made.inputs = list(inputs)
        items[code], versions[code] = item.id, uow.add(made).id
        made.released_at = uow.now  # nothing is added to a released version, inputs neither

    labels = (("称量皿质量", "dish"), ("称量皿和试样", "dish and sample"), ("烘干后", "after drying"))
    method(
        "moisture",
        "水分",
        "Moisture",
        "GB 5009.3-2016",
        [
            MethodInput(
                position=n,
                name=name,
                label_zh=zh,
                label_en=en,
                unit="g",
                equipment_class="balance",
                typed=False,
                low=D(0),
                high=D(220),
            )
            for n, (name, (zh, en)) in enumerate(zip(WEIGHINGS, labels, strict=True))
        ],
        result_kind=ResultKind.NUMBER,
        unit="g/100 g",
        formula="100 * (m1 - m2) / (m1 - m0)",
        round_to=D("0.1"),
    )
    method(
        "aluminium",
        "铝的残留量(干样品,以Al计)",
        "Aluminium, dry basis",
        "GB 5009.182-2017",
        [
            MethodInput(
                position=1, name="as_is", label_zh="试样含量", label_en="as is", unit="mg/kg", low=D(0)
            )
        ],
        result_kind=ResultKind.NUMBER,
        unit="mg/kg",
        formula="as_is / (1 - @moisture / 100)",
        round_to=D("0.1"),
        lod=D("0.5"),
        loq=D("1.5"),
    )
    method(
        "plate_count",
        "菌落总数",
        "Aerobic plate count",
        "GB 4789.2-2022",
        [
            MethodInput(
                position=1,
                name="count",
                label_zh="菌落数",
                label_en="count",
                unit="CFU/g",
                replicates=5,
                low=D(0),
            )
        ],
        result_kind=ResultKind.COUNTS,
        unit="CFU/g",
        formula="",
    )
    method(
        "sulfur_dioxide",
        "二氧化硫残留量",
        "Sulfur dioxide",
        "GB 5009.34-2022",
        [MethodInput(position=1, name="found", label_zh="测定值", label_en="found", unit="mg/kg", low=D(0))],
        result_kind=ResultKind.NUMBER,
        unit="mg/kg",
        formula="found",
        round_to=D("1"),
        lod=D(3),
        loq=D(10),
    )
    method(
        "melamine",
        "三聚氰胺",
        "Melamine",
        "GB/T 22388-2008",
        [MethodInput(position=1, name="found", label_zh="测定值", label_en="found", unit="mg/kg", low=D(0))],
        result_kind=ResultKind.NUMBER,
        unit="mg/kg",
        formula="found",
        round_to=D("0.1"),
        lod=D("0.5"),
        loq=D("2"),
        conditions_required=True,
    )
    limits = {
        "aluminium": _limit(
            uow, "GB 2760-2024", items["aluminium"], categories["bakery"], LimitKind.MAX, high=D(100)
        ),
        "plate_count": _limit(
            uow,
            "GB 7099-2015",
            items["plate_count"],
            categories["bakery"],
            LimitKind.PLAN,
            n=5,
            c=2,
            m_small=D(10000),
            m_large=D(100000),
            unit="CFU/g",
        ),
        "sulfur_dioxide": _limit(
            uow, "GB 2760-2024", items["sulfur_dioxide"], categories["rice_noodles"], LimitKind.NOT_PERMITTED
        ),
        "melamine": _limit(
            uow, "GB 2761-2017", items["melamine"], categories["milk_powder"], LimitKind.MAX, high=D("2.5")
        ),
    }
    return items, versions, limits


def _limit(
    uow: UnitOfWork,
    code: str,
    item: int,
    category: int,
    kind: LimitKind,
    unit: str = "mg/kg",
    **figures: object,
) -> int:
    standard = uow.session.query(StandardEdition).filter_by(code=code).first() or uow.add(
        StandardEdition(code=code, title_zh=code, title_en=code, in_force_from=date(2015, 1, 1))
    )
    return uow.add(
        Limit(
            standard_id=standard.id,
            test_item_id=item,
            category_id=category,
            kind=kind,
            unit=unit,
            valid_from=date(2015, 1, 1),
            **figures,
        )
    ).id


def _devices(uow: UnitOfWork, section: int, today: date) -> tuple[int, int, int, int]:
    balance, oven = (
        uow.add(
            Equipment(
                code=code,
                name_zh=zh,
                name_en=en,
                equipment_class=kind,
                section_id=section,
                model=model,
                identity=identity,
            )
        ).id
        for code, zh, en, kind, model, identity in (
            ("LH-001", "电子天平", "Analytical balance", "balance", "XS204", "B123456789"),
            ("LH-010", "电热干燥箱", "Drying oven", "oven", "DHG-9070", None),
        )
    )
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


def make_tests(
    uow: UnitOfWork,
    laboratory: Laboratory,
    *codes: str,
    samples: int = 1,
    business: str = "commissioned",
    category: str = "bakery",
    assignee: str | None = None,
    due_in: int = 5,
    judge: bool = True,
    decision_rule: str = "simple-acceptance",
    report_uncertainty: bool = False,
    name: str = "桂花糕",
) -> list[dict[str, int]]:
    """An accepted order whose samples wait for testing; per sample, item code -> number of the test."""
    today = local_date(uow.now)
    laboratory.serial[0] += 1
    serial = laboratory.serial[0]
    made: list[dict[str, int]] = []
    person = laboratory.actors[assignee].id if assignee else None
    with uow:
        order = uow.add(
            Order(
                number=f"WT2026-{serial:05d}",
                customer_id=laboratory.customer,
                business_type_id=laboratory.types[business],
                state=OrderState.ACCEPTED,
                judge=judge,
                decision_rule=decision_rule,
                report_uncertainty=report_uncertainty,
                registered_on=today,
                due_on=today + timedelta(days=due_in),
                price=D(100),
                registered_at=uow.now,
                accepted_at=uow.now,
            )
        )
        for position in range(1, samples + 1):
            sample = uow.add(
                Sample(
                    number=f"YP2026{serial:04d}{position:03d}",
                    order_id=order.id,
                    customer_id=laboratory.customer,
                    position=position,
                    name=name,
                    category_id=laboratory.categories[category],
                    produced_on=today - timedelta(days=20),
                    state=SampleState.TO_TEST,
                    registered_on=today,
                    due_on=today + timedelta(days=due_in),
                    received_at=uow.now,
                )
            )
            tests = {}
            for place, code in enumerate(codes, 1):
                version = uow.session.get_one(MethodVersion, laboratory.versions[code])
                tests[code] = uow.add(
                    RequestedTest(
                        sample_id=sample.id,
                        position=place,
                        test_item_id=laboratory.items[code],
                        method_id=version.method_id,
                        method_version_id=version.id,
                        state=TestState.ASSIGNED if person else TestState.TO_DO,
                        assignee_id=person,
                        price=D(100),
                        due_on=today + timedelta(days=due_in),
                        section_id=laboratory.section,
                    )
                ).id
            made.append(tests)
        uow.audit("test.order", SYSTEM, order)
        uow.commit()
    return made


def _delivery(
    uow: UnitOfWork, laboratory: Laboratory, seq: int, raw: bytes, event: Mapping[str, str | None]
) -> tuple[bytes, str]:
    """(the body of a delivery with this one capture, the capture's hash), as the gateway writes them."""
    at = instant(uow.now)
    capture: dict[str, JsonValue] = {
        "seq": seq,
        "prev_hash": "0" * 64,
        "device": "balance-1",
        "profile": "mtsics",
        "codec": "mtsics",
        "port": "test",
        "trigger": "take",
        "request_id": None,
        "raw": b64(raw),
        "event": event,
        "captured_at": at,
        "first_mono_ns": str(seq),
        "last_mono_ns": str(seq),
        "boot_id": "b1",
        "serial": None,
        "identity": "unknown",
    }
    digest = capture_hash(canonical(capture))
    document: dict[str, JsonValue] = {
        "gateway": str(laboratory.gateway),
        "epoch": "e1",
        "oldest": seq,
        "sent_at": at,
        "captures": [{**capture, "hash": digest}],
    }
    return canonical(document), digest


def make_capture(
    uow: UnitOfWork,
    laboratory: Laboratory,
    text: str | None,
    *,
    unit: str | None = "g",
    stable: bool | None = True,
    kind: CaptureKind = CaptureKind.READING,
    equipment: int | None = -1,
    flags: str = "",
) -> Capture:
    """A stored reading of the balance, as if the gateway had delivered and signed it (-1: the balance)."""
    laboratory.serial[0] += 1
    seq = laboratory.serial[0]
    raw = f"S S {text or '':>10} {unit or ''}\r\n".encode()
    event = {"kind": kind.value, "value": text, "unit": unit, "stability": "stable" if stable else "unstable"}
    body, digest = _delivery(uow, laboratory, seq, raw, event)
    with uow:
        batch = uow.add(
            CaptureBatch(
                gateway_id=laboratory.gateway,
                epoch="e1",
                received_at=uow.now,
                body=body,
                signature=b64(BENCH_KEY.sign(signing_bytes("captures", body))),
                public_key=public_bytes(BENCH_KEY).hex(),
            )
        )
        row = uow.add(
            Capture(
                gateway_id=laboratory.gateway,
                epoch="e1",
                seq=seq,
                batch_id=batch.id,
                device_id=laboratory.device,
                device_name="balance-1",
                equipment_id=laboratory.balance if equipment == -1 else equipment,
                kind=kind,
                raw=raw,
                text=text,
                value=D(text) if text else None,
                unit=unit,
                stable=stable,
                profile="mtsics",
                captured_at=uow.now,
                mono_ns=seq,
                boot_id="b1",
                received_at=uow.now,
                prev_hash="0" * 64,
                hash=digest,
                flags=flags,
            )
        )
        uow.audit("capture.store", SYSTEM, row)
        uow.commit()
    return row

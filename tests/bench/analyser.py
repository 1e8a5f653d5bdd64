"""A discrete analyser in the laboratory of these tests: equipment, device, a method that reads from it."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from lims.accreditation.models import Authorisation
from lims.bench.analyser.names import save_names
from lims.catalogue.models import Method, MethodInput, MethodVersion, ResultKind, StandardEdition, TestItem
from lims.core.clock import local_date
from lims.core.permissions import SYSTEM
from lims.core.uow import UnitOfWork
from lims.equipment.models import CalibrationRecord, Device, Equipment, EquipmentClass
from tests.support.bench_gateway import BenchGateway
from tests.support.laboratory import Laboratory

NAME = "NH3|N^氨"


@dataclass
class Analyser:
    equipment: int
    device: int
    item: int

    def says(self, gateway: BenchGateway, **changed: object) -> dict:
        """What its gateway says of it in a live post."""
        return gateway.device(
            None, device="analyser-1", serial=None, expected_serial=None, profile="astm-worklist",
            **{"can": ["orders"], **changed},
        )  # fmt: skip


def make_analyser(uow: UnitOfWork, laboratory: Laboratory, *, named: bool = True) -> Analyser:
    today = local_date(uow.now)
    with uow:
        uow.add(EquipmentClass(code="analyser", name_zh="间断化学分析仪", name_en="Discrete analyser"))
        equipment = uow.add(
            Equipment(
                code="YQ-106",
                name_zh="间断化学分析仪",
                name_en="Discrete analyser",
                equipment_class="analyser",
                section_id=laboratory.section,
            )
        )
        uow.add(
            CalibrationRecord(
                equipment_id=equipment.id,
                certificate_number="JZ-106",
                laboratory="省计量科学研究院",
                calibrated_on=today - timedelta(days=10),
                due_on=today + timedelta(days=300),
                accepted=True,
                range_low=Decimal(0),
                range_high=Decimal(5),
                unit="mg/L",
                recorded_at=uow.now,
            )
        )
        device = uow.add(Device(gateway_id=laboratory.gateway, name="analyser-1", equipment_id=equipment.id))
        item = _method(uow, laboratory)
        uow.audit("test.analyser", SYSTEM, equipment)
        uow.commit()
    if named:
        save_names(uow, actor=EVERYTHING, equipment_id=equipment.id, names={item: NAME})
    return Analyser(equipment.id, device.id, item)


EVERYTHING = SYSTEM


def _method(uow: UnitOfWork, laboratory: Laboratory) -> int:
    item = uow.add(
        TestItem(
            code="ammonia",
            name_zh="氨氮",
            name_en="Ammonia",
            field="water",
            section_id=laboratory.section,
            price=Decimal(50),
        )
    )
    edition = uow.add(
        StandardEdition(code="HJ 535", title_zh="氨氮", title_en="Ammonia", in_force_from=date(2010, 1, 1))
    )
    method = uow.add(Method(test_item_id=item.id, standard_id=edition.id, clause="1"))
    version = MethodVersion(
        method_id=method.id,
        number=1,
        created_at=uow.now,
        result_kind=ResultKind.NUMBER,
        unit="mg/L",
        formula="found",
        round_to=Decimal("0.001"),
    )
    version.inputs = [
        MethodInput(
            position=1,
            name="found",
            label_zh="测定值",
            label_en="found",
            unit="mg/L",
            equipment_class="analyser",
            typed=False,
            low=Decimal(0),
        )
    ]
    uow.add(version)
    version.released_at = uow.now
    laboratory.items["ammonia"], laboratory.versions["ammonia"] = item.id, version.id
    today = local_date(uow.now)
    for who in ("analyst", "second_analyst"):
        uow.add(
            Authorisation(
                account_id=laboratory.accounts[who].id,
                method_id=method.id,
                valid_from=today - timedelta(days=30),
                valid_to=today + timedelta(days=300),
            )
        )
    return item.id

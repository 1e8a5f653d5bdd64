"""Accepted orders, as they are once reception has registered them."""

from datetime import timedelta
from decimal import Decimal

from lims.catalogue.models import MethodVersion
from lims.core.clock import local_date
from lims.core.permissions import SYSTEM
from lims.core.uow import UnitOfWork
from lims.intake.models import Order, RequestedTest, Sample
from lims.intake.states import OrderState, SampleState, TestState
from tests.support.laboratory import Laboratory

D = Decimal


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

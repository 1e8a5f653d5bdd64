"""Samples of the laboratory's own quality control: nobody brought them, they begin at the bench.

They are samples like others, with numbers, custody, inputs and results; only lists of customers' work, reports
and the retention store leave them out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import ScalarSelect, select

from lims.catalogue.business import BusinessTypeText, business_type_of_code
from lims.catalogue.models import BusinessType, MethodVersion, Payer
from lims.core.clock import local_date
from lims.core.numbering import take_numbers
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.intake.models import CustodyEvent, Customer, Order, RequestedTest, Sample
from lims.intake.search import index_texts
from lims.intake.states import CustodyKind, OrderState, SampleState, TestState

#: Code of the business type; its names and clock may be edited like those of others.
INTERNAL_CONTROL = "internal_control"
OWN_LABORATORY = "INTERNAL"
# Reception does not offer it: controls come from worksheets.
_TYPE = BusinessTypeText(
    INTERNAL_CONTROL, "内部质量控制", "Internal quality control", Payer.STATE, 1, judged=False, active=False
)


def internal_type() -> ScalarSelect[int]:
    """Number of the business type of quality control, as part of a query; NULL before the first control."""
    return select(BusinessType.id).where(BusinessType.code == INTERNAL_CONTROL).scalar_subquery()


@dataclass(frozen=True, slots=True)
class ControlWork:
    """Controls measured by one analyst with one method version. ``reference``: of what they belong to."""

    reference: str
    version: MethodVersion
    analyst_id: int
    due_on: date


def add_control_samples(
    uow: UnitOfWork, actor: Actor, work: ControlWork, names: Sequence[str]
) -> list[RequestedTest]:
    """A sample with one assigned test for each name, in the hands of the analyst.

    Inside the caller's unit of work.
    """
    today = local_date(uow.now)
    order = _order(uow, actor, work, today)
    numbers = take_numbers(uow, "control", today, len(names))
    item = work.version.method.test_item
    made = []
    for position, (number, name) in enumerate(zip(numbers, names, strict=True), 1):
        sample = _sample(uow, actor, order, work, number, position, name)
        made.append(
            uow.add(
                RequestedTest(
                    sample_id=sample.id,
                    test_item_id=item.id,
                    method_id=work.version.method_id,
                    method_version_id=work.version.id,
                    state=TestState.ASSIGNED,
                    price=Decimal(0),
                    due_on=work.due_on,
                    section_id=item.section_id,
                    assignee_id=work.analyst_id,
                )
            )
        )
    texts = [(t.sample_id, (number, name)) for t, number, name in zip(made, numbers, names, strict=True)]
    index_texts(uow, texts)
    uow.audit("sample.control", actor, order, after={"samples": list(numbers), "names": list(names)})
    return made


def _sample(
    uow: UnitOfWork, actor: Actor, order: Order, work: ControlWork, number: str, position: int, name: str
) -> Sample:
    sample = uow.add(
        Sample(
            number=number,
            order_id=order.id,
            customer_id=order.customer_id,
            business_type_id=order.business_type_id,
            position=position,
            name=name,
            state=SampleState.TO_TEST,
            registered_on=local_date(uow.now),
            due_on=work.due_on,
            received_at=uow.now,
            received_by=actor.id,
            holder_id=work.analyst_id,
        )
    )
    uow.add(
        CustodyEvent(
            sample_id=sample.id,
            at=uow.now,
            kind=CustodyKind.RECEIVED,
            actor_id=actor.id,
            to_holder_id=work.analyst_id,
        )
    )
    return sample


def _order(uow: UnitOfWork, actor: Actor, work: ControlWork, today: date) -> Order:
    found = uow.session.scalars(select(Order).where(Order.number == work.reference)).first()
    if found is not None:
        return found
    order = uow.add(
        Order(
            number=work.reference,
            customer_id=_own_laboratory(uow, actor).id,
            business_type_id=business_type_of_code(uow, actor, _TYPE).id,
            state=OrderState.ACCEPTED,
            judge=False,
            registered_on=today,
            due_on=work.due_on,
            price=Decimal(0),
            registered_by=actor.id,
            registered_at=uow.now,
            accepted_by=actor.id,
            accepted_at=uow.now,
        )
    )
    uow.audit("order.control", actor, order)
    return order


def _own_laboratory(uow: UnitOfWork, actor: Actor) -> Customer:
    row = uow.session.scalars(select(Customer).where(Customer.code == OWN_LABORATORY)).first()
    if row is None:
        row = uow.add(
            Customer(
                code=OWN_LABORATORY,
                name="本实验室（内部质量控制）",
                name_en="Own laboratory (quality control)",
            )
        )
        uow.audit("customer.add", actor, row)
    return row

"""Open orders that hang on a standard, by their tests, for currency checks of the catalogue below."""

from collections.abc import Collection, Iterable
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lims.catalogue.models import Method
from lims.catalogue.touched import Touched, TouchedKind
from lims.intake.models import Order, RequestedTest, Sample
from lims.intake.states import TestState

# A verified or cancelled test no longer asks which edition it follows.
OPEN_TESTS = (
    TestState.TO_DO,
    TestState.ASSIGNED,
    TestState.IN_PROGRESS,
    TestState.SUBMITTED,
    TestState.RETURNED,
)


def orders_touched(session: Session, standard_ids: Collection[int], _on: date) -> Iterable[Touched]:
    """Orders with open tests by a method of the standard, and how many."""
    rows = session.execute(
        select(Method.standard_id, Order.id, Order.number, func.count())
        .join(RequestedTest, RequestedTest.method_id == Method.id)
        .join(Sample, Sample.id == RequestedTest.sample_id)
        .join(Order, Order.id == Sample.order_id)
        .where(Method.standard_id.in_(standard_ids), RequestedTest.state.in_(OPEN_TESTS))
        .group_by(Method.standard_id, Order.id, Order.number)
        .order_by(Order.id)
    )
    for standard_id, ident, number, count in rows:
        names = (f"{number}（{count} 项）", f"{number} ({count} {'test' if count == 1 else 'tests'})")
        yield Touched(standard_id, TouchedKind.ORDER, *names, "intake.order", {"order_id": ident})

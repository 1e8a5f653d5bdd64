"""Tests of an order by an edition that is withdrawn or in transition, and carrying them over to the one in force."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.accreditation.gate import check_many
from lims.accreditation.people import authorised_by_method
from lims.catalogue.choose import methods_for, standard_problem, successors, transition_note
from lims.catalogue.models import Method, MethodVersion, StandardEdition
from lims.catalogue.wording import Sentence, in_language
from lims.core.clock import local_date
from lims.core.errors import Conflict, InvalidInput
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.intake.models import Order, RequestedTest, Sample
from lims.intake.states import OrderState, TestState

NOT_BEGUN = (TestState.TO_DO, TestState.ASSIGNED)


@dataclass(frozen=True, slots=True)
class OldEdition:
    """A test that was not begun. ``why``: until when, or since when not; ``new``: what measures the item today.

    ``must``: by the old edition it cannot begin any more.
    """

    test: RequestedTest
    sample: str
    why: Sentence
    must: bool
    new: MethodVersion | None


def old_editions(session: Session, order_id: int, on: date) -> list[OldEdition]:
    """A fixed number of queries."""
    rows = session.execute(
        select(RequestedTest, Sample.number)
        .join(Sample, Sample.id == RequestedTest.sample_id)
        .join(Method, Method.id == RequestedTest.method_id)
        .join(StandardEdition, StandardEdition.id == Method.standard_id)
        .where(Sample.order_id == order_id, RequestedTest.state.in_(NOT_BEGUN))
        .where(StandardEdition.withdrawn_from.is_not(None))
        .order_by(RequestedTest.id)
    )
    aging = [(test, number) for test, number in rows.unique()]
    replaced = successors(session, {test.method.standard for test, _number in aging})
    told = [(test, number, _why(test, on, replaced)) for test, number in aging]
    today = methods_for(session, {test.test_item_id for test, _number, why in told if why}, on)
    return [
        OldEdition(
            test,
            number,
            why,
            standard_problem(test.method, on) is not None,
            _newer(test, today[test.test_item_id].version),
        )
        for test, number, why in told
        if why is not None
    ]


def _why(test: RequestedTest, on: date, replaced: Mapping[int, str]) -> Sentence | None:
    return standard_problem(test.method, on, replaced) or transition_note(test.method, on, replaced)


def _newer(test: RequestedTest, version: MethodVersion | None) -> MethodVersion | None:
    return None if version is None or version.method_id == test.method_id else version


def carry_over(uow: UnitOfWork, *, actor: Actor, order_id: int, reason: str) -> list[RequestedTest]:
    """Agree the edition in force for every test of the order that is not begun and follows an older one.

    The customer has to know (ISO/IEC 17025 7.1.5); ``reason`` says so. Raises Conflict (``nothing_to_carry``,
    ``new_edition_not_ready`` while the gate refuses the new method, ``assignee_not_authorised``).
    """
    actor.require(Permission.ORDER_ACCEPT)
    if not reason.strip():
        sentence = _("Say why.")
        raise InvalidInput(sentence, code="reason_missing", fields={"reason": [sentence]})
    with uow:
        order = uow.get(Order, order_id)
        today = local_date(uow.now)
        found = [(one.test, one.new) for one in old_editions(uow.session, order_id, today)]
        pairs = [(uow.get(RequestedTest, test.id), new) for test, new in found if new is not None]
        pairs = [(test, new) for test, new in pairs if test.state in NOT_BEGUN]
        if not pairs or order.state not in (OrderState.REGISTERED, OrderState.ACCEPTED):
            raise Conflict(_("No test of this order can be carried over."), code="nothing_to_carry")
        _refuse_unready(uow.session, pairs, today)
        for test, new in pairs:
            test.method_id, test.method_version_id = new.method_id, new.id
            uow.audit("test.carry_over", actor, test, reason=reason.strip())
        uow.commit()
    return [test for test, _new in pairs]


def _refuse_unready(session: Session, pairs: Sequence[tuple[RequestedTest, MethodVersion]], on: date) -> None:
    wanted = select(Sample.id, Sample.category_id).where(
        Sample.id.in_({test.sample_id for test, _n in pairs})
    )
    category = {row.id: row.category_id for row in session.execute(wanted)}
    answers = check_many(session, [(new, category[test.sample_id]) for test, new in pairs], on)
    missing = [link.sentence.text for answer in answers.values() for link in answer.missing if link.blocking]
    if missing:
        raise Conflict(" ".join(dict.fromkeys(missing)), code="new_edition_not_ready")
    able = authorised_by_method(session, {new.method_id for _test, new in pairs}, on)
    for test, new in pairs:
        if test.assignee_id is not None and test.assignee_id not in able.get(new.method_id, set()):
            raise Conflict(
                _(
                    "“%(item)s” is with a person who is not authorised for the new method; "
                    "give it back to the pool first.",
                    item=in_language(test.test_item.name_zh, test.test_item.name_en),
                ),
                code="assignee_not_authorised",
            )

"""Registering, changing and cancelling orders."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import and_, bindparam, insert, select
from sqlalchemy.orm import Session

from lims.catalogue.models import BusinessType, Category, Payer
from lims.core import audit
from lims.core.clock import local_date
from lims.core.errors import Conflict, InvalidInput, NotFound, TransitionRefused
from lims.core.numbering import take_numbers
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.core.workflow import take_step
from lims.intake.customers import add_contact, add_customer
from lims.intake.drafts import LANGUAGES, OrderDraft, SampleDraft, check_samples
from lims.intake.models import Contact, Customer, Order, RequestedTest, Sample
from lims.intake.offer import Chosen, Quote, open_type, quote_of, tests_of_samples
from lims.intake.progress import advance_test
from lims.intake.sampling import add_form, check_form
from lims.intake.search import index_texts
from lims.intake.states import ORDER_STEPS, SAMPLE_STEPS, OrderState, SampleState, TestState
from lims.metrology.decision_rules import AGREED_RULES

MAX_TESTS_OF_ORDER = 20_000
CHANGEABLE = frozenset(
    {
        *("purpose", "note", "report_language", "judge", "return_samples", "contact_id"),
        *("decision_rule", "report_uncertainty"),
    }
)


def register_order(
    uow: UnitOfWork, *, actor: Actor, draft: OrderDraft, request_key: RequestKey | None = None
) -> Order:
    """Save an order with samples (and their sealed backups) and requested tests, all or nothing.

    A customer's account orders for its own customer, and what customers pay for. Raises InvalidInput with
    every fault by field path; Conflict ``customer_name_known`` and ``same_order_today`` where the draft
    must say that it is meant.
    """
    draft = _allowed(actor, draft)
    uow.session.rollback()
    today = local_date(uow.now)
    # Everything that only reads comes before the write lock.
    kind, tests = _checked(uow.session, draft, uow.now, today)
    if actor.customer_id is not None and kind.payer is not Payer.CUSTOMER:
        text = _("This kind of business is not open to customers.")
        raise InvalidInput(text, code="unknown_business_type", fields={"business_type_id": [text]})
    cost = quote_of(uow.session, kind, tests, today)
    backups = draft.backup if draft.backup is not None else kind.backup_sample
    with uow:
        if (earlier := uow.replayed(Order, actor=actor, request_key=request_key)) is not None:
            return earlier
        who = _who(uow, actor, draft)
        order = _order_row(uow, actor, draft, cost, who)
        form = add_form(uow, actor, order.id, draft.sampling_form) if draft.sampling_form else None
        numbers = _insert_samples(uow, draft, order, tests, who, form.id if form else None, backups=backups)
        uow.audit("order.register", actor, order, after=_what(draft, order, numbers, tests))
        uow.remember(order)
        uow.commit()
    return order


def _allowed(actor: Actor, draft: OrderDraft) -> OrderDraft:
    """The draft as this actor may send it. Raises PermissionDenied, InvalidInput."""
    if actor.customer_id is None:
        actor.require(Permission.ORDER_REGISTER)
        return draft
    actor.require(Permission.PORTAL_ORDER)
    if draft.customer_id not in (None, actor.customer_id) or draft.new_customer is not None:
        text = _("This customer does not exist or is not active.")
        raise InvalidInput(text, code="unknown_customer", fields={"customer_id": [text]})
    if draft.sampling_form is not None or draft.backup:
        text = _("Samples under seal are drawn by the laboratory's samplers.")
        raise InvalidInput(text, code="sampling_form", fields={"sampling_form": [text]})
    return replace(draft, customer_id=actor.customer_id)


def _checked(
    session: Session, draft: OrderDraft, now: Any, today: date
) -> tuple[BusinessType, list[list[Chosen]]]:
    check_samples(draft.samples, today)
    if draft.report_language not in LANGUAGES:
        text = _("The report language is zh, en or both.")
        raise InvalidInput(text, fields={"report_language": [text]})
    _check_rule(draft.decision_rule)
    kind = open_type(session, draft.business_type_id)
    if draft.sampling_form is not None:
        check_form(draft.sampling_form, today)
    _check_categories(session, draft.samples)
    tests = tests_of_samples(session, draft, now, today)
    if sum(map(len, tests)) > MAX_TESTS_OF_ORDER:
        text = _("At most %(n)s tests go into one order.", n=MAX_TESTS_OF_ORDER)
        raise InvalidInput(text, code="too_many_tests", fields={"samples": [text]})
    return kind, tests


def _check_rule(name: object) -> None:
    if name not in AGREED_RULES:
        text = _("There is no such decision rule.")
        raise InvalidInput(text, code="unknown_decision_rule", fields={"decision_rule": [text]})


def _check_categories(session: Session, samples: Sequence[SampleDraft]) -> None:
    wanted = {s.category_id for s in samples if s.category_id is not None}
    if not wanted:
        return
    unknown = wanted - set(session.scalars(select(Category.id).where(Category.id.in_(wanted))))
    if unknown:
        text = _("This category does not exist.")
        wrong = {
            f"samples.{n}.category_id": [text] for n, s in enumerate(samples) if s.category_id in unknown
        }
        raise InvalidInput(text, code="unknown_category", fields=wrong)


@dataclass(frozen=True, slots=True)
class _Who:
    """Who orders, and who speaks for them."""

    customer_id: int
    customer: str
    contact_id: int | None


_KNOWN = (
    select(Customer.name, Contact.id.label("contact_id"))
    .outerjoin(Contact, and_(Contact.customer_id == Customer.id, Contact.id == bindparam("contact")))
    .where(Customer.id == bindparam("customer"), Customer.active.is_(True))
)


def _who(uow: UnitOfWork, actor: Actor, draft: OrderDraft) -> _Who:
    """The customer and the contact, made where they are new."""
    if (draft.customer_id is None) == (draft.new_customer is None):
        text = _("Pick a customer or describe a new one.")
        raise InvalidInput(text, code="customer_missing", fields={"customer_id": [text]})
    if draft.new_customer is not None:
        made = add_customer(uow, actor, draft.new_customer, same_name=draft.same_name)
        who = _Who(made.id, made.name, None)
    else:
        assert draft.customer_id is not None
        asked = {"customer": draft.customer_id, "contact": draft.contact_id}
        known = uow.session.execute(_KNOWN, asked).one_or_none()
        if known is None:
            text = _("This customer does not exist or is not active.")
            raise InvalidInput(text, code="unknown_customer", fields={"customer_id": [text]})
        who = _Who(draft.customer_id, known.name, known.contact_id)
    if draft.new_contact is not None:
        return replace(who, contact_id=add_contact(uow, actor, who.customer_id, draft.new_contact).id)
    if draft.contact_id != who.contact_id:
        text = _("This contact does not belong to the customer.")
        raise InvalidInput(text, code="unknown_contact", fields={"contact_id": [text]})
    return who


def _order_row(uow: UnitOfWork, actor: Actor, draft: OrderDraft, cost: Quote, who: _Who) -> Order:
    today = local_date(uow.now)
    fingerprint = fingerprint_of(draft, who.customer_id)
    # Taking the number queues clerks behind each other: what the first saved is visible to the second.
    number = take_numbers(uow, "order", today)[0]
    if not draft.again:
        _refuse_twin(uow.session, fingerprint, today)
    return uow.insert(
        Order(
            number=number,
            version=1,
            customer_id=who.customer_id,
            contact_id=who.contact_id,
            business_type_id=draft.business_type_id,
            state=OrderState.REGISTERED,
            purpose=draft.purpose.strip(),
            report_language=draft.report_language,
            judge=draft.judge,
            decision_rule=draft.decision_rule,
            report_uncertainty=draft.report_uncertainty,
            return_samples=draft.return_samples,
            registered_on=today,
            due_on=cost.due_on,
            price=cost.price,
            note=draft.note.strip(),
            registered_by=actor.id,
            registered_at=uow.now,
            fingerprint=fingerprint,
        )
    )


_TWIN = (
    select(Order.number)
    .where(Order.fingerprint == bindparam("alike"), Order.registered_on == bindparam("today"))
    .where(Order.state != OrderState.CANCELLED)
    .limit(1)
)


def _refuse_twin(session: Session, fingerprint: str, today: date) -> None:
    twin = session.execute(_TWIN, {"alike": fingerprint, "today": today}).scalar_one_or_none()
    if twin is not None:
        raise Conflict(
            _("The same order was saved today already as %(number)s.", number=twin), code="same_order_today"
        )


def fingerprint_of(draft: OrderDraft, customer_id: int) -> str:
    """SHA-256 of what is ordered for whom; not of remarks and contacts."""
    samples = [
        (
            *s.likeness,
            s.expires_on,
            s.quantity,
            sorted({*s.items, *draft.items}),
            sorted({*s.packages, *draft.packages}),
        )
        for s in draft.samples
    ]
    return hashlib.sha256(
        audit.canonical([customer_id, draft.business_type_id, samples]).encode()
    ).hexdigest()


def _insert_samples(
    uow: UnitOfWork,
    draft: OrderDraft,
    order: Order,
    tests: Sequence[Sequence[Chosen]],
    who: _Who,
    form_id: int | None,
    *,
    backups: bool,
) -> list[str]:
    """Rows by executemany (four times as fast as objects). Returns the numbers of the main samples."""
    count = len(draft.samples)
    numbers = take_numbers(uow, "sample", order.registered_on, count * (2 if backups else 1))
    main = [_sample_row(s, n, order, numbers[n - 1], form_id) for n, s in enumerate(draft.samples, 1)]
    ids = _insert_sample_rows(uow, main, who.customer, order.number)
    if backups:
        spare = [
            {**row, "number": numbers[count + n], "backup_of_id": ids[row["number"]]}
            for n, row in enumerate(main)
        ]
        _insert_sample_rows(uow, spare, who.customer, order.number)
    uow.insert_many(
        RequestedTest,
        [
            _test_row(ids[row["number"]], place, chosen, order.due_on)
            for row, wanted in zip(main, tests, strict=True)
            for place, chosen in enumerate(wanted, 1)
        ],
    )
    return numbers[:count]


_INSERT_SAMPLES = insert(Sample.__table__).returning(  # type: ignore[arg-type]
    Sample.__table__.c.number, Sample.__table__.c.id
)


def _insert_sample_rows(
    uow: UnitOfWork, rows: Sequence[dict[str, Any]], customer: str, order: str
) -> dict[str, int]:
    """Insert and index samples. Returns number -> id."""
    uow.noted(Sample)
    done = uow.session.connection().execute(_INSERT_SAMPLES, list(rows))
    ids: dict[str, int] = {row.number: row.id for row in done}
    index_texts(
        uow,
        [
            (
                ids[r["number"]],
                (r["number"], r["name"], r["batch"], r["producer"], r["brand"], customer, order),
            )
            for r in rows
        ],
    )
    return ids


def _sample_row(
    sample: SampleDraft, position: int, order: Order, number: str, form_id: int | None
) -> dict[str, Any]:
    return {
        "number": number,
        "order_id": order.id,
        "customer_id": order.customer_id,
        "business_type_id": order.business_type_id,
        "sampling_form_id": form_id,
        "backup_of_id": None,
        "position": position,
        "name": sample.name.strip(),
        "category_id": sample.category_id,
        "specification": sample.specification.strip(),
        "brand": sample.brand.strip(),
        "batch": sample.batch.strip(),
        "produced_on": sample.produced_on,
        "expires_on": sample.expires_on,
        "producer": sample.producer.strip(),
        "producer_address": sample.producer_address.strip(),
        "quantity": sample.quantity.strip(),
        "state": SampleState.EXPECTED,
        "registered_on": order.registered_on,
        "due_on": order.due_on,
    }


def _test_row(sample_id: int, position: int, chosen: Chosen, due_on: date) -> dict[str, Any]:
    return {
        "sample_id": sample_id,
        "position": position,
        "test_item_id": chosen.test_item_id,
        "method_id": chosen.method_id,
        "method_version_id": chosen.method_version_id,
        "state": TestState.TO_DO,
        "price": chosen.price,
        "due_on": due_on,
        "section_id": chosen.section_id,
    }


def _what(
    draft: OrderDraft, order: Order, numbers: Sequence[str], tests: Sequence[Sequence[Chosen]]
) -> dict[str, object]:
    return {
        "number": order.number,
        "customer_id": order.customer_id,
        "business_type_id": order.business_type_id,
        "price": order.price,
        "due_on": order.due_on,
        "samples": [
            {"number": number, "name": sample.name, "tests": [c.code for c in wanted]}
            for number, sample, wanted in zip(numbers, draft.samples, tests, strict=True)
        ],
    }


def change_order(
    uow: UnitOfWork, *, actor: Actor, order_id: int, version: int, **changes: str | int | bool | None
) -> Order:
    """Change what CHANGEABLE names, before acceptance."""
    actor.require(Permission.ORDER_REGISTER)
    with uow:
        order = uow.get(Order, order_id, version=version)
        if order.state is not OrderState.REGISTERED:
            raise TransitionRefused(_("An order that was accepted or cancelled is not changed any more."))
        language, contact_id = changes.get("report_language", "zh"), changes.get("contact_id")
        if language not in LANGUAGES:
            text = _("The report language is zh, en or both.")
            raise InvalidInput(text, fields={"report_language": [text]})
        _check_rule(changes.get("decision_rule", order.decision_rule))
        if contact_id is not None:
            owner = uow.session.scalar(select(Contact.customer_id).where(Contact.id == contact_id))
            if owner != order.customer_id:
                text = _("This contact does not belong to the customer.")
                raise InvalidInput(text, code="unknown_contact", fields={"contact_id": [text]})
        for name in changes.keys() & CHANGEABLE:
            setattr(order, name, changes[name])
        uow.audit("order.change", actor, order)
        uow.commit()
    return order


def cancel_order(uow: UnitOfWork, *, actor: Actor, order_id: int, version: int, reason: str) -> Order:
    """Cancel an order whose samples are not in test yet; its samples and tests go with it."""
    actor.require(Permission.ORDER_CANCEL)
    why = reason.strip()
    if not why:
        text = _("Say why the order is cancelled.")
        raise InvalidInput(text, code="reason_missing", fields={"reason": [text]})
    with uow:
        order = uow.get(Order, order_id, version=version)
        order.state = take_step(ORDER_STEPS, "cancel", order.state, actor_id=actor.id)
        order.cancelled_why = why
        uow.audit("order.cancel", actor, order, reason=why)
        samples = uow.session.scalars(
            select(Sample).where(Sample.order_id == order.id).order_by(Sample.id).with_for_update(of=Sample)
        ).all()
        for sample in samples:
            _cancel_sample(uow, actor, sample, why)
        uow.commit()
    return order


def _cancel_sample(uow: UnitOfWork, actor: Actor, sample: Sample, why: str) -> None:
    if sample.state in {SampleState.REFUSED, SampleState.RETURNED, SampleState.CANCELLED}:
        return
    tests = uow.session.scalars(
        select(RequestedTest)
        .where(RequestedTest.sample_id == sample.id, RequestedTest.state != TestState.CANCELLED)
        .order_by(RequestedTest.id)
        .with_for_update(of=RequestedTest)
    ).all()
    for test in tests:
        advance_test(uow, test, "cancel", actor=actor, reason=why)
    sample.state = take_step(SAMPLE_STEPS, "cancel", sample.state, actor_id=actor.id)
    uow.audit("sample.cancel", actor, sample, reason=why)


def get_order(session: Session, actor: Actor, order_id: int) -> Order:
    """Raises NotFound; to a customer every other customer's order does not exist."""
    order = session.get(Order, order_id)
    if order is None or actor.customer_id not in (None, order.customer_id):
        raise NotFound(_("There is no such order."))
    return order

"""Registering orders."""

import threading
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from lims.core.audit import AuditEvent, verify_chain
from lims.core.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    PermissionDenied,
    StaleVersion,
    TransitionRefused,
)
from lims.core.permissions import Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.intake.drafts import NewContact, NewCustomer, OrderDraft, SampleDraft, SamplingFormDraft
from lims.intake.models import Contact, Customer, Order, RequestedTest, Sample, SamplingForm
from lims.intake.offer import quote
from lims.intake.orders import cancel_order, change_order, get_order, register_order
from lims.intake.states import OrderState, SampleState, TestState
from tests.intake.makers import (
    ANALYST,
    BAKER,
    CLERK,
    NOODLE_MAKER,
    SAMPLER,
    SECOND_CLERK,
    make_house,
    make_order,
)

TODAY = date(2026, 11, 23)


@pytest.fixture
def house(uow):
    return make_house(uow)


def draft_of(house, **changes) -> OrderDraft:
    plain = OrderDraft(
        business_type_id=house.commissioned,
        customer_id=house.customer,
        contact_id=house.contact,
        samples=(SampleDraft(name="绿豆糕", batch="B1"), SampleDraft(name="绿豆糕", batch="B2")),
        packages=(house.package,),
    )
    return replace(plain, **changes)


FORM = SamplingFormDraft(
    sampled_firm="香米米粉有限公司", sampled_on=date(2026, 11, 22), sampler_one="张三", sampler_two="李四"
)


def test_an_order_gets_numbers_price_due_date_samples_and_tests(uow, house):
    order = register_order(uow, actor=CLERK, draft=draft_of(house))
    assert order.number == "WT2026-00001"
    # Package: 60 + 220 + 150, two samples; ten working days after Monday 2026-11-23.
    assert (order.price, order.due_on) == (Decimal("860.00"), date(2026, 12, 7))
    samples = uow.session.scalars(select(Sample).order_by(Sample.id)).all()
    assert [s.number for s in samples] == ["YP20260000001", "YP20260000002"]
    assert {s.state for s in samples} == {SampleState.EXPECTED}
    tests = uow.session.scalars(select(RequestedTest).where(RequestedTest.sample_id == samples[0].id)).all()
    assert [t.test_item.code for t in tests] == ["moisture", "aluminium", "plate_count"]
    assert {t.method_version_id for t in tests} == {
        house.versions[c] for c in ("moisture", "aluminium", "plate_count")
    }
    assert verify_chain(uow.session)[1] is None


def test_the_quote_says_what_registering_will_say(uow, house):
    draft = draft_of(house)
    asked = quote(uow.session, draft, uow.now, TODAY)
    order = register_order(uow, actor=CLERK, draft=draft)
    assert (asked.price, asked.due_on) == (order.price, order.due_on)
    free = quote(uow.session, draft_of(house, business_type_id=house.supervision), uow.now, TODAY)
    assert (free.price, free.listed, free.due_on) == (Decimal("0.00"), Decimal("860.00"), date(2026, 12, 21))


def test_supervision_costs_nothing_and_brings_a_sealed_backup_without_tests(uow, house):
    draft = draft_of(house, business_type_id=house.supervision, sampling_form=FORM)
    order = register_order(uow, actor=SAMPLER, draft=draft)
    assert order.price == 0
    main, backups = [], []
    for sample in uow.session.scalars(select(Sample).order_by(Sample.id)):
        (backups if sample.backup_of_id else main).append(sample)
    assert [b.backup_of_id for b in backups] == [m.id for m in main]
    counts = dict(
        uow.session.execute(
            select(RequestedTest.sample_id, func.count()).group_by(RequestedTest.sample_id)
        ).all()
    )
    assert set(counts) == {m.id for m in main}
    form = uow.session.scalars(select(SamplingForm)).one()
    assert {s.sampling_form_id for s in main + backups} == {form.id}


def test_two_samplers_are_two_people(uow, house):
    same = replace(FORM, sampler_two=" 张三 ")
    with pytest.raises(InvalidInput) as refused:
        register_order(uow, actor=SAMPLER, draft=draft_of(house, sampling_form=same))
    assert list(refused.value.fields) == ["sampling_form.sampler_two"]


def test_faults_are_told_row_by_row_and_nothing_is_saved(uow, house):
    samples = (
        SampleDraft(name="蛋糕", produced_on=date(2026, 12, 1)),
        SampleDraft(name="", batch="x"),
        SampleDraft(name="面包", produced_on=date(2026, 11, 1), expires_on=date(2026, 10, 1)),
        SampleDraft(name="酥" * 161),
        SampleDraft(name="饼", items=(999,)),
    )
    with pytest.raises(InvalidInput) as refused:
        register_order(uow, actor=CLERK, draft=draft_of(house, samples=samples[:4]))
    assert set(refused.value.fields) == {
        "samples.0.produced_on",
        "samples.1.name",
        "samples.2.expires_on",
        "samples.3.name",
    }
    with pytest.raises(InvalidInput) as unknown:
        register_order(uow, actor=CLERK, draft=draft_of(house, samples=samples[4:]))
    assert unknown.value.code == "unknown_item"
    assert uow.session.scalar(select(func.count()).select_from(Order)) == 0


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"samples": ()}, "samples_missing"),
        ({"samples": (SampleDraft(name="x"),) * 501}, "too_many_samples"),
        ({"business_type_id": 99}, "unknown_business_type"),
        ({"customer_id": 99}, "unknown_customer"),
        ({"customer_id": None}, "customer_missing"),
        ({"contact_id": 99}, "unknown_contact"),
        ({"packages": (99,)}, "faulty_rows"),
        ({"packages": ()}, "faulty_rows"),
        ({"report_language": "fr"}, "invalid_input"),
        ({"samples": (SampleDraft(name="a\x00"),)}, "bad_character"),
        ({"samples": (SampleDraft(name="a"), SampleDraft(name="a"))}, "duplicate_row"),
        ({"samples": (SampleDraft(name="a", category_id=99),)}, "unknown_category"),
    ],
)
def test_wrong_drafts_are_refused_with_their_code(uow, house, wrong, code):
    with pytest.raises(InvalidInput) as refused:
        register_order(uow, actor=CLERK, draft=draft_of(house, **wrong))
    assert refused.value.code == code
    assert refused.value.fields or code == "unknown_category"


def test_a_new_customer_of_a_known_name_is_asked_about(uow, house):
    twin = NewCustomer(name="好味 糕点厂")
    draft = draft_of(
        house, customer_id=None, contact_id=None, new_customer=twin, new_contact=NewContact("李四")
    )
    with pytest.raises(Conflict) as asked:
        register_order(uow, actor=CLERK, draft=draft)
    assert asked.value.code == "customer_name_known"
    order = register_order(uow, actor=CLERK, draft=replace(draft, same_name=True))
    assert order.customer_id not in (house.customer, house.other_customer)
    assert (
        uow.session.scalars(select(Contact).where(Contact.customer_id == order.customer_id)).one().name
        == "李四"
    )
    assert uow.session.get_one(Customer, order.customer_id).code == "KH2026-0001"


def test_the_same_paste_sent_twice_is_one_order(uow, house):
    key = RequestKey("paste-1", "f" * 64)
    first = register_order(uow, actor=CLERK, draft=draft_of(house), request_key=key)
    second = register_order(uow, actor=CLERK, draft=draft_of(house), request_key=key)
    assert first.id == second.id
    assert uow.session.scalar(select(func.count()).select_from(Sample)) == 2
    with pytest.raises(Conflict) as other:
        register_order(uow, actor=CLERK, draft=draft_of(house), request_key=RequestKey("paste-1", "0" * 64))
    assert other.value.code == "idempotency_mismatch"


def test_a_second_clerk_saving_the_same_order_a_moment_later_is_told(uow, house, clock):
    first = register_order(uow, actor=CLERK, draft=draft_of(house), request_key=RequestKey("a", "1" * 64))
    clock.advance(seconds=20)
    with pytest.raises(Conflict, match=first.number) as refused:
        register_order(uow, actor=SECOND_CLERK, draft=draft_of(house), request_key=RequestKey("b", "1" * 64))
    assert refused.value.code == "same_order_today"
    again = register_order(uow, actor=SECOND_CLERK, draft=draft_of(house, again=True))
    assert again.number == "WT2026-00002"


def test_two_clerks_at_once_save_every_order_with_its_own_numbers(house, new_session, clock):
    failures: list[BaseException] = []

    def clerk(who, mark):
        session = new_session()
        try:
            for n in range(6):
                draft = draft_of(house, samples=(SampleDraft(name=f"{mark}{n}"),))
                register_order(UnitOfWork(session, clock), actor=who, draft=draft)
        except BaseException as problem:
            failures.append(problem)
        finally:
            session.close()

    threads = [
        threading.Thread(target=clerk, args=a) for a in ((CLERK, "甲"), (SECOND_CLERK, "乙"), (SAMPLER, "丙"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with new_session() as session:
        numbers = session.scalars(select(Order.number).order_by(Order.number)).all()
        assert numbers == [f"WT2026-{n:05d}" for n in range(1, 19)]
        assert verify_chain(session)[1] is None


def test_the_same_order_saved_by_two_at_once_is_saved_once(house, new_session, clock):
    outcomes: list[str] = []

    def clerk(who):
        session = new_session()
        try:
            outcomes.append(
                register_order(UnitOfWork(session, clock), actor=who, draft=draft_of(house)).number
            )
        except Conflict as refused:
            outcomes.append(refused.code)
        finally:
            session.close()

    threads = [threading.Thread(target=clerk, args=(who,)) for who in (CLERK, SECOND_CLERK)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["WT2026-00001", "same_order_today"]


def test_who_may_not_register_does_not(uow, house):
    nobodys = replace(BAKER, permissions=frozenset({Permission.SELF}))
    for who in (ANALYST, nobodys):
        with pytest.raises(PermissionDenied):
            register_order(uow, actor=who, draft=draft_of(house))


def test_a_customer_orders_for_itself_and_what_customers_pay(uow, house):
    order = register_order(uow, actor=BAKER, draft=draft_of(house, customer_id=None))
    assert order.customer_id == house.customer
    wrong = {
        "unknown_customer": [{"customer_id": house.other_customer}, {"new_customer": NewCustomer("新厂")}],
        "unknown_business_type": [{"business_type_id": house.supervision}],
        "sampling_form": [{"sampling_form": FORM}, {"backup": True}],
        "unknown_contact": [{"contact_id": 987654}],
    }
    for code, cases in wrong.items():
        for case in cases:
            with pytest.raises(InvalidInput) as refused:
                register_order(uow, actor=BAKER, draft=draft_of(house, **{"customer_id": None, **case}))
            assert refused.value.code == code
    assert uow.session.scalar(select(func.count(Order.id))) == 1


def test_another_customers_order_does_not_exist(uow, house):
    order = register_order(uow, actor=CLERK, draft=draft_of(house))
    assert get_order(uow.session, BAKER, order.id).id == order.id
    with pytest.raises(NotFound):
        get_order(uow.session, NOODLE_MAKER, order.id)


def test_a_stale_change_is_refused_and_an_accepted_order_stays(uow, house):
    order = register_order(uow, actor=CLERK, draft=draft_of(house))
    version = order.version
    change_order(uow, actor=CLERK, order_id=order.id, version=version, purpose="出口")
    with pytest.raises(StaleVersion):
        change_order(uow, actor=SECOND_CLERK, order_id=order.id, version=version, purpose="内销")
    accepted = make_order(uow, house, state=OrderState.ACCEPTED)
    with pytest.raises(TransitionRefused):
        change_order(uow, actor=CLERK, order_id=accepted.id, version=accepted.version, note="x")


def test_cancelling_takes_samples_and_tests_along_and_needs_a_reason(uow, house):
    order = register_order(uow, actor=CLERK, draft=draft_of(house))
    with pytest.raises(InvalidInput):
        cancel_order(uow, actor=CLERK, order_id=order.id, version=order.version, reason="  ")
    cancel_order(uow, actor=CLERK, order_id=order.id, version=order.version, reason="客户撤回")
    assert set(uow.session.scalars(select(Sample.state))) == {SampleState.CANCELLED}
    assert set(uow.session.scalars(select(RequestedTest.state))) == {TestState.CANCELLED}
    assert (
        uow.session.scalars(select(AuditEvent.reason).where(AuditEvent.verb == "order.cancel")).one()
        == "客户撤回"
    )
    started = make_order(uow, house, state=OrderState.ACCEPTED, sample_state=SampleState.IN_TEST)
    with pytest.raises(TransitionRefused):
        cancel_order(uow, actor=CLERK, order_id=started.id, version=started.version, reason="x")

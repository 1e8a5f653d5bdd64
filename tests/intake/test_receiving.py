"""The receive check: accepted or refused, one sample or all of an order, with photo and letter."""

from decimal import Decimal

import pytest
from sqlalchemy import select

from lims.certificates.models import LaboratoryDetails
from lims.core.audit import AuditEvent
from lims.core.errors import (
    InvalidInput,
    NotFound,
    PermissionDenied,
    StaleVersion,
    TransitionRefused,
)
from lims.core.files import FileStore
from lims.core.jobs import Job, JobState, run_one
from lims.core.permissions import SYSTEM
from lims.intake.letters import ask_letter
from lims.intake.models import RequestedTest, Sample
from lims.intake.receiving import Arrival, SealState, receive_many, receive_sample, refuse_sample
from lims.intake.states import OrderState, SampleState, TestState
from tests.intake.makers import ANALYST, CLERK, make_house, make_order
from tests.intake.sample_makers import bomb, chain, check, make_samples, picture, put_in, received
from tests.reports.reading import words_of
from tests.support.backends import settings_for


@pytest.fixture
def house(uow):
    return make_house(uow)


@pytest.fixture
def store(database):
    return FileStore(database.data / "files")


def receive(uow, store, sample, **more):
    wanted = {"actor": CLERK, "check": check(), "version": sample.version} | more
    return receive_sample(uow, sample_id=sample.id, store=store, **wanted)


def refuse(uow, store, sample, reason="包装破损", **more):
    wanted = {"actor": CLERK, "check": check(seal=SealState.BROKEN), "version": sample.version} | more
    return refuse_sample(uow, sample_id=sample.id, reason=reason, store=store, **wanted)


def test_an_accepted_sample_is_held_by_its_receiver_and_kept_for_the_days_of_its_business(
    uow, house, store, clock
):
    (sample,) = make_samples(uow, house)
    done = receive(uow, store, sample)
    assert done.state is SampleState.TO_TEST
    assert (done.holder_id, done.place_id) == (CLERK.id, None)
    assert done.received_at == clock.now
    assert str(done.temperature) == "4.0"
    assert done.retain_until.isoformat() == "2027-02-21"  # 90 days after 2026-11-23
    assert chain(uow, done.id) == ["received"]


def test_a_sample_put_on_a_shelf_at_once_is_in_nobodys_hands(uow, house, store):
    (sample,) = make_samples(uow, house)
    done = receive(uow, store, sample, check=check(place_id=house.shelf))
    assert (done.holder_id, done.place_id) == (None, house.shelf)
    assert chain(uow, done.id) == ["received", "stored"]


def test_the_trail_says_what_the_check_saw_also_with_a_photo(uow, house, store):
    (sample,) = make_samples(uow, house)
    done = receive(uow, store, sample, check=check(photo=picture()))
    event = uow.session.scalars(select(AuditEvent).where(AuditEvent.verb == "sample.receive")).one()
    assert '"state":"to_test"' in event.after
    assert '"amount":"500 g"' in event.after
    assert done.photo_sha256 in event.after
    assert store.read(done.photo_sha256) == picture()


@pytest.mark.parametrize("seal", [SealState.BROKEN, SealState.NONE])
def test_supervision_samples_are_not_accepted_without_an_intact_seal(uow, house, store, seal):
    (sample,) = make_samples(uow, house)
    with uow:
        order = sample.order
        order.business_type_id = house.supervision
        uow.audit("test.type", SYSTEM, order)
        uow.commit()
    uow.session.expire_all()
    with pytest.raises(InvalidInput) as refused:
        receive(uow, store, sample, check=check(seal=seal))
    assert refused.value.code == "seal_not_intact"
    assert "seal" in refused.value.fields
    assert uow.session.get(Sample, sample.id).state is SampleState.EXPECTED


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"amount": "  "}, "amount"),
        ({"condition": ""}, "condition"),
        ({"temperature": Decimal("200.1")}, "temperature"),
        ({"temperature": Decimal("-200.1")}, "temperature"),
        ({"temperature": Decimal("NaN")}, "temperature"),
        ({"place_id": 999}, "place_id"),
        ({"photo": b""}, "photo"),
        ({"photo": b"GIF89a" + b"\0" * 60}, "photo"),
        ({"photo": b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"}, "photo"),
        ({"photo": b"%PDF-1.7\n" + b"\0" * 60}, "photo"),
        ({"photo": b"MZ" + picture()}, "photo"),
        ({"photo": picture()[:20]}, "photo"),
        ({"photo": b"\x89PNG\r\n\x1a\n"}, "photo"),
        ({"photo": bomb()}, "photo"),
        ({"photo": picture("WEBP")}, "photo"),  # a report could not print it
        ({"photo": picture("PNG") + b"\0" * (8 * 1024 * 1024)}, "photo"),
    ],
)
def test_a_check_that_is_not_right_says_which_field_and_changes_nothing(uow, house, store, wrong, field):
    (sample,) = make_samples(uow, house)
    with pytest.raises(InvalidInput) as refused:
        receive(uow, store, sample, check=check(**wrong))
    assert field in refused.value.fields
    assert uow.session.get(Sample, sample.id).state is SampleState.EXPECTED


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_photos_of_both_kinds_are_known_by_their_bytes(uow, house, store, kind):
    (sample,) = make_samples(uow, house)
    done = receive(uow, store, sample, check=check(photo=picture(kind)))
    assert done.photo_sha256


@pytest.mark.parametrize("temperature", ["-200", "200", "0", "-18.00"])
def test_temperatures_at_the_edge_are_taken_with_every_digit(uow, house, store, temperature):
    (sample,) = make_samples(uow, house)
    done = receive(uow, store, sample, check=check(temperature=Decimal(temperature)))
    assert str(done.temperature) == temperature


@pytest.mark.parametrize("state", [s for s in SampleState if s is not SampleState.EXPECTED])
def test_only_an_expected_sample_is_received_or_refused(uow, house, store, state):
    (sample,) = make_samples(uow, house)
    columns = {"received_at": uow.now, "refused_why": "x"}
    if state is SampleState.DISPOSED:
        columns |= {"disposal_asked_by": CLERK.id, "disposal_approved_by": ANALYST.id}
    row = put_in(uow, sample, state, **columns)
    for step in (receive, refuse):
        with pytest.raises(TransitionRefused):
            step(uow, store, row)


def test_a_stale_page_a_cancelled_order_and_a_stranger_receive_nothing(uow, house, store):
    (sample,) = make_samples(uow, house)
    with pytest.raises(StaleVersion):
        receive(uow, store, sample, version=sample.version + 1)
    with pytest.raises(PermissionDenied):
        receive(uow, store, sample, actor=ANALYST)
    with uow:
        order = sample.order
        order.state, order.cancelled_why = OrderState.CANCELLED, "x"
        uow.audit("test.cancel", SYSTEM, order)
        uow.commit()
    with pytest.raises(TransitionRefused, match="WT2026-90001"):
        receive(uow, store, sample)


def test_a_refused_sample_loses_its_tests_and_gets_a_numbered_letter(uow, house, store):
    (sample,) = make_samples(uow, house, tests=2)
    done = refuse(uow, store, sample)
    assert done.state is SampleState.REFUSED
    assert done.refusal_letter_number == "HJ2026-00001"
    assert chain(uow, done.id) == ["received"]
    states = uow.session.scalars(select(RequestedTest.state)).all()
    assert set(states) == {TestState.CANCELLED}
    assert uow.session.scalars(select(Job.kind)).all() == ["intake.refusal_letter"]


def test_a_refusal_without_a_reason_is_none(uow, house, store):
    (sample,) = make_samples(uow, house)
    with pytest.raises(InvalidInput) as refused:
        refuse(uow, store, sample, reason="  ")
    assert refused.value.code == "reason_missing"


def work(database, clock):
    settings = settings_for(database.url, database.data)
    with database.app.app_context():
        return run_one(database.new_session, "w", clock=clock, settings=settings)


def enter_laboratory(uow):
    with uow:
        uow.add(
            LaboratoryDetails(
                id=1,
                name_zh="市质检院",
                name_en="City Institute",
                address_zh="一路 1 号",
                address_en="1 First Rd",
            )
        )
        uow.audit("test.laboratory", SYSTEM, ("laboratory_details", 1))
        uow.commit()


def test_the_letter_is_written_once_the_laboratory_has_a_letterhead(uow, house, store, database, clock):
    (sample,) = make_samples(uow, house)
    refuse(uow, store, sample, reason="封条破损且样品变质")
    assert work(database, clock)
    uow.session.rollback()
    job = uow.session.scalars(select(Job)).one()
    assert job.state is JobState.WAITING
    assert "Conflict" in job.error
    enter_laboratory(uow)
    ask_letter(uow, actor=CLERK, sample_id=sample.id)
    assert work(database, clock)
    uow.session.expire_all()
    row = uow.session.get(Sample, sample.id)
    said = words_of(store.read(row.refusal_letter_sha256))
    for words in ("市质检院", "好味糕点厂", "封条破损且样品变质", row.number, row.refusal_letter_number):
        assert words in said
    first = row.refusal_letter_sha256
    clock.advance(minutes=10)
    assert work(database, clock)  # the job that had failed finds the letter there
    uow.session.expire_all()
    assert uow.session.get(Sample, sample.id).refusal_letter_sha256 == first


def arrival(sample, **more):
    refused_why = more.pop("refused_why", None)
    return Arrival(sample.id, sample.version, check(**more), refused_why)


def test_an_order_is_received_at_once_with_its_exceptions(uow, house, store):
    samples = make_samples(uow, house, 4)
    order_id = samples[0].order_id
    done = receive_many(
        uow,
        actor=CLERK,
        order_id=order_id,
        store=store,
        arrivals=[
            arrival(samples[0]),
            arrival(samples[1], temperature=Decimal("9.5"), place_id=house.shelf),
            arrival(samples[3], seal=SealState.BROKEN, refused_why="破损"),
        ],
    )
    assert [row.state.value for row in done] == ["to_test", "to_test", "refused"]
    assert str(done[1].temperature) == "9.5"
    assert uow.session.get(Sample, samples[2].id).state is SampleState.EXPECTED


def test_one_fault_among_many_is_named_by_its_place_and_nobody_is_received(uow, house, store):
    samples = make_samples(uow, house, 3)
    arrivals = [arrival(samples[0]), arrival(samples[1], amount=""), arrival(samples[2], condition=" ")]
    with pytest.raises(InvalidInput) as refused:
        receive_many(uow, actor=CLERK, order_id=samples[0].order_id, arrivals=arrivals, store=store)
    assert {"samples.1.amount", "samples.2.condition"} <= refused.value.fields.keys()
    states = uow.session.scalars(select(Sample.state)).all()
    assert set(states) == {SampleState.EXPECTED}


def test_what_is_found_late_takes_the_earlier_ones_back_too(uow, house, store):
    samples = make_samples(uow, house, 2)
    receive(uow, store, samples[1])
    fresh = uow.session.get(Sample, samples[1].id)
    with pytest.raises(TransitionRefused):
        receive_many(
            uow,
            actor=CLERK,
            order_id=samples[0].order_id,
            arrivals=[arrival(samples[0]), arrival(fresh)],
            store=store,
        )
    assert uow.session.get(Sample, samples[0].id, populate_existing=True).state is SampleState.EXPECTED


def test_samples_of_another_order_or_named_twice_are_not_received_here(uow, house, store):
    (sample,) = make_samples(uow, house)
    other = make_order(uow, house, number="WT2026-90002")
    with pytest.raises(NotFound):
        receive_many(uow, actor=CLERK, order_id=other.id, arrivals=[arrival(sample)], store=store)
    for arrivals in ([arrival(sample), arrival(sample)], []):
        with pytest.raises(InvalidInput):
            receive_many(uow, actor=CLERK, order_id=sample.order_id, arrivals=arrivals, store=store)


def test_received_makes_samples_that_clerk_holds(uow, house, store):
    assert {row.holder_id for row in received(uow, house, store, 2)} == {CLERK.id}

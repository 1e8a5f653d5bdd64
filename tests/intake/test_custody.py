"""Who has it, where it lies: chains of hand-overs, storing, taking, and taking back."""

import threading

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from lims.core.errors import Conflict, InvalidInput, LimsError, NotFound, PermissionDenied, TransitionRefused
from lims.core.files import FileStore
from lims.core.permissions import SYSTEM
from lims.core.uow import RequestKey, UnitOfWork
from lims.intake.custody import Target, move_samples, move_scanned, people_who_hold, recent_moves, undo_move
from lims.intake.models import CustodyEvent, Sample
from lims.intake.states import SampleState
from lims.intake.storage import change_place, create_place, list_places
from lims.people.models import Account
from tests.intake.makers import ANALYST, BAKER, CLERK, HEAD, REVIEWER, SAMPLER, SECOND_CLERK, make_house
from tests.intake.sample_makers import chain, make_samples, put_in, received, to


@pytest.fixture
def house(uow):
    return make_house(uow)


@pytest.fixture
def store(database):
    return FileStore(database.data / "files")


@pytest.fixture
def sample(uow, house, store):
    return received(uow, house, store)[0]


def move(uow, sample, target, actor=CLERK, **more):
    (done,) = move_samples(uow, actor=actor, sample_ids=[sample.id], target=target, **more)
    return done


def where(uow, sample):
    row = uow.session.get(Sample, sample.id, populate_existing=True)
    return row.holder_id, row.place_id


def test_a_chain_from_reception_to_the_bench_and_into_store(uow, house, sample):
    move(uow, sample, to(ANALYST))
    assert where(uow, sample) == (ANALYST.id, None)
    move(uow, sample, Target(place_id=house.shelf), actor=ANALYST)
    assert where(uow, sample) == (None, house.shelf)
    move(uow, sample, to(HEAD), actor=HEAD)
    assert where(uow, sample) == (HEAD.id, None)
    move(uow, sample, to(CLERK), actor=CLERK, note="复测后交回")
    assert chain(uow, sample.id) == ["received", "handed_over", "stored", "taken", "handed_over"]
    events = uow.session.scalars(select(CustodyEvent).order_by(CustodyEvent.id)).all()
    steps = [(e.from_holder_id, e.from_place_id, e.to_holder_id, e.place_id) for e in events]
    assert steps == [
        (None, None, CLERK.id, None),
        (CLERK.id, None, ANALYST.id, None),
        (ANALYST.id, None, None, house.shelf),
        (None, house.shelf, HEAD.id, None),
        (HEAD.id, None, CLERK.id, None),
    ]
    assert events[-1].note == "复测后交回"


def test_what_makes_no_sense_is_refused_with_a_sentence(uow, house, sample):
    for target, actor, code in (
        (to(CLERK), CLERK, "has_it_already"),
        (to(HEAD), ANALYST, "not_in_your_hands"),
        (Target(place_id=house.shelf), ANALYST, "not_in_your_hands"),
    ):
        with pytest.raises(TransitionRefused) as refused:
            move(uow, sample, target, actor=actor)
        assert refused.value.code == code
        assert sample.number in refused.value.message
    move(uow, sample, Target(place_id=house.shelf))
    with pytest.raises(TransitionRefused) as refused:
        move(uow, sample, Target(place_id=house.shelf))
    assert refused.value.code == "lies_there_already"


@pytest.mark.parametrize(
    ("target", "code"),
    [
        (Target(), "target_missing"),
        (Target(holder_id=3, place_id=1), "target_missing"),
        (Target(place_id=987), "unknown_place"),
        (Target(holder_id=987), "unknown_holder"),
        (Target(holder_id=BAKER.id), "unknown_holder"),
        (Target(holder_id=REVIEWER.id), "unknown_holder"),
    ],
)
def test_a_target_is_one_person_who_works_with_samples_or_one_place_in_use(uow, house, sample, target, code):
    with pytest.raises(InvalidInput) as refused:
        move(uow, sample, target)
    assert refused.value.code == code


def test_a_person_who_left_gets_no_sample(uow, house, sample):
    with uow:
        account = uow.get(Account, ANALYST.id)
        account.retired_at = uow.now
        uow.audit("test.retire", SYSTEM, account)
        uow.commit()
    with pytest.raises(InvalidInput):
        move(uow, sample, to(ANALYST))
    assert {row.id for row in people_who_hold(uow.session)} == {
        CLERK.id,
        SECOND_CLERK.id,
        HEAD.id,
        SAMPLER.id,
    }


def test_who_takes_it_may_act_though_another_holds_it_and_reception_acts_for_reception(uow, house, sample):
    move(uow, sample, to(ANALYST), actor=ANALYST)
    assert where(uow, sample) == (ANALYST.id, None)
    move(uow, sample, Target(place_id=house.shelf), actor=SECOND_CLERK)
    assert where(uow, sample) == (None, house.shelf)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (SampleState.EXPECTED, "not_received"),
        (SampleState.CANCELLED, "not_here"),
        (SampleState.RETURNED, "not_here"),
        (SampleState.DISPOSED, "not_here"),
    ],
)
def test_a_sample_that_is_not_in_the_house_is_not_moved(uow, house, state, code):
    (sample,) = make_samples(uow, house)
    columns = {}
    if state in {SampleState.RETURNED, SampleState.DISPOSED}:
        columns = {"received_at": uow.now, "disposal_asked_by": CLERK.id, "disposal_approved_by": HEAD.id}
    put_in(uow, sample, state, **columns)
    with pytest.raises(TransitionRefused) as refused:
        move(uow, sample, to(ANALYST))
    assert refused.value.code == code


@pytest.mark.parametrize(
    "state",
    [
        SampleState.IN_TEST,
        SampleState.TESTED,
        SampleState.RETAINED,
        SampleState.DISPOSAL_ASKED,
        SampleState.REFUSED,
        SampleState.CANCELLED,
    ],
)
def test_what_lies_here_is_moved_in_every_state(uow, house, sample, state):
    put_in(uow, sample, state, refused_why="x")
    move(uow, sample, Target(place_id=house.shelf))
    assert where(uow, sample) == (None, house.shelf)


def test_who_did_it_takes_it_back_until_the_next_acts(uow, house, sample):
    first = move(uow, sample, to(ANALYST)).event
    with pytest.raises(TransitionRefused) as refused:
        undo_move(uow, actor=HEAD, event_id=first.id)
    assert refused.value.code == "not_yours"
    undone = undo_move(uow, actor=CLERK, event_id=first.id)
    assert where(uow, sample) == (CLERK.id, None)
    assert undone.event.undoes_id == first.id
    for event_id in (first.id, undone.event.id):
        with pytest.raises(TransitionRefused) as refused:
            undo_move(uow, actor=CLERK, event_id=event_id)
        assert refused.value.code == "somebody_acted"
    second = move(uow, sample, to(ANALYST)).event
    move(uow, sample, Target(place_id=house.shelf), actor=ANALYST)
    with pytest.raises(TransitionRefused):
        undo_move(uow, actor=CLERK, event_id=second.id)
    assert chain(uow, sample.id) == ["received", "handed_over", "undone", "handed_over", "stored"]


def test_the_receiving_itself_is_not_taken_back(uow, house, sample):
    event = uow.session.scalars(select(CustodyEvent)).one()
    with pytest.raises(TransitionRefused):
        undo_move(uow, actor=CLERK, event_id=event.id)
    with pytest.raises(NotFound):
        undo_move(uow, actor=CLERK, event_id=event.id + 100)


def test_several_samples_move_together_or_not_at_all(uow, house, store):
    samples = received(uow, house, store, 3)
    ids = [s.id for s in samples]
    move(uow, samples[1], Target(place_id=house.shelf))
    with pytest.raises(TransitionRefused, match=samples[1].number):
        move_samples(uow, actor=CLERK, sample_ids=ids, target=Target(place_id=house.shelf))
    assert [where(uow, s)[1] for s in samples] == [None, house.shelf, None]
    done = move_samples(uow, actor=CLERK, sample_ids=ids, target=to(ANALYST))
    assert {m.holder.id for m in done} == {ANALYST.id}
    for wrong in ([], range(1, 600)):
        with pytest.raises(InvalidInput):
            move_samples(uow, actor=CLERK, sample_ids=list(wrong), target=to(ANALYST))


def test_the_same_request_twice_moves_once(uow, house, sample):
    key = RequestKey("k1", "f" * 64)
    first = move(uow, sample, to(ANALYST), request_key=key)
    again = move(uow, sample, to(ANALYST), request_key=key)
    assert again.event.id == first.event.id
    assert chain(uow, sample.id) == ["received", "handed_over"]
    with pytest.raises(Conflict):
        move(uow, sample, to(HEAD), request_key=RequestKey("k1", "e" * 64))


def test_a_scanned_number_moves_its_sample_and_an_unknown_one_says_so(uow, house, sample):
    done = move_scanned(uow, actor=CLERK, code=sample.number, target=Target(place_id=house.shelf))
    assert done.place.code == "LY-01"
    with pytest.raises(NotFound, match="XX-1") as refused:
        move_scanned(uow, actor=CLERK, code="XX-1", target=to(ANALYST))
    assert refused.value.code == "unknown_code"
    assert [m.event.kind.value for m in recent_moves(uow.session, actor=CLERK)] == ["stored", "received"]


def test_who_may_not_move_samples_moves_none(uow, house, sample):
    for call in (
        lambda: move(uow, sample, to(REVIEWER), actor=REVIEWER),
        lambda: move_scanned(uow, actor=REVIEWER, code=sample.number, target=to(REVIEWER)),
        lambda: undo_move(uow, actor=REVIEWER, event_id=1),
        lambda: recent_moves(uow.session, actor=REVIEWER),
    ):
        with pytest.raises(PermissionDenied):
            call()


def test_the_database_itself_keeps_the_chain(uow, house, sample, database):
    for statement in ("UPDATE custody_event SET note = 'x'", "DELETE FROM custody_event"):
        with pytest.raises((IntegrityError, OperationalError)), database.engine.begin() as connection:
            connection.execute(text(statement))


def test_two_who_take_the_same_sample_at_once_get_one_chain(uow, house, sample, new_session, clock):
    """Both are served one after the other: the second takes it over from the first."""
    faults: list[LimsError] = []

    def take(who):
        with new_session() as own:
            try:
                move_samples(UnitOfWork(own, clock), actor=who, sample_ids=[sample.id], target=to(who))
            except LimsError as error:
                faults.append(error)

    threads = [threading.Thread(target=take, args=(who,)) for who in (ANALYST, HEAD, SAMPLER)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    events = uow.session.scalars(select(CustodyEvent).order_by(CustodyEvent.id)).all()
    assert [e.from_holder_id for e in events[1:]] == [e.to_holder_id for e in events[:-1]]
    assert where(uow, sample)[0] == events[-1].to_holder_id


def test_places_have_one_code_each_and_go_out_of_use_only_when_empty(uow, house, sample):
    key = RequestKey("p", "a" * 64)
    made = create_place(
        uow, actor=CLERK, code=" BX-2 ", name_zh="二号冰箱", name_en="", conditions="2–8 °C", request_key=key
    )
    assert (made.code, made.name_en) == ("BX-2", "二号冰箱")
    again = create_place(uow, actor=CLERK, code="BX-2", name_zh="二号冰箱", name_en="", request_key=key)
    assert again.id == made.id
    with pytest.raises(Conflict) as refused:
        create_place(uow, actor=CLERK, code="BX-2", name_zh="又一个", name_en="")
    assert refused.value.code == "place_known"
    move(uow, sample, Target(place_id=made.id))
    change = {"code": "BX-2", "name_zh": "二号冰箱", "name_en": "Fridge 2"}
    with pytest.raises(TransitionRefused) as full:
        change_place(uow, actor=CLERK, place_id=made.id, version=made.version, active=False, **change)
    assert full.value.code == "place_not_empty"
    assert {line.place.code: line.samples for line in list_places(uow.session)} == {"BX-2": 1, "LY-01": 0}
    move(uow, sample, to(ANALYST))
    change_place(uow, actor=CLERK, place_id=made.id, version=made.version, active=False, **change)
    with pytest.raises(InvalidInput):
        move(uow, sample, Target(place_id=made.id), actor=ANALYST)
    with pytest.raises(PermissionDenied):
        create_place(uow, actor=ANALYST, code="X", name_zh="x", name_en="x")

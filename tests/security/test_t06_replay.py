"""T06, replay, reorder, duplicate: the server's captures are exactly the set of numbers that was ever sent."""

import threading
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from lims.bench.models import Capture, CaptureBatch
from lims.core.audit import AuditEvent, verify_chain
from tests.support.bench_gateway import BenchGateway
from tests.support.laboratory import make_laboratory

MOST = 24


@pytest.fixture
def gateway(client, uow, clock):
    make_laboratory(uow)
    return BenchGateway(client, clock.now).enrol(uow)


def run_from(seqs: set[int], start: int) -> int:
    """How far the numbers go without a gap."""
    end = start
    while end + 1 in seqs:
        end += 1
    return end


# Pieces of the spool in any order, overlapping, repeated; others never arrive.
PIECES = st.lists(
    st.tuples(st.integers(1, MOST), st.integers(1, 8)).map(lambda p: (p[0], min(MOST, p[0] + p[1] - 1))),
    min_size=1,
    max_size=8,
)


@given(pieces=PIECES, stride=st.sampled_from([1, 1, 2]))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
def test_whatever_is_repeated_dropped_or_out_of_order_is_stored_exactly_once(
    gateway, session, pieces, stride
):
    gateway.epoch, gateway.captures = str(uuid.uuid4()), []
    gateway.keep_many(MOST)
    model: set[int] = set()
    for first, last in pieces:
        seqs = list(range(first, last + 1, stride))
        answer = gateway.deliver(seqs)
        new = set(seqs) - model
        model |= set(seqs)
        assert answer.json == {
            "acknowledged": run_from(model, 0),
            "stored": len(new),
            "already": len(seqs) - len(new),
        }
    session.rollback()
    stored = session.scalars(select(Capture.seq).where(Capture.epoch == gateway.epoch)).all()
    assert sorted(stored) == sorted(model)
    assert gateway.deliver().json["acknowledged"] == MOST


@given(oldest=st.lists(st.integers(1, MOST), min_size=1, max_size=6))
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
def test_the_acknowledged_number_never_goes_back_and_passes_only_what_can_never_come(
    gateway, session, oldest
):
    gateway.epoch, gateway.captures = str(uuid.uuid4()), []
    gateway.keep_many(MOST)
    model: set[int] = set()
    reached = 0
    for place in oldest:
        model.add(place)
        reached = run_from(model, max(reached, place - 1))
        assert gateway.deliver([place], oldest=place).json["acknowledged"] == reached


def test_a_recorded_delivery_played_again_later_adds_nothing(gateway, session, clock):
    gateway.keep_many(3)
    body = gateway.batch()
    gateway.post("captures", body)
    gateway.keep_many(3)
    gateway.deliver()
    clock.advance(days=30)
    assert gateway.post("captures", body).json == {"acknowledged": 6, "stored": 0, "already": 3}
    session.rollback()
    assert session.scalar(select(func.count()).select_from(Capture)) == 6


def test_a_delivery_signed_for_one_address_serves_at_no_other(gateway):
    from instruments.canonical import canonical

    gateway.keep()
    body = canonical(gateway.batch())
    for purpose in ("live", "enrol"):
        answer = gateway.post_bytes("captures", body, gateway.sign(purpose, body))
        assert (answer.status_code, answer.json["code"]) == (401, "signature_wrong")
    live = canonical(gateway.live_body())
    assert gateway.post_bytes("live", live, gateway.sign("captures", live)).status_code == 401


def test_the_same_delivery_from_eight_sides_at_once_is_stored_once(gateway, database, new_session):
    gateway.keep_many(40)
    whole, parts = gateway.batch(), [gateway.batch(range(n, n + 20)) for n in (1, 11, 21)]
    answers = []
    ready = threading.Barrier(8)

    def post(number: int) -> None:
        mine = BenchGateway(database.app.test_client(), gateway.now)
        mine.id, mine.key = gateway.id, gateway.key
        ready.wait()
        answers.append(mine.post("captures", whole if number % 2 else parts[number % 3]))

    threads = [threading.Thread(target=post, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [a.status_code for a in answers] == [200] * 8
    assert sum(a.json["stored"] for a in answers) == 40
    with new_session() as session:
        assert sorted(session.scalars(select(Capture.seq))) == list(range(1, 41))
        brought = set(session.scalars(select(Capture.batch_id)))
        assert brought == set(session.scalars(select(CaptureBatch.id)))  # none is kept that brought nothing
        events = session.scalar(
            select(func.count()).select_from(AuditEvent).where(AuditEvent.verb == "capture.receive")
        )
        assert events == len(brought)
        assert verify_chain(session)[1] is None


def test_equal_live_posts_from_many_sides_are_taken_once(gateway, database):
    body = gateway.live_body()
    answers = []
    ready = threading.Barrier(4)

    def post() -> None:
        mine = BenchGateway(database.app.test_client(), gateway.now)
        mine.id, mine.key = gateway.id, gateway.key
        ready.wait()
        answers.append(mine.post("live", body).status_code)

    gateway.beat()
    threads = [threading.Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The body was made before the beat above, so its number is behind: nobody may pass.
    assert answers == [409] * 4
    fresh = gateway.live_body()
    assert [gateway.post("live", fresh).status_code for _ in range(3)] == [200, 409, 409]

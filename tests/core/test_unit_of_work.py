"""One use case is one transaction, and every change is in the trail."""

import threading
from datetime import date, datetime

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DatabaseError

from lims.core.audit import AuditEvent, verify_chain
from lims.core.calendar import CalendarDay, DayKind, set_day
from lims.core.clock import LAB_ZONE
from lims.core.errors import Conflict, PermissionDenied, StaleVersion
from lims.core.numbering import NumberPattern, set_pattern, take_numbers
from lims.core.permissions import SYSTEM, Actor
from lims.core.uow import AuditMissing, RequestKey, UnitOfWork, WriteOutsideUnitOfWork

DAY = date(2026, 10, 1)


def count(session, model):
    return session.scalar(select(func.count()).select_from(model))


def test_leaving_without_commit_undoes_everything(uow):
    with uow:
        uow.add(CalendarDay(day=DAY, kind=DayKind.OFF, name="National Day"))
    assert count(uow.session, CalendarDay) == 0


def test_a_change_without_an_audit_event_is_refused(uow):
    with uow:
        uow.add(CalendarDay(day=DAY, kind=DayKind.OFF, name="National Day"))
        with pytest.raises(AuditMissing, match="calendar_day"):
            uow.commit()
    assert count(uow.session, CalendarDay) == 0


def test_a_write_outside_a_unit_of_work_is_refused(session):
    session.add(CalendarDay(day=DAY, kind=DayKind.OFF, name="National Day"))
    with pytest.raises(WriteOutsideUnitOfWork):
        session.flush()


def test_a_bulk_write_outside_a_unit_of_work_is_refused(session):
    with pytest.raises(WriteOutsideUnitOfWork):
        session.execute(update(CalendarDay).values(name="x"))


def test_the_event_says_what_changed_and_who_did_it(uow):
    set_day(uow, actor=SYSTEM, day=DAY, kind=DayKind.OFF, name="National Day")
    row = set_pattern(uow, actor=SYSTEM, kind="order", pattern="A{yyyy}-{serial:04d}")
    set_pattern(uow, actor=SYSTEM, kind="order", pattern="B{yyyy}-{serial:04d}")
    last = uow.session.scalars(select(AuditEvent).order_by(AuditEvent.seq.desc())).first()
    assert (last.verb, last.actor_name, last.object_type) == ("numbering.set", "system", "number_pattern")
    assert last.object_id == str(row.id)
    assert last.before == '{"pattern":"A{yyyy}-{serial:04d}"}'
    assert last.after == '{"pattern":"B{yyyy}-{serial:04d}"}'


def test_without_the_permission_nothing_happens(uow):
    with pytest.raises(PermissionDenied):
        set_day(uow, actor=Actor(id=None, name="nobody"), day=DAY, kind=DayKind.OFF)
    assert count(uow.session, AuditEvent) == 0


def test_a_stale_version_is_refused(uow, new_session):
    row = set_pattern(uow, actor=SYSTEM, kind="order", pattern="A{yyyy}-{serial:04d}")
    seen = row.version
    with new_session() as other:
        set_pattern(UnitOfWork(other), actor=SYSTEM, kind="order", pattern="B{yyyy}-{serial:04d}")
    with pytest.raises(StaleVersion), uow:
        uow.get(NumberPattern, row.id, version=seen)


def test_the_same_key_twice_makes_one_row(uow):
    key = RequestKey("k1", "f" * 64)

    def make():
        with uow:
            if (prior := uow.replayed(CalendarDay, actor=SYSTEM, request_key=key)) is not None:
                return prior.id
            row = uow.add(CalendarDay(day=DAY, kind=DayKind.OFF, name="x"))
            uow.audit("calendar.set", SYSTEM, row)
            uow.remember(row)
            uow.commit()
            return row.id

    assert make() == make()
    assert count(uow.session, CalendarDay) == 1


def test_a_key_that_asks_for_something_else_is_refused(uow):
    with uow:
        uow.replayed(CalendarDay, actor=SYSTEM, request_key=RequestKey("k1", "a" * 64))
        row = uow.add(CalendarDay(day=DAY, kind=DayKind.OFF, name="x"))
        uow.audit("calendar.set", SYSTEM, row)
        uow.remember(row)
        uow.commit()
    with pytest.raises(Conflict) as refusal, uow:
        uow.replayed(CalendarDay, actor=SYSTEM, request_key=RequestKey("k1", "b" * 64))
    assert refusal.value.code == "idempotency_mismatch"


def test_eight_clerks_at_once_get_different_numbers_and_one_chain(new_session):
    numbers: list[str] = []
    failures: list[BaseException] = []

    def clerk():
        try:
            with new_session() as session:
                uow = UnitOfWork(session)
                for _ in range(10):
                    with uow:
                        given = take_numbers(uow, "order", DAY)
                        uow.audit("number.take", SYSTEM, ("number", given[0]))
                        uow.commit()
                    numbers.extend(given)
        except BaseException as failure:
            failures.append(failure)

    with new_session() as session:  # the year's series stands: its first row is not the subject here
        uow = UnitOfWork(session)
        with uow:
            take_numbers(uow, "order", DAY)
            uow.audit("number.take", SYSTEM, ("number", "first"))
            uow.commit()
    threads = [threading.Thread(target=clerk) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert failures == []
    assert len(set(numbers)) == 80
    with new_session() as session:
        assert verify_chain(session) == (81, None)


def tamper(session, statement):
    """Change the trail as somebody with a database console would, past the triggers."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        for name in (
            connection.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name='audit_event'"
            )
            .scalars()
            .all()
        ):
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
    else:
        connection.exec_driver_sql("ALTER TABLE audit_event DISABLE TRIGGER ALL")
    connection.exec_driver_sql(statement)
    session.commit()


@pytest.fixture
def five_events(uow):
    for n in range(5):
        set_day(uow, actor=SYSTEM, day=date(2026, 1, n + 1), kind=DayKind.OFF, name=f"d{n}")
    return uow.session


def test_an_event_of_another_time_zone_verifies(session):
    uow = UnitOfWork(session, lambda: datetime(2026, 8, 26, 8, 5, tzinfo=LAB_ZONE))
    set_day(uow, actor=SYSTEM, day=DAY, kind=DayKind.OFF, name="National Day")
    session.rollback()
    assert verify_chain(session) == (1, None)


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("UPDATE audit_event SET actor_name = 'somebody' WHERE seq = 3", 3),
        ("DELETE FROM audit_event WHERE seq = 2", 2),
        ("DELETE FROM audit_event WHERE seq = 5", 5),
        ("UPDATE audit_event SET after = '{}' WHERE seq = 1", 1),
    ],
)
def test_an_edited_trail_names_its_first_broken_event(five_events, statement, where):
    tamper(five_events, statement)
    _, broken = verify_chain(five_events)
    assert broken is not None
    assert broken.seq == where


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_event SET actor_name = 'somebody'", "DELETE FROM audit_event WHERE seq = 1"],
)
def test_the_database_refuses_to_change_the_trail(five_events, statement):
    with pytest.raises(DatabaseError, match="never"):
        five_events.execute(text(statement))

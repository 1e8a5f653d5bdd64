"""T05, back-dated capture or clock set back: our receive time stands beside the bench's, and what is off is flagged."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from lims.bench.models import Capture
from tests.support.bench_gateway import BOOT, BenchGateway
from tests.support.laboratory import make_laboratory


@pytest.fixture
def gateway(client, uow, clock):
    make_laboratory(uow)
    return BenchGateway(client, clock.now).enrol(uow)


def rows(session):
    session.rollback()
    return session.scalars(select(Capture).order_by(Capture.id)).all()


@pytest.mark.parametrize(
    "off",
    [
        timedelta(hours=1),
        timedelta(hours=-1),
        timedelta(days=365),
        timedelta(days=-365),
        timedelta(seconds=61),
        timedelta(days=-20_000),
    ],
)
def test_a_wrong_clock_is_flagged_and_our_receive_time_kept(gateway, session, clock, off):
    gateway.now += off
    gateway.keep(step_s=0.0)
    assert gateway.deliver().status_code == 200
    (row,) = rows(session)
    assert (row.received_at, row.captured_at) == (clock.now, clock.now + off)
    assert row.flags == "clock_off"


def test_a_few_seconds_and_an_hour_on_the_way_are_no_wrong_clock(gateway, session, clock):
    gateway.now += timedelta(seconds=50)
    gateway.keep(step_s=0.0)
    clock.advance(hours=5)  # the server was away
    gateway.now += timedelta(hours=5)
    gateway.deliver()
    assert [row.flags for row in rows(session)] == [""]


def test_a_capture_dated_after_its_receipt_is_flagged_although_the_delivery_says_the_right_time(
    gateway, session, clock
):
    gateway.now += timedelta(minutes=10)
    gateway.keep(step_s=0.0)
    gateway.now = clock.now
    gateway.deliver()
    assert [row.flags for row in rows(session)] == ["clock_off"]


@pytest.mark.parametrize("step", [timedelta(hours=-1), timedelta(hours=1), timedelta(seconds=-6)])
def test_setting_the_clock_between_two_readings_is_flagged_by_the_monotonic_clock(
    gateway, session, clock, step
):
    gateway.keep()
    gateway.now += step
    gateway.keep()
    gateway.keep()
    gateway.now = clock.now
    gateway.deliver()
    flags = ["clock_stepped" in row.flags for row in rows(session)]
    assert flags == [False, True, False]


def test_it_is_also_seen_across_two_deliveries(gateway, session):
    gateway.keep()
    gateway.deliver()
    gateway.now -= timedelta(seconds=30)
    gateway.keep()
    gateway.deliver()
    assert [row.flags for row in rows(session)] == ["", "clock_stepped"]


def test_after_a_reboot_only_a_clock_that_went_back_is_flagged(gateway, session, clock):
    gateway.keep()
    gateway.mono_ns = 1_000_000_000  # the monotonic clock starts again
    gateway.keep(boot_id=BOOT.replace("1", "2"), step_s=50.0)
    gateway.now -= timedelta(seconds=200)
    gateway.keep(boot_id=BOOT.replace("1", "3"), step_s=1.0)
    gateway.now = clock.now
    gateway.deliver()
    assert [row.flags for row in rows(session)] == ["", "", "clock_stepped"]


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2028, 2, 29, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),  # the hour that Europe has twice
        datetime(1970, 1, 1, tzinfo=UTC),
    ],
)
def test_odd_moments_are_kept_to_the_microsecond(gateway, session, moment):
    gateway.now = moment
    gateway.keep(step_s=0.0)
    assert gateway.deliver().status_code == 200
    assert rows(session)[0].captured_at == moment


@pytest.mark.parametrize(
    "text", ["2027-02-29T00:00:00.000000Z", "2026-11-23T24:00:01Z", "2026-11-23T02:00:00+08:00"]
)
def test_a_moment_that_does_not_exist_or_names_a_zone_is_refused(gateway, text):
    gateway.keep(captured_at=text)
    assert gateway.deliver().json["code"] == "body_wrong"


def test_order_is_that_of_the_numbers_whatever_the_clock_says(gateway, session):
    for value, back in (("1.0000", 0), ("2.0000", 3600), ("3.0000", 7200)):
        gateway.now -= timedelta(seconds=back)
        gateway.keep(value)
    gateway.deliver()
    assert [row.text for row in sorted(rows(session), key=lambda row: row.seq)] == [
        "1.0000",
        "2.0000",
        "3.0000",
    ]

"""Calibration records are appended, corrected by a further record, and keep the scan of their paper."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from lims.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from lims.core.files import FileStore, StoredFile
from lims.core.permissions import Role
from lims.core.uow import RequestKey, UnitOfWork
from lims.equipment.calibration import fitness, latest_records
from lims.equipment.models import CalibrationRecord
from lims.equipment.papers import MAX_BYTES, media_type_of
from lims.equipment.records import calibrations_of, paper_of, record_calibration
from tests.equipment.register_makers import JPEG, PDF, PNG
from tests.support.accounts import actor_of, make_account

D = Decimal


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE calibration_record SET due_on = '2099-01-01'",
        "UPDATE calibration_record SET accepted = (1 = 1)",
        "DELETE FROM calibration_record",
    ],
)
def test_the_database_itself_refuses_to_change_a_record(database, store, sql):
    store.calibrate(store.device(), -1)
    with database.engine.connect() as connection, pytest.raises(DatabaseError, match="recorded is never"):
        connection.execute(text(sql))


def test_a_record_keeps_who_entered_it_when_and_what_the_paper_says(store, clock):
    device = store.device()
    record = store.calibrate(device, 300, note="修正值 +0.2 mg")
    shown = calibrations_of(store.uow.session, device.id)[0]
    assert (shown.record.id, shown.by_zh, shown.replaced_by) == (record.id, "冯涛", None)
    assert shown.record.recorded_at == clock.now
    assert str(shown.record.range_low) == "0.01"
    assert shown.record.note == "修正值 +0.2 mg"


def test_records_stand_newest_first(store):
    device = store.device()
    for due in (-400, 300, -40):
        store.calibrate(device, due)
    days = [one.record.calibrated_on for one in calibrations_of(store.uow.session, device.id)]
    assert days == sorted(days, reverse=True)


def test_a_slip_is_corrected_by_a_further_record_and_no_longer_counts(store):
    device = store.device()
    wrong = store.calibrate(device, 364)  # typed a year too late
    right = record_calibration(
        store.uow,
        actor=store.manager,
        equipment_id=device.id,
        text=store.text(store.day(-1)),
        replaces_id=wrong.id,
    )
    assert latest_records(store.uow.session, [device.id], store.today)[device.id].id == right.id
    assert fitness(store.uow.session, device, store.today).code == "calibration_overdue"
    shown = {one.record.id: one.replaced_by for one in calibrations_of(store.uow.session, device.id)}
    assert shown == {wrong.id: right.id, right.id: None}


def test_one_record_is_corrected_once(store):
    device = store.device()
    wrong = store.calibrate(device, 300)
    again = {"actor": store.manager, "equipment_id": device.id, "replaces_id": wrong.id}
    record_calibration(store.uow, text=store.text(store.day(200)), **again)
    with pytest.raises(Conflict) as refused:
        record_calibration(store.uow, text=store.text(store.day(100)), **again)
    assert refused.value.code == "replaced_already"


def test_a_record_of_another_device_cannot_be_corrected(store):
    other = store.calibrate(store.device(), 300)
    with pytest.raises(InvalidInput) as refused:
        record_calibration(
            store.uow,
            actor=store.manager,
            equipment_id=store.device().id,
            text=store.text(store.day(200)),
            replaces_id=other.id,
        )
    assert refused.value.code == "other_device"


@pytest.mark.parametrize(
    ("calibrated", "due", "more", "field"),
    [
        (1, 300, {}, "calibrated_on"),
        (-10, -11, {}, "due_on"),
        (-10, 366 * 10, {}, "due_on"),
        (-10, 300, {"unit": ""}, "unit"),
        (-10, 300, {"range_low": D("221")}, "range_high"),
    ],
)
def test_what_contradicts_itself_is_refused_at_its_field(store, calibrated, due, more, field):
    device = store.device()
    text_ = store.text(store.day(due), calibrated_on=store.day(calibrated), **more)
    with pytest.raises(InvalidInput) as refused:
        record_calibration(store.uow, actor=store.manager, equipment_id=device.id, text=text_)
    assert refused.value.code == "bad_calibration"
    assert field in refused.value.fields
    assert calibrations_of(store.uow.session, device.id) == []


def test_a_calibration_of_today_is_not_in_the_future_after_midnight_in_shanghai(store, clock):
    device = store.device()
    clock.set(clock.now.replace(hour=16, minute=30))  # 00:30 of the next day there
    record = store.calibrate(device, 364, calibrated_on=store.today)
    assert record.calibrated_on == store.today


def test_an_analyst_may_not_record(store, uow):
    device = store.device()
    actor = actor_of(make_account(uow, Role.ANALYST))
    with pytest.raises(PermissionDenied):
        record_calibration(uow, actor=actor, equipment_id=device.id, text=store.text(store.day(1)))


def test_the_same_request_twice_records_once(store):
    device = store.device()
    key = RequestKey("k1", "f" * 64)
    wanted = {"actor": store.manager, "equipment_id": device.id, "text": store.text(store.day(9))}
    first = record_calibration(store.uow, request_key=key, **wanted)
    second = record_calibration(store.uow, request_key=key, **wanted)
    assert first.id == second.id
    assert len(calibrations_of(store.uow.session, device.id)) == 1


# -- the scan ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "kind"), [(PDF, "application/pdf"), (PNG, "image/png"), (JPEG, "image/jpeg")]
)
def test_the_bytes_say_what_a_scan_is(content, kind, app):
    with app.test_request_context():
        assert media_type_of(content) == kind


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "scan_empty"),
        (b"<html><script>alert(1)</script></html>", "scan_unknown"),
        (b"%PDF-1.7 cut off", "scan_unknown"),
        (b"GIF89a" + PNG, "scan_unknown"),
        (PNG[:-12], "scan_unknown"),
        (JPEG[:-2], "scan_unknown"),
        (b"PK\x03\x04" + bytes(100), "scan_unknown"),
        (b"%PDF-" + bytes(MAX_BYTES) + b"%%EOF", "scan_too_big"),
    ],
)
def test_what_is_no_whole_scan_is_refused(app, content, code):
    with app.test_request_context(), pytest.raises(InvalidInput) as refused:
        media_type_of(content)
    assert refused.value.code == code
    assert "scan" in refused.value.fields


def test_the_scan_comes_back_byte_for_byte(store, tmp_path):
    files = FileStore(tmp_path)
    record = record_calibration(
        store.uow,
        actor=store.manager,
        equipment_id=store.device().id,
        text=store.text(store.day(9)),
        scan=PDF,
        store=files,
    )
    paper = paper_of(store.uow.session, files, record.id)
    assert (paper.content, paper.media_type) == (PDF, "application/pdf")
    assert paper.name == f"calibration-{record.id}.pdf"


def test_a_refused_scan_keeps_neither_record_nor_file(store, tmp_path):
    device = store.device()
    with pytest.raises(InvalidInput):
        record_calibration(
            store.uow,
            actor=store.manager,
            equipment_id=device.id,
            text=store.text(store.day(9)),
            scan=b"MZ" + bytes(50),
            store=FileStore(tmp_path),
        )
    session = store.uow.session
    assert session.scalars(select(CalibrationRecord)).all() == []
    assert session.scalars(select(StoredFile)).all() == []


def test_a_record_without_scan_has_none_to_download(store, tmp_path):
    record = store.calibrate(store.device(), 9)
    with pytest.raises(NotFound):
        paper_of(store.uow.session, FileStore(tmp_path), record.id)


def test_two_corrections_at_once_leave_one(store, new_session, clock):
    """The database's own constraint stands behind the check."""
    device = store.device()
    wrong = store.calibrate(device, 300)
    with new_session() as session:
        second = UnitOfWork(session, clock)
        for work, due in ((store.uow, 200), (second, 100)):
            wanted = {"actor": store.manager, "equipment_id": device.id, "replaces_id": wrong.id}
            if work is second:
                with pytest.raises(Conflict):
                    record_calibration(work, text=store.text(store.day(due)), **wanted)
            else:
                record_calibration(work, text=store.text(store.day(due)), **wanted)
    counted = latest_records(store.uow.session, [device.id], store.today)
    assert counted[device.id].due_on == store.today + timedelta(days=200)

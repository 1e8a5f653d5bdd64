"""Captures come in: each once, with its proof, whatever is repeated, lost, late or wrong on the way."""

import base64

import orjson
import pytest
from sqlalchemy import func, select

from instruments.canonical import canonical
from instruments.captures import capture_hash
from lims.bench.models import Capture, CaptureBatch, CaptureStream
from lims.bench.states import CaptureKind
from lims.core.audit import AuditEvent
from lims.equipment.models import Device
from lims.equipment.signed import signature_holds
from tests.support.bench_gateway import BenchGateway, sealed


@pytest.fixture
def gateway(client, uow, laboratory, clock):
    """The gateway of the laboratory's balance, enrolled with a key of its own."""
    return BenchGateway(client, clock.now).enrol(uow)


def stored(session):
    session.rollback()
    return list(session.scalars(select(Capture).order_by(Capture.gateway_id, Capture.epoch, Capture.seq)))


def events(session, verb):
    session.rollback()
    return list(session.scalars(select(AuditEvent).where(AuditEvent.verb == verb).order_by(AuditEvent.seq)))


def test_a_reading_is_kept_with_its_bytes_digits_equipment_and_times(gateway, session, laboratory, clock):
    sent = gateway.keep("100.20")
    answer = gateway.deliver()
    assert (answer.status_code, answer.json) == (200, {"acknowledged": 1, "stored": 1, "already": 0})
    (row,) = stored(session)
    assert row.raw == b"S S     100.20 g\r\n"
    assert (row.text, str(row.value), row.unit, row.stable) == ("100.20", "100.20", "g", True)
    assert (row.kind, row.trigger, row.identity) == (CaptureKind.READING, "unsolicited", "B123456789")
    assert (row.device_id, row.equipment_id) == (laboratory.device, laboratory.balance)
    assert (row.hash, row.prev_hash) == (sent["hash"], sent["prev_hash"])
    assert row.received_at == clock.now
    assert row.captured_at == gateway.now
    assert row.flags == ""


def test_the_signed_body_is_archived_and_proves_the_capture_for_ever(gateway, session):
    gateway.keep()
    gateway.deliver()
    (row,) = stored(session)
    batch = session.get_one(CaptureBatch, row.batch_id)
    assert signature_holds(batch.public_key, "captures", batch.body, batch.signature)
    (content,) = orjson.loads(batch.body)["captures"]
    claimed = content.pop("hash")
    assert capture_hash(canonical(content)) == claimed == row.hash


def test_one_event_a_delivery_stands_in_the_trail_under_the_gateways_name(gateway, session):
    gateway.keep_many(5)
    gateway.deliver()
    (event,) = events(session, "capture.receive")
    assert (event.actor_id, event.actor_name) == (None, "bench-pc-1")
    assert orjson.loads(event.after) == {"epoch": gateway.epoch, "first": 1, "last": 5, "stored": 5}


def test_the_same_delivery_again_stores_nothing_and_is_not_recorded_again(gateway, session):
    gateway.keep_many(5)
    gateway.deliver()
    again = gateway.deliver()
    assert again.json == {"acknowledged": 5, "stored": 0, "already": 5}
    assert len(stored(session)) == 5
    assert session.scalar(select(func.count()).select_from(CaptureBatch)) == 1
    assert len(events(session, "capture.receive")) == 1


def test_equal_readings_are_events_of_their_own(gateway, session):
    for _ in range(3):
        gateway.keep("10.0000", step_s=0.0)
    gateway.deliver()
    assert [row.text for row in stored(session)] == ["10.0000"] * 3


def test_a_delivery_that_overlaps_brings_only_what_is_new(gateway):
    gateway.keep_many(6)
    gateway.deliver(range(1, 5))
    assert gateway.deliver(range(3, 7)).json == {"acknowledged": 6, "stored": 2, "already": 2}


def test_a_gap_is_kept_flagged_and_not_acknowledged_over(gateway, session):
    gateway.keep_many(6)
    gateway.deliver([1, 2])
    assert gateway.deliver([5, 6]).json["acknowledged"] == 2
    assert [(row.seq, row.flags) for row in stored(session)] == [(1, ""), (2, ""), (5, "gap"), (6, "")]
    stream = session.get_one(CaptureStream, (int(gateway.id), gateway.epoch))
    assert (stream.acknowledged, stream.highest, stream.lost) == (2, 6, 0)


def test_a_filled_gap_is_acknowledged_to_its_far_end(gateway):
    gateway.keep_many(8)
    gateway.deliver([7, 8])
    gateway.deliver([4])
    assert gateway.deliver([1, 2, 3]).json["acknowledged"] == 4
    assert gateway.deliver([5, 6]).json["acknowledged"] == 8


def test_what_fills_a_gap_must_link_to_what_stands_behind_it(gateway, session):
    gateway.keep_many(3)
    gateway.deliver([1])
    gateway.deliver([3])
    other = sealed({**gateway.captures[1], "port": "another"})
    answer = gateway.deliver(captures=[other])
    assert (answer.status_code, answer.json["code"]) == (409, "capture_conflict")
    assert [row.seq for row in stored(session)] == [1, 3]
    assert len(events(session, "capture.conflict")) == 1


def test_another_capture_of_a_known_number_is_refused_and_one_incident_recorded(gateway, session):
    first = gateway.keep("10.0000")
    gateway.deliver()
    forged = sealed({**first, "event": {**first["event"], "value": "99.0000"}})
    gateway.captures[0] = forged
    gateway.keep("11.0000")  # links to the forged one: nothing of this delivery may be stored
    for _ in range(3):
        answer = gateway.deliver()
        assert (answer.status_code, answer.json["code"]) == (409, "capture_conflict")
    assert [row.text for row in stored(session)] == ["10.0000"]
    (incident,) = events(session, "capture.conflict")
    assert orjson.loads(incident.before)["hash"] == first["hash"]
    assert orjson.loads(incident.after)["hash"] == forged["hash"]


def test_what_the_gateway_no_longer_holds_is_given_up_and_said(gateway, session):
    gateway.keep_many(9)
    gateway.deliver([1, 2])
    assert gateway.deliver([6, 7], oldest=6).json["acknowledged"] == 7
    (lost,) = events(session, "capture.lost")
    assert orjson.loads(lost.after) == {"epoch": gateway.epoch, "first": 3, "last": 5, "lost": 3}
    assert gateway.deliver([8, 9], oldest=6).json["acknowledged"] == 9
    assert len(events(session, "capture.lost")) == 1


def test_a_server_restored_from_a_backup_gets_again_what_it_forgot(gateway, database, session):
    """The backup knows numbers 1 and 2; the gateway was told 6 and still holds all."""
    gateway.keep_many(6)
    gateway.deliver([1, 2])
    other = BenchGateway(gateway.browser, gateway.now)
    other.id, other.key, other.epoch, other.captures = (
        gateway.id,
        gateway.key,
        gateway.epoch,
        gateway.captures,
    )
    answer = other.deliver([5, 6], oldest=1)
    assert answer.json["acknowledged"] == 2  # lower than what the gateway sent: it goes back
    assert other.deliver([3, 4, 5, 6], oldest=1).json == {"acknowledged": 6, "stored": 2, "already": 2}
    assert [row.seq for row in stored(session)] == [1, 2, 3, 4, 5, 6]


def test_a_new_spool_starts_again_at_one(gateway, session):
    gateway.keep()
    gateway.deliver()
    fresh = BenchGateway(gateway.browser, gateway.now)
    fresh.id, fresh.key = gateway.id, gateway.key
    fresh.keep("5.0000")
    assert fresh.deliver().json == {"acknowledged": 1, "stored": 1, "already": 0}
    assert sorted(row.text for row in stored(session)) == ["28.4517", "5.0000"]


@pytest.mark.parametrize(
    ("event", "kind", "code"),
    [
        ({"kind": "overload", "value": None, "unit": None, "stability": None, "code": "S +"}, "fault", "S +"),
        ({"kind": "status", "value": None, "unit": None, "stability": None, "code": "S I"}, "status", "S I"),
        ({"kind": "tare", "value": "1.0000"}, "status", "tare"),
        ({"kind": "unparsed", "value": None, "unit": None, "stability": None}, "unparsed", "unparsed"),
        ({"kind": "hum", "value": "1.0"}, "unparsed", "hum"),
        ({"kind": "reading", "value": "9.9E+99"}, "unparsed", "reading"),
        ({"kind": "reading", "value": "NaN"}, "unparsed", "reading"),
        ({"kind": "frame", "value": None, "unit": None, "stability": None}, "status", "frame"),
        ({"kind": "bad_checksum", "value": None, "unit": None}, "fault", "bad_checksum"),
    ],
)
def test_what_is_no_reading_is_kept_as_evidence(gateway, session, event, kind, code):
    gateway.keep(event=event)
    assert gateway.deliver().status_code == 200
    (row,) = stored(session)
    assert (row.kind.value, row.code) == (kind, code)
    if kind == "unparsed" and event["kind"] == "reading":
        assert row.value is None
        assert row.flags == ("value_unreadable" if code == "reading" else "")


def test_a_missing_unit_and_flag_stay_missing(gateway, session):
    gateway.keep("0.500", event={"unit": None, "stability": None})
    gateway.deliver()
    (row,) = stored(session)
    assert (row.unit, row.stable, row.text) == (None, None, "0.500")


def test_a_device_nobody_heard_of_appears_bound_to_nothing(gateway, session):
    gateway.keep(device="balance-9", serial=None, identity="unknown")
    gateway.deliver()
    (row,) = stored(session)
    device = session.get_one(Device, row.device_id)
    assert (device.name, device.equipment_id, row.equipment_id) == ("balance-9", None, None)
    assert len(events(session, "device.appear")) == 1


@pytest.mark.parametrize(
    ("changed", "flags"),
    [
        ({"serial": "B99"}, "wrong_device"),
        ({"identity": "mismatch"}, "wrong_device"),
        ({"serial": None, "identity": "unknown"}, "identity_unknown"),
        ({"trigger": "late"}, "late"),
    ],
)
def test_what_a_reader_must_know_is_flagged(gateway, session, changed, flags):
    gateway.keep(**changed)
    gateway.deliver()
    assert [row.flags for row in stored(session)] == [flags]


def test_odd_text_of_a_device_is_kept_whole_in_the_body_and_cut_in_the_row(gateway, session):
    gateway.keep(
        None, raw=b"\x00\xff" * 40, event={"kind": "unparsed", "code": "x\x00" * 60, "unit": "克" * 30}
    )
    assert gateway.deliver().status_code == 200
    (row,) = stored(session)
    assert row.raw == b"\x00\xff" * 40
    assert len(row.unit) == 20
    assert "\x00" not in row.code
    body = session.get_one(CaptureBatch, row.batch_id).body
    assert base64.b64encode(row.raw) in body
    assert ("克" * 30).encode() in body


# -- what is refused -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"captures": []}, "body_wrong"),
        ({"captures": "none"}, "body_wrong"),
        ({"captures": [1]}, "body_wrong"),
        ({"epoch": ""}, "body_wrong"),
        ({"epoch": "e" * 37}, "body_wrong"),
        ({"epoch": None}, "body_wrong"),
        ({"oldest": 0}, "body_wrong"),
        ({"oldest": 2}, "body_wrong"),
        ({"oldest": True}, "body_wrong"),
        ({"sent_at": "yesterday"}, "body_wrong"),
        ({"sent_at": "2026-13-40T00:00:00Z"}, "body_wrong"),
        ({"gateway": "999"}, "gateway_mismatch"),
        ({"gateway": 1}, "gateway_mismatch"),
    ],
)
def test_a_delivery_that_breaks_the_contract_is_refused(gateway, session, changed, code):
    gateway.keep()
    answer = gateway.deliver(**changed)
    assert (answer.status_code, answer.json["code"]) == (400, code)
    assert stored(session) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"raw": b"\x00"},
        {"seq": 0},
        {"seq": "1"},
        {"event": {"kind": None}},
        {"device": None},
        {"captured_at": "x"},
        {"last_mono_ns": "-1"},
        {"last_mono_ns": "9" * 19},
        {"last_mono_ns": 5},
        {"prev_hash": "zz"},
        {"boot_id": 7},
    ],
)
def test_a_capture_of_the_wrong_kind_is_refused_with_the_field_named(gateway, changed):
    if "raw" in changed:
        gateway.keep()
        gateway.captures[0] = sealed({**gateway.captures[0], "raw": "AA="})
    else:
        gateway.keep(**changed)
    answer = gateway.deliver()
    assert (answer.status_code, answer.json["code"]) in {(400, "body_wrong"), (400, "capture_hash_wrong")}
    assert answer.json["detail"]


def test_a_wrong_hash_a_wrong_link_and_a_wrong_order_are_refused(gateway, session):
    gateway.keep_many(3)
    good = gateway.captures
    for wrong in (
        [{**good[0], "hash": "0" * 64}],
        [good[0], sealed({**good[1], "prev_hash": "1" * 64})],
        [sealed({**good[0], "prev_hash": "1" * 64})],
    ):
        answer = gateway.deliver(captures=wrong)
        assert (answer.status_code, answer.json["code"]) == (400, "capture_hash_wrong")
    for wrong in ([good[1], good[0]], [good[0], good[0]]):
        assert gateway.deliver(captures=wrong, oldest=1).json["code"] == "body_wrong"
    assert stored(session) == []


def test_more_than_500_captures_or_8_megabytes_are_refused(gateway):
    gateway.keep_many(501)
    assert gateway.deliver().status_code == 400
    body = b"[" + b" " * (9 * 1024 * 1024) + b"]"
    assert gateway.post_bytes("captures", body, gateway.sign("captures", body)).status_code == 413

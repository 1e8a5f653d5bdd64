"""Stored bytes read again with a mended profile: side by side first, appended, claims keep what they were made with."""

import base64

import pytest
from sqlalchemy import select

from lims.bench.capture.check import verify_captures, verify_rereadings
from lims.bench.capture.models import CaptureReading
from lims.bench.capture.rereading import look_again, reread_captures
from lims.bench.models import Capture, CaptureClaim, InputValue
from lims.bench.provenance import sources_of
from lims.core.audit import AuditEvent
from lims.core.errors import Conflict, InvalidInput, PermissionDenied
from lims.core.permissions import Role
from lims.core.uow import UnitOfWork
from lims.equipment.profiles import create_profile, release_version
from tests.support.accounts import actor_of, make_account, sign_in
from tests.support.bench_gateway import BenchGateway

LINE = b"N  +  28.4517 g OK\r\n"
ROW = {
    "title": "balance with a printer line of its own",
    "protocol": "regex",
    "codec": {"pattern": r"N *\+ *(?P<value>\d+\.\d+) (?P<unit>g) OK"},
    "dialogue": [
        {
            "response": LINE.decode(),
            "expected": {"kind": "reading", "value": "28.4517", "unit": "g", "stability": "n/a"},
            "source": "bench 1",
        }
    ],
}
TWO_ROOMS = bytes.fromhex("01040400d70190")  # 21.5 and 40.0, without its check


@pytest.fixture
def gateway(app, uow, laboratory, clock):
    return BenchGateway(app.test_client(), clock.now).enrol(uow)


@pytest.fixture
def manager_account(uow):
    return make_account(uow, Role.EQUIPMENT_MANAGER)


@pytest.fixture
def manager(manager_account):
    return actor_of(manager_account)


@pytest.fixture
def profile(uow, manager):
    made = create_profile(uow, actor=manager, key="printer", row=ROW)
    release_version(uow, actor=manager, profile_id=made.id, number=1)
    return "printer/1"


def unparsed(gateway, raw=LINE, **more):
    return gateway.keep(None, raw=raw, event={"kind": "unparsed", "unit": None, "stability": None}, **more)


def ids(session):
    session.rollback()
    return list(session.scalars(select(Capture.id).where(Capture.part == 0).order_by(Capture.id)))


def reread(uow, manager, laboratory, profile, numbers, reason="the profile lacked this layout"):
    return reread_captures(
        uow,
        actor=manager,
        device_id=laboratory.device,
        profile=profile,
        capture_ids=numbers,
        reason=reason,
    )


def broken(session):
    return [*verify_captures(session, None).broken, *verify_rereadings(session, None).broken]


def test_looking_shows_both_readings_and_changes_nothing(gateway, session, manager, laboratory, profile):
    unparsed(gateway)
    unparsed(gateway, b"noise\r\n")
    gateway.keep("1.0000")
    gateway.deliver()
    look = look_again(session, actor=manager, device_id=laboratory.device, profile=profile)
    assert [(f.old[0].kind.value, f.new[0].text, f.new[0].unit, f.differs) for f in look.frames] == [
        ("unparsed", None, None, False),
        ("unparsed", "28.4517", "g", True),
    ]
    assert session.scalars(select(CaptureReading)).all() == []
    whole = look_again(
        session, actor=manager, device_id=laboratory.device, profile=profile, unparsed_only=False
    )
    assert len(whole.frames) == 3


def test_what_is_kept_counts_for_inbox_and_claims_and_the_delivery_stays(
    gateway, session, uow, manager, laboratory, profile, bench
):
    unparsed(gateway)
    gateway.deliver()
    (number,) = ids(session)
    assert reread(uow, manager, laboratory, profile, [number]) == 1
    assert reread(uow, manager, laboratory, profile, [number]) == 0  # the same again changes nothing
    test = bench.tests("moisture")[0]["moisture"]
    sheet = bench.sheet(test)
    analyst = sign_in_as(gateway, laboratory)
    assert "28.4517" in analyst.get("/captures").text
    content = {"capture_id": number, "row": test, "cell": "m0-1"}
    assert analyst.post(f"/api/worksheets/{sheet}/captures", json=content).status_code == 200
    session.rollback()
    capture = session.get_one(Capture, number)
    assert (capture.kind.value, capture.text, capture.raw) == ("unparsed", None, LINE)
    value = session.scalars(select(InputValue).where(InputValue.capture_id == number)).one()
    source = sources_of(session, [value])[value.id]
    assert (value.text, source.reading.profile, source.reread_by.id) == ("28.4517", profile, manager.id)
    assert source.proof.holds
    assert broken(session) == []
    event = session.scalars(select(AuditEvent).where(AuditEvent.verb == "capture.reread")).one()
    assert event.reason == "the profile lacked this layout"
    page = analyst.get(f"/captures/{number}").text
    assert "printer/1" in page
    assert "the profile lacked this layout" in page


def sign_in_as(gateway, laboratory, who="analyst"):
    browser = sign_in(gateway.browser.application.test_client(), laboratory.accounts[who])
    browser.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return browser


def test_what_is_claimed_keeps_what_it_was_claimed_with(
    gateway, session, uow, manager, laboratory, bench, profile
):
    gateway.keep("28.4517", raw=LINE, event={"value": "28.4000"})
    gateway.deliver()
    (number,) = ids(session)
    test = bench.tests("moisture")[0]["moisture"]
    sheet = bench.sheet(test)
    content = {"capture_id": number, "row": test, "cell": "m0-1"}
    analyst = sign_in_as(gateway, laboratory)
    assert analyst.post(f"/api/worksheets/{sheet}/captures", json=content).status_code == 200
    assert reread(uow, manager, laboratory, profile, [number]) == 0
    session.rollback()
    assert session.scalars(select(CaptureReading)).all() == []
    assert session.scalars(select(CaptureClaim)).one().reading_id is None


def test_a_frame_that_states_more_than_was_read_gets_a_row_for_each_value(
    gateway, session, uow, manager, laboratory
):
    from instruments.modbus_framing import crc16

    asked = bytes.fromhex("010400000002")
    row = {
        "title": "climate",
        "protocol": "Modbus-RTU",
        "binary": True,
        "codec": {
            "registers": [
                {"name": "temperature", "function": 4, "address": 0, "scale": "0.1", "unit": "°C"},
                {"name": "humidity", "function": 4, "address": 1, "scale": "0.1", "unit": "%"},
            ]
        },
        "dialogue": [
            {
                "request": (asked + crc16(asked)).decode("latin-1"),
                "response": (TWO_ROOMS + crc16(TWO_ROOMS)).decode("latin-1"),
                "expected": [
                    {"kind": "reading", "value": "21.5", "unit": "°C"},
                    {"kind": "reading", "value": "40.0", "unit": "%"},
                ],
                "source": "bench 1",
            }
        ],
    }
    made = create_profile(uow, actor=manager, key="climate", row=row)
    release_version(uow, actor=manager, profile_id=made.id, number=1)
    raw = TWO_ROOMS + crc16(TWO_ROOMS)
    listed = {"kind": "list", "unit": None, "stability": None}
    question = base64.b64encode(asked + crc16(asked)).decode()
    gateway.keep(None, raw=raw, event=listed, asked=question)
    gateway.keep(None, raw=raw, event=listed)  # an older gateway kept no question: nothing is guessed
    gateway.deliver()
    both = ids(session)
    assert reread(uow, manager, laboratory, "climate/1", both) == 2
    session.rollback()
    said = session.execute(
        select(Capture.seq, Capture.part, CaptureReading.kind, CaptureReading.text, CaptureReading.name)
        .join(CaptureReading, CaptureReading.capture_id == Capture.id)
        .order_by(Capture.seq, Capture.part)
    ).all()
    assert [(s, p, k.value, t, n) for s, p, k, t, n in said] == [
        (1, 0, "reading", "21.5", "temperature"),
        (1, 1, "reading", "40.0", "humidity"),
        (2, 0, "unparsed", None, ""),
    ]
    assert broken(session) == []
    assert gateway.deliver().json["already"] == 2  # the same delivery again is still known


def test_that_a_load_had_settled_is_not_forgotten_by_reading_one_frame_alone(
    gateway, session, uow, manager, laboratory
):
    frame = b"\x02+001245118\x03"
    settled = {"value": "124.5", "unit": None, "stability": "stable", "stability_inferred": True}
    gateway.keep("124.5", raw=frame, event=settled)
    gateway.deliver()
    look = look_again(
        session, actor=manager, device_id=laboratory.device, profile="xk3190-tf0", unparsed_only=False
    )
    assert [(f.new[0].text, f.new[0].stable, f.differs) for f in look.frames] == [("124.5", True, False)]


def test_who_may_with_what_and_why(gateway, session, uow, manager, laboratory, profile):
    unparsed(gateway)
    gateway.deliver()
    numbers = ids(session)
    create_profile(uow, actor=manager, key="draft", row=ROW)
    for name, refusal in (
        ("draft/1", Conflict),
        ("printer/9", InvalidInput),
        ("printer/", InvalidInput),
        ("astm-e1381", InvalidInput),
        ("nothing", InvalidInput),
    ):
        with pytest.raises(refusal):
            reread(uow, manager, laboratory, name, numbers)
    with pytest.raises(InvalidInput):
        reread(uow, manager, laboratory, profile, numbers, reason=" ")
    with pytest.raises(PermissionDenied):
        reread(uow, laboratory.analyst, laboratory, profile, numbers)
    assert reread(uow, manager, laboratory, profile, [numbers[0] + 999]) == 0


def test_verify_finds_a_reading_that_the_bytes_do_not_give(
    gateway, session, uow, manager, laboratory, profile
):
    unparsed(gateway)
    gateway.deliver()
    (number,) = ids(session)
    reread(uow, manager, laboratory, profile, [number])
    with UnitOfWork(session) as forging:
        row = session.scalars(select(CaptureReading)).one()
        said = {c.key: getattr(row, c.key) for c in CaptureReading.__table__.columns if c.key != "id"}
        forging.add(CaptureReading(**{**said, "text": "99.9999"}))
        forging.audit("forged", manager, ("capture", number))
        forging.commit()
    assert [line.split(": ")[1] for line in broken(session)] == ["text is not what the bytes say"]


def test_the_page_shows_both_and_keeps_what_is_ticked(
    gateway, app, session, manager_account, laboratory, profile
):
    unparsed(gateway)
    unparsed(gateway)
    gateway.deliver()
    browser = sign_in(app.test_client(), manager_account)
    address = f"/captures/reread?device={laboratory.device}&profile={profile}"
    page = browser.get(address).text
    assert page.count('name="capture_ids"') == 2
    data = {
        "device": laboratory.device,
        "profile": profile,
        "kind": "unparsed",
        "capture_ids": ids(session)[:1],
    }
    again = browser.post("/captures/reread", data={**data, "reason": ""})
    assert again.status_code == 422
    assert page.count("28.4517") == again.text.count("28.4517")
    assert browser.post("/captures/reread", data={**data, "reason": "mended"}).status_code == 302
    assert browser.get(address).text.count('name="capture_ids"') == 1
    for odd in (
        "device=x",
        "device=999&profile=mtsics",
        f"device={laboratory.device}&profile=%00",
        "kind=zz",
    ):
        assert browser.get(f"/captures/reread?{odd}").status_code in (200, 404, 422)
    looked = {"device": laboratory.device, "profile": profile}
    (frame,) = browser.post("/api/captures/readings/look", json=looked).json["frames"]
    assert (frame["old"][0]["kind"], frame["new"][0]["text"]) == ("unparsed", "28.4517")
    kept = {**looked, "capture_ids": [frame["capture_id"]], "reason": "mended"}
    assert browser.post("/api/captures/readings", json=kept).json == {"changed": 1}
